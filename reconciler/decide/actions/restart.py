"""`restart`: every pod of the service's workload is replaced, one after another, as `kubectl rollout restart` does.

It is done once: the moment of the decision goes into the pod template, and when the rollout of that template is
complete the restart is over. Whoever restarts the workload later than that has restarted it for us as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.decide.actions.protocol import Context, Failure, Once, Plan, Wait
from reconciler.decide.actions.templated import check_no_value, see_template
from reconciler.decide.wording import sentence
from reconciler.model.errors import Place
from reconciler.model.instant import format_instant
from reconciler.model.nodes import Node
from reconciler.model.targets import TemplateFact


@dataclass(frozen=True)
class Restart:
    """Replace the pods of the service's workload."""

    @property
    def written(self) -> str:
        """`restart`."""
        return "restart"

    def plan(self, context: Context) -> Plan | Failure | Wait:
        """Ask for a restart as of now; whether the pods are well is no reason against it."""
        fact = see_template(context)
        if not isinstance(fact, TemplateFact):
            return fact
        once = Once(fact.target, "restartedAt", format_instant(context.now), mark=fact.mark)
        name = fact.target.name
        body = f"The pods of {name} in {fact.target.scope} are replaced, with the template that they have."
        trouble = "" if fact.settled else f"\n{sentence(fact.trouble or 'its last rollout is not complete')}."
        return Plan((), f"restart {name}", body + trouble, (once,))


class RestartAction:
    """The action `restart`."""

    names = ("restart",)

    def parse(self, value: Node | None, place: Place) -> Restart:  # noqa: ARG002  (every error is in the value)
        """Take no value."""
        check_no_value("restart", value)
        return Restart()
