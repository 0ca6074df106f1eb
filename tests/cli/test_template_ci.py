"""What newcomers break in a new configuration repository is told by its own check: place, and how to write it right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.template_clone import Clone, laid_out
from tests.cli.template_mistakes import MISTAKES, Mistake


@pytest.fixture(scope="module")
def _clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    folder = tmp_path_factory.mktemp("template")
    (folder / "gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.com\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        return laid_out(folder)


@pytest.fixture
def clone(_clone: Clone) -> Clone:
    """The clone as it was laid out; commits of other tests are gone."""
    _clone.fresh()
    return _clone


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place_and_the_way_out(clone: Clone, mistake: Mistake) -> None:
    mistake.make(clone.folder)
    clone.commit()
    done = clone.check()
    assert done.code == 1, done
    (told,) = re.findall(rf"^ +{re.escape(mistake.place)}.*\n(?: {{8,}}.*\n)*", done.out, re.MULTILINE)
    assert re.search(rf"(?:expected|hint): .*{re.escape(mistake.fix)}", told), told
    assert "hint: " in told
    assert "told once this is mended" in done.out


def test_there_are_mistakes_in_each_file() -> None:
    files = {mistake.place.partition(":")[0] for mistake in MISTAKES.values()}
    assert files >= {
        "stage.yaml", "carts/service.yaml", "carts/slo.yaml", "carts/remediation.yaml", "carts/prometheus/sli.yaml",
    }  # fmt: skip


def test_what_is_laid_out_is_in_order_on_every_branch(clone: Clone) -> None:
    done = clone.run("reconciler", "validate", "--all-stages", "--strict")
    assert (done.code, done.out) == (0, ""), done


def test_a_good_change_is_told_with_what_would_be_different(clone: Clone) -> None:
    file = clone.folder / "carts" / "service.yaml"
    file.write_text(file.read_text("utf-8").replace("max: 4", "max: 3"), "utf-8")
    clone.commit()
    done = clone.check()
    assert done.code == 0, done
    assert "### What merging changes now in `production`" in done.out
    assert "changes nothing now" in done.out
    assert "past problems" in done.out
    assert (clone.folder / "reconciler-summary.md").read_text("utf-8") == done.out
    assert clone.git("status", "--porcelain") == ""


def test_a_change_for_the_whole_project_is_planned_for_all_its_stages(clone: Clone) -> None:
    clone.git("switch", "-q", "--detach", "origin/main")
    file = clone.folder / "project.yaml"
    file.write_text(file.read_text("utf-8").replace("[dev, staging, production]", "[dev, production]"), "utf-8")
    clone.commit()
    done = clone.check("main", DEFAULT_BRANCH="main")
    assert done.code == 0, done
    assert "staging would be no stage any more" in done.out
    assert "past problems" not in done.out


def test_a_tag_that_is_called_like_the_branch_hides_nothing(clone: Clone) -> None:
    (clone.folder / "carts" / "remediation.yaml").write_text("remediations: [\n", "utf-8")
    clone.commit()
    clone.git("tag", "origin/production", "HEAD")
    try:
        assert clone.check("production").code == 1
    finally:
        clone.git("tag", "-d", "origin/production")


def test_what_cannot_be_merged_is_no_yes(clone: Clone) -> None:
    clone.git("switch", "-q", "--detach", "origin/dev")
    done = clone.check("production")
    assert done.code == 0, done.out
    stage = clone.folder / "stage.yaml"
    stage.write_text("mode: suspended\n", "utf-8")
    clone.commit()
    done = clone.check("production")
    assert done.code == 2
    assert "cannot be merged without a conflict: stage.yaml" in done.err
    assert "resolve the conflict there" in done.out


def test_a_branch_that_nobody_acts_on_is_named(clone: Clone) -> None:
    done = clone.check("no-stage")
    assert done.code == 2
    assert "no-stage" in done.err
    assert clone.run("sh", "ci/check.sh").code == 2


def test_scripts_are_plain_sh_and_name_no_project_of_others(clone: Clone) -> None:
    clone.git("switch", "-q", "--detach", "origin/main")
    for script in (Path("ci/check.sh"), Path("hooks/pre-receive")):
        assert clone.run("sh", "-n", str(script)).code == 0
        assert "sockshop" not in (clone.folder / script).read_text("utf-8")
