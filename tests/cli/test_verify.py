"""`verify` on the history of a real site: all is well, or which commit, what is wrong and what to do."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Reconciler, Site, git
from tests.repo.signing_keys import OURS, Key, allow, make_key

ADA = "ada@example.com"


@pytest.fixture
def keys(site: Site) -> tuple[Key, Key]:
    """Our key and Ada's; the daemon signs with the one, her clone with the other, and both are allowed."""
    folder = site.clone.parent
    ours, ada = make_key(folder, "ours"), make_key(folder, "ada")
    allow(folder / "allowed", (OURS, ours), (ADA, ada))
    text = site.config.read_text()
    url = "    repository: {url: shop.git}\n"
    assert url in text
    since = ", ".join(git(site.remote, "for-each-ref", "--format=%(objectname)", "refs/heads/").split())
    signing = f"{{sshKeyFile: ours, allowedSigners: allowed, signedSince: [{since}]}}"
    site.config.write_text(text.replace(url, f"{url}    signing: {signing}\n"), "utf-8")
    for name, value in (("gpg.format", "ssh"), ("user.signingKey", str(ada.private)), ("commit.gpgSign", "true")):
        git(site.clone, "config", name, value)
    return ours, ada


@pytest.fixture
def healed(reconciler: Reconciler, site: Site, keys: tuple[Key, Key]) -> Site:
    """A problem was reported by a signed commit, and steps came of it."""
    assert reconciler("problem", "open", "--service", "carts", "--title", "Response time degradation").code == 0
    assert reconciler("reconcile", "-c", site.config).code == 0
    git(site.clone, "fetch", "-q")
    return site


def stage(data: dict[str, Any], name: str = "production") -> dict[str, Any]:
    (found,) = (each for each in data["stages"] if each["name"] == name)
    return dict(found)


def test_what_the_daemon_made_is_found_good_by_its_own_configuration(reconciler: Reconciler, healed: Site) -> None:
    result = reconciler("verify", "-c", healed.config, "-o", "json")
    data = json.loads(result.out)
    assert result.code == 0
    assert data["valid"]
    assert data["signatures"]
    production = stage(data)
    assert production["steps"] == production["signed"] == production["last"] > 1
    assert "production: " in result.err
    assert "nothing found" in result.err


def test_without_keys_the_chain_is_checked_and_that_is_said(reconciler: Reconciler, healed: Site) -> None:
    result = reconciler("verify", "--stage", "production")
    assert result.code == 0
    assert result.out == ""
    assert "signatures were not looked at" in result.err
    assert stage(json.loads(reconciler("verify", "-o", "json").out))["steps"] > 1


def test_a_bare_repository_can_be_verified_without_a_clone(reconciler: Reconciler, healed: Site) -> None:
    allowed = healed.config.parent / "allowed"
    assert reconciler("verify", "--repo", healed.remote, "--allowed-signers", allowed).code == 0


def test_g10_steps_that_another_key_signed_are_each_named(reconciler: Reconciler, healed: Site) -> None:
    allowed = allow(healed.config.parent / "others", (OURS, make_key(healed.config.parent, "stranger")))
    result = reconciler("verify", "--stage", "production", "--allowed-signers", allowed, "-o", "json")
    found = stage(json.loads(result.out))
    assert result.code == 1
    assert len(found["findings"]) == found["steps"]
    assert found["signed"] == 0
    assert all("is nobody's who may sign" in each["what"] and each["todo"] for each in found["findings"])
    table = reconciler("verify", "--stage", "production", "--allowed-signers", allowed)
    assert table.out.splitlines()[0].split() == ["STAGE", "COMMIT", "STEP", "WHAT", "DO"]
    assert found["findings"][0]["commit"][:12] in table.out


def test_g10_a_revoked_key_of_ours_is_found(reconciler: Reconciler, healed: Site, keys: tuple[Key, Key]) -> None:
    folder = healed.config.parent
    (folder / "revoked").write_text(f"{keys[0].public}\n")
    result = reconciler("verify", "--allowed-signers", folder / "allowed", "--revoked-keys", folder / "revoked")
    assert result.code == 1
    assert "is revoked" in result.out


