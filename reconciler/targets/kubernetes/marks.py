"""Our marks on objects: whose they are, which step wrote them last, and up to where each field is fenced.

`reconciler.dev/owner` and `reconciler.dev/step` are the mark. Several fields of one object may be written by steps that
are under way at the same time (replicas and a restart, a delay and an abort), in any order, so what keeps an older
decision out is the last step of that very field: `reconciler.dev/fields` lists them (`replicas=5 restartedAt=7`), what
was given back included. Without it the step is that of the replicas, or of the minimum: most objects need no more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from reconciler.model.targets import Effect, Field, Mark
from reconciler.targets.kubernetes.documents import OWNER, STEP, dig, mark, text

FIELDS: Final = "reconciler.dev/fields"
ONCE: Final = frozenset({"restartedAt", "revision"})
"""Fields that are written once and held by nobody."""
MOST: Final = 32
"""Fields that are listed; of more, those with the newest steps."""
_SCALED: Final = frozenset({"replicas", "minReplicas", "minReplicaCount"})
_FENCE = re.compile(r"([^\s=]{1,64})=([0-9]{1,18})\Z")


def may_write(item: Any, effect: Effect) -> bool:
    """Say whether an object may be written: not over another stage's mark, nor a newer decision about the field."""
    found = mark(item)
    if found is None or found.stage != effect.mark.stage:
        return found is None or found.yields_to(effect.mark)
    return _last(item, found, effect.field) <= effect.mark.sequence


def notes(item: Any, effect: Effect, *, held: bool = False) -> dict[str, str | None]:
    """Return our annotations as they shall be after an effect; None for one that shall not be there.

    ``held``: other fields of the object are still held, so that giving this one back does not let go of the object.
    """
    wanted, found = effect.mark, mark(item)
    if found is not None and found.stage != wanted.stage:
        found = None
    fences = {} if found is None else _fences(item, found)
    newest = wanted if found is None or found.sequence <= wanted.sequence else found
    fences = {**fences, effect.field: wanted.sequence}
    kept = sorted(sorted(fences, key=lambda field: -fences[field])[:MOST])
    plain = fences.keys() <= _SCALED and fences[effect.field] == newest.sequence
    return {
        OWNER: _owner(found, effect, held=held),
        STEP: f"{newest.sequence}:{newest.commit}",
        FIELDS: None if plain else " ".join(f"{field}={fences[field]}" for field in kept),
    }


def carries(item: Any, wanted: Mapping[str, str | None]) -> bool:
    """Say whether an object has annotations as they shall be."""
    there = dig(item, "metadata", "annotations") or {}
    return all(there.get(key) == value for key, value in wanted.items())


def missing(item: Any, wanted: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return those of the annotations that an object does not have so, for a merge patch."""
    there = dig(item, "metadata", "annotations") or {}
    return {key: value for key, value in wanted.items() if value is not None or key in there}


def _owner(found: Mark | None, effect: Effect, *, held: bool) -> str:
    """Return whose an object is afterwards: what is done once makes nobody its owner, what is held does."""
    wanted = effect.mark
    if effect.field in ONCE:
        return wanted.stage if found is None else found.owner
    if wanted.released:
        return found.owner if found is not None and held else wanted.owner
    newer = found is None or found.released or found.sequence <= wanted.sequence
    return wanted.owner if found is None or newer else found.owner


def _fences(item: Any, found: Mark) -> dict[Field, int]:
    """Return the last step of each field that we have written."""
    words = text(item, "metadata", "annotations", FIELDS).split()
    fences = {match[1]: int(match[2]) for word in words if (match := _FENCE.match(word))}
    return fences or {"replicas": found.sequence}


def _last(item: Any, found: Mark, field: Field) -> int:
    """Return the last step of a field, 0 where we never wrote it.

    One that was crowded out of the list is older than all that are there.
    """
    if not text(item, "metadata", "annotations", FIELDS):
        return found.sequence if field in _SCALED else 0
    fences = _fences(item, found)
    return fences.get(field, 0 if len(fences) < MOST else min(fences.values()))
