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
from reconciler.decide.evaluation.objectives import load_objectives
from reconciler.intake import alertmanager, cloudevents, dynatrace, forges, own
from reconciler.intake.merging import file_path, merged
from reconciler.intake.report import Payload
from reconciler.model import canonical
from reconciler.model.closed import load_archive
from reconciler.model.command import load_command
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.desired import load_desired
from reconciler.model.errors import UserError
from reconciler.model.evaluations import load_evaluations
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
from reconciler.model.step import load_step
from reconciler.model.webhooks import Belonging, Rule
from reconciler.repo import trailers
from tests.intake.payloads import alert, event, notification

ROOT: Final = Path(__file__).parents[2]
_BELONGING: Final = Belonging(rules=(Rule({"team": "shop"}, stage="production"),), project="shop")
_KEYS: Final = ("Stage", "Service", "Event", "Sequence")


@dataclass(frozen=True)
class Subject:
    """One thing that is fuzzed: ``run`` raises where a promise is broken, and returns whether the bytes were taken.

    ``seeds`` are inputs to begin with.
    """

    run: Callable[[bytes], bool]
    seeds: Callable[[], Iterator[bytes]]


def _loads(load: Callable[[bytes, str], object], path: str = "it.yaml") -> Callable[[bytes], bool]:
    def run(data: bytes) -> bool:
        refused: list[UserError] = []
        try:
            load(data, path)
        except InvalidFile as error:
            refused.extend(error.errors)
        except UserError as error:
            refused.append(error)
        # Who is told of no place is left alone with the file.
        assert all(each.message and each.place is not None for each in refused), refused
        return not refused

    return run


def _machine_written(data: bytes) -> bool:
    try:
        read = canonical.read(data, "it.yaml")
    except UserError:
        return False
    assert canonical.emit(read) == data
    return True


def _is_a_criterion(data: bytes) -> bool:
    text = data.decode("utf-8", "replace")
    try:
        rule = criterion.parse(text)
    except UserError:
        return False
    for earlier in (None, 0.0, 100.0):
        target = rule.target(earlier)
        assert target is None or math.isfinite(target), text
    return True


def _is_a_path(data: bytes) -> bool:
    try:
        path = parse_json_path(data.decode("utf-8", "replace"))
    except UserError:
        return False
    documents: tuple[object, ...] = ({}, [], {"data": {"result": [{"value": [0, "1"]}]}}, "text")
    for document in documents:
        try:
            path.find(document)
        except UserError:
            continue
    return True


def _composes(data: bytes) -> bool:
    """Whatever a value holds, it is read back as it was, and no other trailer comes of it."""
    text = data.decode("utf-8", "replace")
    values = {"Stage": text, "Event": "decided"}
    read = trailers.parse(trailers.compose(f"a subject {text}", text, values), _KEYS)
    assert read.keys() == values.keys(), read
    assert read["Event"] == "decided"
    assert read["Stage"].split() == text.split(), (read["Stage"], text)
    return True


def _is_a_message(data: bytes) -> bool:
    text = data.decode("utf-8", "replace")
    read = trailers.parse(text, _KEYS)
    assert set(read) <= set(_KEYS)
    if "Event" not in text:
        assert "Event" not in read
    return "Event" in read


def _reports(read: Callable[[bytes], Payload]) -> Callable[[bytes], bool]:
    def run(data: bytes) -> bool:
        try:
            payload = read(data)
        except UserError:
            return False
        for report in payload.reports:
            path = file_path(report)
            assert problem_id(path.rpartition("/")[2].removesuffix(".yaml")) == report.id, path
            assert not {"..", ".git", ""} & set(path.split("/")), path
            content = merged(report, None, path)
            assert content is not None
            assert len(content) <= PROBLEM_LIMIT
            load_problem(content, path)
        return bool(payload.reports)

    return run


def _is_known(data: bytes) -> bool:
    try:
        return bool(alertmanager.read_known(data, _BELONGING))
    except UserError:
        return False


