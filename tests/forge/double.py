"""Forges as their documentation describes them: what GitHub, GitLab, Gitea and Forgejo answer, over one list of pulls.

Bodies have the documented fields that are read and a few beside; statuses and errors are the documented ones. Where a
repository is given, heads are read from it.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "f0rge-t0ken"
REPOSITORY = "shop/configuration"
SUFFIX = {"github": "", "gitlab": "/api/v4", "gitea": "/api/v1", "forgejo": "/api/v1"}
AUTH = {"github": ("Authorization", f"Bearer {TOKEN}"), "gitlab": ("PRIVATE-TOKEN", TOKEN)}
KINDS = ("github", "gitlab", "gitea")
ME, MALLORY, BEFORE = 7, 666, 8
"""Numbers of people: the token's, a stranger's, and those of a bot whose token is no longer used."""
NAMES = {ME: "reconciler-bot", MALLORY: "mallory", BEFORE: "old-bot"}


@dataclass
class Pull:
    number: int
    head: str
    base: str
    title: str
    body: str
    sha: str = "0" * 40
    state: str = "open"
    closed_by: str = ""
    closed_at: str | None = None
    labels: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    conflicts: bool = False
    home: str = REPOSITORY
    by: int = ME
    timeline: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Fault:
    """An answer in place of the right one, after which the right one may have been done all the same."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    slow: float = 0.0
    only: str = ""


Answer = tuple[int, Any]


