"""The way back from a value to whoever wanted it: claims, decisions, the playbook's line and its author, the problem.

Plain data throughout; `explained` makes text of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final

from reconciler.cli.chronicles import StagePast
from reconciler.cli.past_data import remediation_data
from reconciler.decide.snapshot import ServiceView
from reconciler.model.desired import Claim, Held, Key
from reconciler.model.errors import ReconcilerError, UserError
from reconciler.model.instant import format_instant
from reconciler.model.names import BlobId, CommitId
from reconciler.model.playbook import load_playbook
from reconciler.model.problem import Problem, load_problem
from reconciler.model.problem_ids import problem_id
from reconciler.repo.blame import merged_by, written
from reconciler.repo.chronicle import Filter, PastRemediation, PastStep
from reconciler.repo.names import is_object_id
from reconciler.repo.objects import Oversize
from reconciler.repo.steps import MACHINE_LIMIT
from reconciler.repo.trailers import parse

_KINDS: Final = {"deploy": "deployment", "sts": "statefulset", "hpa": "horizontalpodautoscaler", "so": "scaledobject"}
"""What people call kinds, beside their names."""
_FIRST_OF_ALL: Final = 20


def kind_of(text: str) -> str:
    """Return a kind as it is compared: in small letters, without its API group."""
    name = text.lower().partition(".")[0]
    return _KINDS.get(name, name)


def held_values(views: Iterator[ServiceView], kind: str, name: str) -> Iterator[tuple[ServiceView, Key, Held]]:
    """Yield the values that are held of what a person names; a workload is found by its service's name too."""
    for view in views:
        for key, held in sorted(view.desired.items(), key=lambda item: str(item[0])):
            named = key[0].name == name or (kind != "flag" and name in (view.name, view.path))
            if kind_of(key[0].kind) == kind and named:
                yield view, key, held


