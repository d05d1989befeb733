"""Models of mteb as objects that encode texts: they want batches, and to be told of a task."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from embedscope.core.extras import require
from embedscope.encoders._roles import Role

_BATCH = 32


def is_mteb_model(thing: Any) -> bool:
    """Whether ``thing`` is an encoder of mteb, by what its ``EncoderProtocol`` names."""
    return hasattr(type(thing), "encode") and hasattr(thing, "mteb_model_meta")


def encodes(model: Any, role: Role | None) -> Callable[[list[str]], Any]:
    """What gives the vectors (n, d) of texts in a ``role``; a model picks its prompts for queries and documents by it.

    Texts without a role are those of a task of kind STS, others those of retrieval.
    """
    return partial(_encode, model, role)


def score_of(model: Any) -> str | None:
    """How the model says that its vectors are compared, in our words; None where it says nothing that we have."""
    said = getattr(model.mteb_model_meta, "similarity_fn_name", None)
    value = str(getattr(said, "value", said))
    return value if value in ("cosine", "dot", "euclidean", "manhattan") else None


def _encode(model: Any, role: Role | None, texts: list[str]) -> Any:
    loaders = require("torch.utils.data", "mteb", "a model of mteb")
    tables = require("datasets", "mteb", "a model of mteb")
    kinds = require("mteb.types", "mteb", "a model of mteb")
    prompt_type = None if role is None else kinds.PromptType(role)
    return model.encode(
        loaders.DataLoader(tables.Dataset.from_dict({"text": texts}), batch_size=_BATCH),
        task_metadata=_task("STS" if role is None else "Retrieval"),
        hf_split="test",
        hf_subset="default",
        prompt_type=prompt_type,
        batch_size=_BATCH,
    )


@lru_cache
def _task(kind: str) -> Any:
    """Facts of a task of this kind and no other name than ours, so that no prompt of a task of mteb is chosen."""
    library = require("mteb.abstasks.task_metadata", "mteb", "a model of mteb")
    return library.TaskMetadata(
        name="embedscope",
        description="texts of the caller",
        dataset={"path": "none", "revision": "1"},
        type=kind,
        eval_langs=["eng-Latn"],
        main_score="ndcg_at_10",
    )
