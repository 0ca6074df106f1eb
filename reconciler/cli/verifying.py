"""What `verify` audits and by whose keys: branches as the clone has them, files of options or configuration."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.cli.ranges import Range, merge_base, read_range
from reconciler.cli.sources import project_of
from reconciler.model.checks import stage_name
from reconciler.model.errors import ConfigError, UserError
from reconciler.model.names import CommitId, ProjectName, StageName
from reconciler.model.signing_config import SigningConfig
from reconciler.repo.layout import USUAL_DEFAULTS, ops_prefix
from reconciler.repo.local import LocalRepository
from reconciler.repo.signatures_audit import Wish

if TYPE_CHECKING:
    from reconciler.repo.signatures_believed import Believed
    from reconciler.repo.signatures_held import Held
    from reconciler.repo.signatures_signers import Signers

_HEADS: Final = "refs/heads/"
_FETCHED: Final = "refs/remotes/origin/"


@dataclass(frozen=True)
class Keys:
    """Who may sign, and from where on, as the options say; what they leave out is the configuration's.

    ``gpg`` are keys of reconciler's, ``people`` of people's; ``since`` are commits as people name them.
    """

    allowed: Path | None = None
    revoked: Path | None = None
    gpg: Sequence[str] = ()
    people: Sequence[str] = ()
    since: Sequence[str] = ()


def signers_of(keys: Keys, configured: SigningConfig) -> Signers | None:
    """Return whose signatures count; None where nothing says who may sign.

    Raises:
        ConfigError: a file cannot be read, or a line of it not be understood.
    """
    from reconciler.repo.signatures_allowed import read_allowed_signers
    from reconciler.repo.signatures_gpg import GpgJudge
    from reconciler.repo.signatures_signers import Signers

    allowed = keys.allowed or configured.allowed_signers
    revoked = keys.revoked or (configured.revoked_keys if keys.allowed is None else None)
    gpg = tuple(keys.gpg) or ((configured.gpg_key,) if configured.gpg_key else ())
    people = tuple(keys.people) or configured.allowed_gpg
    if allowed is None and revoked is not None:
        raise ConfigError("keys are revoked, and nothing says who may sign", hint="add --allowed-signers FILE")
    if allowed is None and not gpg and not people:
        return None
    if allowed is not None:
        # A daemon waits for such a file to be put right; who asks here is told which line it is.
        read_allowed_signers(allowed, revoked)
    return Signers(
        allowed, revoked, ours=GpgJudge(gpg) if gpg else None, people=GpgJudge(people) if people else None
    )  # fmt: skip


def begun_with(keys: Keys, configured: SigningConfig, repository: LocalRepository) -> tuple[CommitId, ...]:
    """Return the commits that people begin from. Raises ConfigError where an option names none that is here."""
    return tuple(map(repository.resolve, keys.since)) or configured.since


def believed_by(allowed: Path, revoked: Path | None, since: Sequence[str], repository: LocalRepository) -> Believed:
    """Return whose steps a replay believes. Raises ConfigError where a file or a commit is not there or not right."""
    from reconciler.repo.signatures_allowed import read_allowed_signers
    from reconciler.repo.signatures_believed import Believed

    read_allowed_signers(allowed, revoked)
    return Believed(allowed, revoked, tuple(map(repository.resolve, since)))


@contextmanager
def held_by(
    repository: LocalRepository, signers: Signers, configured: SigningConfig, begun: Sequence[CommitId],
    project: str | None,
) -> Iterator[Held]:  # fmt: skip
    """Give what judges people's commits as a daemon does that the configuration is of, or that signs its steps."""
    from reconciler.repo.mirror import Mirror
    from reconciler.repo.signatures_held import Held

    signs = configured.allowed_signers is None or bool(configured.ssh_key_file or configured.gpg_key)
    name = ProjectName(project) if project else None
    with (
        tempfile.TemporaryDirectory(prefix="reconciler-") as folder,
        Mirror.open(Path(folder) / "view.git", str(repository.git_dir)) as view,
    ):
        yield Held(view, signers, project_tip(repository), begun, signs=signs, name=name)


def configured_signing(file: Path, project: str | None, repository: LocalRepository) -> SigningConfig:
    """Return what the daemon's configuration says of signing in the project of a repository.

    Raises:
        ConfigError: the file cannot be read or used, or has several projects and nothing says which.
    """
    from reconciler.daemon.service import read_config

    projects = {str(name): each.signing for name, each in read_config(file).projects.items()}
    named = project or project_of(repository).name
    if named in projects:
        return projects[named]
    if project is None and len(projects) == 1:
        return next(iter(projects.values()))
    hint = f"name it with --project: {', '.join(sorted(projects))}"
    raise ConfigError(f"{file} has no project `{named}`", hint=hint)


