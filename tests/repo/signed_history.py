"""Histories of raw objects, written by no process: trees, merges, and whose key signed what."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from reconciler.model.names import CommitId
from reconciler.repo.signing import SshKeyFile
from reconciler.repo.signing_commits import with_signature

NOW = 1_800_000_000


def make_key(folder: Path, name: str) -> SshKeyFile:
    """Make a key of Ed25519."""
    file = folder / name
    key = Ed25519PrivateKey.generate()
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return SshKeyFile(file)


@dataclass
class Objects:
    """Writes objects into a bare repository. ``keys`` are those of people, by name."""

    git_dir: Path
    keys: Mapping[str, SshKeyFile] = field(default_factory=dict)

    def write(self, kind: str, data: bytes) -> str:
        """Write an object; returns its id."""
        whole = f"{kind} {len(data)}\0".encode() + data
        name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        file = self.git_dir / "objects" / name[:2] / name[2:]
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(zlib.compress(whole, 1))
        return name

    def tree(self, files: Mapping[str, str]) -> str:
        """Write the tree of some files, by path; returns its id."""
        folders: dict[str, dict[str, str]] = {}
        items: list[tuple[bytes, bytes]] = []
        for path, text in files.items():
            name, _, rest = path.partition("/")
            if rest:
                folders.setdefault(name, {})[rest] = text
            else:
                items.append((name.encode(), b"100644 %s\0" % name.encode() + _id(self.write("blob", text.encode()))))
        for name, inside in folders.items():
            items.append((f"{name}/".encode(), b"40000 %s\0" % name.encode() + _id(self.tree(inside))))
        return self.write("tree", b"".join(item for _, item in sorted(items)))

    def commit(
        self, files: Mapping[str, str], *parents: str, who: str = "ada", key: str = "", when: int = NOW,
        message: str = "a change", tree: str = "",
    ) -> CommitId:  # fmt: skip
        """Write a commit of somebody's, signed by the key of a name; empty: not at all. ``tree`` is there already."""
        person = f"{who} <{who}@example.org> {when} +0000"
        lines = [f"tree {tree or self.tree(files)}", *(f"parent {each}" for each in parents)]
        raw = "\n".join([*lines, f"author {person}", f"committer {person}", "", f"{message}\n"]).encode()
        return CommitId(self.write("commit", with_signature(raw, self.keys[key].sign(raw)) if key else raw))


def _id(name: str) -> bytes:
    return bytes.fromhex(name)
