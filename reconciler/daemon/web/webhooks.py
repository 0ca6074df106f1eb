"""The webhooks' application: what happens to every request, in the one order that is safe.

Route, rate, who it is, limits, body, what it says, inbox, answer. Nothing of a body is read for somebody who is not
known, and no answer says that a problem was taken before it is on the remote (docs/laws.md, law 7).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.typing import FilteringBoundLogger

from reconciler.daemon.failpoints import reach
from reconciler.daemon.inbox import Inbox
from reconciler.daemon.web.answers import Answer, Refusal, later, said
from reconciler.daemon.web.authentication import check_head, check_signature, lacking, read_secret, unsigned
from reconciler.daemon.web.bodies import check_type, read_body
from reconciler.daemon.web.complaints import Complaints, not_taken
from reconciler.daemon.web.delivery import deliver
from reconciler.daemon.web.left_out import Known, LeftOut
from reconciler.daemon.web.limits import BODIES, HEAD_BYTES, STRANGERS, Limits, Rate, Work
from reconciler.daemon.web.protocol import BEGAN, CERTIFIED
from reconciler.daemon.web.senders import GIT_PATH, PUSHES, Sender, senders
from reconciler.daemon.web.timeliness import check_covered, timely
from reconciler.intake import forges
from reconciler.intake.report import Payload, Report, TooManyError
from reconciler.model.errors import BlindError, ReconcilerError, UserError
from reconciler.model.names import ProjectName
from reconciler.model.webhooks import Authentication, ServerConfig, WebhooksConfig
from reconciler.net.threads import NoThreadError, Pool

T = TypeVar("T")
Counts: TypeAlias = Mapping[str, int]
Handled: TypeAlias = tuple[Answer, Counts]
_THREADS: Final = 4
_ASIDE: Final = 4 * 1024
"""Bytes from which on a body is read on another thread, so that other requests go on meanwhile; a few problems."""
_SHOWN: Final = 200


class Measure(Protocol):
    """Who counts requests and what became of reports; called from the server's thread."""

    def webhook(self, source: str, code: int, seconds: float) -> None:
        """Count a request."""

    def reports(self, source: str, outcome: str, count: int = 1) -> None:
        """Count reports by what became of them."""


@dataclass(frozen=True)
class Around:
    """What the webhooks are given. ``hints`` are called when a forge tells of a push; ``wall`` tells the time."""

    inboxes: Mapping[ProjectName, Inbox]
    hints: Iterable[Callable[[], None]]
    measure: Measure
    log: FilteringBoundLogger
    wall: Callable[[], float]
    limits: Limits = Limits()


@dataclass(frozen=True)
class _Hook:
    source: str
    paths: tuple[str, ...]
    types: tuple[str, ...]
    auth: Authentication
    handle: Callable[[Mapping[str, str], bytes, float], Awaitable[Handled]]


