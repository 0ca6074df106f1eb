"""What actions on a workload's pod template have in common: no value, and the template of the service's workload."""

from __future__ import annotations

from reconciler.decide.actions.protocol import Context, Failure, Wait
from reconciler.decide.actions.scaling import unseen
from reconciler.model.errors import UserError
from reconciler.model.nodes import Node, Scalar
from reconciler.model.targets import NoFact, TemplateFact, WantTemplate

_NOTHING = ("", "~", "null")
"""No value, by its text: what a step pins has forgotten whether it had quotes."""


def is_nothing(value: Node | None) -> bool:
    """Whether there is no value, or one that says so."""
    return value is None or (isinstance(value, Scalar) and value.raw in _NOTHING)


def check_no_value(name: str, value: Node | None) -> None:
    """Refuse a value for an action that takes none.

    Raises:
        UserError: with the value's place.
    """
    if value is None or is_nothing(value):
        return
    raise UserError(
        f"{name} takes no value: it is about the service's own workload", place=value.place,
        expected="no `value`", hint="delete `value`; another workload is named by `workload` in service.yaml",
    )  # fmt: skip


def see_template(context: Context) -> TemplateFact | Failure | Wait:
    """Return the template of the service's workload, as `scaling` finds it, or what follows from not seeing it."""
    name = context.workload.name
    names = (name,) if name else (f"{context.service}-primary", str(context.service))
    want = WantTemplate("kubernetes", context.namespace, context.workload.kind or "Deployment", names)
    (fact,) = context.see((want,))
    if isinstance(fact, NoFact):
        return unseen(fact)
    return fact if isinstance(fact, TemplateFact) else Failure(f"{want} is no template of a workload")
