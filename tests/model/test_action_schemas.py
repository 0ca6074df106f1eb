"""What an editor says about an action's value is what the action itself says of it.

The values' schemas are for editors alone: the product leaves them out and lets the action parse what was written. So
the two are held against each other here, by tables and by generated values. A schema sees what YAML 1.2's core schema
makes of a value (`+1` is the integer 1, `off` a text), which is the one thing that it cannot know better; what follows
from that is listed by name, and the list holds nothing that is not so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource

from reconciler.decide.actions import registry
from reconciler.model.document import is_null
from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import MapNode, Node, Scalar
from reconciler.model.reader import read_yaml
from reconciler.model.schema import findings, load_schema
from tests.decide.actions.test_contract import BAD, GOOD

pytestmark = pytest.mark.no_cover  # many cases of what other tests cover once; tracing them would double their time

HERE = Place("carts/remediation.yaml", 5, 12)
ACTION = load_schema("remediation")["$defs"]["action"]
TOGGLES = ("featuretoggle", "togglefeature", "toggle-feature")

MORE: dict[str, tuple[str | None, ...]] = {
    "scaling": (
        "null", "''", "-1", "'-3'", "+1%", "+0", "'0'", "'+00'", "one", "1 2", "٣", "true", "9999", "'99999'",
        "-10000", "99999999999999999999", "{}", "{replicas: '4'}", "{replicas: 0}", "{replicas: -1}", "{instances: 1}",
        "{replicas: 99999}", "{replicas: 100000}", "{replicas: '+1'}", "{replicas: [1]}", "{replicas: }",
    ),
    "featuretoggle": (
        "null", "A:on:off", ":on", "'Flag:'", "Flag", "A:TRUE", "'A: on'", "{A: no}", "{A: True}", "{Flag: maybe}",
        "{Flag: 1}", "{Flag: }", "{../x: on}", "{1: on}", "5", "true",
        "{" + ", ".join(f"F{number}: on" for number in range(50)) + "}",
        "{" + ", ".join(f"F{number}: on" for number in range(51)) + "}",
        "x" * 100 + ":on", "x" * 101 + ":on",
    ),
    "restart": ("'null'", "'~'", "Null", "' '", "{}", "true", "0"),
    "rollback": ("''", "'~'", "previous", "{}", "[]"),
    "slowdown": (
        "null", "' 5s '", "1h", "60m", "3600s", "3600000ms", "60.1m", "1.0001h", "3601s", "3600001ms", "1ms", "0.5ms",
        "1.0005s", "0.0005h", "0.00005m", "0.00001m", "0.000005h", "0.000001h", "12345678s", "0000005s", "5S", "5 s",
        "{delay: 5}", "{delay: }", "{delay: 5s, percent: }", "{delay: 5s, percent: '12,5'}", "{delay: 5s, client: 1.5}",
        "{delay: 5s, percent: '0.0'}", "{delay: 5s, percent: '100.0%'}", "{delay: 5s, percent: '100.1'}",
        "{delay: 5s, percent: true}", "{delay: 5s, client: ' 10.0.0.1'}", "{delay: 5s, client: 10.0.0.256}",
        "{delay: 5s, client: 010.0.0.1}", "{delay: 5s, client: '::'}", "{delay: 5s, client: '::ffff:10.0.0.1'}",
        "{delay: 5s, client: }", "{delay: 5s, virtualService: }", "{delay: 5s, virtualService: 5}",
        "{delay: 5s, virtualService: Carts}", "{delay: 5s, virtualService: true}", "{delay: 5s, virtualService: [a]}",
    ),
    "abort": (
        "null", "''", "' 503 '", "400", "599", "399", "-503", "'0503'", "50.3", "true", "{status: '503'}", "{status: }",
        "{status: 503, virtualService: carts}", "{status: 503, delay: 5s}", "[]",
    ),
    "escalate": (
        "null", "''", "5", "1.5", "true", "a" * 500, "a" * 501, "'" + " " * 600 + "a'", "b" + " " * 600 + "a", "[]",
        '"' + "a b\\n" * 125 + '"', '"' + "a b\\n" * 126 + '"',
    ),
    "webhook": (
        "null", "''", "5", "1.5", "true", "-a", "a.b_c-d", "x" * 63, "x" * 64, "{endpoint: [a]}", "{}",
        "{endpoint: a, data: }", "{endpoint: a, data: '~'}", "{endpoint: a, data: text}", "{endpoint: a, data: [b]}",
        "{endpoint: a, data: {}}", "{endpoint: a, data: {b: }}", "{endpoint: a, data: {b: [c]}}",
        "{endpoint: a, data: {.b: c}}", "{endpoint: a, data: {b: true, c: 1.5}}", "{endpoint: 'https://x.example/y'}",
        "{endpoint: a, data: {b: " + "c" * 1000 + "}}", "{endpoint: a, data: {b: " + "c" * 1001 + "}}",
        "{endpoint: a, data: {" + ", ".join(f"k{number}: v" for number in range(51)) + "}}",
    ),
}  # fmt: skip
UNSEEN: dict[str, tuple[tuple[str, str], ...]] = {
    "how a number is written": (
        ("scaling", "00001"),
        ("scaling", "1.0"),
        ("scaling", "1e1"),
        ("scaling", "{replicas: +1}"),
        ("abort", "+503"),
        ("abort", "503.0"),
        ("abort", "0503"),
        ("slowdown", "{delay: 5s, percent: +50}"),
        ("slowdown", "{delay: 5s, percent: .5}"),
        ("slowdown", "{delay: 5s, virtualService: 5.}"),
        ("webhook", "+5"),
    ),
    "how many decimals a number has": (("slowdown", "{delay: 5s, percent: 1.23456}"),),
    "in which capitals a boolean is written": (("slowdown", "{delay: 5s, virtualService: True}"),),
    "the inside of an IPv6 address": (
        ("slowdown", "{delay: 5s, client: '1::2::3'}"),
        ("slowdown", "{delay: 5s, client: '12345::'}"),
        ("abort", "{status: 503, client: '1:2:3'}"),
    ),
    "which key is that of a secret": (("webhook", "{endpoint: a, data: {apiToken: abc}}"),),
}
"""What the action refuses and a schema cannot see."""
DOUBTED = (
    ("slowdown", "{delay: 5s, virtualService: null}"),
    ("webhook", "{endpoint: null}"),
)
"""What the action takes as written and the schema refuses: names that are a null to everybody else."""


def ecma_pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """As in editors, whose `$` is the end of the text and not a line end before it."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$\Z", r"\\Z", pattern), instance):
        yield ValidationError("does not match")


