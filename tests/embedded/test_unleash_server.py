"""The double as a server: its journal, its faults, and that it ends when it is told to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from reconciler.embedded.unleash import ADMIN_TOKEN, Account, Exchange, Fault, UnleashDouble, World

FEATURES = "/api/admin/projects/default/features"


def client(double: UnleashDouble, token: str = ADMIN_TOKEN) -> httpx.Client:
    return httpx.Client(
        base_url=double.url, headers={"Authorization": token}, timeout=0.3, trust_env=False, verify=False
    )


def test_the_journal_tells_what_was_asked() -> None:
    with UnleashDouble() as double, client(double) as http:
        http.post(FEATURES, json={"name": "A"})
        http.get(f"{FEATURES}/A")
        http.get(f"{FEATURES}/B")
        assert double.journal == [
            Exchange("POST", FEATURES, 201),
            Exchange("GET", f"{FEATURES}/A", 200),
            Exchange("GET", f"{FEATURES}/B", 404),
        ]
        assert double.writes() == double.journal[:1]


def test_events_carry_who_and_when() -> None:
    world = World(now=lambda: datetime(2026, 11, 21, 10, 0, 0, 123456, UTC), accounts={"user:ana": Account(7, "ana")})
    with UnleashDouble(world=world) as double, client(double, "user:ana") as http:
        http.post(FEATURES, json={"name": "A"})
        http.post(f"{FEATURES}/A/environments/production/on")
        event = http.get("/api/admin/search/events?feature=IS:A&limit=1").json()["events"][0]
    assert (event["type"], event["createdBy"], event["createdByUserId"]) == ("feature-environment-enabled", "ana", 7)
    assert event["createdAt"] == "2026-11-21T10:00:00.123Z"


def test_repeating_on_records_nothing_and_adds_nothing() -> None:
    with UnleashDouble() as double, client(double) as http:
        http.post(FEATURES, json={"name": "A"})
        for _ in range(3):
            http.post(f"{FEATURES}/A/environments/production/on")
        kinds = [event["type"] for event in double.world.events]
    assert kinds == ["feature-created", "feature-strategy-add", "feature-environment-enabled"]


@pytest.mark.parametrize("kind", ["reset", "lost"])
def test_a_broken_connection_and_what_was_done_all_the_same(kind: Any) -> None:
    with UnleashDouble() as double, client(double) as http:
        double.faults.append(Fault(kind, method="POST"))
        with pytest.raises(httpx.TransportError):
            http.post(FEATURES, json={"name": "A"})
        assert ("A" in double.world.flags) == (kind == "lost")
        assert double.journal[0].status == (201 if kind == "lost" else 0)
        # Once was asked for.
        assert http.get(FEATURES).status_code == 200


def test_a_status_is_answered_and_nothing_done() -> None:
    with UnleashDouble() as double, client(double) as http:
        double.faults.append(Fault("status", status=429, headers={"Retry-After": "7"}, body="later", times=2))
        answers = [http.post(FEATURES, json={"name": "A"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 201]
    assert (answers[0].headers["retry-after"], answers[0].text) == ("7", "later")


def test_without_its_database_it_hangs_and_its_health_is_good() -> None:
    with UnleashDouble() as double, client(double) as http:
        double.database_gone = True
        assert http.get("/health").json() == {"health": "GOOD"}
        with pytest.raises(httpx.ReadTimeout):
            http.get(FEATURES)
        double.database_gone = False
        assert http.get(FEATURES).status_code == 200


def test_closing_ends_what_hangs() -> None:
    double = UnleashDouble()
    double.start()
    double.faults.append(Fault("hang"))
    with client(double) as http, pytest.raises(httpx.ReadTimeout):
        http.get(FEATURES)
    double.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{double.url}/health", trust_env=False)


def test_a_double_that_was_not_started_has_no_address() -> None:
    with pytest.raises(RuntimeError):
        _ = UnleashDouble().url
