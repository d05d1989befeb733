"""Findings: what a number does to the user, how severe that is, and what to try."""

from embedscope.diagnosis.diagnose import Diagnosis, diagnose, judge
from embedscope.diagnosis.rule import SEVERITIES, Rule, Severity, Verdict
from embedscope.diagnosis.thresholds import ALL_RULES, thresholds_of

__all__ = ["ALL_RULES", "SEVERITIES", "Diagnosis", "Rule", "Severity", "Verdict", "diagnose", "judge", "thresholds_of"]