SHARED: Registry[Any] = Registry().with_resource("common.schema.json", Resource.from_contents(load_schema("common")))
EDITOR = extend(Draft202012Validator, {"pattern": ecma_pattern})(  # type: ignore[no-untyped-call]  # untyped in the stubs
    load_schema("remediation"), registry=SHARED
)


def playbook(action: str, value: str | None) -> Node:
    line = "" if value is None else f"    value: {value}\n"
    text = f"remediations:\n- name: slow\n  actions:\n  - action: {action}\n{line}"
    return read_yaml(text.encode(), HERE.path)


def value_of(document: Any) -> Node | None:
    found: Node | None = document.get("remediations").items[0].get("actions").items[0].get("value")
    return found


def editor_takes(action: str, value: Node | None) -> bool:
    one: dict[str, Any] = {"action": action} | ({} if value is None else {"value": value.plain()})
    return bool(EDITOR.is_valid({"remediations": [{"name": "slow", "actions": [one]}]}))


def action_takes(action: str, value: Node | None) -> bool:
    try:
        registry.parse_action(action, None if is_null(value) else value, HERE)
    except UserError:
        return False
    return True


TABLE = list(
    dict.fromkeys((name, value) for table in (GOOD, BAD, MORE) for name, values in table.items() for value in values)
)
LOOSE = [one for ones in UNSEEN.values() for one in ones]


def test_editors_offer_every_action_and_no_other() -> None:
    names = [name for action in registry._ACTIONS for name in action.names]
    offered = ACTION["properties"]["action"]["examples"]
    assert sorted(offered) == sorted(names)
    tests = [branch["if"]["properties"]["action"] for branch in ACTION["allOf"]]
    assert sorted(name for test in tests for name in test.get("enum", [test.get("const")])) == sorted(names)


def test_every_branch_leads_to_a_schema_of_its_own() -> None:
    leads = [branch["then"]["properties"]["value"]["$ref"] for branch in ACTION["allOf"]]
    assert len(set(leads)) == len(leads)
    assert {lead.removeprefix("#/$defs/") for lead in leads} <= load_schema("remediation")["$defs"].keys()
    assert all(branch["x-editors"] is True for branch in ACTION["allOf"])


@pytest.mark.parametrize(("action", "value"), TABLE)
def test_editor_and_action_agree(action: str, value: str | None) -> None:
    node = value_of(playbook(action, value))
    assert editor_takes(action, node) == action_takes(action, node)


