"""The guards behind the rows of safety."""

from __future__ import annotations

from typing import Final

from tests.faults.guards import Mutation

_ENVIRON: Final = "reconciler/repo/environ.py"
_STRANGERS: Final = "tests/faults/test_safety_strangers.py -k "

GUARDS: Final = (
    Mutation("x1", "reconciler/decide/guards.py", "    if len(recent) < times:\n", "    if True:\n"),
    Mutation("x2", "reconciler/decide/guards.py", "    if view.path in acted or len(acted) < most:\n",
             "    if True:\n"),
    Mutation("x2", "reconciler/decide/precedence.py", "if word in words), _UNKNOWN)", "if not words), _UNKNOWN)"),
    Mutation("x3", "reconciler/model/reader.py", "            if count > NODE_LIMIT:\n", "            if False:\n"),
    Mutation("x3", _ENVIRON, '    "GIT_ALLOW_PROTOCOL": "none",\n    "GIT_NO_LAZY_FETCH": "1",\n', "",
             f"{_STRANGERS}lacks"),
    Mutation("x3", _ENVIRON, '    ("core.fsmonitor", "false"),\n    ("core.hooksPath", os.devnull),\n    # A',
             "    # A", f"{_STRANGERS}settings"),
    Mutation("x3", _ENVIRON, "personal_environment(kept) | _READING", "personal_environment(base) | _READING",
             f"{_STRANGERS}links"),
    Mutation("x4", "reconciler/evidence/answer.py", "for letter in self.credentials.hide(text))",
             "for letter in text)"),
    Mutation("x4", "reconciler/daemon/inbox.py", "KNOWN.cleaned(getattr(report.problem, field.name))",
             "getattr(report.problem, field.name)"),
)  # fmt: skip
