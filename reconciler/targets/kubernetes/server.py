"""The Kubernetes target: what the rest of the product sees of this package."""

from __future__ import annotations

import os
import random as randomness
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from reconciler.model.errors import TerminalError
from reconciler.model.faults import field_parts
from reconciler.model.targets import Effect, Fact, WantRoute, WantTemplate, WantWorkload
from reconciler.targets.kubernetes.access import Access
from reconciler.targets.kubernetes.applying import Applier
from reconciler.targets.kubernetes.autoscalers import Autoscalers
from reconciler.targets.kubernetes.foreseen import Foreseen
from reconciler.targets.kubernetes.marks import ONCE
from reconciler.targets.kubernetes.observing import Observer
from reconciler.targets.kubernetes.patience import Patience
from reconciler.targets.kubernetes.reading import Reader
from reconciler.targets.kubernetes.refusals import Refusal, Unreachable, Unusable, as_error, as_fact
from reconciler.targets.kubernetes.resources import Resolver
from reconciler.targets.kubernetes.routing import Routes
from reconciler.targets.kubernetes.templates import Templates
from reconciler.targets.protocol import KubernetesWant

if TYPE_CHECKING:
    from reconciler.targets.kubernetes.client import Client


class KubernetesServer:
    """One API server, as a `TargetServer[KubernetesWant]`. Safe to use from several threads.

    ``deadline`` is for a whole observation or change, ``call_timeout`` for one call of it, both in seconds. ``clock``
    is monotonic seconds, ``sleep`` waits, ``random`` gives the jitter of retries (0 up to 1), ``environ`` is where
    `KUBECONFIG` and the service's address are looked up.
    Nothing is read or connected to before the first use. ``heard_date`` is told the `Date:` of every answer.
    """

    def __init__(
        self,
        access: Access,
        *,
        deadline: float = 10.0,
        call_timeout: float = 4.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = randomness.random,
        environ: Mapping[str, str] = os.environ,
        heard_date: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._patience = Patience(deadline, call_timeout, clock, sleep, random)

        def connect() -> Client:
            from reconciler.targets.kubernetes.client import Client  # noqa: PLC0415 - the official client loads slowly

            return Client(access, environ, clock, heard_date)

        self._reader = Reader(connect)
        autoscalers = Autoscalers(self._reader, clock)
        resolver = Resolver(clock)
        self._foreseen = Foreseen(self._reader, clock)
        self._observer = Observer(self._reader, autoscalers, resolver, self._foreseen)
        self._applier = Applier(self._reader, autoscalers, self._observer)
        self._templates = Templates(self._reader, self._observer)
        self._routes = Routes(self._reader, resolver)

    def expect(self, wants: Iterable[KubernetesWant]) -> None:
        """Say what is looked at next, so that much of one kind is read together; each is then observed by itself."""
        self._foreseen.expect(want for want in wants if isinstance(want, WantWorkload))

    def observe(self, want: KubernetesWant) -> Fact:
        """Return the first of the wanted names that exists, or a `NoFact` that says why not."""
        budget = self._patience.begin()
        try:
            match want:
                case WantTemplate():
                    return self._templates.observe(want, budget)
                case WantRoute():
                    return self._routes.observe(want, budget)
                case _:
                    return self._observer.observe(want, budget)
        except Unusable as unusable:
            return unusable.fact
        except (Refusal, Unreachable) as failure:
            return as_fact(failure)

    def apply(self, effect: Effect) -> Fact:
        """Make the field have the value, and return the fact afterwards (without looking at pods).

        Raises:
            TerminalError: refused, gone, or not to be done (above an autoscaler's maximum, a template of somebody
                else's, a route with a fault that is not ours).
            TransientError: still in conflict or overloaded when tries or time were used up.
            BlindError: the API server could not be reached, or does not know us.
        """
        budget = self._patience.begin()
        try:
            if effect.field in ONCE:
                return self._templates.apply(effect, budget)
            if field_parts(effect.field) is not None:
                return self._routes.apply(effect, budget)
            return self._applier.apply(effect, budget)
        except Unusable as unusable:
            raise TerminalError(unusable.fact.message, hint=unusable.fact.hint) from unusable
        except (Refusal, Unreachable) as failure:
            raise as_error(failure) from failure

    def close(self) -> None:
        """Let go of threads and connections."""
        self._reader.close()
