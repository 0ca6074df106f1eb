"""People in front of a pull request in a simulation: they merge, close, or do with it what is no answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.forge.protocol import Pull
from tests.simulation.estate import PERSON, SERVICES, commit_on
from tests.simulation.forge import HEADS, LOGIN, Requests, changes
from tests.simulation.objects import Objects
from tests.simulation.remote import HEAD, Remote
from tests.simulation.schedule import EPOCH, Schedule
from tests.simulation.walking import parted


@dataclass
class Reviewer:
    """``pushed`` is told of commits that must not be lost: ref, commit, and what it was."""

    schedule: Schedule
    remote: Remote
    requests: Requests
    say: Callable[[str], None]
    pushed: Callable[[str, str, str], None]

    def act(self) -> None:
        """Do something with one of those that are there."""
        acts, weights = zip(*_ACTS, strict=True)
        act = self.schedule.random.choices(acts, weights)[0]
        shown = self.requests.all("closed" if act is Reviewer.reopen else "open")
        if shown:
            act(self, self.schedule.random.choice(shown))

    def merge(self, pull: Pull) -> None:
        """Merge it in one of the three ways: with a merge, squashed, or as it is where nothing has moved."""
        refs, (head, base) = self.remote.refs, (f"{HEADS}{pull.branch}", f"{HEADS}{pull.base}")
        ours, tip = refs[head], refs[base]
        origin = parted(self.remote.objects, tip, ours)
        if origin is None or self.requests.conflicts(pull.branch, pull.base):
            return
        how = self.schedule.random.choice(("merged", "squashed", "rebased"))
        if how == "rebased" and origin == tip:
            objects, commit = self.remote.objects, ours
        else:
            parents = (tip, ours) if how == "merged" else (tip,)
            objects, commit = self._joined(origin, tip, ours, parents, f"Merge pull request {pull.number}")
        self.requests.put(replace(pull, state="merged"))
        self.remote.push(self.schedule.now, "people", objects, [(base, tip, commit)])
        self.pushed(base, commit, f"{how} pull request {pull.number} of {pull.branch}")
        if self.schedule.random.random() < 0.5:
            self.drop(pull)

    def _joined(
        self, origin: str, tip: str, ours: str, parents: tuple[str, ...], message: str
    ) -> tuple[Objects, str]:  # fmt: skip
        """Return a commit with what a branch has changed on a tip, and the objects that it is among."""
        objects = Objects(self.remote.objects)
        changed = {
            path.decode(): objects.get(item[1], "blob") if item is not None else None
            for path, item in sorted(changes(objects, origin, ours).items())
        }
        tree = objects.changed(objects.commit(tip).tree, changed)
        when = f"{PERSON} {int(EPOCH + self.schedule.now)} +0000"
        return objects, objects.write_commit(tree, parents, when, when, f"{message}\n")

    def close(self, pull: Pull) -> None:
        """Close it."""
        self.say(f"a person closes pull request {pull.number} of {pull.branch}")
        self.requests.close(pull, LOGIN, self.schedule.now)
        self.requests.declined.add(pull.number)

    def lose(self, pull: Pull) -> None:
        """Close it in nobody's name, as forges tell it where an account is gone."""
        self.say(f"nobody closes pull request {pull.number} of {pull.branch}")
        self.requests.close(pull, "", self.schedule.now)

    def reopen(self, pull: Pull) -> None:
        """Open one again whose branch is there, and has no other one open."""
        others = [each for each in self.requests.all("open") if (each.branch, each.base) == (pull.branch, pull.base)]
        head = self.remote.refs.get(f"{HEADS}{pull.branch}")
        if head is not None and not others:
            self.say(f"a person opens pull request {pull.number} of {pull.branch} again")
            self.requests.put(replace(pull, state="open", sha=head))

    def move(self, pull: Pull) -> None:
        """Let it be for another branch."""
        self.say(f"a person moves pull request {pull.number} of {pull.branch} onto another branch")
        self.requests.put(replace(pull, base=HEAD.removeprefix(HEADS)))

    def push(self, pull: Pull) -> None:
        """Push something else to its branch."""
        head, objects = f"{HEADS}{pull.branch}", Objects(self.remote.objects)
        path = self.schedule.random.choice(("README.md", f"{SERVICES[0]}/remediation.yaml"))
        self.say(f"a person edits {path} on {pull.branch}")
        commit = commit_on(objects, self.remote.refs[head], {path: b"what?\n"}, f"edit {path}", self.schedule.now)
        self.remote.push(self.schedule.now, "people", objects, [(head, self.remote.refs[head], commit)])

    def update(self, pull: Pull) -> None:
        """Bring its branch up to date, as the button beside it does."""
        head = f"{HEADS}{pull.branch}"
        ours, tip = self.remote.refs[head], self.remote.refs[f"{HEADS}{pull.base}"]
        origin = parted(self.remote.objects, tip, ours)
        if origin in (None, tip) or self.requests.conflicts(pull.branch, pull.base):
            return
        objects, commit = self._joined(origin or "", tip, ours, (ours, tip), "Merge the base")
        self.say(f"a person brings {pull.branch} up to date")
        self.remote.push(self.schedule.now, "people", objects, [(head, ours, commit)])

    def drop(self, pull: Pull) -> None:
        """Take its branch away."""
        head = f"{HEADS}{pull.branch}"
        self.say(f"a person takes {pull.branch} away")
        self.remote.push(self.schedule.now, "people", self.remote.objects, [(head, self.remote.refs[head], None)])


_ACTS: Final[Sequence[tuple[Callable[[Reviewer, Pull], None], float]]] = (
    (Reviewer.merge, 8), (Reviewer.close, 4), (Reviewer.lose, 1), (Reviewer.reopen, 1.5), (Reviewer.move, 1),
    (Reviewer.push, 1.5), (Reviewer.update, 1.5), (Reviewer.drop, 1.5),
)  # fmt: skip
