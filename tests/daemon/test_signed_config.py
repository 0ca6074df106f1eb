"""With `allowedSigners` people's files take effect only once somebody who may has signed for them."""

from __future__ import annotations

import pytest

from tests.daemon.agreement import check_agreement
from tests.daemon.signing_site import PERSON, TWO, Signed, sign_all
from tests.daemon.site import SCALING, Site, git
from tests.repo.signing_keys import OURS, make_key

PLAYBOOK = "carts/remediation.yaml"


@pytest.fixture
def signed(site: Site) -> Signed:
    return sign_all(site)


def decided(site: Site) -> list[str]:
    found = git(site.remote, "log", "--reverse", "--format=%(trailers:key=Action,valueonly,separator=)", "production")
    return [line for line in found.splitlines() if line]


def configs(site: Site) -> set[str]:
    found = git(site.remote, "log", "--format=%(trailers:key=Config,valueonly,separator=)", "production")
    return {line for line in found.splitlines() if line}


def test_an_unsigned_playbook_does_not_take_effect_and_the_last_good_one_stays(site: Site, signed: Signed) -> None:
    good = git(site.remote, "rev-parse", "production")
    bad = signed.push({PLAYBOOK: TWO})
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        told = loop.conditions["production/unsigned"]
        assert f"files of {signed.short(good)} are in force" in told
        assert f"{signed.short(bad)} by A Person: it is not signed" in told
    assert site.replicas() == 2
    assert configs(site) == {good}
    assert check_agreement(site) == len(site.events())


def test_a_signed_playbook_takes_effect(site: Site, signed: Signed) -> None:
    signed.push({PLAYBOOK: TWO}, by=signed.theirs)
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        assert dict(loop.conditions) == {}
    assert site.replicas() == 3
    assert check_agreement(site) == len(site.events())


def test_a_key_that_nobody_allowed_signs_for_nothing(site: Site, signed: Signed) -> None:
    signed.push({PLAYBOOK: TWO}, by=make_key(site.folder, "stranger"))
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        assert "is nobody's who may sign" in loop.conditions["production/unsigned"]
    assert site.replicas() == 2


def test_our_own_key_says_nothing_for_people(site: Site, signed: Signed) -> None:
    signed.push({PLAYBOOK: TWO}, by=signed.ours)
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        assert f"is for {OURS}, not for {PERSON}" in loop.conditions["production/unsigned"]
    assert site.replicas() == 2


def test_once_somebody_signs_for_it_the_waiting_file_takes_effect(site: Site, signed: Signed) -> None:
    signed.push({PLAYBOOK: TWO})
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        assert site.replicas() == 2
        signed.push({PLAYBOOK: TWO + "# looked at\n"}, by=signed.theirs)
        loop.tick()
        assert "production/unsigned" not in loop.conditions
        site.problem("p1", "Response time degradation", "resolved")
        loop.tick()
        site.later()
        loop.tick()
        site.problem("p2", "Response time degradation")
        loop.tick()
        assert site.replicas() == 4
    assert len(configs(site)) > 1
    assert check_agreement(site) == len(site.events())


def test_a_signed_revert_is_the_way_out(site: Site, signed: Signed) -> None:
    signed.push({PLAYBOOK: TWO})
    with site.loop() as loop:
        loop.tick()
        assert "production/unsigned" in loop.conditions
        signed.push({PLAYBOOK: SCALING}, by=signed.theirs)
        loop.tick()
        assert dict(loop.conditions) == {}


def test_a_restart_finds_the_same_in_force_and_goes_on(site: Site, signed: Signed) -> None:
    signed.push({PLAYBOOK: TWO})
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        before = loop.conditions["production/unsigned"]
    site.later()
    with site.loop() as loop:
        loop.tick()
        assert loop.conditions["production/unsigned"] == before
    assert "evaluated" in site.events() or "unverified" in site.events() or len(site.events()) > 2
    assert len(configs(site)) == 1
    assert check_agreement(site) == len(site.events())


def test_what_a_signed_step_was_decided_on_counts_when_the_key_behind_it_is_gone(site: Site, signed: Signed) -> None:
    signed.push({PLAYBOOK: TWO}, by=signed.theirs)
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
    assert site.replicas() == 3
    signed.allow((OURS, signed.ours))
    with site.loop() as loop:
        loop.tick()
        assert dict(loop.conditions) == {}
        signed.push({PLAYBOOK: SCALING}, by=signed.theirs)
        loop.tick()
        assert "is nobody's who may sign" in loop.conditions["production/unsigned"]
    assert check_agreement(site) == len(site.events())


