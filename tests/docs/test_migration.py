"""docs/migration.md is done as it stands, on a repository as Keptn leaves it, until its problem is healed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
import structlog

from reconciler.cli.main import cli
from reconciler.daemon.service import opened, read_config
from reconciler.embedded.cluster import EmbeddedCluster
from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.names import ProjectName, StageName
from reconciler.model.project import load_project
from reconciler.model.shipyard import load_shipyard
from tests.daemon.site import Later, deployment, until
from tests.docs.guide import ROOT, Shell, after, blocks, section
from tests.docs.keptn_repository import NEW, OLD, git, with_branches, with_directories
from tests.evidence.speaking import Request, Response, SpeakingServer

GUIDE = (ROOT / "docs" / "migration.md").read_text("utf-8")
STEPS = [line[3:] for line in GUIDE.splitlines() if re.match(r"## \d", line)]
SAMPLES = Path(__file__).parents[3] / "shared" / "conformance" / "keptn" / "samples"
TUTORIAL = {
    "shipyard.yaml": "shipyard/carts-15.yaml",
    "remediation.yaml": "remediation/carts-083-scaling.yaml",
    "slo.yaml": "slo/carts-15-self-healing-prometheus.yaml",
    "sli.yaml": "sli/carts-15-prometheus.yaml",
}


def tutorial() -> Mapping[str, str]:
    """Return the tutorial's own files where they lie beside the repository, else ours of the same form."""
    if not SAMPLES.is_dir():
        return NEW
    return {name: (SAMPLES / path).read_text("utf-8") for name, path in TUTORIAL.items()}


@pytest.fixture
def cluster() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster() as cluster:
        cluster.create(deployment("carts-primary"))
        yield cluster


def prometheus(_: Request) -> Response:
    """Answer any query with 300 ms."""
    vector = [{"metric": {}, "value": [1, "300"]}]
    return Response(body=json.dumps({"status": "success", "data": {"resultType": "vector", "result": vector}}).encode())


def reconciled(shell: Shell, cluster: EmbeddedCluster, upstream: Path, ending: str) -> None:
    """Let the daemon go on with the reader's configuration: ``ending`` ends the problem; the wait goes by."""
    clock = Later()
    cluster.now = lambda: datetime.fromtimestamp(clock.wall(), UTC)
    config = read_config(shell.folder.parent / "reconciler.yaml")
    with opened(config, ProjectName("sockshop"), structlog.get_logger(), clock=clock) as loop:
        until(loop, lambda: "applied" in events(upstream), "the rollout is complete")
        shell.run(ending)
        loop.tick()
        after(
            901,
            loop,
            clock,
            lambda: "remediated" in events(upstream),
            "the objectives are met after the shipyard's wait",
        )


def events(upstream: Path) -> list[str]:
    return git(upstream, "log", "--reverse", "--format=%(trailers:key=Event,valueonly)", "production").split()


@pytest.mark.parametrize("samples", [NEW, tutorial()], ids=["of our own", "the tutorial's"])
def test_the_steps_lead_from_keptns_repository_to_a_healed_problem(
    tmp_path: Path, cluster: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch, samples: Mapping[str, str]
) -> None:
    upstream = with_branches(tmp_path, samples)
    cluster.write_kubeconfig(tmp_path / "kubeconfig")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with SpeakingServer(prometheus) as server:
        kubeconfig = str(tmp_path / "kubeconfig")
        shell = Shell(tmp_path, {"UPSTREAM": str(upstream), "KUBECONFIG": kubeconfig, "PROMETHEUS": server.url})
        said: dict[str, str] = {}
        for step in STEPS:
            for block in blocks(section(GUIDE, step)):
                if "problem resolve" in block:
                    reconciled(shell, cluster, upstream, block)
                    continue
                due = block.strip().splitlines()[-1].startswith("reconciler plan")
                said[step] = said.get(step, "") + shell.run(block, code=1 if due else 0)
    assert not re.search("error|warning", said[STEPS[0]] + said[STEPS[1]])
    assert re.search(r"^\d+ well$", said[STEPS[1]], re.MULTILINE), "doctor finds nothing wrong"
    assert "held: shadow" in said[STEPS[2]]
    assert "carts: scale 1 → 2" in said[STEPS[3]]
    assert not re.search("error|warning", said[STEPS[4]])
    assert cluster.get("Deployment", "sockshop-production", "carts-primary")["spec"]["replicas"] == 2
    assert events(upstream) == ["held", "released", "decided", "applied", "evaluated", "remediated"]


@pytest.mark.parametrize("samples", [OLD, NEW], ids=["shipyard 0.1", "shipyard 0.2"])
def test_stages_in_directories_become_branches(tmp_path: Path, samples: Mapping[str, str]) -> None:
    shell = Shell(tmp_path, {"UPSTREAM": str(with_directories(tmp_path, samples))})
    shell.run('git clone "$UPSTREAM" sockshop && cd sockshop')
    made, deleted = blocks(section(GUIDE, "Stages in directories"))
    assert "all valid" in shell.run(made)
    assert "error" in shell.run("reconciler validate --all-stages", code=1), "as the guide says of the directories"
    assert "all valid" in shell.run(deleted)
    listed = git(tmp_path / "upstream.git", "ls-tree", "-r", "--name-only", "production").splitlines()
    assert "carts/remediation.yaml" in listed
    assert not [path for path in listed if path.startswith(".keptn-stages")]


