"""The part `bridge` of `reconciler.yaml`: where the pages are served, who may open them, and who may ask for something.

Pages show a whole configuration repository, so everybody but this machine has to say who they are. Nothing is opened
here; passwords are named by their files or variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

from reconciler.model.document import Checks, Fields
from reconciler.model.evidence_config import LAST_PORT
from reconciler.model.webhooks import Listen, ServerConfig, Tls

DoorKind: TypeAlias = Literal["none", "basic", "proxy"]
USER_HEADER: Final = "X-Forwarded-User"
EMAIL_HEADER: Final = "X-Forwarded-Email"


@dataclass(frozen=True)
class BridgePerson:
    """Somebody with a password. ``name`` and ``email`` are the author of what they ask for."""

    username: str
    name: str
    email: str
    password_file: Path | None = None
    password_env: str = ""


@dataclass(frozen=True)
class BridgeConfig:
    """Where and to whom pages are served; ``listen`` None: they are not.

    ``actions``: who is let in may ask for something, in their own name.
    """

    listen: Listen | None = None
    tls: Tls | None = None
    kind: DoorKind = "none"
    people: tuple[BridgePerson, ...] = ()
    user_header: str = USER_HEADER
    email_header: str = EMAIL_HEADER
    actions: bool = False
    hosts: frozenset[str] = frozenset()


def bridge_from(fields: Fields, server: ServerConfig, folder: Path, checks: Checks) -> BridgeConfig:
    """Return the part `bridge`, checked against the other addresses; files are named from ``folder``."""
    listen = _listen(fields, checks)
    for name, other in (("server.listen", server.listen), ("server.status", server.status)):
        if listen is not None and listen == other and listen.port:
            hint = "give the bridge a port of its own"
            checks.add(f"`bridge.listen` is `{name}`", fields.place_of("listen"), expected="another port", hint=hint)
    block = fields.section("auth")
    kind = cast("DoorKind", block.text("kind", "none"))
    if kind == "none" and listen is not None and not listen.loopback:
        checks.add(
            f"a bridge without authentication at {listen.host}",
            fields.place_of("auth"),
            expected="`basic` or `proxy`; required unless bound to loopback",
            hint="add `auth: {kind: basic, people: [...]}`, or listen on 127.0.0.1",
        )
    if kind == "proxy" and listen is not None and not listen.loopback:
        hint = "listen on 127.0.0.1, with the proxy on the same machine or in the same pod"
        told = f"whoever reaches {listen.host} could say that they are anybody"
        checks.add(told, block.place_of("kind"), expected="a loopback address beside `proxy`", hint=hint)
    actions = fields.flag("actions")
    if actions and kind == "none":
        hint = "add `auth`, or delete `actions`"
        checks.add("`actions` of nobody", fields.place_of("actions"), expected="`auth` beside `actions`", hint=hint)
    return BridgeConfig(
        listen=listen,
        tls=_tls(fields.section("tls"), folder) if fields.node("tls") is not None else None,
        kind=kind,
        people=tuple(_people(block, kind, folder, checks)),
        user_header=block.text("userHeader", USER_HEADER),
        email_header=block.text("emailHeader", EMAIL_HEADER),
        actions=actions,
        hosts=frozenset(each.lower() for each in fields.texts("hosts")),
    )


def _people(block: Fields, kind: str, folder: Path, checks: Checks) -> list[BridgePerson]:
    found: list[BridgePerson] = []
    for each in block.sections("people"):
        file, variable = each.text("passwordFile"), each.text("passwordEnv")
        if bool(file) == bool(variable):
            expected = "`passwordFile` or `passwordEnv`"
            checks.add("a person without one password", each.place_of("username"), expected=expected, hint="name one")
        username = each.text("username")
        if username in {other.username for other in found}:
            told = f"`{username[:60]}` is there twice"
            checks.add(told, each.place_of("username"), expected="another name", hint="rename or delete one of them")
        name, email = each.text("name", username), each.text("email", f"{username}@localhost")
        found.append(BridgePerson(username, name, email, folder / file if file else None, variable))
    if kind == "basic" and not found:
        hint = "add `people: [{username: ..., passwordFile: ...}]`"
        checks.add("nobody could open the bridge", block.place_of("kind"), expected="`people`", hint=hint)
    if kind != "basic" and found:
        hint = "delete `people`, or correct `kind`"
        checks.add(f"`people` means nothing for `{kind}`", block.place_of("people"), expected="no such key", hint=hint)
    return found


def _listen(fields: Fields, checks: Checks) -> Listen | None:
    text = fields.text("listen")
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if int(port) > LAST_PORT:
        hint = "correct it"
        expected = "a port up to 65535; 0 takes a free one"
        checks.add("`listen` has no port that there is", fields.place_of("listen"), expected=expected, hint=hint)
    return Listen(host.strip("[]"), int(port))


def _tls(fields: Fields, folder: Path) -> Tls:
    return Tls(folder / fields.text("certFile"), folder / fields.text("keyFile"))
