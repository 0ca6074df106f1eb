"""Every spelling of an action's value means one thing, as written and not as YAML types it; nonsense is refused."""

from __future__ import annotations

import pytest

from reconciler.decide.actions.registry import check_playbook, parse_action, pin, unpin
from reconciler.model.errors import UserError
from reconciler.model.playbook import Playbook, load_playbook


def loaded(action: str, value: str | None) -> Playbook:
    line = "" if value is None else f"    value: {value}\n"
    text = f"remediations:\n- name: slow\n  actions:\n  - action: {action}\n{line}"
    return load_playbook(text.encode(), "carts/remediation.yaml")


def written(action: str, value: str | None) -> str:
    entry = loaded(action, value).entries[0].actions[0]
    spec = parse_action(entry.action, entry.value, entry.place)
    assert unpin(pin(entry), "remediation.yaml") == spec  # what a step pins means the same
    return spec.written


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("+1", "scaling +1"),
        ("1", "scaling +1"),
        ('"1"', "scaling +1"),
        ('"+1"', "scaling +1"),
        ("-1", "scaling -1"),
        ("-3", "scaling -3"),
        ("'-3'", "scaling -3"),
        ("{replicas: 4}", "scaling {replicas: 4}"),
        ('{replicas: "4"}', "scaling {replicas: 4}"),
        ("{replicas: 0}", "scaling {replicas: 0}"),
        ("\n      replicas: 4", "scaling {replicas: 4}"),
    ],
)
def test_scaling(value: str, meaning: str) -> None:
    assert written("scaling", value) == meaning


@pytest.mark.parametrize("name", ["featuretoggle", "togglefeature", "toggle-feature"])
@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("EnablePromotion:off", "featuretoggle EnablePromotion:off"),
        ('"EnablePromotion:off"', "featuretoggle EnablePromotion:off"),
        ("{EnablePromotion: off}", "featuretoggle EnablePromotion:off"),
        ('{EnablePromotion: "off"}', "featuretoggle EnablePromotion:off"),
        ("{EnablePromotion: false}", "featuretoggle EnablePromotion:off"),
        ("{EnablePromotion: no}", "featuretoggle EnablePromotion:off"),
        ("{EnableItemsCache: on}", "featuretoggle EnableItemsCache:on"),
        ("EnableItemsCache:on", "featuretoggle EnableItemsCache:on"),
        ("{EnableItemsCache: TRUE}", "featuretoggle EnableItemsCache:on"),
        ("{A: on, B: off}", "featuretoggle A:on, B:off"),
    ],
)
def test_featuretoggle(name: str, value: str, meaning: str) -> None:
    assert written(name, value) == meaning


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("scaling", "+1%"),
        ("scaling", "1.5"),
        ("scaling", "+0"),
        ("scaling", "0"),
        ("scaling", "99999999999999999999"),
        ("scaling", "one"),
        ("scaling", "1 2"),
        ("scaling", "٣"),
        ("scaling", "true"),
        ("scaling", "[1]"),
        ("scaling", "{replicas: +1}"),
        ("scaling", "{replicas: -1}"),
        ("scaling", "{replicas: 1, more: 2}"),
        ("scaling", "{instances: 1}"),
        ("scaling", "{replicas: [1]}"),
        ("scaling", None),
        ("featuretoggle", "A:on:off"),
        ("featuretoggle", ":on"),
        ("featuretoggle", '"Flag:"'),
        ("featuretoggle", "Flag"),
        ("featuretoggle", "{Flag: maybe}"),
        ("featuretoggle", "{Flag: 1}"),
        ("featuretoggle", "{Flag: }"),
        ("featuretoggle", "{Flag: [on]}"),
        ("featuretoggle", "{}"),
        ("featuretoggle", "[Flag]"),
        ("featuretoggle", "{../x: on}"),
        ("featuretoggle", None),
        ("scalling", "+1"),
    ],
)
def test_nonsense_is_refused_with_its_place(action: str, value: str | None) -> None:
    try:
        found = check_playbook(loaded(action, value))
    except UserError as error:  # some of it is refused while loading
        found = [error]
    assert found
    assert found[0].place is not None
    assert found[0].place.path == "carts/remediation.yaml"
    assert found[0].place.line >= 4
    assert found[0].expected


def test_an_unknown_action_names_its_neighbour() -> None:
    (error,) = check_playbook(loaded("scalling", "+1"))
    assert error.hint == "did you mean scaling?"


def test_an_unknown_action_stands_where_it_begins_or_where_its_name_is_if_that_is_asked_for() -> None:
    def place(playbook: Playbook, **asked: bool) -> str:
        (error,) = check_playbook(playbook, **asked)
        return str(error.place)

    unknown, known = loaded("scalin", "+1"), loaded("scaling", "much")
    assert place(unknown) == "carts/remediation.yaml:4:5"
    assert place(unknown, at_names=True) == "carts/remediation.yaml:4:13"
    assert place(known, at_names=True) == "carts/remediation.yaml:5:12"
