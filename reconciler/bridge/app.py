"""The bridge as an ASGI application: addresses, who is let in, what every answer carries, and nothing else.

Read only, but for what `Ask` takes: a command in the name of the person who sent a form of ours.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from structlog.typing import FilteringBoundLogger

from reconciler.bridge import pages
from reconciler.bridge.hall import Hall
from reconciler.bridge.links import Links
from reconciler.bridge.pages import Asking, Made
from reconciler.bridge.people import Door, Person, RefusedError, Tokens, check_origin
from reconciler.bridge.petition import Ask, petition
from reconciler.bridge.rendering import Renderer
from reconciler.bridge.room import Room
from reconciler.model.errors import ReconcilerError, TransientError, UserError
from reconciler.model.names import StageName

Page: TypeAlias = Callable[[Room, Asking], Made]
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FORM: Final = 16 * 1024
"""Bytes of a form at the most."""
STREAM: Final = 240.0
"""Seconds after which a stream of news ends; the browser opens the next one by itself."""
_QUIET: Final = 15.0
_ASKED_WITHIN: Final = 20.0
_KEPT: Final = "This holds from now on, and is kept here only, not on the remote yet"
_KEPT_HINT: Final = (
    "The repository cannot be reached. The daemon does as you asked, and pushes it when the repository is back. Look "
    "then whether it is there: it is lost if the daemon's disk is lost before, or if the branch is rewritten meanwhile."
)
_PROJECT: Final = "/{project}"
_STAGE: Final = "/{project}/{stage}"


@dataclass(frozen=True)
class Served:
    """What is served, by the projects' names. ``ask`` None: nothing but looking is possible."""

    halls: Mapping[str, Hall]
    now: Callable[[], float]
    log: FilteringBoundLogger
    door: Door = field(default_factory=Door)
    ask: Mapping[str, Ask] | None = None


