"""A result: a table of records with its provenance and, for experiments, the document that explains it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, overload

from embedscope.core.atomic import atomic_path, write_text
from embedscope.core.document import Column, Document, Table
from embedscope.core.errors import InputError, MissingExtraError
from embedscope.core.latex import latex_table
from embedscope.core.markup import html, markdown, records_table
from embedscope.core.printable import csv_text, json_text
from embedscope.core.provenance import provenance_from
from embedscope.core.records import FIELDS, Record
from embedscope.core.schema import check_version, read_as, read_json
from embedscope.core.short_repr import short_repr
from embedscope.core.small_chart import small_chart

SCHEMA_VERSION = 1
_WANTED = "the result.json of a run"


@short_repr
@dataclass(frozen=True)
class Result:
    """Records, where they come from, and what they say.

    Iterating gives the records, ``result[0]`` the first, ``result["isoscore"]`` the record of a metric; ``select``
    filters them, ``value`` reads one number, ``to_*`` write them.

    Examples
    --------
    >>> result = Result((Record("x.npy", "isoscore", 0.2), Record("x.npy", "i1", 0.9)))
    >>> len(result), result["i1"].value, result.value(metric="isoscore")
    (2, 0.9, 0.2)
    """

    records: tuple[Record, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    document: Document | None = None

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    @overload
    def __getitem__(self, key: int | str) -> Record: ...

    @overload
    def __getitem__(self, key: slice) -> tuple[Record, ...]: ...

    def __getitem__(self, key: int | str | slice) -> Record | tuple[Record, ...]:
        """The record at a position, several by a slice, or the single record of a metric by its name.

        Raises
        ------
        InputError
            if no record, or more than one, has the metric; ``select`` gives several.
        IndexError
            if there is no record at the position.
        """
        if isinstance(key, str):
            return self._single({"metric": key})
        if isinstance(key, int) and not -len(self.records) <= key < len(self.records):
            plural = "" if len(self.records) == 1 else "s"
            raise IndexError(f"this result has {len(self.records):,} record{plural}, numbered from 0; got {key}")
        return self.records[key]

    def select(self, **wanted: object) -> tuple[Record, ...]:
        """Records whose fields equal ``wanted``; a list or a set stands for any of its values.

        Examples
        --------
        >>> result = Result((Record("x.npy", "isoscore", 0.2), Record("x.npy", "i1", 0.9)))
        >>> [r.value for r in result.select(source="x.npy", metric=["isoscore", "mean_norm"])]
        [0.2]
        """
        for name in wanted:
            if name not in FIELDS:
                near = difflib.get_close_matches(name, FIELDS, n=1)
                hint = f"did you mean {near[0]}? " if near else ""
                raise InputError(f"records have no field {name}; {hint}the fields are {', '.join(FIELDS)}")
        return tuple(r for r in self.records if all(_matches(getattr(r, k), v) for k, v in wanted.items()))

    def value(self, **wanted: object) -> float | None:
        """Value of the single record that matches ``wanted``.

        Raises
        ------
        InputError
            if no record or several match; the message says which values there are, or what tells them apart.
        """
        return self._single(wanted).value

    def _single(self, wanted: Mapping[str, object]) -> Record:
        records = self.select(**wanted)
        if len(records) == 1:
            return records[0]
        said = ", ".join(f"{k}={v!r}" for k, v in wanted.items()) or "the whole result"
        raise InputError(f"{said} matches {_several(records) if records else self._none(wanted)}")

    def _none(self, wanted: Mapping[str, object]) -> str:
        """Why no record matches: the first field without such a value, and the values that it has."""
        for name, value in wanted.items():
            if self.select(**{name: value}):
                continue
            known = list(dict.fromkeys(getattr(r, name) for r in self.records))
            near = difflib.get_close_matches(str(value), [str(v) for v in known], n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            return f"no record; {hint}{name} is one of {_enumerate(known)}"
        return "no record; each of these values occurs, but not together"

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
        text = json_text(json.dumps(self.as_dict(), indent=1, allow_nan=False, ensure_ascii=False)) + "\n"
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
        r"""Records, or the tables of the document, as LaTeX that fits a page.

        Needs ``\usepackage{booktabs,multirow,graphicx}``. Without ``columns`` (fields of records) spaces are rows and
        metrics are columns, and the best score of each task is bold.
        """
        text = "\n".join(latex_table(t) for t in self._tables(columns))
        if path is not None:
            write_text(path, text)
        return text

    def to_markdown(self, path: str | Path | None = None, columns: Iterable[str] | None = None) -> str:
        """Findings and tables as GitHub-flavoured Markdown; ``columns`` (fields of records) as of ``to_latex``."""
        text = markdown(self._tables(columns), None if columns is not None else self.document)
        if path is not None:
            write_text(path, text)
        return text

    def _repr_html_(self) -> str:
        """The verdict, a chart, the findings and the first table, as a notebook shows them."""
        return html(self._tables(None)[0], self.document, small_chart(self.records, self.document))

    def _tables(self, columns: Iterable[str] | None) -> tuple[Table, ...]:
        if columns is None and self.document is not None and self.document.tables:
            return self.document.tables
        if columns is None:
            return (records_table(self.records),)
        names = tuple(columns)
        rows = tuple(tuple(getattr(r, c) for c in names) for r in self.records)
        return (Table("records", "Records", tuple(Column(c, 4) for c in names), rows),)

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


def _matches(value: object, wanted: object) -> bool:
    return value in wanted if isinstance(wanted, list | tuple | set | frozenset) else value == wanted


def _in_utf8(row: Mapping[str, Any]) -> dict[str, Any]:
    """``row`` with what is not UTF-8 in its texts (names of files) as escapes."""
    return {k: v.encode(errors="backslashreplace").decode() if isinstance(v, str) else v for k, v in row.items()}


def _several(records: Sequence[Record]) -> str:
    """How many records match, and the fields that tell them apart with their values."""
    parts = []
    for name in FIELDS:
        values = list(dict.fromkeys(getattr(r, name) for r in records if not isinstance(getattr(r, name), Mapping)))
        if name not in _NUMBERS and len(values) > 1:
            parts.append(f"{name} ({_enumerate(values)})")
    apart = f"select one by {' or '.join(parts[:3])}" if parts else "use select(...)"
    return f"{len(records)} records; {apart}"


_NUMBERS = {"value", "stderr", "ci_low", "ci_high", "n", "dim", "note", "facts", "exact"}


def _enumerate(values: Sequence[object], most: int = 8) -> str:
    shown = ", ".join(repr(v) for v in values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown


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
