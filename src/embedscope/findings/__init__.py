"""Findings: what a number does to the user, how severe that is, and what to try."""

from embedscope.findings._rule import SEVERITIES, Rule, Severity, Verdict
from embedscope.findings.diagnosis import Diagnosis, diagnose, judged
from embedscope.findings.thresholds import ALL_RULES, thresholds_of

__all__ = ["ALL_RULES", "SEVERITIES", "Diagnosis", "Rule", "Severity", "Verdict", "diagnose", "judged", "thresholds_of"]