class Webhooks:
    """The webhooks of a configuration. All requests are handled on one thread."""

    def __init__(self, config: WebhooksConfig, server: ServerConfig, around: Around) -> None:
        self._around = around
        self._limits = around.limits
        self._largest = server.max_body
        self._work = {
            True: Work(server.connections, BODIES * server.max_body),
            False: Work(max(server.connections // 2, 1), STRANGERS * server.max_body),
        }
        self._complaints: Complaints | None = None
        self._rate: Rate | None = None
        self._per_second = server.rate
        self._pool = Pool(_THREADS, "webhooks")
        self._left_out: LeftOut | None = None
        if config.alertmanager is not None and config.alertmanager.api:
            self._left_out = LeftOut(config.alertmanager, around.wall)
        hooks = [self._hook(sender) for sender in senders(config)]
        if config.git is not None:
            hooks.append(_Hook("git", (GIT_PATH,), PUSHES, config.git, self._git(config.git)))
        self._paths = sorted(path for hook in hooks for path in hook.paths)
        routes = [Route(path, self._endpoint(hook), methods=["POST"]) for hook in hooks for path in hook.paths]
        self.app = Starlette(routes=routes, exception_handlers={HTTPException: self._misdirected})
        self.app.router.redirect_slashes = False
        self._warn(config, hooks)

    def _warn(self, config: WebhooksConfig, hooks: Iterable[_Hook]) -> None:
        """Tell at once what would only be noticed when somebody sends something."""
        auths = {f"webhooks.{hook.source}": hook.auth for hook in hooks}
        if not auths:
            self._around.log.warning("nothing is served at `server.listen`", hint="add `webhooks`, or delete `listen`")
        if config.alertmanager is not None and config.alertmanager.api:
            auths["webhooks.alertmanager.apiAuth"] = config.alertmanager.api_auth
        for name, auth in auths.items():
            if reason := lacking(auth):
                self._around.log.warning(
                    "a secret cannot be read", webhook=name, reason=reason, hint="every request is 503"
                )

    def close(self) -> None:
        """Let go of threads and connections."""
        if self._complaints is not None:
            self._complaints.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._left_out is not None:
            self._left_out.close()

    def turned_away(self, status: int) -> None:
        """Count what was answered before there was a request."""
        self._around.measure.webhook("other", status, 0.0)
        self._around.log.debug("turned away", code=status)

    def _endpoint(self, hook: _Hook) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            counts: Counts = {}
            with ExitStack() as shares:
                try:
                    answer, counts = await self._handled(hook, request, shares)
                except Refusal as refusal:
                    answer = Answer(refusal.status, refusal.document, refusal.headers, self._limits)
                    answer.inside = refusal.inside
                except Exception:
                    # Whatever it is, the sender must keep its problem, and the server go on.
                    self._around.log.exception("a request ended with a bug", sender=hook.source)
                    document = said("a bug, which is in the daemon's log", "send it again")
                    answer = Answer(500, document, None, self._limits)
                # A request is in work until its answer has been taken: that takes room too.
                answer.sent = shares.pop_all().close
            self._tell(hook.source, request, answer, counts)
            return answer

        return endpoint

    async def _handled(self, hook: _Hook, request: Request, shares: ExitStack) -> Handled:
        began = _began(request)
        if sum(len(name) + len(value) for name, value in request.headers.raw) > HEAD_BYTES:
            raise Refusal(431, "the request's headers are too large", f"send at most {HEAD_BYTES:,} bytes of them")
        if self._rate is None:
            self._rate = Rate(self._per_second, asyncio.get_running_loop().time)
        if wait := self._rate.wait(_address(request)):
            raise later("too many requests from this address", seconds=wait)
        check_head(hook.auth, request.headers, certified=bool(request.scope["state"].get(CERTIFIED)))
        check_type(request, hook.types)
        share = self._work[hook.auth.kind not in ("hmac", "none")].enter()
        if share is None:
            raise later("too many requests at a time")
        shares.callback(share.leave)
        reach("before-body")
        body = await read_body(request, self._largest, share, began + self._limits.read)
        reach("after-body")
        answer, counts = await hook.handle(request.headers, body, began + self._limits.answer)
        share.hold_only(len(answer.body))
        return answer, counts

    def _hook(self, sender: Sender) -> _Hook:
        belonging = sender.config.belonging
        auth = sender.config.auth

        async def handle(headers: Mapping[str, str], body: bytes, until: float) -> Handled:
            signed = auth.kind == "hmac"

            def read() -> Payload:
                if signed:
                    check_signature(auth, headers, body)
                    check_covered(headers)
                return timely(sender.read(headers, body, belonging), self._around.wall(), signed=signed)

            try:
                payload = await self._aside(read, until, len(body) > _ASIDE)
            except UserError as error:
                expected = {"expected": error.expected} if error.expected else {}
                document = said(error.message, error.hint) | expected
                return (Answer(413, document) if isinstance(error, TooManyError) else Answer(400, document)), {}
            group, truncated = payload.group, 0
            if group is not None:
                truncated = group.truncated
                if (left_out := self._left_out) is not None:
                    payload, known = await self._completed(lambda: left_out.complete(payload, group), until)
                    payload = await self._with_what_is_over(payload, known, until) if known else payload
            delivered = await deliver(payload, belonging, self._around.inboxes, until)
            return delivered.answer(), {**delivered.outcomes, **({"truncated": truncated} if truncated else {})}

        return _Hook(sender.name, sender.paths, sender.types, auth, handle)

    async def _completed(self, complete: Callable[[], T], until: float) -> T:
        try:
            return await self._aside(complete, until, True)
        except BlindError as error:
            self._around.log.warning("alerts were left out, and Alertmanager cannot be asked", reason=error.message)
            raise later("alerts were left out, and Alertmanager's API cannot be asked for them") from error

    async def _with_what_is_over(self, payload: Payload, known: Known, until: float) -> Payload:
        """Return the payload with what is open in its projects and no longer known to Alertmanager."""
        projects = sorted({ProjectName(report.where.project) for report in payload.reports})
        asked = {name: self._around.inboxes[name].open_problems() for name in projects if name in self._around.inboxes}
        over: list[Report] = []
        try:
            async with asyncio.timeout_at(until):
                for name, future in asked.items():
                    over += known.over(name, await asyncio.wrap_future(future))
        except (TimeoutError, ReconcilerError) as error:
            raise later("what is open cannot be told just now") from error
        if over:
            self._around.log.info("alerts that are over were left out", count=len(over))
        return replace(payload, reports=(*payload.reports, *over))

    async def _aside(self, work: Callable[[], T], until: float, aside: bool) -> T:
        """Do something, on another thread if it may take a while. Raises Refusal (503) where that takes too long."""
        if not aside:
            return work()
        try:
            async with asyncio.timeout_at(until):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except TimeoutError as error:
            raise later("there was no time left for it") from error
        except NoThreadError as error:
            raise later(error.message) from error

    def _git(self, auth: Authentication) -> Callable[[Mapping[str, str], bytes, float], Awaitable[Handled]]:
        async def handle(headers: Mapping[str, str], body: bytes, _until: float) -> Handled:
            if auth.kind == "hmac" and auth.header:
                check_signature(auth, headers, body)
            elif auth.kind == "hmac" and forges.verified(headers, body, read_secret(auth).encode()) is None:
                raise unsigned("X-Hub-Signature-256")
            for hint in self._around.hints:
                hint()
            return Answer(202, {"note": "the repositories are looked at now"}), {}

        return handle

    async def _misdirected(self, request: Request, error: Exception) -> Response:
        """Answer for what is not served."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 405:
            document, headers = said("webhooks take POST only", "send a POST"), {"Allow": "POST"}
        else:
            served = ", ".join(self._paths) or "none: add `webhooks` to the daemon's configuration"
            document, headers = said("no webhook is served here", f"there are: {served}"), {}
        answer = Answer(status, document, headers, self._limits)
        self._tell("other", request, answer, {})
        return answer

    def _tell(self, source: str, request: Request, answer: Answer, counts: Counts) -> None:
        seconds = asyncio.get_running_loop().time() - _began(request)
        self._around.measure.webhook(source, answer.status_code, seconds)
        for outcome, count in counts.items():
            self._around.measure.reports(source, outcome, count)
        address, code = _address(request), str(answer.status_code)
        reason = str(answer.document.get("error", ""))[:_SHOWN]
        more = {
            "reason": f"{reason}: {answer.inside}" if answer.inside else reason,
            "problems": not_taken(answer.document),
            "note": "" if reason else str(answer.document.get("note", ""))[:_SHOWN],
        }
        said_more = {name: text for name, text in more.items() if text}
        fields = {"sender": source, "code": answer.status_code, "client": address, **counts, **said_more}
        fields["seconds"] = round(seconds, 4)
        well = answer.status_code < 400 and not {"truncated", "unknown", "refused"} & counts.keys()
        if well or counts.get("accepted"):
            (self._around.log.info if well else self._around.log.warning)("request", **fields)
            return
        if self._complaints is None:
            self._complaints = Complaints(self._around.log, asyncio.get_running_loop().time)
        self._complaints.tell(fields, source, code, address, *more.values())


def _began(request: Request) -> float:
    return float(request.scope["state"][BEGAN])


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""