class Explainer:
    """Explains values, problems and remediations of one stage."""

    def __init__(self, here: StagePast) -> None:
        self._here = here

    def value(self, view: ServiceView, key: Key, held: Held) -> dict[str, Any]:
        """Return a held value with what led to it."""
        target, field = key
        data: dict[str, Any] = {
            "stage": str(self._here.name), "service": str(view.path), "target": str(target), "field": field,
            "desired": held.value, "base": held.base,
        }  # fmt: skip
        if not held.claims:
            data["givenBack"] = True
            step = self._here.chronicle.sequence(held.sequence)
            data["step"] = _step(step) if step is not None else {"sequence": held.sequence}
        return {**data, "claims": [self._claim(view, claim) for claim in held.claims]}

    def _claim(self, view: ServiceView, claim: Claim) -> dict[str, Any]:
        wish = {"by": claim.by} if claim.by is not None else {"set": claim.set}
        data: dict[str, Any] = {"remediation": str(claim.remediation), **wish, "sequence": claim.sequence}
        decision = self._here.chronicle.sequence(claim.sequence)
        about = self._here.chronicle.remediation(view.path, claim.remediation)
        if decision is not None:
            data["decision"] = _step(decision)
        if about is not None:
            data |= self._cause(about, decision)
        return data

    def last_change(self, name: str) -> dict[str, Any] | None:
        """Return the newest step that changed a value which nobody holds now; None where there never was one."""
        page = self._here.chronicle.changes(name, limit=1)
        if not page.items:
            return None
        step = page.items[0]
        data: dict[str, Any] = {"step": _step(step), "changes": [_change(each) for each in step.changes]}
        about = self._about(step)
        return {**data, **(self._cause(about, step) if about is not None else {})}

    def remediation(self, about: PastRemediation) -> dict[str, Any]:
        """Return a remediation with all its decisions and evaluations, and what led to it."""
        steps = self._here.chronicle.steps_of(about)
        decisions = [step for step in steps if step.event == "decided" and "bound" not in step.told]
        cause = self._cause(about, decisions[-1] if decisions else None)
        ends = [step.sequence for step in decisions[1:]]
        told = [self._decided(steps, step, end) for step, end in zip_longest(decisions, ends)]
        return {**remediation_data(self._here.name, about), "decisions": told, **cause}

    def _decided(self, steps: tuple[PastStep, ...], decision: PastStep, end: int | None) -> dict[str, Any]:
        """Return a decision with its line and what was evaluated until the next one, at step ``end``."""
        data = {**_step(decision), "changes": [_change(each) for each in decision.changes]}
        if (line := self._playbook(steps, decision)) is not None:
            data["playbook"] = line
        told = [_evaluation(step) for step in steps if _is_after(step, decision.sequence, end)]
        return {**data, **({"evaluations": told} if told else {})}

    def about_problem(self, identity: str) -> list[PastRemediation]:
        """Return the remediations that a problem ever belonged to, the newest first."""
        found = self._here.chronicle.remediations(Filter(text=identity), limit=_FIRST_OF_ALL).items
        return [each for each in found if any(problem.id == identity for problem in each.problems)]

    def _about(self, step: PastStep) -> PastRemediation | None:
        return self._here.chronicle.remediation(step.service, step.remediation) if step.remediation else None

    def _cause(self, about: PastRemediation, decision: PastStep | None) -> dict[str, Any]:
        steps = self._here.chronicle.steps_of(about)
        data: dict[str, Any] = {"entry": about.entry}
        if (line := self._playbook(steps, decision)) is not None:
            data["playbook"] = line
        after = decision.sequence if decision is not None else 0
        evaluations = [_evaluation(step) for step in steps if _is_after(step, after)]
        if evaluations:
            data["evaluations"] = evaluations
        due = next((step.told["until"] for step in reversed(steps) if "until" in step.told), None)
        if about.ended is None and due is not None and not evaluations:
            data["evaluatedAt"] = due
        if about.ended is not None:
            data |= {"outcome": about.outcome, "ended": format_instant(about.ended), **_ended_by(about, steps)}
        data["problems"] = [self._problem(each.id, each.title, each.file) for each in about.problems]
        return data

    def _problem(self, identity: str, title: str, file: str) -> dict[str, Any]:
        """Return a problem as it was taken up; its file may be long gone from the branch."""
        data: dict[str, Any] = {"id": identity, "title": title, "file": file.partition("@")[0]}
        problem = self._problem_file(file)
        if problem is None:
            return data
        told = {
            "startedAt": problem.started_at,
            "source": problem.source,
            "url": problem.url,
            "cause": problem.root_cause,
        }
        return {**data, **{key: value for key, value in told.items() if value}}

    def _problem_file(self, file: str) -> Problem | None:
        path, _, blob = file.partition("@")
        content = self._blob(blob)
        try:
            return load_problem(content, path) if content is not None else None
        except UserError:
            return None

    def _playbook(self, steps: tuple[PastStep, ...], decision: PastStep | None) -> dict[str, Any] | None:
        """Return the line of the playbook that said what to do, as it was pinned, and who wrote it."""
        opening = next((step for step in steps if "entry" in step.told), None)
        if opening is None:
            return None
        path, blob, config = self._pinned(opening)
        if not path:
            return None
        index = int(decision.told.get("index", 1)) - 1 if decision is not None else 0
        place = self._line(path, blob, str(opening.told["entry"]), index)
        action = decision.action if decision is not None else ""
        data = {"file": path, "entry": str(opening.told["entry"]), **({"action": action} if action else {})}
        if place is None:
            return data
        data |= {"line": place}  # type: ignore[dict-item]  # plain data
        return {**data, **self._author(config, path, blob, place)}

    def _pinned(self, opening: PastStep) -> tuple[str, str, str]:
        """Return the playbook's path and content when it was opened, and the commit that it was read from."""
        message = self._here.git.reader.commit(opening.commit)
        config = parse(message.message, ("Config",)).get("Config", "")
        pinned = (str(each).partition("@") for each in opening.told.get("pinned", ()))
        path, _, blob = next((each for each in pinned if each[0].endswith("/remediation.yaml")), ("", "", ""))
        return path, blob, config

    def _line(self, path: str, blob: str, entry: str, index: int) -> int | None:
        content = self._blob(blob)
        try:
            playbook = load_playbook(content, path) if content is not None else None
        except UserError:
            return None
        found = next((each for each in playbook.entries if each.name == entry), None) if playbook is not None else None
        if found is None:
            return None
        if index >= len(found.actions):
            return found.place.line
        action = found.actions[index]
        return (action.value or action).place.line

    def _author(self, config: str, path: str, blob: str, line: int) -> dict[str, Any]:
        source = self._here.git
        try:
            if not is_object_id(config) or source.blob_id(CommitId(config), path) != blob:
                return {}
            who = written(source, CommitId(config), path, line)
            merge = merged_by(source, who.commit, self._here.tips.config) if who is not None else None
        except ReconcilerError:
            return {}  # the commit that it was decided on is on no branch any more
        if who is None:
            return {}
        told = {"author": who.author, "when": format_instant(who.when), "commit": str(who.commit)}
        data: dict[str, Any] = {"text": who.text.strip(), "written": {**told, "subject": who.subject}}
        if merge is not None:
            subject = merge.message.partition("\n")[0]
            data["merged"] = {"author": str(merge.author), "commit": str(merge.id), "subject": subject}
        return data

    def _blob(self, blob: str) -> bytes | None:
        if not is_object_id(blob):
            return None
        found = self._here.git.reader.known_blobs([BlobId(blob)], MACHINE_LIMIT).get(BlobId(blob))
        return None if found is None or isinstance(found, Oversize) else found


def problem_name(text: str) -> str:
    """Return the id of a problem as a person writes it."""
    try:
        return problem_id(text)
    except UserError:
        return text


def _step(step: PastStep) -> dict[str, Any]:
    data = {
        "sequence": step.sequence, "commit": str(step.commit), "now": format_instant(step.now), "event": step.event,
        "subject": step.subject, "author": step.author,
    }  # fmt: skip
    return {**data, **({"action": step.action} if step.action else {})}


def _ended_by(about: PastRemediation, steps: tuple[PastStep, ...]) -> dict[str, Any]:
    """Return who ended it, and by what: the commit of a `git revert`, or a command; nothing where nobody did."""
    last = next((step for step in reversed(steps) if step.event == about.outcome), None)
    if last is None or "by" not in last.told:
        return {}
    told = {key: str(last.told[key]) for key in ("by", "commit", "command") if key in last.told}
    return {"endedBy": {**told, "step": _step(last)}}


def _change(change: tuple[str, str, Any, Any]) -> dict[str, Any]:
    target, field, before, after = change
    return {"target": target, "field": field, "before": before, "after": after}


def _is_after(step: PastStep, sequence: int, end: int | None = None) -> bool:
    """Whether it is an evaluation after a step and before another."""
    return step.event == "evaluated" and step.sequence > sequence and (end is None or step.sequence < end)


def _evaluation(step: PastStep) -> dict[str, Any]:
    told: Mapping[str, Any] = step.told.get("evaluation", {})
    kept = ("start", "end", "result", "score", "message", "indicators")
    return {"commit": str(step.commit), "sequence": step.sequence, **{key: told[key] for key in kept if key in told}}
