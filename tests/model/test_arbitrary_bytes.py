"""Whatever bytes come, a loader loads them or refuses them with places; it never fails otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model import schema
from reconciler.model.command import load_command
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.errors import UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.playbook import load_playbook
from reconciler.model.policy import load_service, load_stage
from reconciler.model.problem import load_problem
from reconciler.model.project import load_project
from reconciler.model.reader import read_yaml
from reconciler.model.shipyard import load_shipyard
from reconciler.model.sli import load_sli
from reconciler.model.slo import load_slo

pytestmark = pytest.mark.no_cover  # many cases of what other tests cover once; tracing them would double their time

QUICK = settings(deadline=None, max_examples=50)

LOADERS: dict[str, Callable[[bytes, str], object]] = {
    "remediation": load_playbook,
    "problem": load_problem,
    "problem-event": load_problem,
    "stage": load_stage,
    "service": load_service,
    "project": load_project,
    "shipyard": load_shipyard,
    "slo": load_slo,
    "sli": load_sli,
    "command": load_command,
    "reconciler": load_daemon_config,
}

yaml_like = st.text(
    st.sampled_from("ab01 \n\t:-+{}[],\"'#&*!|>%@`?~<=.\\\r\x00\x1b\x85\u2028\ufeff\u202eä😀"), max_size=80
).map(lambda text: text.encode())
anything = st.binary(max_size=120) | yaml_like


def words(name: str) -> list[str]:
    """Every key that the schema of a file knows, and every word that it lists."""
    found: set[str] = set()

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            found.update(part.get("properties", {}))
            found.update(word for word in part.get("enum", ()) if isinstance(word, str))
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(schema.load_schema(name))
    walk(schema.load_schema("common"))
    return sorted(found | {"sh.keptn.events.problem", "spec.keptn.sh/0.1.4", "spec.keptn.sh/0.2.2", "x"})


def documents(name: str) -> st.SearchStrategy[bytes]:
    """Documents that have the right words in the wrong places."""
    word = st.sampled_from(words(name))
    values = ["1", "+1", "''", "null", "~", "1.5", "true", "off", "10m", "0s", "'x'", '"\\u202e"']
    scalar = word | st.sampled_from(values)

    def wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.dictionaries(word, inner, max_size=4).map(
            lambda entries: "{" + ", ".join(f'"{key}": {value}' for key, value in entries.items()) + "}"
        )
        return pairs | st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")

    return st.recursive(scalar, wider, max_leaves=12).map(str.encode)


@QUICK
@given(anything)
def test_f4_the_reader_reads_or_refuses(data: bytes) -> None:
    try:
        read_yaml(data, "f.yaml")
    except UserError as error:
        assert error.place is not None  # noqa: PT017 - either outcome is fine, this one has a form
        assert error.place.path == "f.yaml"  # noqa: PT017 - as above


@pytest.mark.parametrize("name", LOADERS)
@QUICK
@given(data=st.data())
def test_f4_a_loader_loads_or_refuses(name: str, data: st.DataObject) -> None:
    content = data.draw(anything | documents(name))
    try:
        LOADERS[name](content, "f.yaml")
    except InvalidFile as error:
        assert error.errors  # noqa: PT017 - either outcome is fine, this one has a form
        for each in error.errors:
            assert each.place is not None
            assert each.place.path == "f.yaml"
            assert str(each).count("\x1b") == 0


@pytest.mark.parametrize("name", LOADERS)
@QUICK
@given(data=st.data())
def test_f4_a_damaged_example_loads_or_is_refused(name: str, data: st.DataObject) -> None:
    import json

    example = data.draw(st.sampled_from(schema.load_schema(name)["examples"]))
    content = json.dumps(example, indent=data.draw(st.sampled_from([None, 1]))).encode()
    assert LOADERS[name](content, "f.yaml")
    at = data.draw(st.integers(0, len(content)))
    damaged = content[:at] + data.draw(st.binary(max_size=3)) + content[at + data.draw(st.integers(0, 5)) :]
    try:
        LOADERS[name](damaged, "f.yaml")
    except InvalidFile as error:
        assert error.place is not None  # noqa: PT017 - either outcome is fine, this one has a form
