"""The Dockerfile's steps run as a script, in folders of this machine, and what they made runs as the image would.

No container engine is needed: COPY copies, RUN runs in a shell with the image's paths put under a folder. What the
final stage gets from Debian (git, ssh, certificates) is this machine's.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import reconciler
from tests.deploy.dockerfile import Stage, stages

ROOT = Path(__file__).parents[2]
PATHS = ("/src", "/build", "/opt", "/wheels", "/var/lib/reconciler", "/usr/local")
NOBODY = ["setpriv", "--reuid=65532", "--regid=65532", "--clear-groups"]
LONG = 180.0


@cache
def confined() -> bool:
    """Say whether this machine lets us become somebody else in a view of it of our own."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        return False
    tried = ["unshare", "--mount", "sh", "-e", "-c", "mount -o remount,bind,ro / && ! touch /nothing"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


def opened(holder: Path) -> list[str]:
    """Return what makes the interpreter reachable in that view, where it lies in a folder that is closed to others."""
    base = Path(sys.base_prefix).resolve()
    closed = next((each for each in reversed(base.parents) if not each.stat().st_mode & 0o001), None)
    if closed is None:
        return []
    holder.mkdir(exist_ok=True)
    here, there, over = (shlex.quote(str(each)) for each in (base, holder, closed))
    return [
        f"mount --bind {here} {there}", f"mount -t tmpfs -o mode=0755 none {over}",
        f"mkdir -p {here}", f"mount --bind {there} {here}",
    ]  # fmt: skip


class Image:
    """The image's file system under a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, text: str) -> str:
        """Put the image's paths under the folder; the interpreter is the one of the tests."""
        paths = "|".join(re.escape(path) for path in PATHS)
        text = re.sub(rf"(?<![\w.])({paths})(?=[/\s:'\"]|$)", lambda found: f"{self.root}{found[1]}", text)
        return re.sub(r"(?<![\w/])python(?= -m)", shlex.quote(str(Path(sys.executable).resolve())), text)

    def build(self, stage: Stage) -> None:
        """Carry out the steps of a stage."""
        folder = self.root
        for instruction, text in stage.steps:
            if instruction == "WORKDIR":
                folder = Path(self.put(text))
                folder.mkdir(parents=True, exist_ok=True)
            elif instruction == "COPY":
                *sources, target = text.split()
                for source in sources:
                    self.copy(ROOT / source, folder / target)
            elif instruction == "RUN":
                environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
                done = self.step(text, folder, environment)
                assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    def step(self, text: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Carry out a RUN."""
        command = self.put(text)
        outside = re.search(rf"(?<!{re.escape(str(self.root))})/(usr/local|opt|build)/", command)
        assert outside is None, "a step would reach into this machine"
        return subprocess.run(
            ["/bin/sh", "-e", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    def copy(self, source: Path, target: Path) -> None:
        """Copy as a builder does: a folder's content, and what .dockerignore lets through."""
        if source.is_dir():
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=unwanted)
        else:
            shutil.copy2(source, target / source.name if target.is_dir() else target)

    def environment(self) -> dict[str, str]:
        """Return the final stage's environment, and nothing of the tests' own."""
        given = {name: self.put(value.replace(":$PATH", "")) for name, value in stages()[-1].environment().items()}
        return {**given, "PATH": f"{given['PATH']}:/usr/bin:/bin"}

    def as_there(self, command: list[str]) -> list[str]:
        """Return a command as the image would run it: nobody in particular, nothing to write to but the state.

        Where that cannot be had here, it runs as we do, and what was built has no rights to be written to.
        """
        if not confined():
            return command
        state = shlex.quote(str(self.state))
        view = [*opened(self.root / "python"), f"mount --bind {state} {state}", "mount -o remount,bind,ro /"]
        return ["unshare", "--mount", "sh", "-c", " && ".join([*view, f"exec {shlex.join([*NOBODY, *command])}"])]

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.as_there(command), env=self.environment(), cwd=self.state,
            capture_output=True, text=True, check=False, timeout=LONG, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    @property
    def state(self) -> Path:
        return self.root / "var/lib/reconciler"


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Build once, in a folder that other users may look into; then nothing in it can be written to but the state."""
    root = Path(tempfile.mkdtemp(prefix="reconciler-image-", dir="/var/tmp"))
    others = os.umask(0o022)
    try:
        root.chmod(0o755)
        made = Image(root)
        made.build(stages()[0])
        for gone in ("src", "build", "wheels"):
            shutil.rmtree(root / gone)
        subprocess.run(["chmod", "-R", "a-w", str(root / "opt")], check=True)
        made.state.mkdir(parents=True)
        if confined():
            os.chown(made.state, 65532, 65532)
        yield made
    finally:
        os.umask(others)
        subprocess.run(["chmod", "-R", "u+w", str(root)], check=False)
        shutil.rmtree(root)


def test_it_starts_as_nobody_in_particular_and_writes_nothing_beside_itself(image: Image) -> None:
    entry = stages()[-1].command("ENTRYPOINT")
    assert entry == ["reconciler"]
    program = shutil.which(entry[0], path=image.environment()["PATH"])
    assert program == str(image.root / "opt/reconciler/bin/reconciler")
    before = {path: path.stat().st_mtime_ns for path in (image.root / "opt").rglob("*")}
    shown = image.run([program, "version"])
    assert shown.returncode == 0, shown.stderr
    assert reconciler.__version__ in shown.stdout
    assert image.run([program, *stages()[-1].command("CMD")]).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in (image.root / "opt").rglob("*")} == before


@pytest.mark.skipif(not confined(), reason="this machine has no view of itself for us that is read-only")
def test_nothing_can_be_written_to_but_the_state(image: Image) -> None:
    for place in (Path("/"), image.root, image.root / "opt/reconciler", Path("/tmp")):
        if place.stat().st_dev != Path("/").stat().st_dev:
            continue  # a file system of its own on this machine, which an image has not
        assert "Read-only file system" in image.run(["touch", str(place / "written")]).stderr, place
    assert image.run(["sh", "-c", 'id -u; touch "$TMPDIR/written"']).stdout == "65532\n"


def test_what_was_needed_to_build_is_not_there(image: Image) -> None:
    packages = {path.name for path in (image.root / "opt/reconciler/lib").glob("python3*/site-packages/*")}
    assert not packages & {"pip", "setuptools", "wheel", "hatchling", "pytest", "mypy"}
    assert "reconciler" in packages
    files = [path for path in (image.root / "opt/reconciler").rglob("*.py") if "reconciler/reconciler" not in str(path)]
    compiled = [path for path in files if list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))]
    assert len(compiled) > 0.9 * len(files)


@pytest.fixture
def base(tmp_path: Path) -> Image:
    """A Python of its own in the image's /usr/local, with pip as the base has it; the standard library is borrowed."""
    made = Image(tmp_path)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    bare, library = tmp_path / "usr/local/bin", tmp_path / "usr/local/lib" / version
    bare.mkdir(parents=True)
    library.mkdir(parents=True)
    shutil.copy2(Path(sys.executable).resolve(), bare / version)
    (bare / "python").symlink_to(version)
    for each in Path(os.__file__).parent.iterdir():
        if each.name == "ensurepip":
            shutil.copytree(each, library / each.name)
        elif each.name != "site-packages":
            (library / each.name).symlink_to(each)
    for name in ("pip", "setuptools"):
        (library / "site-packages" / name).mkdir(parents=True)
        (library / "site-packages" / name / "__init__.py").write_text("", "utf-8")
        (library / "site-packages" / f"{name}-1.0.dist-info").mkdir()
        (library / "site-packages" / f"{name}-1.0.dist-info" / "METADATA").write_text(f"Name: {name}\n", "utf-8")
    for name in ("pip", "pip3", f"pip{sys.version_info.major}.{sys.version_info.minor}"):
        (bare / name).write_text("#!/bin/sh\n", "utf-8")
        (bare / name).chmod(0o755)
    (tmp_path / "bin").mkdir()
    for name in ("rm", "find"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    return made


def removal(base: Image) -> subprocess.CompletedProcess[str]:
    """Carry out the step of the final stage that takes away what can build, with no program there but its own."""
    (text,) = [each for each in stages()[-1].of("RUN") if "apt-get" not in each]
    return base.step(text, base.root, {"PATH": f"{base.root}/usr/local/bin:{base.root}/bin"})


def there(base: Image) -> set[str]:
    """Return which of the modules that build and install can be found."""
    names = ("pip", "setuptools", "ensurepip", "json")
    code = f"import importlib.util as u; print(*filter(u.find_spec, {names}))"
    done = subprocess.run(
        [base.root / "usr/local/bin/python", "-c", code], capture_output=True, text=True, check=True, env={}
    )  # fmt: skip
    return set(done.stdout.split())


def test_what_the_base_has_to_build_with_is_taken_away(base: Image) -> None:
    assert there(base) == {"pip", "setuptools", "ensurepip", "json"}
    done = removal(base)
    assert done.returncode == 0, done.stderr
    assert there(base) == {"json"}
    assert all(each.name.startswith("python") for each in (base.root / "usr/local/bin").iterdir())


def test_a_base_that_has_more_than_that_is_refused(base: Image) -> None:
    """As the full image of Python has a compiler, where `BASE` names it."""
    (base.root / "bin" / "cc").symlink_to("/bin/true")
    done = removal(base)
    assert done.returncode != 0
    assert "tools to build with: ['cc']" in done.stderr


def repository(image: Image) -> Path:
    """Make a configuration repository in the state folder, as the image's own command lays it out."""
    program = str(image.root / "opt/reconciler/bin/reconciler")
    person = ["env", "GIT_AUTHOR_NAME=Ada", "GIT_COMMITTER_NAME=Ada"]
    person += ["GIT_AUTHOR_EMAIL=ada@example.org", "GIT_COMMITTER_EMAIL=ada@example.org"]
    made = image.run([*person, program, "init", "--bare", str(image.state / "shop.git")])
    assert made.returncode == 0, made.stderr
    return image.state / "shop.git"


def test_the_daemon_becomes_healthy_with_one_folder_to_write_to(image: Image) -> None:
    remote = repository(image)
    config = image.root / "reconciler.yaml"
    config.write_text(
        f"stateDir: {image.state}/mirrors\nserver: {{status: '127.0.0.1:0'}}\n"
        f"projects: {{shop: {{repository: {{url: {remote}}}, stages: {{production: {{}}}}}}}}\n", "utf-8",
    )  # fmt: skip
    program = str(image.root / "opt/reconciler/bin/reconciler")
    command = image.as_there([program, "run", "--log-format", "json", "-c", str(config)])
    with subprocess.Popen(
        command, env=image.environment(), cwd=image.state, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        bound = threading.Timer(LONG, process.kill)
        bound.start()
        try:
            assert process.stderr is not None
            port, lines = "", []
            for line in process.stderr:
                lines.append(line)
                if found := re.search(r'"address": ?"127\.0\.0\.1:(\d+)"', line):
                    port = found[1]
                if '"ready"' in line:
                    break
            assert port, "".join(lines)
            python, *words = stages()[-1].command("HEALTHCHECK")
            healthy = [str(image.root / "opt/reconciler/bin" / python), *(word.replace("9090", port) for word in words)]
            assert image.run(healthy).returncode == 0
            process.send_signal(signal.SIGTERM)
            rest = process.stderr.read()
            assert process.wait(LONG) == 0, "".join(lines) + rest
            assert image.run(healthy).returncode != 0
        finally:
            bound.cancel()
            process.kill()


@pytest.mark.skipif(not confined(), reason="only root can become somebody without a name")
def test_ssh_needs_the_name_that_the_image_gives_its_user() -> None:
    """Why there is a `useradd` in it: without one this machine's ssh says what the image's would."""
    ssh = shutil.which("ssh")
    if ssh is None:
        pytest.skip("ssh is not installed")
    done = subprocess.run(
        [*NOBODY, ssh, "-o", "BatchMode=yes", "-p", "1", "127.0.0.1", "true"],
        capture_output=True, text=True, check=False, timeout=LONG, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "No user exists for uid 65532" in done.stderr