class Double:
    """One repository on one forge."""

    def __init__(self, kind: str, repository: Path | None = None) -> None:
        self.kind = kind
        self.git = repository
        self.pulls: list[Pull] = []
        self.statuses: list[tuple[str, dict[str, Any]]] = []
        self.remarks: list[tuple[str, dict[str, Any]]] = []
        self.requests: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self.token = TOKEN
        self.knows_me = True
        self.largest = 50
        self.lists = True
        self._headers: dict[str, str] = {}
        self.lock = threading.RLock()
        self.url = ""

    @property
    def api(self) -> str:
        return self.url + SUFFIX[self.kind]

    def close(self, number: int, who: str = "bea", at: str = "2026-11-21T10:00:00Z") -> None:
        with self.lock:
            pull = self.pull(number)
            pull.state, pull.closed_by, pull.closed_at = "closed", who, at
            if who:
                person = {"login": who, "full_name": who.title()}
                pull.timeline.append({"type": "close", "user": person, "created_at": at})

    def chat(self, number: int, times: int, at: str, who: int = MALLORY) -> None:
        """Comment on a pull request as somebody, so many times."""
        with self.lock:
            said = {"type": "comment", "user": {"id": who}, "created_at": at, "body": "me too"}
            self.pull(number).timeline += [said] * times

    def pull(self, number: int) -> Pull:
        with self.lock:
            return next(each for each in self.pulls if each.number == number)

    def opened(self) -> list[Pull]:
        with self.lock:
            return [each for each in self.pulls if each.state == "open"]

    def count(self, method: str, part: str) -> int:
        with self.lock:
            return sum(verb == method and part in path for verb, path in self.requests)

    # The server

    def answer(self, method: str, target: str, headers: Any, body: Any) -> tuple[int, Any, dict[str, str]]:
        with self.lock:
            self.requests.append((method, target))
            fault = next((each for each in self.faults if each.only in f"{method} {target}"), None)
            if fault is not None:
                self.faults.remove(fault)
        if fault is not None:
            time.sleep(fault.slow)
            if fault.after:
                self._right(method, target, headers, body)
            return fault.status, fault.body, fault.headers
        with self.lock:
            self._headers = {}
            status, data = self._right(method, target, headers, body)
            return status, data, self._headers

    def _right(self, method: str, target: str, headers: Any, body: Any) -> Answer:
        with self.lock:
            name, value = AUTH.get(self.kind, ("Authorization", f"token {TOKEN}"))
            if headers.get(name) != value.replace(TOKEN, self.token):
                return 401, {"message": "401 Unauthorized" if self.kind == "gitlab" else "Bad credentials"}
            parts = urlsplit(target)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            path = parts.path.removeprefix(SUFFIX[self.kind])
            if path == "/user" and self.knows_me:
                return 200, {"id": ME, "login": NAMES[ME], "username": NAMES[ME]}
            quoted = "/projects/shop%2Fconfiguration" if self.kind == "gitlab" else f"/repos/{REPOSITORY}"
            if not path.startswith(f"{quoted}/"):
                return 404, {"message": "404 Project Not Found" if self.kind == "gitlab" else "Not Found"}
            route = unquote(path.removeprefix(quoted))
            for verb, pattern, handle in self._routes():
                match = re.fullmatch(pattern, route)
                if verb == method and match:
                    return handle(query, body, *match.groups())
            return 404, {"message": "Not Found"}

    def _routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        sha, number = "([0-9a-f]{40})", "([0-9]+)"
        say = ("POST", f"/statuses/{sha}", self._say)
        if self.kind == "gitlab":
            pulls, discussions = "/merge_requests", f"/repository/commits/{sha}/discussions"
            return [
                say, ("GET", pulls, self._list), ("POST", pulls, self._open), ("GET", f"{pulls}/{number}", self._one),
                ("PUT", f"{pulls}/{number}", self._edit), ("POST", f"{pulls}/{number}/notes", self._comment),
                ("GET", discussions, self._remarks), ("POST", discussions, self._remark),
                ("PUT", f"{discussions}/d([0-9]+)/notes/([0-9]+)", self._edit_note),
            ]  # fmt: skip
        common: list[tuple[str, str, Callable[..., Answer]]] = [
            say, ("GET", "/pulls", self._list), ("POST", "/pulls", self._open), ("GET", f"/pulls/{number}", self._one),
            ("PATCH", f"/pulls/{number}", self._edit), ("POST", f"/issues/{number}/comments", self._comment),
        ]  # fmt: skip
        if self.kind == "github":
            comments = f"/commits/{sha}/comments"
            return [
                *common, ("GET", f"/issues/{number}", self._issue), ("POST", f"/issues/{number}/labels", self._label),
                ("GET", comments, self._remarks), ("POST", comments, self._remark),
                ("PATCH", "/comments/([0-9]+)", self._edit_remark),
            ]  # fmt: skip
        return [*common, ("GET", f"/issues/{number}/timeline", self._timeline)]

    def _head(self, branch: str) -> str | None:
        if self.git is None:
            return "1" * 40
        words = ["git", "rev-parse", "--verify", "-q", f"refs/heads/{branch}"]
        done = subprocess.run(words, cwd=self.git, capture_output=True, text=True, check=False)
        return done.stdout.strip() or None

    def _shown(self, pull: Pull, *, alone: bool = False) -> dict[str, Any]:
        head = self._head(pull.head)
        pull.sha = head or pull.sha if pull.state == "open" else pull.sha
        if pull.state == "open" and head is None:
            self.close(pull.number, "", "2026-11-21T11:00:00Z")  # as forges do when the branch is gone
        if self.kind == "gitlab":
            return {
                "id": 9000 + pull.number, "iid": pull.number, "title": pull.title, "description": pull.body,
                "state": {"open": "opened"}.get(pull.state, pull.state), "source_branch": pull.head,
                "target_branch": pull.base, "sha": pull.sha, "web_url": f"{self.url}/-/merge_requests/{pull.number}",
                "has_conflicts": pull.conflicts, "closed_at": pull.closed_at, "project_id": 1, "target_project_id": 1,
                "source_project_id": 1 if pull.home == REPOSITORY else 666,
                "closed_by": {"username": pull.closed_by, "name": pull.closed_by.title()} if pull.closed_by else None,
            }  # fmt: skip
        merged = pull.state == "merged"
        shown = {
            "number": pull.number, "state": "open" if pull.state == "open" else "closed", "title": pull.title,
            "body": pull.body, "html_url": f"{self.url}/pull/{pull.number}", "closed_at": pull.closed_at,
            "merged_at": pull.closed_at if merged else None, "base": {"ref": pull.base},
            "user": {"id": pull.by, "login": NAMES[pull.by]},
        }  # fmt: skip
        if self.kind == "github":
            more = {"mergeable_state": "dirty" if pull.conflicts else "clean"} if alone else {}
            return {**shown, **more, "head": {"ref": pull.head, "sha": pull.sha, "repo": {"full_name": pull.home}}}
        ref = pull.head if head else f"refs/pull/{pull.number}/head"
        return {
            **shown, "merged": merged, "mergeable": not pull.conflicts,
            "head": {"label": pull.head, "ref": ref, "sha": pull.sha, "repo": {"full_name": pull.home}},
        }  # fmt: skip

    def _list(self, query: dict[str, str], _: Any) -> Answer:
        wanted = query.get("source_branch") or query.get("head", "").partition(":")[2]
        pulls = [each for each in reversed(self.pulls) if wanted in ("", each.head)]
        if self.kind == "gitea" and query.get("state") == "open":
            pulls = [each for each in pulls if each.state == "open"]
        if query.get("poster") and self.lists:
            pulls = [each for each in pulls if NAMES[each.by] == query["poster"]]
        return 200, [self._shown(each) for each in self._page(query, pulls)]

    def _page(self, query: dict[str, str], found: list[Any]) -> list[Any]:
        """Return a page of at most so many as the server gives, and say in `Link` whether there are more."""
        size, page = int(query.get("limit", query.get("per_page", 30))), int(query.get("page", 1))
        size = min(size, self.largest) if self.kind == "gitea" else size
        more = f'<{self.url}/elsewhere?page={page + 1}>; rel="next",' if page * size < len(found) else ""
        if self.lists:
            self._headers["Link"] = f'{more}<{self.url}/elsewhere?page=1>; rel="first"'
        return found[(page - 1) * size : page * size]

    def _open(self, _: Any, body: Any) -> Answer:
        names = ("source_branch", "target_branch", "description") if self.kind == "gitlab" else ("head", "base", "body")
        head, base, text = (body[name] for name in names)
        same = (each for each in self.pulls if (each.head, each.base, each.home) == (head, base, REPOSITORY))
        if any(each.state == "open" for each in same):
            return self._twice(head)
        sha = self._head(head)
        if sha is None:
            return 422, {"message": "Validation Failed", "errors": [{"field": "head", "code": "invalid"}]}
        labels = [each for each in body.get("labels", "").split(",") if each] if self.kind == "gitlab" else []
        self.pulls.append(Pull(len(self.pulls) + 1, head, base, body["title"], text, sha, labels=labels))
        return 201, self._shown(self.pulls[-1])

    def _twice(self, head: str) -> Answer:
        if self.kind == "github":
            told = {
                "resource": "PullRequest",
                "code": "custom",
                "message": f"A pull request already exists for {head}.",
            }
            return 422, {"message": "Validation Failed", "errors": [told]}
        if self.kind == "gitlab":
            return 409, {"message": ["Another open merge request already exists for this source branch: !1"]}
        return 409, {"message": "pull request already exists for these targets [id: 1]"}

    def _one(self, _: Any, __: Any, number: str) -> Answer:
        return 200, self._shown(self.pull(int(number)), alone=True)

    def _edit(self, _: Any, body: Any, number: str) -> Answer:
        pull = self.pull(int(number))
        pull.body = body.get("description", body.get("body", pull.body))
        if body.get("state") == "closed" or body.get("state_event") == "close":
            self.close(pull.number, "reconciler-bot")
        return 200, self._shown(pull)

    def _comment(self, _: Any, body: Any, number: str) -> Answer:
        self.pull(int(number)).comments.append(body["body"])
        return 201, {"id": 1}

    def _label(self, _: Any, body: Any, number: str) -> Answer:
        self.pull(int(number)).labels += body["labels"]
        return 200, []

    def _issue(self, _: Any, __: Any, number: str) -> Answer:
        pull = self.pull(int(number))
        who = {"login": pull.closed_by} if pull.closed_by else None
        return 200, {"number": pull.number, "closed_by": who, "closed_at": pull.closed_at}

    def _timeline(self, query: dict[str, str], _: Any, number: str) -> Answer:
        told = [{"type": "pull_push", "created_at": "2026-11-21T09:00:00Z"}, *self.pull(int(number)).timeline]
        return 200, self._page(query, [each for each in told if each["created_at"] >= query.get("since", "")])

    def _say(self, _: Any, body: Any, sha: str) -> Answer:
        said = body.get("context", body.get("name"))
        newest = next((each for at, each in reversed(self.statuses) if (at, each["context"]) == (sha, said)), None)
        if self.kind == "gitlab" and newest is not None and newest["state"] == body["state"]:
            return 400, {"message": 'Cannot transition status via :enqueue from :pending (Reason(s): Status "x")'}
        self.statuses.append((sha, {**body, "context": said}))
        return 201, {"id": len(self.statuses)}

    def _remarks(self, query: dict[str, str], __: Any, sha: str) -> Answer:
        size, page = int(query.get("per_page", 20)), int(query.get("page", 1))
        found = [each for at, each in self.remarks if at == sha][(page - 1) * size : page * size]
        return 200, [{"id": f"d{each['id']}", "notes": [each]} for each in found] if self.kind == "gitlab" else found

    def _remark(self, _: Any, body: Any, sha: str) -> Answer:
        self.comment(sha, body["body"], ME)
        return 201, self.remarks[-1][1]

    def comment(self, sha: str, text: str, who: int) -> None:
        """Comment on a commit as somebody."""
        person = "author" if self.kind == "gitlab" else "user"
        self.remarks.append((sha, {"id": len(self.remarks) + 1, "body": text, person: {"id": who}}))

    def _edit_remark(self, _: Any, body: Any, number: str) -> Answer:
        self.remarks[int(number) - 1][1]["body"] = body["body"]
        return 200, {}

    def _edit_note(self, query: Any, body: Any, _: str, discussion: str, number: str) -> Answer:
        return self._edit_remark(query, body, number) if discussion == number else (404, {"message": "404 Not found"})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _do(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        status, data, headers = self.server.double.answer(self.command, self.path, self.headers, body)  # type: ignore[attr-defined]  # set by `serving`
        content = data if isinstance(data, bytes) else json.dumps(data).encode()
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _do  # noqa: N815  (names that the base class calls)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(kind: str, repository: Path | None = None, double: Double | None = None) -> Iterator[Double]:
    double = double or Double(kind, repository)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.double = double  # type: ignore[attr-defined]  # read by the handler
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
