"""The help of a verb, in which a narrow terminal folds long names instead of cutting them."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


class Verb(TyperCommand):
    """A verb of the command line."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, with no name cut."""
        fold_tables()
        super().format_help(ctx, formatter)


def fold_tables() -> None:
    """Let the framework draw its tables of options so that cells fold: it names no other way to ask for that."""
    from rich.columns import Columns
    from rich.table import Table
    from typer import rich_utils

    class FoldingTable(Table):
        """A table of options."""

        def add_row(self, *cells: Any, **options: Any) -> None:
            """Add a row and let every column fold."""
            super().add_row(*cells, **options)
            _fold(self)

    class FoldingColumns(Columns):
        """The words about one option."""

        def __rich_console__(self, console: Any, options: Any) -> Any:
            """The table in which they stand, with every column folding."""
            for table in super().__rich_console__(console, options):
                _fold(table)
                yield table

    for name, folding in (("Table", FoldingTable), ("Columns", FoldingColumns)):
        setattr(rich_utils, name, folding)


def _fold(table: Any) -> None:
    for column in getattr(table, "columns", ()):
        column.overflow = "fold"
