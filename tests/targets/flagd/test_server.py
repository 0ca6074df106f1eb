"""The flag file as a target: what is seen, what is changed, what is never touched."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.errors import BlindError, BugError, ConfigError, TerminalError, TransientError
from reconciler.model.targets import Effect, Fact, FlagFact, Mark, NoFact, Target, WantFlag
from reconciler.targets.flagd import FlagdFile, replace
from reconciler.targets.protocol import TargetServer

COMMIT = "3f2c9d1a5b6c7d8e9f0a1b2c3d4e5f6071829304"
OWNER = "sockshop/production/carts"
TEXT = """{
  "$schema": "https://flagd.dev/schema/v0/flags.json",
  "metadata": {"flagSetId": "carts-production"},
  "flags": {
    "EnableItemsCache": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off", "metadata": {"owner": "carts", "reason": "none"}},
    "EnablePromotion": {
        "state":"ENABLED",   "defaultVariant" : "yes",
        "variants": { "no":false, "yes":true },
        "note": 1.50e2
    },
    "Grün": {"state": "ENABLED", "variants": {"a": "x"}, "defaultVariant": "a"}
  }
}
"""  # noqa: E501  a line as people write them


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    path.write_text(TEXT, "utf-8")
    return path


def want(flag: str) -> WantFlag:
    return WantFlag("flags", "default", "production", flag)


def effect(flag: str, value: bool, sequence: int, owner: str = OWNER, note: str = "carts-4711") -> Effect:
    target = Target("flags", "default/production", "Flag", flag)
    return Effect(target, "enabled", value, Mark(owner, sequence, COMMIT), note)


def seen(fact: Fact) -> FlagFact:
    assert isinstance(fact, FlagFact), fact
    return fact


def unseen(fact: Fact) -> NoFact:
    assert isinstance(fact, NoFact), fact
    return fact


def one(flag: dict[str, Any]) -> str:
    return json.dumps({"flags": {"Flag": flag}}, indent=1)


BOOLEAN: dict[str, Any] = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}


# Seeing


def test_what_the_file_says(file: Path) -> None:
    server: TargetServer[WantFlag] = FlagdFile(file)
    fact = seen(server.observe(want("EnableItemsCache")))
    assert fact == FlagFact(Target("flags", "default/production", "Flag", "EnableItemsCache"), enabled=False)
    assert seen(server.observe(want("EnablePromotion"))).enabled
    server.close()


@pytest.mark.parametrize(
    ("flag", "enabled", "told"),
    [
        ({**BOOLEAN, "defaultVariant": "on"}, True, ""),
        ({**BOOLEAN, "defaultVariant": "on", "state": "DISABLED"}, False, "DISABLED"),
        (
            {**BOOLEAN, "defaultVariant": "on", "targeting": {"fractional": [["on", 30], ["off", 70]]}},
            True,
            "targeting",
        ),
        ({**BOOLEAN, "targeting": {"if": [True, "on"]}}, False, "targeting"),
        ({**BOOLEAN, "targeting": {}}, False, ""),
        ({**BOOLEAN, "defaultVariant": None}, False, "no defaultVariant"),
        ({"state": "ENABLED", "variants": {"on": True, "off": False}}, False, "no defaultVariant"),
    ],
)
def test_what_on_means(file: Path, flag: dict[str, Any], enabled: bool, told: str) -> None:
    file.write_text(one(flag), "utf-8")
    fact = seen(FlagdFile(file).observe(want("Flag")))
    assert (fact.enabled, bool(fact.caveat)) == (enabled, bool(told))
    assert told in fact.caveat


def test_trap_9_a_misspelt_flag_is_missing_with_one_alike(file: Path) -> None:
    fact = unseen(FlagdFile(file).observe(want("EnableItemCache")))
    assert (fact.trouble, fact.near) == ("missing", ("EnableItemsCache",))
    with pytest.raises(TerminalError, match="EnableItemCache"):
        FlagdFile(file).apply(effect("EnableItemCache", True, 1))
    assert file.read_text("utf-8") == TEXT


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ({**BOOLEAN, "variants": {"a": "x", "b": "y"}, "defaultVariant": "a"}, "no boolean"),
        ({**BOOLEAN, "variants": {"a": 1, "b": 0}, "defaultVariant": "a"}, "no boolean"),
        ({**BOOLEAN, "variants": {}}, "no boolean"),
        ({**BOOLEAN, "defaultVariant": "sometimes"}, "none of its variants"),
        ({**BOOLEAN, "state": "MAYBE"}, "not ENABLED or DISABLED"),
        ({"variants": {"on": True}}, "not ENABLED or DISABLED"),
        ({"state": "ENABLED"}, "no variants"),
        ({**BOOLEAN, "metadata": []}, "no object"),
        ([], "no object"),
        (True, "no object"),
    ],
)
def test_a_flag_that_is_no_boolean_flag_is_invalid_with_its_place(file: Path, flag: Any, told: str) -> None:
    file.write_text(one(flag), "utf-8")
    before = file.read_bytes()
    fact = unseen(FlagdFile(file).observe(want("Flag")))
    assert (fact.trouble, told in fact.message) == ("invalid", True)
    assert fact.message.startswith("flags.json:")
    with pytest.raises(TerminalError):
        FlagdFile(file).apply(effect("Flag", True, 1))
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{\n  "flags": {\n    "A": {"state": }\n  }\n}', "flags.json:3:20"),
        ("", "flags.json:1:1"),
        ('{"flags": []}', "flags.json:1:11"),
        ('{"other": 1}', "flags.json:1:1"),
        ("[]", "flags.json:1:1"),
        ('{"flags": {"A": NaN}}', "flags.json:1:1"),
        ('{"flags": {},\n "flags": {}}', "flags.json:2:2"),
        ("[" * 100_000, "flags.json:1:1"),
        ('{"flags": {}} trailing', "flags.json:1:15"),
    ],
)
def test_a_broken_file_is_blind_at_its_place_and_never_written_over(file: Path, text: str, place: str) -> None:
    file.write_text(text, "utf-8")
    fact = unseen(FlagdFile(file).observe(want("A")))
    assert (fact.trouble, fact.message.partition(": ")[0]) == ("blind", place)
    with pytest.raises(BlindError):
        FlagdFile(file).apply(effect("A", True, 1))
    assert file.read_text("utf-8") == text


def test_a_file_that_is_gone_or_too_big_or_no_text_is_blind(file: Path) -> None:
    for content in (b"\xff\xfe", b" " * (replace.MAX_FILE + 1)):
        file.write_bytes(content)
        assert unseen(FlagdFile(file).observe(want("A"))).trouble == "blind"
    file.unlink()
    assert unseen(FlagdFile(file).observe(want("A"))).trouble == "blind"
    with pytest.raises(BlindError):
        FlagdFile(file).apply(effect("A", True, 1))
    assert not file.exists()


# Changing


def test_only_what_is_ours_changes_and_everything_else_stays_to_the_letter(file: Path) -> None:
    fact = seen(FlagdFile(file).apply(effect("EnableItemsCache", True, 128)))
    assert (fact.enabled, fact.ours, fact.mark) == (True, True, Mark(OWNER, 128, COMMIT))
    expected = TEXT.replace('"defaultVariant": "off"', '"defaultVariant": "on"').replace(
        '"reason": "none"}',
        f'"reason": "carts-4711", "reconciler.owner": "{OWNER}", "reconciler.step": "128:{COMMIT}",'
        ' "reconciler.value": true}',
    )
    assert file.read_text("utf-8") == expected


def test_new_members_are_laid_out_like_their_neighbours(file: Path) -> None:
    FlagdFile(file).apply(effect("EnablePromotion", False, 5))
    changed = file.read_text("utf-8")
    assert '"defaultVariant" : "no",\n' in changed
    assert '        "note": 1.50e2,\n        "metadata": {"reconciler.owner"' in changed
    before, after = json.loads(TEXT), json.loads(changed)
    assert after["flags"].pop("EnablePromotion")["metadata"]["reason"] == "carts-4711"
    before["flags"].pop("EnablePromotion")
    assert after == before


def test_later_decisions_replace_the_mark_in_place(file: Path) -> None:
    server = FlagdFile(file)
    sizes = set()
    for sequence, value in enumerate((True, False, True, False), 10):
        assert seen(server.apply(effect("EnableItemsCache", value, sequence, note="n"))).enabled is value
        sizes.add(len(json.loads(file.read_text("utf-8"))["flags"]["EnableItemsCache"]["metadata"]))
    assert sizes == {5}


@pytest.mark.parametrize("value", [True, False])
def test_a_disabled_flag(file: Path, value: bool) -> None:
    file.write_text(one({**BOOLEAN, "state": "DISABLED"}), "utf-8")
    fact = seen(FlagdFile(file).apply(effect("Flag", value, 1)))
    flag = json.loads(file.read_text("utf-8"))["flags"]["Flag"]
    # Off is what it is already; being DISABLED is left as people set it, and told.
    assert (fact.enabled, flag["state"]) == (value, "ENABLED" if value else "DISABLED")
    assert bool(fact.caveat) is not value


def test_a_flag_without_default_variant_or_metadata_gets_them(file: Path) -> None:
    file.write_text(one({"state": "ENABLED", "variants": {"on": True, "off": False}}), "utf-8")
    assert seen(FlagdFile(file).apply(effect("Flag", True, 1))).enabled
    file.write_text('{"flags":{"Flag":{"state":"ENABLED","variants":{"t":true,"f":false},"metadata":{}}}}', "utf-8")
    assert seen(FlagdFile(file).apply(effect("Flag", True, 1))).mark == Mark(OWNER, 1, COMMIT)
    assert json.loads(file.read_text("utf-8"))["flags"]["Flag"]["defaultVariant"] == "t"


def test_a_flag_with_one_state_only_cannot_be_switched(file: Path) -> None:
    file.write_text(one({**BOOLEAN, "variants": {"off": False, "no": False}}), "utf-8")
    before = file.read_bytes()
    with pytest.raises(TerminalError, match="no variant is true"):
        FlagdFile(file).apply(effect("Flag", True, 1))
    assert file.read_bytes() == before


def test_converged_means_no_write(file: Path) -> None:
    server = FlagdFile(file)
    first = server.apply(effect("EnableItemsCache", True, 128))
    status = file.stat()
    assert server.apply(effect("EnableItemsCache", True, 128)) == first
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (status.st_ino, status.st_mtime_ns)


def test_older_decisions_and_other_owners_change_nothing(file: Path) -> None:
    server = FlagdFile(file)
    server.apply(effect("EnableItemsCache", True, 128))
    before = file.read_bytes()
    older = seen(server.apply(effect("EnableItemsCache", False, 127)))
    other = seen(server.apply(effect("EnableItemsCache", False, 999, owner="sockshop/staging/carts")))
    assert older.mark == other.mark == Mark(OWNER, 128, COMMIT)
    assert file.read_bytes() == before


def test_a_change_by_hand_is_not_ours(file: Path) -> None:
    server = FlagdFile(file)
    server.apply(effect("EnableItemsCache", True, 128))
    file.write_text(file.read_text("utf-8").replace('"defaultVariant": "on"', '"defaultVariant": "off"'), "utf-8")
    fact = seen(server.observe(want("EnableItemsCache")))
    assert (fact.enabled, fact.ours, fact.mark) == (False, False, Mark(OWNER, 128, COMMIT))


@pytest.mark.parametrize(
    "metadata",
    [{"reconciler.owner": 7}, {"reconciler.step": "x"}, {"reconciler.owner": "a", "reconciler.step": "1:ab"}],
)
def test_a_mark_that_is_not_as_we_write_it_is_none_and_written_anew(file: Path, metadata: dict[str, Any]) -> None:
    file.write_text(one({**BOOLEAN, "metadata": {**metadata, "reconciler.value": 1}}), "utf-8")
    assert seen(FlagdFile(file).observe(want("Flag"))).mark is None
    assert seen(FlagdFile(file).apply(effect("Flag", True, 1))).ours


# The file


def test_mode_stays_and_no_other_file_is_left(file: Path) -> None:
    file.chmod(0o640)
    inode = file.stat().st_ino
    FlagdFile(file).apply(effect("EnableItemsCache", True, 1))
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.stat().st_ino != inode
    assert list(file.parent.iterdir()) == [file]


def test_the_time_is_greater_even_where_the_old_one_lies_ahead(file: Path) -> None:
    ahead = file.stat().st_mtime_ns + 3_600_000_000_000
    os.utime(file, ns=(ahead, ahead))
    FlagdFile(file).apply(effect("EnableItemsCache", True, 1))
    assert file.stat().st_mtime > ahead / 1e9


def test_a_symbolic_link_stays_one(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(file)
    FlagdFile(link).apply(effect("EnableItemsCache", True, 1))
    assert link.is_symlink()
    assert seen(FlagdFile(file).observe(want("EnableItemsCache"))).enabled


def test_somebody_elses_change_in_between_is_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(1))
    make_newer = replace._make_newer

    def quicker(path: Path, than: int) -> None:
        if next(times, None) is not None:
            file.write_text(TEXT.replace("1.50e2", "7"), "utf-8")
        make_newer(path, than)

    monkeypatch.setattr(replace, "_make_newer", quicker)
    assert seen(FlagdFile(file).apply(effect("EnableItemsCache", True, 1))).enabled
    assert '"note": 7' in file.read_text("utf-8")


def test_somebody_who_writes_all_the_time_is_not_written_over(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = iter(TEXT.replace("1.50e2", str(number)) for number in range(100))
    monkeypatch.setattr(replace, "_make_newer", lambda path, than: file.write_text(next(texts), "utf-8"))
    with pytest.raises(TransientError, match="somebody else"):
        FlagdFile(file).apply(effect("EnableItemsCache", True, 1))
    assert list(file.parent.iterdir()) == [file]


def test_trap_8_writers_of_different_flags_do_not_lose_each_others_change(file: Path) -> None:
    flags = {f"Flag{number}": BOOLEAN for number in range(12)}
    file.write_text(json.dumps({"flags": flags}, indent=2), "utf-8")
    with ThreadPoolExecutor(6) as pool:
        facts = list(pool.map(lambda name: FlagdFile(file).apply(effect(name, True, 1)), flags))
    assert all(seen(fact).enabled for fact in facts)
    written = json.loads(file.read_text("utf-8"))["flags"]
    assert {flag["defaultVariant"] for flag in written.values()} == {"on"}


def test_a_folder_that_may_not_be_written_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(**_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", denied)
    with pytest.raises(TerminalError, match="Permission denied") as caught:
        FlagdFile(file).apply(effect("EnableItemsCache", True, 1))
    assert "folder" in caught.value.hint
    assert file.read_text("utf-8") == TEXT


def test_a_file_for_each_environment(tmp_path: Path) -> None:
    for environment in ("staging", "production"):
        (tmp_path / f"{environment}.json").write_text(TEXT, "utf-8")
    server = FlagdFile(tmp_path / "{environment}.json")
    server.apply(effect("EnableItemsCache", True, 1))
    assert (tmp_path / "staging.json").read_text("utf-8") == TEXT
    assert seen(server.observe(want("EnableItemsCache"))).enabled
    for name in ("..", "../production", "a/b", "", "nowhere"):
        fact = unseen(server.observe(WantFlag("flags", "default", name, "EnableItemsCache")))
        assert fact.trouble in {"invalid", "blind"}


@pytest.mark.parametrize("name", ["flags.yaml", "flags.yml"])
def test_yaml_is_refused_at_start(name: str) -> None:
    with pytest.raises(ConfigError, match="YAML"):
        FlagdFile(name)


def test_what_is_no_flags_value_is_our_mistake(file: Path) -> None:
    target = Target("flags", "default/production", "Flag", "EnableItemsCache")
    with pytest.raises(BugError):
        FlagdFile(file).apply(Effect(target, "replicas", 2, Mark(OWNER, 1, COMMIT)))
