"""The census of a stage: right whoever counts, however it came to be, and no more work than what changed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reconciler.decide.remediation import Hold, Phase, Remediation
from reconciler.decide.snapshot import FileRef, ProblemFile, ServiceView
from reconciler.model.errors import UserError
from reconciler.model.instant import Instant
from reconciler.model.names import BlobId, ProblemId, RemediationId, ServicePath
from reconciler.model.problem import Problem
from reconciler.repo.tally import Census, Tally

PHASES: tuple[Phase, ...] = ("opened", "held", "refused", "decided", "applied", "evaluated", "failed", "ended")


def problem(name: str, state: str) -> ProblemFile:
    file = FileRef(f"ops/production/carts/problems/{name}.yaml", BlobId("f" * 40))
    if state == "unreadable":
        return ProblemFile(ProblemId(name), file, UserError("no YAML"))
    return ProblemFile(ProblemId(name), file, Problem("Slow", "open" if state == "open" else "resolved"))


def remediation(name: str, phase: Phase, condition: str = "budget") -> Remediation:
    hold = Hold(condition, "why", "what lifts it", "opened", 2) if phase == "held" else None
    return Remediation(RemediationId(name), phase=phase, hold=hold)


def view(
    service: str = "carts", problems: tuple[str, ...] = (), phases: tuple[Phase, ...] = (), broken: int = 0
) -> ServiceView:
    made = ServiceView(
        ServicePath(service),
        problems={ProblemId(f"p{n}"): problem(f"p{n}", state) for n, state in enumerate(problems)},
        remediations={RemediationId(f"r{n}"): remediation(f"r{n}", phase) for n, phase in enumerate(phases)},
    )
    wrong = UserError("no YAML")
    return replace(made, config=wrong, playbook=wrong if broken > 1 else None) if broken else made


def test_open_problems_running_remediations_and_unusable_files_are_counted() -> None:
    tally = Tally()
    tally.count(view("carts", ("open", "open", "resolved", "unreadable"), ("applied", "held", "ended"), broken=2))
    tally.count(view("orders", ("open",), ("held", "refused"), broken=1))
    assert tally.census() == Census(3, {"applied": 1, "held": 2, "refused": 1}, {"budget": 2}, 3)


def test_a_service_counts_as_it_is_now() -> None:
    tally = Tally()
    tally.count(view("carts", ("open", "open"), ("held",), broken=1))
    tally.count(view("carts", ("resolved", "open"), ("decided",)))
    assert tally.census() == Census(1, {"decided": 1})
    tally.forget(ServicePath("carts"))
    assert tally.census() == Census()


def test_what_a_refused_remediation_waited_for_before_holds_it_no_more() -> None:
    waited = replace(remediation("r", "held"), phase="refused")
    tally = Tally()
    tally.count(ServiceView(ServicePath("carts"), remediations={waited.id: waited}))
    assert tally.census() == Census(0, {"refused": 1})


VIEWS = st.builds(
    view,
    st.sampled_from(["carts", "orders", "users"]),
    st.lists(st.sampled_from(["open", "resolved", "unreadable"]), max_size=3).map(tuple),
    st.lists(st.sampled_from(PHASES), max_size=3).map(tuple),
    st.integers(0, 2),
)


@given(st.lists(VIEWS, max_size=12), st.sampled_from(["carts", "orders", "users", "none"]))
def test_however_it_came_about_a_restart_counts_the_same(views: list[ServiceView], forgotten: str) -> None:
    warm, cold = Tally(), Tally()
    for each in views:
        warm.count(each)
    warm.forget(ServicePath(forgotten))
    for path, last in {each.path: each for each in views}.items():
        if path != forgotten:
            cold.count(last)
    assert warm.census() == cold.census()


def over(service: str, *moments: int) -> ServiceView:
    """Return a service whose remediations ended at these moments."""
    ended = (
        Remediation(RemediationId(f"r{n}"), phase="ended", moved_at=Instant(when)) for n, when in enumerate(moments)
    )
    return ServiceView(ServicePath(service), remediations={each.id: each for each in ended})


@given(st.lists(st.builds(over, st.sampled_from(["a", "b", "c"]), st.integers(1, 9), st.integers(1, 9)), max_size=200))
def test_what_is_over_for_longest_is_known_whatever_changed_since(views: list[ServiceView]) -> None:
    tally = Tally()
    assert tally.oldest_finished() is None
    last: dict[str, int] = {}
    for each in views:
        tally.count(each)
        last[each.path] = min(r.moved_at for r in each.remediations.values())
        assert tally.oldest_finished() == min(last.values())
    assert tally.finished_until(Instant(5)) == tuple(
        p for when, p in sorted((w, p) for p, w in last.items()) if when <= 5
    )
    for path in last:
        tally.forget(ServicePath(path))
    assert (tally.oldest_finished(), tally.finished_until(Instant(9))) == (None, ())
    assert len(tally._order) <= 64


def test_what_is_held_onto_follows_what_is_counted_since() -> None:
    tally = Tally()
    acting, acted = tally.still_acting, tally.acted
    began = Remediation(RemediationId("r1"), phase="decided", decided_at=Instant(5), decisions=((2, Instant(5)),))
    carts = ServicePath("carts")
    tally.count(ServiceView(carts, remediations={began.id: began}))
    assert (set(acting), dict(acted)) == ({carts}, {carts: (Instant(5),)})
    assert acting - {carts} == frozenset()
    assert tally.acting == acting
    tally.count(ServiceView(carts, remediations={began.id: replace(began, phase="ended")}))
    assert (len(acting), carts in acting, len(acted), carts in acted) == (0, False, 1, True)
    tally.forget(carts)
    assert (len(acting), len(acted)) == (0, 0)
