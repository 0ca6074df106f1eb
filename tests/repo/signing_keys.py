"""Keys made by the real ssh-keygen, and git as the judge of signatures."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

OURS = "reconciler@localhost"
ADA = "ada@example.org"


@dataclass(frozen=True)
class Key:
    """A key pair; ``private`` is its file."""

    private: Path

    @property
    def public(self) -> str:
        """Type and key as in the `.pub` file, without the comment."""
        return " ".join(self.private.with_suffix(".pub").read_text().split()[:2])


def make_key(folder: Path, name: str = "key", *options: str) -> Key:
    """Make a key; by default one of Ed25519 without a passphrase."""
    words = options or ("-t", "ed25519", "-N", "")
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-C", name, *words, "-f", str(path)], check=True, capture_output=True)
    return Key(path)


def allow(file: Path, *lines: tuple[str, Key] | tuple[str, Key, str]) -> Path:
    """Write a file of allowed signers: (principals, key) or (principals, key, options)."""
    rows = (f"{line[0]} {''.join(f'{option} ' for option in line[2:])}{line[1].public}\n" for line in lines)
    file.write_text("".join(rows))
    return file


def verify(repo: Path, commit: str, allowed: Path, revoked: Path | None = None) -> bool:
    """Ask git itself what a commit's signature is worth."""
    words = ["-c", f"gpg.ssh.allowedSignersFile={allowed}"]
    words += ["-c", f"gpg.ssh.revocationFile={revoked}"] if revoked is not None else []
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", str(repo), *words, "verify-commit", commit],
        capture_output=True, check=False, env={**clean, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull},
    )  # fmt: skip
    return done.returncode == 0


def signed_commit(
    repo: Path, tree: str, key: Key, *parents: str, message: str = "signed", email: str = ADA, date: str = "",
) -> str:  # fmt: skip
    """Let git make a commit that is signed by a key."""
    when = date or "1800000000 +0000"
    who = {f"GIT_{role}_{part}": text for role in ("AUTHOR", "COMMITTER")
           for part, text in (("NAME", "Ada"), ("EMAIL", email), ("DATE", when))}  # fmt: skip
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", str(repo), "-c", "gpg.format=ssh", "-c", f"user.signingKey={key.private}", "commit-tree", "-S",
         *(word for parent in parents for word in ("-p", parent)), "-m", message, tree],
        capture_output=True, check=True, text=True,
        env={**clean, **who, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull},
    )  # fmt: skip
    return done.stdout.strip()
