"""Who is let in, what every answer carries, and that nothing is asked in a person's name which they did not ask."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from reconciler.bridge.attempts import Attempts
from reconciler.bridge.people import Account, Door, Person, RefusedError, Tokens, check_origin, loopback_hosts
from reconciler.bridge.petition import Petition, Taken
from reconciler.daemon.bridging import door as configured
from reconciler.daemon.clock import SystemClock
from reconciler.model.bridge_config import BridgeConfig
from reconciler.model.errors import TransientError, UserError
from reconciler.model.names import CommitId
from reconciler.model.webhooks import Listen
from tests.bridge.serving import Browser, Element, clone_source, served
from tests.daemon.site import Site

STAGE = "/sockshop/production"
ADA = Person("Ada", "ada@example.org")
EVE = Person("Eve", "eve@example.org")
LOGIN = {"Authorization": "Basic " + base64.b64encode(b"ada:secret").decode()}


class Desk:
    """Takes petitions in the daemon's stead."""

    def __init__(self) -> None:
        self.taken: list[Petition] = []
        self.trouble: Exception | None = None
        self.kept = False

    def ask(self, petition: Petition) -> Future[Taken]:
        self.taken.append(petition)
        future: Future[Taken] = Future()
        if self.trouble is not None:
            future.set_exception(self.trouble)
        else:
            future.set_result(Taken(CommitId("c" * 40), self.kept))
        return future


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


