"""The guards behind row G5 with `forgeOutage: proceed`."""

from __future__ import annotations

from typing import Final

from tests.faults.guards import Mutation

_HERE: Final = "tests/faults/test_outage.py -k "
_HOME: Final = "tests/faults/test_outage_home.py -k "
_AROUND: Final = "tests/faults/test_outage_around.py -k "
_AGAIN: Final = "tests/repo/test_away_again.py -k "
_BRANCHES: Final = "tests/faults/test_outage_branches.py -k "
_DISK: Final = "tests/faults/test_outage_disk.py -k "
_OUTAGE: Final = "reconciler/daemon/outage.py"
_BROUGHT: Final = "reconciler/repo/brought.py"
_ROWS: Final = "tests/repo/test_brought.py -k "

GUARDS: Final = (
    Mutation("g5", "reconciler/repo/away.py", "self.tips([ref])[ref] != old:", "False:", "tests/repo/test_away.py"),
    Mutation(
        "g5", "reconciler/repo/away.py", "self._settle_ref(kept_ref(ref))\n        except", "pass\n        except",
        "tests/repo/test_away.py",
    ),
    Mutation(
        "g5", "reconciler/daemon/outage.py", 'config.forge_outage == "proceed"', "bool(config)",
        f"{_HERE}stages_that_want_it",
    ),
    Mutation(
        "g5", "reconciler/repo/mirror.py", 'return f"{self.path} {why} (`stateDir`)" if', 'return "" if',
        f"{_HERE}not_kept",
    ),
    Mutation(
        "g5", "reconciler/daemon/reception.py", "if branch.publisher.keeps else made", "if not made else made",
        f"{_HERE}very_commits",
    ),
    Mutation(
        "g5", "reconciler/repo/proof.py", "as_commit(made, kept=claim.kept)", "as_commit(made)", f"{_HERE}very_commits"
    ),
    Mutation("g5", "reconciler/daemon/outage.py", "if self.out and led and", "if self.out and", f"{_AROUND}lease"),
    Mutation(
        "g5", "reconciler/daemon/outage.py", "branch.repo.sync(branch.repo.tips)", "branch.repo.tips",
        f"{_AROUND}broke_off",
    ),
    Mutation(
        "g5", "reconciler/repo/away.py", "if there != known:", "if False:", "tests/repo/test_away.py -k even_take"
    ),
    Mutation("g5", "reconciler/repo/homecoming.py", ", merged=ours)", ")", f"{_HOME}people_pushed"),
    Mutation(
        "g5", "reconciler/repo/homecoming.py", "both.append(path)", "wanted[path] = change.new_blob",
        "tests/repo/test_homecoming.py",
    ),
    Mutation(
        "g5", "reconciler/repo/homecoming.py", "and not mirror.is_ancestor(base, theirs):", "and not base:",
        f"{_HOME}rewritten_branch",
    ),
    Mutation(
        "g5", "reconciler/daemon/outage.py", "            raise barred\n", "            return\n", f"{_HOME}declines"
    ),
    Mutation(
        "g5", "reconciler/daemon/outage.py", "mirror.adopt_unanswered(stage.ops)", "str(stage)", f"{_HOME}no_answer"
    ),
    Mutation(
        "g5", "reconciler/daemon/outage.py", "if (silence := self.mirror().silence) is None:",
        "if (silence := next(iter(self.holds.away().values()), None)) is None:", f"{_BRANCHES}cuts_no_other",
    ),
    Mutation(
        "g5", "reconciler/daemon/outage.py", "if mirror.silence is not None:", "if found:", f"{_BRANCHES}ends_when"
    ),
    Mutation(
        "g5", "reconciler/repo/upkeep.py", "while has_rows(target):", "while not target:",
        "tests/faults/test_outage_damage.py -k stands_still",
    ),
    Mutation(
        "g5", "reconciler/repo/mirror.py", "self._salvage.attempt()", "str(self)",
        "tests/faults/test_outage_damage.py -k damaged_mirror_keeps",
    ),
    Mutation(
        "g5", "reconciler/repo/salvage.py", "contains(ref, base)  # what", "pass  # what",
        f"{_AGAIN}need_not_be_whole",
    ),
    Mutation(
        "g5", "reconciler/repo/away.py", "self._note(Seen(self.seen.since, self.seen.head, {**self.seen.refs, ref",
        "str(Seen(self.seen.since, self.seen.head, {**self.seen.refs, ref", f"{_AGAIN}where_the_next",
    ),
    Mutation(
        "g5", "reconciler/repo/away.py", "(base is not None and contains(base, tip))", "not tip",
        f"{_AGAIN}no_part_of_the_next",
    ),
    Mutation(
        "g5", "reconciler/repo/away.py", '}{tip}") is not None or', '}{tip}") is False or', f"{_AGAIN}left_aside"
    ),
    Mutation(
        "g5", "reconciler/repo/away.py", "for row in rows_of(self._git_dir) if row", "for row in () if row",
        f"{_AGAIN}in_silence",
    ),
    Mutation(
        "g5", "reconciler/repo/mirror.py", "{**seen.refs, **self._last.refs}", "self._last.refs",
        f"{_AGAIN}head_only",
    ),
    Mutation(
        "g5", "reconciler/repo/upkeep.py", "(project and _project(each) == project)", "False",
        "tests/faults/test_outage_moved.py -k another_address",
    ),
    Mutation(
        "g5", "reconciler/repo/upkeep.py", "_project(each) == project)", "each)",
        "tests/faults/test_outage_moved.py -k another_project",
    ),
    Mutation(
        "g5", "reconciler/repo/salvage.py", "not contains(ref, base):", "not contains(ref, base) and not base:",
        "tests/faults/test_outage_moved.py -k stands_still",
    ),
    Mutation(
        "g5", "reconciler/daemon/petitions.py", "return Taken(landed.commits[-1], kept)",
        "return Taken(landed.commits[-1])", f"{_AROUND}at_the_bridge",
    ),
    Mutation(
        "g5", "reconciler/daemon/outage.py", "if are_kept(self.around.leases) else _NO_LEASE", "if True else _NO_LEASE",
        f"{_AROUND}without_leases",
    ),
    Mutation("g5", _OUTAGE, "        if self._count < TWICE:\n", "        if False:\n", f"{_BRANCHES}one_broken"),
    Mutation(
        "g5", _OUTAGE, "and stage.ops not in self.mirror().stranded:", ":",
        "tests/faults/test_outage_damage.py -k another_stage",
    ),
    Mutation(
        "g5", _OUTAGE, "if stage.ops in self._away.kept else None", "if False else None", f"{_HOME}declines"
    ),
    Mutation(
        "g5", _OUTAGE, "            self.mirror().away.out = False\n            self._remark(as_ours",
        "            self._remark(as_ours", f"{_DISK}when_the_outage_begins",
    ),
    Mutation(
        "g5", _OUTAGE, "        except (ReconcilerError, *SHORT) as error:\n            # The remote is",
        "        except ReconcilerError as error:\n            # The remote is", f"{_DISK}when_the_outage_begins",
    ),
    Mutation(
        "g5", _OUTAGE, "            except (ReconcilerError, *SHORT) as error:\n                reason",
        "            except ReconcilerError as error:\n                reason", f"{_DISK}counted",
    ),
    Mutation(
        "g5", _BROUGHT, "            if steps:\n", "            if False:\n",
        "tests/faults/test_outage_two.py -k leaves_standing",
    ),
    Mutation("g5", _BROUGHT, " if steps.isdisjoint(row)]", " if row and False]", f"{_ROWS}the_form_of_a_step"),
    Mutation("g5", _BROUGHT, "or info.author != RECONCILER", "or not info.author", f"{_ROWS}somebody_else"),
    Mutation("g5", _BROUGHT, ".get(HOME) == info.parents[1]", ".get(HOME) is not None", f"{_ROWS}somebody_else"),
    Mutation(
        "g5", "reconciler/repo/replay_rows.py", "if self._brought.isdisjoint(kept):", "if False:",
        "tests/repo/test_replay_brought.py",
    ),
)  # fmt: skip
