"""A stage's branch as the engine follows it: sync to a tip, give a snapshot, tell what was touched.

A snapshot is (project commit, config commit, ops commit). Where steps share the branch with people's files the last two
are the same commit. Everything kept here is derived: a new one, made from the tips alone, gives the same snapshot.

Our own commits are believed to be steps since we made them. What anybody else pushed is a step if it replays where it
stands (`proof`); where commits come that claim to be steps and are not the next ones, the whole is judged as a start
would judge it (`row`), since all daemons must take the same step for the newest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from reconciler.decide.draft import RULES
from reconciler.decide.snapshot import Rewritten, ServiceView, Snapshot
from reconciler.model.errors import VerdictError
from reconciler.model.instant import Instant
from reconciler.model.names import BlobId, CommitId, ServicePath, StageName
from reconciler.repo.extent import too_large
from reconciler.repo.faults import TooMuchError
from reconciler.repo.index import Stored
from reconciler.repo.marks import Marks
from reconciler.repo.mirror import Mirror
from reconciler.repo.proof import Proof, SettingsAt
from reconciler.repo.row import WINDOW, Rows, follows, goes_on, stands_on
from reconciler.repo.row_guard import RowGuard
from reconciler.repo.signatures_back import put_back
from reconciler.repo.signatures_policy import Force, Policy
from reconciler.repo.standing import ProjectSettings, Standing
from reconciler.repo.steps import Claimed, claimed, own_file
from reconciler.repo.stream import NewCommit
from reconciler.repo.tally import Census
from reconciler.repo.tips import Tips

__all__ = ["ProjectSettings", "SettingsAt", "StageRepo", "Tips"]

_FOLLOWED = 4 * WINDOW
"""Steps of others that are followed one by one; more are judged as a start judges them, which costs less."""


class StageRepo:
    """One stage of one project. One owner thread.

    ``policy`` judges the commits of people; without one all of them count. ``settings_at`` tells what the project said
    of the stage at one of its commits; ``newer_config`` reads the config branch's tip anew, fetches it, and is asked
    only where a step names a commit that is not known.
    """

    def __init__(
        self, store: Mirror, stage: StageName, settings_at: SettingsAt, *,
        own_branch: bool = False, newer_config: Callable[[], CommitId | None] = lambda: None,
        policy: Policy | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._stage = stage
        self._apart = own_branch
        self._policy = policy
        self._judged_by = 0
        self._proof = Proof(store, stage, settings_at, newer_config, apart=own_branch, policy=policy)
        self._marks = Marks(store, stage)
        self._tips: Tips | None = None
        self._stood: Standing | None = None
        self._row: deque[Claimed] = deque(maxlen=WINDOW)
        self._seen = 0
        self._rewritten: Rewritten | None = None
        self._expected: set[CommitId] = set()
        self._left: set[str] = set()
        self._refused: tuple[Tips, int, VerdictError] | None = None
        self.judged = 0
        self.force: Force | None = None
        """What of people's files is in force as of the last `sync`; None where nobody judges that."""

    @property
    def tips(self) -> Tips | None:
        """The tips of the last `sync`, None before the first."""
        return self._tips

    @property
    def in_force(self) -> Tips | None:
        """The tips of the last `sync`, with the commit of which people's files are in force."""
        force = self.force
        if self._tips is None or force is None or force.commit is None:
            return self._tips
        return replace(self._tips, config=force.commit)

    @property
    def unjudged(self) -> str:
        """Why nobody can say whose commits count now; empty where that is known, or everybody's count."""
        return self._policy.trouble if self._policy is not None else ""

    @property
    def newer_rules(self) -> int | None:
        """The rules of the newest step where they are newer than ours: the stage is then left to newer daemons."""
        newest = self._newest
        return newest.rules if newest is not None and newest.rules > RULES else None

    @property
    def row(self) -> tuple[Claimed, ...]:
        """The newest steps of the last `sync` that were made by ourselves or replay, the newest last."""
        return tuple(self._row)

    @property
    def _newest(self) -> Claimed | None:
        return self._row[-1] if self._row else None

    def expect(self, commits: Iterable[CommitId]) -> None:
        """Take commits as steps by their messages at the next `sync`: the caller made them itself."""
        self._expected |= (made := set(commits))
        if self._policy is not None:
            self._policy.know_ours(made)

    def sync(self, tips: Tips) -> bool:
        """Follow the branches to these tips, whose objects must be there.

        Returns whether they continue what was known; False after a rewritten branch, and the first time.

        Raises:
            TransientError: a step names a commit that has only just come; read the tips anew.
            VerdictError: what is there cannot be gone on from; the same is said of the same tips without a look.
        """
        by = 0
        if self._policy is not None:
            self._policy.check_own_key()
            by = self._policy.number
        if self._refused is not None and self._refused[:2] == (tips, by):
            raise self._refused[2]
        self._refused = None
        try:
            return self._sync(tips)
        except (VerdictError, TooMuchError) as error:
            both = (tips.ops, tips.config)
            verdict = error if isinstance(error, VerdictError) else too_large(self._store, self._stage, both, error)
            self._refused = (tips, by, verdict)
            raise verdict from error.__cause__

    def _sync(self, tips: Tips) -> bool:
        before = self._tips
        standing, self._stood = self._stood, None
        if self._policy is not None and self._policy.number != self._judged_by:
            standing = None
        if before == tips and standing is not None:
            self._stood = standing
            return True
        continued = before is not None and self._continue(before, tips)
        if before is None or not continued:
            standing = None
            self._marks.forget()
        # Until all is done nothing stands: whoever is interrupted in between begins from the tips.
        self._stood, self._tips = self._moved(standing, before, tips, continued=continued), tips
        self._judged_by = self._policy.number if self._policy is not None else 0
        self._expected.clear()
        return continued

    def _continue(self, before: Tips, tips: Tips) -> bool:
        pairs = {(before.ops, tips.ops), (before.config, tips.config)}
        return all(old == new or self._store.is_ancestor(old, new) for old, new in pairs)

    def _moved(self, standing: Standing | None, before: Tips | None, tips: Tips, *, continued: bool) -> Standing:
        if standing is None or before is None:
            both = (tips.config, tips.ops)
            standing = Standing(self._store, self._stage, *both, apart=self._apart, policy=self._policy)
            self._judge(standing, before, tips, continued=continued)
        elif not self._follow(standing, before, tips):
            self._judge(standing, before, tips, continued=True)
        standing.go(tips.ops)
        self._put_in_force(standing, tips)
        self._age(standing)
        standing.settle()
        return standing

    def _put_in_force(self, standing: Standing, tips: Tips) -> None:
        """Move people's files to where they count."""
        self.force = None
        if self._policy is None or self.newer_rules is not None:
            standing.follow_config()
            standing.go_config(tips.config)
            return
        force = self._policy.in_force(tips.config, self._signed_base)
        if force.commit is None:
            raise VerdictError(
                f"nothing on the branch of {self._stage} is in force: {force.why}",
                hint="change each file of people by a signed commit, or name the commit to begin with: "
                "`signing: {signedSince: <commit>}`",
            )
        newest = self._newest
        if newest is not None and self._is_behind(force.commit, newest.config, tips.config):
            raise VerdictError(
                f"step {newest.sequence} was decided on {newest.config[:12]}, which does not count: {force.why}",
                hint="sign for what is there, and let reconciler sign its steps (`signing: {sshKeyFile: ...}`)",
            )
        self.force = force
        if force.commit == tips.config:
            standing.follow_config()
            standing.go_config(tips.config)
        else:
            standing.hold_config(force.commit)

    def _is_behind(self, commit: CommitId, config: CommitId, tip: CommitId) -> bool:
        """Whether a commit lacks what a step was decided on."""
        known = config and self._store.find_commit(config) is not None
        return bool(known) and self._store.is_ancestor(config, tip) and not self._store.is_ancestor(config, commit)

    def _signed_base(self) -> CommitId | None:
        """Return what the newest step that a daemon has signed was decided on."""
        if self._policy is None:
            return None
        return next((step.config for step in reversed(self._row) if self._policy.is_ours(step.commit)), None)

    def _follow(self, standing: Standing, before: Tips, tips: Tips) -> bool:
        """Follow the steps that came since. Returns False where that is not enough to say which is the newest."""
        walk = list(self._store.commits(tips.ops, since=before.ops))
        claims = [claim for info in walk if (claim := claimed(info, self._stage)) is not None]
        guard = self._guard(tips)
        if guard is not None:
            claims = [claim for claim in claims if claim.commit in self._expected or guard.is_ours(claim)]
            merged = any(len(info.parents) > 1 for info in walk)
            if guard.has_loose or (merged and any(claim.commit not in self._expected for claim in claims)):
                return False
        own: list[Claimed] = []
        if sum(claim.commit not in self._expected for claim in claims) > _FOLLOWED:
            return False
        for claim in reversed(claims):
            last = own[-1] if own else self._newest
            expected = claim.commit in self._expected
            file = None if expected else own_file(self._store, claim)
            if not expected and file is None:
                continue
            if not follows(claim, last) or not stands_on(self._store, claim, last):
                return False
            if file is None:
                own.append(claim)
                continue
            self._take_own(standing, own)
            own = []
            if not self._proof.holds(standing, claim, file, last, (tips.project, tips.config)):
                return False
            standing.accept(claim, file)
            self._note(claim)
        self._take_own(standing, own)
        return True

    def _guard(self, tips: Tips) -> RowGuard | None:
        """Return who tells our steps by their signatures; None where we don't sign, or nobody judges."""
        if self._policy is None or not self._policy.signs:
            return None
        return RowGuard(self._store, self._stage, self._policy, tips.project)

    def _take_own(self, standing: Standing, own: list[Claimed]) -> None:
        """Take the steps of one push of ours in one go; their files are read only where they may answer somebody."""
        if not own:
            return
        if own[0].info.parents:
            standing.go(own[0].info.parents[0])
        answering = bool(standing.foreign())
        standing.go(own[-1].commit, ours=True, chain=own)
        for claim in own:
            file = own_file(self._store, claim) if answering else None
            if file is not None:
                standing.trust_paths(file.named)
            self._note(claim)

    def _note(self, step: Claimed) -> None:
        self._row.append(step)
        self._marks.learn((step,))
        self._rewritten = None

    def _judge(self, standing: Standing, before: Tips | None, tips: Tips, *, continued: bool) -> None:
        """Find the newest step as a start would."""
        self.judged += 1
        was = self._newest
        if was is not None:
            self._seen = max(self._seen, was.sequence)
        both = (tips.project, tips.config)
        rows = Rows(self._store, self._stage, standing, self._proof, both, self._guard(tips))
        known = was.commit if was is not None and continued else None
        self._row = deque(rows.newest(tips.ops, known), maxlen=WINDOW)
        # What was known to be in the row may have been overruled.
        self._marks.forget()
        self._marks.learn(self._row)
        newest = self._newest
        if continued and (was == newest or goes_on(self._store, was, self._row)):
            self._rewritten = self._rewritten if was == newest else None
            return
        reached = newest.sequence if newest is not None else 0
        begun = before is not None and (not before.fresh or self._seen > 0)
        self._rewritten = Rewritten(before.ops, max(self._seen, reached)) if before is not None and begun else None

    def _age(self, standing: Standing) -> None:
        """Trust what no step has answered for so long that a start, which looks at some steps only, would trust it.

        That is so where a service is left alone because of a bug of ours, and somebody changes its files meanwhile.
        """
        foreign = standing.foreign()
        left, self._left = self._left & foreign.keys(), set(foreign)
        if len(self._row) == WINDOW:
            standing.trust_paths([path for path in sorted(left) if self._is_old(path, foreign[path])])

    def _is_old(self, path: str, stored: Stored | None) -> bool:
        """Whether a path was as it is now after all the steps that a start looks at."""
        blob = stored.blob if stored is not None else None
        return all(self._store.blob_id(step.commit, path) == blob for step in reversed(self._row))

    @property
    def _standing(self) -> Standing:
        if self._stood is None:
            raise RuntimeError("sync first")
        return self._stood

    def view(self, service: ServicePath) -> ServiceView:
        """Return a service's view, made once until something of it changes."""
        return self._standing.view(service)

    def services(self) -> frozenset[ServicePath]:
        """Return all services of the stage, configured or only reported about."""
        return self._standing.services()

    def named(self, text: str) -> frozenset[ServicePath]:
        """Return the configured services of this name, or the one at this path."""
        return self._standing.named(text)

    def configured(self) -> tuple[list[str], Mapping[str, str]]:
        """Return the names of all configured services, and why others are none; see `Standing.configured`."""
        return self._standing.configured()

    def reported(self) -> frozenset[ServicePath]:
        """Return the services about which anything was ever reported or done."""
        return self._standing.reported()

    def problem_files(self, service: ServicePath) -> Mapping[str, BlobId]:
        """Return the files of a service's problems, from `problems/` on."""
        return self._standing.problem_files(service)

    def archive(self) -> BlobId | None:
        """Return the content's id of the stage's `closed.yaml`, None where nothing was archived."""
        return self._standing.archive()

    def blob(self, blob: BlobId, limit: int) -> bytes:
        """Return a content by its id; see `Mirror.blob`."""
        return self._store.blob(blob, limit)

    def take_dirty(self) -> frozenset[ServicePath]:
        """Return the services to look at since the last call; see `Standing.take_dirty`."""
        self.expect_pins(dirty := self._standing.take_dirty())
        return dirty

    def expect_pins(self, services: Iterable[ServicePath]) -> None:
        """Say which services' objectives and queries are about to be asked for, so that they are read together."""
        self._proof.pins.expect(self._standing.pinned(services))

    def holding(self) -> frozenset[ServicePath]:
        """Return the services that hold or give back any field: what a sweep for drift looks at."""
        return self._standing.holding()

    def census(self) -> Census:
        """Return how many problems, remediations and unusable files there are; see `Standing.census`."""
        return self._standing.census()

    def snapshot(self, settings: ProjectSettings) -> Snapshot:
        """Return the stage as of the last `sync`."""
        standing, tips, force = self._standing, self._tips_or_fail(), self.force
        config = tips.config if force is None or force.commit is None else force.commit
        found = standing.snapshot(settings, self._newest, config, tips.project, self._proof.pins, self._rewritten)
        if force is None or config == tips.config:
            return found
        last = force.refused[-1]
        held = {"why": last.why, "commit": last.commit, "by": last.who, "commits": len(force.refused)}
        return replace(found, stage=replace(found.stage, held_config=held))

    def taken_away(self, now: Instant) -> list[NewCommit]:
        """Return what puts back commands that were taken away by nobody who counts; see `put_back`."""
        tip, policy, newest = self._tips_or_fail().ops, self._policy, self._newest
        return put_back(self._store, policy, tip, newest.commit if newest else None, now) if policy else []

    def _tips_or_fail(self) -> Tips:
        if self._tips is None:
            raise RuntimeError("sync first")
        return self._tips

    def expect_marks(self, marks: Iterable[tuple[str, int]]) -> None:
        """Hear of the marks, each a commit and a number, that `has_step` is about to be asked about."""
        self._marks.expect(self._standing, marks)

    def has_step(self, commit: str, sequence: int) -> bool:
        """Tell whether the row that counts has the step that a target's mark names; see `Marks.has_step`."""
        return self._marks.has_step(self._standing, self._newest, commit, sequence)

    def commit_of(self, sequence: int, service: ServicePath) -> CommitId | None:
        """Return the step of a service with this sequence; see `Marks.commit_of`."""
        return self._marks.commit_of(self._standing, self._newest, sequence, service)
