"""Words that an option does not have: which of its own was meant, never the opposite, else what each of them does."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from reconciler.model.invalid import InvalidFile
from reconciler.model.playbook import load_playbook
from reconciler.model.policy import load_stage
from reconciler.model.problem import load_problem
from reconciler.model.slo import load_slo

MODES = (
    "write `mode: automated` (acts), `mode: shadow` (only writes down what it would do)"
    " or `mode: suspended` (does nothing)"
)
SLO = "objectives:\n- {sli: error_rate, %s}\ntotal_score: {pass: 90%%}\n"


def loading(option: str) -> Callable[[bytes, str], object]:
    """Return what reads the file that has an option."""
    if option == "state":
        return load_problem
    return load_slo if option == "key_sli" else load_stage


def hint_of(option: str, value: str) -> tuple[str, str]:
    """Return what is said of a value, and the file."""
    written = f"{option}: {value}"
    text = (
        f"title: Slow\n{written}\n" if option == "state" else SLO % written if option == "key_sli" else f"{written}\n"
    )
    with pytest.raises(InvalidFile) as refused:
        loading(option)(text.encode(), "stage.yaml")
    return str(refused.value.hint), text


@pytest.mark.parametrize(
    ("option", "said", "meant"),
    [
        ("mode", "off disabled paused stopped false Off no", "suspended"),
        ("mode", "dry-run observe readonly read-only manual dryrun", "shadow"),
        ("mode", "automatic Automated auto", "automated"),
        ("state", "closed fixed done ended OK CLOSED", "resolved"),
        ("state", "firing active new triggered OPENED", "open"),
        ("onResolve", "rollback undo restore", "revert"),
        ("onFail", "rollback undo restore", "revert"),
        ("onWarning", "fail", "next"),
        ("onWarning", "pass", "accept"),
        ("drift", "fix revert", "repair"),
        ("drift", "warn", "report"),
        ("approval", "yes manual require", "required"),
        ("approval", "none false", "automatic"),
    ],
)
def test_a_word_is_offered_only_where_it_was_meant(option: str, said: str, meant: str) -> None:
    for word in said.split():
        hint, text = hint_of(option, word)
        assert hint.startswith(f"did you mean `{meant}`?")
        loading(option)(text.replace(f": {word}\n", f": {meant}\n").encode(), "stage.yaml")


def test_who_wants_to_approve_hears_how() -> None:
    hint, _ = hint_of("mode", "manual")
    assert "`mode: automated` with `approval: required`" in hint
    load_stage(b"mode: automated\napproval: required\n", "stage.yaml")


@pytest.mark.parametrize(
    ("option", "word", "hint"),
    [
        ("mode", "purple", MODES),
        ("mode", "", MODES),
        ("onFail", "escalate", "write `onFail: keep` (leaves the change) or `onFail: revert` (takes it back)"),
        ("state", "purple", "write `state: open` (is still there) or `state: resolved` (is over)"),
        ("key_sli", "yes please", "write `key_sli: true` or `key_sli: false`"),
    ],
)  # fmt: skip
def test_nothing_is_guessed_of_a_word_that_means_nothing_here(option: str, word: str, hint: str) -> None:
    said, text = hint_of(option, word)
    assert said == hint
    for each in re.findall(r"`([^`]+)`", hint):
        loading(option)(text.replace(f"{option}: {word}", each).encode(), "stage.yaml")


def test_the_words_of_an_action_are_told_alike() -> None:
    with pytest.raises(InvalidFile) as refused:
        load_playbook(b"remediations:\n- name: x\n  actions:\n  - {action: restart, onFail: undo}\n", "a")
    assert refused.value.hint == "did you mean `revert`?"
