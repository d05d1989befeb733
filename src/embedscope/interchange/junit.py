"""A check as JUnit XML: one test for each number, whose name stays the same from run to run."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from embedscope.core.document import Finding
from embedscope.diagnosis.change import UNCOMPARED, Change
from embedscope.diagnosis.drift import Drift
from embedscope.reports.junit import suite


def check_cases(drift: Drift) -> str:
    """JUnit XML of a check: numbers that drifted fail, those that were not compared are skipped with the reason.

    The type of a failure is the status of its finding: ``warning`` where the number changed for the better.
    """
    document = drift.result.document
    said = dict(zip(map(id, drift.drifted), document.findings, strict=False)) if document is not None else {}
    title = document.title if document is not None else "check"
    return suite(title, [_case(change, said.get(id(change))) for change in drift.changes])


def _case(change: Change, finding: Finding | None) -> Xml.Element:
    record = change.record
    where = ".".join(filter(None, (record.source, record.space)))
    name = " ".join(filter(None, (record.metric, record.variant, record.pooling)))
    case = Xml.Element("testcase", {"classname": where, "name": name})
    if finding is not None:
        Xml.SubElement(case, "failure", {"message": finding.text, "type": finding.status}).text = finding.evidence
    elif change.outcome in UNCOMPARED:
        Xml.SubElement(case, "skipped", {"message": UNCOMPARED[change.outcome]})
    else:
        old, new = (None if r is None else r.value for r in (change.old, change.new))
        values = "undefined in both" if old is None or new is None else f"{old:.4g} then, {new:.4g} now"
        p = "" if change.p is None else f", p = {change.p:.2g}"
        Xml.SubElement(case, "system-out").text = f"{values}{p}"
    return case
