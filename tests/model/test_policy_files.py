"""`stage.yaml` and `service.yaml`."""

from __future__ import annotations

import pytest

from reconciler.model.cron import schedule
from reconciler.model.errors import Place
from reconciler.model.invalid import InvalidFile
from reconciler.model.policy import (
    Bounds,
    Budgets,
    Drift,
    FlagPlace,
    Freeze,
    LoopGuard,
    ServiceConfig,
    StageConfig,
    Workload,
    load_service,
    load_stage,
)


def test_a_whole_stage() -> None:
    text = b"""\
mode: shadow
namespace: shop-production
bounds: {replicas: {min: 1, max: 6}}
budgets: {actionsPerHour: 4, servicesAtOnce: 5, servicesPerHour: 10}
drift: {controller: repair, person: report}
flags: {project: shop, environment: production}
onResolve: revert
rollout: 10m
wait: 10m
window: 5m
settle: 0s
retries: 2
onFail: revert
onWarning: next
cooldown: 15m
loopGuard: {times: 4, within: 2h}
maxProblemAge: 1h
retention: 30d
freeze:
  - schedule: 0 18 * * FRI
    duration: 62h
    reason: weekend
  - {schedule: "0,30 */2 24-26 DEC 1-5", duration: 1h30m}
approval: required
"""
    assert load_stage(text, "stage.yaml") == StageConfig(
        mode="shadow",
        namespace="shop-production",
        bounds=Bounds(1, 6),
        budgets=Budgets(4, 5, 10),
        drift=Drift("repair", "report"),
        flags=FlagPlace("shop", "production"),
        on_resolve="revert",
        rollout=600,
        wait=600,
        window=300,
        settle=0,
        retries=2,
        on_fail="revert",
        on_warning="next",
        cooldown=900,
        loop_guard=LoopGuard(4, 7200),
        max_problem_age=3600,
        retention=30 * 86400,
        freeze=(
            Freeze(schedule("0 18 * * FRI", Place("stage.yaml")), 62 * 3600, "weekend"),
            Freeze(schedule("0,30 */2 24-26 DEC 1-5", Place("stage.yaml")), 5400),
        ),
        approval="required",
    )


def test_a_whole_service() -> None:
    text = b"""\
workload: {kind: StatefulSet, name: carts-primary.v2, namespace: shop}
bounds: {replicas: {min: 2}}
drift: report
flags: {environment: production}
onResolve: keep
rollout: 90s
wait: 0s
window: 2m
settle: 30s
labels: {team: shop, tier: 1}
"""
    assert load_service(text, "carts/service.yaml") == ServiceConfig(
        workload=Workload("StatefulSet", "carts-primary.v2", "shop"),
        bounds=Bounds(2, None),
        drift=Drift("report", "report"),
        flags=FlagPlace("", "production"),
        on_resolve="keep",
        rollout=90,
        wait=0,
        window=120,
        settle=30,
        labels=(("team", "shop"), ("tier", "1")),
    )