def test_a_shipyard_of_the_first_generation_is_as_good(tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"UPSTREAM": str(with_branches(tmp_path, OLD))})
    (look,) = blocks(section(GUIDE, STEPS[0]))
    assert not re.search("error|warning|notice", shell.run(look))


def test_what_replaces_the_shipyard_says_what_it_said() -> None:
    (block,) = blocks(section(GUIDE, STEPS[4]))
    written = re.search(r"project\.yaml <<END\n(.*?)^END$", block, re.MULTILINE | re.DOTALL)
    assert written
    ours = load_project(written[1].encode(), "project.yaml")
    keptns = load_shipyard(NEW["shipyard.yaml"].encode(), "shipyard.yaml")
    assert [(each.name, each.mode) for each in ours.stages] == [(each.name, each.mode) for each in keptns.stages]
    assert "wait: 15m\n  window: 15m\n" in written[1]
    assert (keptns.stages[2].triggered_after, keptns.stages[2].timeframe) == (900, 900)


def test_the_configuration_with_all_of_keptns_secrets_can_be_used() -> None:
    (shown,) = [block for block in blocks(section(GUIDE, "What becomes of what"), "yaml") if "projects:" in block]
    config = load_daemon_config(shown.encode(), "reconciler.yaml")
    reach = config.projects[ProjectName("sockshop")].reach(StageName("production"))
    assert reach.flags is not None
    assert (reach.flags.kind, reach.flags.username) == ("unleash-legacy", "keptn")
    assert config.webhooks.cloudevents is not None


@pytest.mark.skipif(shutil.which("jq") is None, reason="the guide's commands need jq")
@pytest.mark.parametrize(
    "credentials",
    [
        {"user": "keptn", "token": "secret", "privateKey": "key\n", "remoteURI": "https://git.example.com"},
        {
            "user": "keptn", "remoteURL": "https://git.example.com",
            "https": {"token": "secret", "insecureSkipTLS": False}, "ssh": {"privateKey": "key\n"},
        },
    ],
    ids=["0.6", "1.0"],
)  # fmt: skip
def test_credentials_of_either_form_are_read(tmp_path: Path, credentials: dict[str, object]) -> None:
    shell = Shell(tmp_path)
    lines = [line[2:] for block in blocks(GUIDE, "console") for line in block.splitlines()]
    ours = [line for line in lines if line.startswith(("jq", "sed"))]
    assert len(ours) == 7
    (tmp_path / "git.json").write_text(json.dumps(credentials), "utf-8")
    (tmp_path / "prometheus.yaml").write_text('user: ada\npassword: "p\'w: 1"\nurl: https://p.example.com\n', "utf-8")
    said = shell.run("\n".join(ours))
    named = {"ssh.privateKey", "privateKey"} & set(said.splitlines())
    assert len(named) == 1, "what there is, is named"
    assert said.splitlines()[-4:] == ["https://git.example.com", "keptn", "ada", "https://p.example.com"]
    assert "insecureSkipTLS" not in said, "what is off is not named"
    assert "secret" not in said
    assert (tmp_path / "git.token").read_text("utf-8").strip() == "secret"
    assert (tmp_path / "git.key").read_text("utf-8").strip() == "key"
    assert (tmp_path / "prometheus.password").read_text("utf-8").strip() == "p'w: 1"
    (tmp_path / "git.json").write_text(json.dumps({"user": "keptn"}), "utf-8")
    shell.run("\n".join(line for line in ours if line.startswith("jq")))
    assert (tmp_path / "git.token").read_text("utf-8") == ""


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="the guide's command needs ssh-keygen")
def test_a_passphrase_is_taken_off_the_key(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    (line,) = [line for block in blocks(GUIDE, "console") for line in block.splitlines() if "ssh-keygen -p" in line]
    shell.run("ssh-keygen -q -t ed25519 -N 'correct horse' -f git.key")
    shell.run("ssh-keygen -y -P '' -f git.key", code=255)
    shell.run(f"{line.removeprefix('$ ').partition(' #')[0]} -P 'correct horse'")
    assert "ssh-ed25519" in shell.run("ssh-keygen -y -P '' -f git.key")


def test_the_commands_that_are_named_as_ours_are_there() -> None:
    table = section(GUIDE, "What becomes of what")
    rows = [line.strip("|").split("|")[-1] for line in table.replace("\\|", " ").splitlines() if line.startswith("| `")]
    named = {verb for row in rows for verb in re.findall(r"`reconciler ([a-z-]+)", row)}
    assert named >= {"init", "add-resource", "send", "monitoring", "evaluate", "approve", "suspend"}
    assert named <= set(cli.list_commands(click.Context(cli)))
