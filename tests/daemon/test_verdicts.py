"""Commits are told what became of what they brought: problems by a status each, configuration by what is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.forge_site import TITLE, once_checked
from tests.daemon.site import Site, git, until
from tests.forge.double import MALLORY, REPOSITORY, TOKEN, Double, Fault, serving

PROBLEM = "reconciler/production/carts: p1"
CONFIG = "reconciler/production: configuration"


@pytest.fixture(params=["github", "gitlab"])
def forge(site: Site, request: pytest.FixtureRequest) -> Iterator[Double]:
    with serving(request.param, site.remote) as double:
        (site.folder / "forge.token").write_text(TOKEN)
        site.config.write_text(
            site.config.read_text() + f"    forge: {{kind: {request.param}, api: '{double.api}', "
            f"repository: {REPOSITORY}, tokenFile: forge.token, approvals: false}}\n"
        )
        yield double


def said(forge: Double, context: str) -> list[tuple[str, str, str]]:
    return [(at, each["state"], each["description"]) for at, each in forge.statuses if each["context"] == context]


def test_the_commit_of_a_problem_is_told_what_becomes_of_it(site: Site, forge: Double) -> None:
    site.problem("p1", TITLE)
    brought = git(site.clone, "rev-parse", "HEAD")
    with site.loop() as loop:
        until(loop, lambda: said(forge, PROBLEM), "told")
        site.problem("p1", TITLE, "resolved")
        site.later()  # the effect may have been seen before: then it is waited for
        until(loop, lambda: said(forge, PROBLEM)[-1][1] == "success", "told how it ended")
        loop.tick()
    assert {at for at, _, _ in said(forge, PROBLEM)} == {brought}, "the one that brought it, whoever changed it later"
    assert [state for _, state, _ in said(forge, PROBLEM)][-1] == "success", "tidying up afterwards is no news"


def test_a_problem_that_is_refused_fails_its_commit(site: Site, forge: Double) -> None:
    site.problem("p2", "nothing like it")
    with site.loop() as loop:
        until(loop, lambda: said(forge, PROBLEM.replace("p1", "p2")), "told")
    (last,) = said(forge, PROBLEM.replace("p1", "p2"))
    assert last[1] == ("failed" if forge.kind == "gitlab" else "failure")
    assert last[2] == "carts: nothing to do (nothing like it)"


def test_a_commit_that_breaks_configuration_is_told_where_and_how_to_mend_it(site: Site, forge: Double) -> None:
    broken = site.push({"carts/slo.yaml": "objectives: [\n", "stage.yaml": "mode: automatic\n"}, "a mistake")
    mended = site.push({"carts/slo.yaml": None, "stage.yaml": "mode: automated\n"}, "mended")
    site.push({"README.md": "no configuration\n"})
    with site.loop() as loop:
        once_checked(loop, lambda: any(at == mended for at, _, _ in said(forge, CONFIG)))
    for file in (site.folder / "state" / "forge").rglob("*.json"):
        file.unlink()
    with site.loop() as loop:
        once_checked(loop, lambda: forge.count("POST", f"/statuses/{mended}") > 1)
    told = {at: (state, text) for at, state, text in said(forge, CONFIG)}
    assert told[mended] == ("success", "1 file changed and 1 file deleted, and nothing is wrong")
    assert told[broken][0] in ("failure", "failed")
    assert told[broken][1].startswith("2 errors, the first at carts/slo.yaml:")
    (remark,) = [each["body"] for at, each in forge.remarks if at == broken]
    assert "stage.yaml:1:7" in remark
    assert "shadow" in remark, "what may stand there instead"
    assert [at for at, _ in forge.remarks] == [broken], "edited and not repeated; nobody else is told"
    assert len(told) == 3, "the first commit of the stage, the broken one, the mended one"


def test_a_strangers_comment_with_our_mark_keeps_no_verdict_back(site: Site, forge: Double) -> None:
    broken = site.push({"carts/slo.yaml": "objectives: [\n"}, "a mistake")
    forge.comment(broken, "nice <!-- reconciler: configuration of production -->", MALLORY)
    edit = "PATCH" if forge.kind == "github" else "PUT"
    forge.faults = [Fault(403, {"message": "Forbidden"}, only=edit) for _ in range(50)]
    with site.loop() as loop:
        once_checked(loop, lambda: len(forge.remarks) == 2)
        later = site.push({"carts/slo.yaml": None, "stage.yaml": "mode: automated\n"}, "mended")
        once_checked(loop, lambda: any(at == later for at, _, _ in said(forge, CONFIG)))
    assert forge.remarks[0][1]["body"].startswith("nice")


def test_what_the_forge_does_not_take_now_is_told_later(site: Site, forge: Double) -> None:
    forge.faults = [Fault(503, {"message": "maintenance"}, only="/statuses/")]
    site.problem("p1", TITLE)
    with site.loop() as loop:
        until(loop, lambda: forge.count("POST", "/statuses/") > 0, "tried")
        loop.unblock()
        until(loop, lambda: said(forge, PROBLEM), "told")
