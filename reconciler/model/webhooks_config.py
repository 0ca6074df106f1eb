"""The parts `server` and `webhooks` of `reconciler.yaml`, read and checked together: each makes demands on the other.

Whoever can post a problem makes the daemon act, so a webhook that others than this machine reach needs to know who
posts. Nothing is opened here; secrets are named by their files or variables.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

from reconciler.model.document import Checks, Fields
from reconciler.model.errors import Place
from reconciler.model.evidence_config import LAST_PORT
from reconciler.model.suggest import did_you_mean
from reconciler.model.webhooks import (
    MAX_BODY,
    Authentication,
    Belonging,
    Listen,
    Rule,
    ServerConfig,
    Tls,
    WebhookConfig,
    WebhooksConfig,
)

_Kind: TypeAlias = Literal["none", "bearer", "basic", "client-certificate", "hmac"]
_SECRET: Final[Mapping[str, str]] = {"bearer": "token", "basic": "password", "hmac": "secret"}
"""What the secret of a kind is called in the file, as elsewhere in it."""
_SENT: Final = ("bearer", "basic")
"""Kinds by which we can tell another server who we are."""
_LABELS: Final = ("project", "stage", "service")


def server_from(fields: Fields, folder: Path, checks: Checks) -> ServerConfig:
    """Return the part `server`; files are named from ``folder``."""
    listen, status = _listen(fields, "listen", checks), _listen(fields, "status", checks)
    if listen is not None and listen == status and listen.port:
        hint = "give health and metrics a port of their own: they answer without authentication"
        checks.add("`listen` and `status` are the same", fields.place_of("status"), expected="another port", hint=hint)
    tls = _tls(fields.section("tls"), folder) if fields.node("tls") is not None else None
    rate = fields.text("rate")
    return ServerConfig(
        listen=listen,
        status=status,
        tls=tls,
        max_body=fields.integer("maxBody") or MAX_BODY,
        rate=float(rate) if rate else 0.0,
        connections=fields.integer("connections") or ServerConfig().connections,
    )


def webhooks_from(
    fields: Fields, server: ServerConfig, folder: Path, checks: Checks, projects: Mapping[str, Collection[str]]
) -> WebhooksConfig:
    """Return the part `webhooks`, checked against where it will be served; files are named from ``folder``.

    ``projects`` are those of the file with the stages that each names, none or a `*` where all are looked after.
    """
    here = _Here(server, folder, checks, projects)
    for key, _ in fields.map.entries[:1]:
        if server.listen is None:
            hint = "add `server: {listen: 127.0.0.1:8080}`, or another address with `auth` for each webhook"
            checks.add("webhooks without an address to listen on", key.place, expected="`server.listen`", hint=hint)
    return WebhooksConfig(
        alertmanager=here.webhook(fields, "alertmanager"),
        dynatrace=here.webhook(fields, "dynatrace"),
        cloudevents=here.webhook(fields, "cloudevents"),
        problem=here.webhook(fields, "problem"),
        git=here.guarded(fields, "git") if fields.node("git") is not None else None,
    )


def webhook_files(server: ServerConfig) -> list[Path]:
    """Return the files that the server itself was started with, and has to be told of when they change."""
    tls = server.tls
    return [file for file in (tls.cert_file, tls.key_file, tls.client_ca_file) if file is not None] if tls else []


class _Here:
    """What all webhooks of a file have in common."""

    def __init__(
        self, server: ServerConfig, folder: Path, checks: Checks, projects: Mapping[str, Collection[str]]
    ) -> None:
        self._projects = projects
        self._server = server
        self._folder = folder
        self._checks = checks

    def webhook(self, fields: Fields, name: str) -> WebhookConfig | None:
        if fields.node(name) is None:
            return None
        block = fields.section(name)
        if block.node("apiAuth") is not None and block.node("api") is None:
            self._checks.add("`apiAuth` without `api`", block.place_of("apiAuth"), expected="`api`, or none of both")
        return WebhookConfig(
            auth=self.guarded(block, "auth"),
            belonging=self._belonging(block),
            api=block.text("api"),
            api_auth=self._sent(block),
        )

    def guarded(self, fields: Fields, name: str) -> Authentication:
        """Return how a sender proves who it is, which only senders on this machine need not."""
        found = self._authentication(fields.section(name))
        listen, tls = self._server.listen, self._server.tls
        if found.kind == "none" and listen is not None and not listen.loopback:
            self._checks.add(
                f"a webhook without authentication at {listen.host}",
                fields.place_of(name),
                expected="`bearer`, `basic`, `client-certificate` or `hmac`; required unless bound to loopback",
                hint="add `auth: {kind: bearer, tokenFile: <file>}`, or listen on 127.0.0.1",
            )
        if found.kind == "client-certificate" and (tls is None or tls.client_ca_file is None):
            hint = "add `server.tls.clientCaFile`: the authority whose certificates are let in"
            where = fields.section(name).place_of("kind")
            self._checks.add("nobody asks for client certificates", where, expected="`clientCaFile`", hint=hint)
        return found

    def _sent(self, fields: Fields) -> Authentication:
        block = fields.section("apiAuth")
        found = self._authentication(block)
        if found.kind not in ("none", *_SENT):
            hint = "keep one of them, or leave `apiAuth` out"
            told = f"`{found.kind}` is not for what we ask ourselves"
            self._checks.add(told, block.place_of("kind"), expected="`bearer` or `basic`", hint=hint)
        return found

    def _belonging(self, fields: Fields) -> Belonging:
        labels, otherwise = fields.section("labels"), fields.section("default")
        self._check_names(otherwise)
        rules = []
        for each in fields.sections("rules"):
            if not any(each.text(name) for name in _LABELS):
                expected, hint = "`project`, `stage` or `service`", "add one, or delete the rule"
                self._checks.add("a rule that says nothing", each.place, expected=expected, hint=hint)
            self._check_names(each)
            where = {name: each.text(name) for name in _LABELS}
            rules.append(Rule(dict(each.pairs("labels")), where["project"], where["stage"], where["service"]))
        return Belonging(
            project_label=labels.text("project", "project"),
            stage_label=labels.text("stage", "stage"),
            service_label=labels.text("service", "service"),
            rules=tuple(rules),
            project=otherwise.text("project"),
            stage=otherwise.text("stage"),
            service=otherwise.text("service"),
        )

    def _check_names(self, fields: Fields) -> None:
        """Check that problems are not sent where this file has nothing; services are known to the repository alone."""
        project, stage = fields.text("project"), fields.text("stage")
        if project and project not in self._projects:
            self._strange("project", project, fields.place_of("project"), self._projects, "there are")
            return
        stages = [self._projects[project]] if project else list(self._projects.values())
        if not stage or not all(stages) or any("*" in names or stage in names for names in stages):
            return
        known = {name for names in stages for name in names}
        self._strange("stage", stage, fields.place_of("stage"), known, f"`{project}` has" if project else "there are")

    def _strange(self, what: str, name: str, place: Place, known: Collection[str], there: str) -> None:
        hint = did_you_mean(name, known) or f"{there}: {', '.join(sorted(known))}"
        self._checks.add(f"no {what} `{name}` in this file", place, expected=f"a {what} of `projects`", hint=hint)

    def _authentication(self, fields: Fields) -> Authentication:
        kind = cast("_Kind", fields.text("kind", "none"))
        stem = _SECRET.get(kind, "")
        names = (f"{stem}File", f"{stem}Env") if stem else ()
        given = [name for name in names if fields.node(name) is not None]
        place = fields.place_of("kind")
        if len(given) > 1:
            told, hint = f"`{given[0]}` and `{given[1]}` exclude each other", f"delete `{given[1]}` or `{given[0]}`"
            self._checks.add(told, fields.place_of(given[1]), expected="one of the two", hint=hint)
        if names and not given:
            words = f"`{names[0]}` or `{names[1]}`"
            self._checks.add(f"`{kind}` needs {words}", place, expected=words, hint=f"add {words}")
        if kind == "basic" and not fields.text("username"):
            self._checks.add("`basic` needs `username`", place, expected="`username`", hint="add `username`")
        allowed = {
            "kind",
            *names,
            *(("username",) if kind == "basic" else ()),
            *(("header",) if kind == "hmac" else ()),
        }
        for key, _ in fields.map.entries:
            if key.raw not in allowed:
                told = f"`{key.raw}` means nothing for `{kind}`"
                self._checks.add(told, key.place, expected="no such key", hint="delete it, or correct `kind`")
        file = fields.text(f"{stem}File") if stem else ""
        return Authentication(
            kind=kind,
            username=fields.text("username"),
            secret_file=self._folder / file if file else None,
            secret_env=fields.text(f"{stem}Env") if stem else "",
            header=fields.text("header"),
        )


def _listen(fields: Fields, name: str, checks: Checks) -> Listen | None:
    text = fields.text(name)
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if int(port) > LAST_PORT:
        checks.add(
            f"`{name}` has no port that there is", fields.place_of(name),
            expected="a port up to 65535; 0 takes a free one", hint="correct it",
        )  # fmt: skip
    return Listen(host.strip("[]"), int(port))


def _tls(fields: Fields, folder: Path) -> Tls:
    authority = fields.text("clientCaFile")
    return Tls(
        folder / fields.text("certFile"), folder / fields.text("keyFile"), folder / authority if authority else None
    )
