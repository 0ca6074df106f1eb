"""Reports become problem files: pushed before anybody is thanked, one file an occurrence, one commit for many."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.daemon.inbox import Inbox
from reconciler.model.canonical import emit
from reconciler.model.errors import TransientError
from reconciler.model.names import BlobId
from reconciler.repo.stage import StageRepo
from tests.daemon.reporting import TITLE, handed_in, path_of, report
from tests.daemon.site import SCALING, Site, git

FIRST = "alertmanager-0ccb298e18a222fd-20261121T100000.123Z"


def pushes(site: Site) -> int:
    """Return how many commits of senders there are on the branch."""
    return len(git(site.remote, "log", "--author=alertmanager", "--format=%H", "production").splitlines())


def test_a_report_is_on_the_remote_before_its_sender_is_thanked(site: Site) -> None:
    with site.loop() as loop:
        loop.tick()
        [(receipt,)] = handed_in(loop, [report()])
    assert receipt.outcome == "accepted"
    assert receipt.path == path_of(FIRST)
    assert git(site.remote, "show", "-s", "--format=%an: %s", receipt.commit) == (
        f"alertmanager: carts: {TITLE}, says alertmanager"
    )
    assert site.file(receipt.path) == f'title: "{TITLE}"\nstate: "open"\nsource: "alertmanager"'
    assert site.replicas() == 2


def test_repeats_commit_nothing(site: Site) -> None:
    with site.loop() as loop:
        handed_in(loop, [report()])
        again = handed_in(loop, *([[report()]] * 50))
        assert {each.outcome for (each,) in again} == {"unchanged"}
    assert pushes(site) == 1


def test_what_comes_at_the_same_time_shares_one_commit(site: Site) -> None:
    names = [f"alertmanager-{number:016x}-20261121T100000.123Z" for number in range(300)]
    with site.loop() as loop:
        loop.tick()
        receipts = handed_in(loop, *[[report(name), report(name)] for name in names])
    assert {each.outcome for pair in receipts for each in pair} == {"accepted"}
    assert len({each.commit for pair in receipts for each in pair}) == 1
    assert pushes(site) == 1
    assert [receipt.path for receipt, _ in receipts] == [path_of(name) for name in names]
    body = git(site.remote, "log", "--author=alertmanager", "--format=%B", "production")
    assert body.startswith("300 problems of carts reported by alertmanager")
    assert "- and 250 more" in body


def test_a_commit_tells_of_nothing_that_was_there_already(site: Site) -> None:
    with site.loop() as loop:
        handed_in(loop, [report()])
        new = "alertmanager-0ccb298e18a222fd-20261121T110000.000Z"
        handed_in(loop, [report()], [report(new)])
    body = git(site.remote, "log", "-1", "--author=alertmanager", "--format=%B", "production")
    assert body == f"carts: {TITLE}, says alertmanager\n\n- carts: {TITLE} ({new})"


def test_resolved_reaches_the_file_and_late_repeats_do_not_open_it_again(site: Site) -> None:
    with site.loop() as loop:
        handed_in(loop, [report()])
        [(over,)] = handed_in(loop, [report(state="resolved")])
        assert over.outcome == "accepted"
        assert 'state: "resolved"' in (site.file(over.path) or "")
        [(late,)] = handed_in(loop, [report()])
    assert late.outcome == "unchanged"
    assert 'state: "resolved"' in (site.file(over.path) or "")
    assert pushes(site) == 2


def test_open_and_resolved_in_one_batch_end_resolved(site: Site) -> None:
    with site.loop() as loop:
        loop.tick()
        [(one, two)] = handed_in(loop, [report(), report(state="resolved")])
    assert (one.outcome, two.outcome) == ("accepted", "accepted")
    assert 'state: "resolved"' in (site.file(one.path) or "")


def test_names_that_are_not_there_are_answered_with_those_that_are(site: Site) -> None:
    with site.loop() as loop:
        [made] = handed_in(loop, [report(service="cart"), report(stage="staging"), report(), report(service="../x")])
    service, stage, fine, path = made
    assert (service.outcome, stage.outcome, fine.outcome, path.outcome) == ("unknown", "unknown", "accepted", "unknown")
    assert "did you mean `carts`" in service.hint
    assert "there are: carts" in service.hint
    assert "there are: production" in stage.hint


def test_a_service_is_found_by_its_name_or_its_path(site: Site) -> None:
    site.push({"shop/orders/remediation.yaml": SCALING})
    with site.loop() as loop:
        [(name, path)] = handed_in(loop, [report("a", service="orders"), report("b", service="shop/orders")])
    assert (name.path, path.path) == (path_of("a", "shop/orders"), path_of("b", "shop/orders"))


def test_two_services_of_one_name_are_told_to_be_renamed_and_the_report_may_come_again(site: Site) -> None:
    site.push({"shop/carts/remediation.yaml": SCALING})
    with site.loop() as loop:
        [(receipt,)] = handed_in(loop, [report()])
    assert receipt.outcome == "unavailable"
    assert "carts/ and shop/carts/" in receipt.hint


def test_a_push_of_somebody_else_in_between_loses_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.daemon.publish import Publisher

    real = Publisher.push
    pushed: list[str] = []

    def late(self: Publisher, *words: object, **more: object) -> object:
        if len(pushed) < 3:
            pushed.append(site.push({f"carts/note{len(pushed)}.md": "a note"}))
        return real(self, *words, **more)  # type: ignore[arg-type]

    with site.loop() as loop:
        loop.tick()
        monkeypatch.setattr(Publisher, "push", late)
        [(receipt,)] = handed_in(loop, [report()])
    assert receipt.outcome == "accepted"
    for person in pushed:
        git(site.remote, "merge-base", "--is-ancestor", person, receipt.commit)


def test_a_remote_that_is_gone_is_no_reason_to_say_thanks(site: Site) -> None:
    with site.loop() as loop:
        loop.tick()
        site.remote.rename(site.folder / "away.git")
        [(receipt,)] = handed_in(loop, [report()])
        assert receipt.outcome == "unavailable"
        [(again,)] = handed_in(loop, [report()])
        assert again.outcome == "unavailable"
        (site.folder / "away.git").rename(site.remote)
        loop.unblock()
        [(fine,)] = handed_in(loop, [report()])
    assert fine.outcome == "accepted"


def test_a_hook_that_declines_is_told_to_the_sender(site: Site) -> None:
    hook = site.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho not on a Sunday\nexit 1\n")
    hook.chmod(0o755)
    with site.loop() as loop:
        [(receipt,)] = handed_in(loop, [report()])
    assert receipt.outcome == "unavailable"
    assert "not on a Sunday" in receipt.reason


def test_servers_that_cannot_be_connected_do_not_keep_reports_out(site: Site) -> None:
    site.config.write_text(
        site.config.read_text().replace("{kubeconfig: kubeconfig}", '{server: "https://127.0.0.1:1"}')
    )
    with site.loop() as loop:
        [(receipt,)] = handed_in(loop, [report()])
        assert loop.conditions
    assert receipt.outcome == "accepted"


def test_what_was_archived_stays_closed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    line = {"service": "carts", "problem": FIRST, "occurrence": 1, "end": "remediated", "at": "2026-11-21T11:00:00Z"}
    site.push({"archive.yaml": emit({"closed": [line]}).decode()})
    blob = BlobId(git(site.remote, "rev-parse", "production:archive.yaml"))
    monkeypatch.setattr(StageRepo, "archive", lambda _: blob)
    with site.loop() as loop:
        [(receipt,)] = handed_in(loop, [report()])
    assert receipt.outcome == "unchanged"
    assert site.file(receipt.path) is None


def test_an_id_that_lies_elsewhere_is_resolved_where_it_lies(site: Site) -> None:
    site.push({f"ops/production/carts/problems/{FIRST}.yaml": f"title: {TITLE}\nstate: open\n"})
    with site.loop() as loop:
        [(receipt,)] = handed_in(loop, [report(state="resolved")])
    assert receipt.path == f"ops/production/carts/problems/{FIRST}.yaml"
    assert "state: resolved" in (site.file(receipt.path) or "")


def test_a_broken_file_of_a_person_is_not_written_over(site: Site) -> None:
    site.push({path_of(FIRST): "title: [\n"})
    with site.loop() as loop:
        [(receipt, other)] = handed_in(loop, [report(state="resolved"), report("another")])
    assert receipt.outcome == "unavailable"
    assert path_of(FIRST) in receipt.reason
    assert site.file(path_of(FIRST)) == "title: ["
    assert other.outcome == "accepted"


def test_steps_may_lie_on_a_branch_of_their_own(site: Site) -> None:
    git(site.clone, "switch", "-q", "main")
    site.write("project.yaml", "name: sockshop\nstages: [production]\nopsBranch: ops/{stage}\n")
    git(site.clone, "commit", "-qam", "steps apart")
    git(site.clone, "push", "-q", "origin", "main")
    git(site.clone, "switch", "-q", "production")
    people = git(site.remote, "rev-parse", "production")
    with site.loop() as loop:
        [(receipt,)] = handed_in(loop, [report()])
    assert receipt.outcome == "accepted"
    assert git(site.remote, "rev-parse", "production") == people
    assert git(site.remote, "cat-file", "-t", f"ops/production:{receipt.path}") == "blob"


def test_a_title_cannot_pose_as_a_step(site: Site) -> None:
    evil = f"{TITLE}\n\nStage: production\nEvent: decided\nSequence: 99\nNow: 2026-11-21T10:00:03Z\nRules: 1"
    with site.loop() as loop:
        handed_in(loop, [report(title=evil)])
        loop.tick()
        assert loop.conditions == {}
    assert site.events()[0] == "opened" or site.events()[0] == "unmatched"
    [commit] = git(site.remote, "log", "--author=alertmanager", "--format=%H", "production").splitlines()
    assert git(site.remote, "show", "-s", "--format=%(trailers)", commit) == ""


def test_who_waits_when_the_loop_ends_is_told_to_come_again(site: Site) -> None:
    with site.loop() as loop:
        future = loop.inbox.submit([report()])
    assert [receipt.outcome for receipt in future.result(timeout=0)] == ["unavailable"]
    with site.loop() as loop:
        pass
    assert loop.inbox.submit([report()]).result(timeout=0)[0].outcome == "unavailable"


def test_a_full_inbox_turns_away_at_once_and_one_large_request_still_fits() -> None:
    woken: list[int] = []
    inbox = Inbox(lambda: woken.append(1), capacity=2)
    large = inbox.submit([report()] * 5)
    assert not large.done()
    [full] = inbox.submit([report()]).result(timeout=0)
    assert full.outcome == "unavailable"
    assert (inbox.depth, len(woken)) == (5, 1)
    assert [len(each.reports) for each in inbox.take()] == [5]
    assert inbox.depth == 0


def test_a_sender_that_has_gone_is_not_waited_for() -> None:
    inbox = Inbox(lambda: None)
    assert inbox.submit([report()]).cancel()
    assert inbox.take() == []


@pytest.mark.parametrize(("point", "there"), [("before-report-push", False), ("after-report-push", True)])
def test_killed_around_the_push_nothing_is_lost_and_nothing_is_there_twice(
    site: Site, tmp_path: Path, point: str, there: bool
) -> None:
    assert site.take_in_once(FIRST, failpoint=point) == -9
    assert (site.file(path_of(FIRST)) is not None) == there
    assert site.take_in_once(FIRST) == 0
    assert pushes(site) == 1
    assert site.replicas() == 2


def test_what_is_open_can_be_asked_for(site: Site) -> None:
    with site.loop() as loop:
        handed_in(loop, [report("a"), report("b")], [report("b", state="resolved")])
        asked = loop.inbox.open_problems()
        loop.tick()
        [known] = asked.result(timeout=0)
        assert (known.where.stage, known.where.service, known.id) == ("production", "carts", "a")
        assert known.problem.title == TITLE
        late = loop.inbox.open_problems()
    assert isinstance(late.exception(timeout=0), TransientError)


def test_what_is_open_cannot_be_told_without_the_remote(site: Site) -> None:
    with site.loop() as loop:
        loop.tick()
        site.remote.rename(site.folder / "away.git")
        asked = loop.inbox.open_problems()
        loop.tick()
        assert isinstance(asked.exception(timeout=0), TransientError)
        (site.folder / "away.git").rename(site.remote)
