"""The guards behind the rows of Kubernetes."""

from __future__ import annotations

from typing import Final

from tests.faults.guards import Mutation

_KUBERNETES: Final = "reconciler/targets/kubernetes"
_PASSES: Final = "RETRIED = frozenset({408, 410, 429, 500, 502, 503, 504})"

GUARDS: Final = (
    Mutation(
        "k1", f"{_KUBERNETES}/applying.py",
        'patch: dict[str, Any] = {"metadata": {"resourceVersion": state.version, **ours}}',
        'patch: dict[str, Any] = {"metadata": {**ours}}',
    ),
    Mutation(
        "k1", f"{_KUBERNETES}/refusals.py",
        "            return TerminalError(_said(failure), hint=_permission(failure))\n",
        "            return BlindError(_said(failure), hint=_permission(failure))\n",
    ),
    Mutation("k1", f"{_KUBERNETES}/refusals.py", "case 400 | 405 | 413 | 415 | 422:", "case 400 | 405 | 413 | 415:"),
    Mutation("k1", f"{_KUBERNETES}/refusals.py", "        case 404:\n", "        case 999:\n"),
    Mutation("k1", f"{_KUBERNETES}/refusals.py", _PASSES, _PASSES.replace(" 410,", "")),
    Mutation("k2", f"{_KUBERNETES}/refusals.py", _PASSES, _PASSES.replace(" 429,", "")),
    Mutation("k2", f"{_KUBERNETES}/reading.py", "self._quiet = clock() + min(", "self._quiet = 0 * min("),
    Mutation("k2", f"{_KUBERNETES}/client.py", "until(self._clock() + timeout,", "until(self._clock() + 900,"),
    Mutation(
        "k2", f"{_KUBERNETES}/applying.py",
        "or (held and carries(state.item, notes(state.item, effect)))", "or False",
    ),
    Mutation("k3", f"{_KUBERNETES}/facts.py", "    if deleting(item):\n", "    if False:\n"),
    Mutation("k3", f"{_KUBERNETES}/facts.py", "    if resource is REPLICA_SET and kind:\n", "    if False:\n"),
    Mutation("k3", "reconciler/decide/drift.py", "        if len(recent) >= REPAIRS:\n", "        if False:\n"),
    Mutation("k4", "reconciler/decide/actions/scaling.py", "if fact.autoscaler is not None:", "if False:"),
    Mutation(
        "k4", f"{_KUBERNETES}/applying.py",
        "    if state.found is not None:\n        scaler", "    if False:\n        scaler",
    ),
    Mutation("k5", "reconciler/decide/progress.py", "        if not draft.at(deadline):\n", "        if True:\n"),
    Mutation(
        "k5", "reconciler/decide/actions/scaling.py",
        "        after = min(max(wished, low), high)\n        bounds", "        after = wished\n        bounds",
    ),
    Mutation(
        "k6", "reconciler/decide/drift.py",
        "policy = settings.on_person_drift if person else settings.on_controller_drift",
        "policy = settings.on_controller_drift",
    ),
    Mutation("k6", "reconciler/daemon/dispatch.py", "again = done in self._written\n", "again = False\n"),
    Mutation(
        "k7", "reconciler/decide/claims.py",
        "    if held is not None and (held.claims or live in (held.value, held.expected)):\n", "    if False:\n",
    ),
    Mutation(
        "k7", f"{_KUBERNETES}/applying.py",
        'patch: dict[str, Any] = {"metadata": {"resourceVersion": state.version, **ours}}',
        'patch: dict[str, Any] = {"metadata": {**ours}}',
    ),
    Mutation("k8", f"{_KUBERNETES}/client.py", "_stamp(self._files) != self._stamp)", "False)"),
)  # fmt: skip