def test_a_key_that_is_allowed_later_makes_what_waits_count_without_a_restart(site: Site, signed: Signed) -> None:
    late = make_key(site.folder, "late")
    signed.push({PLAYBOOK: TWO}, by=late)
    with site.loop() as loop:
        loop.tick()
        assert "production/unsigned" in loop.conditions
        signed.allow(*signed.lines, (PERSON, late))
        loop.tick()
        assert dict(loop.conditions) == {}
        site.problem("p1", "Response time degradation")
        loop.tick()
    assert site.replicas() == 3


def test_an_expired_key_signs_for_nothing_any_more(site: Site, signed: Signed) -> None:
    signed.allow((OURS, signed.ours), (PERSON, signed.theirs, 'valid-before="20200101Z"'))
    signed.push({PLAYBOOK: TWO}, by=signed.theirs)
    with site.loop() as loop:
        loop.tick()
        assert "expired on 2020-01-01" in loop.conditions["production/unsigned"]


def test_a_merge_counts_by_the_signature_of_who_moved_the_branch(site: Site, signed: Signed) -> None:
    git(site.clone, "checkout", "-q", "-b", "work")
    site.write(PLAYBOOK, TWO)
    git(site.clone, "commit", "-qam", "unsigned work")
    git(site.clone, "checkout", "-q", "production")
    git(site.clone, "merge", "-q", "--no-ff", "--no-gpg-sign", "-m", "merged by nobody", "work")
    site.push_head()
    with site.loop() as loop:
        loop.tick()
        assert "production/unsigned" in loop.conditions
    git(site.clone, "checkout", "-q", "work")
    site.write(PLAYBOOK, TWO + "# more\n")
    git(site.clone, "commit", "-qam", "more unsigned work")
    git(site.clone, "checkout", "-q", "production")
    with signed.signing(signed.theirs):
        git(site.clone, "merge", "-q", "--no-ff", "-S", "-m", "merged by a person", "work")
    site.push_head()
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        assert dict(loop.conditions) == {}
    assert site.replicas() == 3
    assert check_agreement(site) == len(site.events())


def test_while_the_file_of_signers_cannot_be_read_nothing_new_counts(site: Site, signed: Signed) -> None:
    signed.push({PLAYBOOK: TWO}, by=signed.theirs)
    with site.loop() as loop:
        loop.tick()
        away = signed.allowed.rename(site.folder / "away")
        bad = signed.push({PLAYBOOK: SCALING}, by=signed.theirs)
        site.problem("p1", "Response time degradation")
        loop.tick()
        assert "cannot be read" in loop.conditions["production/signers"]
        assert signed.short(bad) in loop.conditions["production/unsigned"]
        assert site.replicas() == 3, "what was in force stays in force"
        away.rename(signed.allowed)
        loop.tick()
        assert dict(loop.conditions) == {}
    assert check_agreement(site) == len(site.events())


def test_a_start_without_the_file_of_signers_decides_nothing(site: Site, signed: Signed) -> None:
    signed.allowed.unlink()
    site.problem("p1", "Response time degradation")
    signed.push({PLAYBOOK: TWO})
    with site.loop() as loop:
        loop.tick()
        assert any("cannot be read" in reason for reason in loop.conditions.values())
    assert site.events() == []


def test_the_project_is_judged_too(site: Site, signed: Signed) -> None:
    git(site.clone, "checkout", "-q", "-B", "main", "origin/main")
    site.write("project.yaml", "name: sockshop\nstages: [production, other]\n")
    git(site.clone, "commit", "-qam", "unsigned")
    git(site.clone, "push", "-q", "origin", "main")
    bad = git(site.clone, "rev-parse", "main")
    with site.loop() as loop:
        loop.tick()
        assert signed.short(bad) in loop.conditions["unsigned"]
        assert "other" not in loop.conditions
        site.write("project.yaml", "name: sockshop\nstages: [production] # looked at\n")
        with signed.signing(signed.theirs):
            git(site.clone, "commit", "-qam", "signed")
        git(site.clone, "push", "-q", "origin", "main")
        git(site.clone, "checkout", "-q", "production")
        loop.tick()
        assert dict(loop.conditions) == {}


def test_where_nothing_was_ever_signed_nothing_is_decided(site: Site, signed: Signed) -> None:
    text = site.config.read_text()
    site.config.write_text(text[: text.index(", signedSince")] + "}\n" + text.split("]}\n", 1)[1])
    site.problem("p1", "Response time degradation")
    with site.loop() as loop:
        loop.tick()
        assert "nothing on the default branch is in force" in loop.conditions["project"]
    assert site.events() == []
