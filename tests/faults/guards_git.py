"""The guards behind the rows of Git."""

from __future__ import annotations

from typing import Final

from tests.faults.guards import Mutation

_LEASE: Final = (
    "    leases = (f\"--force-with-lease={full_ref(ref)}:{object_id(old) if old else ''}\" for ref, old, _ in updates)"
)
_FORCED: Final = '    leases = ("--force" for _ in updates[:1])'
_COUNTS: Final = "standing.trusted(own.path) == own.new_blob or not beside(self._store, current, standing.ops)"
_MARKS: Final = "reconciler/repo/marks.py"
_KNOWN: Final = "tests/repo/test_marks_rows.py -k "
_BRANCHES: Final = "tests/faults/test_git_branches.py"
_NAMES: Final = "tests/faults/test_git_names.py"
_WRITABLE: Final = "return not unwritable(place.service) and not _unwritable(judged)"
_PATIENT: Final = "_STANDS_STILL = (TransientError, TerminalError, UserError, ConfigError, BugError)"

GUARDS: Final = (
    Mutation("g1", "reconciler/repo/argv.py", _LEASE, _FORCED),
    Mutation("g2", "reconciler/repo/argv.py", _LEASE, _FORCED),
    Mutation(
        "g3", "reconciler/repo/stage.py",
        "begun = before is not None and (not before.fresh or self._seen > 0)", "begun = False",
    ),
    Mutation("g3", _MARKS, _COUNTS, "True", "tests/faults/test_git.py -k g3_a_row"),
    Mutation("g3", _MARKS, _COUNTS, _COUNTS.partition(" or ")[2], f"{_KNOWN}by_its_file"),
    Mutation("g3", _MARKS, _COUNTS, _COUNTS.partition(" or ")[0], f"{_KNOWN}long_ago"),
    Mutation("g4", "reconciler/daemon/project_loop.py", _PATIENT, _PATIENT.replace("TransientError, ", "")),
    Mutation(
        "g4", "reconciler/daemon/project_loop.py", "            self._around.metrics.stands(self.conditions)\n", "",
        f"{_BRANCHES} -k shown",
    ),
    Mutation(
        "g4", "reconciler/cli/commands/status.py", "for each in workspace.project.stages if stage} - {stage}",
        'for each in workspace.project.stages} - {here["name"] for here in found}', f"{_BRANCHES} -k shown",
    ),
    Mutation("g5", "reconciler/daemon/project_loop.py", _PATIENT, _PATIENT.replace("TransientError, ", "")),
    Mutation(
        "g5", "reconciler/repo/process.py", "timeout=timeout, clock=clock, total=timeout,",
        "timeout=600.0, clock=clock, total=None,", "tests/faults/test_git_slow.py -k drips",
    ),
    Mutation(
        "g5", "reconciler/repo/children.py", "except (ProcessDiedError, ProcessTimedOutError):",
        "except ProcessDiedError:", "tests/faults/test_git_slow.py -k stopped_are_replaced",
    ),
    Mutation(
        "g5", "reconciler/repo/faults.py",
        'failed to connect|connection refused|no route to host|network is unreachable"\n        r"|couldn\'t connect|',
        'no route to host|network is unreachable"\n        r"|', "tests/faults/test_git.py -k shut_down",
    ),
    Mutation("g6", "reconciler/daemon/holds.py", "self._clock.monotonic() + pause", "self._clock.monotonic()"),
    Mutation(
        "g6", "reconciler/daemon/project_loop.py", "            self._read_project_soon()  # nothing goes on",
        "            # nothing goes on",
    ),
    Mutation("g6", "reconciler/repo/conversation.py", 'result = "blind"', 'result = "failed"'),
    Mutation(
        "g6", "reconciler/repo/remote.py", "    def read() -> str:\n",
        "    @__import__('functools').cache\n    def read() -> str:\n",
    ),
    Mutation(
        "g7", "reconciler/daemon/publish.py", "        if result.declined:\n", "        if False:\n",
        "tests/faults/test_git.py -k g7_a_remote",
    ),
    Mutation(
        "g7", "reconciler/daemon/publish.py",
        "if tip is None or not self._holds(tip, written[-1]):", "if tip is None:",
    ),
    Mutation("g8", "reconciler/repo/directory.py", "        if wrong:\n", "        if False:\n"),
    Mutation(
        "g8", "reconciler/repo/project.py", "mirror.fetch({head: tip})  # where it is known too",
        "known is not None or mirror.fetch({head: tip})  #",
        "tests/faults/test_git_content.py -k lost_a_ref",
    ),
    Mutation("g9", "reconciler/repo/origin.py", 'if (origin.git_dir / "shallow").exists():', "if False:"),
    Mutation(
        "g9", "reconciler/repo/origin.py", "    if promised:\n", "    if False:\n",
        "tests/faults/test_git_formats.py -k g9_a_partial",
    ),
    Mutation(
        "g9", "reconciler/repo/faults.py", 'r"lazy fetching disabled|could not', 'r"lazy! fetching disabled|could! not',
        "tests/faults/test_git_formats.py -k g9_a_partial",
    ),
    Mutation(
        "g9", "reconciler/repo/mirror.py", "raise told if isinstance(told, ConfigError) else rewritten",
        "raise rewritten", "tests/faults/test_git_formats.py -k g9_a_shallow",
    ),
    Mutation("g10", "reconciler/repo/stage.py", "if force.commit == tips.config:", "if True:"),
    Mutation(
        "g10", "reconciler/repo/signatures.py", "if signature.key in self._allowed.revoked:", "if False:",
        "tests/faults/test_git_content.py -k signed_wrongly",
    ),
    Mutation(
        "g11", "reconciler/model/errors.py",
        'return f"{self.path}:{self.line}:{self.column}"', "return self.path",
    ),
    Mutation("g12", "reconciler/repo/argv.py", "remote.url, *map(full_ref, refs))", "remote.url)"),
    Mutation(
        "g11", "reconciler/model/yaml_mistakes.py", 'data.count(b"\\n", 0, found.start()) + 1, 1)', "1, 1)",
    ),
    Mutation(
        "g12", "reconciler/repo/extent.py", "        if counts[kind] > (CONFIG, OPS)[kind]:\n", "        if False:\n",
        "tests/repo/test_stage_bombs.py",
    ),
    Mutation(
        "g13", "reconciler/repo/objects.py",
        "    except UnicodeDecodeError:\n        return None\n", "    except UnicodeDecodeError:\n        raise\n",
    ),
    Mutation(
        "g13", "reconciler/repo/layout.py", _WRITABLE, "return not _unwritable(judged)",
        f"{_NAMES} -k own_directory",
    ),
    Mutation(
        "g13", "reconciler/repo/layout.py", _WRITABLE, "return not unwritable(place.service)",
        f"{_NAMES} -k never_put_back",
    ),
    Mutation(
        "g13", "reconciler/repo/layout.py", _WRITABLE, "return not unwritable(place.service)",
        f"{_NAMES} -k never_taken_up",
    ),
    Mutation("g13", "reconciler/repo/layout.py", " - _ROOM:\n", ":\n", f"{_NAMES} -k no_room"),
    Mutation(
        "g13", "reconciler/repo/index.py", "if place is None or not (why := unwritable(place[0])):",
        "if (why := '') or place is None or place:", f"{_NAMES} -k namesake",
    ),
    Mutation(
        "g13", "reconciler/daemon/filing.py", "        if name in self._unusable:\n", "        if False:\n",
        f"{_NAMES} -k about_a_folder",
    ),
    Mutation("g13", "reconciler/daemon/filing.py", "tree_path(path)", "str(path)", f"{_NAMES} -k second_line"),
    Mutation("g13", "reconciler/daemon/deciding.py", "tree_path(path)", "str(path)", f"{_NAMES} -k second_line"),
    Mutation("g13", "reconciler/repo/index.py", "self.passed_over[path] = why", "pass", f"{_NAMES} -k own_directory"),
    Mutation(
        "g13", "reconciler/repo/extent.py", " or passed_over(path, stage):", ":", f"{_NAMES} -k own_directory",
    ),
    Mutation(
        "g13", "reconciler/repo/extent.py", "entry.path if entry.path is not None else any_path(entry.raw)",
        'entry.path or ""', f"{_NAMES} -k never_put_back",
    ),
    Mutation(
        "g13", "reconciler/repo/extent.py", "        for change in changes\n    ]",
        "        for change in changes\n        if change.path is not None\n    ]", f"{_NAMES} -k own_directory",
    ),
    Mutation("g14", "reconciler/repo/views.py", "        if stored.mode not in _REGULAR:\n", "        if False:\n"),
    Mutation("g14", "reconciler/model/yaml_mistakes.py", "if not data.startswith(_LFS):", "if True:"),
    Mutation("g15", "reconciler/repo/objects.py", "max(-limit // 6, min(seconds, limit))", "seconds"),
    Mutation("g16", "reconciler/repo/children.py", "return self._again(exchange)\n", "raise\n"),
    Mutation("g17", "reconciler/repo/origin.py", '    if object_format != "sha1":\n', "    if False:\n"),
    Mutation(
        "g17", "reconciler/repo/faults.py", 'r"unknown repository extension|mismatched', 'r"mismatched',
        "tests/faults/test_git_formats.py -k reftable",
    ),
    Mutation("g18", "reconciler/repo/argv.py", _LEASE, _FORCED),
    Mutation("g19", "reconciler/repo/readings.py", "self._suspect = True\n", "self._suspect = False\n"),
)  # fmt: skip
