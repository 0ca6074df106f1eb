"""The flag file as a target: observe and apply over `flag.py` (what it says) and `replace.py` (how it is written)."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.errors import BlindError, BugError, ConfigError, Place, TerminalError, TransientError
from reconciler.model.targets import Effect, Fact, FlagFact, NoFact, Target, WantFlag
from reconciler.targets.flagd import flag as flags
from reconciler.targets.flagd import spans
from reconciler.targets.flagd.replace import Content, read, replace
from reconciler.targets.near import alike

if TYPE_CHECKING:
    from reconciler.targets.flagd.flag import Flag

_NAME = re.compile(r"(?!\.+\Z)[A-Za-z0-9_.~-]{1,100}\Z")
_TRIES = 5
_locks: dict[Path, threading.Lock] = {}
_guard = threading.Lock()


class _MissingError(TerminalError):
    def __init__(self, message: str, hint: str, near: tuple[str, ...]) -> None:
        super().__init__(message, hint=hint)
        self.near = near


class FlagdFile:
    """One flag file, or one for each environment. Implements `targets.protocol.TargetServer`; safe to use from threads.

    ``path`` may hold `{project}` and `{environment}`; without `{environment}` all stages that use it share one file.
    Only JSON is written: of YAML, which flagd reads too, comments and layout could not be kept.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = str(path)
        if Path(self._path).suffix in {".yaml", ".yml"}:
            raise ConfigError(
                f"the flag file {Path(self._path).name} is YAML", hint="convert it to JSON; flagd reads both alike"
            )

    def observe(self, want: WantFlag) -> Fact:
        """Look at a flag. A file that cannot be read or is broken is `blind`, a flag that is no boolean `invalid`."""
        target = Target(want.server, f"{want.project}/{want.environment}", "Flag", want.flag)
        try:
            _, _, flag = self._read(target)
        except _MissingError as error:
            return NoFact("missing", error.message, error.hint, error.near)
        except TransientError as error:
            return NoFact("blind", error.message, error.hint)
        except TerminalError as error:
            return NoFact("invalid", error.message, error.hint)
        return _fact(target, flag)

    def apply(self, effect: Effect) -> Fact:
        """Make the flag have the value; see `targets.protocol.TargetServer`."""
        if effect.field != "enabled" or not isinstance(effect.value, bool):
            raise BugError(f"a flag has no {effect.field} = {effect.value!r}")
        wanted = flags.Record(effect.mark, effect.value)
        with _lock(self._file(effect.target)):
            for left in reversed(range(_TRIES)):
                content, text, flag = self._read(effect.target)
                held = flag.record
                if held and not held.mark.yields_to(wanted.mark):
                    break
                if held == wanted and flag.enabled == wanted.value:
                    break
                new = _changed(text, effect.target.name, flag, wanted, effect.note, content.path)
                try:
                    replace(content, new.encode())
                    break
                except TransientError:
                    if not left:
                        raise
            return _fact(effect.target, self._read(effect.target)[2])

    def close(self) -> None:
        """Nothing is kept open."""

    def _file(self, target: Target) -> Path:
        project, _, environment = target.scope.partition("/")
        for what, name in (("project", project), ("environment", environment)):
            if not _NAME.match(name):
                raise TerminalError(f"{name[:100]!r} cannot be the name of a project or environment ({what})")
        return Path(self._path.replace("{project}", project).replace("{environment}", environment))

    def _read(self, target: Target) -> tuple[Content, str, Flag]:
        path = self._file(target)
        content = read(path)
        text = _text(content)
        try:
            found = _flags(text)
        except spans.BrokenTextError as error:
            # Perhaps somebody is writing it right now; it is looked at again, and never written over.
            raise BlindError(_at(path, error), hint="repair the flag file") from error
        if target.name not in found:
            raise _MissingError(
                f"no flag {target.name} in {path.name}",
                "correct the name in the playbook, or add the flag to the file",
                alike(target.name, found),
            )
        try:
            return content, text, flags.read(text, found[target.name])
        except spans.BrokenTextError as error:
            raise TerminalError(_at(path, error), hint="make it a flag with the variants true and false") from error


def _text(content: Content) -> str:
    try:
        return content.data.decode()
    except UnicodeDecodeError as error:
        raise BlindError(
            f"{content.path.name} is not UTF-8 (byte {error.start})", hint="repair the flag file"
        ) from error


def _flags(text: str) -> dict[str, spans.Member]:
    top = spans.members(text, spans.root(text), "the flag file")
    if "flags" not in top:
        raise spans.BrokenTextError("the flag file has no `flags`", text, 0)
    return spans.members(text, top["flags"].start, "`flags`")


def _changed(text: str, name: str, flag: Flag, wanted: flags.Record, note: str, path: Path) -> str:
    """Return the new text, having checked that nothing but what we own differs."""
    try:
        new = spans.edited(text, flag.edits(text, wanted, note))
    except spans.BrokenTextError as error:
        raise TerminalError(_at(path, error), hint="give the flag a variant for true and one for false") from error
    before, after = json.loads(text), json.loads(new)
    for data in (before, after):
        one = data["flags"][name]
        metadata = one.pop("metadata", {})
        one["metadata"] = {key: value for key, value in metadata.items() if key not in flags.OURS}
        one.pop("state"), one.pop("defaultVariant", None)
    if before != after or flags.read(new, _flags(new)[name]).record != wanted:
        raise BugError(f"writing {name} would have changed something else in {path.name}")
    return new


def _fact(target: Target, flag: Flag) -> FlagFact:
    held = flag.record
    ours = held is not None and held.value == flag.enabled
    return FlagFact(target, flag.enabled, flag.caveat, held.mark if held else None, ours=ours)


def _at(path: Path, error: spans.BrokenTextError) -> str:
    return f"{Place(path.name, error.line, error.column)}: {error.message}"


def _lock(path: Path) -> threading.Lock:
    """Return the one lock of a file in this process, whichever object or symbolic link it is reached by."""
    with _guard:
        return _locks.setdefault(path.resolve(), threading.Lock())
