"""Parts of data sets for quick runs, each with a description of the part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from embedscope.core.ids import hash_sample, hash_texts
from embedscope.core.tables import Data, Labels, Pairs
from embedscope.evaluation.scoring import Job


def subsample(job: Job, *, pairs: int | None = None, labels: int | None = None, seed: int = 0) -> Job:
    """``job`` with at most the first ``pairs`` scored pairs, or a hash sample of ``labels`` labelled rows.

    A job that is small enough is returned as it is; otherwise ``subset`` describes the part.
    """
    relations = {
        n: r for n, r in job.data.relations.items() if isinstance(r, Pairs | Labels) and r.table in job.task.tables
    }
    for name, relation in relations.items():
        if isinstance(relation, Pairs) and pairs is not None and len(relation.gold) > pairs:
            subset = f"first {pairs:,} of {len(relation.gold):,} pairs"
            return replace(job, data=_first_pairs(job.data, name, relation, pairs), subset=subset)
        if isinstance(relation, Labels) and labels is not None and len(relation.gold) > labels:
            subset = f"{labels:,} of {len(relation.gold):,} words, sampled by hash"
            return replace(job, data=_sample_labels(job.data, name, relation, labels, seed), subset=subset)
    return job


def _first_pairs(data: Data, name: str, relation: Pairs, k: int) -> Data:
    left, right = relation.left[:k], relation.right[:k]
    used, positions = np.unique(np.concatenate([left, right]), return_inverse=True)
    table = data.tables[relation.table]
    rows = replace(
        table,
        texts=tuple(table.texts[i] for i in used),
        clusters=tuple(table.clusters[i] for i in used) if table.clusters else (),
    )
    part = replace(
        relation, left=positions[:k], right=positions[k:], gold=relation.gold[:k], subset=relation.subset[:k]
    )
    return replace(data, tables={**data.tables, relation.table: rows}, relations={**data.relations, name: part})


def _sample_labels(data: Data, name: str, relation: Labels, k: int, seed: int) -> Data:
    table = data.tables[relation.table]
    sample = hash_sample(hash_texts(table.texts), k, seed)
    rows = replace(table, texts=tuple(table.texts[i] for i in sample))
    part = replace(relation, gold=relation.gold[sample])
    return replace(data, tables={**data.tables, relation.table: rows}, relations={**data.relations, name: part})
