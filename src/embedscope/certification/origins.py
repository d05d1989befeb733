"""Where rows come from, for the header of a repair and for records; the classes of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Index
from embedscope.readers import file_of
from embedscope.sources.paired_vectors import ids_in
from embedscope.transforms.repair import Origin


def name_of(source: Any, otherwise: str) -> str:
    """A source as records call it."""
    return str(source) if isinstance(source, str | Path) else otherwise


def model_origin(source: str, provenance: Provenance) -> Origin:
    """A model that was opened, by the checksum of its weights."""
    return Origin(source, weights_sha256=provenance.models.get(source, {}).get("weights_sha256"))


def file_origins(named: Mapping[str, Any], provenance: Provenance) -> dict[str, Origin]:
    """Files as origins, by their checksum."""
    origins = {}
    for kind, source in named.items():
        if isinstance(source, str | Path):
            path, name = file_of(str(source)), str(source)
            if path.is_file() and "sha256" not in provenance.data.get(name, {}):
                provenance.data[name] = provenance.data.get(name, {}) | file_facts(path, whole=True)
            origins[kind] = Origin(path.name, file_sha256=provenance.data.get(name, {}).get("sha256"))
    return origins


def labels_of(labels: Any, provenance: Provenance) -> Sequence[str]:
    """Classes, from an array, a text file with one per line or ``FILE::COLUMN`` of a table.

    Raises
    ------
    InputError
        if the file cannot be read, or a row has no label.
    """
    if isinstance(labels, str | Path):
        provenance.data[str(labels)] = file_facts(file_of(str(labels)))
    return ids_in(labels, "label")


def check_shared(classes: Index) -> None:
    """Raise ``InputError`` where each of the rows has a class (n,) of its own, of which nothing can be learnt."""
    if len(np.unique(classes)) == len(classes) > 1:
        raise InputError(
            f"the {len(classes):,} labels all differ, so no two rows share a class; wanted the class of each row, not "
            "its id"
        )
