"""All findings of one run, and the form in which they are written to stdout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from reconciler.cli.findings.finding import Finding

Form: TypeAlias = Literal["text", "json", "github", "gitlab", "sarif", "junit"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)


@dataclass(frozen=True)
class Report:
    """``files`` counts what was looked at, ``strict`` says that warnings count as errors do."""

    findings: Sequence[Finding]
    files: int
    strict: bool = False

    @property
    def valid(self) -> bool:
        """Whether nothing has to be changed."""
        wrong = ("error", "warning") if self.strict else ("error",)
        return not any(each.severity in wrong for each in self.findings)

    @property
    def invalid_files(self) -> int:
        """How many files have an error."""
        return len({(each.label, each.place.path) for each in self.findings if each.severity == "error"})

    def count(self, severity: str) -> int:
        """Return how many findings of a severity there are."""
        return sum(each.severity == severity for each in self.findings)


def rendered(report: Report, form: Form) -> str:
    """Return the report in a form, ending in a line end unless it is empty."""
    # Each is loaded when it is asked for: `validate` shall start fast.
    if form == "text":
        from reconciler.cli.findings.text import text as render
    elif form == "json":
        from reconciler.cli.findings.plain import json_document as render
    elif form == "github":
        from reconciler.cli.findings.github import commands as render
    elif form == "gitlab":
        from reconciler.cli.findings.gitlab import code_quality as render
    elif form == "sarif":
        from reconciler.cli.findings.sarif import sarif as render
    else:
        from reconciler.cli.findings.junit import junit as render
    return render(report)
