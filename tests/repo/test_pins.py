"""Pinned objectives and queries are read as they were, whatever has become of the files."""

from __future__ import annotations

import pytest

from reconciler.model.errors import UserError
from reconciler.model.names import BlobId
from reconciler.repo.mirror import Mirror
from reconciler.repo.pins import PinReader
from tests.repo.conftest import Hub, OpenMirror

SLO = b"""\
spec_version: '1.0'
filter:
  handler: ItemsController
objectives:
- sli: response_time_p90
  pass: [{criteria: ['<=600']}]
total_score: {pass: 90%}
"""


def sli(**queries: str) -> bytes:
    return b"indicators:\n" + b"".join(b"  %s: %s\n" % (k.encode(), v.encode()) for k, v in queries.items())


@pytest.fixture
def mirror(open_mirror: OpenMirror) -> Mirror:
    return open_mirror()


@pytest.fixture
def pins(mirror: Mirror) -> PinReader:
    return PinReader(mirror.known_blobs)


def ref(hub: Hub, path: str, content: bytes) -> str:
    return f"{path}@{hub.blob(content)}"


def test_the_files_of_project_stage_and_service_are_merged(hub: Hub, pins: PinReader) -> None:
    pinned = pins((
        ref(hub, "carts/remediation.yaml", b"not read at all: ["),
        ref(hub, "prometheus/sli.yaml", sli(a="project", b="project", c="project")),
        ref(hub, "scrape/sli.yaml", sli(a="scraped")),
        ref(hub, "prometheus/sli.yaml", sli(b="stage", c="stage")),
        ref(hub, "shop/carts/slo.yaml", SLO),
        ref(hub, "shop/carts/prometheus/sli.yaml", sli(c="service")),
    ))  # fmt: skip
    queries = {provider: {name: one.query for name, one in own.items()} for provider, own in pinned.indicators.items()}
    assert queries == {"prometheus": {"a": "project", "b": "stage", "c": "service"}, "scrape": {"a": "scraped"}}
    assert not isinstance(pinned.objectives, UserError)
    assert pinned.objectives is not None
    assert [goal.sli for goal in pinned.objectives.goals] == ["response_time_p90"]
    assert pinned.filters == (("handler", "ItemsController"),)
    assert pinned.unreadable == ()


def test_nothing_is_pinned(pins: PinReader) -> None:
    pinned = pins(())
    assert (pinned.objectives, pinned.indicators, pinned.filters, pinned.unreadable) == (None, {}, (), ())


def test_what_is_gone_from_the_branch_is_still_read(hub: Hub, mirror: Mirror) -> None:
    hub.land({"carts/slo.yaml": SLO})
    blob = hub.git("rev-parse", "production:carts/slo.yaml")
    hub.land({"carts/slo.yaml": None})
    pinned = PinReader(mirror.known_blobs)((f"carts/slo.yaml@{blob}",))
    assert not isinstance(pinned.objectives, UserError)
    assert pinned.objectives is not None


def test_what_cannot_be_read_stands_in_its_place_as_the_reason(hub: Hub, mirror: Mirror, pins: PinReader) -> None:
    tip = hub.land({"carts/slo.yaml": SLO})
    tree = hub.git("rev-parse", f"{tip}^{{tree}}")
    missing = pins((f"carts/slo.yaml@{'f' * 40}", f"prometheus/sli.yaml@{tree}"))
    assert isinstance(missing.objectives, UserError)
    assert "not in the repository" in str(missing.objectives)
    assert ["not in the repository" in str(error) for error in missing.unreadable] == [True]
    mirror.fetch({})
    assert not list(mirror.path.parent.glob("*.damaged")), "a reference to nothing is no damage of the mirror"
    for content, why in (
        (b"x" * (300 << 10), "at most"),
        (SLO.replace(b"<=600", b"quick"), "`response_time_p90`"),
    ):
        pinned = pins((ref(hub, "carts/slo.yaml", content),))
        assert isinstance(pinned.objectives, UserError)
        assert why in str(pinned.objectives)
    good, bad = ref(hub, "prometheus/sli.yaml", sli(a="x")), ref(hub, "carts/prometheus/sli.yaml", b"indicators: 7\n")
    pinned = pins((good, bad))
    assert list(pinned.indicators["prometheus"]) == ["a"]
    assert [str(error.place).split(":")[0] for error in pinned.unreadable] == ["carts/prometheus/sli.yaml"]


@pytest.mark.parametrize("text", ["", "carts/slo.yaml", "carts/slo.yaml@HEAD", "@" + "f" * 40, "a\n@" + "f" * 40])
def test_what_is_no_reference_is_refused(pins: PinReader, text: str) -> None:
    assert ["path@blob" in str(error.expected) for error in pins((text,)).unreadable] == [True]


def test_a_file_is_read_once(hub: Hub, mirror: Mirror) -> None:
    asked: list[BlobId] = []

    def read(ids: list[BlobId], limit: int) -> object:
        asked.extend(ids)
        return mirror.known_blobs(ids, limit)

    pins = PinReader(read)  # type: ignore[arg-type]  # it answers as the mirror does
    slo, other = ref(hub, "carts/slo.yaml", SLO), ref(hub, "prometheus/sli.yaml", sli(a="x"))
    assert pins((slo,)) is pins((slo,))
    pins((slo, other))
    assert len(asked) == 2
