"""What of a playbook is read otherwise than it looks: a name that `#` cuts off, a number that is a step, idle options.

All of it may be meant, so these are notices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.cli.findings.finding import Finding, remark
from reconciler.decide.actions.escalate import Escalate
from reconciler.decide.actions.protocol import Spec
from reconciler.decide.actions.scaling import Scaling
from reconciler.model.errors import Place
from reconciler.model.nodes import Scalar
from reconciler.model.playbook import Playbook
from reconciler.model.reader import shown

_CUT: Final = re.compile(
    rb"^[ ]*(?:- +)?(?:name|problemType): +(?P<name>[^\s\"'#\[{|>][^\n#]*?) +(?P<sign>#)(?P<rest>[^\s#][^\n]*)$",
    re.MULTILINE,
)
_ZEROS: Final = re.compile(
    rb"(?<![\w$])(?P<key>min|max|replicas|weight|retries|times|step|actionsPerHour|servicesAtOnce|servicesPerHour|value|"
    rb"number_of_comparison_results)[\"']?: +(?P<value>[\"']?(?P<sign>[+-]?)0+(?P<number>[0-9]{1,8})[\"']?)"
    rb"(?=\s*(?:[,}\]#\n]|\Z))"
)
"""Numbers with zeros in front. Only where a number is meant: a label may be `007`."""
_STEP: Final = 2
"""The smallest number that nobody writes for one replica more."""


def about_what_is_written(data: bytes, playbook: Playbook, specs: Mapping[int, Spec | None]) -> Iterator[Finding]:
    """Yield what looks like something else; ``specs`` are the actions understood, by their entry's identity."""
    yield from _cut_names(data)
    for entry in playbook.entries:
        for action in entry.actions:
            spec, value = specs[id(action)], action.value
            if (
                isinstance(spec, Scaling)
                and isinstance(value, Scalar)
                and value.raw.isdecimal()
                and spec.by is not None
            ):
                if spec.by >= _STEP:
                    yield remark(
                        "step-or-number",
                        f"`value: {value.raw}` asks for {spec.by} replicas more, and not for {spec.by} in all",
                        value.place,
                        expected=f"`+{spec.by}` for a step, `{{replicas: {spec.by}}}` for a number",
                        hint=f"write `value: +{spec.by}` or `value: {{replicas: {spec.by}}}`",
                    )
            elif isinstance(spec, Escalate) and action.options:
                names = ", ".join(f"`{name}`" for name, _ in action.options)
                yield remark(
                    "idle-option",
                    f"{names} of `escalate` counts for nothing: a person is called, nothing is changed or waited for",
                    action.place,
                    expected="`escalate` without options",
                    hint="delete it, or write it into the action above",
                )


def _cut_names(data: bytes) -> Iterator[Finding]:
    for found in _CUT.finditer(data) if b" #" in data else ():
        line = data.count(b"\n", 0, found.start()) + 1
        before = data[data.rfind(b"\n", 0, found.start("sign")) + 1 : found.start("sign")].decode(errors="replace")
        name, rest = (found[part].decode(errors="replace").strip() for part in ("name", "rest"))
        yield remark(
            "cut-name",
            f"`{shown(f'#{rest}')}` is a comment, so the name is `{shown(name)}`",
            Place("", line, len(before) + 1),
            expected="a blank behind the `#` of a comment, and quotes around a text that has one",
            hint=f'write `"{shown(name)} #{shown(rest)}"`, or `# {shown(rest)}` for a comment',
        )


def about_zeros(data: bytes) -> Iterator[Finding]:
    """Yield the numbers with a zero in front, which elsewhere are octal ones."""
    for found in _ZEROS.finditer(data):
        written, key = found["value"].decode(), found["key"].decode()
        number = f"{found['sign'].decode()}{int(found['number'])}"
        line = data.count(b"\n", 0, found.start("value")) + 1
        before = data[data.rfind(b"\n", 0, found.start("value")) + 1 : found.start("value")].decode(errors="replace")
        yield remark(
            "leading-zero",
            f"`{written}` is read as {int(number)}: a zero in front counts for nothing here, elsewhere it says octal",
            Place("", line, len(before) + 1),
            expected="a number without a zero in front",
            hint=f"write `{key}: {number}`",
        )