@pytest.mark.parametrize("text", [b"", b"# all defaults\n", b"---\n", b"{}\n", b"bounds:\nflags:\n"])
def test_everything_is_optional(text: bytes) -> None:
    assert load_stage(text, "stage.yaml") == StageConfig()
    assert load_service(text, "service.yaml") == ServiceConfig()


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("mode: auto\n", (1, 7), "`mode` is `auto`", "did you mean `automated`?"),
        ("mode:\n", (1, 1), "`mode` has no value", "write `mode: automated` (acts), `mode: shadow`"),
        ("Mode: shadow\n", (1, 1), "unknown key `Mode`", "did you mean `mode`?"),
        ("bound: {}\n", (1, 1), "unknown key `bound`", "did you mean `bounds`?"),
        ("workload: {}\n", (1, 1), "unknown key `workload`", "belongs to service.yaml"),
        ("bounds: {replica: {}}\n", (1, 10), "unknown key `replica` in `bounds`", "did you mean `replicas`?"),
        ("bounds: {replicas: {min: 4, max: 2}}\n", (1, 26), "`min` (4) is above `max` (2)", "swap"),
        ("bounds: {replicas: {min: -1}}\n", (1, 26), "`min` is `-1`", ""),
        ("bounds: {replicas: {max: 1.5}}\n", (1, 26), "`max` is `1.5`", ""),
        ('bounds: {replicas: {max: "6"}}\n', (1, 26), "`max` is the text `6`", "write it without quotes: `max: 6`"),
        ("bounds: {replicas: {max: 99999999999999999999}}\n", (1, 26), None, "a number of at most 18 digits"),
        ("bounds: {replicas: {max: true}}\n", (1, 26), "`max` is `true`", ""),
        ("budgets: {actionsPerHour: many}\n", (1, 27), "`actionsPerHour` is `many`", ""),
        ("wait: 10 minutes\n", (1, 7), "`wait` is `10 minutes`", "write `wait: 10m`"),
        ("wait: 600\n", (1, 7), "`wait` is `600`", "`wait: 600s` for seconds"),
        ("wait: 1m1h\n", (1, 7), "`wait` is `1m1h`", ""),
        ("rollout: 0s\n", (1, 10), "`rollout` is no time at all", ""),
        ("retention: 999999d\n", (1, 12), "`999999d` is no duration of at most ten years", ""),
        ("drift: repare\n", (1, 8), "`drift` is `repare`", "did you mean `repair`?"),
        ("drift: {persn: repair}\n", (1, 9), "unknown key `persn` in `drift`", "did you mean `person`?"),
        ("drift: [repair]\n", (1, 8), "`drift` is a list", ""),
        ("namespace: Shop_Production\n", (1, 12), "`namespace` is `Shop_Production`", "shop-production"),
        ("namespace: -x\n", (1, 12), "`namespace` is `-x`", ""),
        ("namespace: 12\n", (1, 12), "`namespace` is `12`", 'put it in quotes: `"12"`'),
        ('namespace: "a\\n"\n', (1, 12), "`namespace` is the text `a\\n`", ""),
        ("flags: {project: ../x}\n", (1, 18), "`project` is `../x`", ""),
        ("freeze: {}\n", (1, 9), "`freeze` is a mapping", ""),
        ("freeze: [{schedule: 0 18 * * FRI}]\n", (1, 10), "`duration` is missing in item 1 of `freeze`", ""),
        ("freeze: [{schedule: 0 18 * * FUN, duration: 1h}]\n", (1, 21), "`FUN` is no day of week", "lists are"),
        ("freeze: [{schedule: 61 18 * * FRI, duration: 1h}]\n", (1, 21), "`61` is no minute", ""),
        ("freeze: [{schedule: 0 18 * * FRI *, duration: 1h}]\n", (1, 21), None, "write for example `0 18 * * FRI`"),
        ("freeze: [{schedule: 0 5-2 * * *, duration: 1h}]\n", (1, 21), "`5-2` is no hour", ""),
        ("freeze: [{schedule: 0 */0 * * *, duration: 1h}]\n", (1, 21), "`*/0` is no hour", ""),
        ("freeze: [{schedule: 0 18 * * FRI, duration: 0m}]\n", (1, 45), "`duration` is no time at all", ""),
        ("freeze: [{schedule: 0 0 30 2 *, duration: 1h}]\n", (1, 21), "no month of `0 0 30 2 *` has such a day", ""),
        ("approval: always\n", (1, 11), "`approval` is `always`", ""),
        ("window: 0s\n", (1, 9), "`window` is no time at all", "write `10m`"),
        ("wait: 1m\nwindow: 5m\n", (2, 9), "`window` (5m) is longer than `wait` (1m)", "wait longer"),
        ("settle: 5\n", (1, 9), "`settle` is `5`", "write `settle: 5m` for minutes"),
        ("retries: 11\n", (1, 10), "`retries` is `11`", ""),
        ("retries: -1\n", (1, 10), "`retries` is `-1`", ""),
        ("onFail: rivert\n", (1, 9), "`onFail` is `rivert`", "did you mean `revert`?"),
        ("onWarning: fail\n", (1, 12), "`onWarning` is `fail`", ""),
        ("cooldown: long\n", (1, 11), "`cooldown` is `long`", ""),
        ("loopGuard: {times: 0}\n", (1, 20), "`times` is `0`", ""),
        ("loopGuard: {within: 0s}\n", (1, 21), "`within` is no time at all", ""),
        ("loopGuard: {time: 3}\n", (1, 13), "unknown key `time` in `loopGuard`", "did you mean `times`?"),
        ("loopGuard: 3\n", (1, 12), "`loopGuard` is `3`", ""),
        ("budgets: {servicesPerHour: -1}\n", (1, 28), "`servicesPerHour` is `-1`", ""),
        ("- a\n", (1, 1), "the file is a list", ""),
    ],
)
def test_refused_stages(text: str, place: tuple[int, int], message: str | None, hint: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        load_stage(text.encode(), "stage.yaml")
    error = caught.value
    assert error.place == Place("stage.yaml", *place)
    assert message is None or error.message == message
    assert hint in error.hint
    assert error.expected


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("workload: {kind: deployment}\n", (1, 18), "`kind` is `deployment`"),
        ("workload: {kind: Deployment, nam: x}\n", (1, 30), "unknown key `nam` in `workload`"),
        ("workload: {name: Carts}\n", (1, 18), "`name` is `Carts`"),
        ("workload: {name: a..b}\n", (1, 18), "`name` is `a..b`"),
        (f"workload: {{name: {'a' * 254}}}\n", (1, 18), "`name` is longer than 253"),
        (f"workload: {{namespace: {'a' * 64}}}\n", (1, 23), "`namespace` is longer than 63"),
        ("mode: shadow\n", (1, 1), "unknown key `mode`"),
        ("labels: {a: {}}\n", (1, 13), "`a` is a mapping"),
        ("retries: 1\n", (1, 1), "unknown key `retries`"),
        ("window: 0m\n", (1, 9), "`window` is no time at all"),
        ("workload: carts\n", (1, 11), "`workload` is `carts`"),
        ("bounds: {replicas: {min: 3, max: 1}}\n", (1, 26), "`min` (3) is above `max` (1)"),
    ],
)
def test_refused_services(text: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        load_service(text.encode(), "service.yaml")
    assert caught.value.message == message
    assert caught.value.place == Place("service.yaml", *place)


def test_everything_wrong_is_told_at_once() -> None:
    text = b"bounds: {replicas: {min: 4, max: 2}}\nrollout: 0s\nfreeze:\n- {schedule: 'x * * * *', duration: 0s}\n"
    with pytest.raises(InvalidFile) as caught:
        load_stage(text, "stage.yaml")
    assert [error.place.line for error in caught.value.errors if error.place] == [1, 2, 4, 4]


def test_no_freeze_is_something_else_than_none_said() -> None:
    """An empty list lifts the project's windows, nothing leaves them."""
    assert load_stage(b"freeze: []\n", "stage.yaml").freeze == ()
    assert load_stage(b"freeze:\n", "stage.yaml").freeze is None


def test_a_window_may_be_all_of_the_wait_and_without_one_of_any_length() -> None:
    assert load_stage(b"wait: 0s\nwindow: 10m\n", "stage.yaml").window == 600
    assert load_stage(b"window: 2h\n", "stage.yaml").window == 7200
    assert load_stage(b"wait: 5m\nwindow: 5m\n", "stage.yaml").window == 300
