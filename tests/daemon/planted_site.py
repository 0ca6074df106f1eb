"""A daemon with every kind of secret that it can have, whose servers are of no use and repeat what they are told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from reconciler.embedded.git_http import GitHttpServer
from tests.daemon.echoing import Echo, echoing
from tests.daemon.planted import KINDS, secret
from tests.daemon.site import Site, eventually, git
from tests.forge.app_double import new_key
from tests.repo.signing_keys import make_key

GOOD = "good"
ECHOING = ("forge", "unleash", "prometheus", "dynatrace", "values", "kubernetes", "endpoint", "hook", "slack",
           "comments", "app", "tracing")  # fmt: skip
"""Servers that repeat what they are told."""

_SPY = """\
#!/bin/sh
cat /proc/$$/cmdline > "{folder}/{name}.$$.argv"
cat /proc/$$/environ > "{folder}/{name}.$$.environ"
exec {real} "$@"
"""

SERVICES = {
    "carts": "scaling\n    value: +1",
    "flags": "featuretoggle\n    value: EnablePromotion:off",
    "hooks": "webhook\n    value: ticket",
    "judged": "webhook\n    value: good\n    wait: 0s",
}
_SLO = """\
spec_version: "1.0"
objectives:
- {sli: by_prometheus, pass: [{criteria: ["<1"]}]}
- {sli: by_dynatrace, pass: [{criteria: ["<1"]}]}
- {sli: by_http, pass: [{criteria: ["<1"]}]}
total_score: {pass: "90%", warning: "50%"}
"""


_SELECTOR = "metricSelector=builtin:service.response.time:splitBy():avg&entitySelector=type(SERVICE)"


def _sli(name: str, query: str) -> str:
    return f'spec_version: "1.0"\nindicators:\n  {name}: "{query}"\n'


class Planted:
    """The site, its servers and what its processes were given."""

    def __init__(self, site: Site, server: GitHttpServer, echoes: dict[str, Echo]) -> None:
        self.site = site
        self.server = server
        self.echoes = echoes
        self.folder = site.folder
        self.secrets = self.folder / "secrets"
        self.spied = self.folder / "spied"
        self.temporary = self.folder / "temporary"
        for each in (self.secrets, self.spied, self.temporary, self.folder / "bin"):
            each.mkdir()
        for kind in KINDS:
            (self.secrets / kind).write_text(secret(kind))
        self.keys = {"app key": new_key(), "ssh key": make_key(self.secrets, "ssh").private.read_text(),
                     "signing key": make_key(self.secrets, "signing").private.read_text()}  # fmt: skip
        (self.secrets / "app.pem").write_text(self.keys["app key"])
        for kind, url in (("slack", f"{echoes['slack'].url}/services/T00/{secret('slack')}"),):
            (self.secrets / kind).write_text(url)
        (self.secrets / "known").write_text("")
        (self.secrets / "kubeconfig").write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": echoes["kubernetes"].url}}],
            "users": [{"name": "c", "user": {"token": secret("kubeconfig")}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        }))  # fmt: skip
        for name in ("git", "ssh", "gpg"):
            self._spy_on(name)
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "RECONCILER_"))},
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "TMPDIR": str(self.temporary),
            "FORGE_TOKEN": secret("forge"), "DYNATRACE_TOKEN": secret("dynatrace"), "HOOK_TOKEN": secret("hook"),
            "BOB": secret("bob"), "APP_KEY": self.keys["app key"], "VALUES": secret("values"),
            "OTLP_HEADERS": f"x-token={secret('tracing')}",
        }  # fmt: skip
        site.push({
            **{f"{name}/remediation.yaml": _playbook(action) for name, action in SERVICES.items()},
            "judged/slo.yaml": _SLO, "judged/prometheus/sli.yaml": _sli("by_prometheus", "up"),
            "judged/dynatrace/sli.yaml": _sli("by_dynatrace", _SELECTOR),
            "judged/http/sli.yaml": _sli("by_http", "orders"), "stage.yaml": "maxProblemAge: 1d\n",
        }, "what is done")  # fmt: skip
        git(site.clone, "push", "-q", "origin", "production:staging")
        git(site.clone, "checkout", "-q", "-b", "other", "origin/main")
        site.write("project.yaml", "name: sockshop\nstages: [production, staging]\n")
        git(site.clone, "commit", "-qam", "a second stage")
        git(site.clone, "push", "-q", "origin", "other:main")
        git(site.clone, "checkout", "-q", "production")
        site.config.write_text(self._configuration())

    def _spy_on(self, name: str) -> None:
        found = subprocess.run(["which", name], capture_output=True, text=True, check=False).stdout.strip()
        file = self.folder / "bin" / name
        file.write_text(_SPY.format(folder=self.spied, name=name, real=found or "false"))
        file.chmod(0o755)

    def _configuration(self) -> str:
        at = {name: echo.url for name, echo in self.echoes.items()}

        return f"""\
stateDir: state
server: {{listen: "127.0.0.1:0", status: "127.0.0.1:0"}}
webhooks:
  alertmanager: {{auth: {{kind: bearer, tokenFile: secrets/bearer}}}}
  problem: {{auth: {{kind: basic, username: sender, passwordFile: secrets/basic}}}}
  git: {{kind: hmac, secretFile: secrets/hmac}}