def test_g10_people_have_to_sign_what_counts_and_nothing_else(reconciler: Reconciler, healed: Site) -> None:
    clone = healed.clone
    git(clone, "pull", "-q")
    start = git(clone, "rev-parse", "HEAD")

    def told() -> list[str]:
        git(clone, "push", "-q")
        arguments = ("verify", f"{start}..HEAD", "--stage", "production", "-c", healed.config, "-o", "json")
        return [each["what"] for each in stage(json.loads(reconciler(*arguments, "--people").out))["findings"]]

    def change(path: str, *options: str) -> None:
        file = clone / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text((file.read_text() if file.exists() else "") + "# seen\n", "utf-8")
        git(clone, "add", path)
        git(clone, *options, "commit", "-qm", f"Change {path}")

    unsigned = ("-c", "commit.gpgSign=false")
    change("carts/slo.yaml")
    change("README.md", *unsigned)
    change("ops/production/carts/problems/p9.yaml", *unsigned)
    assert told() == []
    change("carts/remediation.yaml", *unsigned)
    assert told() == ["carts/remediation.yaml by Ada <ada@example.com>: it is not signed"]
    change("ops/production/carts/commands/20261121T100000Z-suspend.yaml", *unsigned)
    assert len(told()) == 2
    stranger = make_key(healed.config.parent, "stranger")
    change("stage.yaml", "-c", f"user.signingKey={stranger.private}")
    assert "is nobody's who may sign" in told()[2]


def test_g10_a_merge_is_signed_by_whoever_merges(reconciler: Reconciler, healed: Site) -> None:
    clone = healed.clone
    git(clone, "pull", "-q")
    start = git(clone, "rev-parse", "HEAD")
    git(clone, "switch", "-qc", "proposal")
    (clone / "carts/slo.yaml").write_text("spec_version: '1.0'\n", "utf-8")
    git(clone, "-c", "commit.gpgSign=false", "commit", "-qam", "Not signed")
    git(clone, "switch", "-q", "production")
    git(clone, "merge", "-q", "--no-ff", "-m", "Merge", "proposal")
    arguments = ("verify", f"{start}..HEAD", "--stage", "production", "-c", healed.config, "--people")
    assert reconciler(*arguments).code == 0
    git(clone, "reset", "-q", "--hard", start)
    git(clone, "merge", "-q", "--ff-only", "proposal")
    assert reconciler(*arguments).code == 1


def test_g10_what_an_unsigned_commit_changed_counts_again_when_somebody_signs_for_it(
    reconciler: Reconciler, healed: Site
) -> None:
    clone = healed.clone
    git(clone, "pull", "-q")
    start = git(clone, "rev-parse", "HEAD")
    unsigned = ("-c", "commit.gpgSign=false")

    def commit(path: str, text: str, *options: str) -> dict[str, Any]:
        (clone / path).write_text(text, "utf-8")
        git(clone, "add", path)
        git(clone, *options, "commit", "-qm", f"Change {path}")
        arguments = ("verify", f"{start}..HEAD", "--stage", "production", "-c", healed.config, "--people")
        return stage(json.loads(reconciler(*arguments, "-o", "json").out))

    good = (clone / "carts/slo.yaml").read_text("utf-8")
    held = commit("carts/slo.yaml", "comparison: {}\n", *unsigned)
    assert (held["signedUpTo"], held["unsigned"]) == (start, ["carts/slo.yaml"])
    other = commit("carts/service.yaml", "{}\n")
    assert (other["signedUpTo"], other["unsigned"]) == (start, ["carts/slo.yaml"])
    back = commit("carts/slo.yaml", good, *unsigned)
    assert (back["signedUpTo"], back["unsigned"]) == (git(clone, "rev-parse", "HEAD"), [])
    commit("carts/slo.yaml", "comparison: {}\n", *unsigned)
    seen = commit("carts/slo.yaml", "comparison: {aggregate_function: avg}\n")
    assert (seen["signedUpTo"], seen["unsigned"]) == (git(clone, "rev-parse", "HEAD"), [])
    assert [each["what"] for each in seen["findings"]] == [
        "carts/slo.yaml by Ada <ada@example.com>: it is not signed"
    ] * 2


