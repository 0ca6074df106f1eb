"""The daemon's own file, broken in the obvious ways: `validate`, `run` and `doctor` tell where, and what to write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Reconciler

WHOLE = """\
stateDir: state
projects:
  shop:
    repository:
      url: https://git.example.com/shop.git
      tokenFile: token
    stages:
      production:
        kubernetes: {kubeconfig: kubeconfig}
        evidence: {prometheus: {url: "http://prom:9090"}}
"""
URL = "https://git.example.com/shop.git"
METRICS = "evidence: {prometheus: {url: "
PLACES: list[tuple[str, str, str, str]] = [
    ("stateDir", "statedir", "1:1", "`stateDir`"),
    ("projects:", "project:", "2:1", "`projects`"),
    ("repository:", "repositry:", "4:5", "`repository`"),
    ("repository:", "repo:", "4:5", "`repository`"),
    ("url: https", "ulr: https", "5:7", "`url`"),
    (URL, "git.example.com/shop.git", "5:12", "`https://`"),
    (URL, "github.com/shop/config.git", "5:12", "`https://`"),
    (URL, "https:/git.example.com/shop.git", "5:12", "`https://`"),
    (URL, "ftp://git.example.com/shop.git", "5:12", "url: https://"),
    (URL, "ext::sh", "5:12", "url: https://"),
    (URL, "https://ada:s3cr3tWord@git.example.com/shop.git", "5:12", "tokenFile:"),
    (
        "      url: " + URL + "\n      tokenFile: token",
        "      {url: https://a:s3cr3tWord@x/y, token: s3cr3tWord}",
        "5:7",
        "***",
    ),
    (URL, "", "5:7", "url: https://"),
    ("tokenFile: token", "token: s3cr3tWord", "6:7", "tokenFile: <file>"),
    ("tokenFile: token", "password: s3cr3tWord", "6:7", "passwordFile: <file>"),
    ("    stages:", "   stages:", "7:4", "indent"),
    ("    repository", "\trepository", "4:1", "two spaces"),
    ("stateDir: state", "stateDir: state\nstateDir: other", "2:1", "delete one"),
    ("      production:", "      - production:", "8:7", "without `- `"),
    ("kubernetes: {kubeconfig: kubeconfig}", "kubernets: {}", "9:9", "`kubernetes`"),
    ("kubernetes: {kubeconfig: kubeconfig}", "kubernetes: {kubeConfig: x}", "9:22", "`kubeconfig`"),
    ("evidence:", "evidnce:", "10:9", "`evidence`"),
    (
        'evidence: {prometheus: {url: "http://prom:9090"}}',
        'prometheus: {url: "http://p:1"}',
        "10:9",
        "under `evidence`",
    ),
    ("prometheus:", "promethues:", "10:20", "`prometheus`"),
    ("prometheus:", "datadog:", "10:20", "delete it"),
    ("http://prom:9090", "http://prom:99090", "10:38", "correct"),
    ("http://prom:9090", "http://prom:abc", "10:38", "correct"),
    ("http://prom:9090", "http://pr om:9090", "10:38", "url: https://"),
    ("http://prom:9090", "prom:9090", "10:38", "url: https://"),
    ("http://prom:9090", "", "10:38", "url: https://"),
    ('"http://prom:9090"', "http://prom:9090", "10:32", "put it in quotes"),
    (WHOLE, "", "1:1", "write it"),
    (WHOLE, "- shop\n", "1:1", "key: value"),
    (WHOLE, "projects:\n- shop\n", "2:1", "projects: {shop: "),
    (WHOLE, "[projects.shop]\nurl = 'x'\n", "1:1", "key: value"),
    (WHOLE, '{"projects": ', "1:1", "}"),
]
ADDED = [
    ("log: verbose", "11:6", "write"),
    ("server: {listen: 8080}", "11:18", "127.0.0.1:8080"),
    ('server: {listen: "127.0.0.1:99999"}', "11:18", "correct"),
    ('server: {listen: "0.0.0.0"}', "11:18", "127.0.0.1:"),
    ('listen: "127.0.0.1:8090"', "11:1", "under `server`"),
    ("forge: {kind: github}", "11:1", "under `projects:`"),
    ("poll: 30", "11:1", "under `projects:`"),
    ("notifications: []", "11:1", "under `projects:`"),
    ("leases: {}", "11:9", "namespace: reconciler"),
    ("webhooks: []", "11:11", "webhooks: {"),
    ("apiVersion: v1\nkind: ConfigMap", "1:1", "keep it elsewhere"),
    ('log: "info', "11:6", "close the quote"),
]


@pytest.mark.parametrize(
    ("text", "place", "fix"),
    [
        *((WHOLE.replace(old, new), place, fix) for old, new, place, fix in PLACES),
        *((f"{WHOLE}{line}\n", place, fix) for line, place, fix in ADDED),
        *(
            (WHOLE.replace("    stages:", f"    {line}\n    stages:"), place, fix)
            for line, place, fix in (
                ("poll: 30", "7:11", "poll: 30s"),
                ("poll: 30 seconds", "7:11", "poll: 30s"),
                ("poll: -1s", "7:11", "poll: "),
                ("forge: {kind: githb, repository: a/b}", "7:19", "`github`"),
            )
        ),
    ],
)
def test_it_is_told_with_its_place_and_the_way_out_on_each_way(
    reconciler: Reconciler, tmp_path: Path, text: str, place: str, fix: str
) -> None:
    file = tmp_path / "reconciler.yaml"
    file.write_text(text, "utf-8")
    result = reconciler("validate", file, "-o", "json")
    findings = json.loads(result.out)["findings"]
    told = {f"{each['line']}:{each['column']}": each["hint"] for each in findings}
    assert result.code == 1
    assert all(told.values())
    assert fix in told.get(place, ""), told
    for verb in ("run", "doctor"):
        said = reconciler(verb, "-c", file)
        assert said.code != 0
        assert f"{file}:{place}: " in said.out + said.err
        assert fix in said.out + said.err
        assert "s3cr3tWord" not in said.out + said.err
    assert "s3cr3tWord" not in result.out + result.err


@pytest.mark.parametrize(
    "url", ["shop.git", "../shop.git", "./git.example.com/shop.git", "/srv/git/shop.git", "my.git/x"]
)
def test_a_folder_is_let_be(reconciler: Reconciler, tmp_path: Path, url: str) -> None:
    (tmp_path / "reconciler.yaml").write_text(WHOLE.replace(URL, url).replace("      tokenFile: token\n", ""), "utf-8")
    assert reconciler("validate", tmp_path / "reconciler.yaml").code == 0


def test_a_file_that_is_not_there_is_told(reconciler: Reconciler, tmp_path: Path) -> None:
    for verb in ("run", "doctor"):
        said = reconciler(verb, "-c", tmp_path / "reconciler.yaml")
        assert said.code != 0
        assert "reconciler.yaml" in said.err
        assert "Traceback" not in said.err