@pytest.fixture(scope="module")
def guarded(shop: Site, tip: str, desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The shop's pages for Ada and Eve, who may act."""
    door = Door("basic", (Account("ada", ADA, lambda: "secret"), Account("eve", EVE, lambda: "other\n")))
    source = clone_source(shop.remote, tmp_path_factory.mktemp("guarded"))
    with served(source, now=shop.clock.wall, door=door, ask=desk.ask) as found:
        found.follow(tip)
        yield found


@pytest.fixture(autouse=True)
def _nothing_yet(desk: Desk) -> None:
    desk.taken.clear()
    desk.trouble, desk.kept = None, False


def origin(browser: Browser) -> dict[str, str]:
    return {**LOGIN, "Origin": str(browser.client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}


def form(page: Element, verb: str) -> dict[str, str]:
    forms = [
        {one.attributes["name"]: one.attributes.get("value", "") for one in each.all("input")}
        for each in page.all("form", method="post")
    ]
    return next(fields for fields in forms if fields["verb"] == verb)


def held(browser: Browser) -> dict[str, str]:
    return form(browser.get(f"{STAGE}/remediation/shop/orders/full", headers=LOGIN), "approve")


@pytest.mark.parametrize("path", [STAGE, "/-/static/bridge.js", "/nobody", "/sockshop/-/history", "/favicon.ico"])
def test_every_answer_says_what_a_browser_may_do_with_it(browser: Browser, path: str) -> None:
    headers = browser.client.get(path).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"


def test_pages_have_neither_styles_nor_scripts_of_their_own(browser: Browser) -> None:
    for path in (STAGE, f"{STAGE}/service/carts", f"{STAGE}/remediation/carts/p1", f"{STAGE}?at=3"):
        page = browser.get(path)
        every = _all(page)
        assert not page.all("style")
        assert all("src" in each.attributes and not each.text for each in page.all("script"))
        assert not [each for each in every if "style" in each.attributes]
        assert not [each for each in every if any(name.startswith("on") for name in each.attributes)]


def _all(element: Element) -> list[Element]:
    return [element, *(one for each in element.children if isinstance(each, Element) for one in _all(each))]


def test_a_read_only_bridge_offers_nothing_and_takes_nothing(browser: Browser) -> None:
    assert not browser.get(f"{STAGE}/remediation/shop/orders/full").all("form", method="post")
    answer = browser.client.post(f"{STAGE}/command", data={"verb": "retry"})
    assert answer.status_code == 403
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert browser.client.request(method, STAGE).status_code == 405


def test_who_asks_while_the_remote_is_away_is_told_that_it_is_kept_here_only(guarded: Browser, desk: Desk) -> None:
    desk.kept = True
    answer = guarded.client.post(f"{STAGE}/command", data=held(guarded), headers=origin(guarded))
    assert answer.status_code == 202
    assert "is kept here only, not on the remote yet" in answer.text
    assert f'href="{STAGE}/remediation/shop/orders/full"' in answer.text


def test_what_fits_is_offered_and_arrives_in_the_persons_name(guarded: Browser, desk: Desk) -> None:
    fields = held(guarded) | {"reason": " busy\n day "}
    answer = guarded.client.post(f"{STAGE}/command", data=fields, headers=origin(guarded))
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{STAGE}/remediation/shop/orders/full"
    (petition,) = desk.taken
    assert petition.person == ADA
    assert (petition.stage, petition.service) == ("production", "shop/orders")
    assert (petition.command.verb, petition.command.remediation) == ("approve", "full")
    assert petition.command.effect
    assert petition.command.reason == "busy day"
    verbs = {
        each.attributes["value"]
        for each in guarded.get(f"{STAGE}/remediation/carts/p2", headers=LOGIN).all("input", name="verb")
    }
    assert verbs == {"undo", "abort"}
    assert not guarded.get(f"{STAGE}/remediation/carts/p2?at=11", headers=LOGIN).all("form", method="post")


@pytest.mark.parametrize(
    ("headers", "changes", "status"),
    [
        ({"Origin": "http://evil.example"}, {}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, {}, 403),
        ({"Sec-Fetch-Site": "same-site"}, {}, 403),
        ({"Origin": "null"}, {}, 403),
        ({"Origin": None, "Sec-Fetch-Site": None}, {}, 403),
        ({}, {"token": ""}, 403),
        ({}, {"token": "1.aa"}, 403),
        ({"Authorization": "Basic " + base64.b64encode(b"eve:other").decode()}, {}, 403),
        ({"Authorization": None}, {}, 401),
        ({"Content-Type": "application/json"}, {}, 415),
        ({}, {"verb": "explode"}, 400),
        ({}, {"step": "-1"}, 400),
        ({}, {"reason": "x" * 20_000}, 413),
    ],
)
def test_what_the_person_did_not_ask_is_not_done(
    guarded: Browser, desk: Desk, headers: dict[str, str | None], changes: dict[str, str], status: int
) -> None:
    sent = {key: value for key, value in {**origin(guarded), **headers}.items() if value is not None}
    answer = guarded.client.post(f"{STAGE}/command", data=held(guarded) | changes, headers=sent)
    assert answer.status_code == status, answer.text
    assert desk.taken == []


@pytest.mark.parametrize(("trouble", "status"), [(TransientError("no", hint="later"), 503), (UserError("wrong"), 400)])
def test_what_could_not_be_pushed_is_told(guarded: Browser, desk: Desk, trouble: Exception, status: int) -> None:
    desk.trouble = trouble
    answer = guarded.client.post(f"{STAGE}/command", data=held(guarded), headers=origin(guarded))
    assert answer.status_code == status
    assert str(getattr(trouble, "message", "")) in answer.text


def test_nobody_is_let_in_without_the_right_password(guarded: Browser) -> None:
    for login in ("ada:wrong", "ada:", "eve:secret", ":secret", "ada"):
        headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
        assert guarded.answer(STAGE, 401, headers=headers).headers["www-authenticate"].startswith("Basic")
    guarded.answer(STAGE, 401, headers={"Authorization": "Basic ???"})
    guarded.answer("/sockshop/-/live", 401)
    for path in (STAGE, "/sockshop/nowhere", "/sockshop/a/b/c/d"):
        page = guarded.get(path, 401)
        assert not page.all("nav"), "a stranger does not learn which stages there are"
        assert "production" not in page.text


def test_a_proxy_on_this_machine_says_who_is_asking() -> None:
    door = Door("proxy", (), "X-Forwarded-User", "X-Forwarded-Email")
    said = {"x-forwarded-user": "ada", "x-forwarded-email": "ada@example.org"}
    assert door.enter(said, "127.0.0.1") == Person("ada", "ada@example.org")
    assert door.enter({"x-forwarded-user": "ada"}, "::1") == Person("ada", "ada@localhost")
    for headers, peer, status in ((said, "192.0.2.1", 403), ({}, "127.0.0.1", 401)):
        with pytest.raises(RefusedError) as refused:
            door.enter(headers, peer)
        assert refused.value.status == status


def test_a_page_for_this_machine_is_asked_for_by_its_names_only() -> None:
    door = Door(hosts=loopback_hosts())
    for host in ("localhost:8090", "127.0.0.1:8090", "[::1]:8090"):
        assert door.enter({"host": host}, "127.0.0.1") is None
    for host in ("rebound.example:8090", "rebound.example", ""):
        with pytest.raises(RefusedError) as refused:
            door.enter({"host": host}, "127.0.0.1")
        assert refused.value.status == 421


def test_a_proxys_page_is_asked_for_by_its_names_only() -> None:
    config = BridgeConfig(Listen("127.0.0.1", 0), kind="proxy", hosts=frozenset({"bridge.example.org"}))
    door = configured(config, SystemClock())
    said = {"x-forwarded-user": "ada"}
    for host in ("bridge.example.org", "BRIDGE.example.org:443", "localhost:8090", "[::1]:8090", "[::1]"):
        assert door.enter({**said, "host": host}, "127.0.0.1") == Person("ada", "ada@localhost")
    for host in ("rebound.example:8090", "bridge.example.org.evil.example", ""):
        with pytest.raises(RefusedError) as refused:
            door.enter({**said, "host": host}, "127.0.0.1")
        assert refused.value.status == 421


def test_with_passwords_any_name_will_do_unless_some_are_given() -> None:
    anywhere, named = (
        configured(BridgeConfig(Listen("0.0.0.0", 0), kind="basic", hosts=hosts), SystemClock())
        for hosts in (frozenset[str](), frozenset({"bridge.example.org"}))
    )
    for door, host, status in (
        (anywhere, "any.example", 401), (named, "bridge.example.org:8443", 401), (named, "any.example", 421),
    ):  # fmt: skip
        with pytest.raises(RefusedError) as refused:
            door.enter({"host": host}, "192.0.2.1")
        assert refused.value.status == status


def test_whoever_guesses_is_told_when_to_come_again(shop: Site, tip: str, tmp_path: Path) -> None:
    door = Door("basic", (Account("ada", ADA, lambda: "secret"),), attempts=Attempts(lambda: 0.0))
    wrong = {"Authorization": "Basic " + base64.b64encode(b"ada:wrong").decode()}
    with served(clone_source(shop.remote, tmp_path), now=shop.clock.wall, door=door) as browser:
        browser.follow(tip)
        for _ in range(10):
            browser.answer(STAGE, 401, headers=wrong)
        answer = browser.answer(STAGE, 429, headers=LOGIN)
        assert answer.headers["retry-after"] == "6"
        assert "www-authenticate" not in answer.headers


def test_a_forms_token_is_good_for_its_person_and_for_a_while() -> None:
    now = [1_795_000_000.0]
    tokens = Tokens(lambda: now[0])
    token = tokens.give(ADA)
    tokens.check(ADA, token)
    issued, _, signature = token.partition(".")
    for person, given in (
        (EVE, token),
        (ADA, f"{int(issued) + 1}.{signature}"),
        (ADA, ""),
        (ADA, f"{issued}."),
        (ADA, f"{issued}.é\ud800"),
    ):
        with pytest.raises(RefusedError):
            tokens.check(person, given)
    with pytest.raises(RefusedError):
        Tokens(lambda: now[0]).check(ADA, token)
    now[0] += 13 * 3600
    with pytest.raises(RefusedError):
        tokens.check(ADA, token)


def test_a_browser_says_where_a_form_comes_from() -> None:
    check_origin({"host": "b.example:1", "origin": "https://b.example:1"})
    check_origin({"host": "b.example", "sec-fetch-site": "same-origin"})
    for headers in (
        {},
        {"host": "b", "origin": "http://c"},
        {"host": "b", "origin": "http://b", "sec-fetch-site": "none"},
    ):
        with pytest.raises(RefusedError):
            check_origin(headers)


def test_a_repository_that_is_gone_is_told_and_not_guessed(tmp_path: Path) -> None:
    with served(clone_source(tmp_path / "nothing", tmp_path)) as browser:
        page = browser.get("/sockshop", 500)
        assert "no directory" in page.one("h1").words
