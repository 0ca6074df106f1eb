"""Faults on Istio's routes: put on, read back, taken out again exactly, whoever edits the routes meanwhile."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.errors import TerminalError
from reconciler.model.targets import Field
from reconciler.targets.kubernetes.routes import FAULTS, changed, foreign, record, standing
from tests.targets.kubernetes.istio import ABORT, ADMIN, DELAY, HEADER, MOVED, PLAIN, virtual_service


def after(item: dict[str, Any], *changes: tuple[Field, str]) -> dict[str, Any]:
    """Return an object after changes, as the server keeps it."""
    for field, value in changes:
        http, faults = changed(item, field, value)
        notes = {**item["metadata"].get("annotations", {}), FAULTS: record(faults)}
        item = {
            **item,
            "metadata": {
                **item["metadata"],
                "annotations": {key: one for key, one in notes.items() if one is not None},
            },
            "spec": {**item["spec"], "http": http},
        }
        item = json.loads(json.dumps(item))
    return item


def test_a_fault_for_everybody_is_put_on_the_routes_that_there_are() -> None:
    item = after(virtual_service(ADMIN, MOVED, PLAIN), ("delay", "5s 100%"))
    assert item["spec"]["http"] == [{**ADMIN, "fault": DELAY}, MOVED, {**PLAIN, "fault": DELAY}]
    assert standing(item) == {"delay": "5s 100%"}
    assert foreign(item) == ""


def test_both_faults_stand_side_by_side_and_go_one_by_one() -> None:
    both = after(virtual_service(PLAIN), ("delay", "5s 100%"), ("abort", "503 50%"))
    assert both["spec"]["http"] == [{**PLAIN, "fault": {**DELAY, **ABORT}}]
    assert standing(both) == {"delay": "5s 100%", "abort": "503 50%"}
    assert after(both, ("delay", ""))["spec"]["http"] == [{**PLAIN, "fault": ABORT}]
    assert after(both, ("delay", ""), ("abort", "")) == after(virtual_service(PLAIN), ("abort", ""))


def test_a_fault_for_one_client_is_a_copy_of_every_route_in_front() -> None:
    item = after(virtual_service(ADMIN, MOVED, PLAIN), ("delay@10.0.0.1", "5s 100%"))
    admin = {
        **ADMIN, "name": "reconciler-10.0.0.1-0", "fault": DELAY,
        "match": [{"uri": {"prefix": "/admin"}, "headers": HEADER}, {"port": 8080, "headers": HEADER}],
    }  # fmt: skip
    moved = {**MOVED, "name": "reconciler-10.0.0.1-1", "match": [{"uri": {"exact": "/old"}, "headers": HEADER}]}
    plain = {**PLAIN, "name": "reconciler-10.0.0.1-2", "match": [{"headers": HEADER}], "fault": DELAY}
    # In their order, redirects too: what this client asks for goes where it went before.
    assert item["spec"]["http"] == [admin, moved, plain, ADMIN, MOVED, PLAIN]
    assert standing(item) == {"delay@10.0.0.1": "5s 100%"}
    assert after(item, ("delay@10.0.0.1", ""))["spec"] == virtual_service(ADMIN, MOVED, PLAIN)["spec"]


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("10.0.0.1", True), ("10.0.0.1, 192.168.7.7", True), ("10.0.0.1 ,192.168.7.7, 1.1.1.1", True),
        ("10.0.0.10", False), ("10a0b0c1", False), ("192.168.7.7, 10.0.0.1", False), ("", False),
    ],
)  # fmt: skip
def test_the_client_is_the_first_address_that_proxies_tell(header: str, meant: bool) -> None:
    item = after(virtual_service(PLAIN), ("delay@10.0.0.1", "5s 100%"))
    pattern = item["spec"]["http"][0]["match"][0]["headers"]["x-forwarded-for"]["regex"]
    assert (re.fullmatch(pattern, header) is not None) is meant


def test_a_client_has_what_everybody_has_and_its_own() -> None:
    item = after(
        virtual_service(PLAIN), ("abort", "503 50%"), ("delay@10.0.0.1", "5s 100%"), ("abort@10.0.0.1", "403 100%")
    )
    own, plain = item["spec"]["http"]
    assert own["fault"] == {**DELAY, "abort": {"httpStatus": 403, "percentage": {"value": 100}}}
    assert plain["fault"] == ABORT
    assert len(standing(item)) == 3
    item = after(item, ("abort@10.0.0.1", ""))
    assert item["spec"]["http"][0]["fault"] == {**DELAY, **ABORT}
    assert standing(item) == {"abort": "503 50%", "delay@10.0.0.1": "5s 100%"}


def test_a_header_that_is_chosen_by_already_cannot_be_chosen_by_twice() -> None:
    taken = {**PLAIN, "match": [{"headers": {"X-Forwarded-For": {"exact": "10.9.9.9"}}}]}
    with pytest.raises(TerminalError, match="x-forwarded-for already") as refused:
        changed(virtual_service(taken), "delay@10.0.0.1", "5s 100%")
    assert refused.value.hint
    # One that came since is not in the way of taking the fault out.
    item = after(virtual_service(PLAIN), ("delay@10.0.0.1", "5s 100%"))
    item["spec"]["http"].append(taken)
    assert standing(item) == {}
    assert after(item, ("delay@10.0.0.1", ""))["spec"]["http"] == [PLAIN, taken]


@pytest.mark.parametrize(
    "routes", [(), (MOVED,), ({"delegate": {"name": "other"}},), ({"directResponse": {"status": 503}},)]
)
def test_without_a_destination_no_fault_can_be(routes: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(TerminalError, match="no HTTP route to a destination"):
        changed(virtual_service(*routes), "delay", "5s 100%")
    assert changed(virtual_service(*routes), "delay", "") == (list(routes), {})


def test_somebody_elses_fault_is_told_and_none_of_ours_put_beside_it() -> None:
    theirs = virtual_service(
        {**PLAIN, "fault": {"delay": {"fixedDelay": "3s", "percentage": {"value": 0.1}}}}, {**ADMIN, "fault": ABORT}
    )
    assert foreign(theirs) == "delay 3s 0.1% on route 1, abort 503 50% on route admin"
    assert standing(theirs) == {}
    for field, value in (("delay", "5s 100%"), ("abort", "503 50%"), ("delay@10.0.0.1", "5s 100%")):
        with pytest.raises(TerminalError, match="a fault that is not ours: delay 3s"):
            changed(theirs, field, value)
    assert changed(theirs, "delay", "")[0] == theirs["spec"]["http"]


def test_a_fault_of_somebody_elses_beside_ours_stays_when_ours_goes() -> None:
    item = after(virtual_service(PLAIN), ("delay", "5s 100%"))
    item["spec"]["http"][0]["fault"]["abort"] = ABORT["abort"]
    item["spec"]["http"].append({**ADMIN, "fault": {"delay": {"fixedDelay": "9s"}}})
    assert foreign(item) == "abort 503 50% on route 1, delay 9s 0% on route admin"
    gone = after(item, ("delay", ""))["spec"]["http"]
    assert gone == [{**PLAIN, "fault": ABORT}, {**ADMIN, "fault": {"delay": {"fixedDelay": "9s"}}}]


@pytest.mark.parametrize(
    ("edit", "seen"),
    [
        (lambda http: http[0]["route"][1].update(weight=50), "5s 100%"),
        (lambda http: http[0].pop("fault"), None),
        (lambda http: http.append(copy.deepcopy(ADMIN)), None),
        (lambda http: http.append(copy.deepcopy(MOVED)), "5s 100%"),
        (lambda http: http[0]["fault"]["delay"].update(fixedDelay="2s"), "2s 100%"),
        (lambda http: http[0]["fault"]["delay"].update(fixedDelay="5000ms"), "5s 100%"),
        (lambda http: http[0]["fault"]["delay"].pop("percentage"), "5s 0%"),
        (lambda http: http[0]["fault"].update(ABORT), "5s 100%"),
    ],
)
def test_what_others_do_to_the_routes_shows(edit: Callable[[Any], Any], seen: str | None) -> None:
    item = after(virtual_service(PLAIN), ("delay", "5s 100%"))
    edit(item["spec"]["http"])
    assert standing(item).get("delay") == seen
    # Set again, it is as it shall be, and what they did beside it stays.
    again = after(item, ("delay", "5s 100%"))
    assert standing(again) == {"delay": "5s 100%"}
    gone = after(again, ("delay", ""))["spec"]["http"]
    assert all("delay" not in route.get("fault", {}) for route in gone)
    assert [route.get("route") for route in gone] == [route.get("route") for route in item["spec"]["http"]]


@pytest.mark.parametrize(
    "edit",
    [
        lambda http: http[1]["route"][1].update(weight=50),
        lambda http: http.insert(0, copy.deepcopy(ADMIN)),
        lambda http: http.pop(0),
        lambda http: http[0]["fault"]["delay"].update(fixedDelay="2s"),
        lambda http: http[0].update(match=[]),
    ],
)
def test_copies_that_are_not_what_the_routes_give_do_not_stand(edit: Callable[[Any], Any]) -> None:
    item = after(virtual_service(PLAIN), ("delay@10.0.0.1", "5s 100%"))
    edit(item["spec"]["http"])
    assert standing(item) == {}
    again = after(item, ("delay@10.0.0.1", "5s 100%"))
    assert standing(again) == {"delay@10.0.0.1": "5s 100%"}
    theirs = [route for route in item["spec"]["http"] if not str(route.get("name", "")).startswith("reconciler-")]
    assert after(item, ("delay@10.0.0.1", ""))["spec"]["http"] == theirs


@pytest.mark.parametrize(
    "note", ["", "{}", "[]", "7", "{broken", '{"delay": "soon"}', '{"replicas": "5s 100%"}', '{"delay": 5}']
)
def test_an_annotation_that_is_not_as_we_write_it_claims_nothing(note: str) -> None:
    item = virtual_service({**PLAIN, "fault": DELAY}, annotations={FAULTS: note})
    assert standing(item) == {}
    assert foreign(item) == "delay 5s 100% on route 1"
    assert changed(item, "delay", "")[0] == item["spec"]["http"]


FIELDS = ["delay", "abort", "delay@10.0.0.1", "abort@10.0.0.1", "delay@2001:db8::1"]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(FIELDS), st.sampled_from(["", "1", "2"])), max_size=8),
    st.lists(st.sampled_from([PLAIN, ADMIN, MOVED]), min_size=1, max_size=3),
)
def test_whatever_came_and_went_the_routes_are_as_they_were(
    changes: list[tuple[str, str]], routes: list[dict[str, Any]]
) -> None:
    bare = virtual_service(*routes, PLAIN)
    item, held = bare, dict[str, str]()
    for field, which in changes:
        amount = {"": "", "1": "5s 100%", "2": "0.25s 12.5%"}[which]
        value = amount if field.startswith("delay") or not amount else {"1": "503 50%", "2": "404 100%"}[which]
        item = after(item, (field, value))
        held = {key: old for key, old in held.items() if key != field} | ({field: value} if value else {})
        assert standing(item) == held
        assert after(item, (field, value)) == item  # converged
    assert foreign(item) == ""
    for field in held:
        item = after(item, (field, ""))
    assert item["spec"] == bare["spec"]
