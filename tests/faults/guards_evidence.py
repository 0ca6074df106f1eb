"""The guards behind the rows of SLI and time."""

from __future__ import annotations

from typing import Final

from tests.faults.guards import Mutation

_READING: Final = "reconciler/evidence/prometheus/reading.py"
_CLOCK: Final = "reconciler/daemon/clock.py"

_ANEW: Final = "facts, looked = ahead, min(looked, since)"

GUARDS: Final = (
    Mutation("s1", "reconciler/decide/evaluation/evaluate.py",
             '"no data" if _for_want_of_values(judged, maximum, limits, counted) else counted.result',
             "counted.result"),
    Mutation("s1", _READING, "    if math.isnan(value):\n", "    if False:\n"),
    Mutation("s1", _READING, "    if len(result) > 1:\n", "    if False:\n"),
    Mutation("s1", _READING, '    if kind != "vector":\n', "    if False:\n"),
    Mutation("s1", "reconciler/decide/evaluating.py",
             "if verdict.hopeless or remediation.unmeasured >= MEASURED_AGAIN", "if verdict.hopeless"),
    Mutation("s1", "reconciler/daemon/stage_loop.py", _ANEW, "facts = vars(self).setdefault('kept', ahead)",
             "tests/faults/test_evidence.py -k s1_each_decision"),
    Mutation("s2", "reconciler/decide/evaluation/judging.py",
             "return self.target is None and not self.violated", "return False"),
    Mutation("s3", "reconciler/decide/evaluating.py", "    if late > LATE:\n", "    if False:\n"),
    Mutation("s3", "reconciler/decide/folding.py",
             'since = Instant(step.now - int(step.data.get("late", 0)))', "since = step.now"),
    Mutation("s3", "reconciler/decide/guards.py",
             "    if since is None or draft.now - since <= settings.max_problem_age:\n", "    if True:\n",
             "tests/faults/test_time.py -k s3_what_failed"),
    Mutation("s3", "reconciler/daemon/sweep.py", "            self._begins = now + self._every\n",
             "            self._begins += self._every\n", "tests/faults/test_time.py -k s3_what_is_overdue"),
    Mutation("s4", _CLOCK, "        if floor - wall > TOLERANCE:\n", "        if False:\n",
             "tests/faults/test_time.py -k behind_the_steps"),
    Mutation("s4", _CLOCK, "        if abs(moved) > TOLERANCE:\n", "        if False:\n",
             "tests/faults/test_time.py -k s4_a_jump"),
    Mutation("s4", _CLOCK, "        if abs(ahead := self._dates.ahead()) > TOLERANCE:\n",
             "        if abs(ahead := 0.0) > TOLERANCE:\n", "tests/faults/test_time.py -k told_by_the_servers"),
    Mutation("s4", "reconciler/decide/draft.py", "Instant(max(now, snapshot.stage.now_floor))", "Instant(now)",
             "tests/faults/test_time.py -k s4_a_jump"),
    Mutation("s5", "reconciler/intake/merging.py",
             "if report.final or report.replayable or", "if report.replayable or"),
    Mutation("s5", "reconciler/decide/resolution.py", "return file is None or (", "return file is not None and ("),
    Mutation(
        "s5", "reconciler/model/problem_event.py",
        'frozenset({"resolved", "closed", "merged"})', 'frozenset({"resolved", "closed"})',
        "tests/faults/test_time.py -k s5_a_problem",
    ),
)  # fmt: skip