bridge:
  listen: 127.0.0.1:0
  actions: true
  auth:
    kind: basic
    people:
    - {{username: ada, name: Ada, email: ada@example.org, passwordFile: secrets/ada}}
    - {{username: bob, name: Bob, email: bob@example.org, passwordEnv: BOB}}
tracing: {{endpoint: "{at["tracing"]}/v1/traces", headersEnv: OTLP_HEADERS}}
projects:
  sockshop:
    repository: {{url: "{self.server.url}/remote.git", username: bot, tokenFile: secrets/git}}
    poll: 200ms
    signing: {{sshKeyFile: secrets/signing}}
    forge: {{kind: github, api: "{at["forge"]}", repository: shop/configuration, tokenEnv: FORGE_TOKEN, poll: 100ms}}
    notifications:
    - {{name: hook, kind: webhook, url: "{at["hook"]}/in/{secret("hookurl")}", tokenEnv: HOOK_TOKEN,
       events: [opened, decided, applied, evaluated, held, failed, escalated]}}
    - {{name: chat, kind: slack, urlFile: secrets/slack, events: [opened, decided, held, failed, escalated]}}
    - {{name: comments, kind: dynatrace, url: "{at["comments"]}", tokenFile: secrets/comments}}
    stages:
      production:
        kubernetes: {{server: "{at["kubernetes"]}", tokenFile: secrets/kubernetes}}
        flags: {{kind: unleash, url: "{at["unleash"]}", tokenFile: secrets/unleash}}
        evidence:
          prometheus: {{url: "{at["prometheus"]}", username: me, passwordFile: secrets/prometheus}}
          dynatrace: {{url: "{at["dynatrace"]}", tokenEnv: DYNATRACE_TOKEN}}
          http:
            orders: {{url: "{at["values"]}/orders?of={{service}}", jsonPath: a, tokenHeader: X-Token, tokenEnv: VALUES}}
        allow:
          endpoints:
            ticket: {{url: "{at["endpoint"]}/{secret("endpointurl")}", tokenFile: secrets/endpoint}}
            good: {{url: '{at[GOOD]}', tokenFile: secrets/endpoint}}
      staging:
        kubernetes: {{kubeconfig: secrets/kubeconfig}}
  ssh:
    repository: {{url: "ssh://git@127.0.0.1:1/shop.git", sshKeyFile: secrets/ssh, knownHostsFile: secrets/known}}
  app:
    repository:
      url: "{self.server.url}/app.git"
      githubApp: {{id: 7, privateKeyEnv: APP_KEY, api: "{at["app"]}", repository: shop/app}}
"""

    def command(self, *words: str) -> tuple[int, bytes]:
        """Run a command as a person does on the daemon's machine; returns its status and all that it said."""
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", *words], env=self.environment, capture_output=True, timeout=120,
            cwd=self.folder, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr


def _playbook(action: str) -> str:
    return f"remediations:\n- name: default\n  actions:\n  - action: {action}\n"


class Daemon:
    """A daemon process, and everything that it says."""

    def __init__(self, planted: Planted, form: str) -> None:
        words = [sys.executable, "-m", "reconciler", "run", "-c", str(planted.site.config)]
        self.process = subprocess.Popen(
            [*words, "--log-format", form, "--log-level", "debug"], env=planted.environment, cwd=planted.folder,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.lock = threading.Lock()
        self.said: list[bytes] = []
        self.seen: dict[str, bytes] = {}
        self._done = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._read, self._look)]
        for each in self._threads:
            each.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in iter(self.process.stdout.readline, b""):
            with self.lock:
                self.said.append(line)

    def _look(self) -> None:
        """Look at the command lines of everything that it starts."""
        while not self._done.wait(0.02):
            for child in _below(self.process.pid):
                try:
                    line = Path(f"/proc/{child}/cmdline").read_bytes()
                except OSError:
                    continue
                with self.lock:
                    self.seen[f"{child} {line[:40]!r}"] = line

    def lines(self, **fields: str) -> list[dict[str, Any]]:
        with self.lock:
            found = [json.loads(line) for line in self.said if line.startswith(b"{")]
        return [line for line in found if all(line.get(key) == value for key, value in fields.items())]

    def address(self, server: str) -> str:
        eventually(lambda: self.lines(event="listening", server=server), f"{server} listens")
        return f"http://{self.lines(event='listening', server=server)[-1]['address']}"

    def output(self) -> bytes:
        with self.lock:
            return b"".join(self.said)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(10)
            self._done.set()
            for each in self._threads:
                each.join(10)
            assert self.process.stdout is not None
            self.process.stdout.close()


def _below(pid: int) -> list[int]:
    """Return all processes below one; they come and go meanwhile."""
    found, level = [], [pid]
    while level:
        children = []
        for each in level:
            try:
                for task in list(Path(f"/proc/{each}/task").iterdir()):
                    children += [int(child) for child in (task / "children").read_text().split()]
            except OSError:
                continue
        found += children
        level = children
    return found


@contextmanager
def planted(site: Site) -> Iterator[Planted]:
    with ExitStack() as stack:
        echoes = {name: stack.enter_context(echoing()) for name in ECHOING}
        echoes[GOOD] = stack.enter_context(echoing(good=True))
        server = stack.enter_context(GitHttpServer(site.folder, {"bot": secret("git")}))
        yield Planted(site, server, echoes)


@contextmanager
def running(planted: Planted, form: str = "json") -> Iterator[Daemon]:
    daemon = Daemon(planted, form)
    try:
        yield daemon
    finally:
        daemon.stop()
