"""`make contract-kubernetes`: the contract of clusters against a real one, of which nothing is left as it was not.

The tests run in a process of their own, each in a namespace of its own that carries this run's label. Whatever becomes
of that process, this one deletes what carries the label, waits until it is gone, and says so where it is not.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

import urllib3
from kubernetes import config

from tests.embedded.sandbox import ENDS, MERGE, PATHS, PREFIX, RUN_LABEL, Cluster

ROOT: Final = Path(__file__).parents[2]
SUITES: Final = (
    "tests/embedded/test_contract.py",
    "tests/embedded/test_contract_rollouts.py",
    "tests/embedded/test_contract_apply.py",
    "tests/embedded/test_contract_watches.py",
    "tests/targets/kubernetes/test_contract.py",
)
_LIST: Any = config.list_kube_config_contexts  # neither has types
_LOAD: Any = config.new_client_from_config
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ENDS_WITHIN: Final = 30.0
_GONE_WITHIN: Final = 180.0
_REFUSED: Final = 2


class Refused(Exception):  # noqa: N818  it is what we do, not what went wrong
    """What was asked for is not clear enough to touch a cluster."""


@dataclass(frozen=True)
class Chosen:
    """Which cluster: a kubeconfig file and one of its contexts."""

    kubeconfig: Path
    context: str
    server: str

    def __str__(self) -> str:
        """Say it to a person."""
        return f"context {self.context} of {self.kubeconfig}: {self.server}"


def chosen(named: str, context: str) -> Chosen:
    """Return the one cluster that was asked for, and never one that merely happens to be the current one.

    Raises:
        Refused: no file, no such context, or several and none was named.
    """
    if not named:
        raise Refused("KUBECONFIG names no file; name the cluster: KUBECONFIG=FILE make contract-kubernetes")
    if os.pathsep in named or not Path(named).is_file():
        raise Refused(f"KUBECONFIG is to name one file: {named}")
    try:
        listed = _LIST(named)
    except (config.ConfigException, ValueError, TypeError, KeyError) as error:
        raise Refused(f"{named} cannot be read: {error}") from error
    names = [each["name"] for each in listed[0]]
    if context and context not in names:
        raise Refused(f"{named} has no context {context}; it has {', '.join(names)}")
    if not context and len(names) != 1:
        raise Refused(f"{named} has {len(names)} contexts; choose: CONTEXT=NAME, one of {', '.join(names)}")
    name = context or names[0]
    loaded = _LOAD(named, context=name, persist_config=False)
    return Chosen(Path(named).resolve(), name, loaded.configuration.host)


class Run:
    """One run against one cluster; ``seconds`` is all that its tests may take."""

    def __init__(self, where: Chosen, seconds: float) -> None:
        self.name = secrets.token_hex(4)
        self._where = where
        self._seconds = seconds
        self._cluster = Cluster(where.kubeconfig, where.context)

    def tests(self, words: Sequence[str]) -> int:
        """Run them and return pytest's exit status; 124 where their time was over, 130 where somebody ended them."""
        environment = {
            **os.environ,
            "RECONCILER_CONTRACT_RUN": self.name,
            "RECONCILER_CONTRACT_KUBECONFIG": str(self._where.kubeconfig),
            "RECONCILER_CONTRACT_CONTEXT": self._where.context,
            "RECONCILER_CONTRACT_ENDS": str(round(time.time() + self._seconds + _ENDS_WITHIN)),
        }
        command = [sys.executable, "-m", "pytest", *SUITES, "-p", "no:cacheprovider", *words]
        # A group of its own: what a terminal sends to all is to end the tests first, and this one not at all.
        with subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True) as child:
            try:
                return child.wait(self._seconds)
            except subprocess.TimeoutExpired:
                _say(f"not done within {self._seconds:g} s; ending it")
                return 124
            except KeyboardInterrupt:
                _say("ending the tests")
                return 130
            finally:
                _deaf()
                _end(child)

    def leftovers(self) -> list[str]:
        """Return the namespaces that are still there."""
        return [each["metadata"]["name"] for each in self._listed(f"{RUN_LABEL}={self.name}")]

    def clean(self) -> bool:
        """Delete what this run has made, wait until it is gone, and return whether it is."""
        left, ends, pause = self.leftovers(), time.monotonic() + _GONE_WITHIN, 0.05
        while left and time.monotonic() < ends:
            for name in left:
                self._let_go(name)
                self._cluster.request("DELETE", f"/api/v1/namespaces/{name}")
            time.sleep(pause)
            pause = min(2 * pause, 2.0)
            left = self.leftovers()
        for name in left:
            _say(f"still there: namespace {name} (kubectl --context {self._where.context} delete namespace {name})")
        return not left

    def sweep(self) -> None:
        """Delete what earlier runs have left whose process was killed, once their time is over."""
        for each in self._listed(RUN_LABEL):
            metadata = each["metadata"]
            ends = metadata.get("annotations", {}).get(ENDS, "")
            if metadata["name"].startswith(PREFIX) and ends.isdigit() and int(ends) < time.time():
                _say(f"deleting what an earlier run has left: namespace {metadata['name']}")
                self._let_go(metadata["name"])
                self._cluster.request("DELETE", f"/api/v1/namespaces/{metadata['name']}")

    def _listed(self, selector: str) -> list[dict[str, Any]]:
        status, answer = self._cluster.request("GET", "/api/v1/namespaces", labelSelector=selector)
        if status != 200:
            raise Refused(f"namespaces cannot be listed: {status} {answer.get('message', answer)}")
        return list(answer["items"])

    def _let_go(self, name: str) -> None:
        """Take the finalizers off what a test has left, which would keep the namespace for ever."""
        for path in PATHS.values():
            status, answer = self._cluster.request("GET", path.format(name))
            for item in answer.get("items", []) if status == 200 else []:
                if item["metadata"].get("finalizers"):
                    patch = {"metadata": {"finalizers": None}}
                    one = f"{path.format(name)}/{item['metadata']['name']}"
                    self._cluster.request("PATCH", one, patch, content=MERGE)

    def close(self) -> None:
        """Let go of the connection."""
        self._cluster.close()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the tests: first so that they can put away what they have, then whatever they do."""
    for number in (signal.SIGINT, signal.SIGKILL):
        if child.poll() is not None:
            return
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            return
        try:
            child.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            continue


def _listening() -> None:
    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    for each in _SIGNALS:
        signal.signal(each, stop)


def _deaf() -> None:
    """Whoever asks twice waits all the same: what was made is still there."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)


def main(words: list[str]) -> int:
    """Run the contract; returns the exit status: pytest's, 1 where something is left, 2 where nothing was done."""
    parser = argparse.ArgumentParser(
        prog="make contract-kubernetes", description="Hold a real cluster to the contract."
    )
    parser.add_argument("--context", default=os.environ.get("CONTEXT", ""), help="which of the kubeconfig's contexts")
    parser.add_argument("--seconds", type=float, default=2700.0, help="all that the tests may take (default 2700)")
    options, rest = parser.parse_known_args(words)
    _listening()
    try:
        where = chosen(os.environ.get("KUBECONFIG", ""), options.context)
        _say(str(where))
        run = Run(where, options.seconds)
        run.sweep()
    except (Refused, urllib3.exceptions.HTTPError, json.JSONDecodeError) as error:
        _say(f"refused: {error}")
        return _REFUSED
    try:
        status = run.tests(rest)
    finally:
        _deaf()
        clean = run.clean()
        run.close()
    _say("nothing is left of it" if clean else "something is left of it")
    return status if clean else status or 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
