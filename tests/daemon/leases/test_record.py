"""Names of Leases, and what their objects say."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.daemon.leases.record import Record, document, read, stage_lease
from reconciler.model.names import ProjectName, StageName


def test_names_are_short_fit_for_kubernetes_and_of_one_stage_only() -> None:
    names = {
        stage_lease(ProjectName(project), StageName(stage))
        for project, stage in [
            ("shop", "production"), ("shop-production", "x"), ("shop", "Production"), ("shop", "pro.duction"),
            ("s" * 63, "t" * 63), ("s" * 63, "t" * 62 + "u"), ("daemon", "1"),
        ]
    }  # fmt: skip
    assert len(names) == 7
    for name in names:
        assert len(name) <= 70
        assert name.replace("-", "").isalnum()
        assert name == name.lower()
    assert stage_lease(ProjectName("shop"), StageName("production")).startswith("reconciler-stage-shop-production-")


KEYS = ("metadata", "spec", "name", "resourceVersion", "holderIdentity", "leaseDurationSeconds", "labels")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(ANYTHING)
@settings(deadline=None)
def test_whatever_an_object_holds_it_is_read(item: object) -> None:
    found = read(item)
    assert found is None or (found.name and 0 <= found.seconds <= 86_400)


def test_an_object_is_read_as_it_was_written() -> None:
    record = Record(
        "a", "7", "one", 15, "2026-11-21T10:00:00.000000Z", "2026-11-21T10:00:05.000000Z", 3,
        (("app.kubernetes.io/managed-by", "reconciler"),), (("reconciler.dev/stage", "production"),),
    )  # fmt: skip
    assert read(document(record, "ops")) == record
