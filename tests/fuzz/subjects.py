"""What is fuzzed: each subject takes any bytes, and fails where the product would do what it must never do.

Whatever comes from outside is read, or refused by an error of ours that has a place. Beyond that each subject holds
what its reader promises: what was read and is written again reads the same, and what a report says can be a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.decide.evaluation import criterion
from reconciler.intake import alertmanager, cloudevents, dynatrace, forges, own
from reconciler.intake.merging import file_path, merged
from reconciler.intake.report import Payload
from reconciler.model import canonical
from reconciler.model.command import load_command
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.errors import UserError
from reconciler.model.invalid import InvalidFile
from reconciler.model.json_path import parse_json_path
from reconciler.model.playbook import load_playbook
from reconciler.model.policy import load_service, load_stage
from reconciler.model.problem import load_problem
from reconciler.model.problem_ids import problem_id
from reconciler.model.project import load_project
from reconciler.model.reader import PROBLEM_LIMIT, read_yaml
from reconciler.model.shipyard import load_shipyard
from reconciler.model.sli import load_sli
from reconciler.model.slo import load_slo
from reconciler.model.webhooks import Belonging, Rule
from reconciler.repo import trailers
from tests.intake.payloads import alert, event, notification

ROOT: Final = Path(__file__).parents[2]
_BELONGING: Final = Belonging(rules=(Rule({"team": "shop"}, stage="production"),), project="shop")
_KEYS: Final = ("Stage", "Service", "Event", "Sequence")


@dataclass(frozen=True)
class Subject:
    """One thing that is fuzzed: ``run`` raises where a promise is broken; ``seeds`` are inputs to begin with."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]


def _loads(load: Callable[[bytes, str], object]) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        refused: list[UserError] = []
        try:
            load(data, "it.yaml")
        except InvalidFile as error:
            refused.extend(error.errors)
        except UserError as error:
            refused.append(error)
        # Who is told of no place is left alone with the file.
        assert all(each.message and each.place is not None for each in refused), refused

    return run


def _machine_written(data: bytes) -> None:
    try:
        read = canonical.read(data, "it.yaml")
    except UserError:
        return
    assert canonical.emit(read) == data


