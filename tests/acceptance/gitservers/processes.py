"""Git's own servers: smart HTTP behind lighttpd with passwords, and sshd with keys, over one folder of repositories.

Both are the machine's programs with a configuration in a folder of their own, and may do nothing but Git's commands.
Run by root, sshd lets in root, and everybody else themselves: it can only ever serve the user who started it. To
root it also wants the folder `/run/sshd`, which Debian makes with the first start of its own service.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

from reconciler.demo.waiting import NotYetError
from tests.acceptance.ports import Port
from tests.acceptance.servers import PATIENCE, Server, binary

USER: Final = "reconciler"
PASSWORD: Final = "a-password-of-the-tests"
_READY: Final = "ready.txt"
_LIGHTTPD: Final = """\
server.modules = ("mod_auth", "mod_authn_file", "mod_setenv", "mod_alias", "mod_cgi")
server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{folder}/web"
server.upload-dirs = ("{folder}/uploads")
auth.backend = "plain"
auth.backend.plain.userfile = "{folder}/users"
alias.url = ("/git" => "{backend}")
$HTTP["url"] =~ "^/git/" {{
  cgi.assign = ("" => "")
  setenv.set-environment = (
    "GIT_PROJECT_ROOT" => "{root}", "GIT_HTTP_EXPORT_ALL" => "1",
    "GIT_CONFIG_NOSYSTEM" => "1", "GIT_CONFIG_GLOBAL" => "/dev/null",
    "PATH" => "{path}"
  )
  auth.require = ("" => ("method" => "basic", "realm" => "git", "require" => "valid-user"))
}}
"""
_SSHD: Final = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
AllowUsers {user}
PermitRootLogin forced-commands-only
AuthenticationMethods publickey
StrictModes no
UsePAM no
PidFile none
AcceptEnv GIT_PROTOCOL
"""
_SHELL: Final = """\
#!/bin/sh
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
exec {git} shell -c "$SSH_ORIGINAL_COMMAND"
"""
PEOPLE: Final = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "credential.helper",
    "GIT_CONFIG_VALUE_0": f"!f() {{ echo username={USER}; echo password={PASSWORD}; }}; f",
}
"""What makes a person's git know the password."""


class Lighttpd(Server):
    """Smart HTTP for the repositories in ``root``, for `USER` with `PASSWORD` alone."""

    def __init__(self, folder: Path, root: Path, port: Port) -> None:
        (folder / "web").mkdir(parents=True)
        (folder / "uploads").mkdir()
        (folder / "web" / _READY).write_text("ready\n", "utf-8")
        (folder / "users").write_text(f"{USER}:{PASSWORD}\n", "utf-8")
        backend = Path(_said("git", "--exec-path")) / "git-http-backend"
        config = _LIGHTTPD.format(port=port.number, folder=folder, root=root, backend=backend, path=os.environ["PATH"])
        (folder / "lighttpd.conf").write_text(config, "utf-8")
        command = [_program("lighttpd"), "-D", "-f", str(folder / "lighttpd.conf")]
        super().__init__(command, port, folder / "lighttpd.log", ready=f"/{_READY}")

    def address(self, repository: Path) -> str:
        return f"{self.url}/git/{repository.name}"


class Sshd(Server):
    """Git by SSH as the user who runs the tests, with the key ``key``; ``known_hosts`` knows the server."""

    def __init__(self, folder: Path, port: Port) -> None:
        folder.mkdir(parents=True)
        self.key = folder / "key"
        self.known_hosts = folder / "known_hosts"
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        new_key(folder / "host")
        new_key(self.key)
        shell = folder / "shell"
        shell.write_text(_SHELL.format(git=binary("git")), "utf-8")
        shell.chmod(0o755)
        public = self.key.with_suffix(".pub").read_text("utf-8")
        (folder / "authorized").write_text(f'restrict,command="{shell}" {public}', "utf-8")
        kind, key, *_ = (folder / "host.pub").read_text("utf-8").split()
        self.known_hosts.write_text(f"[127.0.0.1]:{port.number} {kind} {key}\n", "utf-8")
        config = _SSHD.format(port=port.number, folder=folder, user=self.user)
        (folder / "sshd_config").write_text(config, "utf-8")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
            mine = next(
                line for line in Path("/etc/shadow").read_text("utf-8").splitlines() if line.startswith("root:")
            )
            assert not mine.startswith("root:!"), (
                "sshd lets in no locked account: run as somebody else, or `usermod -p '*' root`"
            )
        command = [_program("sshd"), "-D", "-e", "-f", str(folder / "sshd_config")]
        super().__init__(command, port, folder / "sshd.log", ready="")

    def address(self, repository: Path) -> str:
        return f"ssh://{self.user}@{self.port.address}{repository}"

    def wait_until_ready(self) -> None:
        def look() -> None:
            try:
                with socket.create_connection(("127.0.0.1", self.port.number), timeout=10) as connection:
                    greeting = connection.recv(64)
            except OSError as error:
                raise NotYetError(repr(error)) from error
            if not greeting.startswith(b"SSH-2.0-"):
                raise NotYetError(repr(greeting))

        PATIENCE.until("sshd", look, alive=self.check_alive)

    def people(self) -> dict[str, str]:
        """Return what makes a person's git use the key."""
        options = {"IdentitiesOnly": "yes", "UserKnownHostsFile": self.known_hosts, "BatchMode": "yes"}
        words = ["ssh", "-F", "none", "-i", str(self.key), *(f"-o {key}={value}" for key, value in options.items())]
        return {"GIT_SSH_COMMAND": " ".join(words)}


def new_key(path: Path) -> Path:
    """Make a key, beside it the public one with `.pub`."""
    command = [binary("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return path


def _program(name: str) -> str:
    """Return a server's program, whose absolute path sshd insists on; users have no `sbin` in their PATH."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    assert found is not None, f"{name} is missing; `make acceptance` says how to install it"
    return found


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
