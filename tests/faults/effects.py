"""Each effect on the world the moment that it comes: which step it says it is of, and whether that is durable by then.

I3 asks that a step is on its branch before its effect, so it cannot be asked afterwards. A cluster, an Unleash and a
receiver of calls are looked at from within, for each request; a flag file where this process replaces it. What another
process writes there is looked at in the end: then the step that the file names must be on the branch.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.embedded.cluster.journal import Entry
from reconciler.embedded.unleash import Account, World
from reconciler.embedded.unleash.world import Flag
from reconciler.targets.flagd import flag as flagd
from reconciler.targets.flagd import replace as files
from reconciler.targets.flagd import server as flagd_server
from reconciler.targets.unleash import marks
from tests.targets.endpoints.receiver import Receiver, Told

_STEP = "reconciler.dev/step"
ROBOT = "reconciler"
"""Who we are to a flag server."""
Switch = tuple[str, str, str]
"""A flag's place, the mark that it was given, and the commit that this names."""


@dataclass
class Effects:
    """What was done, and what of it had no durable decision. ``is_durable`` is asked about commits."""

    is_durable: Callable[[str], bool]
    unfounded: list[str] = field(default_factory=list)
    switched: Counter[Switch] = field(default_factory=Counter)
    called: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """How often a call was answered well: its address, its key, its commit."""

    def watch_cluster(self, cluster: EmbeddedCluster) -> None:
        """Look at every write the moment the cluster gets it."""
        noted: Callable[[Entry], None] = cluster.journal.add

        def add(entry: Entry) -> None:
            commit = step_of(entry)[1]
            if commit:
                self._found(entry.path, commit)
            noted(entry)

        setattr(cluster.journal, "add", add)  # noqa: B010 - the class knows of no listeners, and needs none elsewhere

    def watch_flags(self, world: World) -> None:
        """Look at every flag the moment that we switch it: at the mark that it carries, which says by which step."""
        noted = world.record

        def record(who: Account, kind: str, flag: Flag, environment: str | None = None, data: Any = None) -> None:
            if who.name == ROBOT and kind.startswith("feature-environment-"):
                held = marks.decode(environment or "", [value for _, value in flag.tags])
                commit = held.mark.commit if held is not None else "nothing"
                self._found(f"{flag.name} {kind}", commit)
                self.switched[f"{flag.name} {environment}", str(held), commit] += 1
            noted(who, kind, flag, environment, data)

        setattr(world, "record", record)  # noqa: B010 - as above

    @contextmanager
    def watching_files(self, folder: Path) -> Iterator[None]:
        """In here look at every flag file below a folder whenever this process replaces it."""
        known = files.replace

        def replace(old: files.Content, data: bytes) -> None:
            if not old.path.is_relative_to(folder):
                known(old, data)
                return
            changed = sorted(set(_flags_of(data).items()) - set(_flags_of(old.data).items()))
            if not changed:
                self.unfounded.append(f"{old.path.name} was written, and no flag of it is another")
            for name, (_, step) in changed:
                self._found(f"{old.path.name} {name}", step.partition(":")[2])
            known(old, data)
            self.switched.update((f"{old.path} {name}", step, step.partition(":")[2]) for name, (_, step) in changed)

        with mock.patch.object(flagd_server, "replace", replace):
            yield

    def look_at_file(self, file: Path) -> None:
        """Look at what a flag file says in the end, whichever process wrote it."""
        if file.is_file():
            for name, (_, step) in _flags_of(file.read_bytes()).items():
                if step:
                    self._found(f"{file.name} {name}", step.partition(":")[2])

    def watch_calls(self, receiver: Receiver) -> None:
        """Look at every call of an endpoint the moment it comes; a notification, which names an event, is none."""

        def noted(told: Told, status: int) -> None:
            said = told.json()
            commit = str(said["commit"]) if "remediation" in said and "event" not in said else ""
            if commit:
                self._found(f"{told.path} {told.key}", commit)
                self.called[told.path, told.key, commit] += 200 <= status < 300

        receiver.noted = noted

    def _found(self, where: str, commit: str) -> None:
        if not self.is_durable(commit):
            self.unfounded.append(f"{where}: {commit} was not on the branch")


def step_of(entry: Entry) -> tuple[str, str]:
    """Return the sequence and the commit that a write names; empty where it is none of ours."""
    body: Any = entry.body if isinstance(entry.body, Mapping) else {}
    notes: Any = (body.get("metadata") or {}).get("annotations") or {}
    sequence, _, commit = str(notes.get(_STEP, "")).partition(":") if entry.manager == "reconciler" else ("", "", "")
    return sequence, commit


def _flags_of(content: bytes) -> dict[str, tuple[str, str]]:
    """Return each flag's text, which may be compared, and the step that its metadata names."""
    try:
        flags: dict[str, dict[str, Any]] = json.loads(content)["flags"]
    except (ValueError, KeyError):  # broken by the test, and never written by us
        return {}
    return {
        name: (json.dumps(flag, sort_keys=True), str(flag.get("metadata", {}).get(flagd.STEP, "")))
        for name, flag in flags.items()
    }
