"""`signing` in `reconciler.yaml`: one key at most, named and never held."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.daemon_config import load_daemon_config
from reconciler.model.invalid import InvalidFile
from reconciler.model.names import ProjectName
from reconciler.model.signing_config import SigningConfig


def signing(text: str) -> SigningConfig:
    whole = f"projects: {{shop: {{repository: {{url: x}}, signing: {text}}}}}"
    return load_daemon_config(whole.encode(), "etc/reconciler.yaml").projects[ProjectName("shop")].signing


def test_files_are_named_from_the_folder_of_the_configuration() -> None:
    found = signing("{sshKeyFile: key, allowedSigners: /srv/allowed, revokedKeys: gone}")
    assert found == SigningConfig(Path("etc/key"), "", Path("/srv/allowed"), Path("etc/gone"))
    assert signing(f"{{allowedSigners: a, signedSince: [{'a' * 40}]}}").since == ("a" * 40,)
    assert signing(f'{{allowedSigners: a, allowedGpgKeys: ["{"AB" * 20}"]}}').allowed_gpg == ("AB" * 20,)
    assert signing("null") == signing("{}") == SigningConfig()
    assert signing(f'{{gpgKey: "0x{"aB" * 20}"}}').gpg_key == "0x" + "aB" * 20


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f'{{sshKeyFile: key, gpgKey: "{"AB" * 20}"}}', "exclude each other"),
        ("{gpgKey: DEADBEEF}", "no fingerprint"),
        ("{revokedKeys: gone}", "stands alone"),
        ("{sshKey: key}", "sshKey"),
        (f"{{signedSince: [{'a' * 40}]}}", "`signedSince` stands alone"),
        ("{allowedSigners: a, signedSince: [HEAD]}", "`HEAD` is no commit"),
        ("{allowedSigners: a, allowedGpgKeys: [DEADBEEF]}", "`DEADBEEF` is no fingerprint"),
        ("{sshKeyFile: [key]}", "the name of a file"),
    ],
)
def test_what_cannot_work_is_refused_at_its_place(text: str, why: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        signing(text)
    assert why in str(refused.value)
    assert str(refused.value).startswith("etc/reconciler.yaml:1:")


def test_a_key_in_the_configuration_itself_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidFile) as refused:
        signing('{sshKeyFile: "-----BEGIN OPENSSH PRIVATE KEY-----\\nhunter2"}')
    assert "hunter2" not in str(refused.value)