def _is_a_criterion(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        rule = criterion.parse(text)
    except UserError:
        return
    for earlier in (None, 0.0, 100.0):
        target = rule.target(earlier)
        assert target is None or math.isfinite(target), text


def _is_a_path(data: bytes) -> None:
    try:
        path = parse_json_path(data.decode("utf-8", "replace"))
    except UserError:
        return
    documents: tuple[object, ...] = ({}, [], {"data": {"result": [{"value": [0, "1"]}]}}, "text")
    for document in documents:
        try:
            path.find(document)
        except UserError:
            continue


def _composes(data: bytes) -> None:
    """Whatever a value holds, it is read back as it was, and no other trailer comes of it."""
    text = data.decode("utf-8", "replace")
    values = {"Stage": text, "Event": "decided"}
    read = trailers.parse(trailers.compose(f"a subject {text}", text, values), _KEYS)
    assert read.keys() == values.keys(), read
    assert read["Event"] == "decided"
    assert read["Stage"].split() == text.split(), (read["Stage"], text)


def _is_a_message(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    read = trailers.parse(text, _KEYS)
    assert set(read) <= set(_KEYS)
    if "Event" not in text:
        assert "Event" not in read


def _reports(read: Callable[[bytes], Payload]) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        try:
            payload = read(data)
        except UserError:
            return
        for report in payload.reports:
            path = file_path(report)
            assert problem_id(path.rpartition("/")[2].removesuffix(".yaml")) == report.id, path
            assert not {"..", ".git", ""} & set(path.split("/")), path
            content = merged(report, None, path)
            assert content is not None
            assert len(content) <= PROBLEM_LIMIT
            load_problem(content, path)

    return run


def _is_of_a_forge(data: bytes) -> None:
    try:
        forges.changed_ref(data)
    except UserError:
        return


def _files(*patterns: str) -> Callable[[], Iterator[bytes]]:
    def seeds() -> Iterator[bytes]:
        for pattern in patterns:
            for file in sorted(ROOT.glob(pattern)):
                yield file.read_bytes()

    return seeds


def _texts(*texts: str) -> Callable[[], Iterator[bytes]]:
    return lambda: (text.encode() for text in texts)


def _json(*values: object) -> Callable[[], Iterator[bytes]]:
    import json

    return lambda: (json.dumps(value).encode() for value in values)


_EVENTS: Final = {"Content-Type": "application/cloudevents+json"}
_BATCH: Final = {"Content-Type": "application/cloudevents-batch+json"}
_OWN: Final = {"id": "slow-1", "title": "slow", "state": "open", "startedAt": "2026-11-21T10:00:00Z", "details": {}}
_MESSAGE: Final = "carts: scale\n\nbecause\n\nStage: production\nService: carts\nEvent: decided\nSequence: 4\n"

SUBJECTS: Final[Mapping[str, Subject]] = {
    "yaml": Subject(_loads(read_yaml), _files("config-repo-template/**/*.yaml", "examples/**/*.yaml")),
    "machine-yaml": Subject(_machine_written, _texts('title: "a"\nlist:\n  - 1\n  - "b"\nmap:\n  key: null\n')),
    "playbook": Subject(_loads(load_playbook), _files("config-repo-template/**/remediation.yaml")),
    "slo": Subject(_loads(load_slo), _files("config-repo-template/**/slo.yaml")),
    "sli": Subject(_loads(load_sli), _files("config-repo-template/**/sli.yaml")),
    "stage": Subject(_loads(load_stage), _files("config-repo-template/**/stage.yaml")),
    "service": Subject(_loads(load_service), _files("config-repo-template/**/service.yaml")),
    "project": Subject(_loads(load_project), _files("config-repo-template/**/project.yaml")),
    "shipyard": Subject(_loads(load_shipyard), _texts("apiVersion: spec.keptn.sh/0.2.2\nkind: Shipyard\nspec: {}\n")),
    "problem": Subject(_loads(load_problem), _texts("title: slow\nstate: open\nlabels: {a: b}\n")),
    "command": Subject(_loads(load_command), _texts("command: approve\nremediation: p1\nstep: 2\nreason: yes\n")),
    "configuration": Subject(
        _loads(load_daemon_config), _texts("projects:\n  shop:\n    repository: {url: https://example.org/x.git}\n")
    ),
    "criterion": Subject(_is_a_criterion, _texts("<=+10%", "<500", ">=-5%", "=0", "<= 1.5e3", "!=7")),
    "json-path": Subject(_is_a_path, _texts("$.data.result[0].value[1]", "$['a'].b", "$")),
    "trailers": Subject(_composes, _texts("a value", "two\nlines", "Event: applied", "\\u202e", "x\r\n\r\ny")),
    "messages": Subject(_is_a_message, _texts(_MESSAGE, _MESSAGE.replace("\n", "\r\n"))),
    "alertmanager": Subject(
        _reports(lambda body: alertmanager.read(body, _BELONGING)),
        _json({"version": "4", "alerts": [alert()], "groupLabels": {}, "truncatedAlerts": 1}),
    ),
    "alertmanager-api": Subject(_reports(lambda body: alertmanager.read_api(body, _BELONGING)), _json([alert()])),
    "dynatrace": Subject(_reports(lambda body: dynatrace.read(body, _BELONGING)), _json(notification())),
    "cloudevents": Subject(
        _reports(lambda body: cloudevents.read(_EVENTS, body, _BELONGING)),
        _json(event(notification()), event({"problem": notification()}, data_base64="e30=")),
    ),
    "cloudevents-batch": Subject(
        _reports(lambda body: cloudevents.read(_BATCH, body, _BELONGING)), _json([event(notification())])
    ),
    "own-json": Subject(_reports(lambda body: own.read(body, _BELONGING)), _json(_OWN, {"problems": [_OWN]})),
    "forges": Subject(_is_of_a_forge, _json({"ref": "refs/heads/production"}, {"object_kind": "push", "ref": "x"})),
}
"""Everything that reads what somebody else wrote, by name."""
