"""The chronicle: everything that counted is found by what one asks for, and nothing that is only forged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from reconciler.decide.folding import fold
from reconciler.model.errors import TransientError
from reconciler.model.instant import Instant
from reconciler.model.step import StepFile
from reconciler.repo.chronicle import Chronicle, Filter, PastRemediation
from reconciler.repo.chronicle_following import Chronicler, Trail
from reconciler.repo.local import LocalRepository
from reconciler.repo.mirror import Mirror
from reconciler.repo.offline import whole
from reconciler.repo.steps import as_commit, claimed, own_file
from reconciler.repo.stream import NewCommit
from tests.repo.conftest import git
from tests.repo.told_history import HOUR, PLAYBOOK, STAGE, START, TARGET, Told, following, newest_of, told


@pytest.fixture
def past(tmp_path: Path) -> Told:
    return told(tmp_path)


def ids(items: tuple[PastRemediation, ...]) -> list[str]:
    return [str(each.id) for each in items]


def test_a_remediation_is_told_from_its_report_to_its_end(past: Told) -> None:
    past.remediation("alertmanager-1", seconds=540)
    with following(past) as chronicle:
        (each,) = chronicle.remediations().items
        steps = chronicle.steps_of(each)
        (evaluation,) = chronicle.evaluations("carts").items
    assert (each.service, each.entry, each.title, each.source) == ("carts", "slow", "slow", "watcher")
    assert (each.outcome, each.seconds, each.tried, each.helped) == ("remediated", 540, ("scaling +1",), "scaling +1")
    assert [step.event for step in steps] == ["opened", "decided", "applied", "evaluated", "remediated"]
    assert (each.first, each.newest) == (steps[0].commit, steps[-1].commit)
    assert steps[1].changes == ((TARGET, "replicas", 1, 2),)
    assert steps[1].path == "ops/production/carts/remediations/alertmanager-1/02-decided.yaml"
    assert (evaluation.result, evaluation.score, evaluation.indicators[0]["value"]) == ("pass", 100.0, 250.0)


def test_filters_narrow_down_together(past: Told) -> None:
    past.people({"shop/users/remediation.yaml": PLAYBOOK}, "Users")
    past.remediation("p1", title="Response time degradation")
    past.remediation("p2", end="escalated", result="fail", reason="no action left")
    past.remediation("p3", service="shop/users", end="resolved", result="fail")
    past.happen(
        "opened", {"problem": {"id": "p4", "occurrence": 1, "title": "slow"}, "entry": "slow"}, remediation="p4"
    )
    with following(past) as chronicle:
        found = {
            name: ids(chronicle.remediations(only).items)
            for name, only in {
                "all": Filter(), "name": Filter(service="users"), "path": Filter(service="shop/users"),
                "open": Filter(outcome="open"), "escalated": Filter(outcome="escalated"),
                "unhealed": Filter(outcome="unhealed"), "text": Filter(text="TIME degr"), "short": Filter(text="p3"),
                "since": Filter(since=Instant(START + 2 * HOUR)), "until": Filter(until=Instant(START)),
                "both": Filter(service="carts", outcome="remediated", until=Instant(START)),
                "quote": Filter(text='"x" OR slow'), "entry": Filter(entry="slow", service="users"),
            }.items()
        }  # fmt: skip
        counts = chronicle.counts()
    assert found == {
        "all": ["p4", "p3", "p2", "p1"], "name": ["p3"], "path": ["p3"], "open": ["p4"], "escalated": ["p2"],
        "unhealed": ["p3"], "text": ["p1"], "short": ["p3"], "since": ["p4", "p3"], "until": ["p1"], "both": ["p1"],
        "quote": [], "entry": ["p3"],
    }  # fmt: skip
    assert (counts.remediations, counts.running, counts.outcomes["resolved"]) == (4, 1, 1)


@pytest.mark.parametrize("common", [1, 5000])
def test_words_are_found_without_regard_to_case_however_many_have_them(
    past: Told, monkeypatch: pytest.MonkeyPatch, common: int
) -> None:
    monkeypatch.setattr("reconciler.repo.chronicle._COMMON", common)
    past.remediation("p1", title="Straße GESPERRT")
    past.remediation("p2", title="strasse frei")
    past.remediation("p3", title="Öl")
    past.remediation("p4", title="Unerwartet langsame Straße")
    with following(past) as chronicle:
        found = {
            text: ids(chronicle.remediations(Filter(text=text)).items)
            for text in (
                "STRASSE",
                "straße",
                "gesperrt",
                "SS",
                "ÖL",
                "öl",
                "P",
                "nowhere",
                "zz",
                "a\0b",
                "\0",
                "Langsame Strasse",
                "schnelle Strasse",
                "a\0langsame Strasse",
            )
        }
        counted = {text: chronicle.count(Filter(text=text)) for text in found}
    assert found == {
        "STRASSE": ["p4", "p2", "p1"], "straße": ["p4", "p2", "p1"], "gesperrt": ["p1"], "SS": ["p4", "p2", "p1"],
        "ÖL": ["p3"], "öl": ["p3"], "P": ["p4", "p3", "p2", "p1"], "nowhere": [], "zz": [], "a\0b": [], "\0": [],
        "Langsame Strasse": ["p4"], "schnelle Strasse": [], "a\0langsame Strasse": [],
    }  # fmt: skip
    assert counted == {text: len(items) for text, items in found.items()}


def test_pages_have_everything_once(past: Told) -> None:
    for number in range(7):
        past.remediation(f"p{number}")
    with following(past) as chronicle:
        found: list[str] = []
        before: int | None = None
        while True:
            page = chronicle.remediations(limit=3, before=before)
            found += ids(page.items)
            before = page.before
            if before is None:
                break
        steps = chronicle.steps(Filter(service="carts"), limit=1000).items
    assert found == [f"p{number}" for number in reversed(range(7))]
    assert [step.sequence for step in steps] == list(range(35, 0, -1))


def test_what_was_archived_is_still_found(past: Told) -> None:
    past.remediation("p1")
    listed = git(past.remote, "ls-tree", "-r", "--name-only", "production", "ops/").splitlines()
    past.happen("archived", {"count": 1}, files=dict.fromkeys(listed))
    with following(past) as chronicle:
        (each,) = chronicle.remediations().items
        assert [step.event for step in chronicle.steps().items][:2] == ["archived", "remediated"]
    assert each.outcome == "remediated"


def test_an_id_that_comes_again_after_it_was_archived_is_another_remediation(past: Told) -> None:
    past.remediation("p1", end="escalated", result="fail")
    listed = git(past.remote, "ls-tree", "-r", "--name-only", "production", "ops/").splitlines()
    past.happen("archived", files=dict.fromkeys(listed))
    past.numbers.clear()
    past.remediation("p1")
    with following(past) as chronicle:
        newer, older = chronicle.remediations().items
        assert [len(chronicle.steps_of(each)) for each in (newer, older)] == [5, 5]
    assert (newer.outcome, older.outcome) == ("remediated", "escalated")


def test_following_gives_what_building_anew_gives(past: Told, tmp_path: Path) -> None:
    for number in range(3):
        past.remediation(f"p{number}", end="remediated" if number else "escalated")
        with following(past):
            pass
    past.happen("reopened", remediation="p0")
    with following(past) as chronicle:
        followed = chronicle.remediations().items, chronicle.steps().items, chronicle.counts()
        (running,) = chronicle.remediations(Filter(outcome="open")).items
    (tmp_path / "chronicle.sqlite").unlink()
    with following(past) as chronicle:
        assert (chronicle.remediations().items, chronicle.steps().items, chronicle.counts()) == followed
    assert running.id == "p0"


def test_nothing_new_costs_nothing(past: Told) -> None:
    past.remediation("p1")
    path, tip = past.remote.parent / "chronicle.sqlite", past.tip()
    with (
        LocalRepository.open(past.remote) as local,
        whole(local) as source,
        Chronicler.open(path, STAGE, source) as chronicler,
    ):
        trail = Trail(tip, tip, newest_of(past))
        assert [chronicler.follow(trail), chronicler.follow(trail)] == [True, False]
        past.remediation("p2")
        read: list[int] = []
        assert chronicler.follow(Trail(past.tip(), past.tip(), newest_of(past)), read.append)
    assert read == [6]


def test_a_rewritten_branch_is_noticed_and_what_is_gone_is_dropped(past: Told) -> None:
    past.remediation("p1")
    kept, sequence = past.tip(), past.sequence
    past.remediation("p2")
    with following(past) as chronicle:
        assert ids(chronicle.remediations().items) == ["p2", "p1"]
    past.point(kept)
    past.sequence = sequence
    past.remediation("p3")
    with following(past) as chronicle:
        assert ids(chronicle.remediations().items) == ["p3", "p1"]
        assert [step.sequence for step in chronicle.steps().items] == list(range(10, 0, -1))
        assert chronicle.remediations(Filter(text="p2")).items == ()


def test_another_stage_a_damaged_or_an_older_file_is_made_anew(past: Told, tmp_path: Path) -> None:
    past.remediation("p1")
    path = tmp_path / "chronicle.sqlite"
    for spoil in (
        lambda: path.write_bytes(b"no database" * 500),
        lambda: _other(path, "form"),
        lambda: _other(path, "stage"),
    ):
        with following(past) as chronicle:
            assert ids(chronicle.remediations().items) == ["p1"]
        spoil()
        assert Chronicle.open(path, STAGE) is None


def _other(path: Path, key: str) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE meta SET value = 'other' WHERE key = ?", (key,))


def test_whoever_asks_sees_what_was_made_anew_meanwhile(past: Told, tmp_path: Path) -> None:
    past.remediation("p1")
    with following(past) as asked:
        past.remediation("p2")
        for name in ("chronicle.sqlite", "chronicle.sqlite-wal", "chronicle.sqlite-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        with following(past):
            assert ids(asked.remediations().items) == ["p2", "p1"]


def test_moments_are_told_by_steps_and_between_them_by_commits(past: Told) -> None:
    begun = past.tip()
    past.remediation("p1")
    ended = past.tip()
    past.now += HOUR
    later = past.people({"carts/service.yaml": "bounds:\n  replicas: {max: 3}\n"}, "Bounds")
    past.now += HOUR
    past.remediation("p2")
    with following(past) as chronicle:
        moments = {
            name: chronicle.at(Instant(when))
            for name, when in {
                "before": START - 1, "decided": START, "ended": START + 600, "between": START + 600 + 2 * HOUR,
                "future": START + 900 * HOUR,
            }.items()
        }  # fmt: skip
    found = {name: moment.commit if moment is not None else None for name, moment in moments.items()}
    assert found["before"] is None
    assert found["decided"] not in (None, begun)
    assert (found["ended"], found["between"], found["future"]) == (ended, later, past.tip())


def test_people_are_told_with_what_they_changed(past: Told) -> None:
    past.remediation("p1")
    changed = past.people({"carts/remediation.yaml": "remediations: []\n", "README.md": "x"}, "Nothing to do", "Grace")
    past.people({"users/slo.yaml": "objectives: []\n"}, "Others")
    with following(past) as chronicle:
        (newest, *older) = chronicle.people(Filter(service="carts")).items
        (by_file, _) = chronicle.changed_by("carts/remediation.yaml").items
    assert newest == by_file
    assert (newest.commit, newest.author, newest.subject) == (changed, "Grace <grace@example.com>", "Nothing to do")
    assert newest.changes == (("config", "carts", "carts/remediation.yaml", "M"),)
    assert [each.changes[0][0] for each in older] == ["problem", "config"]


def test_values_are_found_by_what_was_changed(past: Told) -> None:
    past.remediation("p1")
    with following(past) as chronicle:
        (step,) = chronicle.changes("deployment/carts-primary").items
        assert chronicle.changes("Deployment/other").items == ()
    assert (step.event, step.action) == ("decided", "scaling +1")


def test_the_light_fold_is_the_fold(past: Told) -> None:
    past.remediation("p1", end="escalated", result="fail", reason="no action left")
    past.happen("reopened", remediation="p1")
    past.happen("held", {"condition": "budget", "reason": "enough", "lifts": "time"}, remediation="p1")
    past.happen("released", remediation="p1")
    past.happen("resolved", {"resolved": ["p1"]}, remediation="p1")
    past.remediation("p2", end="resolved", result="fail")
    past.remediation("p3", end="reverted")
    with following(past) as chronicle:
        for each in chronicle.remediations().items:
            for last in range(1, each.steps + 1):
                steps = chronicle.steps_of(each)[:last]
                files = [StepFile(step.event, step.sequence, step.now, step.number, step.told) for step in steps]  # type: ignore[arg-type]  # an event
                full = fold(each.id, files)
                light = chronicle.as_of(each, steps[-1].now)
                if last == each.steps:
                    assert light == each
                    assert (each.outcome, each.entry) == (full.outcome or "", full.entry)
                    assert each.ended == full.ended_at
                    assert each.unhealed == (full.outcome == "resolved" and full.then == "resolved")


def test_the_rule_of_form_is_the_engines(past: Told, tmp_path: Path) -> None:
    past.remediation("p1")
    step = past.step("held", {"condition": "freeze"}, remediation="p1")
    files, message = as_commit(step).files, as_commit(step).message
    others: list[dict[str, bytes | None]] = [
        {**files, "carts/slo.yaml": b"x"}, {path.replace("06-", "07-"): data for path, data in files.items()},
        {path: (data or b"").replace(b'"held"', b'"failed"') for path, data in files.items()}, {"README.md": b"x"},
    ]  # fmt: skip
    for other in others:
        past.land(NewCommit(other, message, as_commit(step).when))
    with Mirror.open(tmp_path / "mirror", str(past.remote)) as mirror:
        believed = {
            info.id for info in mirror.commits(past.tip())
            if (claim := claimed(info, STAGE)) is not None and own_file(mirror, claim) is not None
        }  # fmt: skip
    with following(past):
        database = sqlite3.connect(tmp_path / "chronicle.sqlite")
        found = {row[0].hex() for row in database.execute("SELECT id FROM steps")}
        database.close()
    assert found == believed
    assert len(found) > 5


def test_a_file_that_cannot_be_written_is_said_to_be(past: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("reconciler.repo.chronicle_store.index", full)
    with pytest.raises(TransientError, match="database or disk is full"), following(past):
        pass
    monkeypatch.undo()
    past.remediation("p1")
    with following(past) as chronicle:
        assert ids(chronicle.remediations().items) == ["p1"]
