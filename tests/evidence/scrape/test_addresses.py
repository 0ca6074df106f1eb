"""Where a service's metrics are: said by the daemon's configuration, and by nothing that the repository can say."""

from __future__ import annotations

import pytest

from reconciler.evidence.scrape.addresses import Addresses, split
from reconciler.model.errors import ConfigError, UserError
from reconciler.model.names import ProjectName, StageName

TEMPLATE = "http://{service}.{namespace}.svc:8080/metrics?of={project}&in={stage}"


def addresses(template: str = "", stage: str = "production", **targets: tuple[str, ...]) -> Addresses:
    return Addresses(ProjectName("shop"), StageName(stage), template, targets)


def test_a_named_service_has_the_addresses_that_are_named() -> None:
    named = addresses(TEMPLATE, carts=("http://a/metrics", "http://b/metrics"))
    assert named.of("carts") == ("http://a/metrics", "http://b/metrics")
    assert named.of("front-end") == (
        "http://front-end.shop-production.svc:8080/metrics?of=shop&in=production",
    )  # fmt: skip


def test_what_is_known_before_any_service_is() -> None:
    assert addresses(TEMPLATE, carts=("http://a/m", "http://b/m")).known() == {("http://a/m", "http://b/m")}
    assert addresses("http://{namespace}/m", carts=("http://a/m",)).known() == {
        ("http://a/m",), ("http://shop-production/m",),
    }  # fmt: skip
    assert addresses().known() == set()
    with pytest.raises(ConfigError, match="`a/b` cannot stand in an address"):
        addresses("http://{stage}/m", stage="a/b").known()


def test_without_a_template_a_service_must_be_named() -> None:
    with pytest.raises(ConfigError, match=r"where `carts` shows its metrics.*`scrape.targets`"):
        addresses(orders=("http://a/metrics",)).of("carts")


@pytest.mark.parametrize("name", ["evil.example", "a/b", "a@b", "a:1", "a?b", "a#b", "", "-a", "a-", "ä", "a\n", "{x}"])
def test_a_name_cannot_lead_an_address_elsewhere(name: str) -> None:
    with pytest.raises(UserError, match="cannot stand in an address"):
        addresses("http://{service}:8080/metrics").of(name)
    with pytest.raises(UserError, match="cannot stand in an address"):
        addresses("http://x/{stage}", stage=name).of("carts")
    assert addresses("http://x/metrics").of(name) == ("http://x/metrics",)


def test_placeholders_in_a_name_are_no_placeholders() -> None:
    with pytest.raises(UserError):
        addresses(TEMPLATE).of("{stage}")


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("http://a:1/metrics", ("http://a:1", "/metrics")),
        ("https://a", ("https://a", "/")),
        ("http://a/m?x=1&y=%20", ("http://a", "/m?x=1&y=%20")),
        ("http://[::1]:9/m", ("http://[::1]:9", "/m")),
    ],
)
def test_an_address_is_split(address: str, parts: tuple[str, str]) -> None:
    assert split(address) == parts


@pytest.mark.parametrize(
    "address", ["ftp://a/", "http:///m", "//a/m", "a:1/m", "http://u:p@a/m", "http://a/ m", "http://a/ä"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError) as refused:
        split(address)
    assert "u:p" not in str(refused.value)
