"""What git's failures mean for the caller: text on standard error becomes one of the product's errors.

git speaks to people, not to programs: apart from ``push --porcelain`` the exit status is 128 for everything. Its
children run in the C locale, so the phrases below are stable; what matches none of them is taken as passing by itself
(`TransientError`), never as success.

::

    TransientError
    ├── AwayError           the remote gives no answer, or its server none that git understands; not: it refuses us
    │   └── UnreachableError    it cannot even be connected to; a BlindError too
    └── BlindError
        └── DamagedError    objects that must be there are not, or cannot be read; the mirror is made anew
    UserError
    └── TooMuchError        more than can be looked at: a few small trees can stand for a thousand million paths
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from reconciler.model.errors import BlindError, ConfigError, ReconcilerError, TransientError, UserError
from reconciler.model.reader import shown
from reconciler.repo.process import Finished, ProcessTimedOutError

_SHOWN: Final = 600


class DamagedError(BlindError):
    """An object that must be there is missing or unreadable. The next `Mirror.fetch` makes the mirror anew."""


class AwayError(TransientError):
    """The remote gives no answer: it hangs, breaks off, or the server before it says that it is out of order."""


class UnreachableError(AwayError, BlindError):
    """Nobody answers at the remote's address."""


class TooMuchError(UserError):
    """More than can be looked at, or folders without end; a person must take them out of the branch."""


@dataclass(frozen=True)
class _Kind:
    phrases: re.Pattern[str]
    error: type[ConfigError | TransientError]
    meaning: str
    hint: str
    personal: str = ""
    """The hint for somebody's clone, where that is another; `{remote}` is the name of its remote."""


def _kind(
    phrases: str, error: type[ConfigError | TransientError], meaning: str, hint: str, personal: str = ""
) -> _Kind:
    return _Kind(re.compile(phrases, re.IGNORECASE | re.MULTILINE), error, meaning, hint, personal)


_REFUSED: Final = (
    r"authentication failed|returned error: 401|could not read (username|password)|terminal prompts disabled"
    r"|permission denied \(|invalid username or|invalid credentials"
)

_AWAY: Final = "the remote cannot be reached"

_KINDS: Final = (
    _kind(
        r"dubious ownership",
        ConfigError,
        "the remote repository belongs to another user, and Git refuses to work in it",
        "run the daemon as the repository's owner, or give the directory to the daemon's user",
        "work as its owner, or trust it: `git config --global --add safe.directory DIRECTORY`",
    ),
    _kind(
        r"transport '[^']*' not allowed",
        ConfigError,
        "this way of reaching a repository is not allowed",
        "use a path, file, https, http or ssh",
    ),
    _kind(
        r"unknown repository extension|mismatched algorithms|unsupported (hash|object format)",
        ConfigError,
        "the repository's format is not supported",
        "use a SHA-1 repository with ref files: `git refs migrate --ref-format=files` makes files of its refs; "
        "of other objects push all branches to a new one (`git init --bare`)",
    ),
    _kind(
        r"shallow update not allowed|shallow roots are not allowed"
        r"|attempt to fetch/clone from a shallow|source repository is shallow",
        ConfigError,
        "the remote is a shallow clone, so its history ends somewhere",
        "run `git fetch --unshallow` there, or name the complete repository",
    ),
    _kind(
        r"lazy fetching disabled|could not fetch [0-9a-f]+ from promisor remote",
        ConfigError,
        "the remote is a partial clone, some of its objects are elsewhere",
        "name the repository that it was cloned from, or make a full clone",
    ),
    _kind(
        r"^remote: .*(possible repository corruption|unable to read [0-9a-f]+|bad object|missing (blob|tree|commit))",
        BlindError,
        "the remote has lost objects",
        "run `git fsck` there, and push the branches again from a clone that is whole",
    ),
    _kind(
        r"host key verification failed|remote host identification has changed",
        BlindError,
        "the ssh server's host key is not known",
        "put the server's key into the known_hosts file that the configuration names",
    ),
    _kind(
        _REFUSED,
        BlindError,
        "the remote refuses our credentials",
        "renew the token or key; a changed token file is read again by itself",
    ),
    _kind(
        r"returned error: 403|access denied|forbidden|insufficient (scope|permission)|not allowed to (read|download)"
        r"|permission to .* denied|service not enabled",
        BlindError,
        "the remote knows us but does not let us in",
        "give the daemon's account read and write access to the repository",
        "ask for read and write access to the repository of the remote `{remote}`, or use other credentials",
    ),
    _kind(
        r"returned error: 30[1278]|unable to update url base from redirection",
        BlindError,
        "the remote has moved",
        "put the repository's new address into the configuration",
        "give the remote its new address: `git remote set-url {remote} ADDRESS`",
    ),
    _kind(
        r"returned error: (404|410)|repository .*not found|does not exist|not appear to be a git repository"
        r"|project you were looking for|not a git repository",
        BlindError,
        "there is no repository at this address, or we may not see it",
        "correct the address, or give the daemon's account access",
        "correct the address of the remote `{remote}` (`git remote set-url {remote} ADDRESS`), or ask for access",
    ),
    _kind(
        r"SSL certificate|certificate verif|setting certificate|no alternative certificate|issuer certificate",
        BlindError,
        "the remote's certificate is not vouched for",
        "name its certificate authority as `caFile` beside `url`; the address must have the certificate's host name",
    ),
    _kind(
        r"^ssh: (connect to host|could not resolve)",
        UnreachableError,
        _AWAY,
        "check host and port of the address, and the network; ssh takes no proxy of the environment",
    ),
    _kind(
        r"could not resolve|failed to connect|connection refused|no route to host|network is unreachable"
        r"|couldn't connect|connection timed out|operation timed out",
        UnreachableError,
        _AWAY,
        "check the address, the network and the proxy that HTTPS_PROXY or http_proxy may name",
    ),
    _kind(
        r"no space left on device|disk quota exceeded|read-only file system",
        TransientError,
        "a disk is full or read-only",
        "make space on the disk of the mirror or of the remote",
    ),
    _kind(
        r"couldn't find remote ref",
        TransientError,
        "a branch vanished while it was fetched",
        "",
    ),
    _kind(
        r"returned error: 5\d\d|connection (was )?(reset|closed|aborted)|remote end hung up|empty reply from server"
        r"|operation too slow|unexpected disconnect|early EOF|RPC failed; curl",
        AwayError,
        "the remote gives no answer",
        "look at the server and at the network in between",
    ),
)

