"""The image's recipe, as a linter and a reader see it; that its steps work is shown by test_image_steps.py."""

from __future__ import annotations

import json
import re
import shlex
import subprocess

from reconciler.model.daemon_config import load_daemon_config
from tests.deploy.cases import MINIMAL
from tests.deploy.dockerfile import FILE, stages
from tests.deploy.rendering import daemon, helm, pod, program, settings

LAST = stages()[-1]


def test_the_linter_finds_nothing() -> None:
    done = subprocess.run(
        [program("hadolint"), "--no-color", "--failure-threshold", "style", "--format", "json", str(FILE)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert json.loads(done.stdout) == []
    assert done.returncode == 0


def test_every_exemption_from_the_linter_has_a_reason() -> None:
    text = FILE.read_text("utf-8")
    reasons = re.findall(r"^# (.+)\n# hadolint ignore=[A-Z0-9,]+$", text, re.MULTILINE)
    assert len(reasons) == text.count("hadolint ignore=")
    assert all(len(reason.split()) > 5 for reason in reasons)


def test_debian_brings_git_ssh_and_certificates_and_nothing_else() -> None:
    (run,) = [each for each in LAST.of("RUN") if "apt-get" in each]
    (install,) = [words for part in run.split("&&") if (words := shlex.split(part))[:2] == ["apt-get", "install"]]
    assert [word for word in install[2:] if not word.startswith("-")] == ["git", "openssh-client", "ca-certificates"]
    assert "--no-install-recommends" in install
    assert "rm -rf /var/lib/apt/lists/*" in run


def test_what_the_base_has_to_build_with_is_gone_before_the_product_comes() -> None:
    order = [instruction for instruction, text in LAST.steps if instruction in ("RUN", "COPY", "USER")]
    assert order == ["RUN", "RUN", "COPY", "USER"]
    assert re.match(r"rm -rf /usr/local/lib/python3\.\*/site-packages/\* ", LAST.of("RUN")[1])


def test_only_what_was_built_is_taken_over() -> None:
    assert LAST.of("COPY") == ["--from=build /opt/reconciler /opt/reconciler"]
    assert LAST.of("ADD") == []


def test_the_user_is_a_number_with_a_name() -> None:
    """`ssh` ends with `No user exists for uid 65532` where the number is not in /etc/passwd."""
    (user,) = LAST.of("USER")
    assert user == "65532:65532"
    assert re.search(r"useradd --uid 65532 --gid 65532 .*--shell /usr/sbin/nologin", LAST.of("RUN")[0])
    assert pod(helm(MINIMAL))["securityContext"]["runAsUser"] == int(user.partition(":")[0])


def test_everything_that_is_written_goes_to_the_one_folder_that_can_be_written_to() -> None:
    state = str(load_daemon_config(settings(helm(MINIMAL)).encode(), "reconciler.yaml").state_dir)
    environment = LAST.environment()
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        assert f"{environment[name]}/".startswith(f"{state}/"), name
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert LAST.of("WORKDIR") == [state]
    mounted = {each["name"]: each["mountPath"] for each in daemon(helm(MINIMAL))["volumeMounts"]}
    assert mounted["state"] == state


def test_health_is_asked_for_where_the_chart_has_it() -> None:
    (port,) = [each["containerPort"] for each in daemon(helm(MINIMAL))["ports"] if each["name"] == "status"]
    assert f"'127.0.0.1', {port}," in LAST.command("HEALTHCHECK")[-1]
    assert daemon(helm(MINIMAL))["livenessProbe"]["httpGet"]["path"] in LAST.command("HEALTHCHECK")[-1]


def test_no_secret_can_be_built_in() -> None:
    for stage in stages():
        assert stage.of("ARG") == []
        assert not any(re.search(r"token|password|secret", text, re.IGNORECASE) for _, text in stage.steps)
