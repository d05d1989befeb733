"""The measurements of the study: one model after the other, every layer, every pooling that fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from embedscope.core.document import Skipped
from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.encoders import TextEncoder
from embedscope.experiments._wolfe2022.numbers import PUBLISHED_MODELS, STATIC, published_role
from embedscope.experiments.experiment import Options
from embedscope.experiments.published import published_name
from embedscope.sources.models import open_text_model
from embedscope.sources.options import ModelOptions

TASKS = ("rg65", "wordsim353", "simlex999", "simverb3500", "valnorm", "valnorm_vader", "stsb", "lee")
YEARS = ("sts12", "sts13", "sts14", "sts15", "sts16")
GEOMETRY = (
    "self_similarity",
    "top5_share",
    "top8_share",
    "top5_share:published",
    "top8_share:published",
    "rogue_contribution",
)
CONTEXT = 77
"""Sentences of this many tokens or more (of the contrastive model's tokenizer) are dropped, as in the paper."""


@dataclass(frozen=True)
class Scale:
    """How much is taken; None takes everything."""

    sentences: int | None
    tokens: int
    valence_words: int | None
    sentence_pairs: int | None
    years: bool
    description: str


SCALES = {
    "smoke": Scale(300, 2_000, 400, 200, False, "2,000 tokens of 300 sentences, 400 valence words, 200 STS-B pairs"),
    "full": Scale(None, 10_000, None, None, True, "10,000 tokens of all sentences, all words, all pairs, STS12-16"),
}


@dataclass
class ModelRun:
    """Everything measured on one model or on its random initialisation."""

    source: str
    name: str
    role: str
    baseline: bool
    n_layers: int
    ladder: tuple[str, ...]
    spaces: tuple[str, ...]
    poolings: tuple[str, ...]
    facts: dict[str, Any]
    role_assumed: bool = False
    published: str | None = None
    geometry: list[Record] = field(default_factory=list)
    scored: list[Any] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Name for tables and curves; "(random)" is the same architecture randomly initialised."""
        return f"{self.name} (random)" if self.baseline else self.name


@dataclass
class StudyData:
    """Texts and tasks of the study, the same for every model."""

    jobs: list[Any]
    sentences: tuple[str, ...]
    clusters: tuple[str, ...]
    corpus: str
    own_sentences: tuple[str, ...]
    left_sentences: tuple[str, ...]
    own_name: str
    skipped: list[Skipped]


def load_study_data(options: Options, scale: Scale, finder: Any) -> StudyData:
    """The tasks whose data are here, the corpus for tokens in context, and the sentences of Figure 5."""
    from embedscope.evaluation.scoring import load_jobs
    from embedscope.evaluation.subsets import subsample

    names = TASKS + (YEARS if scale.years else ())
    jobs, skipped = load_jobs(names, finder)
    jobs = [subsample(j, pairs=_pairs(j, scale), labels=scale.valence_words, seed=options.seed) for j in jobs]
    skipped += [Skipped(f"part of {j.task.id}", f"scale {options.scale}: {j.subset}") for j in jobs if j.subset]
    table, corpus = _corpus(scale, finder, skipped)
    texts, clusters = table.texts, table.clusters or table.texts
    if scale.sentences is not None and len(texts) > scale.sentences:
        skipped.append(Skipped(f"part of {corpus}", f"first {scale.sentences} of {len(texts):,} sentences"))
        texts, clusters = texts[: scale.sentences], clusters[: scale.sentences]
    own, left, own_name = _sentences(jobs, texts, corpus, skipped)
    return StudyData(jobs, texts, clusters, corpus, own, left, own_name, skipped)


def within_context(
    study_data: StudyData, models: Sequence[str], seed: int, stated: Mapping[str, str] | None = None
) -> StudyData:
    """``study_data`` without sentences of ``CONTEXT`` or more tokens, counted by the contrastive model's tokenizer."""
    uri = next((u for u in models if known_role(u, stated) == "contrastive"), models[0])
    encoder = _open(f"random:{uri}", ModelOptions(device="cpu", seed=seed), Provenance(), Silent())
    framed = encoder.tokenize(study_data.sentences, "native")
    kept = [i for i, ids in enumerate(framed.ids) if len(ids) < CONTEXT]
    if len(kept) == len(study_data.sentences):
        return study_data
    dropped = len(study_data.sentences) - len(kept)
    why = f"{CONTEXT} or more tokens of {uri}, as in the paper; {len(kept):,} sentences remain"
    return replace(
        study_data,
        sentences=tuple(study_data.sentences[i] for i in kept),
        clusters=tuple(study_data.clusters[i] for i in kept),
        skipped=[*study_data.skipped, Skipped(f"{dropped:,} long sentences of {study_data.corpus}", why)],
    )


def known_role(uri: str, stated: Mapping[str, str] | None = None) -> str | None:
    """Training objective of a model of the paper or of an alias; None where only the model itself can say."""
    from embedscope.encoders import ALIASES

    return ALIASES[uri].kind if uri in ALIASES else published_role(uri, stated)


def _pairs(job: Any, scale: Scale) -> int | None:
    return scale.sentence_pairs if job.task.id == "stsb" else None


def _corpus(scale: Scale, finder: Any, skipped: list[Skipped]) -> tuple[Any, str]:
    """Sentences for tokens in context: those of STS 2012-2016 at full scale where they are here, else Lee."""
    from embedscope.datasets import DATASETS

    if scale.sentences is None:
        try:
            return DATASETS.get("sts_sentences").load(finder).tables["sentences"], "sts_sentences"
        except DataUnavailableError as error:
            skipped.append(Skipped("corpus sts_sentences, replaced by lee_sentences", str(error)))
    return DATASETS.get("lee_sentences").load(finder).tables["sentences"], "lee_sentences"


def _sentences(
    jobs: Sequence[Any], texts: tuple[str, ...], corpus: str, skipped: list[Skipped]
) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Distinct sentences for Figure 5, the left ones with their duplicates, and where they are from."""
    for job in jobs:
        if job.task.id == "stsb":
            pairs = next(r for r in job.data.relations.values() if r.table in job.task.tables)
            every = job.data.tables[pairs.table].texts
            return every, tuple(every[i] for i in pairs.left), "stsb"
    skipped.append(Skipped("sentences of stsb for sentence self-similarity", f"replaced by {corpus}"))
    return tuple(dict.fromkeys(texts)), (), corpus


def _open(uri: str, how: ModelOptions, provenance: Provenance, progress: Progress) -> TextEncoder:
    model = open_text_model(uri, how, provenance, progress)
    if not isinstance(model, TextEncoder):
        raise InputError(f"{uri} has no layers, and this study compares layers; name transformers, such as hf:gpt2")
    return model


def measure_model(
    uri: str, options: Options, scale: Scale, study_data: StudyData, provenance: Provenance, role: str | None = None
) -> ModelRun:
    """Open a model and take every measure of the study on it; random weights get the trained model's ``role``."""
    encoder = _open(uri, options.of_models, provenance, options.progress)
    baseline = uri.startswith("random:")
    run = ModelRun(
        source=uri,
        name=uri.removeprefix("random:"),
        role=role or known_role(uri, options.published) or encoder.info.kind,
        baseline=baseline,
        n_layers=encoder.info.n_layers,
        ladder=ladder(tuple(encoder.spaces), encoder.info.architecture),
        spaces=tuple(encoder.spaces),
        poolings=tuple(s for s in encoder.poolings if not baseline or s != "plain"),
        facts=encoder.info.as_dict(),
        role_assumed=role is None and known_role(uri, options.published) is None,
        published=published_name(uri, PUBLISHED_MODELS, options.published),
    )
    with provenance.phase(f"tokens {uri}"):
        run.geometry += _token_geometry(encoder, run, options, scale, study_data)
    with provenance.phase(f"tasks {uri}"):
        _texts(encoder, run, options, study_data)
    return run


def ladder(spaces: tuple[str, ...], architecture: str) -> tuple[str, ...]:
    """Layers 0..N as the paper counts them: its last is after the final norm, except for CLIP's text tower.

    Hugging Face's ``hidden_states[-1]``, which the authors took, is normed for GPT-2 and not for CLIP.
    """
    layers = tuple(s for s in spaces if s.startswith("layer"))
    if "final" in spaces and "clip" not in architecture.lower():
        return (*layers[:-1], "final")
    return layers


def _token_geometry(encoder: Any, run: ModelRun, options: Options, scale: Scale, study_data: StudyData) -> list[Record]:
    """Self-similarity and few-coordinate shares over the same tokens in every layer."""
    from embedscope.geometry.measure import measure_stream
    from embedscope.sources.token_streams import token_stream

    stream = token_stream(
        encoder,
        study_data.sentences,
        sample=scale.tokens,
        seed=options.seed,
        pooling="native",
        first_position=options.first_position,
        clusters=study_data.clusters,
    )
    label = f"{run.source}: tokens in context"
    records = measure_stream(
        stream,
        source=run.source,
        metrics=GEOMETRY,
        pooling="native",
        transform=options.transform,
        seed=options.seed,
        progress=options.progress,
        label=label,
    )
    taken, every = stream.n_rows, stream.n_candidates
    subset = f"{taken:,} of {every:,} tokens of {len(study_data.sentences):,} sentences of {study_data.corpus}"
    return [replace(r, task="tokens", subset=subset, exact=r.exact and taken == every) for r in records]


def _texts(encoder: Any, run: ModelRun, options: Options, study_data: StudyData) -> None:
    """Word, sentence and document tasks, and the self-similarity of sentences."""
    from embedscope.core.cache import VectorCache
    from embedscope.evaluation.scoring import score_tasks, texts_of
    from embedscope.sources.models import pair_spaces
    from embedscope.sources.text_vectors import extract

    cache = VectorCache() if options.cache else None
    pooled: list[str | None] = [None] if encoder.has_pooled else []
    spaces = run.spaces + (("pooled",) if pooled else ())
    vectors = extract(
        encoder, texts_of(study_data.jobs), [*run.poolings, *pooled], cache=cache, progress=options.progress
    )
    run.scored = score_tasks(
        vectors,
        study_data.jobs,
        pair_spaces(run.poolings, spaces),
        source=run.source,
        transform=options.transform,
        seed=options.seed,
        progress=options.progress,
    )
    if options.scale == "full" and run.role == "causal" and run.published is not None:
        run.scored += _over_sentences(encoder, run, options, study_data)
    framed = tuple(s for s in run.poolings if s != "plain")
    vectors = extract(encoder, study_data.own_sentences, [*framed, *pooled], cache=cache, progress=options.progress)
    run.geometry += _sentence_geometry(vectors, run, pair_spaces(framed, spaces), options, study_data)


def _over_sentences(encoder: Any, run: ModelRun, options: Options, study_data: StudyData) -> list[Any]:
    """Word tests on means of a word's states over sentences, the baseline that the paper compares BOS with."""
    from embedscope.core.provenance import Provenance
    from embedscope.evaluation.scoring import score_tasks, texts_of
    from embedscope.sources.models import pair_spaces
    from embedscope.sources.word_contexts import StaticSpace, parse_contexts

    words = [job for job in study_data.jobs if job.unit == "word"]
    contexts = parse_contexts(STATIC, study_data.corpus, options.data)
    static = StaticSpace(encoder, texts_of(words), contexts, Provenance(), options.progress)
    spaces = pair_spaces([STATIC], run.ladder)
    scores: list[Any] = score_tasks(
        static, words, spaces, source=run.source, seed=options.seed, note=static.note, progress=options.progress
    )
    return scores


def _sentence_geometry(
    vectors: Any, run: ModelRun, places: Any, options: Options, study_data: StudyData
) -> list[Record]:
    """Mean cosine of sentence vectors: of the distinct ones, and as published of the left ones with duplicates."""
    from embedscope.geometry.measure import measure_stream
    from embedscope.sources.open import array_source

    records = []
    wanted = [
        (study_data.own_sentences, None),
        *([(study_data.left_sentences, "published")] if study_data.left_sentences else []),
    ]
    options.progress.start(f"{run.source}: sentences in every layer", len(places) * len(wanted), "spaces")
    for pooling, space in places:
        for sentences, variant in wanted:
            x = vectors.matrix(pooling, space, sentences)
            try:
                rows = array_source({space: x})
                geometry = measure_stream(
                    rows.stream,
                    source=run.source,
                    metrics=["self_similarity"],
                    transform=options.transform,
                    seed=options.seed,
                    label=f"sentences of {study_data.own_name}",
                    engine=rows.engine,
                )
            except InputError as error:
                note = f"undefined: {error}"
                geometry = [
                    Record(run.source, "self_similarity", None, space=space, transform=options.transform, note=note)
                ]
            records += [
                replace(
                    r,
                    pooling=pooling,
                    task="sentences",
                    metric="sentence_self_similarity",
                    variant=variant,
                    subset=f"{len(sentences):,} sentences of {study_data.own_name}",
                )
                for r in geometry
            ]
            options.progress.advance(1)
    options.progress.close()
    return records
