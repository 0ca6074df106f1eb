"""`rollback`: the service's workload gets the pod template back that it had before the present one.

As `kubectl rollout undo`, with two differences that healing needs: a template that differs in a restart alone is
passed over, since it would bring nothing back, and a workload is never rolled *back* to what came later. What is
decided is the revision's name, so that applying it twice changes nothing. Where somebody declares the template
elsewhere and would write it again (Argo CD, Flux, an operator), that is where to roll back, and the action fails.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.decide.actions.protocol import Context, Failure, Once, Plan, Wait
from reconciler.decide.actions.templated import check_no_value, see_template
from reconciler.model.errors import Place
from reconciler.model.nodes import Node
from reconciler.model.targets import TemplateFact


@dataclass(frozen=True)
class Rollback:
    """Go back to the template before the present one."""

    @property
    def written(self) -> str:
        """`rollback`."""
        return "rollback"

    def plan(self, context: Context) -> Plan | Failure | Wait:
        """Ask for the revision on record before the present one; fails where there is none, or it would not last."""
        fact = see_template(context)
        if not isinstance(fact, TemplateFact):
            return fact
        name = fact.target.name
        if fact.manager:
            return Failure(
                f"{fact.manager} owns the template of {name}", f"roll back where {fact.manager} takes it from"
            )
        if not fact.revision:
            return Wait(
                "blind", f"the controller of {name} has not seen its present template yet", "the controller catching up"
            )
        if not fact.previous:
            return Failure(
                f"{name} has no earlier revision on record than {fact.revision}",
                "deploy the version that is wanted; `revisionHistoryLimit` says how many are kept",
            )
        once = Once(fact.target, "revision", fact.previous, mark=fact.mark)
        body = (
            f"{name} in {fact.target.scope} runs revision {fact.revision}; "
            f"{fact.previous} is the newest one on record from before it."
        )
        return Plan((), f"roll {name} back to {fact.previous}", body, (once,))


class RollbackAction:
    """The action `rollback`."""

    names = ("rollback",)

    def parse(self, value: Node | None, place: Place) -> Rollback:  # noqa: ARG002  (every error is in the value)
        """Take no value."""
        check_no_value("rollback", value)
        return Rollback()
