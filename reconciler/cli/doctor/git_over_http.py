"""What a Git server behind HTTP says before any Git is spoken: whether it is smart, what it has, and what time it is.

Git itself shows none of that. One request without a protocol version gets all of it: the list of refs with the
server's abilities, and where its history ends if that is cut off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from reconciler.cli.doctor import clocks
from reconciler.cli.doctor.finding import Finding, ok, problem, unknown
from reconciler.evidence.answer import Answer
from reconciler.evidence.http_client import HttpClient
from reconciler.evidence.login import Login
from reconciler.evidence.tls import Tls
from reconciler.model.errors import ReconcilerError
from reconciler.repo.remote import Credentials

_SMART: Final = "application/x-git-upload-pack-advertisement"
_FORMAT: Final = re.compile(rb"[ \0]object-format=(\w+)")
_SHALLOW: Final = re.compile(rb"^[0-9a-f]{4}shallow [0-9a-f]{40}", re.MULTILINE)
_LARGEST: Final = 64 << 20


def look(
    about: str, url: str, credentials: Credentials, seconds: float, wall: Callable[[], float]
) -> Iterator[Finding]:
    """Look at the server's side of a repository that Git could list already."""
    secret = credentials.secret
    login = Login("Basic", secret, credentials.username or "token") if secret is not None else None
    tls = Tls(credentials.ca_file)
    client = HttpClient(url, "the Git server", login=login, tls=tls, deadline=seconds, largest=_LARGEST)
    began = wall()
    try:
        answer = client.get("/info/refs", [("service", "git-upload-pack")], accept="*/*")
    except ReconcilerError as error:
        yield unknown("git-format", about, error.message, error.hint or "see whether something stands in between")
        return
    finally:
        client.close()
    ended = wall()
    yield from _format(about, answer)
    yield from clocks.against(about, answer.headers.get("date", ""), began, ended)


def _format(about: str, answer: Answer) -> Iterator[Finding]:
    if answer.headers.get("content-type", "").partition(";")[0] != _SMART:
        told = "the server speaks Git's dumb protocol only, which nothing can be pushed by"
        yield problem("git-format", about, told, "serve it by git-http-backend or a forge")
        return
    found = _FORMAT.search(answer.body)
    if found is not None and found[1] != b"sha1":
        told = f"its objects are named by {found[1].decode().upper()}"
        yield problem("git-format", about, told, "use a SHA-1 repository (git init's default)")
    elif _SHALLOW.search(answer.body):
        told = "it is a shallow clone, so its history ends somewhere"
        yield problem("git-format", about, told, "run `git fetch --unshallow` there, or name the complete repository")
    else:
        yield ok("git-format", about, "smart HTTP, SHA-1 objects, a whole history")
