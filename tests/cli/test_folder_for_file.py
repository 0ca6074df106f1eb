"""A folder where a file of ours belongs is told: nobody reads what lies in it."""

from __future__ import annotations

from reconciler.cli.name_doubts import may_be_meant, strays


def test_a_folder_that_is_called_like_a_file_is_told() -> None:
    for path in ("carts/slo.yaml/x", "carts/remediation.yaml/slo.yaml", "stage.yaml/x"):
        assert may_be_meant(path)
        [found] = strays([path], frozenset({"carts"}))
        assert "is a folder, and nobody reads what is in it" in str(found)


def test_other_folders_are_not() -> None:
    assert not may_be_meant("ops/production/carts/slo.yaml/x")
    assert not may_be_meant("carts/slo.yaml.d/x")
    assert not may_be_meant("slo.yaml/x")
