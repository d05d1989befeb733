"""Training one network: the same batches for every arm of a family, and a stop at any step that can be resumed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.atomic import atomic_folder, atomic_path
from embedscope.core.cache import cache_folder
from embedscope.core.progress import Progress
from embedscope.encoders.quiet import quiet
from embedscope.experiments._objectives2026.arms import CONTEXT, Arm, Size
from embedscope.experiments._objectives2026.corpus import Corpus

FACTS = "training.json"
SAVE_EVERY = 100
"""Steps between two checkpoints."""

DECIDES = ("layers", "width", "heads", "vocabulary", "steps", "images", "rate", "bfloat16")
"""What of a size decides the weights; the rest is how many networks there are and how they are measured."""

_WARM_UP = 0.1
_DECAY = 0.01
_CLIP = 1.0


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights of one network."""

    arm: Arm
    size: Size
    seed: int
    texts: str
    device: str

    @property
    def key(self) -> str:
        """Its name on the disk: the arm, the seed and a hash of everything else."""
        size = {name: getattr(self.size, name) for name in DECIDES}
        facts = json.dumps([asdict(self.arm), size, self.texts, self.device], sort_keys=True)
        return f"{self.arm.id}-{self.seed}-{hashlib.sha256(facts.encode()).hexdigest()[:12]}"

    @property
    def folder(self) -> Path:
        """Folder of the trained network, readable as ``hf:FOLDER``."""
        return cache_folder() / "objectives2026" / self.key

    @property
    def checkpoint(self) -> Path:
        """State of an unfinished training."""
        return self.folder.with_suffix(".checkpoint.pt")


