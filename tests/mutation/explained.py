"""Mistakes that no test can notice, and why: by file and by what the mistake is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_STRICT = "both are made of the same things one by one, so neither is longer"
_OVER_FIRST = (
    "a problem whose file says that it is over is ended before it is looked at here, or, while another one of the same "
    "remediation is open, that one's file brings the same about"
)
_EACH_STEP = "each step says it anew, and nobody asks before the first"
_READ = "whoever reads a branch says it; of one made without, settings alone are asked"
_LAST_TURN = "it is the last turn there is; nobody asks what it made"
_LAST = "nothing follows it in the loop"
_EITHER_BACK = (
    'problems_turn: each.phase == "refused" or each.outcome == "orphaned" -> '
    "(each.phase == 'refused' and each.outcome == 'orphaned')"
)
_NO_ENTRY = (
    "case.base.entry is None or case.head.entry is None -> (case.base.entry is None and case.head.entry is None)"
)
_PARTED = "a side without an entry has parted from the other where the action was first tried"
_AGES = "newest: _age(known) < _age((remediation, problem)) -> (_age(known) <= _age((remediation, problem)))"

EXPLAINED: Final[Mapping[tuple[str, str], str]] = {
    ("decide/actions/featuretoggle.py", "Toggle.plan: True -> False"): _STRICT,
    ("decide/actions/registry.py", "unpin: len(_UNPINNED) >= _REMEMBERED -> (len(_UNPINNED) > _REMEMBERED)"): (
        "how many are remembered changes nothing but how often one is read again"
    ),
    ("decide/actions/scaling.py", "Scaling._raise_minimum: self.by > 0 -> (self.by >= 0)"): "scaling by 0 is refused",
    ("decide/archiving.py", "_archive: False -> True"): _LAST_TURN,
    ("decide/archiving.py", "archive_turn: False -> True"): _LAST_TURN,
    ("decide/claims.py", "Dropping.from_step: 0 -> 1"): "steps are counted from 1",
    ("decide/draft.py", "Draft.add_to_stage: 0 -> 1"): "the next sequence is 1 at least",
    ("decide/draft.py", "Draft.first: continue -> pass"): _LAST,
    ("decide/draft.py", "Draft.see: True -> False"): _STRICT,
    ("decide/evaluation/comparison.py", "percentile: position < 1.0 -> (position <= 1.0)"): (
        "at position 1 nothing of the way to the second value is added to the first"
    ),
    ("decide/evaluation/shown.py", "shown: 0 -> 1"): "without values there is nothing that could have decimals",
    ("decide/evaluation/shown.py", "_wanted: 1 -> 2"): "more than `_DECIMALS` are shown in full, however many more",
    ("decide/finished.py", "finished: over and view.desired -> (over or view.desired)"): (
        "where one of the two is empty, none of them stands behind what is held"
    ),
    ("decide/finished.py", _AGES): "a step is of one remediation, so no two have the same newest one",
    ("decide/freezing.py", "_end: 0 -> 1"): "without a window there is none, from whichever day on it is looked for",
    ("decide/freezing.py", "_runs: start <= runs[-1][1] -> (start < runs[-1][1])"): "`_end` joins those that touch too",
    ("decide/freezing.py", "frozen: 0 -> 1"): "only whether it is open now is asked, not for how long",
    ("decide/guards.py", "_age: False -> True"): "it counts only where there are no objectives, which was asked before",
    ("decide/policy.py", "effective: len(_KNOWN) >= _REMEMBERED -> (len(_KNOWN) > _REMEMBERED)"): (
        "how many are remembered changes nothing but how often one is worked out again"
    ),
    ("decide/problems.py", "problems_turn: False -> True"): _OVER_FIRST,
    ("decide/problems.py", "problems_turn: True -> False"): _OVER_FIRST,
    ("decide/problems.py", _EITHER_BACK): _OVER_FIRST,
    ("decide/problems.py", "problems_turn: each.phase == \"refused\" -> (each.phase != 'refused')"): _OVER_FIRST,
    ("decide/problems.py", "problems_turn: each.outcome == \"orphaned\" -> (each.outcome != 'orphaned')"): _OVER_FIRST,
    (
        "decide/problems.py",
        "_is_past: return known is not None and known[1].resolved and is_resolved(file) -> return None",
    ): _OVER_FIRST,
    ("decide/progress.py", "_effect: True -> False"): _STRICT,
    (
        "decide/remediation.py",
        "Remediation.length: 0 -> 1",
    ): "it is set with the wait, without which nobody asks for it",
    ("decide/remediation.py", "Remediation.moved_at: 0 -> 1"): _EACH_STEP,
    ("decide/remediation.py", "Remediation.pending_from: 0 -> 1"): "it is set with `pending`, which is asked first",
    ("decide/remediation.py", "Remediation.sequence: 0 -> 1"): _EACH_STEP,
    ("decide/replay.py", "_ByName.__len__: return len(self._facts) -> return None"): (
        "a mapping must be able to say it, and facts are looked up one by one"
    ),
    ("decide/resolution.py", "newest_decision: 0 -> 1"): "steps are counted from 1",
    ("decide/snapshot.py", "ServiceView.exists: True -> False"): _READ,
    ("decide/snapshot.py", "Stage.now_floor: 0 -> 1"): _READ,
    ("decide/snapshot.py", "Stage.sequence: 0 -> 1"): _READ,
    ("decide/whatif/case.py", "Case.began: 0 -> 1"): "whoever follows steps says it",
    ("decide/whatif/comparing.py", f"Comparison._evaluated: {_NO_ENTRY}"): _PARTED,
    ("decide/whatif/comparing.py", f"Comparison._follow: {_NO_ENTRY}"): _PARTED,
    ("decide/whatif/ledger.py", "_last: 0 -> 1"): "no guard looks back that far",
    ("decide/whatif/side.py", "Side._refused: 0 -> 1"): "what a file says that cannot be read depends on no moment",
    ("decide/whatif/side.py", "Side._effects: 1 -> 2"): "a claim makes the same value whichever step it is of",
    ("decide/turns.py", "service_turns: 1 -> 2"): "it is far more than any service needs, so more of it is too",
    ("decide/turns.py", "stage_turns: continue -> pass"): _LAST,
}
