"""What there is to know about a remote on this machine before its objects are shared.

Asked once, when the mirror is opened: where its files are, and whether they are of a kind that can be read as files.
What cannot work is refused here, at the start, and not in the middle of a tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.errors import BlindError, ConfigError
from reconciler.repo.faults import transport_error
from reconciler.repo.folders import closed, is_folder
from reconciler.repo.process import Finished


@dataclass(frozen=True)
class LocalOrigin:
    """A repository on this machine: its common git directory, which holds refs and objects."""

    git_dir: Path

    @property
    def objects(self) -> Path:
        """The directory of its objects."""
        return self.git_dir / "objects"


def located(path: Path, finished: Finished) -> LocalOrigin:
    """Read what `argv.locate` answered.

    Raises:
        BlindError: there is no repository, or none that we may see. ConfigError: git refuses to work in it.
    """
    if finished.status:
        if reason := closed(path):
            hint = "let the daemon's user into it and into the folders above it, or correct the repository's address"
            raise BlindError(f"{path} cannot be looked into: {reason}", hint=hint)
        if not is_folder(path):
            raise BlindError(f"there is no directory {path}", hint="mount it, or correct the repository's address")
        raise transport_error(f"opening {path}", finished.stderr)
    common = finished.stdout.decode("utf-8", "surrogateescape").splitlines()[-1]
    return LocalOrigin(Path(common))


def settings(finished: Finished) -> dict[str, str]:
    """Read what `argv.config_list` answered: keys in lower case (as git prints them) to their last values."""
    pairs = (record.partition("\n") for record in finished.stdout.decode("utf-8", "replace").split("\0") if record)
    return {key: value for key, _, value in pairs}


def check_format(origin: LocalOrigin, config: Mapping[str, str]) -> None:
    """Refuse repositories that cannot be shared.

    Raises:
        ConfigError: SHA-256 objects, reftable refs, a shallow or a partial clone.
    """
    object_format = config.get("extensions.objectformat", "sha1")
    if object_format != "sha1":
        raise ConfigError(
            f"{origin.git_dir} uses {object_format} object ids, which are not supported",
            hint="convert it: git init --object-format=sha1, then push all branches there",
        )
    storage = config.get("extensions.refstorage", "files")
    if storage != "files":
        raise ConfigError(
            f"{origin.git_dir} keeps its refs as {storage}, which is not supported for a remote on this machine",
            hint="run `git refs migrate --ref-format=files` there",
        )
    if (origin.git_dir / "shallow").exists():
        raise ConfigError(
            f"{origin.git_dir} is a shallow clone: a part of its history is missing",
            hint="run `git fetch --unshallow` there, or name the repository that it was cloned from",
        )
    promised = config.get("extensions.partialclone") or any(
        key.startswith("remote.") and key.endswith(".promisor") and value == "true" for key, value in config.items()
    )
    if promised:
        raise ConfigError(
            f"{origin.git_dir} is a partial clone: some of its objects are elsewhere",
            hint="name the repository that it was cloned from, or make a full clone",
        )
