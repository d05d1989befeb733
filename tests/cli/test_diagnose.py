"""``diagnose`` and ``check`` as users run them: exit codes, files, messages."""

import json
import re

import numpy as np
import pytest
from tests.commands import run_command


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("vectors")
    rng = np.random.default_rng(2)
    for name, shift in (("fine", 0.0), ("again", 0.0), ("cone", 20.0)):
        np.save(path / f"{name}.npy", rng.normal(size=(900, 24)).astype(np.float32) + np.float32(shift))
    (path / "mild.toml").write_text(
        "[low_contrast]\nserious = false\n[half_precision]\nserious = false\n[int8]\nserious = false\n"
    )
    (path / "typo.toml").write_text("[cosine_flor]\nserious = 1\n")
    return path


def test_exit_codes_and_words(folder):
    pytest.importorskip("jinja2", reason="the extra report is not installed")
    fine = run_command("diagnose", "fine.npy", "--explain", "--json", "fine.json", cwd=folder)
    said = " ".join(fine.stdout.split())
    assert (fine.returncode, "unrelated rows have low cosines (" in said) == (0, True), fine.stderr
    cone = run_command("diagnose", "cone.npy", "--explain", "--report", "cone.html", cwd=folder)
    assert cone.returncode == 1
    words = " ".join(cone.stdout.split())
    for shown in (
        "✖ serious",
        "Unrelated rows have a mean cosine of 1.00",
        "± ",
        "serious below 0.02",
        "repair cone.npy --candidates center,center+abtt:1",
    ):
        assert shown in words, shown
    page = re.sub("<[^>]+>", "", (folder / "cone.html").read_text(encoding="utf-8"))
    assert "Unrelated rows have a mean cosine" in page
    assert run_command("diagnose", "cone.npy", "--fail-on", "never", "-q", cwd=folder).returncode == 0
    assert (
        run_command(
            "diagnose", "cone.npy", "--thresholds", "mild.toml", "--fail-on", "serious", "-q", cwd=folder
        ).returncode
        == 0
    )


def test_rows_are_written_again(folder):
    for _ in range(2):
        assert run_command("diagnose", "cone.npy", "--rows-out", "rows.csv", "-q", cwd=folder).returncode == 1
    assert (folder / "rows.csv").read_text(encoding="utf-8").startswith("finding,severity,space,row")


def test_check(folder):
    run_command("diagnose", "fine.npy", "--json", "base.json", "-q", cwd=folder)
    same = run_command("check", "again.npy", "--baseline", "base.json", cwd=folder)
    assert same.returncode == 0, same.stdout + same.stderr
    moved = run_command("check", "cone.npy", "--baseline", "base.json", "--json", "-", "-q", cwd=folder)
    assert moved.returncode == 1
    result = json.loads(moved.stdout)
    assert any("self_similarity" in f["text"] for f in result["document"]["findings"])
    assert result["provenance"]["baseline"]["command"].startswith("embedscope diagnose fine.npy")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["diagnose"], "give either a SOURCE or --pair A B"),
        (["diagnose", "fine.npy", "--thresholds", "typo.toml"], "did you mean 'cosine_floor'"),
        (["diagnose", "fine.npy", "--pair-ids", "a", "b"], "add --pair A B"),
        (["check", "fine.npy"], "check needs --baseline"),
        (["check", "fine.npy", "--baseline", "mild.toml"], "is not valid JSON"),
    ],
)
def test_errors_are_2_and_on_standard_error(folder, args, message):
    done = run_command(*args, cwd=folder)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
