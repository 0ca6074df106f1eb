"""What a hint says to write is written, literally, and the file is then clean: no fix is wrong or needs another one."""

from __future__ import annotations

import re

import pytest

from reconciler.cli.validation import Kind, check_file
from reconciler.model.characters import unseen

MARK = "\u00a7"
"""Where the finding is told, in the file as it was written."""
CONFIG = "stateDir: state\nprojects: {shop: {repository: {url: 'https://git.example.com/c.git'}, stages: {dev: %s}}}\n"
SLO = "objectives:\n- {sli: error_rate}\ntotal_score:\n  pass: %s\n"


def applied(kind: Kind, broken: str, repaired: str) -> str:
    """Return the hint of the first finding, after its place and what comes of it are looked at."""
    before = broken.partition(MARK)[0]
    place = f"f.yaml:{before.count(chr(10)) + 1}:{len(before.rpartition(chr(10))[2]) + 1}"
    errors = check_file(broken.replace(MARK, "").encode(), "f.yaml", kind)
    assert errors
    assert str(errors[0].place) == place
    assert check_file(repaired.encode(), "f.yaml", kind) == []
    said = re.findall(r"`([^`]+)`", errors[0].hint)
    assert any(each in repaired for each in said), errors[0].hint
    return errors[0].hint


PROMETHEUS = 'prometheus: {url: "http://h:9090"}'
UNLEASH = 'flags: {kind: unleash, url: "http://h:4242", tokenFile: unleash.token}'
FLAGS = "flags: {project: default, environment: production}"
ADDRESSES = [
    ("reconciler", CONFIG % f"{{evidence: {{prometheus: {MARK}'http://h:9090'}}}}",
     CONFIG % f"{{evidence: {{{PROMETHEUS}}}}}", f"write `{PROMETHEUS}`"),
    ("reconciler", CONFIG % f"{{flags: {MARK}'http://h:4242'}}", CONFIG % f"{{{UNLEASH}}}", f"write `{UNLEASH}`"),
    ("stage", f"flags: {MARK}https://unleash.example.com\n", f"{FLAGS}\n",
     f"no address belongs here: write for example `{FLAGS}`"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "broken", "repaired", "hint"), ADDRESSES)
def test_an_address_in_place_of_a_mapping(kind: Kind, broken: str, repaired: str, hint: str) -> None:
    assert applied(kind, broken, repaired) == hint


def stage(option: str, written: str, meant: str, hint: str = "write `%s`") -> tuple[Kind, str, str, str]:
    fixed = f"{option}: {meant}"
    return "stage", f"{option}: {MARK}{written}\n", f"{fixed}\n", hint.replace("%s", fixed)


def bound(written: str, meant: str, hint: str = "write `%s`") -> tuple[Kind, str, str, str]:
    text, fixed = "bounds:\n  replicas:\n    max: %s\n", f"max: {meant}"
    return "service", text % f"{MARK}{written}", text % meant, hint.replace("%s", fixed)


def total(written: str, meant: str) -> tuple[Kind, str, str, str]:
    fixed = f'"{meant}"'
    return "slo", SLO % f"{MARK}{written}", SLO % fixed, f"write `pass: {fixed}`"


VALUES = [
    bound("4;", "4"),
    bound("4,", "4"),
    bound("'4,'", "4", "write it without quotes: `%s`"),
    bound("-4", "0", "write `%s` or more"),
    total('"95 %"', "95%"),
    total('">=90%"', "90%"),
    total('"99,5%"', "99.5%"),
    total('"99.5 percent"', "99.5%"),
    total('"%90"', "90%"),
    stage("wait", "PT10M", "10m"),
    stage("wait", "P1DT2H", "1d2h"),
    stage("wait", "00:10:00", "10m"),
    stage("retries", "11", "10", "write `%s` or less"),
    stage("retries", "-1", "0", "write `%s` or more"),
]


@pytest.mark.parametrize(("kind", "broken", "repaired", "hint"), VALUES)
def test_what_somebody_wrote_is_repaired_and_not_replaced(kind: Kind, broken: str, repaired: str, hint: str) -> None:
    assert applied(kind, broken, repaired) == hint


CRITERIA = "objectives:\n- sli: error_rate\n  pass:\n  - criteria:\n%s\ntotal_score: {pass: 90%%}\n"


