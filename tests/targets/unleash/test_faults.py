"""A flag server on a bad day: what is seen, what is done, and above all what is not done again."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from reconciler.embedded.unleash import VIEWER_TOKEN, Fault, UnleashDouble
from reconciler.model.errors import BlindError, ConfigError, TerminalError, TransientError
from reconciler.model.targets import Fact, Mark
from reconciler.targets.unleash import UnleashServer
from tests.targets.unleash.site import COMMIT, OWNER, Site, effect, seen, unseen, want

QUICK: dict[str, Any] = {"call_seconds": 0.3, "deadline": 1.0}


@dataclass
class Clock:
    """A monotonic clock that stands until it is moved."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def flag(doubled: Site) -> str:
    return doubled.hands.create("EnableItemsCache")


def switches(double: UnleashDouble) -> list[str]:
    return [e.target for e in double.journal if e.method == "POST" and e.target.endswith(("/on", "/off"))]


# Cost


def test_looking_takes_two_calls_and_converged_no_write(doubled: Site, double: UnleashDouble, flag: str) -> None:
    server = doubled.server()
    server.apply(effect(flag, True, 1))
    calls: list[Callable[[], Fact]] = [
        lambda: server.observe(want(flag)),
        lambda: server.apply(effect(flag, True, 1)),
    ]
    for call in calls:
        before = len(double.journal)
        assert seen(call()).ours
        asked = [(exchange.method, exchange.target) for exchange in double.journal[before:]]
        features = f"/api/admin/projects/default/features/{flag}"
        assert asked == [("GET", features), ("GET", f"/api/admin/features/{flag}/tags")]


# Looking


