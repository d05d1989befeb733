"""Results as JUnit XML, which CI systems show as tests."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from embedscope.core.document import Finding
from embedscope.core.printable import printable
from embedscope.core.records import Record
from embedscope.core.result import Result

FAILING = ("serious", "warning", "deviates")
_COUNTED = {"failures": "failure", "skipped": "skipped"}


def junit(result: Result) -> str:
    """One test case per finding; where there are none, one for the answer and one per record with its number.

    A finding fails where it is a warning or worse, or a claim that deviates; a record without a value is skipped.

    >>> from embedscope.core.records import Record
    >>> print(junit(Result((Record("x.npy", "i1", None, note="why"),))))  # doctest: +ELLIPSIS
    <?xml version='1.0' encoding='utf-8'?>
    <testsuites><testsuite name="embedscope" tests="1" failures="0" skipped="1"><testcase ...
    """
    document = result.document
    title = document.title if document is not None else "embedscope"
    cases = [_case(title, f) for f in document.findings] if document is not None and document.findings else []
    if not cases:
        if document is not None and (answer := document.headline) is not None:
            cases.append(_case(title, Finding(answer.text, answer.status, evidence=answer.evidence)))
        for r in result:
            where = ".".join(filter(None, (r.source, r.pooling, r.space)))
            case = Xml.Element("testcase", {"classname": where, "name": r.metric})
            if r.value is None:
                Xml.SubElement(case, "skipped", {"message": r.note or "undefined"})
            else:
                Xml.SubElement(case, "system-out").text = _number(r)
            cases.append(case)
    return suite(title, cases)


def suite(title: str, cases: Sequence[Xml.Element]) -> str:
    """Test cases as the text of a JUnit file."""
    counts = {name: sum(case.find(tag) is not None for case in cases) for name, tag in _COUNTED.items()}
    attributes = {"name": title, "tests": str(len(cases))} | {name: str(n) for name, n in counts.items()}
    root = Xml.Element("testsuites")
    Xml.SubElement(root, "testsuite", attributes).extend(cases)
    for element in root.iter():  # XML has no control characters, not even as references
        element.attrib = {name: printable(value) for name, value in element.attrib.items()}
        element.text = None if element.text is None else printable(element.text)
    text: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return text.decode() + "\n"


def _number(record: Record) -> str:
    """``0.834 (95 % interval 0.823 to 0.844), n 600``."""
    text = f"{record.value:.6g}"
    if record.ci_low is not None and record.ci_high is not None:
        text += f" (95 % interval {record.ci_low:.6g} to {record.ci_high:.6g})"
    return text + (f", n {record.n}" if record.n else "")


def _case(title: str, finding: Finding) -> Xml.Element:
    case = Xml.Element("testcase", {"classname": title, "name": finding.text})
    detail = "\n".join(
        filter(None, (finding.evidence, finding.harm, f"try: {finding.remedy}" if finding.remedy else ""))
    )
    if finding.status in FAILING:
        Xml.SubElement(case, "failure", {"message": finding.text, "type": finding.status}).text = detail
    elif detail:
        Xml.SubElement(case, "system-out").text = detail
    return case
