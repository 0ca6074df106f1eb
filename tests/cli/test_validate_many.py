"""Many files: the same findings from several processes as from one, in the same order; and any bytes at all."""

from __future__ import annotations

import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli import checking
from reconciler.cli.checking import Part, check
from reconciler.cli.findings.report import FORMS, Report, rendered
from reconciler.cli.progress import Meter
from reconciler.cli.surroundings import Surroundings
from reconciler.cli.validation import KINDS, check_file
from tests.cli.conftest import Reconciler

SLO = "objectives: [{sli: x%d, pass: [{criteria: ['<5']}]}]\ntotal_score: {pass: 9%%}\n"
PATHS = [
    "project.yaml", "shipyard.yaml", "stage.yaml", "prometheus/sli.yaml", "a/service.yaml", "a/slo.yaml",
    "a/remediation.yaml", "a/dynatrace/sli.yaml", "ops/production/a/problems/x.yaml",
    "ops/production/commands/20261121T100000Z-suspend.yaml", "ops/production/a/remediations/x/01-opened.yaml",
    "ops/production/a/state/desired.yaml", "ops/production/closed.yaml", "a/b/service.yaml",
]  # fmt: skip
SEEDS = [
    b"remediations:\n- name: x\n  actions:\n  - action: scaling\n    value: +1\n",
    b"objectives:\n- sli: a\n  pass: [{criteria: ['<5', '>=5%']}]\ntotal_score: {pass: 9%, warning: 10%}\n",
    b"bounds: {replicas: {min: 3, max: 2}}\nwindow: 5m\nwait: 1m\nbudgets: {actionsPerHour: 0}\n",
    b"indicators:\n  a: b$c\n  A: ''\n", b"title: x\nstate: open\n", b"<<<<<<< HEAD\n", b"verb: suspend\n",
    b"- [", b"\xff", b"name: shop\nstages: [production, Production]\n", b'event: "opened"\n',
]  # fmt: skip


def part(files: dict[str, bytes]) -> Part:
    around = Surroundings("production", near=files).among(files)
    return Part(files, around, paths=frozenset(files), whole=True)


def plain(found: list[Any]) -> list[tuple[str, str, str]]:
    return [(each.severity, str(each.place), each.text) for each in found]


@pytest.fixture
def many() -> dict[str, bytes]:
    """Services of which each third has an objective that nothing measures, beside what the stage has for all."""
    files = {f"g{n % 5}/s{n}/slo.yaml": (SLO % (n % 3)).encode() for n in range(60)}
    return {**files, "http/sli.yaml": b"indicators: {x0: a, x1: b, x9: c}\n", "stage.yaml": b"mod: shadow\n"}


def test_processes_find_what_one_finds(many: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    alone = plain(check(part(many), lambda _done, _whole: None, workers=1))
    assert [each[0] for each in alone].count("warning") == 20
    monkeypatch.setattr(checking, "MANY", 1)
    monkeypatch.setattr(checking, "_PORTION", 10)
    told: list[tuple[int, int]] = []
    assert plain(check(part(many), lambda done, whole: told.append((done, whole)), workers=2)) == alone
    assert told[-1] == (62, 62)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_where_there_are_no_processes_it_is_done_without(
    many: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def __init__(self, *_: object) -> None:
            raise BrokenProcessPool

    alone = plain(check(part(many), lambda _done, _whole: None, workers=1))
    monkeypatch.setattr(checking, "MANY", 1)
    monkeypatch.setattr(checking, "ProcessPoolExecutor", Broken)
    assert plain(check(part(many), lambda _done, _whole: None, workers=2)) == alone


def test_progress_is_told_in_tenths_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    for shown, lines in ((True, 10), (False, 0), (None, 0)):
        with Meter("files checked", 1000, shown=shown) as meter:
            tell, other = meter.of(4000), meter.of(4000)
            for done in range(100, 2001, 100):
                tell(done, 2000)
            for done in range(100, 2001, 100):
                other(done, 2000)
        err = capsys.readouterr().err
        assert len(err.splitlines()) == lines
    assert "\x1b" not in err


def test_progress_is_one_line_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Meter("files checked", 1000, shown=None) as meter:
        meter.of(4000)(1200, 4000)
    assert capsys.readouterr().err.startswith("\r1,200 of 4,000 files checked\r")


def test_a_small_run_tells_no_progress(reconciler: Reconciler, clone: Path) -> None:
    assert reconciler("validate", "--progress").err.count("\n") == 1


@given(files=st.dictionaries(st.sampled_from(PATHS), st.one_of(st.sampled_from(SEEDS), st.binary(max_size=80))))
def test_any_bytes_as_any_file_are_findings_or_fine(files: dict[str, bytes]) -> None:
    found = check(part(files), lambda _done, _whole: None)
    for each in found:
        assert each.place.path in {*files, "a", "a/b"}
        assert each.error.message
        assert each.check
    for form in FORMS:
        rendered(Report(found, len(files)), form)


@given(data=st.one_of(st.sampled_from(SEEDS), st.binary(max_size=80)), kind=st.sampled_from(KINDS))
def test_any_bytes_as_any_kind_have_places_in_their_file(data: bytes, kind: Any) -> None:
    for error in check_file(data, "some/file.yaml", kind):
        assert error.place is not None
        assert error.place.path == "some/file.yaml"
