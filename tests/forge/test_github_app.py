"""Tokens of a GitHub App: how they are asked for, how long they are used, and what is said where there are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.forge import github
from reconciler.forge.github_app import AHEAD, AppTokens
from reconciler.forge.protocol import Status
from reconciler.forge.wire import Access, UnknownError, Wire
from reconciler.model.errors import BlindError, ConfigError, ReconcilerError, TransientError
from reconciler.model.github_app_config import GitHubAppConfig
from tests.forge.app_double import APP, HOUR, INSTALLATION, AppDouble, new_key
from tests.forge.double import REPOSITORY, Fault, serving

KEY, OTHER = new_key(), new_key()
NOW = 1_800_000_000.5
COMMIT = "c" * 40


class Setting:
    """A double, an app's tokens, and a clock."""

    def __init__(self, double: AppDouble) -> None:
        self.double = double
        self.now = NOW
        self.key = KEY
        double.now = lambda: self.now
        self.config = GitHubAppConfig(APP, double.api, REPOSITORY)

    def tokens(self, **changed: object) -> AppTokens:
        return AppTokens(replace(self.config, **changed), lambda: self.key, lambda: self.now)  # type: ignore[arg-type]


@pytest.fixture
def at() -> Iterator[Setting]:
    double = AppDouble(KEY, lambda: NOW)
    with serving("github", double=double):
        yield Setting(double)


def test_a_token_is_asked_for_with_a_jwt_dated_a_minute_back_and_good_for_less_than_ten(at: Setting) -> None:
    token = at.tokens()()
    [issued] = at.double.issued
    assert token == issued.token
    assert issued.claims == {"iat": int(NOW) - 60, "exp": int(NOW) + 540, "iss": APP}
    assert at.double.requests == [
        ("GET", f"/repos/{REPOSITORY}/installation"), ("POST", f"/app/installations/{INSTALLATION}/access_tokens")
    ]  # fmt: skip


def test_it_is_good_for_the_one_repository_unless_said_otherwise(at: Setting) -> None:
    at.tokens()()
    at.tokens(only_repository=False)()
    assert [each.body for each in at.double.issued] == [{"repositories": ["configuration"]}, {}]


def test_an_installation_that_is_named_is_not_asked_for(at: Setting) -> None:
    at.tokens(installation=INSTALLATION)()
    assert at.double.count("GET", "/") == 0


def test_a_token_is_kept_until_some_minutes_before_its_end(at: Setting) -> None:
    tokens = at.tokens()
    first = tokens()
    at.now = NOW + HOUR - AHEAD - 2
    assert tokens() == first
    at.now = NOW + HOUR - AHEAD
    second = tokens()
    assert second != first
    assert at.double.live(first), "whoever still uses the first one goes on with it"
    assert at.double.count("GET", "/installation") == 1


def test_a_token_that_was_refused_is_not_used_again(at: Setting) -> None:
    tokens = at.tokens()
    first = tokens()
    assert tokens.renew(first)
    second = tokens()
    assert second != first
    assert tokens.renew(first), "somebody else noticed too"
    assert tokens() == second


def test_a_key_that_was_exchanged_signs_the_next_request(at: Setting) -> None:
    tokens = at.tokens()
    tokens()
    at.double.trust(OTHER)
    at.now += HOUR
    with pytest.raises(BlindError, match="could not be decoded"):
        tokens()
    at.key = OTHER
    assert at.double.live(tokens())


def test_a_key_from_a_variable_may_have_its_line_breaks_written_out(at: Setting) -> None:
    at.key = KEY.strip().replace("\n", "\\n")
    assert at.double.live(at.tokens()())


def test_an_enterprise_server_has_its_api_below_a_path(at: Setting) -> None:
    at.double.prefix = "/api/v3"
    assert at.double.live(at.tokens(api=f"{at.double.api}/api/v3")())
    assert at.double.requests[0][1].startswith("/api/v3/repos/")


