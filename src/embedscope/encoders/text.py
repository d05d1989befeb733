"""Text encoders: every layer of a transformer at the positions a pooling reads, in one forward pass a framing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.encoders._checksums import sha256_of
from embedscope.encoders._framing import (
    Framed,
    Framing,
    Subword,
    frame,
    length_limit,
    native_specials,
    special_ids,
)
from embedscope.encoders._info import ModelInfo, Picks
from embedscope.encoders._opening import opens
from embedscope.encoders._roles import OWN, Overrides, Role
from embedscope.encoders._sentence_model import SentenceModel, reading_facts, same_for_roles
from embedscope.encoders._space_names import Spaces
from embedscope.encoders._taps import LayerTaps, NoLayersError
from embedscope.encoders._text_towers import BY_LIBRARY, pad_ids, pooling_of, saved_length, tower_of
from embedscope.encoders.loading import Loaded, choose_device, load, reads_token_types
from embedscope.encoders.sources import Source, find_source
from embedscope.encoders.uris import parse_uri

Vectors = npt.NDArray[np.float32]


class TextEncoder:
    """A text transformer whose every layer can be read; made by :func:`embedscope.encoders.open_encoder`.

    Attributes
    ----------
    info : facts of the model
    spaces : name -> description of each space, in order
    poolings : the poolings that fit the tokenizer
    has_pooled, pooled_width : whether the model defines a sentence vector, and its width
    causal : whether a state depends on the tokens before it alone (found by trying, not by name)
    """

    def __init__(
        self,
        loaded: Loaded,
        source: Source,
        *,
        device: str,
        subword: Subword,
        max_length: int | None,
        overrides: Overrides = Overrides(),  # noqa: B008
        library: SentenceModel | None = None,
    ) -> None:
        self._loaded, self._device, self._subword = loaded, device, subword
        self._saved, self._overrides = source.saved, overrides
        config = loaded.config
        self._taps = LayerTaps(loaded.model, int(config.num_hidden_layers))
        self.spaces: Mapping[str, str] = self._taps.spaces
        self._bos, self._eos = special_ids(loaded.tokenizer)
        self._native = native_specials(loaded.tokenizer)
        self._tower = tower_of(loaded, source)
        self._pooling, reason = pooling_of(loaded, source)
        if library is not None and self._pooling is not None and self._tower is None and reads_token_types(loaded):
            self._pooling, reason = None, BY_LIBRARY
        self._library = library if self._pooling is None and reason == BY_LIBRARY else None
        if not self.has_pooled and (overrides.prompts or overrides.score):
            raise InputError(f"{source.uri.uri} has no sentence vector ({reason}); leave out prompts and the score")
        own_limit = self._pooling.max_length if self._pooling else saved_length(source.saved)
        limit = length_limit(loaded.tokenizer, config, max_length)
        self._max_length = min(limit, own_limit) if max_length is None and own_limit else limit
        self.causal = self._check()
        self.poolings = self._poolings()
        self.info = self._info(source, reason)

    @property
    def has_pooled(self) -> bool:
        """Whether the model defines a sentence vector of its own."""
        return self._pooling is not None or self._library is not None

    @property
    def pooled_width(self) -> int:
        """Dimensions of ``pooled``; 0 where there is none."""
        if self._library is not None:
            return self._library.dim
        if self._pooling is None:
            return 0
        width = int(self._loaded.projection.out_features) if self._tower else self.info.width
        return min(width, self._pooling.truncate_dim or width)

    @property
    def pooled_spaces(self) -> tuple[str, ...]:
        """Names of the sentence vector: ``pooled``, and ``text`` beside it where an image tower has its like."""
        if not self.has_pooled:
            return ()
        return ("pooled", "text") if self._tower else ("pooled",)

    @property
    def score(self) -> str:
        """How sentence vectors are compared: as asked for, as saved with the model, else by cosine."""
        return self._overrides.score or (self._saved.score if self._saved else "cosine")

    @property
    def reading(self) -> Mapping[str, Any]:
        """Prompts, ``truncate_dim``, score and precision, where they depart from plain text, cosine and as saved."""
        if not self.has_pooled:
            return {}
        saved, run = (str(kind).removeprefix("torch.") for kind in (self._loaded.saved_dtype, self._dtype))
        facts = reading_facts(self._saved, self._overrides)
        return facts if saved in {"None", run} else facts | {"weights saved in": f"{saved}, run in {run}"}

    @property
    def _dtype(self) -> Any:
        return next(self._loaded.model.parameters()).dtype

    @property
    def library_facts(self) -> Mapping[str, Any]:
        """What decides ``pooled`` beside the transformer where sentence-transformers computes it; else nothing."""
        return {} if self._library is None else self._library.facts

    def role_pooling(self, role: Role | None) -> str | None:
        """The pooling for texts of ``role``: None, as for any text, where the model makes no difference."""
        if role is None or not self.has_pooled:
            return None
        if self._library is not None and self._saved is not None:
            return None if same_for_roles(self._saved, self._overrides, role) else role
        return None if self._prompt(role) == self._prompt(None) else role

    def _prompt(self, role: Role | None) -> str:
        if self._saved is not None:
            return self._saved.prompt(role, self._overrides)
        return self._overrides.prompts.get(role, "") if role else ""

    @property
    def device(self) -> str:
        """Where the model runs."""
        return self._device

    def widths(self, pooling: str | None) -> dict[str, int]:
        """Dimensions of every space of a pooling; None and roles have ``pooled``, and ``text`` for a text tower."""
        if pooling in OWN:
            return dict.fromkeys(self.pooled_spaces, self.pooled_width)
        return dict.fromkeys(self.spaces, self.info.width)

    def framing(self, pooling: str | None) -> Framing:
        """Specials and length of a pooling.

        None, "query" and "document" are the model's own for ``pooled``; "native" is the tokenizer's.
        """
        if pooling in OWN:
            return self._own_framing(pooling)  # type: ignore[arg-type]
        if pooling == "native":
            return Framing(*self._native, self._max_length)
        if pooling not in self.poolings:
            raise InputError(f"{self.info.uri} has no pooling '{pooling}'; it has {', '.join(self.poolings)}")
        if pooling == "plain":
            return Framing(max_length=self._max_length)
        return Framing(self._ids(self._bos), self._ids(self._eos), self._max_length)

    def _own_framing(self, role: Role | None) -> Framing:
        prompt = self._prompt(role)
        if self._library is not None:
            return Framing(*self._native, self._max_length, prompt, True, role or "text")
        if self._pooling is None:
            raise InputError(f"{self.info.uri} has no pooled vector: {self.info.policies['pooled']}")
        own = (self._ids(self._bos), self._ids(self._eos)) if self._pooling.mode == "clip" else self._native
        return Framing(*own, min(self._max_length, self._pooling.max_length or self._max_length), prompt, True)

    def tokenize(self, texts: Sequence[str], pooling: str | None = "plain") -> Framed:
        """Token ids of ``texts`` in the framing of a pooling, with the texts that were cut."""
        return frame(self._loaded.tokenizer, texts, self.framing(pooling))

    def frame(self, texts: Sequence[str], framing: Framing) -> Framed:
        """Token ids of ``texts`` in a ``framing``."""
        return frame(self._loaded.tokenizer, texts, framing)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span of each token of ``text`` (specials not counted)."""
        if not self._loaded.tokenizer.is_fast:
            raise InputError(f"{self.info.uri} has a tokenizer without character offsets; it cannot find words")
        encoding = self._loaded.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return [(int(a), int(b)) for a, b in encoding["offset_mapping"]]

    def encode(
        self, texts: Sequence[str], poolings: Sequence[str | None], pooled: bool = False
    ) -> dict[str | None, dict[str, Vectors]]:
        """Vectors of ``texts`` in every space, one padded forward pass for each different framing.

        Returns
        -------
        pooling -> {space: (n, d) float32}; the key None holds ``pooled`` where it is asked for, "query" and "document"
        that of texts in these roles.
        """
        wanted = list(dict.fromkeys([*poolings, *([None] if pooled else [])]))
        out: dict[str | None, dict[str, Vectors]] = {}
        for framing, group in self.group(wanted).items():
            framed = self.frame(texts, framing)
            out |= self.encode_framed(framed, range(len(texts)), group)
        return {pooling: out[pooling] for pooling in wanted}

    def group(self, poolings: Sequence[str | None]) -> dict[Framing, list[str | None]]:
        """Settings that share one forward pass, by their framing."""
        groups: dict[Framing, list[str | None]] = {}
        for pooling in poolings:
            groups.setdefault(self.framing(pooling), []).append(pooling)
        return groups

    def encode_framed(
        self, framed: Framed, indices: Sequence[int], poolings: Sequence[str | None]
    ) -> dict[str | None, dict[str, Vectors]]:
        """Vectors of the texts ``indices`` of ``framed`` for poolings of its framing, in one forward pass."""
        if framed.framing.library:
            role = None if framed.framing.library == "text" else framed.framing.library
            assert self._library is not None
            own = self._library.encode([framed.texts[i] for i in indices], role)  # type: ignore[arg-type]
            return {pooling: Spaces(dict.fromkeys(self.pooled_spaces, own)) for pooling in poolings}
        ids = [framed.ids[i] for i in indices]
        named = [s for s in poolings if s is not None and s not in OWN]
        rows: list[int] = []
        cols: list[int] = []
        owners: list[int] = []
        for k, pooling in enumerate(named):
            for row, i in enumerate(indices):
                positions = framed.positions(i, pooling, self._subword)
                rows += [row] * len(positions)
                cols += positions
                owners += [k * len(ids) + row] * len(positions)
        states, pooled = self.read(ids, Picks(rows, cols, owners), pooled=len(named) < len(poolings))
        out: dict[str | None, dict[str, Vectors]] = {
            pooling: Spaces({name: x[k * len(ids) : (k + 1) * len(ids)] for name, x in states.items()})
            for k, pooling in enumerate(named)
        }
        if pooled is None:
            return out
        return out | {s: Spaces(dict.fromkeys(self.pooled_spaces, pooled)) for s in poolings if s in OWN}

    def read(
        self, ids: Sequence[Sequence[int]], picks: Picks, *, pooled: bool = False
    ) -> tuple[dict[str, Vectors], Vectors | None]:
        """States of framed token ``ids`` at ``picks`` in every space (m, d), and the pooled vectors (n, p) if asked."""
        import torch

        with torch.inference_mode():
            lengths = torch.tensor([len(i) for i in ids], device=self._device)
            if pooled and self._tower is not None:
                self._tower.check(ids)
            batch, mask = self._pad_ids(ids)
            rows, cols = (
                torch.tensor(list(x), device=self._device, dtype=torch.long) for x in (picks.rows, picks.cols)
            )
            owners = None
            if picks.owners is not None and len(set(picks.owners)) < len(picks.owners):
                owners = torch.tensor(list(picks.owners), device=self._device, dtype=torch.long)
            states, last = self._taps.run(batch, mask, rows, cols, owners)
            stacked = torch.stack(list(states.values())).cpu().numpy() if len(rows) else None
            vectors = {name: stacked[i] for i, name in enumerate(states)} if stacked is not None else {}
            if not pooled or self._pooling is None:
                return vectors, None
            return vectors, self._pooling.apply(last, lengths, self._loaded.projection).cpu().numpy()

    def _pad_ids(self, ids: Sequence[Sequence[int]]) -> tuple[Any, Any]:
        """Ids (n, length) padded on the right; a mask only where padding could be seen."""
        fixed = self._tower.fixed_length if self._tower else None
        return pad_ids(ids, self._loaded.tokenizer.pad_token_id, self._device, masked=not self.causal, fixed=fixed)

    def _ids(self, special: int | None) -> tuple[int, ...]:
        return () if special is None else (special,)

    def _poolings(self) -> tuple[str, ...]:
        both = self._bos is not None and self._eos is not None
        return ("plain", *(["bos_eos"] if both else []), *(["eos"] if self._eos is not None else []))

    def _check(self) -> bool:
        """Whether the model is causal; raises where the last space is not the model's own output."""
        import torch

        with torch.inference_mode():
            own = [int(self._loaded.config.vocab_size * part) for part in (0.17, 0.31, 0.47, 0.61, 0.79)]
            batch = torch.tensor([own, [*own[:4], own[0]]], device=self._device)
            rows, cols = torch.tensor([0, 1], device=self._device), torch.tensor([3, 3], device=self._device)
            states, last = self._taps.run(batch, None, rows, cols)
            top = states[list(states)[-1]]
            if not torch.allclose(top, last[:, 3].float(), rtol=1e-4, atol=1e-5):
                raise NoLayersError(
                    f"the last block of {type(self._loaded.model).__name__} is not its output, so its layers cannot be "
                    "read"
                )
            return bool((top[0] - top[1]).abs().max() <= 1e-4 * top.abs().max())

    def _info(self, source: Source, pooled: str) -> ModelInfo:
        config = self._loaded.config
        bos, eos = (self._loaded.tokenizer.convert_ids_to_tokens(i) if i is not None else None for i in self._specials)
        policies = {
            "dtype": str(self._dtype).removeprefix("torch."),
            "device": self._device,
            "subword": self._subword,
            "truncation": f"text cut at {self._max_length} tokens, specials kept",
            "padding": self._tower.padding if self._tower else "right; masked where a state could see it",
            "bos": bos,
            "eos": eos,
            "native": [len(x) for x in self._native],
            "pooled": str(self._pooling) if self._pooling else pooled,
            **self.library_facts,
            **self.reading,
            "weights": source.weights_format if source.weights else "random initialisation",
            "attention": "causal" if self.causal else "bidirectional",
        } | dict(self._tower.policies if self._tower else {})
        return ModelInfo(
            uri=source.uri.uri,
            name=source.uri.name,
            kind=self._kind(source),
            architecture=type(self._loaded.model).__name__,
            revision=source.revision,
            weights_sha256=self._loaded.weights_sha256,
            tokenizer_sha256=source.tokenizer_sha256,
            config_sha256=sha256_of(source.folder / "config.json"),
            width=int(config.hidden_size),
            n_layers=len(self._taps.blocks),
            max_length=self._max_length,
            licence=source.licence,
            policies=policies,
        )

    def _kind(self, source: Source) -> str:
        """Training objective as far as the model tells: CLIP and sentence encoders are trained contrastively."""
        if source.weights is None:
            return "random"
        guess = "contrastive" if self.has_pooled else "causal" if self.causal else "unknown"
        return source.kind or guess

    @property
    def _specials(self) -> tuple[int | None, int | None]:
        return self._bos, self._eos


