"""A site with the installed command: a watched repository, the daemon as a process of its own, Alertmanager before it.

What a test adds to it (services, a cluster, Prometheus) is its own business.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from reconciler.demo import settings
from reconciler.demo.person import Commit, Person
from reconciler.demo.waiting import NotYetError
from reconciler.demo.world import Places, clean_environment, make_repository
from tests.acceptance.ports import Port
from tests.acceptance.remote import WatchedRemote
from tests.acceptance.servers import PATIENCE, Alertmanager, Server, command

TOKEN: Final = "a-token-of-the-tests"
BRANCH: Final = settings.STAGE
_CONFIG: Final = """\
stateDir: state
server:
  listen: {hook.address}
  status: {status.address}
webhooks:
  alertmanager:
    auth: {{kind: bearer, tokenFile: alertmanager.token}}
    api: {alertmanager.url}
projects:
  {project}:
    repository: {repository}
    stages:
      {stage}: {connections}
"""


class Daemon(Server):
    """`reconciler run -c reconciler.yaml`; ``hook`` is where it takes webhooks, its own port is the one for health."""

    def __init__(self, config: Path, hook: Port, status: Port, environment: Mapping[str, str]) -> None:
        run = [command(), "run", "-c", str(config), "--log-format", "json", "--log-level", "info"]
        super().__init__(run, status, config.with_name("reconciler.log"), ready="/readyz", environment=environment)
        self.hook = hook


@dataclass(frozen=True)
class Problem:
    """A problem's file: the service that it is of, its id, and what it holds."""

    service: str
    id: str
    file: Mapping[str, Any]


@dataclass(frozen=True)
class Site:
    """All that every acceptance test has, in one folder. Nothing of it runs until it is entered."""

    places: Places
    environment: Mapping[str, str]
    person: Person
    remote: WatchedRemote
    alertmanager: Alertmanager
    daemon: Daemon

    def configure(
        self, repository: Mapping[str, Any] | None = None, connections: Mapping[str, Any] | None = None
    ) -> None:
        """Write the daemon's configuration; both parts are as they stand in its file."""
        self.places.folder.joinpath("alertmanager.token").write_text(TOKEN + "\n", "utf-8")
        text = _CONFIG.format(
            hook=self.daemon.hook,
            status=self.daemon.port,
            alertmanager=self.alertmanager,
            project=settings.PROJECT,
            stage=settings.STAGE,
            repository=json.dumps(repository or {"url": str(self.places.remote)}),
            connections=json.dumps(connections or {}),
        )
        self.places.config.write_text(text, "utf-8")

    def run(self, *words: str) -> str:
        """Run a command of ours as people do, and return what it says on stdout."""
        done = subprocess.run(
            [command(), *words], env=dict(self.environment), cwd=self.places.folder, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def monitor(self, *words: str) -> str:
        """Run `reconciler monitoring prometheus` for the stage, in the pace of tests."""
        where = ("--repo", str(self.places.clone), "--stage", BRANCH, "--config", str(self.places.config))
        return self.run("monitoring", "prometheus", *where, "--profile", "fast", *words)

    def generate(self) -> None:
        """Have Alertmanager's configuration written."""
        self.monitor("--alertmanager", "--apply", "--to", str(self.places.folder))

    def change_routing(self, changes: Mapping[str, Any]) -> None:
        """Change keys of the route or of the webhook in what was generated for Alertmanager."""
        file = self.places.folder / "alertmanager.yml"
        content = YAML(typ="safe").load(file)
        (route,) = content["route"]["routes"]
        (webhook,) = content["receivers"][-1]["webhook_configs"]
        for key, value in changes.items():
            (webhook if key in webhook else route)[key] = value
        file.write_text(json.dumps(content), "utf-8")

    def commits(self) -> list[Commit]:
        """Return the stage's history, oldest first."""
        return self.person.fetched()

    def events(self) -> list[str]:
        """Return the events of all steps, oldest first."""
        return [commit.event for commit in self.commits() if commit.event]

    def until_event(self, *events: str) -> str:
        """Wait until a step with one of these events is there."""

        def look() -> str:
            found = self.events()
            for event in events:
                if event in found:
                    return event
            raise NotYetError(f"{found}; {self.daemon.told()}")

        return PATIENCE.until(f"a step that says {' or '.join(events)}", look, alive=self.check_alive)

    def problems(self) -> list[Problem]:
        """Return all problems on the branch."""
        found = []
        for path, text in self.remote.files(BRANCH, f"ops/{BRANCH}/").items():
            service, inside, rest = path.removeprefix(f"ops/{BRANCH}/").partition("/problems/")
            if inside:
                found.append(Problem(service, Path(rest).stem, YAML(typ="safe").load(text)))
        return found

    def check_alive(self) -> None:
        self.daemon.check_alive()
        self.alertmanager.check_alive()


@contextmanager
def site(folder: Path, files: Mapping[str, str]) -> Iterator[Site]:
    """Make a site whose stage has these files, path → content. Whatever was started in it is stopped at the end."""
    places = Places(folder)
    (folder / "gitconfig").write_text(settings.GIT, "utf-8")
    environment = clean_environment(places)
    person = make_repository(places, environment)
    person.push(files, "What there is", "you")
    remote = WatchedRemote(places.remote, environment)
    with ExitStack() as stack:
        hook, status, alerts = (stack.enter_context(Port()) for _ in range(3))
        alertmanager = Alertmanager(folder, alerts)
        stack.callback(alertmanager.stop)
        daemon = Daemon(places.config, hook, status, environment)
        stack.callback(daemon.stop)
        yield Site(places, environment, person, remote, alertmanager, daemon)
