"""The guards behind the rows of the process, the disk and people."""

from __future__ import annotations

from typing import Final

from tests.faults.guards import Mutation
from tests.faults.guards_git import _FORCED, _LEASE

_AWAY: Final = "            return [later(error)] * len(reports)\n"
_PUT_BACK: Final = (
    "return draft.first(partial(_reverted, draft, view), view.foreign) or _restored(draft, view, view.foreign)"
)
_TAKEN: Final = "                    self._row(folder, row, contains)\n"
_NOTED: Final = "                    upkeep.mark_salvaged(folder, row)\n"
_WAITED_FOR: Final = "    await _receipts_of(list(waiting.values()), until)\n    for name, future in waiting.items():\n"
_THANKED: Final = (
    '    receipts = [Receipt("accepted")] * len(payload.reports)\n    for name, future in list(waiting.items())[:0]:\n'
)

GUARDS: Final = (
    Mutation(
        "c1", "reconciler/intake/merging.py",
        "        return new if existing is None else None\n", "        return new\n",
        "tests/faults/test_process.py -k c1_killed",
    ),
    Mutation(
        "c1", "reconciler/repo/upkeep.py",
        "        new.rmdir()  #", "        pass  #",
        "tests/repo/test_mirror_killed.py",
    ),
    Mutation(
        "c1", "reconciler/repo/upkeep.py",
        "        elif entry.name != MARK:\n            entry.unlink()\n    (git_dir / MARK).unlink()\n",
        "        else:\n            entry.unlink()\n",
        "tests/repo/test_mirror_killed.py",
    ),
    Mutation(
        "c1", "reconciler/repo/salvage.py",
        f"{_TAKEN}{_NOTED}", f"{_NOTED}{_TAKEN}",
        "tests/faults/test_crash_outage.py -k broken",
    ),
    Mutation(
        "c1", "reconciler/repo/row.py",
        "ANSWERED if self._answers_older(found) else DEEPEST", "DEEPEST", "tests/repo/test_replayed.py",
    ),
    Mutation(
        "c1", "reconciler/targets/endpoints/server.py",
        'headers = {"Idempotency-Key": quote(key, safe="/:+=,@%~ ")}', 'headers = {"Idempotency-Key": str(id(body))}',
        "tests/faults/test_process_calls.py",
    ),
    Mutation(
        "c1", "reconciler/daemon/web/delivery.py", _WAITED_FOR, _THANKED,
        "tests/faults/test_crash_received.py -k before-report-push",
    ),
    Mutation(
        "c1", "reconciler/targets/endpoints/server.py",
        "quote(key, safe", "quote(f'{key} {time.time()}', safe",
        "tests/faults/test_crash_stories.py -k vain",
    ),
    Mutation("c2", "reconciler/repo/argv.py", _LEASE, _FORCED),
    Mutation("c2", "reconciler/daemon/dispatch.py", "        if not self.may_write():\n", "        if False:\n"),
    Mutation(
        "c2", "reconciler/daemon/stage_loop.py",
        "others=sequence not in (None, snapshot.stage.sequence))", "others=False)",
    ),
    Mutation(
        "c2", "reconciler/daemon/deciding.py",
        " or snapshot.stage.sequence != self._ahead_of", "", "tests/daemon/test_deciding.py",
    ),
    Mutation(
        "c2", "reconciler/daemon/deciding.py",
        "        self._dispatch.forget(self._ahead or ())\n", "", "tests/daemon/test_deciding.py",
    ),
    Mutation("c3", "reconciler/daemon/reception.py", _AWAY, "            raise\n"),
    Mutation(
        "c4", "reconciler/repo/upkeep.py",
        "    with suppress(OSError):\n        return sum(", "    with suppress(KeyError):\n        return sum(",
    ),
    Mutation(
        "c4", "reconciler/daemon/shortage.py",
        "SHORT: Final = (OSError, MemoryError)\n", "SHORT: Final = (MemoryError,)\n",
        "tests/daemon/test_shortage.py",
    ),
    Mutation(
        "c4", "reconciler/net/threads.py",
        "return NoThreadError() if _REFUSED in str(error) else error", "return error",
        "tests/net/test_threads.py",
    ),
    Mutation(
        "c5", "reconciler/repo/cache.py",
        "while self._size > self._budget and len(self._kept) > 1:", "while False:",
    ),
    Mutation(
        "c6", "reconciler/daemon/service.py",
        "            self._refuse(error)\n            return config\n", "            raise\n",
    ),
    Mutation(
        "c7", "reconciler/daemon/stopping.py",
        "thread.join(max(deadline - clock.monotonic(), 0.0))", "thread.join(0.0)",
    ),
    Mutation(
        "c7", "reconciler/daemon/stopping.py",
        "STOP_WITHIN: Final = 25.0\n", "STOP_WITHIN: Final = 40.0\n",
        "tests/faults/test_process.py -k c7_a_push",
    ),
    Mutation(
        "c7", "reconciler/daemon/service.py",
        "                    begin(limit)\n", "                    pass\n",
        "tests/daemon/test_service.py -k whatever",
    ),
    Mutation(
        "c7", "reconciler/net/bell.py",
        "from queue import Empty, SimpleQueue", "from queue import Empty, Queue as SimpleQueue",
        "tests/net/test_bell.py",
    ),
    Mutation("c7", "reconciler/net/bell.py", "_AGAIN = 0.5\n", "_AGAIN = 600.0\n", "tests/net/test_bell.py"),
    Mutation("c8", "reconciler/daemon/branch.py", 'if newer is not None else ""', 'if False else ""'),
    Mutation(
        "c8", "reconciler/daemon/branch.py",
        'if newer is not None else ""', 'if False else "" ', "tests/faults/test_process_two.py -k c8_an_older",
    ),
    Mutation(
        "c9", "reconciler/decide/commands.py",
        "    if not steps or command.step > max(steps):\n", "    if steps and command.step > max(steps):\n",
        "tests/faults/test_process.py -k c9_commands",
    ),
    Mutation(
        "c9", "reconciler/decide/resolution.py", "return file is None or (", "return file is not None and (",
        "tests/faults/test_process.py -k taken_away",
    ),
    Mutation("c9", "reconciler/decide/foreign.py", _PUT_BACK, "return _restored(draft, view, view.foreign)"),
    Mutation(
        "c9", "reconciler/decide/foreign.py",
        _PUT_BACK, "return draft.first(partial(_reverted, draft, view), view.foreign)",
    ),
    Mutation(
        "c9", "reconciler/daemon/stage_loop.py", "landed=done)", "landed=first)", "tests/daemon/test_taken_back.py",
    ),
    Mutation(
        "c9", "reconciler/daemon/portions.py",
        "        services = min(services, _MOST)\n", "", "tests/daemon/test_taken_back.py -k loses",
    ),
)  # fmt: skip
