"""The options of all verbs: each is defined here once, in the group under which ``--help`` shows it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from embedscope.core.choices import Dtype, FirstPosition, Score, Unit

MODEL, PAIR, RETRIEVAL, SUPERVISION = "Model", "Pair", "Retrieval", "Supervision"
DEPENDENCE, CHANGE, OUTPUT = "Dependence", "Change", "Output"
MIGRATION, ENGINE = "Migration", "Engine"


class Format(StrEnum):
    """What is printed."""

    text = "text"
    markdown = "markdown"
    junit = "junit"
    github = "github"
    mteb = "mteb"


# Model -------------------------------------------------------------------------------------------------------------
Texts = Annotated[
    str | None,
    typer.Option(
        "--texts",
        metavar="DATASET|FILE",
        help="Texts that the model encodes: a data set, or a file with one text per line.",
        rich_help_panel=MODEL,
    ),
]
Images = Annotated[
    Path | None,
    typer.Option(
        "--images",
        metavar="FOLDER",
        help="Images that the model encodes, in place of texts: a folder, flat or class/*.jpg.",
        rich_help_panel=MODEL,
    ),
]
UnitOption = Annotated[
    Unit | None,
    typer.Option("--unit", help="What a row is; decided by the texts where left out.", rich_help_panel=MODEL),
]
Layers = Annotated[
    str | None,
    typer.Option("--layers", metavar="LIST", help="all, or a list such as 0,4,final,pooled.", rich_help_panel=MODEL),
]
Pooling = Annotated[
    str | None,
    typer.Option(
        "--pooling",
        metavar="LIST",
        help="How a text becomes one vector: plain, bos_eos, eos, pooled (the model's own).",
        rich_help_panel=MODEL,
    ),
]
MaxRows = Annotated[
    int | None,
    typer.Option(
        "--max-rows",
        metavar="N",
        min=0,
        help="Rows to take, sampled by hash; 0 takes all. Default: 10,000 tokens, all words and sentences.",
        rich_help_panel=MODEL,
    ),
]
FirstPositionOption = Annotated[
    FirstPosition,
    typer.Option(
        "--first-position", help="Tokens at the first position: keep, drop, or add bos.", rich_help_panel=MODEL
    ),
]
QueryPrompt = Annotated[
    str | None,
    typer.Option(
        "--query-prompt",
        metavar="TEXT",
        help="Put before every query, in place of the model's own.",
        rich_help_panel=MODEL,
    ),
]
DocumentPrompt = Annotated[
    str | None,
    typer.Option("--document-prompt", metavar="TEXT", help="The same for documents.", rich_help_panel=MODEL),
]
Yes = Annotated[bool, typer.Option("--yes", help="Accept the cost of a paid server.", rich_help_panel=MODEL)]
Device = Annotated[
    str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.", rich_help_panel=MODEL)
]
DtypeOption = Annotated[
    Dtype,
    typer.Option(
        "--dtype",
        metavar="TYPE",
        help="float32, float16 or bfloat16, for the forward pass; statistics are float64.",
        rich_help_panel=MODEL,
    ),
]
TrustRemoteCode = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code",
        help="Run code from the model's repository. Off by default for safety.",
        rich_help_panel=MODEL,
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Do not keep vectors on disk.", rich_help_panel=MODEL)]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="EMBEDSCOPE_DATA",
        metavar="DIR",
        help="Folder with files of data sets, recognised by their checksums.",
        rich_help_panel=MODEL,
    ),
]
Names = Annotated[
    Path | None,
    typer.Option(
        "--names",
        metavar="FILE",
        help="For files of vectors: the text of each row, one per line.",
        rich_help_panel=MODEL,
    ),
]
IdsColumn = Annotated[
    str | None,
    typer.Option(
        "--ids-column",
        metavar="NAME",
        help="Of a table of vectors: the column of ids. Found by its name, and said.",
        rich_help_panel=MODEL,
    ),
]
TextColumn = Annotated[
    str | None,
    typer.Option("--text-column", metavar="NAME", help="The same for texts.", rich_help_panel=MODEL),
]
Contexts = Annotated[
    str | None,
    typer.Option(
        "--contexts",
        metavar="DATASET|FILE",
        help="Sentences, such as lee_sentences: a word's vector is the mean of its states in those that contain it.",
        rich_help_panel=MODEL,
    ),
]

Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="Who reads files of vectors: local, local:WORKERS, dask, dask:WORKERS or dask:ADDRESS.",
        rich_help_panel=ENGINE,
    ),
]

# Pair --------------------------------------------------------------------------------------------------------------
Pair = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--pair",
        metavar="A B",
        help="Two files of vectors with matching rows, in place of SOURCE.",
        rich_help_panel=PAIR,
    ),
]
PairIds = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--pair-ids",
        metavar="A_IDS B_IDS",
        help="Rows with the same id match: two text files with one id per line, or FILE::COLUMN of a table.",
        rich_help_panel=PAIR,
    ),
]
Pairs = Annotated[
    Path | None,
    typer.Option(
        "--pairs", metavar="FILE", help="Rows of A and B that match: two row numbers per line.", rich_help_panel=PAIR
    ),
]
Modalities = Annotated[
    str | None,
    typer.Option(
        "--modalities", metavar="A,B", help="Names of the two sides. Default: image,text", rich_help_panel=PAIR
    ),
]

RowsOut = Annotated[
    Path | None,
    typer.Option(
        "--rows-out",
        metavar="FILE.csv",
        help="Write every row that a finding is about, with its text where known, as CSV.",
        rich_help_panel=OUTPUT,
    ),
]

# Retrieval ---------------------------------------------------------------------------------------------------------
Queries = Annotated[
    str | None,
    typer.Option(
        "--queries",
        metavar="FILE",
        help="Queries: a file of vectors, or texts for a model (queries.jsonl of BEIR).",
        rich_help_panel=RETRIEVAL,
    ),
]
Corpus = Annotated[
    list[str] | None,
    typer.Option(
        "--corpus",
        metavar="[MODALITY=]FILE",
        help="Documents, as queries. Repeat it with modalities for a mixed index.",
        rich_help_panel=RETRIEVAL,
    ),
]
Qrels = Annotated[
    Path | None,
    typer.Option(
        "--qrels", metavar="FILE", help="Relevance judgements in the format of TREC or BEIR.", rich_help_panel=RETRIEVAL
    ),
]
QueryIds = Annotated[
    Path | None,
    typer.Option(
        "--query-ids",
        metavar="FILE",
        help="One id per query vector. Default: STEM.ids.txt next to it.",
        rich_help_panel=RETRIEVAL,
    ),
]
CorpusIds = Annotated[
    list[Path] | None,
    typer.Option(
        "--corpus-ids", metavar="FILE", help="The same for documents, once per --corpus.", rich_help_panel=RETRIEVAL
    ),
]
CorpusModality = Annotated[
    Path | None,
    typer.Option(
        "--corpus-modality",
        metavar="FILE",
        help="Modality of each document (text, image), one per line, where one corpus holds several.",
        rich_help_panel=RETRIEVAL,
    ),
]
ScoreOption = Annotated[
    Score | None,
    typer.Option(
        "--score", help="How documents are ranked. Default: as saved with the model.", rich_help_panel=RETRIEVAL
    ),
]
IgnoreIdenticalIds = Annotated[
    bool,
    typer.Option(
        "--ignore-identical-ids",
        help="A document with the id of the query is not a result of it, the rule of BEIR.",
        rich_help_panel=RETRIEVAL,
    ),
]
AllowMissing = Annotated[
    bool,
    typer.Option(
        "--allow-missing",
        help="Skip judgements of unknown queries and documents, and say how many.",
        rich_help_panel=RETRIEVAL,
    ),
]

# Supervision and dependence ----------------------------------------------------------------------------------------
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="FILE",
        help="Class of each row of SOURCE (with --pair: of A), one per line; or FILE::COLUMN.",
        rich_help_panel=SUPERVISION,
    ),
]
Scores = Annotated[
    str | None,
    typer.Option(
        "--scores",
        metavar="FILE|DATASET",
        help="Human similarity scores: two row numbers and a score per line; for models also stsb::dev.",
        rich_help_panel=SUPERVISION,
    ),
]
Groups = Annotated[
    str | None,
    typer.Option(
        "--groups",
        metavar="FILE|COLUMN",
        help="What each row belongs to (document of a chunk, image of a caption), one per line: rows of one group "
        "are not independent.",
        rich_help_panel=DEPENDENCE,
    ),
]

# Change ------------------------------------------------------------------------------------------------------------
Candidates = Annotated[
    str,
    typer.Option(
        "--candidates",
        metavar="LIST",
        help="Repairs to try, such as auto, or center+abtt:1,whiten:64.",
        rich_help_panel=CHANGE,
    ),
]
Tolerance = Annotated[
    float,
    typer.Option(
        "--tolerance",
        metavar="LOSS",
        help="Loss of the main score that you accept, between 0 and 1.",
        rich_help_panel=CHANGE,
    ),
]
Objective = Annotated[
    str | None,
    typer.Option(
        "--objective",
        metavar="NAME|W",
        help="pairs or mixed (one index of all modalities), with --pair also a weight of mixed, 0 to 1; "
        "with --labels zeroshot or probe.",
        rich_help_panel=CHANGE,
    ),
]
Normalize = Annotated[
    bool,
    typer.Option(
        "--normalize/--no-normalize", help="L2-normalise rows before the repair, or not.", rich_help_panel=CHANGE
    ),
]
MaxEvalRows = Annotated[
    int,
    typer.Option(
        "--max-eval-rows",
        metavar="N",
        help="Rows per side kept in memory to select and to certify.",
        rich_help_panel=CHANGE,
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Write the best candidate even if nothing certifies it.", rich_help_panel=CHANGE),
]

# Output ------------------------------------------------------------------------------------------------------------
Json = Annotated[
    str | None,
    typer.Option("--json", metavar="PATH|-", help="Write the result as JSON; - prints it.", rich_help_panel=OUTPUT),
]
FormatOption = Annotated[
    Format,
    typer.Option(
        "--format",
        help="What to print: tables, Markdown, or for CI JUnit XML or a GitHub summary; mteb: files in --report DIR.",
        rich_help_panel=OUTPUT,
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE.html|DIR",
        help="Write an HTML report, or a folder with tables and figures too.",
        rich_help_panel=OUTPUT,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no tables.", rich_help_panel=OUTPUT)]
Explain = Annotated[
    bool,
    typer.Option(
        "--explain", help="Print every finding with its evidence, and all tables and notes.", rich_help_panel=OUTPUT
    ),
]
Seed = Annotated[
    int,
    typer.Option("--seed", metavar="N", min=0, help="Of samples, splits and bootstrap draws.", rich_help_panel=OUTPUT),
]


def split(text: str | None) -> list[str] | None:
    """Names separated by commas; None stays None."""
    return [part.strip() for part in text.split(",") if part.strip()] if text else None


def split_pair(pair: str, option: str) -> tuple[str, str]:
    """The two parts of NAME=VALUE; raises ``InputError`` where it is not of that form."""
    name, sign, value = pair.partition("=")
    if not sign or not name.strip() or not value.strip():
        from embedscope.core.errors import InputError

        raise InputError(f"{option} takes NAME=VALUE, got '{pair}'")
    return name.strip(), value.strip()


def with_columns(sources: list[str], ids: str | None, text: str | None) -> list[str]:
    """``sources`` with the columns of ids and texts of those that are tables; where none is, the first says why not.

    >>> with_columns(["q.npy", "x.parquet::vector"], "sku", None)
    ['q.npy', 'x.parquet::vector?ids=sku']
    """
    columns = "&".join(f"{key}={value}" for key, value in (("ids", ids), ("text", text)) if value)
    if not columns or not sources:
        return sources
    from embedscope.core.errors import InputError
    from embedscope.readers import is_table

    tables = [is_table(source) or is_table(source.partition("=")[2]) for source in sources]
    if not any(tables):
        raise InputError(
            f"--{'ids' if ids else 'text'}-column is for tables with columns, and {sources[0]} is none; leave it out"
        )
    return [
        f"{source}{'&' if '?' in source else '?'}{columns}" if table else source
        for source, table in zip(sources, tables, strict=True)
    ]


def sides(modalities: str | None) -> tuple[str, str] | None:
    """The names of the two sides of a pair; raises ``InputError`` where they are not two."""
    names = split(modalities)
    if names is None:
        return None
    if len(names) != 2 or names[0] == names[1]:
        from embedscope.core.errors import InputError

        raise InputError(f"--modalities takes two names, as in image,text; got '{modalities}'")
    return names[0], names[1]


def drop_unset(**options: object) -> dict[str, object]:
    """The options that are not None and not empty."""
    return {name: value for name, value in options.items() if value not in (None, [], ())}


def refuse(why: str, **options: Any) -> None:
    """Raise ``InputError`` for the first of ``options`` that is set although it means nothing here."""
    from embedscope.core.unused import refuse_unused

    refuse_unused(why, **options)
