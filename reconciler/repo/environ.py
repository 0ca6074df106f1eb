"""The environment that the engine's git children run in: nothing of the caller's Git, everything decided here.

A daemon started from a hook, a shell or a CI job inherits ``GIT_DIR``, ``GIT_OBJECT_DIRECTORY``, ``GIT_CONFIG_*``
and the like; any of them would redirect reads and writes. GitPython builds its children's environment by adding to
``os.environ``, which cannot take a variable away, so children are started by our own code with what
`engine_environment` returns. A person's own clone is the opposite case (`personal_environment`): their
configuration, credential helper and ssh are meant to be used. What is only read there (`reading_environment`) asks
nobody and runs nothing that the repository's own settings name: they may have come with it (ADR 0118).

Settings travel as ``GIT_CONFIG_COUNT``/``KEY``/``VALUE`` (git 2.31 and later). That is also how an HTTP secret
reaches git: as ``http.<url>.extraHeader``, scoped to the remote's host, readable only by this user and never in
argv; it is sent with the first request, where a credential helper would cost a refused request before each one. git
removes these variables before it starts the other side of a local push, so hooks of the remote don't see them.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from reconciler.repo.remote import Credentials, Remote, basic_authorization

_REPOSITORY_VARIABLES: Final = frozenset(
    # What `git rev-parse --local-env-vars` lists: they point at a repository, which here is always named explicitly.
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CEILING_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NAMESPACE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)

_READING: Final[dict[str, str]] = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}

_FOR_READING: Final = frozenset({"PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "LANG", "TZ", "USER", "LOGNAME"})
_OF_KIND: Final = ("GIT_", "LC_", "LD_", "DYLD_")

_READING_SETTINGS: Final[tuple[tuple[str, str], ...]] = (
    # `diff-tree` reads the index, and asks this command what changed in the work tree.
    ("core.fsmonitor", "false"),
    ("core.hooksPath", os.devnull),
    # A bare repository that lies in a tree that was cloned is found by nobody who does not name it.
    ("safe.bareRepository", "explicit"),
)

_SETTINGS: Final[tuple[tuple[str, str], ...]] = (
    ("core.hooksPath", os.devnull),
    ("core.compression", "1"),
    ("core.logAllRefUpdates", "false"),
    ("core.commitGraph", "true"),
    ("core.multiPackIndex", "true"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("protocol.ext.allow", "never"),
    ("credential.helper", ""),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    # Packs are kept as they come: a mirror of many loose objects walks slowly, and upkeep combines packs.
    ("fetch.unpackLimit", "1"),
    ("fastimport.unpackLimit", "1"),
    ("transfer.fsckObjects", "true"),
)

MEMORY: Final[dict[str, str]] = {
    # glibc gives what is freed at the end of its memory back to the system, and zlib's 256 KiB for each object that is
    # written lie there: taking them anew, page by page, is two thirds of what fast-import does.
    "MALLOC_TRIM_THRESHOLD_": str(4 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
    "MALLOC_TOP_PAD_": str(1 << 20),
}
"""For children that write many objects; nothing is won in a conversation with the remote."""

_HARMLESS_WITHOUT_A_CHECKOUT: Final = (
    # One odd name on a branch must not hide the whole branch: blobs are read by id and never checked out, so
    # these findings are refused file by file by whoever reads the path.
    "badTimezone",
    "emptyName",
    "fullPathname",
    "gitattributesBlob",
    "gitattributesLarge",
    "gitattributesLineLength",
    "gitattributesMissing",
    "gitmodulesBlob",
    "gitmodulesLarge",
    "gitmodulesMissing",
    "gitmodulesName",
    "gitmodulesParse",
    "gitmodulesPath",
    "gitmodulesSymlink",
    "gitmodulesUpdate",
    "gitmodulesUrl",
    "hasDot",
    "hasDotdot",
    "hasDotgit",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
)


def engine_environment(
    base: Mapping[str, str],
    remote: Remote,
    credentials: Credentials,
    *,
    secret: str = "",
    control_directory: Path | None = None,
    network_timeout: float,
    durable: bool = True,
) -> dict[str, str]:
    """Return the whole environment of the engine's children.

    ``base`` is the process's environment; ``control_directory`` is a private directory with a short path for ssh's
    shared connection; ``network_timeout`` is in seconds; ``durable`` waits for the disk at each write.
    """
    environment = {
        key: value
        for key, value in base.items()
        if not key.startswith("GIT_") and key not in {"SSH_ASKPASS", "DISPLAY"}
    }
    environment.update(
        GIT_CONFIG_NOSYSTEM="1",
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_ATTR_NOSYSTEM="1",
        GIT_TERMINAL_PROMPT="0",
        GIT_ASKPASS="",
        GIT_OPTIONAL_LOCKS="0",
        GIT_NO_REPLACE_OBJECTS="1",
        GIT_LITERAL_PATHSPECS="1",
        GIT_ALLOW_PROTOCOL="file:https:http:ssh",
        LC_ALL="C",
        LANGUAGE="C",
        TZ="UTC",
    )
    settings = [
        ("core.fsync", "committed,reference" if durable else "none"),
        *_SETTINGS,
        *((f"fetch.fsck.{finding}", "ignore") for finding in _HARMLESS_WITHOUT_A_CHECKOUT),
    ]
    if remote.scheme in {"http", "https"}:
        settings += _http_settings(remote, credentials, secret, network_timeout)
    if remote.scheme == "ssh":
        environment["GIT_SSH_COMMAND"] = ssh_command(credentials, control_directory, network_timeout)
        environment["GIT_SSH_VARIANT"] = "ssh"
    environment["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (key, value) in enumerate(settings):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


def _http_settings(
    remote: Remote, credentials: Credentials, secret: str, network_timeout: float
) -> list[tuple[str, str]]:
    settings = [
        ("http.lowSpeedLimit", "1"),
        ("http.lowSpeedTime", str(max(1, int(network_timeout)))),
        ("http.emptyAuth", "false"),
    ]
    if credentials.ca_file is not None:
        settings.append(("http.sslCAInfo", str(credentials.ca_file)))
    if secret:
        parts = urlsplit(remote.url)
        header = f"Authorization: {basic_authorization(credentials.username, secret)}"
        settings.append((f"http.{parts.scheme}://{parts.netloc}/.extraHeader", header))
        # A redirect could carry the header to a host that nobody configured.
        settings.append(("http.followRedirects", "false"))
    return settings


def ssh_command(credentials: Credentials, control_directory: Path | None, network_timeout: float) -> str:
    """Return the shell command for ``GIT_SSH_COMMAND``: no questions asked, one shared connection for all commands.

    Logging in costs 200 ms and more each time; the shared connection ends a minute after its last use.
    """
    seconds = max(1, int(network_timeout))
    options = [
        "BatchMode=yes",
        f"ConnectTimeout={min(seconds, 15)}",
        f"ServerAliveInterval={max(1, min(seconds // 2, 15))}",
        "ServerAliveCountMax=2",
        "ForwardAgent=no",
        "ForwardX11=no",
        "PermitLocalCommand=no",
    ]
    if control_directory is not None:
        options += ["ControlMaster=auto", f"ControlPath={control_directory}/%C", "ControlPersist=60"]
    if credentials.ssh_key is not None:
        options += [f"IdentityFile={credentials.ssh_key}", "IdentitiesOnly=yes"]
    if credentials.known_hosts is not None:
        options += [f"UserKnownHostsFile={credentials.known_hosts}", "StrictHostKeyChecking=yes"]
    return shlex.join(["ssh", *(word for option in options for word in ("-o", option))])


def personal_environment(base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a person's own clone: theirs, without variables that point at some repository.

    Messages are in English because they are read by code; the terminal stays theirs, so that git and ssh can ask.
    """
    environment = {key: value for key, value in base.items() if key not in _REPOSITORY_VARIABLES}
    environment.update(LC_ALL="C.UTF-8", LANGUAGE="C", GIT_LITERAL_PATHSPECS="1")
    return environment


def reading_environment(base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for reading a repository on this machine, whoever set it up.

    No transport, so that an object that a partial clone lacks is missing; no command of the repository's settings. Of
    other variables only those that reading may need: a daemon's environment holds secrets.
    """
    kept = {name: value for name, value in base.items() if name in _FOR_READING or name.startswith(_OF_KIND)}
    environment = personal_environment(kept) | _READING
    given = environment.get("GIT_CONFIG_COUNT", "")
    count = int(given) if given.isdecimal() else 0
    for number, (key, value) in enumerate(_READING_SETTINGS, count):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    environment["GIT_CONFIG_COUNT"] = str(count + len(_READING_SETTINGS))
    # These would win over the settings above.
    environment.pop("GIT_CONFIG_PARAMETERS", None)
    return environment
