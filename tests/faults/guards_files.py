"""The guards behind the rows of files."""

from __future__ import annotations

from typing import Final

from tests.faults.guards import Mutation

_CHILDREN: Final = "reconciler/repo/children.py"
_EACH: Final = "tests/faults/test_files_bombs.py -k f4_each"
_READ: Final = "tests/repo/test_reader.py"
_LOOKS: Final = "tests/faults/test_files_bombs.py -k f4_a_huge_file_that_looks"
_REPLACED: Final = "            if _is_left_unread(answers[-1]):\n                # Also"
_SCALING: Final = "reconciler/decide/actions/scaling.py"
_READER: Final = "reconciler/model/reader.py"
_TURNS: Final = "reconciler/decide/turns.py"

GUARDS: Final = (
    Mutation("f1", "reconciler/model/playbook.py", "    text = repaired(data)\n", '    text = repaired(b"")\n'),
    Mutation("f2", _SCALING, '_INCREMENT = re.compile(r"[+-]?[0-9]{1,4}\\Z")',
             '_INCREMENT = re.compile(r"[+-]?[0-9]{1,40}")'),
    Mutation("f3", "reconciler/decide/actions/featuretoggle.py",
             'name, _, state = value.raw.partition(":")\n            return',
             'name, state, *_ = [*value.raw.split(":"), "on"]\n            return'),
    Mutation("f4", _READER, "    if len(data) > limit:\n", "    if False:\n"),
    Mutation("f4", _READER, "            if count > NODE_LIMIT:\n", "            if False:\n"),
    Mutation("f4", _READER, "        if len(self._stack) >= DEPTH_LIMIT:\n", "        if False:\n"),
    Mutation("f4", _CHILDREN, _REPLACED, "            if False:\n                # Also", _EACH),
    Mutation("f4", _CHILDREN, _REPLACED, _REPLACED.replace("if ", "if names[len(answers) :] and "), _LOOKS),
    Mutation("f4", _CHILDREN, "elif header.size <= limit:", "elif limit:", _READ),
    Mutation("f5", "reconciler/model/slo.py", 'weight=fields.integer("weight") or 1,',
             'weight=fields.integer("weight") or 0,'),
    Mutation("f5", "reconciler/decide/evaluation/evaluate.py", 'if judged else Total(0.0, "fail")',
             'if judged else Total(100.0, "pass")'),
    Mutation("f6", "reconciler/decide/evaluating.py", "    pinned = draft.pins(remediation.pinned)\n",
             "    pinned = draft.pins(tuple(str(each) for each in view.pinned))\n"),
    Mutation("f6", "reconciler/decide/planning.py", '    if settings.mode == "suspended":\n', "    if False:\n"),
    Mutation("f6", _TURNS, "problems_turn, bounds_turn, drift_turn,", "problems_turn, drift_turn,"),
    Mutation("f7", _TURNS, "foreign_turn, _orphaned_turn, commands_turn,", "foreign_turn, commands_turn,"),
    Mutation("f7", "reconciler/decide/problems.py",
             'back = known[0].outcome == "orphaned" and view.exists and view.playbook is not None', "back = False",
             "tests/faults/test_files_live.py -k comes_back"),
    Mutation("f7", "reconciler/decide/resolution.py", 'return "revert" if good and', 'return "revert" if False and'),
)  # fmt: skip
