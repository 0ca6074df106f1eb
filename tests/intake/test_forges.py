"""Which forge tells of a push: known by its signature only."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from reconciler.intake.forges import changed_ref, verified
from reconciler.intake.signatures import signature, signed

SECRET = b"a long secret"
PUSH = b'{"ref": "refs/heads/production", "repository": {"full_name": "team/shop"}}'
RIGHT = hmac.new(SECRET, PUSH, hashlib.sha256).hexdigest()


def standard(secret: bytes, body: bytes = PUSH, name: str = "msg_1", time: str = "1795255200") -> dict[str, str]:
    digest = hmac.new(secret, f"{name}.{time}.".encode() + body, hashlib.sha256).digest()
    words = f"v1,bm90IHRoaXM= v1,{base64.b64encode(digest).decode()}"
    return {"Webhook-Id": name, "webhook-timestamp": time, "webhook-signature": words, "X-Gitlab-Event": "Push Hook"}


@pytest.mark.parametrize(
    ("headers", "forge"),
    [
        ({"X-Hub-Signature-256": f"sha256={RIGHT}", "X-GitHub-Event": "push"}, "github"),
        ({"X-Gitea-Signature": RIGHT, "X-Hub-Signature-256": f"sha256={RIGHT}", "X-Gitea-Event": "push"}, "gitea"),
        ({"X-Forgejo-Signature": RIGHT, "X-Gitea-Signature": RIGHT, "X-Hub-Signature-256": RIGHT}, "forgejo"),
        ({"x-gitlab-token": SECRET.decode(), "X-Gitlab-Event": "Push Hook"}, "gitlab"),
        (standard(SECRET), "gitlab"),
        ({}, None),
        ({"X-GitHub-Event": "push"}, None),
        ({"X-Hub-Signature": f"sha1={hmac.new(SECRET, PUSH, 'sha1').hexdigest()}"}, None),
        ({"X-Hub-Signature-256": f"sha256={RIGHT[:-1]}"}, None),
        ({"X-Hub-Signature-256": ""}, None),
        ({"X-Gitlab-Token": "another"}, None),
        ({"X-Gitlab-Token": "ä"}, None),
        (standard(b"another"), None),
        ({**standard(SECRET), "webhook-timestamp": "1795255201"}, None),
    ],
)
def test_a_forge_is_who_signs_with_the_secret(headers: dict[str, str], forge: str | None) -> None:
    assert verified(headers, PUSH, SECRET) == forge
    assert verified(headers, PUSH, b"") is None


def test_nobody_signs_with_an_empty_secret() -> None:
    for headers in (standard(b""), {"X-Gitlab-Token": ""}, {"X-Hub-Signature-256": signature(PUSH, b"")}):
        assert verified(headers, PUSH, b"") is None


def test_a_signature_is_of_this_body() -> None:
    headers = {"X-Hub-Signature-256": f"sha256={RIGHT}"}
    assert verified(headers, PUSH + b" ", SECRET) is None


def test_gitlabs_signing_token_is_the_key_in_base64() -> None:
    key = b"0123456789abcdef0123456789abcdef"
    token = b"whsec_" + base64.b64encode(key)
    assert verified(standard(key), PUSH, token) == "gitlab"
    assert verified(standard(b"whsec_%"), PUSH, b"whsec_%") == "gitlab"


@pytest.mark.parametrize(
    ("body", "ref"),
    [
        (PUSH, "refs/heads/production"),
        (b'{"ref": "refs/heads/ops/production"}', "refs/heads/ops/production"),
        (b'{"zen": "Design for failure.", "hook_id": 1}', ""),
        (b'{"ref": "refs/heads/../x"}', ""),
        (b'{"ref": "refs/heads/-x"}', ""),
        (b'{"ref": "--upload-pack=x"}', ""),
        (b'{"ref": ["refs/heads/x"]}', ""),
        (b"payload=%7B%7D", ""),
    ],
)
def test_the_changed_ref_is_a_hint_or_nothing(body: bytes, ref: str) -> None:
    assert changed_ref(body) == ref


def test_a_signature_may_have_its_algorithm_before_it() -> None:
    assert signature(PUSH, SECRET) == RIGHT
    for given in (RIGHT, f"sha256={RIGHT}", f" SHA256={RIGHT.upper()} "):
        assert signed(PUSH, SECRET, given)
    for given in ("", "sha256=", f"sha1={RIGHT}", RIGHT + "0", "ä" * 64):
        assert not signed(PUSH, SECRET, given)
    assert not signed(PUSH, b"", signature(PUSH, b""))
