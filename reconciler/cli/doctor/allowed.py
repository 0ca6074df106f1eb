"""Whether what a stage's file names may be reached at all: two files that different people write must fit."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.cli.doctor.contents import Content
from reconciler.cli.doctor.finding import Finding, ok, problem
from reconciler.model.connections import DEFAULT_FLAG_PROJECT
from reconciler.model.daemon_config import Reach


def allowed(about: str, content: Content, reach: Reach) -> Iterator[Finding]:
    """Compare a stage's namespace, flag project and flag environment with what its part of reconciler.yaml allows."""
    config = content.config
    # Where no playbook switches flags only a name that somebody wrote can be a mistake.
    switches = reach.flags is not None and "flags" in content.needs
    wrong = False
    for key, setting, written, default, asked, known in (
        ("allow.namespaces", "namespace", config.namespace, f"{content.project}-{content.stage}",
         reach.kubernetes is not None, reach.namespaces),
        ("allow.flagProjects", "flags.project", config.flags.project, DEFAULT_FLAG_PROJECT,
         switches or (reach.flags is not None and bool(config.flags.project)), reach.flag_projects),
        ("allow.flagEnvironments", "flags.environment", config.flags.environment, str(content.stage),
         switches or (reach.flags is not None and bool(config.flags.environment)), reach.flag_environments),
    ):  # fmt: skip
        name = written or default
        if asked and name not in known:
            wrong = True
            there = ", ".join(sorted(known)) or "nothing"
            words = "stage.yaml says" if written else f"without `{setting}` in stage.yaml it is"
            told = f"{words} `{name}`, and `{key}` has {there}"
            yield problem("allowed", about, told, f"add it to `{key}` in reconciler.yaml, or correct stage.yaml")
    if not wrong:
        yield ok("allowed", about, "what its stage.yaml names is allowed")