class Trainer:
    """One network, its optimiser and its batches.

    Batch ``s`` depends on the seed and ``s`` alone, so that all arms of a family see the same texts in the same order,
    and a training that was stopped goes on as if it had not been.
    """

    def __init__(self, recipe: Recipe, corpus: Corpus) -> None:
        import torch
        from transformers import GPT2Config, GPT2Model

        self.recipe, self._texts, self._tokenizer = recipe, corpus.texts, corpus.tokenizer
        self._ids, self._held_out = corpus.ids, corpus.held_out
        tokenizer, texts, size = corpus.tokenizer, corpus.texts, recipe.size
        torch.manual_seed(recipe.seed)
        config = GPT2Config(
            vocab_size=len(tokenizer),
            n_embd=size.width,
            n_layer=size.layers,
            n_head=size.heads,
            n_positions=CONTEXT,
            activation_function="gelu_pytorch_tanh",  # GPT-2's own function in one kernel
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
        )
        network: Any = GPT2Model(config)  # its ``to`` takes no text by its types
        self.model = network.to(recipe.device)
        if size.bfloat16:  # the fused attention of a processor is slower in it than plain products
            self.model.set_attn_implementation("eager")
        self._head: Any = None
        trained = list(self.model.parameters())
        if recipe.arm.contrast == "image":
            assert texts.features is not None
            self._head = torch.nn.Linear(texts.features.shape[2], size.width).to(recipe.device)
            trained += list(self._head.parameters())
        self._trained = trained
        self._optimiser = torch.optim.AdamW(trained, lr=size.rate, weight_decay=_DECAY)
        self.step = 0

    def train(self, until: int, progress: Progress) -> None:
        """Updates up to step ``until``, with a checkpoint now and then."""
        import torch

        self.model.train()
        while self.step < until:
            for group in self._optimiser.param_groups:
                group["lr"] = self.recipe.size.rate * schedule(self.step, self.recipe.size.steps)
            loss = self._loss(self.step)
            self._optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._trained, _CLIP)
            self._optimiser.step()
            self.step += 1
            progress.advance(1)
            if self.step % SAVE_EVERY == 0 and self.step < self.recipe.size.steps:
                self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        import torch

        self.recipe.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        state = {"model": self.model.state_dict(), "optimiser": self._optimiser.state_dict(), "step": self.step}
        if self._head is not None:
            state["head"] = self._head.state_dict()
        with atomic_path(self.recipe.checkpoint) as part:
            torch.save(state, part)

    def resume(self) -> None:
        """Go on from the checkpoint where there is one."""
        import torch

        if not self.recipe.checkpoint.is_file():
            return
        state = torch.load(self.recipe.checkpoint, map_location=self.recipe.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        if self._head is not None:
            self._head.load_state_dict(state["head"])
        self.step = state["step"]

    def finish(self) -> None:
        """Write the network with its tokenizer and what it learned; the checkpoint goes."""
        facts = asdict(self.recipe.arm) | {"seed": self.recipe.seed, "steps": self.step, "learned": self.evaluate()}
        self.recipe.folder.parent.mkdir(parents=True, exist_ok=True)
        with atomic_folder(self.recipe.folder) as part, quiet(bars=True):
            self.model.save_pretrained(part)
            self._tokenizer.save_pretrained(part)
            (part / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
        self.recipe.checkpoint.unlink(missing_ok=True)

    def batch(self, step: int) -> tuple[list[list[int]], Any, Any]:
        """Token ids of the batch ``step``, the position that each text starts at, and image features or None.

        Captions: first one caption of every image, then another of the same images. Half of the texts start at
        position 0, the others anywhere, so that positions past the length of a caption are trained too.
        """
        rng = np.random.default_rng([self.recipe.seed, step])
        chosen = rng.choice(len(self._ids), self.recipe.size.images, replace=False)
        if self._texts.features is None:
            both = [rng.choice(len(self._ids[i]), 2, replace=False) for i in chosen]
            ids = [self._ids[i][pair[side]] for side in (0, 1) for i, pair in zip(chosen, both, strict=True)]
            features = None
        else:
            ids = [self._ids[i][0] for i in chosen]
            features = self._texts.features[chosen, rng.integers(self._texts.features.shape[1], size=len(chosen))]
        longest = max(len(i) for i in ids)
        starts = rng.integers(CONTEXT - longest + 1, size=len(ids)) * (rng.random(len(ids)) < 0.5)
        return ids, starts, features

    def states(self, ids: Sequence[Sequence[int]], starts: Any) -> States:
        """States after the final norm of all tokens of all texts.

        Texts stand one after the other in rows of ``CONTEXT`` tokens, and each sees its own tokens alone: as many
        multiplications as there are tokens, where padding to the longest would cost more than twice as many.
        """
        import torch

        lengths = np.array([len(i) for i in ids])
        rows, columns = pack(lengths, CONTEXT)
        shape = (int(rows.max()) + 1, CONTEXT)
        tokens = np.full(shape, self._tokenizer.pad_token_id)
        positions = np.zeros(shape, dtype=np.int64)
        text = np.full(shape, -1)
        places = np.empty(int(lengths.sum()), dtype=np.int64)
        ends = np.cumsum(lengths)
        for i, (row, first, start) in enumerate(zip(rows, columns, starts, strict=True)):
            own = slice(first, first + lengths[i])
            tokens[row, own], text[row, own] = ids[i], i
            positions[row, own] = np.arange(start, start + lengths[i])
            places[ends[i] - lengths[i] : ends[i]] = row * CONTEXT + np.arange(first, first + lengths[i])
        seen = (text[:, :, None] == text[:, None, :]) & np.tri(CONTEXT, dtype=bool)
        hidden = np.where(seen, 0, np.finfo(np.float32).min).astype(np.float32)
        device = self.recipe.device
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=self.recipe.size.bfloat16):
            out = self.model(
                input_ids=torch.as_tensor(tokens, device=device),
                position_ids=torch.as_tensor(positions, device=device),
                attention_mask=torch.as_tensor(hidden[:, None], device=device),
                use_cache=False,
            )
        where = torch.as_tensor(places, device=device)
        flat = out.last_hidden_state.float().reshape(-1, self.recipe.size.width)[where]
        return States(
            flat, torch.as_tensor(tokens.ravel(), device=device)[where], torch.as_tensor(ends - 1, device=device)
        )

    def _loss(self, step: int) -> Any:
        import torch

        ids, starts, features = self.batch(step)
        states = self.states(ids, starts)
        loss = torch.zeros((), device=self.recipe.device)
        if self.recipe.arm.next_token:
            loss = loss + self.next_token(states)
        if self.recipe.arm.contrast is not None:
            left, right = self._sides(states, features)
            loss = loss + contrast(left, right, self.recipe.arm.temperature)
        return loss

    def next_token(self, states: States) -> Any:
        """Mean cross-entropy of the next token of the same text in nats, EOS included."""
        import torch

        before = torch.ones(len(states.tokens), dtype=torch.bool, device=states.tokens.device)
        before[states.ends] = False
        with torch.autocast(states.tokens.device.type, torch.bfloat16, enabled=self.recipe.size.bfloat16):
            logits = states.all[before] @ self.model.wte.weight.T
        return torch.nn.functional.cross_entropy(logits.float(), states.tokens[1:][before[:-1]])

    def _sides(self, states: States, features: Any) -> tuple[Any, Any]:
        """EOS states of both captions, or of the names beside the mapped features of their drawings."""
        import torch

        ends = states.all[states.ends]
        if self.recipe.arm.contrast == "text":
            return ends[: len(ends) // 2], ends[len(ends) // 2 :]
        return ends, self._head(torch.as_tensor(features, device=self.recipe.device))

    def evaluate(self) -> dict[str, float | None]:
        """What held-out texts show of either objective: loss of the next token in nats, recall@1 of the partner.

        The partner of a caption is another caption of the same image, that of a name one of its drawings, among all
        held-out ones; for drawings only where a map of them was trained.
        """
        import torch

        texts = self._texts
        ids = self._held_out
        captions = texts.features is None
        flat = [group[side] for side in ((0, 1) if captions else (0,)) for group in ids]
        self.model.eval()
        ends, losses, counts = [], [], []
        with torch.inference_mode():
            for first in range(0, len(flat), 128):
                part = flat[first : first + 128]
                states = self.states(part, np.zeros(len(part), dtype=int))
                losses.append(float(self.next_token(states)))
                counts.append(len(states.tokens) - len(part))
                ends.append(states.all[states.ends])
            every = torch.cat(ends)
            sides: tuple[Any, Any] | None = None
            if captions:
                sides = every[: len(ids)], every[len(ids) :]
            elif self._head is not None:
                assert texts.held_out_features is not None
                sides = every, self._head(torch.as_tensor(texts.held_out_features[:, 0], device=self.recipe.device))
            recall = None if sides is None else recall_at_1(*sides)
        return {"next_token_loss": float(np.average(losses, weights=counts)), "recall@1": recall, "n": len(ids)}


@dataclass(frozen=True, eq=False)
class States:
    """States of the tokens of several texts, one text after the other.

    Attributes
    ----------
    all : (tokens, d) states after the final norm
    tokens : (tokens,) their ids
    ends : (texts,) where each text has its last token
    """

    all: Any
    tokens: Any
    ends: Any


def pack(lengths: Any, width: int) -> tuple[Any, Any]:
    """Row and first column of texts of ``lengths``, put into rows of ``width``: the longest first, where it fits first.

    >>> rows, columns = pack([2, 5, 3], 6)
    >>> rows.tolist(), columns.tolist()
    ([1, 0, 1], [3, 0, 0])
    """
    lengths = np.asarray(lengths)
    rows, columns = np.empty((2, len(lengths)), dtype=np.int64)
    free: list[int] = []
    for i in np.argsort(-lengths, kind="stable"):
        row = next((r for r, left in enumerate(free) if left >= lengths[i]), len(free))
        if row == len(free):
            free.append(width)
        rows[i], columns[i] = row, width - free[row]
        free[row] -= int(lengths[i])
    return rows, columns


def contrast(left: Any, right: Any, temperature: float) -> Any:
    """Symmetric cross-entropy of matching rows among all, on cosines divided by the temperature (InfoNCE)."""
    import torch

    unit = torch.nn.functional.normalize
    logits = unit(left, dim=1) @ unit(right, dim=1).T / temperature
    own = torch.arange(len(left), device=logits.device)
    loss = torch.nn.functional.cross_entropy
    return (loss(logits, own) + loss(logits.T, own)) / 2


def recall_at_1(left: Any, right: Any) -> float:
    """Share of rows of ``left`` whose own row of ``right`` has a larger cosine than every other; ties count against."""
    import torch

    unit = torch.nn.functional.normalize
    cosines = unit(left, dim=1) @ unit(right, dim=1).T
    own = cosines.diagonal()[:, None]
    return float(((cosines >= own).sum(dim=1) == 1).float().mean())


def schedule(step: int, steps: int) -> float:
    """Share of the highest rate: linear warm-up over a tenth of the steps, then half a cosine down to 0.

    >>> [round(schedule(s, 100), 3) for s in (0, 9, 10, 55, 99)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    warm = max(1, round(_WARM_UP * steps))
    if step < warm:
        return (step + 1) / warm
    return float(0.5 * (1 + np.cos(np.pi * (step - warm) / max(1, steps - warm))))


def train_network(recipe: Recipe, corpus: Corpus, progress: Progress) -> Path:
    """Folder of the network of ``recipe``: the one on the disk, else trained now, from a checkpoint if there is one."""
    if (recipe.folder / FACTS).is_file():
        return recipe.folder
    trainer = Trainer(recipe, corpus)
    if recipe.arm.role != "untrained":
        trainer.resume()
        progress.start(f"training {recipe.arm.id}, seed {recipe.seed}", recipe.size.steps, "steps")
        progress.advance(trainer.step)
        trainer.train(recipe.size.steps, progress)
        progress.close()
    trainer.finish()
    return recipe.folder


def facts_of(folder: Path) -> dict[str, Any]:
    """What is recorded of a trained network."""
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return facts