@pytest.mark.parametrize("action", TOGGLES)
@pytest.mark.parametrize(("value", "taken"), [("A:on", True), ("{A: off}", True), ("A", False), (None, False)])
def test_one_action_under_its_three_names(action: str, value: str | None, taken: bool) -> None:
    assert editor_takes(action, value_of(playbook(action, value))) is taken


@pytest.mark.parametrize(("action", "value"), LOOSE)
def test_what_a_schema_cannot_see(action: str, value: str) -> None:
    node = value_of(playbook(action, value))
    assert (editor_takes(action, node), action_takes(action, node)) == (True, False)


@pytest.mark.parametrize(("action", "value"), DOUBTED)
def test_what_an_editor_doubts(action: str, value: str) -> None:
    node = value_of(playbook(action, value))
    assert (editor_takes(action, node), action_takes(action, node)) == (False, True)


@pytest.mark.parametrize(("action", "value"), [*TABLE, *LOOSE, *DOUBTED])
def test_the_product_leaves_values_to_the_action(action: str, value: str | None) -> None:
    assert findings(playbook(action, value), "remediation") == []


@pytest.mark.parametrize("value", [None, "anything", "[1, 2]", "{a: {b: c}}"])
def test_actions_of_other_packages_are_free(value: str | None) -> None:
    assert editor_takes("breaker", value_of(playbook("breaker", value)))


NUMBER = st.from_regex(r"\A[+-]?0{0,2}[0-9]{0,6}(\.[0-9]{1,5})?(%|ms|s|m|h)?\Z")
DELAY = st.from_regex(r"\A ?[0-9]{1,8}(\.[0-9]{1,7})?(ms|s|m|h)\n?\Z")
EDGE = st.builds(
    "{}{}{}".format,
    st.sampled_from(["0", "1", "59", "60", "61", "3599", "3600", "3601", "3600000", "03600"]),
    st.sampled_from(["", ".0", ".5", ".05", ".001", ".00005", ".000015", ".000005", ".0000000"]),
    st.sampled_from(["ms", "s", "m", "h"]),
)
WORD = st.text("aZ0.-_~/: \n\té", max_size=6)
STATE = st.sampled_from(["on", "On", "OFF", "yes", "no", "True", "false", "y", "on ", "", "maybe", "null"])
FLAG = st.builds("{}:{}".format, WORD, STATE)
ANY = st.one_of(NUMBER, DELAY, EDGE, WORD, STATE, FLAG, st.sampled_from(["", "~", "null", "503", "599", "600", "100"]))
CLIENT = st.one_of(st.ip_addresses().map(str), st.from_regex(r"\A[0-9]{1,3}(\.[0-9]{1,3}){2,4}\Z"), ANY)
PLACES = (
    *((name, "") for name in GOOD),
    *(("scaling", "replicas"), ("featuretoggle", "A"), ("webhook", "endpoint")),
    *((name, key) for name in ("slowdown", "abort") for key in ("percent", "virtualService", "client")),
    *(("slowdown", "delay"), ("abort", "status")),
)
NEEDED = {"slowdown": ("delay", "5s"), "abort": ("status", "503")}


def placed(action: str, key: str, raw: str, *, quoted: bool) -> Node:
    """A text as an action's whole value, or under a key of its mapping with whatever else that needs."""
    text = Scalar(raw, quoted, HERE)
    if not key:
        return text
    entries = [(Scalar(key, False, HERE), text)]
    needed, usual = NEEDED.get(action, (key, ""))
    if needed != key:
        entries.append((Scalar(needed, False, HERE), Scalar(usual, True, HERE)))
    return MapNode(tuple(entries), HERE)


@pytest.mark.parametrize(("action", "key"), PLACES)
@settings(max_examples=40)
@given(data=st.data())
def test_a_text_means_the_same_to_both(action: str, key: str, data: st.DataObject) -> None:
    raw = data.draw(CLIENT if key == "client" else ANY)
    node = placed(action, key, raw, quoted=True)
    told, taken = editor_takes(action, node), action_takes(action, node)
    # Of an IPv6 address a schema sees the characters.
    assert told == taken or (key == "client" and told and raw.count(":") > 1)


@pytest.mark.parametrize(("action", "key"), PLACES)
@settings(max_examples=30)
@given(data=st.data())
def test_an_editor_refuses_nothing_that_the_action_takes(action: str, key: str, data: st.DataObject) -> None:
    raw = data.draw(CLIENT if key == "client" else ANY).strip()
    node = placed(action, key, raw, quoted=False)
    doubted = key in ("virtualService", "endpoint") and Scalar(raw, False, HERE).plain() is None
    assert doubted or editor_takes(action, node) or not action_takes(action, node)
