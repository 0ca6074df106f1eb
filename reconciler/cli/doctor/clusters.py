"""One API server: is it there, does it know us, may we do what we do, and are the workloads there that files name?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reconciler.cli.doctor import clocks, trust
from reconciler.cli.doctor.contents import Content
from reconciler.cli.doctor.finding import Finding, failed, ok, problem, unknown, warning
from reconciler.cli.doctor.logins import of_cluster, unread
from reconciler.daemon.connections import access_of
from reconciler.daemon.dispatch import Allowed
from reconciler.daemon.leases.record import API
from reconciler.model.connections import KubernetesConnection
from reconciler.model.daemon_config import Reach
from reconciler.model.errors import ReconcilerError
from reconciler.model.targets import ROUTE, NoFact
from reconciler.targets.kubernetes import KubernetesServer
from reconciler.targets.kubernetes.refusals import Call, Refusal, Unreachable, Unusable, as_error
from reconciler.targets.kubernetes.resources import Resolver
from reconciler.targets.kubernetes.rights import KEDA, LEASES, RIGHTS, Right, scalable

if TYPE_CHECKING:
    from reconciler.targets.kubernetes.client import Client

_UNREAD = "credentials: "
"""What the target says of credentials that it cannot make out begins so."""
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_PLAIN = frozenset(kind for right in RIGHTS for kind in right.kinds)


@dataclass(frozen=True)
class Cluster:
    """An API server and what is done by it: ``reaches`` by the stages' names, and what their branches hold.

    ``leases`` is a namespace for Leases, empty for none.
    """

    about: str
    connection: KubernetesConnection
    reaches: Mapping[str, Reach]
    contents: tuple[Content, ...]
    wall: Callable[[], float]
    leases: str = ""
    _dates: list[str] = field(default_factory=list)

    def examine(self) -> Iterator[Finding]:
        """Look at all of it; a server that does not answer ends it."""
        from reconciler.targets.kubernetes.client import Client

        if lacking := of_cluster(self.connection, os.environ):
            yield problem("cluster-reach", self.about, *lacking)
            return
        try:
            access = access_of(self.connection)
        except ReconcilerError as error:
            yield failed("cluster-reach", self.about, error)
            return
        with closing(Client(access, os.environ, time.monotonic, self._dates.append)) as client:
            began = self.wall()
            try:
                version = self._called(client, Call("get", "", "version", "/version"))
            except (Refusal, Unreachable) as failure:
                if isinstance(failure, Unreachable) and failure.message.startswith(_UNREAD):
                    told = failure.message.removeprefix(_UNREAD)
                    yield problem("cluster-reach", self.about, told, unread(self.connection, os.environ))
                    return
                trusted = self._trust(str(failure))
                yield (
                    problem("cluster-reach", self.about, str(failure), trusted)
                    if trusted
                    else failed("cluster-reach", self.about, as_error(failure))
                )
                yield unknown("cluster-rights", self.about, "the API server did not answer", "mend that first")
                return
            ended = self.wall()
            told = str(version.get("gitVersion", "an unknown version"))
            yield ok("cluster-reach", self.about, f"Kubernetes {told}")
            yield from clocks.against(self.about, self._dates[-1] if self._dates else "", began, ended)
            try:
                yield from self._rights(client)
                yield from self._leases(client)
            except (Refusal, Unreachable) as failure:
                broken = as_error(failure)
                yield unknown("cluster-rights", self.about, broken.message, broken.hint or "ask again later")
        yield from self._workloads()

    def _trust(self, said: str) -> str:
        given = self.connection
        found = trust.advice(said, "kubernetes.caFile", given.ca_file)
        if given.server or given.ca_file is not None or not found:
            return found
        return (
            "name the authority of the server's certificate in the kubeconfig: `certificate-authority` of its cluster"
        )

    def _called(self, client: Client, call: Call, body: dict[str, Any] | None = None) -> dict[str, object]:
        return client.call(call, self.connection.deadline, patch=body)

    def _rights(self, client: Client) -> Iterator[Finding]:
        by_namespace: dict[str, set[str]] = {}
        for reach in self.reaches.values():
            for namespace in reach.namespaces:
                by_namespace.setdefault(namespace, set()).update(reach.kinds)
        for namespace, kinds in sorted(by_namespace.items()):
            if not self._there(
                client, Call("get", "", "namespaces", f"/api/v1/namespaces/{namespace}", name=namespace)
            ):
                about = f"{self.about}, namespace {namespace}"
                key = "`allow.namespaces` (or stage.yaml's `namespace`)"
                if namespace in {f"{each.project}-{each.stage}" for each in self.contents}:
                    key += ", or the project's name in reconciler.yaml, of which and the stage's it is made"
                yield _no_namespace("cluster-rights", about, namespace, key)
                continue
            needed = [right for right in RIGHTS if right.needed(kinds)]
            for kind in sorted(kinds - _PLAIN - {ROUTE}):
                try:
                    found = Resolver(time.monotonic).find(kind, lambda call: self._called(client, call))
                    needed += scalable(found.group, found.plural)
                except Unusable as unusable:
                    told = unusable.fact
                    yield problem("cluster-rights", f"{self.about}, {namespace}", told.message, told.hint)
            yield from self._allowed(client, namespace, needed)
            yield from self._keda(client, namespace)

    def _allowed(self, client: Client, namespace: str, needed: Iterable[Right]) -> Iterator[Finding]:
        about = f"{self.about}, namespace {namespace}"
        lacking = list(self._lacking(client, namespace, needed))
        for right, verbs in lacking:
            told = f"may not {', '.join(verbs)} {right.resource}{f'.{right.group}' if right.group else ''}"
            rule = f'{{apiGroups: ["{right.group}"], resources: [{right.resource}], verbs: [{", ".join(right.verbs)}]}}'
            do = f"see that the namespace is there, and add the rule {rule} to its Role there (docs/deploying.md)"
            yield problem("cluster-rights", about, told, do)
        if not lacking:
            yield ok("cluster-rights", about, "may do all that is done there")

    def _lacking(
        self, client: Client, namespace: str, needed: Iterable[Right]
    ) -> Iterator[tuple[Right, tuple[str, ...]]]:  # fmt: skip
        for right in needed:
            verbs = tuple(verb for verb in right.verbs if not self._may(client, namespace, right, verb))
            if verbs:
                yield right, verbs

    def _may(self, client: Client, namespace: str, right: Right, verb: str) -> bool:
        resource, _, below = right.resource.partition("/")
        asked = {
            "namespace": namespace, "group": right.group, "resource": resource, "subresource": below, "verb": verb
        }  # fmt: skip
        body: dict[str, Any] = {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }  # fmt: skip
        call = Call("create", "authorization.k8s.io", "selfsubjectaccessreviews", _REVIEWS)
        status = self._called(client, call, body).get("status")
        return isinstance(status, dict) and status.get("allowed") is True

    def _there(
        self, client: Client, call: Call, body: dict[str, Any] | None = None, query: tuple[tuple[str, str], ...] = ()
    ) -> bool:
        """Whether a call finds its namespace. Another refusal, as of who may not ask, says nothing against it."""
        try:
            client.call(call, self.connection.deadline, query=query, patch=body)
        except Refusal as refusal:
            return refusal.status != 404
        return True

    def _keda(self, client: Client, namespace: str) -> Iterator[Finding]:
        """Tell where KEDA runs and we may not see its objects: we would scale beside it."""
        try:
            self._called(client, Call("get", KEDA.group, "API group", f"/apis/{KEDA.group}"))
        except Refusal:
            return
        if any(self._lacking(client, namespace, [KEDA])):
            told = "KEDA is installed, and its objects may not be seen or changed"
            do = "set `keda: true` for that target in the chart's values, or grant get, list, patch on scaledobjects"
            yield warning("cluster-rights", f"{self.about}, namespace {namespace}", told, do)

    def _leases(self, client: Client) -> Iterator[Finding]:
        if not self.leases:
            return
        about = f"{self.about}, namespace {self.leases}"
        for _, verbs in self._lacking(client, self.leases, [LEASES]):
            told = f"may not {', '.join(verbs)} Leases"
            do = (
                "see that the namespace is there, and grant list, create and update on leases.coordination.k8s.io in it"
            )
            yield problem("leases", about, told, do)
            return
        # Who may see no namespaces learns of a missing one from a creation that is not carried out.
        lease = {"apiVersion": API, "kind": "Lease", "metadata": {"name": "reconciler-doctor"}, "spec": {}}
        path = f"/apis/{LEASES.group}/v1/namespaces/{self.leases}/leases"
        call = Call("create", LEASES.group, LEASES.resource, path, self.leases, "reconciler-doctor")
        if not self._there(client, call, lease, (("dryRun", "All"),)):
            yield _no_namespace("leases", about, self.leases, "`leases.namespace`")
            return
        yield ok("leases", about, "may list, create and update Leases")

    def _workloads(self) -> Iterator[Finding]:
        server = KubernetesServer(access_of(self.connection), deadline=self.connection.deadline)
        with closing(server):
            for content in self.contents:
                about = f"{content.project}/{content.stage}"
                reach = self.reaches[about]
                allowed = Allowed(reach.namespaces, reach.kinds, reach.flag_projects, reach.flag_environments)
                missing = 0
                for want in content.workloads:
                    fact = allowed.verdict(want) or server.observe(want)
                    if not isinstance(fact, NoFact):
                        continue
                    missing += 1
                    near = f"did you mean {' or '.join(f'`{each}`' for each in fact.near)}? " if fact.near else ""
                    what = f"{want.kind} {' or '.join(want.names)} in {want.namespace}: {fact.message}"
                    do = (near + fact.hint).strip() or "create it, or correct service.yaml"
                    gone = fact.trouble in ("missing", "invalid", "forbidden")
                    yield (problem if gone else unknown)("cluster-workloads", about, what, do)
                if content.workloads and not missing:
                    yield ok("cluster-workloads", about, f"{len(content.workloads)} that files name are there")


def _no_namespace(check: str, about: str, namespace: str, key: str) -> Finding:
    do = f"create it (`kubectl create namespace {namespace}`), or correct {key}"
    return problem(check, about, f"there is no namespace `{namespace}`", do)
