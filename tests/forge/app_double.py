"""GitHub as it answers an app: JWTs are checked by its public key, tokens are good for an hour and one repository.

Answers, statuses and words of errors are those of its documentation (REST API 2022-11-28, "Authenticating with a
GitHub App" and "Create an installation access token for an app").
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.embedded.git_http import GitHttpServer
from tests.forge.double import REPOSITORY, Double

APP, INSTALLATION = "Iv23liDouble", 42
HOUR = 3600.0


def new_key() -> str:
    """Return a private key as GitHub gives it out: PKCS#1 in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


@dataclass
class Issued:
    token: str
    until: float
    body: dict[str, Any]
    claims: dict[str, Any]
    revoked: bool = False


class AppDouble(Double):
    """A forge of kind `github` whose only bearers are tokens of one app's installation."""

    def __init__(self, key: str, now: Callable[[], float], repository: Path | None = None) -> None:
        super().__init__("github", repository)
        self.now = now
        self.prefix = ""
        self.issued: list[Issued] = []
        self.installed = True
        self.trust(key)

    def trust(self, key: str) -> None:
        private = serialization.load_pem_private_key(key.encode(), None)
        self._public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def live(self, token: str) -> bool:
        with self.lock:
            return any(each.token == token and not each.revoked and self.now() < each.until for each in self.issued)

    def revoke_all(self) -> None:
        with self.lock:
            for each in self.issued:
                each.revoked = True

    def _right(self, method: str, target: str, headers: Any, body: Any) -> tuple[int, Any]:
        with self.lock:
            target = target.removeprefix(self.prefix)
            bearer = str(headers.get("Authorization", "")).removeprefix("Bearer ")
            if target.startswith("/app/") or target.endswith("/installation"):
                return self._of_app(method, target, bearer, body)
            self.token = bearer if self.live(bearer) else "no-such-token"
            return super()._right(method, target, headers, body)

    def _of_app(self, method: str, target: str, bearer: str, body: Any) -> tuple[int, Any]:
        try:
            claims = jwt.decode(
                bearer, self._public, algorithms=["RS256"],
                options={"verify_exp": False, "verify_iat": False, "require": ["iat", "exp", "iss"]},
            )  # fmt: skip
        except jwt.InvalidTokenError:
            return 401, {"message": "A JSON web token could not be decoded", "status": "401"}
        if claims["iss"] != APP:
            return 401, {"message": "A JSON web token could not be decoded", "status": "401"}
        if claims["exp"] > self.now() + 600:
            return 401, {"message": "'Expiration time' claim ('exp') is too far in the future"}
        if claims["exp"] <= self.now() or claims["iat"] > self.now():
            return 401, {"message": "'Expiration time' claim ('exp') must be a numeric value representing the future"}
        if method == "GET" and target == f"/repos/{REPOSITORY}/installation" and self.installed:
            return 200, {"id": INSTALLATION, "app_slug": "reconciler", "account": {"login": "shop"}}
        if method == "POST" and target == f"/app/installations/{INSTALLATION}/access_tokens" and self.installed:
            return self._token(body, claims)
        return 404, {"message": "Not Found", "status": "404"}

    def _token(self, body: dict[str, Any], claims: dict[str, Any]) -> tuple[int, Any]:
        if any(name != REPOSITORY.partition("/")[2] for name in body.get("repositories", [])):
            told = (
                "There is at least one repository that does not exist or is not accessible to the parent installation."
            )
            return 422, {"message": told}
        until = float(int(self.now()) + int(HOUR))
        self.issued.append(Issued(f"ghs_{len(self.issued):032d}Planted", until, body, claims))
        ends = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        selected = "selected" if body.get("repositories") else "all"
        more = {"permissions": {"contents": "write", "metadata": "read"}, "repository_selection": selected}
        return 201, json.loads(json.dumps({"token": self.issued[-1].token, "expires_at": ends, **more}))


class GitOfApps(GitHttpServer):
    """Git over HTTP for those who show `x-access-token` and a token of the app that is good now."""

    def __init__(self, root: Path, forge: AppDouble) -> None:
        super().__init__(root, {})
        self._forge = forge

    def user_of(self, authorization: str) -> str | None:
        import base64
        import binascii

        try:
            user, _, password = base64.b64decode(authorization.partition(" ")[2], validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        return user if user == "x-access-token" and self._forge.live(password) else None
