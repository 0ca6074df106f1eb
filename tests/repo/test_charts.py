"""What lies in a Helm chart is none of the stage's, by its path alone: Keptn's repositories have charts in services."""

from __future__ import annotations

import pytest

from reconciler.model.names import BlobId, ServicePath, StageName
from reconciler.repo.index import Moved, StageIndex, Stored
from reconciler.repo.layout import config_place

FILE = Stored("100644", BlobId("a" * 40))


@pytest.mark.parametrize(
    "path",
    [
        "carts/helm/carts/templates/service.yaml", "charts/carts/templates/service.yaml",
        "charts/carts/templates/web/service.yaml", "shop/templates/slo.yaml", "shop/templates/prometheus/sli.yaml",
    ],
)  # fmt: skip
def test_a_charts_files_are_none_of_ours(path: str) -> None:
    assert config_place(path) is None
    index = StageIndex(StageName("production"))
    index.load_config([Moved(path, FILE)])
    assert index.services() == set()
    index.change_config([Moved(path, None), Moved("carts/slo.yaml", FILE)])
    assert index.services() == {ServicePath("carts")}


@pytest.mark.parametrize("folder", ["templates", "my-templates", "shop/templates2", "helm/carts"])
def test_other_folders_are(folder: str) -> None:
    assert config_place(f"{folder}/service.yaml") == (folder, "service.yaml")