class Bridge:
    """The application. All requests are handled on one thread; pages are made on each project's own."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._renderer = Renderer()
        self._tokens = Tokens(served.now)
        shown: dict[str, Page] = {
            f"{_PROJECT}/-/history": pages.history,
            f"{_STAGE}/steps": pages.steps,
            f"{_STAGE}/service/{{service:path}}": pages.service,
            f"{_STAGE}/remediation/{{service:path}}/{{remediation}}": pages.remediation,
            f"{_STAGE}/file/{{file:path}}": pages.file,
            _PROJECT: pages.project,
            _STAGE: pages.stage,
        }
        routes = [
            Route("/", self._guarded(self._home), methods=["GET"]),
            Route("/-/static/{name}", self._static, methods=["GET"]),
            Route("/favicon.ico", self._no_icon, methods=["GET"]),
            Route(f"{_PROJECT}/-/live", self._guarded(self._live), methods=["GET"]),
            Route(f"{_STAGE}/command", self._guarded(self._command), methods=["POST"]),
            *(Route(path, self._guarded(self._shown(page)), methods=["GET"]) for path, page in shown.items()),
            Route(f"{_PROJECT}/{{rest:path}}", self._guarded(self._nothing), methods=["GET"]),
        ]
        self.app = Starlette(routes=routes, exception_handlers={HTTPException: self._misdirected})
        self.app.router.redirect_slashes = False

    # Requests

    def _guarded(
        self, answer: Callable[[Request, Person | None], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                peer = request.client.host if request.client is not None else ""
                person = self._served.door.enter(request.headers, peer)
                request.state.person = person  # from here on, errors may show what there is
                return _with_headers(await answer(request, person))
            except RefusedError as refused:
                return self._refused(request, refused)
            except LookupError:
                return await self._missing(request)
            except TransientError as error:
                response = self._said(request, 503, error.message, error.hint)
                after = str(max(1, int(error.retry_after)))
                response.headers["Retry-After"] = after
                if request.method == "GET":
                    # Browsers come again by themselves for this header only.
                    response.headers["Refresh"] = after
                return response
            except UserError as error:
                expected = f"expected {error.expected}" if error.expected else ""
                return self._said(request, 400, error.message, "; ".join(filter(None, (expected, error.hint))))
            except ReconcilerError as error:
                return self._said(request, 500, error.message, error.hint)
            except Exception:
                # A page must not take the others with it.
                self._served.log.exception("a page ended with a bug", path=request.url.path[:200])
                return self._said(request, 500, "a bug, which is in the log", "tell whoever runs this")

        return endpoint

    def _shown(self, page: Page) -> Callable[[Request, Person | None], Awaitable[Response]]:
        async def answer(request: Request, person: Person | None) -> Response:
            hall = self._hall(request)
            asking = self._asking(request, person if self._served.ask is not None else None)

            def make(room: Room) -> str:
                template, data = page(room, asking)
                token = self._tokens.give(asking.person) if asking.person is not None else ""
                return self._renderer.page(template, {**data, "token": token, "projects": [*self._served.halls]})

            return _html(await hall.make(make))

        return answer

    async def _home(self, request: Request, _person: Person | None) -> Response:
        names = [*self._served.halls]
        links = Links(_root(request))
        if len(names) == 1:
            return RedirectResponse(Links(_root(request), names[0]).overview(), 303)
        listed = [(name, Links(_root(request), name)) for name in names]
        data = {"title": "Projects", "listed": listed, "links": links, "projects": names}
        return _html(self._renderer.page("home.html", data))

    async def _static(self, request: Request) -> Response:
        static, name = self._renderer.static, request.path_params["name"]
        if name not in static.files:
            return self._said(request, 404, "there is no such file", "")
        caching = {"Cache-Control": "public, max-age=86400"}
        return _with_headers(Response(static.files[name], media_type=static.media(name), headers=caching))

    async def _no_icon(self, _request: Request) -> Response:
        return _with_headers(Response(status_code=204))

    async def _live(self, request: Request, _person: Person | None) -> Response:
        hall = self._hall(request)
        event = hall.listen()
        if event is None:
            raise TransientError("too many pages wait for news", hint="this one is made anew when you ask for it")
        return StreamingResponse(
            _news(hall, event), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def _command(self, request: Request, person: Person | None) -> Response:
        ask = self._served.ask
        if ask is None or person is None:
            raise RefusedError(403, "nothing but looking is possible here", "use the command line, or push a file")
        check_origin(request.headers)
        form = await _form(request)
        self._tokens.check(person, form.get("token", ""))
        hall, stage = self._hall(request), StageName(request.path_params["stage"])
        wanted = petition(form, stage, person)
        stages = await hall.make(lambda room: room.stages())
        if stage not in stages:
            raise LookupError(stage)
        try:
            async with asyncio.timeout(_ASKED_WITHIN):
                taken = await asyncio.wrap_future(ask[request.path_params["project"]](wanted))
        except TimeoutError as error:
            raise TransientError(
                "the command was not pushed in time", hint="look whether it came, then ask again"
            ) from error
        self._served.log.info(
            "a command was taken", verb=wanted.command.verb, person=person.name, commit=taken.commit, kept=taken.kept
        )
        hall.follower.stir()
        links = Links(_root(request), request.path_params["project"], stage)
        about, service = wanted.command.remediation, wanted.service
        back = links.remediation(service, about) if about else links.service(service) if service else links.services()
        if taken.kept:
            return self._said(request, 202, _KEPT, _KEPT_HINT, [("Back to where it was asked", back)])
        return RedirectResponse(back, 303)

    async def _nothing(self, request: Request, _person: Person | None) -> Response:
        raise LookupError(request.url.path)

    # Helpers

    def _hall(self, request: Request) -> Hall:
        hall = self._served.halls.get(request.path_params["project"])
        if hall is None:
            raise LookupError(request.path_params["project"])
        return hall

    def _asking(self, request: Request, person: Person | None) -> Asking:
        query = {name: value[:500] for name, value in request.query_params.items()}
        root, words = _root(request), request.path_params
        links = Links(root, words["project"], words.get("stage", ""), query.get("at", "").strip())
        path = request.scope.get("raw_path", b"").partition(b"?")[0].decode("ascii", "replace").removeprefix(root)
        return Asking(path, query, links, person, words)

    async def _missing(self, request: Request) -> Response:
        """Answer for what is not there; where a moment of the past was asked for, it may be there now."""
        hall = self._served.halls.get(request.path_params.get("project", ""))
        doubts: pages.Doubts = []
        at, everywhere = request.query_params.get("at", "").strip(), ""
        if hall is not None:
            with suppress(ReconcilerError):
                doubts = await hall.make(lambda room: pages.doubts_of(room, room.stages()))
                everywhere = await hall.make(lambda room: room.moment(at))
        if not at or request.path_params.get("project") not in self._served.halls:
            return self._said(request, 404, "There is no such page", "Begin at the overview.", doubts=doubts)
        asking = self._asking(request, None)
        further = [("Look at it now", asking.here(at=None))]
        if asking.links.stage:
            further.append((f"{asking.links.stage} at this moment", asking.links.services()))
        message = "There was no such page at this moment"
        return self._said(request, 404, message, "Look at another moment.", further, doubts, everywhere)

    def _said(
        self, request: Request, status: int, message: str, hint: str, further: Sequence[tuple[str, str]] = (),
        doubts: pages.Doubts = (), everywhere: str = "",
    ) -> Response:  # fmt: skip
        """Return a page that says why there is no other; ``everywhere`` is the moment that its links keep."""
        project = request.path_params.get("project", "") if _is_in(request) else ""
        links = Links(_root(request), project) if project in self._served.halls else Links(_root(request))
        if everywhere:
            links = links.when(request.query_params.get("at", ""))
        lead = [("History", links.history())] if links.project else []
        data = {
            "title": message, "message": message, "hint": hint, "links": links, "within": links.project,
            "doubts": doubts, "further": [*further, *lead], **self._around(request, links, everywhere),
        }  # fmt: skip
        return _with_headers(_html(self._renderer.page("said.html", data), status))

    def _refused(self, request: Request, refused: RefusedError) -> Response:
        response = self._said(request, refused.status, refused.message, refused.hint)
        if refused.after:
            response.headers["Retry-After"] = str(math.ceil(refused.after))
        if refused.challenge:
            response.headers["WWW-Authenticate"] = 'Basic realm="reconciler", charset="UTF-8"'
        return response

    def _around(self, request: Request, links: Links, everywhere: str) -> dict[str, object]:
        """Return what leads further from a page that could not be made; to a stranger nothing is told."""
        if not links.project:
            return {}
        try:
            looked = self._served.halls[links.project].follower.looked()
        except ReconcilerError:
            return {}
        stages = [str(each.name) for each in looked.stages]
        stage = request.path_params.get("stage", "")
        return {
            "project": looked.project.name, "stages": stages, "links": links.to(stage if stage in stages else ""),
            "asking": self._asking(request, None), "moment_everywhere": everywhere, "point": None, "live": False,
            "trouble": "", "progress": "", "person": request.state.person,
        }  # fmt: skip

    async def _misdirected(self, request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == 405:
            response = self._said(request, 405, "this is only to be looked at", "ask with GET")
            response.headers["Allow"] = "GET, HEAD"
            return response
        return self._said(request, 404, "There is no such page", "Begin at the overview.")


async def _news(hall: Hall, event: asyncio.Event) -> AsyncIterator[bytes]:
    """Tell of each change, and in between that the line is open."""
    loop = asyncio.get_running_loop()
    until = loop.time() + STREAM
    try:
        yield b"retry: 1000\n\n"
        while not hall.closing and loop.time() < until:
            try:
                async with asyncio.timeout(_QUIET):
                    await event.wait()
            except TimeoutError:
                yield b": nothing new\n\n"
                continue
            event.clear()
            if not hall.closing:
                yield b"event: change\ndata: {}\n\n"
    finally:
        hall.leave(event)


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise RefusedError(415, "this is no form of ours", "send the page's own")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM:
            raise RefusedError(413, "the form is too large", "give a shorter reason")
    try:
        read = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise RefusedError(400, "this is no form of ours", "send the page's own") from error
    return {name: values[0] for name, values in read.items()}


def _is_in(request: Request) -> bool:
    """Whether whoever asks was let in; strangers are not told which projects there are."""
    return hasattr(request.state, "person")


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")


def _html(text: str, status: int = 200) -> Response:
    return Response(text.encode("utf-8", "replace"), status, {"Cache-Control": "no-cache"}, "text/html; charset=utf-8")


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers[name] = value
    return response
