"""What the day it is needed would tell: flags that are not there or not allowed, and nobody who is called."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.doctor.allowed import allowed
from reconciler.cli.doctor.contents import Content
from reconciler.cli.doctor.flags_there import flags_there
from reconciler.cli.doctor.told import told
from reconciler.embedded.unleash import ADMIN_TOKEN, UnleashDouble
from reconciler.model.connections import FlagsConnection
from reconciler.model.daemon_config import ProjectConnections, Reach, RepositoryConfig
from reconciler.model.names import ProjectName, StageName
from reconciler.model.notifications import Notification
from reconciler.model.policy import Mode, StageConfig
from reconciler.model.targets import WantFlag
from tests.cli.conftest import Reconciler, Site, git
from tests.cli.doctor.looking import seen, wrong

ABOUT = "shop/production"
SHOP, PRODUCTION = ProjectName("shop"), StageName("production")
PROMO = WantFlag("flags", "default", "production", "EnablePromotion")
CACHE = WantFlag("flags", "default", "production", "EnableItemsCache")


@pytest.fixture
def unleash() -> Iterator[UnleashDouble]:
    with UnleashDouble() as double:
        create(double, "EnablePromotion")
        yield double


def create(double: UnleashDouble, name: str) -> None:
    double.world.create(double.world.accounts[ADMIN_TOKEN], "default", name, "release", None)


def reach(flags: FlagsConnection | None, *environments: str) -> Reach:
    nothing = frozenset[str]()
    return Reach(nothing, nothing, frozenset({"default"}), frozenset(environments), {}, None, flags, None)


def connection(url: str, folder: Path, token: str = ADMIN_TOKEN) -> FlagsConnection:
    (folder / "token").write_text(token, "utf-8")
    return FlagsConnection("unleash", url, token_file=folder / "token", deadline=60.0)


def test_flags_that_playbooks_switch_are_asked_for(unleash: UnleashDouble, tmp_path: Path) -> None:
    there = reach(connection(unleash.url, tmp_path), "production")
    content = Content(SHOP, PRODUCTION, flags=(CACHE, PROMO))
    found = wrong(flags_there(ABOUT, content, there))["flags-there"]
    assert found.verdict == "problem"
    assert found.found.startswith("the flag `EnableItemsCache` in default/production: ")
    content = Content(SHOP, PRODUCTION, flags=(PROMO,))
    assert seen(flags_there(ABOUT, content, there))["flags-there", "ok"].found == "1 that playbooks switch are there"
    assert {exchange.method for exchange in unleash.journal} == {"GET"}


def test_a_name_that_is_nearly_right_is_offered(unleash: UnleashDouble, tmp_path: Path) -> None:
    create(unleash, "EnableItemCache")
    there = reach(connection(unleash.url, tmp_path), "production")
    (found,) = flags_there(ABOUT, Content(SHOP, PRODUCTION, flags=(CACHE,)), there)
    assert "did you mean `EnableItemCache`?" in found.do


def test_a_flag_server_that_does_not_know_us_is_no_missing_flag(unleash: UnleashDouble, tmp_path: Path) -> None:
    there = reach(connection(unleash.url, tmp_path, "nobody's"), "production")
    (found,) = flags_there(ABOUT, Content(SHOP, PRODUCTION, flags=(CACHE, PROMO)), there)
    assert found.verdict != "ok"
    assert "401" in found.found


def test_what_is_not_allowed_or_not_connected_is_told_by_other_checks(tmp_path: Path) -> None:
    content = Content(SHOP, PRODUCTION, flags=(PROMO,))
    assert not list(flags_there(ABOUT, content, reach(connection("http://127.0.0.1:1", tmp_path), "development")))
    assert not list(flags_there(ABOUT, content, reach(None, "production")))


def test_the_flag_environment_that_nobody_wrote_is_the_stage() -> None:
    switches = Content(SHOP, PRODUCTION, needs={"flags": ("carts",)})
    flagd = FlagsConnection("flagd")
    (found,) = allowed(ABOUT, switches, reach(flagd, "development"))
    assert found.found == (
        "without `flags.environment` in stage.yaml it is `production`, and `allow.flagEnvironments` has development"
    )
    assert [each.verdict for each in allowed(ABOUT, switches, reach(flagd, "production"))] == ["ok"]
    silent = Content(SHOP, PRODUCTION)
    assert [each.verdict for each in allowed(ABOUT, silent, reach(flagd, "development"))] == ["ok"], "nobody asks"


def project(*names: str) -> ProjectConnections:
    receivers = tuple(Notification(name, "webhook", "https://hooks.example.com") for name in names)
    return ProjectConnections(SHOP, RepositoryConfig("https://git.example.com/shop.git"), notifications=receivers)


def test_that_nobody_is_called_is_said_where_something_is_done() -> None:
    def stage(mode: Mode) -> Content:
        return Content(SHOP, PRODUCTION, StageConfig(mode=mode))

    (found,) = told(project(), [stage("automated")])
    assert found.verdict == "warning"
    assert found.found.startswith("production ends with a person where nothing helps")
    assert not list(told(project(), [stage("shadow")]))
    assert seen(told(project("on-call", "chat"), []))["told", "ok"].found == "receivers: on-call, chat"


def test_a_stage_that_is_spelt_wrongly_is_one_problem_and_no_others_follow(site: Site, reconciler: Reconciler) -> None:
    text = site.config.read_text("utf-8")
    site.config.write_text(text.replace("production:", "produktion:"), "utf-8")
    result = reconciler("doctor", "-c", site.config, "-o", "json")
    assert result.code == 1
    wrong = [each for each in json.loads(result.out)["findings"] if each["verdict"] == "problem"]
    assert {each["check"] for each in wrong} == {"stages"}
    assert "`produktion`" in wrong[0]["found"]


def test_the_shipyard_says_which_stages_act(site: Site, reconciler: Reconciler) -> None:
    """`automated` without a word about it, and `shadow` where Keptn healed nothing."""

    def warned() -> bool:
        out = reconciler("doctor", "-c", site.config, "-o", "json").out
        return any(each["check"] == "told" and each["verdict"] == "warning" for each in json.loads(out)["findings"])

    assert warned()
    (site.clone / "stage.yaml").write_text("mode: shadow\n", "utf-8")
    git(site.clone, "add", "stage.yaml")
    git(site.clone, "commit", "-qm", "Only watch")
    git(site.clone, "push", "-q", "origin", "production")
    assert not warned()
