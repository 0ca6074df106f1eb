"""Files of a stage as bytes with ids, and playbooks in a few words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from reconciler.model.names import BlobId, CommitId, StageName
from reconciler.repo.index import Stored
from reconciler.repo.layout import ops_place

STAGE = StageName("production")
PLAYBOOK = """\
remediations:
- name: Response time degradation
  actions:
  - action: scaling
    value: +1
"""
SLO = """\
spec_version: "1.0"
comparison:
  compare_with: single_result
objectives:
- sli: response_time_p90
  pass:
  - criteria: ["<=100"]
  warning:
  - criteria: ["<=200"]
total_score:
  pass: "100%"
  warning: "50%"
"""


class Blobs:
    """Contents by id, and who pushed a path last."""

    def __init__(self) -> None:
        self.contents: dict[BlobId, bytes] = {}
        self.known: dict[bytes, Stored] = {}
        self.authors: dict[str, tuple[str, CommitId]] = {}

    def put(self, content: bytes) -> Stored:
        stored = self.known.get(content)
        if stored is None:
            blob = BlobId(hashlib.sha1(content, usedforsecurity=False).hexdigest())
            stored = self.known[content] = Stored("100644", blob)
            self.contents[blob] = content
        return stored

    def blobs(self, ids: list[BlobId], limit: int) -> Mapping[BlobId, bytes]:
        return {blob: self.contents[blob] for blob in ids}

    def known_blobs(self, ids: list[BlobId], limit: int) -> Mapping[BlobId, bytes]:
        return {blob: self.contents[blob] for blob in ids if blob in self.contents}

    def author(self, path: str) -> tuple[str, CommitId]:
        return self.authors.get(path, ("somebody", CommitId("")))


def is_machine(path: str) -> bool:
    place = ops_place(path, STAGE)
    return place is not None and place.machine


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def entry(name: str, *actions: str) -> str:
    """Return a playbook's entry; each action is `scaling +1` or `featuretoggle {EnablePromotion: off}`."""
    lines = [f"- name: {name}", "  actions:"]
    for action in actions:
        kind, _, value = action.partition(" ")
        lines += [f"  - action: {kind}", *([f"    value: {value}"] if value else [])]
    return "\n".join(lines) + "\n"


def playbook(*entries: str) -> str:
    """Return a playbook of the first generation."""
    return "remediations:\n" + "".join(entries)
