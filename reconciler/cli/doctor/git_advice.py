"""What to do about a remote that does not let us in: with the files that are configured, and by how it is reached.

The errors of Git's own words know neither; they say what is true of every way there.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from reconciler.cli.doctor.secrets import missing
from reconciler.model.daemon_config import RepositoryConfig
from reconciler.repo.remote import Scheme

_ROUTE = "check host and port of the address, and the network: name lookup, a NetworkPolicy's `egress`"


def advice(message: str, scheme: Scheme, given: RepositoryConfig) -> str:
    """Return what to do about an error's message; empty where the error's own hint is as good."""
    said = message.lower()
    if scheme == "ssh":
        return _ssh(said, given)
    if scheme in {"http", "https"}:
        return _http(said, given)
    return ""


def _ssh(said: str, given: RepositoryConfig) -> str:
    key, known = given.ssh_key_file, given.known_hosts_file
    if "identification has changed" in said:
        where = known or "~/.ssh/known_hosts"
        return f"ask who runs that server whether its host key was changed; only then exchange it in {where}"
    if "host key is not known" in said:
        told = f"{_keyscan(given.url)}, compared with what the server's owner publishes"
        if known is None:
            return f"name a `knownHostsFile` with the server's host keys: {told}"
        return f"write the server's host keys into {known}: {told}"
    if "refuses our credentials" in said:
        return _key(said, key)
    return f"{_ROUTE}; SSH's port is 22 unless the address names one" if "cannot be reached" in said else ""


def _key(said: str, key: Path | None) -> str:
    if key is None:
        return "name an `sshKeyFile` whose public half the server knows, and see that the address has the server's user"
    if missing(key, {}):
        return f"mount the private key as {key}, readable for the daemon's user, or correct `sshKeyFile`"
    if "bad permissions" in said:
        return f"let nobody but the daemon's user read {key} (mode 0400), or ssh does not use it"
    if "invalid format" in said or "error in libcrypto" in said or "passphrase" in said:
        return f"let {key} hold the whole private key, without a passphrase and with a line end behind its last line"
    return (
        f"let the server know the public half of {key} (`ssh-keygen -y -f {key}` shows it, and must ask for no "
        "passphrase): as a deploy key that may write, or a user's; and see that the address has the server's user"
    )


def _http(said: str, given: RepositoryConfig) -> str:
    if given.ca_file is not None and missing(given.ca_file, {}):
        return f"mount {given.ca_file}, readable for the daemon's user, or correct `caFile`"
    if "certificate" in said:
        if given.ca_file is None:
            return "if the server's certificate is of an authority of your own, name that as `caFile` beside `url`"
        return f"{given.ca_file} must hold the authority of the server's certificate, and that the address's host name"
    if "cannot be reached" in said:
        return f"{_ROUTE}, and the proxy, where HTTPS_PROXY or http_proxy name one"
    nobody = given.token_file is None and not given.token_env and given.github_app is None
    if "refuses our credentials" in said and nobody:
        return "set `tokenFile` or `tokenEnv` to an access token that may write"
    if "refuses our credentials" in said and given.github_app is None and not given.username:
        return "renew the token (a changed file is read by itself), or set `username`, where the server wants one"
    return ""


def _keyscan(url: str) -> str:
    """Return the command that shows a server's host keys. Addresses as scp has them name no port."""
    parts = urlsplit(url) if "://" in url else None
    host = parts.hostname if parts is not None else url.rpartition("@")[2].partition(":")[0]
    port = parts.port if parts is not None else None
    return f"`ssh-keyscan {f'-p {port} ' if port else ''}{host}`"
