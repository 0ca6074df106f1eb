"""The house rules that no linter knows: sizes, layers, locked versions, what a start may import, words that leak."""

from __future__ import annotations

import ast
import itertools
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "reconciler"
MODULES = sorted(PACKAGE.rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def tracked() -> list[Path]:
    """Files of the repository; what is ignored or not yet added doesn't count."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


# Code


def by_module() -> Iterator[tuple[str, str, ast.Module]]:
    for module in MODULES:
        source = module.read_text("utf-8")
        yield str(module.relative_to(ROOT)), source, ast.parse(source)


def test_a_module_says_why_it_exists() -> None:
    assert [name for name, _, tree in by_module() if not ast.get_docstring(tree)] == []


def test_a_module_fits_in_one_reading() -> None:
    lengths = {name: source.count("\n") for name, source, _ in by_module()}
    assert {name: length for name, length in lengths.items() if length > 400} == {}
    assert statistics.median(lengths.values()) < 150


def test_a_module_is_one_idea() -> None:
    drawers = {"utils", "helpers", "common", "misc"}
    assert [name for name, _, _ in by_module() if Path(name).stem in drawers] == []


def test_nothing_is_swallowed() -> None:
    silent = [
        f"{name}:{handler.lineno}"
        for name, _, tree in by_module()
        for handler in ast.walk(tree)
        if isinstance(handler, ast.ExceptHandler)
        and (handler.type is None or (len(handler.body) == 1 and isinstance(handler.body[0], ast.Pass)))
    ]
    assert silent == []


def test_nothing_is_left_for_later() -> None:
    assert [name for name, source, _ in by_module() if re.search(r"\b(TODO|FIXME|XXX)\b", source)] == []


def test_an_exemption_gives_its_reason() -> None:
    exemption = re.compile(r"#\s*(?:noqa(?::\s*[A-Z0-9, ]+)?|type:\s*ignore(?:\[[^]]*\])?)(.*)")
    bare = [
        f"{name}:{number}"
        for name, source, _ in by_module()
        for number, line in enumerate(source.splitlines(), 1)
        for found in exemption.finditer(line)
        if not re.search(r"\w{3}", found[1])
    ]
    assert bare == []


# Layers


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("place", "line"),
    [
        pytest.param("model/bad.py", "import reconciler.decide", id="an arrow that points up"),
        pytest.param("targets/bad.py", "import reconciler.repo", id="a neighbour"),
        pytest.param("decide/bad.py", "import subprocess", id="I/O in a decision"),
        pytest.param("model/bad.py", "import time", id="a clock in the model"),
        pytest.param("elsewhere/__init__.py", "", id="a package without a layer"),
    ],
)
def test_the_import_contract_refuses(tmp_path: Path, place: str, line: str) -> None:
    for init in PACKAGE.rglob("__init__.py"):
        copy = tmp_path / init.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text("", "utf-8")
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    assert lint_imports(tmp_path).returncode == 0

    bad = tmp_path / "reconciler" / place
    bad.parent.mkdir(exist_ok=True)
    bad.write_text(line + "\n", "utf-8")
    refused = lint_imports(tmp_path)
    assert refused.returncode == 1
    assert "BROKEN" in refused.stdout


# Start

HEAVY = {"git", "httpx", "jsonschema", "kubernetes", "rich", "ruamel", "structlog", "urllib3", "watchfiles"}


def imported(*arguments: str) -> set[str]:
    """Run a command in a process of its own; return the top-level packages that it imported."""
    program = (
        "import sys; from reconciler.cli.main import run; code = run(sys.argv[1:])\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.__stderr__)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["version"]], ids=" ".join)
def test_a_start_imports_nothing_heavy(arguments: list[str]) -> None:
    assert not imported(*arguments) & HEAVY


def test_validation_needs_no_cluster(tmp_path: Path) -> None:
    (tmp_path / "remediation.yaml").write_text("remediations: []\n", "utf-8")
    loaded = imported("validate", str(tmp_path / "remediation.yaml"))
    assert "ruamel" in loaded
    assert not loaded & (HEAVY - {"ruamel"})  # nor the validator, where nothing is wrong


# Dependencies


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text("utf-8")
    return {canonicalize_name(found[1]): found[2] for found in re.finditer(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}


def wanted() -> Iterator[tuple[Requirement, str]]:
    options = PROJECT["project"]["optional-dependencies"].values()
    for text in [*PROJECT["project"]["dependencies"], *itertools.chain.from_iterable(options)]:
        yield Requirement(text), "run.txt"
        yield Requirement(text), "dev.txt"
    for text in PROJECT["dependency-groups"]["dev"]:
        yield Requirement(text), "dev.txt"
    for text in PROJECT["build-system"]["requires"]:
        yield Requirement(text), "build.txt"
        yield Requirement(text), "dev.txt"


@pytest.mark.parametrize(("requirement", "lock"), [pytest.param(r, f, id=f"{r.name} in {f}") for r, f in wanted()])
def test_what_is_wanted_is_locked(requirement: Requirement, lock: str) -> None:
    assert requirement.specifier.contains(pins(lock)[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("lock", ["run.txt", "build.txt"])
def test_all_locks_agree(lock: str) -> None:
    some, dev = pins(lock), pins("dev.txt")
    assert some
    assert some == {name: dev[name] for name in some}


@pytest.mark.parametrize("name", ["run.txt", "build.txt", "dev.txt"])
def test_every_locked_version_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash=sha256:[0-9a-f]{64})", text, re.MULTILINE)
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins(name))
    assert all("--hash=sha256:" in block for block in blocks)


def test_every_dependency_earns_its_sentence() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    named = {canonicalize_name(name) for name in re.findall(r"^\| `([\w.-]+)` \|", text, re.MULTILINE)}
    assert named == {canonicalize_name(requirement.name) for requirement, _ in wanted()}


# The image


def test_the_image_runs_as_nobody_in_particular_on_a_pinned_base() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    base = re.search(r"^ARG BASE=(\S+)$", text, re.MULTILINE)
    assert base
    assert re.search(r":\d+\.\d+\.\d+-slim", base[1])
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    assert [stage.split()[0] for stage in stages] == ["${BASE}", "${BASE}"]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", stages[-1], re.MULTILINE)
    assert '\nENTRYPOINT ["reconciler"]\n' in stages[-1]
    assert not re.search(r"\bpip\b|gcc|build-essential", stages[-1])


def test_what_the_image_is_made_from_reaches_its_builder() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").split() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert {name.rstrip("/") for line in copied for name in line.split()} == let_in
    assert all((ROOT / name).exists() for name in let_in)


# Words

# In pieces, so that this file does not hold what it looks for.
LEAKS = re.compile(
    "|".join([r"(?<![\w.])/wo" + r"rk/", "pypi" + r"\.org", "pythonho" + "sted", "registry" + r"\.npm", "/ro" + "ot/"])
)


def test_nothing_of_the_makers_machine_is_in_the_repository() -> None:
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        assert not LEAKS.search(text), f"{path.relative_to(ROOT)}: {LEAKS.search(text)}"
