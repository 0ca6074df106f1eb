"""Names before they become paths, refs and arguments; durations; schedules; suggestions."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model import checks
from reconciler.model.cron import Schedule, schedule
from reconciler.model.duration import LONGEST, go_seconds, seconds, written
from reconciler.model.errors import Place, UserError
from reconciler.model.suggest import did_you_mean, nearest

QUICK = settings(deadline=None, max_examples=100)

NASTY = [
    "", "-x", "--upload-pack=x", ".git", ".", "..", "a/../b", "/a", "a/", "a//b", "a b", "a\nb", "a\0b", "a\x1b[31m",
    "\u202egnp", "ä", "\uff21\uff22", "a.lock", "A.Lock", "a..b", "a.", "a-", "a_", "git~1", "a:b", "a\\b", "@",
    "a@{0}", "*", "~", "x" * 64, "refs/heads/x", "\udcff", "a\n", "${HOME}", "$(id)", "a;b",
]  # fmt: skip


@pytest.mark.parametrize("name", ["carts", "a", "0", "Carts", "shop-carts", "a_b", "v1.2", "x" * 63])
def test_g13_names_that_fit(name: str) -> None:
    assert checks.service_name(name) == name
    assert checks.stage_name(name) == name
    assert checks.service_path(f"shop/{name}") == f"shop/{name}"


@pytest.mark.parametrize("name", NASTY, ids=ascii)
def test_g13_names_that_never_become_a_path_or_ref(name: str) -> None:
    place = Place("f.yaml", 3, 4)
    for check in (checks.service_name, checks.stage_name, checks.project_name):
        with pytest.raises(UserError) as caught:
            check(name, place)
        assert caught.value.place == place
        assert caught.value.expected
        assert "\x1b" not in caught.value.message
        assert "\u202e" not in caught.value.message


@pytest.mark.parametrize("name", sorted(checks.RESERVED))
def test_g13_reserved_names_in_any_capitals(name: str) -> None:
    for spelled in (name, name.upper(), name.capitalize()):
        with pytest.raises(UserError):
            checks.service_name(spelled)
        with pytest.raises(UserError):
            checks.service_path(f"shop/{spelled}/carts")


@pytest.mark.parametrize("name", ["ops", "OPS", "proposals", "HEAD", "refs"])
def test_g13_reserved_stages(name: str) -> None:
    with pytest.raises(UserError):
        checks.stage_name(name)


@pytest.mark.parametrize("path", ["", "/", "a/b/c/d", "a//b", "/a", "a/", "a/./b", "a/../b"])
def test_g13_paths_of_services(path: str) -> None:
    with pytest.raises(UserError):
        checks.service_path(path)


def test_g13_names_apart_by_capitals_only() -> None:
    assert checks.colliding(["carts", "Carts", "basket", "CARTS"]) == [("CARTS", "Carts", "carts")]
    assert checks.colliding(["carts", "basket", "carts"]) == []


@pytest.mark.parametrize("name", [name for name in NASTY if "\0" not in name and "\udcff" not in name], ids=ascii)
def test_g13_what_passes_as_a_branch_git_takes_too(name: str) -> None:
    try:
        checks.branch_name(name)
    except UserError:
        return
    assert subprocess.run(["git", "check-ref-format", "--branch", name], check=False).returncode == 0


@QUICK
@given(st.text(st.sampled_from("aA0-_./@{}~^:?*[\\ \x7f"), min_size=1, max_size=12))
def test_g13_any_branch_that_passes_is_well_formed(name: str) -> None:
    try:
        checks.branch_name(name)
    except UserError:
        return
    assert ".." not in name
    assert not set(name) & set(" ~^:?*[\\\x7f")
    assert not any(part.startswith(".") or part.endswith((".lock", ".")) or not part for part in name.split("/"))
    assert not name.startswith("-")
    assert "@{" not in name


@pytest.mark.parametrize("name", ["ops/production", "ops/a.b", "x/y/z-1"])
def test_branches_that_fit(name: str) -> None:
    assert checks.branch_name(name) == name


@pytest.mark.parametrize("name", ["a.b", "A", "a_b", "-a", "a-", "x" * 64, "", "a\n"])
def test_namespaces_are_dns_labels(name: str) -> None:
    with pytest.raises(UserError):
        checks.dns_label(name, "namespace")
    assert checks.dns_label("shop-1", "namespace") == "shop-1"


@pytest.mark.parametrize("name", ["a..b", "A", "a_b", "-a", "a-", ".a", "a.", "x" * 254, ""])
def test_workloads_are_dns_names(name: str) -> None:
    with pytest.raises(UserError):
        checks.dns_subdomain(name, "workload")
    assert checks.dns_subdomain("carts-primary.v2", "workload") == "carts-primary.v2"


def test_a_refused_name_comes_with_one_that_fits() -> None:
    with pytest.raises(UserError) as caught:
        checks.dns_label("Shop_Production ", "namespace")
    assert caught.value.hint == "rename it, for example to `shop-production`"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 30),
        ("10m", 600),
        ("1h", 3600),
        ("30d", 2_592_000),
        ("1d2h3m4s", 93_784),
        ("90m", 5400),
        ("0s", 0),
        ("", None),
        ("10", None),
        ("10 m", None),
        ("1m1h", None),
        ("1.5h", None),
        ("-1s", None),
        ("+1s", None),
        ("1w", None),
        ("s", None),
        ("10m\n", None),
        ("٣s", None),
        ("3661d", None),
        ("999999999s", None),
    ],
)
def test_durations(text: str, expected: int | None) -> None:
    assert seconds(text) == expected


@QUICK
@given(st.integers(0, LONGEST))
def test_durations_are_written_and_read(length: int) -> None:
    assert seconds(written(length)) == length


@pytest.mark.parametrize(
    ("text", "expected"),
    [("15m", 900.0), ("1h30m", 5400.0), ("500ms", 0.5), ("1.5h", 5400.0), ("", None), ("5", None), ("xm", None),
     ("1h 30m", None), ("-1m", None), ("10µs", 1e-5)],
)  # fmt: skip
def test_durations_as_go_writes_them(text: str, expected: float | None) -> None:
    found = go_seconds(text)
    assert found == (pytest.approx(expected) if expected is not None else None)


ALL_DAYS, ALL_MONTHS, ALL_WEEK = frozenset(range(1, 32)), frozenset(range(1, 13)), frozenset(range(7))


@pytest.mark.parametrize(
    ("text", "minutes", "hours", "days", "months", "weekdays", "either"),
    [
        ("* * * * *", set(range(60)), set(range(24)), ALL_DAYS, ALL_MONTHS, ALL_WEEK, False),
        ("0 18 * * FRI", {0}, {18}, ALL_DAYS, ALL_MONTHS, {5}, False),
        ("*/25 0-2,20 1,15 JAN-MAR sun", {0, 25, 50}, {0, 1, 2, 20}, {1, 15}, {1, 2, 3}, {0}, True),
        ("59 23 31 12 7", {59}, {23}, {31}, {12}, {0}, True),
        ("0 0 * * 1-5/2", {0}, {0}, ALL_DAYS, ALL_MONTHS, {1, 3, 5}, False),
        ("0 0 29 2 */3", {0}, {0}, {29}, {2}, {0, 3, 6}, False),
        ("5-55/25 0 */10 * 5-7", {5, 30, 55}, {0}, {1, 11, 21, 31}, ALL_MONTHS, {5, 6, 0}, False),
        ("0 0 31 2 MON-SUN", {0}, {0}, {31}, {2}, ALL_WEEK, True),
    ],
)
def test_schedules(
    text: str, minutes: set[int], hours: set[int], days: set[int], months: set[int], weekdays: set[int], either: bool
) -> None:
    assert schedule(text.replace(" ", "  "), Place("f")) == Schedule(
        text, frozenset(minutes), frozenset(hours), frozenset(days), frozenset(months), frozenset(weekdays), either
    )


@pytest.mark.parametrize(
    "text",
    ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
     "*/0 * * * *", "a * * * *", "* * * * FUN", "1, * * * *", "@daily", "-1 * * * *", "1-2-3 * * * *",
     "* * * * FRI-TUE", "5/10 * * * *", "* * * JAN-SUN *", "* * * * FRI-0"],
)  # fmt: skip
def test_refused_schedules(text: str) -> None:
    with pytest.raises(UserError) as caught:
        schedule(text, Place("f", 1, 2))
    assert caught.value.expected


@pytest.mark.parametrize("text", ["0 0 31 2 *", "0 0 30,31 FEB *", "0 0 31 4,6,9,11 *", "0 0 30 2 */2"])
def test_a_schedule_that_never_comes_true_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="has such a day") as caught:
        schedule(text, Place("f", 1, 2))
    assert caught.value.place == Place("f", 1, 2)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("EnableItemCache", "EnableItemsCache"),
        ("enableitemscache", "EnableItemsCache"),
        ("enable_items_cache", "EnableItemsCache"),
        ("scalling", "scaling"),
        ("zzz", ""),
        ("", ""),
        ("EnableItemCache" * 100, ""),
    ],
)
def test_the_nearest_word(word: str, expected: str) -> None:
    known = ["EnableItemsCache", "EnablePromotion", "scaling"]
    assert nearest(word, known) == expected
    assert did_you_mean(word, known) == (f"did you mean `{expected}`?" if expected else "")
