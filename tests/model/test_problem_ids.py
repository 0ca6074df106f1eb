"""Identities: reversible, fit for refs and paths, and never mistaken for an occurrence."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.errors import UserError
from reconciler.model.problem import problem_id
from reconciler.model.problem_ids import ID_LIMIT, occurrence_of, problem_stem, remediation_id

QUICK = settings(deadline=None, max_examples=100)

stems = st.binary(min_size=1, max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    ("stem", "identity"),
    [
        ("dynatrace-99999", "dynatrace-99999"),
        ("alertmanager-0ccb298e18a222fd-20261121T100000.123Z", "alertmanager-0ccb298e18a222fd-20261121T100000.123Z"),
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("%41", "%2541"),
        ("x+2", "x%2B2"),
        ("x+2+3", "x+2%2B3"),
        ("+7", "%2B7"),
        ("x+y", "x+y"),
        ("2022-11-26T10:57:14Z", "2022-11-26T10%3A57%3A14Z"),
        (".hidden", "%2Ehidden"),
        ("..", "%2E%2E"),
        ("a..b", "a%2E.b"),
        ("a.", "a%2E"),
        ("a.lock", "a%2Elock"),
        ("A.LOCK", "A%2ELOCK"),
        ("-rf", "%2Drf"),
        ("a/b\\c", "a%2Fb%5Cc"),
        ("@", "%40"),
        ("HEAD~1^{commit}", "HEAD%7E1%5E%7Bcommit%7D"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("a\nb\x1b", "a%0Ab%1B"),
        ("\udcff", "%FF"),
    ],
)
def test_g13_ids_are_percent_encoded_where_refs_and_paths_need_it(stem: str, identity: str) -> None:
    assert problem_id(stem) == identity
    assert problem_stem(problem_id(stem)) == stem


@QUICK
@given(stems)
def test_g13_ids_are_reversible_and_plain(stem: str) -> None:
    identity = problem_id(stem)
    assert problem_stem(identity) == stem
    assert identity.isascii()
    assert identity.isprintable()
    assert not set(identity) & set(" ~^:?*[\\/@{}\"'$`&|;<>()#!")
    assert occurrence_of(remediation_id(identity, 1)) == (identity, 1)


@QUICK
@given(stems, stems)
def test_two_stems_never_share_an_id(one: str, other: str) -> None:
    assert (problem_id(one) == problem_id(other)) == (one == other)


@QUICK
@given(stems, st.integers(1, 999_999))
def test_occurrences_are_read_back(stem: str, occurrence: int) -> None:
    identity = problem_id(stem)
    assert occurrence_of(remediation_id(identity, occurrence)) == (identity, occurrence)


def test_g13_git_takes_the_ids_as_refs() -> None:
    nasty = [".", "..", "a..b", "a.lock", "a.", "-a", "@", "@{", "a b", "~", "\x7f", "*", "ä", "x+2", "/", "a//b", "\\"]
    for stem in nasty:
        for occurrence in (1, 2):
            ref = f"refs/reconciler/{remediation_id(problem_id(stem), occurrence)}"
            assert subprocess.run(["git", "check-ref-format", ref], check=False).returncode == 0, ref


@pytest.mark.parametrize("stem", ["", "x" * (ID_LIMIT + 1), "ä" * (ID_LIMIT // 6 + 1), "\ud800"])
def test_stems_that_give_no_id_are_refused(stem: str) -> None:
    with pytest.raises(UserError) as caught:
        problem_id(stem)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", "a b", "a/b", "ä", "x" * 300])
def test_what_is_no_remediation_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        occurrence_of(text)  # type: ignore[arg-type]  # text of a person, not an id yet
