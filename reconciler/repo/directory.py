"""The life of a mirror's directory: opened or made, made anew when damaged, kept small, let go.

What git needs to be running for is here; what is only files is in `upkeep`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from reconciler.model.errors import BlindError
from reconciler.model.names import CommitId
from reconciler.repo import argv, upkeep
from reconciler.repo.argv import Argv
from reconciler.repo.engine import Engine
from reconciler.repo.faults import checked
from reconciler.repo.folders import closed, is_folder
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.names import full_ref, object_id
from reconciler.repo.origin import LocalOrigin
from reconciler.repo.writer import PRIVATE_REF

FETCHED: Final = "refs/reconciler/remote/"
KEPT: Final = "refs/reconciler/keep/"
_CLUTTERED: Final = 50


def private_ref(ref: str) -> str:
    """Return where a ref of the remote is kept here.

    One level only, so that a branch `a` that became `a/b` cannot collide with what it was.
    """
    return FETCHED + full_ref(ref).removeprefix("refs/").replace("/", "%2F")


class Directory:
    """One mirror on disk, ours alone from `prepare` to `release`."""

    def __init__(self, path: Path, engine: Engine, origin: LocalOrigin | None, project: str = "") -> None:
        self.path = path
        self.refs = LocalRefs(path)
        self._engine = engine
        self._origin = origin
        self._claim: upkeep.Claim | None = None
        self._project = project

    def prepare(self) -> None:
        """Open the mirror, or make it where it is missing, damaged or of another address.

        Raises:
            ConfigError: something else is there, another process has it, or it cannot be made.
        """
        if not upkeep.is_ours(self.path):
            self._make()
            return
        self._claim = upkeep.Claim(self.path)
        upkeep.sweep(self.path)
        wrong = upkeep.damage(self.path)
        if wrong:
            self.remake(wrong)
        elif not self._fits():
            if upkeep.has_rows(self.path):
                self.remake("it is another address's")
                return
            self.release()
            upkeep.remove(self.path)
            self._make()
        else:
            upkeep.take_up(self.path, self._project)

    def _fits(self) -> bool:
        objects = "" if self._origin is None else str(self._origin.objects)
        same_address = upkeep.marked_url(self.path) == self._engine.remote.url
        return same_address and upkeep.shared_with(self.path) == objects

    def _make(self) -> None:
        new = upkeep.begin(self.path, self._engine.remote.url)
        self._run("making the mirror", argv.init(new))
        if self._origin is not None:
            upkeep.share_objects(new, self._origin.objects)
        upkeep.take_up(new, self._project)
        new.rename(self.path)
        self._claim = upkeep.Claim(self.path)

    def remake(self, reason: str) -> None:
        """Set the mirror aside and make an empty one. No process may use it.

        Raises:
            BlindError: it shares objects with a remote that is gone, so a new one would be no better.
        """
        if self._origin is not None and not is_folder(self._origin.objects):
            why = closed(self._origin.objects)
            told = f"cannot be looked into: {why}" if why else "is gone"
            hint = "let the daemon's user into it" if why else "restore the remote"
            raise BlindError(f"{reason}, and the remote {self._origin.git_dir} {told}", hint=hint)
        self.release()
        upkeep.set_aside(self.path)
        self._make()

    def release(self) -> None:
        """Let another process have the mirror. Safe to call again."""
        if self._claim is not None:
            self._claim.release()
            self._claim = None

    @property
    def cluttered(self) -> bool:
        """Whether there are more than 50 packs, each of which slows new processes a little."""
        return upkeep.clutter(self.path) > _CLUTTERED

    def maintain(self, tips: Sequence[CommitId], keep: Sequence[CommitId]) -> None:
        """Combine packs and write the commit graph; see `Mirror.maintain`. No fast-import may run."""
        upkeep.sweep(self.path)
        self._keep_only(keep)
        # `repack --geometric` rewrites packs of the alternate too (git before 2.41), so a sharing mirror packs only
        # what is its own and not pushed yet; all else is in the remote.
        command = argv.repack(self.path) if self._origin is None else argv.repack_own(self.path)
        self._run("combining packs", command, slow=True)
        if self._origin is not None:
            # Signed commits are loose, and a repack leaves alone what the alternate has loose too.
            self._run("removing what the remote has", argv.prune_own(self.path), slow=True)
        known: Iterable[CommitId] = [*tips, *keep, *self.refs.below(FETCHED).values()]
        lines = "".join(f"{object_id(tip)}\n" for tip in dict.fromkeys(known)).encode()
        if lines:
            self._run("writing the commit graph", argv.commit_graph(self.path), lines, slow=True)
        self._run("packing refs", argv.pack_refs(self.path))

    def _keep_only(self, keep: Sequence[CommitId]) -> None:
        gone = [*self.refs.below(KEPT), *([PRIVATE_REF] if self.refs.read(PRIVATE_REF) is not None else [])]
        wanted = {f"{KEPT}{object_id(commit)}": commit for commit in keep}
        instructions = [f"delete {ref}\0\0" for ref in gone if ref not in wanted]
        instructions += [f"update {ref}\0{commit}\0\0" for ref, commit in wanted.items()]
        if instructions:
            self._run("choosing what to keep", argv.update_ref(self.path), "".join(instructions).encode())

    def _run(self, doing: str, command: Argv, data: bytes = b"", *, slow: bool = False) -> None:
        timeout = self._engine.timeouts.upkeep if slow else None
        checked(doing, self._engine.local(doing, command, data=data, timeout=timeout))
