"""The guards behind the rows of Kubernetes."""

from __future__ import annotations

from typing import Final

from tests.faults.guards import Mutation

_ACTION: Final = "reconciler/decide/actions/scaling.py"
_APPLYING: Final = "reconciler/targets/kubernetes/applying.py"
_CLIENT: Final = "reconciler/targets/kubernetes/client.py"
_DRIFT: Final = "reconciler/decide/drift.py"
_FACTS: Final = "reconciler/targets/kubernetes/facts.py"
_LOOP: Final = "reconciler/daemon/stage_loop.py"
_REFUSALS: Final = "reconciler/targets/kubernetes/refusals.py"
_FOUNDED: Final = 'patch: dict[str, Any] = {"metadata": {"resourceVersion": state.version, **ours}}'
_UNFOUNDED: Final = 'patch: dict[str, Any] = {"metadata": {**ours}}'
_PASSES: Final = "RETRIED = frozenset({408, 410, 429, 500, 502, 503, 504})"


def _tests(file: str, name: str) -> str:
    """Tell pytest to run only those tests: the others of the row say nothing about this guard, and take minutes."""
    return f"tests/faults/test_clusters{file}.py -k {name}"


GUARDS: Final = (
    Mutation("k1", _APPLYING, _FOUNDED, _UNFOUNDED, _tests("", "k1_409")),
    Mutation(
        "k1", _REFUSALS, "return TerminalError(_said(failure), hint=_permission(failure))\n",
        "return TransientError(_said(failure))\n", _tests("", "k1_what"),
    ),
    Mutation(
        "k1", _REFUSALS, "case 400 | 405 | 413 | 415 | 422:", "case 400 | 405 | 413 | 415:", _tests("", "k1_what")
    ),
    Mutation("k1", _REFUSALS, "        case 404:\n", "        case 999:\n", _tests("", "k1_what")),
    Mutation("k1", _REFUSALS, _PASSES, _PASSES.replace(" 410,", ""), _tests("", "k1_410")),
    Mutation("k2", _REFUSALS, _PASSES, _PASSES.replace(" 503,", ""), _tests("", "k2_what_passes")),
    Mutation(
        "k2", "reconciler/targets/kubernetes/reading.py",
        "self._quiet = clock() + min(", "self._quiet = 0 * min(", _tests("", "k2_a_server_that_asks"),
    ),
    Mutation("k2", _CLIENT, "until(self._clock() + timeout,", "until(self._clock() + 900,", _tests("", "k2_a_drip")),
    Mutation(
        "k2", _APPLYING, "or (held and carries(state.item, notes(state.item, effect)))", "or False",
        _tests("", "k2_an_answer_that_is_lost"),
    ),
    Mutation(
        "k2", _LOOP, "        self.agenda.sweep.again(late)\n", "", "tests/daemon/test_late_looks.py -k change_by_hand"
    ),
    Mutation(
        "k2", _LOOP, "        self._unseen.note_late(want for wants in late.values() for want in wants)\n", "",
        "tests/daemon/test_late_looks.py -k said",
    ),
    Mutation("k3", _FACTS, "    if deleting(item):\n", "    if False:\n", _tests("_workloads", "being_deleted")),
    Mutation(
        "k3", _FACTS, "    if resource is REPLICA_SET and kind:\n", "    if False:\n",
        _tests("_workloads", "k3_what_another"),
    ),
    Mutation(
        "k3", _DRIFT, "        if len(recent) >= REPAIRS:\n", "        if False:\n", _tests("_workloads", "k3_two")
    ),
    Mutation(
        "k3", "reconciler/targets/kubernetes/rollouts.py",
        'if not trouble and dig(item, "spec", "paused") is True and', "if False and",
        _tests("_workloads", "k3_a_paused"),
    ),
    Mutation(
        "k3", "reconciler/targets/kubernetes/templates.py",
        '    if dig(item, "spec", "paused") is True:\n', "    if False:\n",
        "tests/targets/kubernetes/test_templates.py",
    ),
    Mutation("k4", _ACTION, "if fact.autoscaler is not None:", "if False:", _tests("_workloads", "k4")),
    Mutation(
        "k4", _APPLYING, "    if state.found is not None:\n        scaler", "    if False:\n        scaler",
        _tests("_workloads", "k4_an_autoscaler"),
    ),
    Mutation(
        "k5", "reconciler/decide/progress.py",
        "        if not draft.at(deadline):\n", "        if True:\n", _tests("_workloads", "k5_what"),
    ),
    Mutation(
        "k5", _ACTION, "        after = min(max(wished, low), high)\n        bounds",
        "        after = wished\n        bounds", _tests("_workloads", "k5_more"),
    ),
    Mutation(
        "k6", _DRIFT, "policy = settings.on_person_drift if person else settings.on_controller_drift",
        "policy = settings.on_controller_drift", _tests("_workloads", "k6"),
    ),
    Mutation(
        "k6", "reconciler/daemon/dispatch.py", "again = done in self._written\n", "again = False\n",
        _tests("_workloads", "before_it_took_effect"),
    ),
    Mutation(
        "k7", "reconciler/decide/claims.py",
        "    if held is not None and (held.claims or live in (held.value, held.expected)):\n", "    if False:\n",
        _tests("_reads", "k7"),
    ),
    Mutation("k7", _APPLYING, _FOUNDED, _UNFOUNDED, _tests("_reads", "k7")),
    Mutation(
        "k8", _CLIENT, "marks.append((file, found.st_ino, found.st_mtime_ns, found.st_size))",
        "marks.append((file, 0, 0, 0))", _tests("_credentials", "k8_a_token"),
    ),
)  # fmt: skip
