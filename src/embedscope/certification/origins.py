"""Where rows come from, for the header of a repair and for records; the classes of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.fingerprints import file_facts
from embedscope.core.provenance import Provenance
from embedscope.readers import file_of
from embedscope.sources.retrieval_data import read_lines
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
    """Classes, from an array or a text file with one per line."""
    if isinstance(labels, str | Path):
        provenance.data[str(labels)] = file_facts(file_of(str(labels)))
        return read_lines(labels)
    return [str(v) for v in np.asarray(labels).ravel().tolist()]
