"""A project's remote: can it be reached, read and pushed to, and can what lies in it be used?"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.cli.doctor import git_over_http
from reconciler.cli.doctor.contents import Content, content
from reconciler.cli.doctor.finding import Finding, failed, ok, problem
from reconciler.cli.doctor.git_advice import advice
from reconciler.daemon.github_apps import credentials_of
from reconciler.model.daemon_config import EVERY_STAGE, ProjectConnections
from reconciler.model.errors import ReconcilerError
from reconciler.repo.engine import Timeouts
from reconciler.repo.probe import Probe
from reconciler.repo.project import Project, read_project
from reconciler.repo.remote import Credentials, Scheme, parse_remote

_ONLY_TRIED = "whether a protected branch or a hook would decline one is not seen without pushing"


@dataclass
class Repository:
    """A project's repository, with what `examine` found in it: the stages, None where nothing could be read.

    ``pushed`` are the branches that steps are pushed to, ``unknown`` the stages that are configured and not there.
    """

    connections: ProjectConnections
    seconds: float
    wall: Callable[[], float]
    stages: tuple[Content, ...] | None = None
    pushed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def examine(self) -> Iterator[Finding]:
        """Look at all of it; what cannot be gone on from ends it."""
        about, repository = self.connections.name, self.connections.repository
        with tempfile.TemporaryDirectory(prefix="reconciler-doctor-") as folder:
            try:
                credentials = credentials_of(repository)
                remote = parse_remote(repository.url)
                timeouts = Timeouts(network=self.seconds, first_fetch=self.seconds)
                probe = Probe.open(
                    Path(folder) / "probe.git", repository.url, credentials=credentials, timeouts=timeouts,
                    clock=time.monotonic, durable=False,
                )  # fmt: skip
            except ReconcilerError as error:
                yield failed("git-reach", about, error)
                return
            with probe:
                yield from self._reached(probe, remote.scheme, credentials)

    def _reached(self, probe: Probe, scheme: Scheme, credentials: Credentials) -> Iterator[Finding]:
        about = self.connections.name
        try:
            heads = probe.heads()
        except ReconcilerError as error:
            do = advice(error.message, scheme, self.connections.repository)
            yield problem("git-reach", about, error.message, do) if do else failed("git-reach", about, error)
            return
        yield ok("git-reach", about, f"{len(heads)} branches at {self.connections.repository.url}")
        if scheme in {"http", "https"}:
            told = list(
                git_over_http.look(about, self.connections.repository.url, credentials, self.seconds, self.wall)
            )
            yield from told
            if any(each.check == "git-format" and each.verdict == "problem" for each in told):
                return
        try:
            project = read_project(probe, about, only=_named(self.connections))
        except ReconcilerError as error:
            yield failed("stages", about, error, "`reconciler validate` in a clone shows every mistake")
            return
        self.pushed = tuple(_short(each.ops) for each in project.stages)
        self.unknown = project.unknown
        yield from self._stages(project)
        yield from self._push(probe, project)
        found: list[Content] = []
        for stage in project.stages:
            try:
                tip = probe.tips([stage.config])[stage.config]
                if tip is None:
                    continue  # told with the stages
                probe.fetch({stage.config: tip})
            except ReconcilerError as error:
                yield failed("git-fetch", f"{about}/{stage.name}", error)
                continue
            yield ok("git-fetch", f"{about}/{stage.name}", f"branch {_short(stage.config)} at {tip[:10]}")
            defaults = project.config.defaults
            defaults = replace(defaults, mode=defaults.mode or stage.implied_mode or "automated")
            one = content(probe, tip, about, stage.name, defaults)
            yield from one.findings
            found.append(one)
        self.stages = tuple(found)

    def _stages(self, project: Project) -> Iterator[Finding]:
        about = project.name
        for name in project.unknown:
            there = ", ".join(sorted((*(each.name for each in project.stages), *project.others))) or "none"
            told = f"reconciler.yaml names the stage `{name}`, which the project does not have"
            yield problem("stages", about, told, f"correct the name, or add the stage; there are: {there}")
        if not project.stages:
            told = "the project has no stage that is looked after"
            yield problem("stages", about, told, "name stages in project.yaml, and in reconciler.yaml or `*` there")
        else:
            yield ok("stages", about, f"looked after: {', '.join(each.name for each in project.stages)}")

    def _push(self, probe: Probe, project: Project) -> Iterator[Finding]:
        about = project.name
        try:
            tips = probe.tips(list(dict.fromkeys(ref for each in project.stages for ref in (each.config, each.ops))))
            for stage in project.stages:
                if tips[stage.config] is None:
                    told = f"its branch {_short(stage.config)} is not there"
                    yield problem("stages", f"{about}/{stage.name}", told, "push the branch, or take the stage away")
            wanted = {each.ops: tips[each.ops] for each in project.stages if tips[each.config] is not None}
            if not wanted:
                return
            probe.fetch(wanted)
            denied = _read_only(probe) or "; ".join(probe.try_push(wanted, project.commit).declined.values())
        except ReconcilerError as error:
            yield failed("git-push", about, error, "give the daemon's account write access")
            return
        if denied:
            yield problem("git-push", about, denied, "give the daemon's account write access")
        else:
            where = ", ".join(_short(ref) for ref in wanted)
            yield ok("git-push", about, f"may push to {where}; {_ONLY_TRIED}")


def _named(project: ProjectConnections) -> frozenset[str]:
    """Return the stages that the configuration names; empty, which is all of them, where it has a `*`."""
    return frozenset() if EVERY_STAGE in project.stages else frozenset(project.stages)


def _read_only(probe: Probe) -> str:
    """Return why nothing can be pushed to a remote on this machine, where a push that sends nothing notices nothing."""
    if probe.watched is None:
        return ""
    folders = (probe.watched / "objects", probe.watched / "refs" / "heads")
    return next((f"{each} cannot be written to by this user" for each in folders if not os.access(each, os.W_OK)), "")


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/")