def _is_of_a_forge(data: bytes) -> bool:
    try:
        return forges.changed_ref(data) is not None
    except UserError:
        return False


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
_SHIPYARD: Final = (
    "apiVersion: spec.keptn.sh/0.2.2\nkind: Shipyard\nspec:\n  stages:\n  - name: production\n    sequences:\n"
    "    - name: remediation\n      tasks:\n      - name: evaluation\n        triggeredAfter: 5m\n"
    "        properties: {timeframe: 5m}\n"
)
_STEP: Final = canonical.emit({
    "event": "decided", "sequence": 2, "now": "2026-11-21T10:00:00Z", "rules": 3, "action": "scaling +1",
    "changes": [{"target": "kubernetes/shop/Deployment/carts", "field": "replicas", "value": 2}],
    "facts": {"kubernetes/shop/Deployment/carts|carts": {"replicas": 1, "ready": True}},
}).decode()  # fmt: skip
_DESIRED: Final = canonical.emit({"targets": {"kubernetes/shop/Deployment/carts": {"replicas": {
    "value": 2, "base": 1, "sequence": 2, "by": "p1",
    "claims": [{"remediation": "p1", "step": 2, "sequence": 2, "by": 1}],
}}}}).decode()  # fmt: skip
_EVALUATIONS: Final = canonical.emit({"evaluations": [{
    "remediation": "p1", "step": 4, "start": "2026-11-21T10:00:00Z", "end": "2026-11-21T10:05:00Z", "result": "pass",
    "score": 100.0, "values": {"response_time_p90": 480.5}, "invalidated": True,
}]}).decode()  # fmt: skip
_ARCHIVE: Final = canonical.emit({"closed": [{
    "service": "shop/carts", "problem": "p1", "occurrence": 1, "end": "remediated", "at": "2026-11-21T10:00:00Z",
    "blob": "0" * 40,
}]}).decode()  # fmt: skip

SUBJECTS: Final[Mapping[str, Subject]] = {
    "yaml": Subject(_loads(read_yaml), _files("config-repo-template/**/*.yaml", "examples/**/*.yaml")),
    "machine-yaml": Subject(_machine_written, _texts('title: "a"\nlist:\n  - 1\n  - "b"\nmap:\n  key: null\n')),
    "playbook": Subject(_loads(load_playbook), _files("config-repo-template/**/remediation.yaml")),
    "slo": Subject(_loads(load_slo), _files("config-repo-template/**/slo.yaml")),
    "sli": Subject(_loads(load_sli), _files("config-repo-template/**/sli.yaml")),
    "stage": Subject(_loads(load_stage), _files("config-repo-template/**/stage.yaml")),
    "service": Subject(_loads(load_service), _files("config-repo-template/**/service.yaml")),
    "project": Subject(_loads(load_project), _files("config-repo-template/**/project.yaml")),
    "shipyard": Subject(
        _loads(load_shipyard), _texts(_SHIPYARD, "stages:\n- name: production\n  remediation_strategy: automated\n")
    ),
    "problem": Subject(_loads(load_problem), _texts("title: slow\nstate: open\nlabels: {a: b}\n")),
    "command": Subject(_loads(load_command), _texts("verb: approve\nremediation: p1\nstep: 2\nreason: fine\n")),
    "configuration": Subject(_loads(load_daemon_config), _files("examples/sockshop/reconciler.yaml")),
    "objectives": Subject(_loads(load_objectives), _files("config-repo-template/**/slo.yaml")),
    "step": Subject(_loads(load_step, "0002-decided.yaml"), _texts(_STEP)),
    "desired": Subject(_loads(load_desired), _texts(_DESIRED)),
    "evaluations": Subject(_loads(load_evaluations), _texts(_EVALUATIONS)),
    "archive": Subject(_loads(load_archive), _texts(_ARCHIVE)),
    "criterion": Subject(_is_a_criterion, _texts("<=+10%", "<500", ">=-5%", "=0", "<= 1.5e3", "!=7")),
    "json-path": Subject(_is_a_path, _texts("$.data.result[0].value[1]", "$['a'].b", "$")),
    "trailers": Subject(_composes, _texts("a value", "two\nlines", "Event: applied", "\\u202e", "x\r\n\r\ny")),
    "messages": Subject(_is_a_message, _texts(_MESSAGE, _MESSAGE.replace("\n", "\r\n"))),
    "alertmanager": Subject(
        _reports(lambda body: alertmanager.read(body, _BELONGING)),
        _json({"version": "4", "alerts": [alert()], "groupLabels": {}, "truncatedAlerts": 1}),
    ),
    "alertmanager-api": Subject(
        _reports(lambda body: alertmanager.read_api(body, _BELONGING)),
        _json([alert() | {"status": {"state": "active", "silencedBy": [], "inhibitedBy": []}}]),
    ),
    "alertmanager-known": Subject(_is_known, _json([alert()])),
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