@opens
def open_encoder(  # noqa: PLR0913
    uri: str,
    *,
    device: str = "auto",
    dtype: str = "float32",
    trust_remote_code: bool = False,
    subword: Subword = "last",
    max_length: int | None = None,
    seed: int = 0,
    query_prompt: str | None = None,
    document_prompt: str | None = None,
    score: str | None = None,
) -> TextEncoder:
    """Open the text encoder that ``uri`` names.

    Parameters
    ----------
    uri : alias, ``hf:NAME[@REVISION]``, ``hf:FOLDER[?gguf=FILE]``, ``st:NAME``, ``...#text``, ``random:...``
    device : "auto", "cpu", "cuda" or "mps"
    dtype : of the forward pass; vectors are float32
    subword : which of a word's subtokens is its vector: "last", "first" or their "mean"
    max_length : tokens at which texts are cut; None is the model's own limit
    seed : of a random initialisation (``random:``)
    query_prompt, document_prompt : in place of the model's own prompts for queries and documents; "" is none
    score : cosine, dot, euclidean or manhattan, in place of the one saved with the model

    Raises
    ------
    DataUnavailableError
        where the model is not on this machine and cannot be fetched.
    ChecksumError
        where an alias's weight file is not the one it promises.
    """
    if subword not in get_args(Subword):
        raise InputError(f"subword must be one of {', '.join(get_args(Subword))}, got '{subword}'")
    parsed = parse_uri(uri)
    if parsed.tower == "image":
        raise InputError(f"'{uri}' is an image tower and reads no texts; open it with open_image_encoder")
    source = find_source(parsed)
    where = choose_device(device)
    loaded = load(source, device=where, dtype=dtype, trust_remote_code=trust_remote_code, seed=seed)
    overrides = Overrides(query_prompt, document_prompt, score)
    library = None
    if source.saved is not None:
        library = SentenceModel(
            source.saved,
            overrides,
            device=where,
            dtype=dtype,
            trust_remote_code=trust_remote_code,
            transformer=None if source.saved.kinds[0] == "CLIPModel" else loaded.model,
            max_length=max_length,
            seed=seed if source.weights is None else None,
        )
    how: dict[str, Any] = {"subword": subword, "max_length": max_length}
    return TextEncoder(loaded, source, device=where, overrides=overrides, library=library, **how)
