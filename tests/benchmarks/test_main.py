"""`make bench`: which metrics are measured, and what becomes of the page and of the exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import report
from benchmarks.report import Section


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    def metric(name: str) -> Section:
        names.append(name)
        return Section(name, "a table", ("too slow",) if name == "storm" else ())

    fakes = {name: (lambda _, __, name=name: metric(name)) for name in bench._METRICS}
    monkeypatch.setattr(bench, "_METRICS", fakes)
    monkeypatch.setattr(bench, "PAGE", tmp_path / "performance.md")
    bench.PAGE.write_text(report.page([]), "utf-8")
    return names


def test_any_metric_can_be_measured_alone(measured: list[str]) -> None:
    bench.PAGE.write_text(report.page(["## starts\n\nas before"]), "utf-8")
    assert bench.main(["sweep", "--rounds", "5"]) == 0
    assert measured == ["sweep"]
    written = bench.PAGE.read_text("utf-8")
    assert "## starts\n\nas before" in written
    assert '## sweep\n\n*`make bench ARGS="sweep --rounds 5"`' in written


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
