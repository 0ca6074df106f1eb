"""The bill of materials names all that the image has, is the same for the same lock, and refuses what is unfit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from requirements.bill import UnfitError, beneath, bill, licence, locked, main, written

LOCK = (Path(__file__).parents[2] / "requirements" / "run.txt").read_text("utf-8")


def test_each_locked_package_is_in_it_with_its_hashes_licence_and_needs() -> None:
    made = json.loads(written(bill(LOCK)))
    packages = {each.name: each for each in locked(LOCK)}
    assert len(packages) > 30
    components = {each["name"]: each for each in made["components"] if each["purl"].startswith("pkg:pypi/")}
    assert components.keys() == packages.keys()
    for name, each in components.items():
        assert each["version"] == packages[name].version
        assert each["licenses"]
        (files,) = each["externalReferences"]
        assert {f"sha256:{one['content']}" for one in files["hashes"]} == set(packages[name].hashes)
    needs = {each["ref"]: each.get("dependsOn", []) for each in made["dependencies"]}
    root = made["metadata"]["component"]["bom-ref"]
    assert any("/httpx@" in each for each in needs[root])
    (httpx,) = (each["bom-ref"] for name, each in components.items() if name == "httpx")
    assert any("/httpcore@" in each for each in needs[httpx])


def test_what_lies_beneath_is_in_it() -> None:
    made = json.loads(written(bill(LOCK)))
    beneath = {each["name"]: each for each in made["components"] if not each["purl"].startswith("pkg:pypi/")}
    assert beneath.keys() == {"python", "git", "openssh-client", "ca-certificates"}
    assert beneath["python"]["type"] == "container"
    assert beneath["git"]["purl"] == "pkg:deb/debian/git?distro=bookworm"
    root = next(each for each in made["dependencies"] if each["ref"] == made["metadata"]["component"]["bom-ref"])
    assert {each["purl"] for each in beneath.values()} <= set(root["dependsOn"])


def test_an_image_that_does_not_say_what_it_stands_on_is_refused() -> None:
    with pytest.raises(UnfitError, match="names no base"):
        beneath("FROM scratch\n")


def test_the_same_lock_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "one" / "bill.json", tmp_path / "other.json"
    assert main([str(one)]) == main([str(other)]) == 0
    assert one.read_bytes() == other.read_bytes()


def test_what_is_locked_without_a_hash_is_refused() -> None:
    with pytest.raises(UnfitError, match="httpx is locked without a hash"):
        locked("httpx==0.28.1\n")


def test_another_version_than_the_locked_one_is_refused() -> None:
    with pytest.raises(UnfitError, match=r"locked as 0\.0\.1"):
        bill("httpx==0.0.1 \\\n    --hash=sha256:" + "0" * 64 + "\n")


@pytest.mark.parametrize(
    ("metadata", "classifiers", "expected"),
    [
        ({"License-Expression": "MIT"}, [], "MIT"),
        ({"License-Expression": "Apache-2.0 OR GPL-2.0-only"}, [], "Apache-2.0 OR GPL-2.0-only"),
        ({"License": "Apache 2.0"}, ["MIT License"], "Apache-2.0"),
        ({"License": "a whole\nlicence text"}, ["BSD License"], "BSD-3-Clause"),
        ({}, ["MIT License"], "MIT"),
    ],
)
def test_a_licence_is_what_a_package_says_of_itself(
    metadata: dict[str, str], classifiers: list[str], expected: str
) -> None:
    assert licence({"Name": "it", **metadata}, classifiers) == expected


@pytest.mark.parametrize(
    ("metadata", "classifiers"),
    [
        ({"License-Expression": "GPL-3.0-only"}, []),
        ({"License-Expression": "MIT AND GPL-3.0-only"}, []),
        ({}, ["GNU Affero General Public License v3"]),
        ({}, []),
    ],
)
def test_a_licence_that_is_not_accepted_is_refused(metadata: dict[str, str], classifiers: list[str]) -> None:
    with pytest.raises(UnfitError, match="it is under"):
        licence({"Name": "it", **metadata}, classifiers)
