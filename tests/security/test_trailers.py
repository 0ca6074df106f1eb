"""Nobody but the engine writes a step's trailers: not by a problem's words, a playbook's, a command's or a name."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.daemon.site import Site, git, until

TITLE = "Response time degradation"
FORGED = (
    "\n\nSigned-off-by: Eve <eve@example.org>\nStage: other\nEvent: released\nSequence: 9999\nRules: 1\n"
    "Now: 2030-01-01T00:00:00Z"
)
OURS = {
    "Stage", "Service", "Remediation", "Event", "Action", "Action-Index", "Sequence", "Now", "Rules", "Config",
    "Project", "Facts",
}  # fmt: skip


def playbook(name: str, reason: str = "") -> str:
    return json.dumps({"remediations": [{"name": name, "actions": [
        {"action": "scaling", "value": "+1", **({"description": reason} if reason else {})},
    ]}]})  # fmt: skip


def problem(**fields: object) -> str:
    return json.dumps({"title": TITLE, "state": "open", **fields})


FILES = {
    "a title": {"ops/production/carts/problems/p1.yaml": problem(title=TITLE + FORGED)},
    "a root cause": {"ops/production/carts/problems/p1.yaml": problem(rootCause=TITLE + FORGED)},
    "who says so": {"ops/production/carts/problems/p1.yaml": problem(source="me" + FORGED, url="https://x" + FORGED)},
    "labels": {"ops/production/carts/problems/p1.yaml": problem(labels={"a": FORGED, "b" + FORGED: "x"})},
    "an entry": {
        "carts/remediation.yaml": playbook(TITLE + FORGED),
        "ops/production/carts/problems/p1.yaml": problem(title=TITLE + FORGED),
    },
    "a value": {
        "carts/remediation.yaml": playbook(TITLE).replace('"+1"', json.dumps("+1" + FORGED)),
        "ops/production/carts/problems/p1.yaml": problem(),
    },
    "a command": {
        "ops/production/carts/problems/p1.yaml": problem(),
        "ops/production/carts/commands/20261122T100000Z-abort-p1-00.yaml": json.dumps(
            {"verb": "abort", "remediation": "p1", "reason": "enough" + FORGED}
        ),
    },
    "a workload": {
        "carts/service.yaml": json.dumps({"workload": {"name": "carts-primary" + FORGED}}),
        "ops/production/carts/problems/p1.yaml": problem(),
    },
}


@pytest.mark.parametrize("where", FILES)
def test_a_text_of_a_file_becomes_no_trailer(site: Site, where: str) -> None:
    site.push(dict(FILES[where]), "a person's change")
    with site.loop() as loop:
        until(loop, lambda: site.events() and not loop.tick(), "it was looked at")
        until(loop, lambda: not loop.tick(), "and dealt with")
    numbers = []
    for commit in git(site.remote, "log", "--author=^reconciler", "--reverse", "--format=%H", "production").split():
        lines = git(site.remote, "show", "-s", "--format=%(trailers)", commit).splitlines()
        trailers = Counter(line.partition(":")[0] for line in lines)
        assert set(trailers) <= OURS, trailers
        assert set(trailers.values()) == {1}
        said = dict(line.partition(": ")[::2] for line in lines)
        assert (said["Stage"], said["Service"]) == ("production", "carts")
        assert said["Event"] != "released"
        numbers.append(int(said["Sequence"]))
    assert numbers
    assert numbers == list(range(1, len(numbers) + 1))
