"""Whether commits can be signed, and people's signatures judged: something is signed, and thrown away."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.cli.doctor.finding import Finding, failed, ok
from reconciler.daemon.connections import signer
from reconciler.model.daemon_config import ProjectConnections
from reconciler.model.errors import ReconcilerError
from reconciler.repo.signatures_signers import Signers
from reconciler.repo.signing import SshKeyFile


def signing(project: ProjectConnections) -> Iterator[Finding]:
    """Try what a project's `signing` names; nothing where it names nothing."""
    about, config = f"{project.name}, signing", project.signing
    try:
        ours = signer(config)
        if ours is not None:
            ours.sign(b"nothing that anybody keeps\n")
            kind = ours.public_line().partition(" ")[0] if isinstance(ours, SshKeyFile) else f"gpg {config.gpg_key}"
            yield ok("signing", about, f"the key signs ({kind})")
        if config.allowed_signers is not None:
            Signers(config.allowed_signers, config.revoked_keys).judge_people()
            yield ok("signing", about, f"{config.allowed_signers} can be read")
    except ReconcilerError as error:
        yield failed("signing", about, error, "docs/signing.md says how to make a key and the file of signers")
