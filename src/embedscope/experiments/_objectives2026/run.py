"""Training every arm with every seed, and taking wolfe2022's measures on what was trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from embedscope.core.document import Skipped
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.experiments._objectives2026.arms import ARMS, Arm, Family, Size
from embedscope.experiments._objectives2026.corpus import Corpus, captions, corpus, emoji_names, tokenizer
from embedscope.experiments._objectives2026.training import Recipe, facts_of, train_network
from embedscope.experiments._wolfe2022.run import Scale, StudyData, load_study_data, measure_model, within_context
from embedscope.experiments.experiment import Options

FORMAT = 1
"""Raised where the measures of a network change, so that kept ones are taken again."""

WORDS = ("rg65", "wordsim353", "simlex999", "simverb3500", "valnorm")
SENTENCES = ("stsb",)


@dataclass(frozen=True)
class Trained:
    """One trained network, what it learned of the held-out texts, and the records of its measures."""

    arm: Arm
    seed: int
    learned: Mapping[str, float | None]
    records: tuple[Record, ...]


def select_arms(names: Sequence[str]) -> list[Arm]:
    """Arms by name, each once."""
    return [ARMS[name] for name in dict.fromkeys(names)]


def networks(
    arms: Sequence[Arm], size: Size, options: Options, finder: Any, provenance: Provenance
) -> tuple[list[Trained], list[Skipped]]:
    """Every arm of every seed, trained and measured; what is on the disk already is not done again."""
    from embedscope.encoders.loading import choose_device

    device = choose_device(options.device)
    with provenance.phase("data"):
        study_data, skipped = _study_data(options, size, finder)
        corpora, more = _corpora({arm.family for arm in arms}, study_data, size, options, finder)
    nets: list[Trained] = []
    for seed in range(options.seed, options.seed + size.seeds):
        for arm in arms:
            recipe = Recipe(arm, size, seed, corpora[arm.family].digest, device)
            with provenance.phase(f"train {arm.id}"):
                folder = train_network(recipe, corpora[arm.family], options.progress)
            with provenance.phase(f"measure {arm.id}"):
                own = _contexts(study_data, corpora[arm.family], size)
                records = _measure(folder, arm, seed, options, size, own)
            nets.append(Trained(arm, seed, facts_of(folder)["learned"], records))
    return nets, [*skipped, *more]


def _study_data(options: Options, size: Size, finder: Any) -> tuple[StudyData, list[Skipped]]:
    """Tests of words and of sentences; Lee documents, longer than a caption, are left out."""
    study_data = load_study_data(options, _scale(size), finder)
    ids = {job.task.id for job in study_data.jobs}
    wanted = {*WORDS, *SENTENCES} | (set() if "valnorm" in ids else {"valnorm_vader"})
    kept = [job for job in study_data.jobs if job.task.id in wanted]
    missing = [Skipped(f"task {name}", "its data are not here") for name in (*WORDS, *SENTENCES) if name not in ids]
    return replace(study_data, jobs=kept), missing


def _scale(size: Size) -> Scale:
    return Scale(size.sentences, size.tokens, 400, size.pairs, False, size.description)


def _corpora(
    families: set[Family], study_data: StudyData, size: Size, options: Options, finder: Any
) -> tuple[dict[Family, Corpus], list[Skipped]]:
    """Texts of the families; one tokenizer, trained on the captions and the names together."""
    scored = [text for job in study_data.jobs if job.unit == "sentence" for text in _texts_of(job)]
    caption_data, skipped = captions(finder, size, scored, options.seed)
    named = emoji_names(finder, size, options) if "names" in families else None
    every = [text for group in caption_data.groups for text in group]
    trained = tokenizer(every + [g[0] for g in named.groups] if named else every, size.vocabulary)
    corpora: dict[Family, Corpus] = {"captions": corpus(caption_data, trained)} if "captions" in families else {}
    if named is not None:
        corpora["names"] = corpus(named, trained)
    return corpora, skipped


def _texts_of(job: Any) -> list[str]:
    from embedscope.evaluation.scoring import texts_of

    return texts_of([job])


def _contexts(study_data: StudyData, own: Corpus, size: Size) -> StudyData:
    """``study_data`` with tokens in context taken from the family's held-out texts; a cluster is an image."""
    pairs = [(text, str(i)) for i, group in enumerate(own.texts.held_out) for text in group][: size.sentences]
    texts, clusters = zip(*pairs, strict=True)
    return replace(study_data, sentences=texts, clusters=clusters, corpus=f"held-out {own.texts.name}")


def _measure(
    folder: Path, arm: Arm, seed: int, options: Options, size: Size, study_data: StudyData
) -> tuple[Record, ...]:
    """wolfe2022's measures of one network, kept beside it."""
    taken = [size.tokens, size.sentences, size.pairs]
    facts = [FORMAT, options.transform, taken, [job.task.id for job in study_data.jobs], study_data.corpus]
    kept = folder / f"measured-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]}.json"
    if kept.is_file():
        return Result.from_json(kept).records
    own = replace(options, cache=False, first_position="drop", seed=0)
    uri = f"hf:{folder}"
    study_data = within_context(study_data, [uri], 0)
    role = "causal" if arm.next_token else "contrastive"
    run = measure_model(uri, own, _scale(size), study_data, Provenance(), role)
    name = f"{arm.id}, seed {seed}"
    records = tuple(replace(r, source=name) for r in [*run.geometry, *(s.record() for s in run.scored)])
    Result(records).to_json(kept)
    return records
