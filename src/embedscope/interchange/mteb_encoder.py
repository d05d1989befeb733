"""Our encoders as encoders of mteb, so that they run its tasks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.progress import Silent
from embedscope.core.provenance import Provenance
from embedscope.encoders import Role, role_pooling, score_of
from embedscope.interchange.scores import file_name
from embedscope.sources.models import SpaceName, extract_texts, model_spaces, open_text_model
from embedscope.sources.options import ModelOptions
from embedscope.sources.single_space import single_space

Vectors = npt.NDArray[Any]


class MtebEncoder:
    """A model of ours as mteb's ``EncoderProtocol``: ``mteb.evaluate(MtebEncoder("minilm"), tasks)``.

    Texts are read in the model's own text vector, or in the layer that ``layers`` and ``pooling`` name; queries and
    documents with the prompts saved with the model. Vectors are compared as the model has it.

    Parameters
    ----------
    model : name of a model, or an object that encodes texts
    revision : of the results; the beginning of the sha256 of the weights where it is None
    options : fields of ``ModelOptions``: ``device``, ``dtype``, ``layers``, ``pooling``, ``cache``, prompts, ``score``

    Raises
    ------
    InputError, DataUnavailableError, MissingExtraError
        as ``evaluate``, when it is made.
    """

    def __init__(self, model: Any, revision: str | None = None, *, device: str | None = None, **options: Any) -> None:
        from embedscope.encoders import source_name

        uri = str(source_name(model))
        self._options = ModelOptions.of({"device": device or "auto", **options})
        provenance = Provenance()
        self._model = open_text_model(uri, self._options, provenance)
        self._space: SpaceName = single_space(
            model_spaces(self._model, uri, self._options, "one", provenance, Silent())
        )
        self._uri, self._own = uri, self._space.pooling is None
        weights = provenance.models[uri].get("weights_sha256")
        self._revision = revision or (str(weights)[:16] if weights else "no_revision_available")

    def encode(self, inputs: Any, *, prompt_type: Any = None, **about: Any) -> Vectors:
        """Vectors (n, d) float32 of the texts of ``inputs``, batches with the key ``text``.

        Parameters
        ----------
        prompt_type : mteb's: ``query``, ``document`` or None
        about : what mteb says of the task; it changes nothing

        Raises
        ------
        InputError
            if a batch has no texts.
        """
        texts: list[str] = []
        for batch in inputs:
            if "text" not in batch:
                raise InputError(f"{self._uri} reads texts, and this task has {', '.join(map(str, batch))}")
            texts += [str(text) for text in batch["text"]]
        from embedscope.encoders import TextEncoder

        role: Role | None = None
        if prompt_type is not None:
            role = "query" if getattr(prompt_type, "value", prompt_type) == "query" else "document"
        pooling = role_pooling(self._model, role) if self._own else self._space.pooling
        vectors: Any = self._model
        if isinstance(self._model, TextEncoder):
            vectors = extract_texts(self._model, texts, [pooling], self._options, Silent())
        return np.asarray(vectors.matrix(pooling, self._space.space, texts), dtype=np.float32)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """How near each of (m, d) is to each of (n, d), a tensor (m, n), more is nearer."""
        torch = require("torch", "hf", "an encoder of mteb")
        a, b = _matrix(embeddings1), _matrix(embeddings2)
        if self.score in {"euclidean", "manhattan"}:
            from scipy.spatial.distance import cdist

            return torch.from_numpy(-cdist(a, b, "euclidean" if self.score == "euclidean" else "cityblock"))
        if self.score == "cosine":
            a, b = _unit(a), _unit(b)
        return torch.from_numpy(a @ b.T)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """How near row i of one (n, d) is to row i of the other, a tensor (n,), more is nearer."""
        torch = require("torch", "hf", "an encoder of mteb")
        a, b = _matrix(embeddings1), _matrix(embeddings2)
        if self.score in {"euclidean", "manhattan"}:
            return torch.from_numpy(-np.linalg.norm(a - b, ord=2 if self.score == "euclidean" else 1, axis=1))
        if self.score == "cosine":
            a, b = _unit(a), _unit(b)
        return torch.from_numpy(np.einsum("ij,ij->i", a, b))

    @property
    def score(self) -> str:
        """How vectors are compared: as saved with the model for its own text vector, else by the cosine."""
        return score_of(self._model) if self._own else self._options.score or "cosine"

    @property
    def mteb_model_meta(self) -> Any:
        """Facts of the model as mteb's ``ModelMeta``, unknown ones empty."""
        library = require("mteb.models.model_meta", "mteb", "an encoder of mteb")
        functions = {"cosine": "COSINE", "dot": "DOT_PRODUCT", "euclidean": "EUCLIDEAN"}
        name = " ".join([self._uri, *([] if self._own else [str(self._space.pooling), self._space.space])])
        facts: dict[str, Any] = {"name": f"embedscope/{file_name(name)}", "revision": self._revision}
        if self.score in functions:
            facts["similarity_fn_name"] = library.ScoringFunction[functions[self.score]]
        return library.ModelMeta.create_empty(facts)


def _matrix(x: Any) -> npt.NDArray[np.float64]:
    rows = np.asarray(x.detach().cpu() if hasattr(x, "detach") else x, dtype=np.float64)
    return rows[None] if rows.ndim == 1 else rows


def _unit(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(norm > 0, norm, 1.0)
