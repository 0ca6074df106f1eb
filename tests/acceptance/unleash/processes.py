"""The real PostgreSQL and the real Unleash of two generations, on loopback, each with folders of its own.

PostgreSQL refuses root, so that it then runs as the user that Debian made for it, in a folder that this user may enter;
pytest's folders are closed to everybody else.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from reconciler.demo.flagfile import FlagFile
from reconciler.demo.waiting import NotYetError
from tests.acceptance.ports import Port
from tests.acceptance.servers import PATIENCE, Server, binary

HERE: Final = Path(__file__).parent
PACKAGES: Final = HERE.parents[2] / ".make" / "unleash" / "node_modules"
ADMIN_TOKEN: Final = "*:*.admin-of-the-tests"
CLIENT_TOKENS: Final = {each: f"*:{each}.client-of-the-tests" for each in ("development", "production")}
LEGACY_LOGIN: Final = "keptn:a-password-of-the-tests"
_USER: Final = "unleash"
_FAST: Final = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB")
"""Nothing here has to survive a power cut; what was said to be kept is there when the server comes back."""


class Postgres(Server):
    """The real PostgreSQL on an empty folder; whoever reaches its port may come in."""

    def __init__(self, folder: Path, port: Port) -> None:
        self._data = folder / "postgres"
        self._as: tuple[str, ...] = ()
        if os.geteuid() == 0:
            self._as = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=KILL", "--")
            who = pwd.getpwnam("postgres")
            os.chown(folder, who.pw_uid, who.pw_gid)
        settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=60", *_FAST)
        options = [word for setting in settings for word in ("-c", setting)]
        command = [*self._as, _postgres("postgres"), "-D", str(self._data), "-p", str(port.number), *options]
        super().__init__(command, port, folder / "postgres.log", ready="", environment=_plain())

    def create(self, *databases: str) -> None:
        """Make the folder, start, and make these databases."""
        self._run(_postgres("initdb"), "-D", str(self._data), "-U", _USER, "-A", "trust", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync", "--no-instructions")  # fmt: skip
        self.start()
        for database in databases:
            self._run(_postgres("createdb"), *self._where, database)

    def database(self, name: str) -> str:
        return f"postgres://{_USER}@{self.port.address}/{name}"

    def wait_until_ready(self) -> None:
        def look() -> None:
            command = [_postgres("pg_isready"), *self._where, "-d", "postgres"]
            done = subprocess.run(command, env=_plain(), capture_output=True, text=True, timeout=30, check=False)
            if done.returncode:
                raise NotYetError(done.stdout)

        PATIENCE.until("PostgreSQL", look, alive=self.check_alive)

    def stop(self) -> int | None:
        """End it at once; asked politely it waits for its clients."""
        if self._child is not None and self._child.status() is None:
            os.kill(self._child.pid, signal.SIGQUIT)

            def look() -> None:
                if self._child is not None and self._child.status() is None:
                    raise NotYetError("it runs")

            PATIENCE.until("PostgreSQL's end", look)
        return super().stop()

    @contextmanager
    def stuck(self) -> Iterator[None]:
        """Have it hold still: it takes connections, and answers nothing."""
        assert self._child is not None
        own = Path(f"/proc/{self._child.pid}/task/{self._child.pid}/children").read_text("ascii").split()
        pids = [self._child.pid, *map(int, own)]
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    @property
    def _where(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port.number), "-U", _USER]

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            [*self._as, *words], cwd="/", env=_plain(), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)


class Unleash(Server):
    """Unleash of today, on a database of `Postgres` that is empty or its own."""

    def __init__(self, folder: Path, port: Port, database: str) -> None:
        environment = {
            "NODE_ENV": "production",
            "DATABASE_URL": database,
            "DATABASE_SSL": "false",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(port.number),
            "UNLEASH_URL": port.url,
            "CHECK_VERSION": "false",
            "SEND_TELEMETRY": "false",
            "LOG_LEVEL": "warn",
            "INIT_ADMIN_API_TOKENS": ADMIN_TOKEN,
            "INIT_CLIENT_API_TOKENS": ",".join(CLIENT_TOKENS.values()),
        }
        program = str(PACKAGES / "unleash-server" / "dist" / "server.js")
        super().__init__(
            [binary("node"), program], port, folder / "unleash.log", ready="/health", environment=_plain(environment)
        )


class LegacyUnleash(Server):
    """Unleash of Keptn's time; every user of it has the one login."""

    def __init__(self, folder: Path, port: Port, database: str) -> None:
        environment = {
            "NODE_ENV": "production",
            "NODE_PATH": str(PACKAGES),
            "DATABASE_URL": database,
            "DATABASE_SSL": "false",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(port.number),
            "LOGIN": LEGACY_LOGIN,
        }
        log = folder / "unleash-legacy.log"
        program = str(HERE / "legacy.js")
        super().__init__([binary("node"), program], port, log, ready="/health", environment=_plain(environment))


class Sdk(Server):
    """A service's flags as Unleash's SDK evaluates them, in a file as flagd has it; serves nothing.

    ``refresh`` is in seconds: how often it asks Unleash.
    """

    def __init__(self, folder: Path, unleash: Server, file: Path, *flags: str, refresh: float = 0.25) -> None:
        folder.mkdir(exist_ok=True)
        self._file = file
        environment = {
            "NODE_PATH": str(PACKAGES),
            "UNLEASH_URL": unleash.url,
            "TOKEN": CLIENT_TOKENS["production"],
            "REFRESH_MILLISECONDS": str(round(refresh * 1000)),
            "BACKUP": str(folder),
        }
        command = [binary("node"), str(HERE / "sdk.js"), str(file), *flags]
        super().__init__(command, unleash.port, folder / "sdk.log", ready="", environment=_plain(environment))

    def start(self, *, wait: bool = True) -> None:
        self._file.unlink(missing_ok=True)
        super().start(wait=wait)

    def enabled(self, flag: str) -> bool:
        return FlagFile(self._file).enabled(flag)

    def until(self, flag: str, *, on: bool) -> None:
        """Wait until the service has it so. Unleash too may give a service for some moments what it had before."""

        def look() -> None:
            if self.enabled(flag) != on:
                raise NotYetError(f"{self._file.read_text('utf-8')}; {self.told()}")

        PATIENCE.until(f"{flag} to be {'on' if on else 'off'} for the service", look, alive=self.check_alive)

    def wait_until_ready(self) -> None:
        def look() -> None:
            if not self._file.exists():
                raise NotYetError("nothing is evaluated yet")

        PATIENCE.until("the SDK's first answer", look, alive=self.check_alive)


@contextmanager
def databases(*names: str) -> Iterator[Postgres]:
    """Run PostgreSQL with these databases."""
    with tempfile.TemporaryDirectory(prefix="reconciler-postgres-") as folder, Port() as port:
        server = Postgres(Path(folder), port)
        try:
            server.create(*names)
            yield server
        finally:
            server.stop()


def _plain(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which nothing of this machine's settings is left, proxies least of all."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TZ": "UTC", "LC_ALL": "C.UTF-8", **(more or {})}


def _postgres(program: str) -> str:
    """Return a program of PostgreSQL; Debian puts the newest server's beside its version, and not in the PATH."""
    newest = max(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=_version, default=None)
    found = str(newest) if newest else shutil.which(program)
    assert found is not None, f"{program} is missing; `make acceptance` says how to install it"
    return found


def _version(path: Path) -> float:
    return float(path.parents[1].name)
