"""Parallel texts: do translations find each other, and how near do they lie?"""

from __future__ import annotations

from embedscope.core.tables import Task
from embedscope.tasks._matches import MatchTask

_NAMES = ("ar", "de", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh")
_CAPTIONS = ("de", "fr", "cs")

IDS = (
    "emoji.ar_en",
    "emoji.de_en",
    "emoji.es_en",
    "emoji.fa_en",
    "emoji.fr_en",
    "emoji.id_en",
    "emoji.it_en",
    "emoji.ja_en",
    "emoji.ko_en",
    "emoji.pt_en",
    "emoji.ru_en",
    "emoji.tr_en",
    "emoji.zh_en",
    "multi30k.de_en",
    "multi30k.fr_en",
    "multi30k.cs_en",
)


def _task(dataset: str, language: str, tables: tuple[str, str], what: str, cite: str) -> Task:
    about = {
        "kind": "parallel texts",
        "unit": "sentence",
        "measure": f"mean of recall@1 in both directions, {what} "
        "(distance_ratio: mean distance of pairs over that of all)",
        "cite": cite,
        "default": False,
    }
    name = f"{dataset}.{language}_en"
    return MatchTask(name, dataset, tables[0], tables, (language, "en"), about, ratio=True)


ENTRIES: dict[str, Task] = {
    **{
        f"emoji.{language}_en": _task(
            "emoji",
            language,
            (f"names_{language}", "names"),
            f"names of emoji, {language} and English",
            "tyshchuk2023",
        )
        for language in _NAMES
    },
    **{
        f"multi30k.{language}_en": _task(
            "multi30k",
            language,
            (f"test_2016_{language}", "test_2016_en"),
            f"1,000 captions of test 2016, {language} and English",
            "elliott2016",
        )
        for language in _CAPTIONS
    },
}