@pytest.mark.parametrize(
    ("fault", "kind", "words", "hint"),
    [
        (Fault(401, {"message": "A JSON web token could not be decoded"}), BlindError, "decoded", "of one app"),
        (Fault(403, {"message": "This installation has been suspended"}), BlindError, "suspended", "install it"),
        (Fault(404, {"message": "Not Found"}), BlindError, "Not Found", "install it for shop/configuration"),
        (Fault(422, {"message": "There is at least one repository"}), BlindError, "at least one", "install it"),
        (Fault(503, {"message": "later"}), TransientError, "503", "tried again"),
        (Fault(201, {"message": "no token"}), BlindError, "without a token", "`api`"),
        (Fault(201, {"token": "x", "expires_at": "soon"}), BlindError, "without a token", "`api`"),
        (Fault(201, ["?"]), BlindError, "no object", "`api`"),
        (Fault(201, {"token": "\ud800", "expires_at": "2030-01-01T00:00:00Z"}), BlindError, "without a token", "`api`"),
        (Fault(201, {"token": "a\nb", "expires_at": "2030-01-01T00:00:00Z"}), BlindError, "without a token", "`api`"),
        (Fault(201, {"token": "t" * 5000, "expires_at": "2030-01-01T00:00:00Z"}), BlindError, "without", "`api`"),
        (Fault(201, {"token": "t" * (9 << 20)}), BlindError, "more than 8 MiB", "install it"),
    ],
)
def test_why_there_is_none(at: Setting, fault: Fault, kind: type[ReconcilerError], words: str, hint: str) -> None:
    fault.only = "access_tokens"
    at.double.faults = [fault]
    tokens = at.tokens()
    with pytest.raises(kind, match=words) as caught:
        tokens()
    assert type(caught.value) is kind
    assert hint in caught.value.hint
    assert at.double.live(tokens()), "the next one is asked for anew"


def test_an_installation_that_is_gone_is_looked_for_again(at: Setting) -> None:
    tokens = at.tokens()
    tokens()
    at.now += HOUR
    at.double.installed = False
    with pytest.raises(BlindError, match="Not Found"):
        tokens()
    at.double.installed = True
    tokens()
    assert at.double.count("GET", "/installation") == 2


@pytest.mark.parametrize("text", ["", "no key", KEY[:200], KEY.replace("RSA PRIVATE", "PUBLIC")])
def test_what_is_no_key_is_told_and_not_repeated(at: Setting, text: str) -> None:
    at.key = text
    with pytest.raises(ConfigError, match="no RSA key in PEM") as caught:
        at.tokens()()
    assert not text or text not in str(caught.value)
    assert caught.value.__cause__ is None
    assert at.double.requests == []


def test_no_part_of_a_jwt_is_in_what_the_server_is_quoted_with(at: Setting) -> None:
    shown: list[str] = []

    def echoing(_method: str, _target: str, headers: Mapping[str, str], _body: object) -> tuple[int, Any]:
        shown.append(headers["Authorization"].removeprefix("Bearer "))
        return 401, {"message": f"what is {shown[-1]}?"}

    at.double._right = echoing  # type: ignore[method-assign, assignment]
    with pytest.raises(BlindError, match=r"what is \*\*\*") as caught:
        at.tokens()()
    assert shown[0][:20] not in str(caught.value)


def test_a_call_whose_token_was_revoked_is_made_with_a_new_one(at: Setting) -> None:
    tokens = at.tokens()
    wire = Wire(Access(at.double.api, tokens, github.headers, renew=tokens.renew), lambda: at.now)
    forge = github.GitHub(wire, REPOSITORY)
    forge.say(COMMIT, Status("success", "remediation", "healed"))
    at.double.revoke_all()
    forge.say(COMMIT, Status("success", "remediation", "healed again"))
    assert [body["description"] for _, body in at.double.statuses] == ["healed", "healed again"]
    assert len(at.double.issued) == 2


def test_a_call_that_no_token_helps_is_refused_after_the_second(at: Setting) -> None:
    tokens = at.tokens()
    wire = Wire(Access(at.double.api, tokens, github.headers, renew=tokens.renew), lambda: at.now)
    at.double.faults = [Fault(401, {"message": "Bad credentials"}, only="/pulls") for _ in range(3)]
    with pytest.raises(UnknownError, match="Bad credentials"):
        wire.get(f"/repos/{REPOSITORY}/pulls")
    assert len(at.double.faults) == 1


@given(st.recursive(st.none() | st.text() | st.integers(), lambda each: st.dictionaries(st.text(), each), max_leaves=5))
def test_any_answer_is_a_token_or_none(answer: object) -> None:
    tokens = AppTokens(GitHubAppConfig(APP, "http://127.0.0.1", REPOSITORY), lambda: KEY, lambda: NOW)
    for data in (answer, {"token": "x", "expires_at": answer}, {"token": answer, "expires_at": "2027-01-15T08:00:00Z"}):
        try:
            found = tokens._read(data)
        except BlindError:
            continue
        assert found.value
        assert isinstance(found.until, float)