_DAMAGE: Final = re.compile(
    r"bad object|unable to read|loose object .* (is )?corrupt|object file .* is empty|missing (blob|tree|commit)"
    r"|pack(file)? .*(corrupt|invalid|truncated|does not match|cannot be accessed|far too short)|inflate"
    r"|bad tree object|not a valid (object|commit)|could not (read|parse)|failed to (read|traverse)|unresolved deltas"
    r"|did not send all necessary|object directory .* does not exist|bad signature"
    r"|index file .* (is )?(too small|corrupt)|pack-objects died|not a git repository",
    re.IGNORECASE,
)
_NONE_OF_OURS: Final = r"^fatal: not a git repository: '"
"""What git says where the directory that we name is no mirror any more; of a remote it uses other words."""
_OURS: Final = re.compile(
    r"objects/pack/|index file |loose object .* (is )?corrupt|object file .* is empty|bad object"
    rf"|{_NONE_OF_OURS}",
    re.IGNORECASE | re.MULTILINE,
)


def _shorten(text: str) -> str:
    """Return it as one line that a terminal can be shown: what a remote says comes from elsewhere."""
    return shown("; ".join(line.strip() for line in text.splitlines() if line.strip()), _SHOWN)


def transport_error(doing: str, stderr: str, remote: str = "") -> ReconcilerError:
    """Return the error for a fetch, push or listing that failed. ``stderr`` must be redacted already.

    ``remote`` is the name of the remote in a person's clone, empty for the daemon, which has no such names.
    """
    for kind in _KINDS:
        if kind.phrases.search(stderr):
            hint = kind.personal.format(remote=remote) if remote and kind.personal else kind.hint
            return kind.error(f"{doing}: {kind.meaning}: {_shorten(stderr)}", hint=hint)
    return TransientError(f"{doing} failed: {_shorten(stderr) or 'git gave no reason'}")


def refuses_credentials(stderr: str) -> bool:
    """Tell whether the remote did nothing but refuse our credentials."""
    return re.search(_REFUSED, stderr, re.IGNORECASE) is not None


def damage(stderr: str) -> bool:
    """Tell whether git complained about objects of our own mirror that are missing or broken."""
    return _DAMAGE.search(stderr) is not None


def fetch_error(doing: str, stderr: str) -> ReconcilerError:
    """Return the error for a fetch: what git says of our own objects stands beside what it says of the remote.

    Only what can be about nothing else counts as ours: making the mirror anew costs a whole clone.
    """
    ours = "\n".join(line for line in stderr.splitlines() if not line.startswith("remote: "))
    return local_error(doing, ours) if _OURS.search(ours) and damage(ours) else transport_error(doing, stderr)


def push_error(doing: str, stderr: str, remote: str = "") -> ReconcilerError:
    """Return the error for a push that told of no ref; ``remote`` as for `transport_error`."""
    gone = re.search(_NONE_OF_OURS, stderr, re.MULTILINE) is not None
    return local_error(doing, stderr) if gone else transport_error(doing, stderr, remote)


def out_of_memory(stderr: str) -> bool:
    """Tell whether a git ended because it got no more memory."""
    return "out of memory" in stderr.lower()


def local_error(doing: str, stderr: str) -> ReconcilerError:
    """Return the error for a command that only reads or writes the mirror."""
    if out_of_memory(stderr):
        return TooMuchError(
            f"{doing}: some commit has more than can be looked at: {_shorten(stderr)}",
            hint="take the folders out that are no configuration; `git ls-tree COMMIT` shows the topmost",
        )
    if damage(stderr):
        return DamagedError(
            f"{doing}: an object is missing or unreadable: {_shorten(stderr)}",
            hint="the mirror is made anew by itself; if it persists run `git fsck` in the remote repository",
        )
    return TransientError(f"{doing} failed: {_shorten(stderr) or 'git gave no reason'}")


def timed_out(doing: str, error: ProcessTimedOutError) -> TransientError:
    """Return the error for a command that was killed because it took too long."""
    return TransientError(
        f"{doing}: {error}", hint="if it persists, look at the remote's load and at the network in between"
    )


def silent(doing: str, error: ProcessTimedOutError) -> AwayError:
    """Return the error for a conversation with the remote that was given up because nothing came."""
    told = timed_out(doing, error)
    return AwayError(told.message, hint=told.hint)


def checked(doing: str, finished: Finished) -> bytes:
    """Return the output of a local command that must succeed.

    Raises:
        TransientError: it failed; `DamagedError` where objects are at fault.
    """
    if finished.status:
        raise local_error(doing, finished.stderr)
    return finished.stdout