@pytest.mark.parametrize(
    ("written", "repaired"),
    [
        ("more than 1200", ['">1200"']),
        ("=>1200", ['">=1200"']),
        ("'<=1.2k'", ['"<=1200"']),
        ("'<=12OO'", ['"<=1200"']),
        ("'<1OO,5'", ['"<100.5"']),
        ("600-1200", ['">=600"', '"<=1200"']),
        ("'<1000 and >10'", ['"<1000"', '">10"']),
        ("1200", ['"<=1200"']),
        ("'<1s'", ['"<1"']),
    ],
)
def test_a_criterion_is_told_in_quotes(written: str, repaired: list[str]) -> None:
    def text(items: list[str]) -> bytes:
        return (CRITERIA % "\n".join(f"    - {item}" for item in items)).encode()

    (only,) = check_file(text([written]), "f.yaml", "slo")
    assert (str(only.place), re.findall(r"`([^`]+)`", only.hint)) == ("f.yaml:5:7", repaired)
    assert check_file(text(repaired), "f.yaml", "slo") == []


FORMS = [
    ("service", f'{{"bounds": {{"replicas": {{"min": 1, "max": 4}}}}{MARK}\n',
     '{"bounds": {"replicas": {"min": 1, "max": 4}}}\n',
     "write `}` there"),
    ("stage", f'{{\n "freeze": [\n  {{"schedule": "0 18 * * 5", "duration": "1h"}}{MARK}\n',
     '{\n "freeze": [\n  {"schedule": "0 18 * * 5", "duration": "1h"}]}\n', "write `]}` there"),
    ("service", f"bounds: {MARK}replicas:\n    max: 4\n", "bounds:\n  replicas:\n    max: 4\n",
     "put `replicas:` on a line of its own, two columns further to the right than `bounds:`"),
    ("project", f"name: shop\nstages: [{MARK}dev staging, production]\n",
     "name: shop\nstages: [dev, staging, production]\n",
     "write a comma between the names: `dev, staging`"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "broken", "repaired", "hint"), FORMS)
def test_what_a_form_lacks(kind: Kind, broken: str, repaired: str, hint: str) -> None:
    assert applied(kind, broken, repaired) == hint


@pytest.mark.parametrize("text", ['total_score:\n  pass:\u00a0"90%"\n', "total_score:\n  pass:\u00a090%\n"])
def test_an_odd_blank_behind_a_colon_is_to_be_a_space(text: str) -> None:
    (only,) = unseen(text)
    assert (only.line, only.column, only.instead) == (2, 8, "write an ordinary space instead")
    assert check_file(text.replace("\u00a0", " ").encode(), "f.yaml", "slo") == []


KEYS = [
    ("stage", f"drift: {{controller: repair, {MARK}human: report}}\n", "drift: {controller: repair, person: report}\n",
     "did you mean `person`?"),
    ("slo", f"objectives:\n- {{{MARK}name: error_rate}}\ntotal_score: {{pass: 90%}}\n",
     "objectives:\n- {sli: error_rate}\ntotal_score: {pass: 90%}\n", "write `sli` for `name`"),
    ("reconciler", CONFIG % f"{{{MARK}kubernetes: }}", CONFIG % "{kubernetes: {}}",
     "write `kubernetes: {}` where it needs nothing of its own"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "broken", "repaired", "hint"), KEYS)
def test_a_key_in_another_word(kind: Kind, broken: str, repaired: str, hint: str) -> None:
    assert applied(kind, broken, repaired) == hint


def test_a_reason_in_another_word() -> None:
    path = "ops/production/carts/commands/20261121T100000Z-suspend.yaml"
    (only,) = check_file(b"verb: suspend\nbecause: release\n", path, "command")
    assert (str(only.place), only.hint) == (f"{path}:2:1", "did you mean `reason`?")
    assert check_file(b"verb: suspend\nreason: release\n", path, "command") == []


def test_keys_that_belong_into_others_or_nowhere() -> None:
    (only,) = check_file(b"maxReplicas: 4\n", "f.yaml", "service")
    assert only.hint == "write `bounds: {replicas: {max: ...}}`"
    assert check_file(b"bounds: {replicas: {max: 4}}\n", "f.yaml", "service") == []
    (only,) = check_file(b"title: x\nservice: carts\n", "f.yaml", "problem")
    assert only.hint == "delete it: what a problem is about is said by the folder that its file lies in"
    assert check_file(b"title: x\n", "f.yaml", "problem") == []
