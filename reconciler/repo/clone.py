"""A person's side: commit files on a branch of their own clone and push them, without touching their work tree.

For the commands that a person runs inside a normal clone. Here their configuration holds: name and e-mail address,
signing, credential helper, ssh, ``pre-push`` hook. Commits are made by plumbing on the branch's tip as the remote
has it, so it does not matter what is checked out or half edited; their local branches stay where they are, and `git
pull` brings the commit.

A repository without a remote (``reconciler init``, a bare repository on a server) has no other place than its own
branch, which is moved by compare-and-set. If that branch is checked out somewhere, index and work tree would show
the commit as undone; so the files that were committed, and only those, are written there too, and it is refused
where they have changes of the person's own.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from reconciler.model.errors import ConfigError, TerminalError, TransientError, UserError
from reconciler.model.names import CommitId
from reconciler.repo import argv
from reconciler.repo.argv import Argv
from reconciler.repo.environ import personal_environment
from reconciler.repo.faults import checked, timed_out, transport_error
from reconciler.repo.layout import PROJECT_FILES, USUAL_DEFAULTS
from reconciler.repo.local import refuse_brought
from reconciler.repo.localrefs import LocalRefs
from reconciler.repo.names import branch_ref, commit_id, is_full_ref
from reconciler.repo.objects import Identity
from reconciler.repo.origin import settings
from reconciler.repo.process import Finished, Process, ProcessTimedOutError, run
from reconciler.repo.push import RefUpdate, push_result
from reconciler.repo.reader import Reader
from reconciler.repo.remote import redact
from reconciler.repo.stream import NewCommit, commit_stream

_TIMEOUT: Final = 300.0
"""Seconds; long, because a person may have to type a passphrase."""
_TRIES: Final = 8


@dataclass(frozen=True)
class PersonalClone:
    """Made by `open_clone`. ``remote`` is the name of the remote that is pushed to, empty where there is none.

    ``top`` is the work tree's folder, or a bare repository's own: git takes a remote's relative path from there.
    """

    git_dir: Path
    remote: str
    url: str
    top: Path
    _settings: Mapping[str, str]

    def identity(self) -> Identity:
        """Return who commits: ``GIT_AUTHOR_*`` if set, else the configured author or user.

        Raises:
            ConfigError: nobody is configured.
        """
        return who_commits(self._settings)

    def tip(self, branch: str) -> CommitId | None:
        """Return what the branch is at in the remote, fetching it; in a repository without remote, at home.

        Raises:
            UserError: no usable branch name. TransientError, BlindError: the remote cannot be seen.
        """
        ref = branch_ref(branch)
        if not self.remote:
            return LocalRefs(self.git_dir).read(ref)
        finished = self._run(f"fetching {branch}", argv.fetch_branch(self.git_dir, self.remote, ref))
        if finished.status and "couldn't find remote ref" in finished.stderr:
            return None
        if finished.status:
            raise transport_error(f"fetching {branch}", redact(finished.stderr), self.remote)
        return LocalRefs(self.git_dir).read(f"refs/remotes/{self.remote}/{branch}")

    def fetch(self) -> None:
        """Bring what all branches of the remote are at now; nothing to do where there is no remote.

        Raises:
            TransientError, BlindError: the remote cannot be seen.
        """
        if self.remote:
            finished = self._run("fetching", argv.fetch_branches(self.git_dir, self.remote))
            if finished.status:
                raise transport_error("fetching", redact(finished.stderr), self.remote)

    def default_branch(self) -> str | None:
        """Return the full ref of the remote's default branch: as it was when cloned, else by asking.

        Without a remote it is a bare repository's HEAD. Where there is a work tree HEAD is what somebody looks at, so
        it is the branch that is called as default ones are and has a file of the project's; HEAD's only without one.
        """
        if not self.remote:
            head = LocalRefs(self.git_dir).head()
            return head if self.top == self.git_dir else self._project_branch() or head
        here = f"refs/remotes/{self.remote}/"
        known = self._run("reading", argv.symbolic_ref(self.git_dir, f"{here}HEAD"))
        name = known.stdout.decode("utf-8", "replace").strip()
        if not known.status and name.startswith(here):
            return f"refs/heads/{name.removeprefix(here)}"
        asked = self._run("listing the remote", argv.remote_head(self.git_dir, self.remote))
        found = re.search(rb"^ref: (refs/heads/\S+)\tHEAD$", asked.stdout, re.MULTILINE)
        return found[1].decode("utf-8", "replace") if found else None

    def _project_branch(self) -> str | None:
        refs, reader = LocalRefs(self.git_dir), Reader(self.git_dir, self._start)
        try:
            for ref in map(branch_ref, USUAL_DEFAULTS):
                tip = refs.read(ref)
                if tip is not None and any(reader.item_at(tip, file) for file in PROJECT_FILES):
                    return ref
        finally:
            reader.drop()
        return None

    def commit_and_push(
        self,
        branch: str,
        files: Mapping[str, bytes | None],
        message: str,
        *,
        when: datetime,
        based_on: CommitId | None = None,
    ) -> CommitId:
        """Commit files (None deletes) on the branch's tip, push the commit and return its id.

        A push that loses against somebody else's is tried again on the new tip, unless one of these files changed
        there. ``based_on`` is the tip that the caller made the files from, where they read it.

        Raises:
            UserError: a path or branch that cannot be, a file that somebody changed meanwhile, or own changes in the
            way. ConfigError: nobody is configured as author.
            TerminalError: a hook or a protected branch declined it.
            TransientError, BlindError: the remote cannot be reached, or everybody else is quicker.
        """
        ref = branch_ref(branch)
        commit = NewCommit(files, message, when, self.identity())
        for _ in range(_TRIES):
            tip = self.tip(branch)
            self._check_untouched(based_on, tip, files)
            new = self._write(tip, commit)
            landed = self._push(ref, tip, new) if self.remote else self._move(ref, tip, new, list(files))
            if landed:
                return new
            based_on = tip
        raise TransientError(
            f"{branch} moved {_TRIES} times while the commit was on its way", hint="try again in a moment"
        )

    def _get(self, key: str) -> str:
        return self._settings.get(key, "").strip()

    def _write(self, parent: CommitId | None, commit: NewCommit) -> CommitId:
        ref = f"refs/reconciler/personal-{os.getpid()}"
        who = commit.author or self.identity()
        stream = [*commit_stream(ref, parent, [commit], who), b"get-mark :1\ndone\n"]
        try:
            made = self._must("committing", argv.fast_import(self.git_dir), b"".join(stream))
            new = commit_id(made.decode("ascii", "replace").strip())
            if self._get("commit.gpgsign").lower() in {"true", "yes", "on", "1"}:
                new = self._signed(new, parent, commit, who)
        finally:
            self._run("tidying up", argv.update_ref(self.git_dir), f"delete {ref}\0\0".encode())
        return new

    def _signed(self, unsigned: CommitId, parent: CommitId | None, commit: NewCommit, who: Identity) -> CommitId:
        with self._start(argv.cat_file_headers(self.git_dir)) as process:
            process.send(f"{unsigned}^{{tree}}\n".encode())
            tree = process.line().split(b" ")[0].decode("ascii")
        seconds = f"{int(commit.when.timestamp())} +0000"
        people = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", who.name), ("EMAIL", who.email), ("DATE", seconds))
        }
        command = argv.commit_tree_signed(self.git_dir, tree, parent)
        made = self._must("signing", command, commit.message.encode(), people)
        return commit_id(made.decode("ascii", "replace").strip())

    def _push(self, ref: str, old: CommitId | None, new: CommitId) -> bool:
        """Push; return False where somebody else was quicker."""
        finished = self._run("pushing", argv.push_branch(self.git_dir, self.remote, ref, old, new))
        stdout = redact(finished.stdout.decode("utf-8", "replace"))
        result = push_result([RefUpdate(ref, old, new)], finished, stdout, redact(finished.stderr), self.remote)
        for message in result.declined.values():
            raise TerminalError(
                f"{self.url} declined the push to {ref.removeprefix('refs/heads/')}: {message}",
                hint="if the branch is protected, open a pull request, or ask who may push to it",
            )
        return result.landed

    def _move(self, ref: str, old: CommitId | None, new: CommitId, paths: Sequence[str]) -> bool:
        """Move the local branch; return False where it was moved meanwhile."""
        work_tree = self._checked_out_in(ref)
        if work_tree is not None:
            dirty = self._must("looking for changes", argv.changed_files(work_tree, paths)).decode("utf-8", "replace")
            if dirty:
                raise UserError(
                    f"{work_tree} has changes of your own in {', '.join(_status_paths(dirty))}",
                    expected="files as they are in the last commit",
                    hint="commit them (`git commit`) or put them away (`git stash -u`) first",
                )
        instruction = f"update {ref}\0{new}\0{old or ''}\0" if old else f"create {ref}\0{new}\0"
        finished = self._run("moving the branch", argv.update_ref(self.git_dir), instruction.encode())
        if finished.status and LocalRefs(self.git_dir).read(ref) != old:
            return False
        checked("moving the branch", finished)
        if work_tree is not None:
            self._must("updating the work tree", argv.restore(work_tree, new, paths))
        return True

    def _checked_out_in(self, ref: str) -> Path | None:
        listed = self._must("listing work trees", argv.worktrees(self.git_dir)).decode("utf-8", "surrogateescape")
        for block in listed.split("\n\n"):
            lines = block.splitlines()
            if f"branch {ref}" in lines:
                return Path(lines[0].removeprefix("worktree "))
        return None

    def _check_untouched(self, old: CommitId | None, new: CommitId | None, files: Mapping[str, bytes | None]) -> None:
        if old is None or new is None or old == new:
            return
        reader = Reader(self.git_dir, self._start)
        try:
            before, after = ({path: reader.item_at(tip, path) for path in files} for tip in (old, new))
        finally:
            reader.drop()
        touched = sorted(path for path in files if before[path] != after[path])
        if touched:
            raise UserError(
                f"somebody changed {', '.join(touched)} while your commit was on its way",
                hint="look at the new content and run the command again",
            )

    def _start(self, command: Argv) -> Process:
        return Process(command, personal_environment(os.environ), timeout=_TIMEOUT, clock=time.monotonic)

    def _run(self, doing: str, command: Argv, data: bytes = b"", more: Mapping[str, str] | None = None) -> Finished:
        return _run(doing, command, self.top, data, more)

    def _must(self, doing: str, command: Argv, data: bytes = b"", more: Mapping[str, str] | None = None) -> bytes:
        finished = self._run(doing, command, data, more)
        if finished.status:
            reason = redact(finished.stderr).strip().removeprefix("fatal: ")
            raise TerminalError(f"{doing} failed: {reason}", hint="put right what git says and run the command again")
        return finished.stdout


def _run(
    doing: str, command: Argv, folder: Path, data: bytes = b"", more: Mapping[str, str] | None = None
) -> Finished:  # fmt: skip
    environment = personal_environment(os.environ) | dict(more or {})
    try:
        # Not in a group of its own: git, ssh and gpg may have to ask on the person's terminal.
        return run(command, environment, timeout=_TIMEOUT, clock=time.monotonic, data=data, own_group=False, cwd=folder)
    except ProcessTimedOutError as error:
        raise timed_out(doing, error) from error


def who_commits(config: Mapping[str, str]) -> Identity:
    """Return the person that git's environment or these settings name.

    Raises:
        ConfigError: nobody is named. What git would guess from the machine's name is no person.
    """

    def known(part: str) -> str:
        said = (os.environ.get(f"GIT_AUTHOR_{part.upper()}"), config.get(f"author.{part}"), config.get(f"user.{part}"))
        return next((text.strip() for text in said if text and text.strip()), "")

    name, email = known("name"), known("email")
    if not name or not email:
        raise ConfigError(
            "git does not know who you are, and every step names a person",
            hint='run: git config --global user.name "Your Name"; git config --global user.email you@example.org',
        )
    return Identity(name, email)


def _status_paths(status: str) -> list[str]:
    return [record[3:] for record in status.split("\0") if record]


def open_clone(path: Path) -> PersonalClone:
    """Find the repository that ``path`` lies in, and the remote that it is pushed to: ``origin``, else the only one.

    Raises:
        ConfigError: there is no repository, it came as files of somebody's branch, or it has several remotes and none
            is called origin.
    """
    git_dir, top, remotes = _look(path.absolute())
    refuse_brought(git_dir)
    if len(remotes) > 1 and "origin" not in remotes:
        raise ConfigError(
            f"the repository has several remotes ({', '.join(sorted(remotes))}) and none is called origin",
            hint="rename the one to push to: git remote rename NAME origin",
        )
    remote = "origin" if "origin" in remotes else next(iter(remotes), "")
    if remote and not is_full_ref(f"refs/remotes/{remote}/x"):
        raise ConfigError(f"the remote's name {remote!r} cannot be used", hint="rename it with `git remote rename`")
    read = _run("reading git's settings", argv.config_all(git_dir), top)
    if read.status:
        raise transport_error(f"opening {git_dir}", redact(read.stderr))
    config = settings(read)
    return PersonalClone(git_dir, remote, redact(config.get(f"remote.{remote}.url", "")), top, config)


def _look(path: Path) -> tuple[Path, Path, list[str]]:
    """Return the common git directory, the work tree's folder (a bare repository's own), and the remotes' names.

    GitPython finds both in process. Commands are not run through it: it can add to the environment but take nothing
    away, and inside a hook ``GIT_INDEX_FILE`` or ``GIT_OBJECT_DIRECTORY`` would lead elsewhere.
    """
    import git  # noqa: PLC0415 - 70 ms that only commands which push must spend

    try:
        with git.Repo(path, search_parent_directories=True, expand_vars=False) as repository:
            common = Path(repository.common_dir)
            return common, Path(repository.working_tree_dir or common), [each.name for each in repository.remotes]
    except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
        raise ConfigError(
            f"{path} is not inside a Git repository",
            hint="change into a clone of the configuration repository, or make one with `reconciler init`",
        ) from error