def wishes(repository: LocalRepository, stage: str | None, span: str | None) -> Iterator[Wish]:
    """Yield what is to be audited: the stage that is named, or with a range the one that is checked out; else all.

    Raises:
        ConfigError: there is no such stage or commit, or nothing says which stage a range is of.
    """
    project = project_tip(repository)
    pattern = project_of(repository).ops_branch
    known = _stages(repository)
    names = [stage] if stage else known
    if span is not None and len(names) != 1:
        names = [name for name in names if name == repository.head()]
    if not names:
        raise ConfigError("which stage?", hint=f"name it with --stage: {', '.join(known) or 'there is none yet'}")
    for name in names:
        config = _tip(repository, name)
        if config is None:
            hint = f"there are: {', '.join(known)}" if known else "is the stage's branch fetched?"
            raise ConfigError(f"the stage `{name}` has no branch here", hint=hint)
        branch = pattern.replace("{stage}", name) or name
        ops = _tip(repository, branch) if branch != name else config
        if ops is None:
            hint = f"git fetch origin {branch}; if nothing was ever reported there, name the other stages with --stage"
            raise ConfigError(f"the branch `{branch}` of {name}'s steps is not here", hint=hint)
        if name not in known and not _has_steps(repository, ops, name):
            hint = f"there are: {', '.join(known)}" if known else "see `reconciler init`"
            raise ConfigError(f"`{name}` is no stage of this project", hint=hint)
        apart = config if ops != config else None
        if span is None:
            yield Wish(StageName(name), ops, project, None, apart)
            continue
        parts = read_range(repository, span)
        _check_range(repository, parts, name, branch, ops)
        yield Wish(StageName(name), parts.new, project, parts.old, apart)


def _check_range(repository: LocalRepository, parts: Range, name: str, branch: str, ops: CommitId) -> None:
    """Make sure that there is something to look at between two commits: else nothing would be found in nothing."""
    if merge_base(repository, parts.old, parts.new) != parts.old:
        hint = f"with three dots it begins where they parted: `{parts.base}...{parts.head}`"
        raise ConfigError(f"{parts.head} does not come after {parts.base}", hint=hint)
    elsewhere = merge_base(repository, parts.new, ops) != parts.new
    if elsewhere and not _has_steps(repository, parts.new, name) and not _goes_on(repository, parts, name, ops):
        hint = f"name commits of the branch `{branch}`, as in `origin/{branch}~9..origin/{branch}`"
        raise ConfigError(f"{parts.head} holds nothing of {name}'s steps", hint=hint)
    if parts.old == parts.new and "..." not in parts.text:
        hint = f"write where it begins, as in `{parts.head}~9..{parts.head}`; what is left out is HEAD"
        raise ConfigError(f"the range `{parts.text}` holds no commit", hint=hint)


def _goes_on(repository: LocalRepository, parts: Range, name: str, ops: CommitId) -> bool:
    """Whether a range without steps is about the branch of a stage that has none yet either."""
    return not _has_steps(repository, ops, name) and merge_base(repository, parts.old, ops) == parts.old


def _has_steps(repository: LocalRepository, commit: CommitId, name: str) -> bool:
    return repository.reader.tree_id(commit, ops_prefix(StageName(name))) is not None


def project_tip(repository: LocalRepository) -> CommitId:
    """Return where the default branch is: the remote's, where there is a clone of one. Raises ConfigError."""
    head = repository.head()
    for name in ("HEAD", *USUAL_DEFAULTS, *([head] if head else [])):
        found = _resolved(repository, _FETCHED + name) or (
            _resolved(repository, _HEADS + name) if name != "HEAD" else None
        )
        if found is not None:
            return found
    raise ConfigError("there is no default branch here", hint="fetch it, or go into a clone of the whole repository")


def _stages(repository: LocalRepository) -> list[str]:
    listed = [stage.name for stage in project_of(repository).stages]
    if listed:
        return listed
    refs = [*repository.refs.below(_FETCHED), *repository.refs.below(_HEADS)]
    names = dict.fromkeys(ref.removeprefix(_FETCHED).removeprefix(_HEADS) for ref in refs)
    return sorted(name for name in names if _is_stage(repository, name))


def _is_stage(repository: LocalRepository, name: str) -> bool:
    try:
        stage_name(name)
    except UserError:
        return False
    tip = _tip(repository, name)
    return tip is not None and repository.reader.blob_at(tip, "stage.yaml") is not None


def _tip(repository: LocalRepository, branch: str) -> CommitId | None:
    return _resolved(repository, _FETCHED + branch) or _resolved(repository, _HEADS + branch)


def _resolved(repository: LocalRepository, ref: str) -> CommitId | None:
    try:
        return repository.resolve(ref)
    except ConfigError:
        return None
