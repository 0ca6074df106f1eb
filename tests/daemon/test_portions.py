"""What never lands as a whole, since people push in between, lands in parts; and the gravest comes first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pytest

from reconciler.daemon import portions as portions_module
from reconciler.daemon.branch import Branch
from reconciler.daemon.dispatch import Dispatch
from reconciler.daemon.portions import Portions
from reconciler.daemon.publish import Landed
from reconciler.decide.effects import Due
from reconciler.model.names import ServicePath, StageName
from reconciler.model.step import Step
from reconciler.model.targets import Fact, Want
from reconciler.repo.stage import Tips
from tests.daemon.site import SCALING, Site, deployment, git, until

TITLE = "Response time degradation"
SERVICES = tuple(f"service-{number:02}" for number in range(8))
LARGEST = 8


def test_while_nobody_is_in_the_way_all_is_looked_at_together() -> None:
    portions = Portions()
    assert portions.choose(_set("a", "b", "c"), (), _by_name) == _set("a", "b", "c")
    portions.landed(0)
    assert portions.choose(_set("a", "b", "c"), (), _by_name) == _set("a", "b", "c")


def test_of_a_storm_some_hundreds_are_looked_at_first_and_never_more_than_a_thousand() -> None:
    portions = Portions()
    waiting = {ServicePath(f"{number:05}") for number in range(5000)}
    sizes = []
    while waiting:
        chosen = portions.choose(waiting, (), _by_name)
        waiting -= chosen
        sizes.append(len(chosen))
        portions.landed(len(waiting))
    assert sizes == [256, 512, 1024, 1024, 1024, 1024, 136]
    portions.begin()
    assert len(portions.choose({ServicePath(f"{number:05}") for number in range(5000)}, (), _by_name)) == 256


def test_what_lost_is_tried_in_fourths_and_more_again_once_it_lands() -> None:
    portions = Portions()
    waiting = {ServicePath(f"{number:03}") for number in range(400)}
    portions.lost(400)
    first = portions.choose(waiting, (), _by_name)
    assert first == set(sorted(waiting)[:100])
    portions.landed(300)
    assert len(portions.choose(waiting - first, (), _by_name)) == 200
    portions.landed(0)
    some = {ServicePath(f"{number:03}") for number in range(256)}
    assert portions.choose(some, (), _by_name) == some


def test_a_part_that_takes_so_long_that_its_facts_grow_old_is_followed_by_a_smaller_one() -> None:
    portions = Portions()
    waiting = {ServicePath(f"{number:05}") for number in range(5000)}

    def next_size(**took: float) -> int:
        portions.landed(len(waiting), **took)
        return len(portions.choose(waiting, (), _by_name))

    assert next_size(age=0.5) == 512
    assert next_size(age=1.5) == 512, "twice as many would take too long"
    assert next_size(age=2.8) == 256
    assert next_size(age=2.8) == 256, "so many are always worth a push"
    assert next_size(age=9.0, pushing=8.5) == 512, "no smaller part would be pushed in time"
    portions.landed(len(waiting), age=None)
    assert len(portions.choose(waiting, (), _by_name)) == 512, "its size was chosen when it landed first"


def test_after_losses_a_part_grows_however_slow_it_was() -> None:
    portions = Portions()
    waiting = {ServicePath(f"{number:05}") for number in range(5000)}
    portions.lost(64)
    for _ in range(8):
        portions.lost(64)
    portions.landed(5000, age=2.9)
    portions.landed(5000, age=2.9)
    portions.landed(5000, age=2.9)
    portions.landed(5000, age=2.9)
    assert len(portions.choose(waiting, (), _by_name)) >= 128


def test_what_has_landed_together_stays_together_although_the_next_part_is_smaller() -> None:
    portions = Portions()
    waiting = {ServicePath(f"{number:05}") for number in range(5000)}
    portions.landed(5000)
    chosen = portions.choose(waiting, (), _by_name)
    portions.landed(5000, age=2.8)
    assert portions.choose(chosen, chosen, _by_name, landed=chosen) == chosen
    assert len(portions.choose(waiting, (), _by_name)) == len(chosen) // 2
    portions.lost(len(chosen))
    assert len(portions.choose(chosen, chosen, _by_name, landed=chosen)) < len(chosen), "it is to land at last"


def test_what_follows_is_foreseen_unless_somebody_was_first() -> None:
    portions = Portions()
    waiting = {ServicePath(f"{number:05}") for number in range(5000)}
    first = portions.choose(waiting, (), _by_name)
    ahead = portions.following(waiting - first, _by_name)
    portions.landed(len(waiting - first), age=0.1)
    assert portions.choose(waiting - first, (), _by_name) == ahead
    portions.landed(1, age=1.5)
    assert len(portions.following(waiting, _by_name)) == len(ahead), "it does not grow"
    portions.lost(64)
    assert portions.following(waiting, _by_name) == set()
    for _ in range(4):
        portions.landed(1)
        assert portions.following(waiting, _by_name) == set(), "others may be pushing still"
    portions.landed(1)
    assert portions.following(waiting, _by_name)
    portions.lost(64, looked=True)
    assert portions.following(waiting, _by_name) == set()


def test_a_step_of_the_stage_alone_that_is_lost_makes_no_part_smaller() -> None:
    portions = Portions()
    for _ in range(20):
        portions.lost(0)
    some = {ServicePath(f"{number:03}") for number in range(256)}
    assert portions.choose(some, (), _by_name) == some


def test_what_had_to_be_looked_up_excuses_one_loss_until_one_lands() -> None:
    portions = Portions()
    waiting = {ServicePath(f"{number:03}") for number in range(400)}
    portions.lost(256, looked=True)
    assert len(portions.choose(waiting, (), _by_name)) == 256
    portions.lost(256, looked=True)
    assert len(portions.choose(waiting, (), _by_name)) == 64, "looks that are slow are slow again"
    portions.landed(200)
    portions.lost(128, looked=True)
    assert len(portions.choose(waiting, (), _by_name)) == 128


def test_a_small_part_is_tried_some_times_before_it_is_a_smaller_one() -> None:
    portions = Portions()
    waiting = {ServicePath(f"{number:03}") for number in range(200)}
    sizes = []
    for _ in range(24):
        portions.lost(len(portions.choose(waiting, (), _by_name)))
        sizes.append(len(portions.choose(waiting, (), _by_name)))
    assert sizes[:7] == [64] * 7
    assert (sizes[7], sizes[15], sizes[23]) == (32, 16, 8)
    portions.lost(2)
    portions.landed(150)
    assert len(portions.choose(waiting, (), _by_name)) == 4
    portions.landed(150)
    assert len(portions.choose(waiting, (), _by_name)) == 64, "it was the hour and not their number"
    portions.lost(4)
    assert len(portions.choose(waiting, (), _by_name)) == 4


def test_what_is_contested_becomes_smaller_although_it_was_begun() -> None:
    portions = Portions()
    waiting = {ServicePath(f"{number:05}") for number in range(2000)}
    portions.landed(2000)
    chosen: set[ServicePath] = set()
    for _ in range(64):
        chosen = portions.choose(waiting, chosen, _by_name)
        portions.lost(len(chosen))
    assert len(portions.choose(waiting, chosen, _by_name)) == 1


def test_what_was_begun_is_gone_on_with_and_the_order_is_the_callers() -> None:
    portions = Portions()
    for _ in range(8):
        portions.lost(6)
    assert portions.choose(_set("a", "b", "c", "d"), _set("d", "x"), _by_name) == _set("d", "a", "b")
    assert portions.choose(_set("a", "b", "c", "d"), (), _backwards) == _set("d", "c", "b")


def test_a_storm_lands_although_a_person_is_first_whenever_it_is_large(site: Site) -> None:
    other = site.folder / "other"
    git(site.folder, "clone", "-q", "-b", "production", str(site.remote), str(other))
    site.push({f"{name}/remediation.yaml": SCALING for name in SERVICES}, "services")
    for name in SERVICES:
        site.cluster.create(deployment(f"{name}-primary"))
    path = "ops/production/{0}/problems/{0}.yaml"
    site.push({path.format(name): f"title: {TITLE}\nstate: open\n" for name in SERVICES}, "everything is slow")
    hook = site.remote / "hooks" / "pre-receive"
    hook.write_text(
        "#!/bin/sh\n"
        "read old new ref\n"
        f"[ $(git rev-list --count $old..$new) -le {LARGEST} ] && exit 0\n"
        "unset GIT_DIR GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n"
        f"cd {other} && git pull -q --rebase && echo more >> NOTES && git add NOTES &&\n"
        "git -c user.name=P -c user.email=p@example.org commit -q -m 'a person was faster' && git push -q\n"
        "exit 0\n"
    )
    hook.chmod(0o755)
    with site.loop() as loop:
        until(loop, lambda: site.events().count("applied") == len(SERVICES), "all are applied")
    assert [site.replicas(f"{name}-primary") for name in SERVICES] == [2] * len(SERVICES)
    assert len(site.scalings()) == len(SERVICES)
    log = git(site.remote, "log", "--format=%s", "production").splitlines()
    assert log.count("a person was faster") == len(git(other, "show", "HEAD:NOTES").splitlines())
    assert log.count("a person was faster") > 0


def test_who_is_to_stop_begins_no_other_part(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.push({f"{name}/remediation.yaml": SCALING for name in SERVICES}, "services")
    for name in SERVICES:
        site.cluster.create(deployment(f"{name}-primary"))
    path = "ops/production/{0}/problems/{0}.yaml"
    with site.loop() as loop:
        loop.tick()
        site.push({path.format(name): f"title: {TITLE}\nstate: open\n" for name in SERVICES}, "everything is slow")
        loop._stages.loops[StageName("production")]._portions.lost(1)
        publish = Branch.publish

        def stopped(branch: Branch, tips: Tips, steps: Sequence[Step]) -> Landed | None:
            loop.stop()
            return publish(branch, tips, steps)

        monkeypatch.setattr(Branch, "publish", stopped)
        loop.tick()
    monkeypatch.undo()
    assert site.events().count("decided") <= 1
    with site.loop() as loop:
        until(loop, lambda: site.events().count("applied") == len(SERVICES), "all are applied")
    assert len(site.scalings()) == len(SERVICES)


def test_a_part_is_applied_while_the_next_is_decided(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions_module, "_FIRST", 5)
    everything_is_slow(site)
    begun: list[tuple[int, bool]] = []
    apply = Dispatch.apply

    def noted(self: Dispatch, due: Iterable[tuple[Due, str]], *, waits: bool = True) -> Mapping[Want, Fact]:
        due = list(due)
        begun.append((len(due), waits))
        return apply(self, due, waits=waits)

    monkeypatch.setattr(Dispatch, "apply", noted)
    with site.loop() as loop:
        loop.tick()
        assert begun == [(5, False), (3, True)], "only the last part is waited for"
        until(loop, lambda: site.events().count("applied") == len(SERVICES), "all are applied")
    assert [site.replicas(f"{name}-primary") for name in SERVICES] == [2] * len(SERVICES)
    assert len(site.scalings()) == len(SERVICES)


def test_drift_is_noticed_in_every_part(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions_module, "_FIRST", 5)
    everything_is_slow(site)
    with site.loop() as loop:
        until(loop, lambda: site.events().count("applied") == len(SERVICES), "all are applied")
        for name in SERVICES:
            change = {"spec": {"replicas": 1}}
            site.cluster.patch("Deployment", "sockshop-production", f"{name}-primary", change, manager="a-controller")
        loop.look_at_everything()
        until(loop, lambda: site.events().count("drift") == len(SERVICES), "all drift is told")
        until(loop, lambda: site.events().count("applied") == 2 * len(SERVICES), "all is set again")


def test_what_a_person_took_back_is_answered_in_the_part_at_hand(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who starts anew looks at the newest steps only, and what is older than those is not answered any more."""
    monkeypatch.setattr(portions_module, "_FIRST", 1)
    everything_is_slow(site)
    with site.loop() as loop:
        until(loop, lambda: site.events().count("applied") == len(SERVICES), "all are applied")
        done = len(site.events())
        last = f"ops/production/{SERVICES[-1]}"
        folder = f"{last}/remediations/{SERVICES[-1]}"
        files: dict[str, str | None] = {
            f"ops/production/{name}/problems/again.yaml": f"title: {TITLE}\nstate: open\n" for name in SERVICES[:-1]
        }
        site.push({**files, f"{folder}/02-decided.yaml": None}, "everything is slow again, and one was no good")
        until(loop, lambda: "reverted" in site.events(), "it is answered")
    assert site.events()[done] == "reverted"


def everything_is_slow(site: Site) -> None:
    site.push({f"{name}/remediation.yaml": SCALING for name in SERVICES}, "services")
    for name in SERVICES:
        site.cluster.create(deployment(f"{name}-primary"))
    path = "ops/production/{0}/problems/{0}.yaml"
    site.push({path.format(name): f"title: {TITLE}\nstate: open\n" for name in SERVICES}, "everything is slow")


def _set(*names: str) -> set[ServicePath]:
    return {ServicePath(name) for name in names}


def _by_name(services: Iterable[ServicePath]) -> Sequence[ServicePath]:
    return sorted(services)


def _backwards(services: Iterable[ServicePath]) -> Sequence[ServicePath]:
    return sorted(services, reverse=True)
