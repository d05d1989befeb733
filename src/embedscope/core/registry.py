"""Lazy registries: names are read from the files of a leaf package without importing them.

Each module of a leaf package states ``IDS``, a literal tuple of the names it gives, and ``ENTRIES``, the mapping from
these names to the objects. ``IDS`` is read from the source with :mod:`ast`, so listing names imports nothing and there
is no index to go stale. Outsiders add entries through entry points of the group ``embedscope.<package>``.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Generic, TypeVar, cast

from embedscope.core.boundary import place_of_error, reason
from embedscope.core.errors import EmbedscopeError, PluginError, UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind ("metric") to the objects that a leaf package ("metrics") and entry points give."""

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package

    @cached_property
    def _modules(self) -> dict[str, str]:
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(f"{self.package} is not a package")
        folder = Path(next(iter(spec.submodule_search_locations)))
        files = sorted(p for p in folder.glob("*.py") if not p.name.startswith("_"))
        return {name: f"{self.package}.{path.stem}" for path in files for name in _ids_of(path)}

    @cached_property
    def _foreign(self) -> dict[str, EntryPoint]:
        group = f"embedscope.{self.package.rpartition('.')[2]}"
        return {point.name: point for point in entry_points(group=group)}

    def names(self) -> list[str]:
        """All names: those of the package in file order, then those of entry points."""
        return [*self._modules, *(n for n in self._foreign if n not in self._modules)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._modules or name in self._foreign

    def get(self, name: str) -> T:
        """The object called ``name``.

        Raises
        ------
        UnknownNameError
            if there is none; the message has the nearest names.
        PluginError
            if a plug-in of that name cannot be loaded; the message says where its error is.
        """
        if name in self._modules:
            return cast(T, importlib.import_module(self._modules[name]).ENTRIES[name])
        if name in self._foreign:
            return cast(T, self._load(self._foreign[name]))
        raise UnknownNameError.for_name(self.kind, name, self.names())

    def _load(self, point: EntryPoint) -> object:
        try:
            return point.load()
        except EmbedscopeError:
            raise
        except Exception as error:
            package = "another package" if point.dist is None else f"the package {point.dist.name}"
            raise PluginError(
                f"the {self.kind} '{point.name}' of {package} cannot be loaded: {type(error).__name__} in "
                f"{place_of_error(error)} ({reason(error)}); correct it there, or uninstall the package"
            ) from error


def _ids_of(path: Path) -> tuple[str, ...]:
    """The literal ``IDS`` of a source file, read without running it; empty where there is none."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name) and target.id == "IDS":
            return cast("tuple[str, ...]", ast.literal_eval(cast(ast.expr, node.value)))
    return ()
