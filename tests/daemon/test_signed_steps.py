"""The daemon signs what it commits: steps and reports; without its key it commits nothing and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.daemon.service import check_connections, read_config
from reconciler.model.errors import BlindError, ConfigError
from tests.daemon.agreement import check_agreement
from tests.daemon.reporting import handed_in, report
from tests.daemon.site import Site, git
from tests.repo.signing_keys import OURS, Key, allow, make_key, verify


@pytest.fixture
def key(site: Site) -> Key:
    """The site's daemon signs with this key."""
    made = make_key(site.folder, "signing")
    sign_with(site, made.private.name)
    return made


def sign_with(site: Site, name: str) -> None:
    text = site.config.read_text()
    line = "    repository: {url: remote.git}\n"
    assert line in text
    site.config.write_text(text.replace(line, f"{line}    signing: {{sshKeyFile: {name}}}\n"))


def ours(site: Site) -> list[str]:
    return git(site.remote, "log", "--committer=reconciler", "--format=%H", "production").splitlines()


def signed(site: Site, allowed: Path) -> list[bool]:
    return [verify(site.remote, commit, allowed) for commit in ours(site)]


def test_every_step_and_report_is_signed_and_replays(site: Site, key: Key) -> None:
    allowed = allow(site.folder / "allowed", (OURS, key))
    with site.loop() as loop:
        handed_in(loop, [report()])
        loop.tick()
        site.later()
        loop.tick()
    assert "decided" in site.events()
    assert len(signed(site, allowed)) > 3
    assert all(signed(site, allowed))
    assert check_agreement(site) == len(site.events())


def test_the_trees_are_those_of_a_daemon_that_does_not_sign(site: Site, key: Key) -> None:
    site.problem("p1", "Response time degradation")
    unsigned = site.config.read_text().replace("    signing: {sshKeyFile: signing}\n", "")
    with site.loop() as loop:
        loop.tick()
    site.config.write_text(unsigned)
    site.later()
    with site.loop() as loop:
        loop.tick()
    allowed = allow(site.folder / "allowed", (OURS, key))
    found = signed(site, allowed)
    assert True in found
    assert False in found
    assert check_agreement(site) == len(site.events())


def test_without_the_key_nothing_is_committed_and_the_condition_says_so(site: Site, key: Key) -> None:
    elsewhere = key.private.rename(site.folder / "elsewhere")
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        assert "signing cannot be read" in loop.conditions["production"]
        [(receipt,)] = handed_in(loop, [report()])
        assert receipt.outcome == "unavailable"
        assert ours(site) == []
        assert site.replicas() == 1
        elsewhere.rename(key.private)
        loop.unblock()
        loop.tick()
        assert dict(loop.conditions) == {}
    assert all(signed(site, allow(site.folder / "allowed", (OURS, key))))
    assert site.replicas() == 2


def test_a_key_that_is_encrypted_holds_the_stage_with_what_to_do(site: Site) -> None:
    make_key(site.folder, "secret", "-t", "ed25519", "-N", "a passphrase")
    sign_with(site, "secret")
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        assert "is encrypted" in loop.conditions["production"]
        assert "ssh-keygen -p" in loop.conditions["production"]
    assert ours(site) == []


def test_a_configuration_with_a_key_that_cannot_sign_is_not_taken_up(site: Site, key: Key) -> None:
    check_connections(read_config(site.config), site.clock)
    make_key(site.folder, "secret", "-t", "ed25519", "-N", "a passphrase")
    site.config.write_text(site.config.read_text().replace("sshKeyFile: signing", "sshKeyFile: secret"))
    with pytest.raises(ConfigError, match="is encrypted"):
        check_connections(read_config(site.config), site.clock)
    key.private.with_name("secret").unlink()
    with pytest.raises(BlindError, match="cannot be read"):
        check_connections(read_config(site.config), site.clock)
