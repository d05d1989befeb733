"""What every verb does with its result: print it, write it, show progress meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from embedscope.core.errors import InputError, MissingExtraError
from embedscope.core.progress import end_progress
from embedscope.core.report_names import is_page

if TYPE_CHECKING:
    from embedscope.core.progress import Progress
    from embedscope.core.result import Result
    from embedscope.reports.console import SafeConsole


_NONE: Mapping[str, str] = MappingProxyType({})


def console(stderr: bool = False) -> SafeConsole:
    """A console on standard output, or on standard error for what is not the result; no progress is drawn any more."""
    from embedscope.reports.console import SafeConsole

    end_progress()
    return SafeConsole(stderr=stderr, highlight=False)


def progress(quiet: bool) -> Progress:
    """Progress bars on standard error; silent where ``quiet``."""
    if quiet:
        from embedscope.core.progress import Silent

        return Silent()
    from embedscope.reports.progress import Bars

    return Bars()


def command_line() -> str:
    """The command as typed, for the provenance, without the program's own path."""
    import shlex

    return shlex.join(["embedscope", *sys.argv[1:]])


def check_report(path: Path | None, *, figures: bool) -> None:
    """Raise ``MissingExtraError`` before any work where a report cannot be written afterwards."""
    if path is None:
        return
    wanted = {"jinja2": "an HTML report"} | ({"matplotlib": "figures"} if figures else {})
    for module, what in wanted.items():
        if find_spec(module) is None:
            raise MissingExtraError.for_extra("report", what)


@dataclass(frozen=True)
class Output:
    """Where the result of a verb goes; made before the work begins, so that what cannot be done fails at once.

    Attributes
    ----------
    json : file for the JSON, ``-`` for standard output
    format : ``text``, ``markdown``, ``junit`` or ``github`` on standard output; ``mteb`` writes to ``report``
    report : one HTML file, or a folder for every form of the result
    quiet : no progress, nothing on standard output but what ``json`` and ``format`` put there
    explain : print every finding with its evidence and every table, not the verdict alone
    """

    json: str | None = None
    format: str = "text"
    report: Path | None = None
    quiet: bool = False
    explain: bool = False

    def __post_init__(self) -> None:
        if self.json == "-" and self.format != "text":
            raise InputError(f"--json - and --format {self.format} both print; write the JSON to a file")
        if self.format == "mteb":
            if self.report is None or not self.is_folder:
                raise InputError("--format mteb writes several files; name a new folder for them, --report DIR")
            return
        if self.report is not None and self.is_folder and self.report.is_file():
            raise InputError(f"--report {self.report} is a file; name a new folder, or a file that ends in .html")
        check_report(self.report, figures=self.is_folder)

    @property
    def is_folder(self) -> bool:
        """Whether the report is a folder; a device or a pipe takes one HTML file, whatever it is called."""
        if self.report is None or is_page(self.report):
            return False
        return not self.report.exists() or self.report.is_dir() or self.report.is_file()

    def progress(self) -> Progress:
        """Progress of the work."""
        return progress(self.quiet)

    def give(
        self, result: Result, *, records: bool = False, lines: tuple[str, ...] = (), forms: Mapping[str, str] = _NONE
    ) -> None:
        """Write and print ``result``.

        ``records`` prints its numbers alone, ``lines`` come last, and ``forms`` are texts of a verb's own that a
        ``--format`` prints in place of those that every result has.
        """
        written = self._write_report(result)
        if self.json is not None and self.json != "-":
            result.to_json(self.json)
        end_progress()
        if self.json == "-":
            sys.stdout.write(result.to_json())
        elif self.format in forms:
            sys.stdout.write(forms[self.format])
        elif self.format in ("markdown", "github"):
            sys.stdout.write(result.to_markdown())
        elif self.format == "junit":
            from embedscope.reports import junit

            sys.stdout.write(junit(result))
        elif not self.quiet:
            from embedscope.reports import print_document, print_result

            out = console()
            if records:
                print_result(result, out, explain=self.explain)
            else:
                print_document(result, out, explain=self.explain)
            for line in (*written, *lines):
                out.say(line)

    def _write_report(self, result: Result) -> tuple[str, ...]:
        if self.report is None:
            return ()
        if self.format == "mteb":
            from embedscope.interchange.mteb_results import write_mteb

            return tuple(f"mteb result: {file}" for file in write_mteb(result, self.report))
        from embedscope.reports import write_folder, write_html

        if self.is_folder:
            page = write_folder(result, self.report)
            return f"report: {page.resolve()}", f"tables, figures, records: {self.report.resolve()}"
        write_html(result, self.report)
        return (f"report: {self.report}",)
