"""A stage's providers as one: which of them measures an indicator, all of them at the same time, none for ever.

Each provider has threads of its own, and one evaluation gets only a few of them at a time, so a provider that hangs
delays neither the others nor, until very many hang, another service's evaluation. Nothing that a provider does wrong
gets further than the one indicator it was asked for.
"""

from __future__ import annotations

import math
import time
import traceback
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from reconciler.evidence.protocol import Asked, Late, Provider, Watcher
from reconciler.model.errors import BugError, ReconcilerError
from reconciler.model.evidence_config import EVIDENCE_DEADLINE
from reconciler.model.measures import Measure, MeasuresFact, Query, WantMeasures
from reconciler.model.targets import NoFact
from reconciler.net.threads import Pool

THREADS: Final = 32
"""Indicators that one provider measures at a time."""
AT_ONCE: Final = 4
"""Indicators of one evaluation that one provider measures at a time."""


class Providers:
    """The providers of one stage; the first that has a query for an indicator measures it.

    ``deadline`` is in seconds, for all indicators of one evaluation together. Safe to use from several threads.
    """

    def __init__(self, providers: Iterable[Provider], *, deadline: float = EVIDENCE_DEADLINE) -> None:
        self._providers = tuple(providers)
        self._deadline = deadline
        self._pools = {each.name: Pool(THREADS, thread_name_prefix=f"evidence-{each.name}") for each in self._providers}

    def measure(self, want: WantMeasures) -> MeasuresFact | NoFact:
        """Return a measure for every query, in their order, within the deadline."""
        if not self._providers:
            hint = "add `evidence` to the stage's configuration"
            return NoFact("forbidden", "no SLI provider is configured for this stage", hint)
        found: dict[int, Measure] = {}
        waiting: list[tuple[int, Provider, Asked]] = []
        for number, query in enumerate(want.queries):
            chosen = self._chosen(query, want)
            if isinstance(chosen, Measure):
                found[number] = chosen
            else:
                waiting.append((number, *chosen))
        found |= self._asked(waiting)
        return MeasuresFact(tuple(found[number] for number in range(len(want.queries))))

    def settles(self, want: WantMeasures) -> int:
        """Return how many seconds after its end a window has all values that are wanted; 0 where at once."""
        chosen = [each for query in want.queries if not isinstance(each := self._chosen(query, want), Measure)]
        return max((provider.settles(asked) for provider, asked in chosen if isinstance(provider, Late)), default=0)

    def watch(self, service: str) -> None:
        """Let those providers look at a service from now on that must have done so before they measure it."""
        for provider in self._providers:
            if isinstance(provider, Watcher):
                # One that cannot look says so, with the reason, when it is to measure.
                with suppress(ReconcilerError):
                    provider.watch(service)

    def close(self) -> None:
        """Let go of threads and connections; requests under way end by their own deadlines."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        for provider in self._providers:
            provider.close()

    def _chosen(self, query: Query, want: WantMeasures) -> tuple[Provider, Asked] | Measure:
        written = dict(query.queries)
        for provider in self._providers:
            if provider.name in written:
                return provider, Asked(query.sli, written[provider.name], want)
        for provider in self._providers:
            if provider.knows(query.sli):
                return provider, Asked(query.sli, None, want)
        return Measure(query.sli, None, self._lacking(written))

    def _lacking(self, written: Mapping[str, str]) -> str:
        files = _either(f"{each.name}/sli.yaml" for each in self._providers)
        if not written:
            return f"nothing says how to measure it (add it to {files})"
        return (
            f"only {_either(f'{name}/sli.yaml' for name in sorted(written))} says how to measure it, which is not"
            f" configured for this stage (add {_either(f'`evidence.{name}`' for name in sorted(written))} to the"
            f" daemon's configuration, or the indicator to {files})"
        )

    def _asked(self, every: Sequence[tuple[int, Provider, Asked]]) -> dict[int, Measure]:
        """Ask, a few indicators of each provider at a time; whatever has not come by the deadline is late."""
        ends = time.monotonic() + self._deadline
        late = f"not measured within {self._deadline:g} s"
        found = {number: Measure(asked.sli, None, late, provider.name) for number, provider, asked in every}
        waiting = {each.name: deque(one for one in every if one[1] is each) for each in self._providers}
        running: dict[Future[Measure], tuple[int, Provider, Asked]] = {}
        while True:
            for name, queue in waiting.items():
                busy = sum(1 for _, provider, _ in running.values() if provider.name == name)
                for one in [queue.popleft() for _ in range(min(AT_ONCE - busy, len(queue)))]:
                    running[self._submit(one[1], one[2])] = one
            done, _ = wait(running, timeout=max(0.0, ends - time.monotonic()), return_when=FIRST_COMPLETED)
            if not done:
                break
            for future in done:
                number, provider, asked = running.pop(future)
                found[number] = _outcome(future, provider, asked)
        for future in running:
            future.cancel()
        return found

    def _submit(self, provider: Provider, asked: Asked) -> Future[Measure]:
        try:
            return self._pools[provider.name].submit(provider.measure, asked)
        except RuntimeError as error:
            raise BugError(f"{provider.name} was asked after it was closed") from error


def _outcome(future: Future[Measure], provider: Provider, asked: Asked) -> Measure:
    """Return what came of asking; what is no finite number is none, whatever the provider thinks of it."""
    if future.cancelled():
        return Measure(asked.sli, None, "given up, since the daemon is stopping", provider.name)
    error = future.exception()
    if error is not None:
        return Measure(asked.sli, None, _told(error, provider), provider.name)
    measure = replace(future.result(), sli=asked.sli, provider=provider.name)
    if measure.value is not None and not math.isfinite(measure.value):
        return replace(measure, value=None, message=f"the value is {measure.value}, which is no number to compare")
    if measure.value is None and not measure.message:
        return replace(measure, message=f"{provider.name} has no value and does not say why")
    return measure


def _told(error: BaseException, provider: Provider) -> str:
    if isinstance(error, ReconcilerError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"a bug in the provider {provider.name}: {type(error).__name__}{where}"


def _either(names: Iterable[str]) -> str:
    return " or ".join(names)