def test_u1_down_is_blind(flag: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = UnleashServer(f"http://127.0.0.1:{unused.getsockname()[1]}", lambda: "x")
        fact = unseen(server.observe(want(flag)))
        assert (fact.trouble, "cannot be reached" in fact.message) == ("blind", True)
        with pytest.raises(BlindError):
            server.apply(effect(flag, True, 1))
        server.close()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_u1_a_server_error_is_blind(doubled: Site, double: UnleashDouble, flag: str, status: int) -> None:
    double.faults.append(Fault("status", status=status, body="<html>oops</html>"))
    fact = unseen(doubled.server().observe(want(flag)))
    assert (fact.trouble, str(status) in fact.message) == ("blind", True)


def test_u1_trap_10_a_server_without_its_database_hangs_while_its_health_is_good(
    doubled: Site, double: UnleashDouble, flag: str
) -> None:
    double.database_gone = True
    assert httpx.get(f"{double.url}/health").json() == {"health": "GOOD"}
    server = doubled.server(**QUICK)
    fact = unseen(server.observe(want(flag)))
    assert (fact.trouble, "did not answer" in fact.message) == ("blind", True)
    with pytest.raises(BlindError, match="did not answer"):
        server.apply(effect(flag, True, 1))
    # Not knowing the state, it did not write; and a call that hung was not repeated.
    assert [exchange.method for exchange in double.journal if exchange.status == 0] == ["GET", "GET"]


def test_u1_too_many_requests_are_obeyed(doubled: Site, double: UnleashDouble, flag: str) -> None:
    clock = Clock()
    server = doubled.server(clock=clock)
    double.faults.append(Fault("status", status=429, headers={"Retry-After": "7"}, body="Too many requests"))
    with pytest.raises(BlindError) as caught:
        server.apply(effect(flag, True, 1))
    assert caught.value.retry_after == 7
    asked = len(double.journal)
    clock.now += 6
    assert unseen(server.observe(want(flag))).trouble == "blind"
    assert len(double.journal) == asked
    clock.now += 2
    assert seen(server.apply(effect(flag, True, 1))).enabled


def test_u1_one_slow_flag_does_not_stop_the_others(doubled: Site, double: UnleashDouble, flag: str) -> None:
    other, server = doubled.hands.create("EnablePromotion"), doubled.server(call_seconds=2.0, deadline=2.0)
    double.faults.append(Fault("hang", part=f"/{flag}", times=None))
    with ThreadPoolExecutor(1) as pool:
        stuck = pool.submit(server.observe, want(flag))
        assert seen(server.apply(effect(other, True, 1))).enabled
        assert not stuck.done()
        assert unseen(stuck.result()).trouble == "blind"


def test_an_answer_that_never_ends_is_cut_off(doubled: Site, double: UnleashDouble, flag: str) -> None:
    double.faults.append(Fault("drip", times=None))
    assert unseen(doubled.server(**QUICK).observe(want(flag))).trouble == "blind"


def test_an_answer_that_is_too_big_is_cut_off(doubled: Site, double: UnleashDouble, flag: str) -> None:
    double.faults.append(Fault("huge"))
    fact = unseen(doubled.server().observe(want(flag)))
    assert (fact.trouble, "MiB" in fact.message) == ("blind", True)


@pytest.mark.parametrize("body", ["", "<html>", "[]", "[" * 100_000, '{"environments": 3}', '{"environments": [7]}'])
def test_an_answer_that_is_no_flag_is_never_a_state(doubled: Site, double: UnleashDouble, flag: str, body: str) -> None:
    double.faults.append(Fault("status", status=200, body=body))
    assert unseen(doubled.server().observe(want(flag))).trouble in {"blind", "missing"}


def test_enabled_that_is_no_boolean_is_blind(doubled: Site, double: UnleashDouble, flag: str) -> None:
    body = '{"environments": [{"name": "production", "enabled": "true", "strategies": []}]}'
    double.faults.append(Fault("status", status=200, body=body))
    assert unseen(doubled.server().observe(want(flag))).trouble == "blind"


def test_a_connection_that_broke_is_tried_once_more_for_reading(
    doubled: Site, double: UnleashDouble, flag: str
) -> None:
    double.faults.append(Fault("reset"))
    assert not seen(doubled.server().observe(want(flag))).enabled
    double.faults.append(Fault("reset", times=2))
    assert unseen(doubled.server().observe(want(flag))).trouble == "blind"


def test_credentials_do_not_follow_a_redirect(doubled: Site, double: UnleashDouble, flag: str) -> None:
    with UnleashDouble() as elsewhere:
        double.faults.append(Fault("status", status=302, headers={"Location": f"{elsewhere.url}/api"}, times=None))
        fact = unseen(doubled.server().observe(want(flag)))
        assert (fact.trouble, "redirect" in fact.message) == ("blind", True)
        assert elsewhere.journal == []


# Credentials


def test_u1_a_token_that_changed_is_tried_once_and_a_dead_one_not_hammered(
    doubled: Site, double: UnleashDouble, flag: str
) -> None:
    given = iter(["old", doubled.secret, doubled.secret, doubled.secret])
    assert not seen(doubled.server(lambda: next(given)).observe(want(flag))).enabled
    assert [exchange.status for exchange in double.journal[-3:]] == [401, 200, 200]
    before = len(double.journal)
    assert unseen(doubled.server(lambda: "dead").observe(want(flag))).trouble == "forbidden"
    assert len(double.journal) == before + 1


@pytest.mark.parametrize("token", ["", "a\nb", "ü", "a\x00b"])
def test_a_token_that_is_no_header_is_not_sent_and_not_shown(
    doubled: Site, double: UnleashDouble, flag: str, token: str
) -> None:
    before = len(double.journal)
    fact = unseen(doubled.server(lambda: token).observe(want(flag)))
    assert (fact.trouble, len(double.journal)) == ("blind", before)
    assert not token or token not in fact.message


def test_a_secret_file_that_is_gone_is_blind(doubled: Site, flag: str) -> None:
    def gone() -> str:
        raise FileNotFoundError(2, "No such file")

    assert unseen(doubled.server(gone).observe(want(flag))).trouble == "blind"


@pytest.mark.parametrize(
    "url",
    [
        "unleash:4242",
        "ftp://unleash",
        "https://",
        "https://user:pw@unleash",
        "https://u?x=1",
        "https://ünleash",
        "https://unleash/a b",
    ],
)
def test_a_url_that_is_none_is_refused_without_repeating_what_is_secret_in_it(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        UnleashServer(url, lambda: "x")
    assert "pw" not in str(caught.value)


def test_u1_who_may_only_look_looks(doubled: Site, double: UnleashDouble, flag: str) -> None:
    server = doubled.server(lambda: VIEWER_TOKEN)
    assert not seen(server.observe(want(flag))).enabled
    with pytest.raises(TerminalError, match="UPDATE_FEATURE_ENVIRONMENT") as caught:
        server.apply(effect(flag, True, 1))
    assert "grant" in caught.value.hint
    assert not doubled.hands.enabled(flag)


def test_u1_change_requests_are_named(doubled: Site, double: UnleashDouble, flag: str) -> None:
    body = '{"name":"PermissionError","message":"You need to create a change request in order to update this flag"}'
    double.faults.append(Fault("status", method="POST", part="/on", status=403, body=body))
    with pytest.raises(TerminalError, match="403") as caught:
        doubled.server().apply(effect(flag, True, 1))
    assert "change requests" in caught.value.hint


@pytest.mark.parametrize("status", [400, 409])
def test_u1_archived_between_look_and_write(doubled: Site, double: UnleashDouble, flag: str, status: int) -> None:
    body = '{"name":"ArchivedFeatureError","message":"Cannot perform this operation on archived features"}'
    double.faults.append(Fault("status", method="POST", part="/on", status=status, body=body))
    with pytest.raises(TerminalError, match="archived") as caught:
        doubled.server().apply(effect(flag, True, 1))
    assert "revive" in caught.value.hint


# Answers that get lost


def test_u4_a_lost_answer_is_settled_by_reading_not_by_sending_again(
    doubled: Site, double: UnleashDouble, flag: str
) -> None:
    double.faults.append(Fault("lost", method="POST", part="/on"))
    fact = seen(doubled.server().apply(effect(flag, True, 1)))
    assert (fact.enabled, fact.mark) == (True, Mark(OWNER, 1, COMMIT[:12]))
    assert len(switches(double)) == 1
    assert len(doubled.hands.strategies(flag)) == 1


@pytest.mark.parametrize("kind", ["reset", "hang"])
def test_u4_a_write_that_did_not_arrive_is_for_the_next_try(
    doubled: Site, double: UnleashDouble, flag: str, kind: str
) -> None:
    server = doubled.server(call_seconds=0.5, deadline=5.0)
    double.faults.append(Fault("reset" if kind == "reset" else "hang", method="POST", part="/on"))
    with pytest.raises(TransientError, match="still off"):
        server.apply(effect(flag, True, 1))
    assert len(switches(double)) == 1
    assert seen(server.apply(effect(flag, True, 1))).enabled
    assert len(switches(double)) == 2


def test_u4_where_nothing_can_be_read_back_it_is_blind(doubled: Site, double: UnleashDouble, flag: str) -> None:
    server = doubled.server(**QUICK)

    def outage() -> None:
        double.database_gone = True

    double.faults.append(Fault("meddle", method="POST", part="/on", action=outage))
    with pytest.raises(BlindError):
        server.apply(effect(flag, True, 1))
    double.database_gone = False
    assert seen(server.apply(effect(flag, True, 1))).enabled
    assert len(switches(double)) == 1


def test_u4_a_lost_answer_to_the_tag_switches_nothing_yet(doubled: Site, double: UnleashDouble, flag: str) -> None:
    double.faults.append(Fault("lost", method="PUT", part="/tags"))
    server = doubled.server()
    with pytest.raises(BlindError):
        server.apply(effect(flag, True, 1))
    assert switches(double) == []
    assert seen(server.apply(effect(flag, True, 1))).ours


# Other people at the same moment


def test_trap_11_somebody_who_switched_between_our_read_and_our_write_is_told(
    doubled: Site, double: UnleashDouble, flag: str
) -> None:
    def there_and_back() -> None:
        doubled.hands.switch(flag, on=True)
        doubled.hands.switch(flag, on=False)

    double.faults.append(Fault("meddle", method="POST", part="/on", action=there_and_back))
    fact = seen(doubled.server().apply(effect(flag, True, 1)))
    assert fact.enabled
    assert "admin switched it off at the same moment" in fact.caveat


def test_trap_11_somebody_who_switched_back_before_our_reading_back_is_not_fought(
    doubled: Site, double: UnleashDouble, flag: str
) -> None:
    # The last look's first call; those before it are the first look and the events.
    server = doubled.server()
    looks = iter(range(2))

    def back() -> None:
        if next(looks, None) == 1:
            doubled.hands.switch(flag, on=False)

    double.faults.append(Fault("meddle", method="GET", part=f"/default/features/{flag}", times=2, action=back))
    fact = seen(server.apply(effect(flag, True, 1)))
    assert (fact.enabled, fact.ours, fact.manager) == (False, False, "admin")
    assert len(switches(double)) == 2


def test_trap_8_without_the_events_it_is_switched_all_the_same(doubled: Site, double: UnleashDouble, flag: str) -> None:
    double.faults.append(Fault("status", part="/search/events", status=403, times=None))
    fact = seen(doubled.server().apply(effect(flag, True, 1)))
    assert (fact.enabled, fact.caveat) == (True, "")


def test_a_decision_that_was_marked_and_never_carried_out_is_nobodys_drift(
    doubled: Site, double: UnleashDouble, flag: str
) -> None:
    doubled.hands.switch(flag, on=True)
    server = doubled.server()
    double.faults.append(Fault("reset", method="POST", part="/off"))
    with pytest.raises(TransientError):
        server.apply(effect(flag, False, 9))
    fact = seen(server.observe(want(flag)))
    assert (fact.enabled, fact.ours, fact.manager) == (True, False, "")
    assert fact.mark == Mark(OWNER, 9, COMMIT[:12])


# Tags that may not be set


def test_where_tags_are_not_permitted_the_flag_is_switched_with_a_caveat(
    doubled: Site, double: UnleashDouble, flag: str
) -> None:
    clock = Clock()
    server = doubled.server(clock=clock)
    double.faults.append(Fault("status", method="PUT", part="/tags", status=403, times=None, body="{}"))
    fact = seen(server.apply(effect(flag, True, 1)))
    assert (fact.enabled, fact.mark) == (True, None)
    assert "no mark" in fact.caveat
    # Converged means no write, and what is not permitted is not asked for all the time.
    writes = len(double.writes())
    assert seen(server.apply(effect(flag, True, 1))).enabled
    assert len(double.writes()) == writes
    # Granted meanwhile: found out by and by.
    double.faults.clear()
    clock.now += 601
    assert seen(server.apply(effect(flag, True, 1))).mark == Mark(OWNER, 1, COMMIT[:12])


def test_a_tag_type_made_by_another_daemon_in_between_is_fine(doubled: Site, double: UnleashDouble, flag: str) -> None:
    def quicker() -> None:
        doubled.hands.call("POST", "/api/admin/tag-types", {"name": "reconciler", "description": ""})

    double.faults.append(Fault("meddle", method="POST", part="/tag-types", action=quicker))
    assert seen(doubled.server().apply(effect(flag, True, 1))).mark is not None


def test_a_tag_type_that_may_not_be_made_is_told(doubled: Site, double: UnleashDouble, flag: str) -> None:
    double.faults.append(Fault("status", method="POST", part="/tag-types", status=403, times=None))
    fact = seen(doubled.server().apply(effect(flag, True, 1)))
    assert (fact.enabled, "tag type" in fact.caveat) == (True, True)


# Several threads


def test_a_second_writer_waits_no_longer_than_its_deadline(double: UnleashDouble, doubled: Site, flag: str) -> None:
    server = UnleashServer(double.url, lambda: doubled.secret, deadline=0.1)
    held = server._locks[("default", flag)] = threading.Lock()
    with held, pytest.raises(TransientError, match="under way"):
        server.apply(effect(flag, True, 1))
    assert double.writes()[1:] == []
    server.close()


@pytest.fixture(autouse=True)
def no_secret_is_left_in_what_is_told(caplog: pytest.LogCaptureFixture, doubled: Site) -> Iterator[None]:
    yield
    assert doubled.secret not in caplog.text


@pytest.mark.parametrize("spelled", ["{}", "Basic {}", "%22{}%22", "z" * 290 + "{}"])
def test_credentials_that_the_server_repeats_are_in_nothing_that_goes_to_git(
    doubled: Site, double: UnleashDouble, flag: str, spelled: str
) -> None:
    token = "*:*.s3cret-of-this/server"
    server = UnleashServer(double.url, lambda: token)
    for said in (token, quote(token, safe="")):
        double.faults.append(Fault("status", status=400, body=json.dumps({"message": spelled.format(said)})))
        found = unseen(server.observe(want(flag)))
        assert "400" in found.message
        assert "s3cret" not in found.message
    server.close()
