"""Whether what a stage's file names may be reached at all: two files that different people write must fit."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.cli.doctor.contents import Content
from reconciler.cli.doctor.finding import Finding, ok, problem
from reconciler.model.daemon_config import Reach


def allowed(about: str, content: Content, reach: Reach) -> Iterator[Finding]:
    """Compare a stage's namespace, flag project and flag environment with what its part of reconciler.yaml allows."""
    config = content.config
    namespace = config.namespace or f"{content.project}-{content.stage}"
    said = "stage.yaml says" if config.namespace else "without `namespace` in stage.yaml it is"
    wrong = False
    for key, name, known, words in (
        ("allow.namespaces", namespace if reach.kubernetes else "", reach.namespaces, said),
        ("allow.flagProjects", config.flags.project if reach.flags else "", reach.flag_projects, "stage.yaml says"),
        (
            "allow.flagEnvironments", config.flags.environment if reach.flags else "", reach.flag_environments,
            "stage.yaml says",
        ),
    ):  # fmt: skip
        if name and name not in known:
            wrong = True
            there = ", ".join(sorted(known)) or "nothing"
            told = f"{words} `{name}`, and `{key}` has {there}"
            yield problem("allowed", about, told, f"add it to `{key}` in reconciler.yaml, or correct stage.yaml")
    if not wrong:
        yield ok("allowed", about, "what its stage.yaml names is allowed")
