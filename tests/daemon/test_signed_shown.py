"""What is not in force for want of signatures is said wherever people look: the pages, `status`, the metrics."""

from __future__ import annotations

import json

import pytest

from reconciler.cli.main import run
from tests.daemon.signing_site import TWO, Signed, sign_all
from tests.daemon.site import Site, eventually
from tests.daemon.test_bridge import running

PLAYBOOK = "carts/remediation.yaml"


@pytest.fixture
def signed(site: Site) -> Signed:
    return sign_all(site)


def test_the_pages_say_what_is_in_force_and_show_it(site: Site, signed: Signed) -> None:
    bad = signed.push({PLAYBOOK: TWO})
    site.problem("p1", "Response time degradation")
    with running(site) as client:
        said = f"{bad[:12]} by A Person: it is not signed"
        eventually(lambda: said in client.get("/sockshop/production").text, "the stage's page says it")
        page = client.get("/sockshop/production/service/carts").text
        assert said in page
        assert "Newer files of people are not in force." in page
        eventually(lambda: site.replicas() == 2, "what is in force was done")
        assert "scaling +1" in client.get("/sockshop/production/service/carts").text
        signed.push({PLAYBOOK: TWO + "# looked at\n"}, by=signed.theirs)
        eventually(lambda: "not in force" not in client.get("/sockshop/production").text, "it has been signed for")
        eventually(lambda: "scaling +2" in client.get("/sockshop/production/service/carts").text, "and is shown")


def test_status_says_it_from_git_alone(site: Site, signed: Signed, capsys: pytest.CaptureFixture[str]) -> None:
    bad = signed.push({PLAYBOOK: TWO})
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
    capsys.readouterr()
    assert run(["status", "--repo", str(site.clone), "-o", "json"]) == 0
    (stage,) = json.loads(capsys.readouterr().out)["stages"]
    assert "a newer commit was not signed by anybody who may" in stage["unsigned"]
    assert f"{bad[:12]} by A Person: it is not signed" in stage["unsigned"]
    assert run(["status", "--repo", str(site.clone)]) == 0
    assert "people's files of" in capsys.readouterr().out


def test_a_gauge_tells_of_it_and_goes_back(site: Site, signed: Signed) -> None:
    with site.loop() as loop:
        loop.tick()
        signed.push({PLAYBOOK: TWO})
        loop.tick()
        assert "production/unsigned" in loop.conditions
        stands = loop._around.metrics
        stands.stands(loop.conditions)
        gauge = stands._metrics.registry
        of = {"project": "sockshop", "stage": "production", "condition": "unsigned"}
        assert gauge.get_sample_value("reconciler_conditions", of) == 1
        signed.push({PLAYBOOK: TWO + "# looked at\n"}, by=signed.theirs)
        loop.tick()
        stands.stands(loop.conditions)
        assert gauge.get_sample_value("reconciler_conditions", of) == 0