def test_the_policy_holds_for_every_branch_where_no_range_is_given(reconciler: Reconciler, healed: Site) -> None:
    result = reconciler("verify", "--allowed-signers", healed.config.parent / "allowed", "--people", "-o", "json")
    data = json.loads(result.out)
    assert result.code == 1
    told = {name: [each["what"] for each in stage(data, name)["findings"]] for name in ("project", "production")}
    assert any("project.yaml" in what for what in told["project"])
    assert any("carts/" in what for what in told["production"])


def test_what_people_begin_from_counts_as_the_daemon_counts_it(reconciler: Reconciler, healed: Site) -> None:
    assert reconciler("verify", "-c", healed.config, "--people").code == 0
    git(healed.clone, "fetch", "-q")
    allowed = healed.config.parent / "allowed"
    tips = git(healed.clone, "for-each-ref", "--format=%(objectname)", "refs/remotes/origin/").split()
    since = [word for tip in tips for word in ("--signed-since", tip)]
    assert reconciler("verify", "--allowed-signers", allowed, "--people", *since).code == 0
    missing = reconciler("verify", "--allowed-signers", allowed, "--people", "--signed-since", "f" * 40)
    assert missing.code == 2
    assert "there is no commit" in missing.err


def test_steps_that_nobody_signed_are_good_before_what_people_begin_from(reconciler: Reconciler, healed: Site) -> None:
    allowed = allow(healed.config.parent / "others", (OURS, make_key(healed.config.parent, "stranger")))
    tip = git(healed.remote, "rev-parse", "production")
    words = ("verify", "--stage", "production", "--allowed-signers", allowed)
    assert reconciler(*words).code == 1
    assert reconciler(*words, "--signed-since", tip).code == 0
    assert reconciler(*words, "--signed-since", f"{tip}~1").code == 1


def test_a_range_goes_on_from_the_step_before_it(reconciler: Reconciler, healed: Site) -> None:
    git(healed.clone, "pull", "-q")
    result = reconciler("verify", "HEAD~1..HEAD", "-c", healed.config, "-o", "json")
    found = stage(json.loads(result.out))
    assert result.code == 0
    assert (found["steps"], found["first"]) == (1, found["last"])


def test_a_stage_without_steps_has_none(reconciler: Reconciler, clone: Path) -> None:
    result = reconciler("verify", "--stage", "production")
    assert (result.code, "production: no steps; nothing found" in result.err) == (0, True), result.err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--stage", "nowhere"), "has no branch here"),
        (("HEAD", "--stage", "production"), "is no range"),
        (("nothing..HEAD", "--stage", "production"), "there is no commit"),
        (("--allowed-signers", "missing"), "cannot be read"),
        (("--people",), "needs --allowed-signers"),
        (("--gpg-key", "DEADBEEF"), "no fingerprint"),
        (("--revoked-keys", "missing"), "nothing says who may sign"),
        (("-c", "missing.yaml"), "cannot be read"),
        (("--repo", os.sep), "no Git repository"),
    ],
)
def test_what_cannot_be_found_out_is_2_with_a_hint(
    reconciler: Reconciler, clone: Path, arguments: tuple[str, ...], why: str
) -> None:
    result = reconciler("verify", *arguments)
    assert result.code == 2, result
    assert why in result.err
    assert "hint:" in result.err


def test_a_shallow_clone_is_refused_since_its_past_is_elsewhere(reconciler: Reconciler, healed: Site) -> None:
    shallow = healed.clone.parent / "shallow"
    git(healed.clone.parent, "clone", "-q", "--depth", "1", f"file://{healed.remote}", str(shallow))
    result = reconciler("verify", "--repo", shallow)
    assert result.code == 2
    assert "git fetch --unshallow" in result.err
