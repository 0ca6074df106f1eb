"""Many workloads of a namespace are looked at together, in a few pages; each answer is what a read would have given."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.embedded.cluster import Refuse, matching
from reconciler.model.targets import Fact, WantWorkload
from reconciler.targets.kubernetes import foreseen
from tests.embedded.sandbox import workload
from tests.targets.kubernetes.conftest import Bench, effect, nothing_of, want, workload_of

MANY = 6
LIST = "GET shop/deployments"


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreseen, "MANY", MANY)
    monkeypatch.setattr(foreseen, "_PAGE", 4)


def look(bench: Bench, wants: Sequence[WantWorkload]) -> list[Fact]:
    bench.server.expect(wants)
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(bench.server.observe, wants))


def some(bench: Bench, count: int) -> list[WantWorkload]:
    for number in range(count):
        bench.put(workload("Deployment", f"carts-{number}"))
    bench.calls()
    return [want(f"carts-{number}-primary", f"carts-{number}") for number in range(count)]


def reads(bench: Bench) -> list[str]:
    return [call for call in bench.calls() if "/deployments" in call]


def test_many_are_read_in_pages_and_told_as_if_each_had_been_read(bench: Bench) -> None:
    wants = some(bench, 10)
    together = look(bench, wants)
    assert reads(bench) == [LIST] * 3
    bench.clock.now += 10
    assert together == [bench.server.observe(each) for each in wants]
    assert [workload_of(fact).target.name for fact in together] == [each.names[1] for each in wants]


def test_few_are_read_each_by_itself(bench: Bench) -> None:
    wants = some(bench, MANY - 1)
    look(bench, wants)
    assert LIST not in reads(bench)


def test_where_most_of_a_namespace_is_of_no_interest_it_is_left_after_a_page(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreseen, "_WORTH", 1)
    wants = [want(each.names[1]) for each in some(bench, 16)][:MANY]
    facts = look(bench, wants)
    assert [workload_of(fact).target.name for fact in facts] == [each.names[0] for each in wants]
    assert reads(bench) == [LIST, *(f"{LIST}/carts-{number}" for number in range(2, MANY))], "a page has 0, 1, 10, 11"


def test_a_workload_that_may_have_either_of_two_names_is_one_look(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreseen, "_WORTH", 2)
    look(bench, some(bench, 16)[:MANY])
    assert reads(bench).count(LIST) == 1, "16 for 6 looks are too many, however many names they have"


def test_what_is_looked_at_after_others_has_a_list_of_its_own(bench: Bench) -> None:
    wants = some(bench, 2 * MANY)
    bench.server.expect(wants[:MANY])
    bench.server.expect(wants[MANY:])
    with ThreadPoolExecutor(4) as pool:
        facts = list(pool.map(bench.server.observe, wants))
    assert reads(bench) == [LIST] * 6
    assert [workload_of(fact).target.name for fact in facts] == [each.names[1] for each in wants]


def test_who_looks_anew_is_not_told_what_was_seen_before(bench: Bench) -> None:
    wants = some(bench, MANY)
    bench.server.expect(wants)
    assert workload_of(bench.server.observe(wants[0])).replicas == 1
    bench.server.apply(effect("carts-1", value=7))
    bench.server.expect(wants[1:3])
    assert workload_of(bench.server.observe(wants[1])).replicas == 7


def test_what_nobody_looks_at_is_not_kept(bench: Bench) -> None:
    wants = [want(f"carts-{number}", kind="Rollout.argoproj.io") for number in range(MANY)]
    for _ in range(20):
        bench.server.expect(wants)
        bench.clock.now += 2
    assert sum(map(len, bench.server._foreseen._lists.values())) <= 2


def test_who_looks_again_gets_no_other_workload_from_the_list(bench: Bench) -> None:
    wants = some(bench, MANY)
    bench.put(workload("Deployment", "carts-0-primary"))
    bench.server.expect(wants)
    twice = [workload_of(bench.server.observe(wants[0])).target.name for _ in range(2)]
    assert twice == ["carts-0-primary"] * 2


def test_what_is_not_in_the_list_is_looked_for_and_told_as_missing(bench: Bench) -> None:
    wants = [*some(bench, MANY), want("nothing-primary", "nothing")]
    *others, missing = look(bench, wants)
    assert nothing_of(missing).trouble == "missing"
    assert len({workload_of(fact).target.name for fact in others}) == MANY


def test_a_list_that_is_refused_costs_one_call(bench: Bench) -> None:
    wants = some(bench, MANY)
    bench.cluster.faults.add(Refuse(403, "no list"), when=matching("GET", "/deployments"), times=None)
    assert [workload_of(fact).target.name for fact in look(bench, wants)] == [each.names[1] for each in wants]
    assert reads(bench).count(LIST) == 1


def test_each_is_used_once_and_not_after_seconds(bench: Bench) -> None:
    wants = some(bench, MANY)
    bench.server.expect(wants)
    bench.server.observe(wants[0])
    assert LIST in reads(bench)
    bench.server.observe(wants[0])
    assert "GET shop/deployments/carts-0" in reads(bench), "what was used is read anew"
    bench.clock.now += 3
    bench.server.observe(wants[1])
    assert "GET shop/deployments/carts-1" in reads(bench), "what is old is read anew"


def test_a_change_that_follows_needs_no_other_read(bench: Bench) -> None:
    wants = some(bench, MANY)
    look(bench, wants)
    bench.calls()
    bench.server.apply(effect("carts-3", 4))
    assert bench.calls() == ["PATCH shop/deployments/carts-3"]
