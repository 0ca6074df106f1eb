"""An editor, as far as a language server sees one: JSON-RPC over the server's stdin and stdout.

It waits for what the server says, never for a fixed time, and ends the server by its own process.
"""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

PATIENCE: Final = 25.0
"""Seconds for one answer; usually it takes a few hundredths."""


class ServerError(Exception):
    """The server gave no answer, or one that says that it could not."""


class Editor:
    """One conversation with `yaml-language-server --stdio`.

    Settings are those of a person (the section `yaml`), as the server asks for them with `workspace/configuration`.
    """

    def __init__(self, program: Path, workspace: Path, settings: Mapping[str, Any]) -> None:
        """Start the server for a folder that a person has opened."""
        self._settings = {"yaml": settings}
        self._root = workspace
        self._ids = itertools.count(1)
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}
        self._server = subprocess.Popen(
            ["node", str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        """Shake hands as an editor does."""
        capabilities = {
            "textDocument": {
                "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
                "hover": {"contentFormat": ["markdown"]},
                "publishDiagnostics": {},
            },
            "workspace": {"configuration": True, "workspaceFolders": True},
        }
        uri = self._root.as_uri()
        folders = [{"uri": uri, "name": self._root.name}]
        self.ask(
            "initialize",
            {"processId": None, "rootUri": uri, "capabilities": capabilities, "workspaceFolders": folders},
        )
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": self._settings})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server, whatever became of the conversation."""
        self._server.kill()
        self._server.wait()
        self._reader.join()
        for pipe in (self._server.stdin, self._server.stdout):
            if pipe is not None:
                pipe.close()

    def open(self, path: str, text: str) -> None:
        """Open a file with this text, whether or not it is on the disk."""
        document = {"uri": self.uri(path), "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})

    def diagnostics(self, path: str) -> list[dict[str, Any]]:
        """Return what the server has against an open file, in the order of the lines."""
        uri = self.uri(path)
        while uri not in self._diagnostics:
            self._hear()
        return sorted(self._diagnostics[uri], key=lambda found: int(found["range"]["start"]["line"]))

    def completion(self, path: str, line: int, column: int) -> list[dict[str, Any]]:
        """Return what the server offers at a place of an open file (from 0)."""
        answer = self.ask("textDocument/completion", self._place(path, line, column))
        return list(answer["items"] if isinstance(answer, dict) else answer or ())

    def hover(self, path: str, line: int, column: int) -> str:
        """Return what the server shows at a place of an open file (from 0), as Markdown."""
        answer = self.ask("textDocument/hover", self._place(path, line, column))
        contents = answer["contents"] if answer else ""
        return str(contents["value"] if isinstance(contents, dict) else contents)

    def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """Send a request and return its result."""
        number = next(self._ids)
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._hear()
            if message.get("id") == number and "method" not in message:
                if "error" in message:
                    raise ServerError(f"{method}: {message['error']}")
                return message.get("result")

    def uri(self, path: str) -> str:
        """Return a file's address."""
        return (self._root / path).as_uri()

    def _place(self, path: str, line: int, column: int) -> dict[str, Any]:
        return {"textDocument": {"uri": self.uri(path)}, "position": {"line": line, "character": column}}

    def _tell(self, method: str, params: Mapping[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._server.stdin is not None
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._server.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        """Take the server's next message, and answer it where it asks for something."""
        try:
            message = self._said.get(timeout=PATIENCE)
        except queue.Empty:
            raise ServerError(f"no word from the language server for {PATIENCE:g} s") from None
        if message is None:
            raise ServerError(f"the language server ended with {self._server.wait()}")
        if message.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:
            self._send({"id": message["id"], "result": self._answer(message)})
        return message

    def _answer(self, message: Mapping[str, Any]) -> Any:
        if message["method"] == "workspace/configuration":
            return [self._settings.get(item.get("section", ""), {}) for item in message["params"]["items"]]
        return None

    def _listen(self) -> None:
        """Cut what the server writes into messages until it ends."""
        assert self._server.stdout is not None
        while header := self._server.stdout.readline():
            length = int(header.partition(b":")[2])
            while self._server.stdout.readline().strip():
                pass
            self._said.put(json.loads(self._server.stdout.read(length)))
        self._said.put(None)
