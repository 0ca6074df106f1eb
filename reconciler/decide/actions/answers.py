"""What actions of other makers answer, looked at before anything is decided on it: it goes into commits and to servers.

The engine relies on the types of a `Plan`; what another's code puts into one is not known before it is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.decide.actions.protocol import Answer, Escalation, Failure, Once, Plan, Wait, Wish
from reconciler.decide.wording import cut, short
from reconciler.model import canonical
from reconciler.model.targets import FieldValue, Mark, Target

_LONGEST: Final = 16_000
"""Characters of a body; what the engine itself would cut."""
_LARGEST: Final = 65_536
"""Bytes of what a plan changes, as its step's file says it: far more than an action needs, far less than is read."""
_VALUES: Final = (bool, int, str)


def checked(answer: Answer) -> Answer:
    """Return an answer with its texts bounded.

    Raises:
        TypeError, ValueError, BugError: it cannot be decided on, committed or read back.
    """
    match answer:
        case Plan():
            return _checked_plan(answer)
        case Failure():
            return Failure(short(_text(answer.reason), 300), short(_text(answer.hint), 300))
        case Wait():
            return Wait(short(_text(answer.condition)), short(_text(answer.reason), 300), short(_text(answer.lifts)))
        case Escalation():
            return Escalation(short(_text(answer.reason), 300))
        case other:
            raise TypeError(f"`plan` returned {type(other).__name__}, not a Plan, Failure, Wait or Escalation")


def _checked_plan(plan: Plan) -> Plan:
    wishes, once = tuple(plan.wishes), tuple(plan.once)
    if not all(isinstance(wish, Wish) for wish in wishes) or not all(isinstance(each, Once) for each in once):
        raise TypeError("`wishes` holds Wish and `once` holds Once objects only")
    if not wishes and not once:
        raise TypeError("a Plan wishes for nothing; return an Escalation or a Failure instead")
    for wish in wishes:
        _check_wish(wish)
    for each in once:
        _check_once(each)
    told = [
        *({"target": str(wish.target), "field": wish.field, "by": wish.by, "set": wish.set} for wish in wishes),
        *({"target": str(each.target), "value": each.value, "payload": each.payload} for each in once),
    ]
    if len(canonical.emit({"changes": told})) > _LARGEST:
        raise ValueError(f"a Plan that takes more than {_LARGEST} bytes to write down")
    subject = short(_text(plan.subject))
    if not subject:
        raise TypeError("a Plan needs a subject")
    return Plan(wishes, subject, cut(_text(plan.body), _LONGEST), once)


def _check_wish(wish: Wish) -> None:
    _check_place(wish.target, wish.field, wish.mark)
    if wish.through is not None:
        _check_target(wish.through)
    if (wish.by is None) == (wish.set is None):
        raise TypeError("a Wish has either `by` or `set`")
    kind = _kind(wish.base, "base")
    if _kind(wish.before, "before") is not kind:
        raise TypeError("`base` and `before` of a Wish are of one kind")
    if wish.set is not None and _kind(wish.set, "set") is not kind:
        raise TypeError(f"`set` of a Wish is {kind.__name__} as its `base` is, not {type(wish.set).__name__}")
    if wish.by is not None and (kind is not int or _kind(wish.by, "by") is not int):
        raise TypeError("`by` of a Wish is a whole number that is added to one")


def _check_once(once: Once) -> None:
    _check_place(once.target, once.field, once.mark)
    _kind(once.value, "value")
    if not isinstance(once.payload, Mapping):
        raise TypeError("the payload of a Once is a mapping")


def _check_place(target: Target, field: str, mark: Mark | None) -> None:
    _check_target(target)
    if not _text(field):
        raise TypeError("the field of a Wish or Once is not named")
    if mark is not None and not isinstance(mark, Mark):
        raise TypeError(f"a mark is a Mark, not {type(mark).__name__}")


def _check_target(target: Target) -> None:
    if not isinstance(target, Target):
        raise TypeError(f"a target is a Target, not {type(target).__name__}")
    for part in (target.server, target.scope, target.kind, target.name):
        _text(part)
    if Target.parse(str(target)) != target:
        raise ValueError(f"the target {target} cannot be read back: only its scope may hold a slash")


def _kind(value: FieldValue, what: str) -> type:
    """Return bool, int or str. Raises TypeError for everything else, and BugError where it cannot be written."""
    for kind in _VALUES:
        if isinstance(value, kind):
            canonical.text(value)
            return kind
    raise TypeError(f"`{what}` is a whole number, a text, true or false, not {type(value).__name__}")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is wanted, not {type(value).__name__}")
    canonical.text(value)
    return value
