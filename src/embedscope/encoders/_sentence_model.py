"""A sentence-transformers folder run by that library: ``encode``, ``encode_query`` and ``encode_document``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.choices import Score
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.encoders._roles import Overrides, Role
from embedscope.encoders._saved_settings import SavedSettings
from embedscope.encoders.quiet import quiet

_SAME_FOR_ROLES = {
    *("Transformer", "CLIPModel", "Pooling", "Normalize", "Dense", "Dropout", "LayerNorm", "CNN", "LSTM", "BoW"),
    *("StaticEmbedding", "WordEmbeddings", "WordWeights", "WeightedLayerPooling"),
}
_ROLE_SETTINGS = ("query_length", "document_length", "query_expansion")


def same_for_roles(saved: SavedSettings, overrides: Overrides, role: Role) -> bool:
    """Whether ``encode`` gives texts of ``role`` the vector it gives any text, so that they need not be run twice."""
    from embedscope.encoders._pooling import transformer_config

    if not set(saved.kinds) <= _SAME_FOR_ROLES:
        return False
    if any(transformer_config(saved.transformer_folder).get(name) is not None for name in _ROLE_SETTINGS):
        return False
    return saved.prompt(role, overrides) == saved.prompt(None, overrides)


class SentenceModel:
    """The model of ``saved``, loaded when it is first asked for a vector.

    Parameters
    ----------
    device, dtype : where and in what precision it runs
    transformer : a transformer that is loaded already and takes the place of the first module's; None loads it
    seed : of a random initialisation of the modules (after ``transformer``, where it is named); None keeps the weights
    """

    def __init__(
        self,
        saved: SavedSettings,
        overrides: Overrides,
        *,
        device: str,
        dtype: str = "float32",
        trust_remote_code: bool = False,
        transformer: Any = None,
        max_length: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.saved, self._overrides = saved, overrides
        self._device, self._dtype, self._trust = device, dtype, trust_remote_code
        self._transformer, self._max_length, self._seed = transformer, max_length, seed

    @cached_property
    def model(self) -> Any:
        """The ``SentenceTransformer``."""
        library = require("sentence_transformers", "hf", "a sentence-transformers model")
        torch = require("torch", "hf", "a sentence-transformers model")
        dtype = getattr(torch, self._dtype)
        with quiet(bars=True):
            try:
                model = library.SentenceTransformer(
                    str(self.saved.root),
                    device=self._device,
                    trust_remote_code=self._trust,
                    local_files_only=True,
                    model_kwargs={"dtype": dtype},
                )
            except InputError:
                raise
            except (OSError, ValueError, KeyError, TypeError, ImportError, AttributeError, RuntimeError) as error:
                first = (str(error).strip().splitlines() or [type(error).__name__])[0]
                if "trust_remote_code" in str(error):
                    raise InputError(
                        f"{self.saved.root} runs code of its own; where you trust it, add --trust-remote-code "
                        "(trust_remote_code=True in Python)"
                    ) from error
                raise InputError(
                    f"sentence-transformers {library.__version__} could not load {self.saved.root}: {first}"
                ) from error
        if type(getattr(model[0], "model", None)) is type(self._transformer):  # a tower alone cannot stand for both
            model[0].model = self._transformer
        if self._max_length is not None:
            model.max_seq_length = self._max_length
        if self._seed is not None:
            _draw_again(list(model)[0 if self._transformer is None else 1 :], self._seed)
        return model.to(dtype).eval()

    @cached_property
    def dim(self) -> int:
        """Dimensions of a vector, found by encoding one text."""
        return int(self.encode(["a"], None).shape[1])

    @property
    def facts(self) -> Mapping[str, Any]:
        """What decides the vectors beside the transformer, as JSON types."""
        from importlib.metadata import version

        seed = {} if self._seed is None else {"seed": self._seed}
        return seed | {
            "computed by": f"sentence-transformers {version('sentence-transformers')}",
            "modules": list(self.saved.kinds),
            "modules_sha256": self.saved.digest,
        }

    def encode(self, texts: Sequence[str], role: Role | None) -> npt.NDArray[np.float32]:
        """Vectors (n, d) float32 of ``texts`` as the library gives them.

        Raises
        ------
        InputError
            where the library gives none, or not one per text.
        """
        model = self.model
        call = {None: model.encode, "query": model.encode_query, "document": model.encode_document}[role]
        options: dict[str, Any] = {"batch_size": min(64, max(1, len(texts))), "show_progress_bar": False}
        if role is not None and role in self._overrides.prompts:
            options["prompt"] = self._overrides.prompts[role]
        try:
            with quiet():
                rows = call(list(texts), convert_to_tensor=True, **options).float().cpu().numpy()
        except Exception as error:  # modules raise what they like
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            if "sentence_embedding" in first:
                first = f"its modules, {', '.join(self.saved.kinds)}, give no sentence vector"
            raise InputError(f"{self.saved.root} cannot encode {role or 'text'}s: {first}") from error
        if rows.ndim != 2 or len(rows) != len(texts):
            raise InputError(f"{self.saved.root} gave an array of shape {rows.shape} for {len(texts)} texts")
        return np.asarray(rows, dtype=np.float32)


def reading_facts(saved: SavedSettings | None, overrides: Overrides) -> dict[str, Any]:
    """What a record says about how sentence vectors were read; what is the plain case is left out."""
    if saved is None:
        facts: dict[str, Any] = {f"{role} prompt": prompt for role, prompt in overrides.prompts.items()}
        return facts | ({"score": overrides.score} if overrides.score else {})
    roles: dict[str, Role | None] = {"prompt": None, "query prompt": "query", "document prompt": "document"}
    facts = {
        name: saved.prompt(role, overrides)
        for name, role in roles.items()
        if saved.prompt(role, overrides) or (role is not None and role in overrides.prompts)
    }
    if saved.scores_pairs:
        facts["saved as"] = "CrossEncoder, trained to score pairs and not to give vectors"
    used = {"query", "document", saved.default_prompt}
    unused = [name for name, prompt in saved.prompts.items() if prompt and name not in used]
    if unused:
        facts["prompts not used"] = ", ".join(unused)
    if saved.truncate_dim is not None:
        facts["truncate_dim"] = saved.truncate_dim
    score: str | Score = overrides.score or saved.score
    return facts | ({"score": score} if score != "cosine" or overrides.score else {})


def _draw_again(modules: Sequence[Any], seed: int) -> None:
    """Initialise ``modules`` at random, where they have weights."""
    torch = require("torch", "hf", "a random sentence-transformers model")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in modules:
            for part in module.modules():
                reset = getattr(part, "reset_parameters", None)
                if reset is not None:
                    reset()
