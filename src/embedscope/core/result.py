"""A result: a table of records with its provenance and, for experiments, the document that explains it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from embedscope.core.atomic import atomic_path, write_text
from embedscope.core.document import Column, Document, Table
from embedscope.core.errors import InputError, MissingExtraError
from embedscope.core.printable import csv_text, latex_label
from embedscope.core.provenance import provenance_from
from embedscope.core.records import FIELDS, Record
from embedscope.core.schema import check_version, read_as, read_json

SCHEMA_VERSION = 1
_WANTED = "the result.json of a run"


@dataclass(frozen=True)
class Result:
    """Records, where they come from, and what they say.

    Iterating gives the records; ``select`` filters them; ``to_*`` write them.
    """

    records: tuple[Record, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    document: Document | None = None

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def select(self, **wanted: object) -> tuple[Record, ...]:
        """Records whose fields equal ``wanted`` (``metric="isoscore", space="final"``)."""
        unknown = set(wanted) - set(FIELDS)
        if unknown:
            raise InputError(f"records have no field {sorted(unknown)}; they have {', '.join(FIELDS)}")
        return tuple(r for r in self.records if all(getattr(r, k) == v for k, v in wanted.items()))

    def value(self, **wanted: object) -> float | None:
        """Value of the single record that matches ``wanted``; an error if there are none or several."""
        found = self.select(**wanted)
        if len(found) != 1:
            raise InputError(f"{wanted} matches {len(found)} records, wanted one; add fields to tell them apart")
        return found[0].value

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON types (nan and inf cannot occur: undefined values are null with a note)."""
        out: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "provenance": dict(self.provenance),
            "records": [r.as_dict() for r in self.records],
        }
        if self.document is not None:
            out["document"] = asdict(self.document)
        return out

    def to_json(self, path: str | Path | None = None) -> str:
        """JSON text; written atomically where ``path`` is given."""
        text = json.dumps(self.as_dict(), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        if path is not None:
            write_text(path, text)
        return text

    def to_csv(self, path: str | Path | None = None) -> str:
        """Records as comma-separated text with a header."""
        text = csv_text(FIELDS, (r.flat() for r in self.records))
        if path is not None:
            write_text(path, text)
        return text

    def to_parquet(self, path: str | Path) -> None:
        """Records as a Parquet file, provenance in its metadata."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = {"value": pa.float64(), "stderr": pa.float64(), "ci_low": pa.float64(), "ci_high": pa.float64()}
        kinds |= {"n": pa.int64(), "dim": pa.int64(), "units": pa.int64(), "exact": pa.bool_()}
        schema = pa.schema([(name, kinds.get(name, pa.string())) for name in FIELDS])
        table = pa.Table.from_pylist([_in_utf8(r.flat()) for r in self.records], schema=schema)
        meta = {"embedscope": json.dumps({"schema_version": SCHEMA_VERSION, "provenance": dict(self.provenance)})}
        with atomic_path(path) as part:
            pq.write_table(table.replace_schema_metadata(meta), part)

    def to_pandas(self) -> Any:
        """Records as a pandas DataFrame (pandas is not a dependency; the error gives the install line)."""
        try:
            import pandas
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                "a pandas DataFrame needs pandas, which is not installed: pip install pandas"
            ) from error
        return pandas.DataFrame([r.as_dict() for r in self.records], columns=list(FIELDS))

    def to_latex(self, path: str | Path | None = None, columns: Iterable[str] | None = None) -> str:
        """Records, or the document's tables where there is one, as booktabs LaTeX."""
        if columns is None and self.document is not None and self.document.tables:
            text = "\n".join(latex_table(t) for t in self.document.tables)
        else:
            names = tuple(columns or _filled(self.records))
            rows = tuple(tuple(getattr(r, c) for c in names) for r in self.records)
            text = latex_table(Table("records", "Records", tuple(Column(c, 4) for c in names), rows))
        if path is not None:
            write_text(path, text)
        return text

    @classmethod
    def from_json(cls, source: str | Path) -> Result:
        """Read a result file; raises ``InputError`` where it is not one or has a newer schema."""
        data = read_json(source, _WANTED)
        check_version(data, "schema_version", SCHEMA_VERSION, source, "a result file of embedscope")
        if unknown := set(data) - {"schema_version", "provenance", "records", "document"}:
            raise InputError(f"{source} has the unknown field '{min(unknown)}'; pass {_WANTED}")
        if missing := {"provenance", "records"} - set(data):
            raise InputError(f"{source} lacks the field '{min(missing)}'; pass {_WANTED}")
        document = data.get("document")
        return cls(
            read_as(tuple[Record, ...], data["records"], source, "records"),
            provenance_from(data["provenance"], source),
            None if document is None else _document(document, source),
        )


def _in_utf8(row: Mapping[str, Any]) -> dict[str, Any]:
    """``row`` with what is not UTF-8 in its texts (names of files) as escapes."""
    return {k: v.encode(errors="backslashreplace").decode() if isinstance(v, str) else v for k, v in row.items()}


def latex_table(table: Table) -> str:
    """``table`` as a LaTeX ``table`` environment with booktabs rules, numbers right-aligned."""
    numeric = [any(isinstance(row[i], int | float) for row in table.rows) for i in range(len(table.columns))]
    head = " & ".join(_tex(c.title) for c in table.columns)
    body = [" & ".join(_tex(cell(v, c.digits)) for v, c in zip(row, table.columns, strict=True)) for row in table.rows]
    caption = _tex(f"{table.title}. {table.caption}".strip())
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{caption}}}",
            rf"\label{{tab:{latex_label(table.id)}}}",
            rf"\begin{{tabular}}{{{''.join('r' if n else 'l' for n in numeric)}}}",
            r"\toprule",
            head + r" \\",
            r"\midrule",
            *(line + r" \\" for line in body),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def cell(value: object, digits: int | None) -> str:
    """A table cell as text: numbers to ``digits`` places, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return f"{value:.{digits}f}" if digits is not None else f"{value:.6g}"


def _filled(records: Iterable[Record]) -> list[str]:
    rows = list(records)
    return [name for name in FIELDS if any(getattr(r, name) is not None for r in rows)]


def _tex(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in " ".join(text.splitlines()))


def _document(data: Any, source: str | Path) -> Document:
    document: Document = read_as(Document, data, source, "document")
    for i, table in enumerate(document.tables):
        if any(len(row) != len(table.columns) for row in table.rows):
            raise InputError(
                f"{source}: a row of document.tables[{i}] has not the {len(table.columns)} cells of its columns"
            )
    for i, figure in enumerate(document.figures):
        for j, series in enumerate(figure.series):
            if any(len(y) != len(series.x) for y in (series.y, series.low, series.high) if y is not None):
                raise InputError(f"{source}: document.figures[{i}].series[{j}] has not one y for each x")
    for i, scatter in enumerate(document.scatters):
        if any(len(p.x) != len(p.y) for p in scatter.points):
            raise InputError(f"{source}: document.scatters[{i}] has not one y for each x")
    return document
