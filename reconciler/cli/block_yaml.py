"""Data as YAML in block style: one thing a line, texts of several lines as they are.

Files of ours have a form that is read back fast (`model.canonical`); this one is for eyes and for programs with a YAML
parser. Texts that a parser could take for something else, and characters that a terminal would act on, are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.cli.messages import visible
from reconciler.model import canonical

_PLAIN: Final = re.compile(r"[A-Za-z/](?:[\w ./+,@()=→-]*[\w./+)=])?\Z", re.ASCII)
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def block_yaml(data: Mapping[str, Any]) -> str:
    """Return plain data as a YAML document of block style. Raises BugError for what JSON cannot say."""
    return "\n".join(_mapping(data, "")) + "\n" if data else "{}\n"


def _mapping(data: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in data.items():
        yield from _item(f"{indent}{_scalar(key)}:", value, indent)


def _item(head: str, value: Any, indent: str) -> Iterator[str]:
    """Yield a value after its key; what has parts stands below, two columns deeper."""
    if isinstance(value, Mapping) and value:
        yield head
        yield from _mapping(value, f"{indent}  ")
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        yield head
        for item in value:
            yield from _of_list(item, f"{indent}  ")
    elif isinstance(value, str) and _is_block(value):
        lines = value.split("\n")
        yield f"{head} |-"
        yield from (f"{indent}  {line}" if line else "" for line in lines)
    else:
        yield f"{head} {_scalar(value)}"


def _of_list(item: Any, indent: str) -> Iterator[str]:
    if isinstance(item, Mapping) and item:
        first, *rest = _mapping(item, f"{indent}  ")
        yield f"{indent}- {first.strip()}"
        yield from rest
    elif isinstance(item, Sequence) and not isinstance(item, str) and item:
        yield f"{indent}-"
        for inner in item:
            yield from _of_list(inner, f"{indent}  ")
    else:
        yield f"{indent}- {_scalar(item)}"


def _is_block(text: str) -> bool:
    lines = text.split("\n")
    sound = all(line == line.strip() and "\t" not in line for line in lines)
    return len(lines) > 1 and bool(lines[0]) and bool(lines[-1]) and sound and visible(text) == text


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.match(value) and value.lower() not in _WORDS:
        return value
    return canonical.text(value)
