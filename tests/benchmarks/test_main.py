"""`make bench`: which metrics are measured, what becomes of the page and the exit status, and what the page tells."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import machine, report
from benchmarks.plain_git import environment
from benchmarks.report import Section


def _repository(folder: Path) -> Path:
    folder.mkdir()
    (folder / "code.py").write_text("", "utf-8")
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "one"],
    ):
        subprocess.run(["git", *words], cwd=folder, env=environment(), check=True)
    return folder


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    def metric(name: str) -> Section:
        names.append(name)
        return Section(name, "a table", ("too slow",) if name == "storm" else ())

    fakes = {name: (lambda _, __, name=name: metric(name)) for name in bench._METRICS}
    monkeypatch.setattr(bench, "_METRICS", fakes)
    monkeypatch.setattr(bench, "ROOT", _repository(tmp_path / "repository"))
    monkeypatch.setattr(bench, "PAGE", bench.ROOT / "performance.md")
    bench.PAGE.write_text(report.page([]), "utf-8")
    return names


def test_any_metric_can_be_measured_alone(measured: list[str]) -> None:
    bench.PAGE.write_text(report.page(["## starts\n\nas before"]), "utf-8")
    assert bench.main(["sweep", "--rounds", "5"]) == 0
    assert measured == ["sweep"]
    written = bench.PAGE.read_text("utf-8")
    assert "## starts\n\nas before" in written
    assert '## sweep\n\n*`make bench ARGS="sweep --rounds 5"` at ' in written


def test_where_things_lie_on_this_machine_is_not_told(measured: list[str], tmp_path: Path) -> None:
    places = ["--folder", str(tmp_path), f"--past={tmp_path / 'past'}"]
    assert bench.main([*places[:2], "idle", "--rounds", "5", places[2]]) == 0
    assert measured == ["idle"]
    written = bench.PAGE.read_text("utf-8")
    assert '*`make bench ARGS="idle --rounds 5"` at ' in written
    assert str(tmp_path) not in written
    bench.main(["idle", *places])
    assert '*`make bench ARGS="idle"` at ' in bench.PAGE.read_text("utf-8")
    with pytest.raises(SystemExit):
        bench.main(["idle", "--fold", str(tmp_path)])


def test_the_commit_that_was_measured_is_told(tmp_path: Path) -> None:
    root = _repository(tmp_path / "repository")
    page, code = root / "docs" / "performance.md", root / "code.py"
    page.parent.mkdir()
    page.write_text("numbers", "utf-8")
    clean = machine.commit(root)
    assert len(clean) == 12, "the page that is written meanwhile is no change"
    code.write_text("1\n", "utf-8")
    assert machine.commit(root) == f"{clean} + changes"
    code.write_text("", "utf-8")
    (root / "new.py").write_text("", "utf-8")
    assert machine.commit(root) == f"{clean} + changes"


def test_all_is_measured_where_nothing_is_named(measured: list[str]) -> None:
    assert bench.main([]) == 1, "the storm is too slow"
    assert measured == list(bench._METRICS)
    assert "- **missed**: too slow" in bench.PAGE.read_text("utf-8")


def test_what_is_not_measured_stays_on_the_page(measured: list[str]) -> None:
    bench.PAGE.write_text(report.page(["## another's\n\nas before"]), "utf-8")
    bench.main([])
    assert measured
    assert "## another's\n\nas before" in bench.PAGE.read_text("utf-8")


def test_nobody_is_left_in_doubt_about_a_name(measured: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["ideling"])
    assert not measured
    assert "no such metric: ideling" in capsys.readouterr().err
