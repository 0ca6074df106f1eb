"""Whatever stands where a signature and its key stand is judged, or refused as a signature: nothing else happens.

Anybody who may push chooses these bytes, and they are looked at before it is known whose key it is.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.repo.signatures_sshsig import NotASignatureError, armored, mpint, parse, string

NUMBERS = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([65537, (1 << 70) + 1, (1 << 2048) + 1, -(1 << 2048) - 1, (1 << 16384) + 1, (1 << 100_000) + 1]),
)
CURVES = (b"nistp256", b"nistp384", b"nistp521", b"nistp000")


def number(value: int) -> bytes:
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def looked_at(key: bytes, signature: bytes) -> bool:
    with suppress(NotASignatureError):
        return parse(armored(key, signature)).covers(b"a commit")
    return False


@settings(max_examples=60, deadline=None)
@given(exponent=NUMBERS, modulus=NUMBERS, proof=st.binary(max_size=300), algorithm=st.sampled_from(["256", "512"]))
def test_any_numbers_are_an_rsa_key_or_none(exponent: int, modulus: int, proof: bytes, algorithm: str) -> None:
    key = string(b"ssh-rsa") + number(exponent) + number(modulus)
    assert not looked_at(key, string(f"rsa-sha2-{algorithm}".encode()) + string(proof))


@settings(max_examples=60, deadline=None)
@given(
    curve=st.sampled_from(CURVES),
    other=st.sampled_from(CURVES),
    point=st.binary(max_size=140),
    one=NUMBERS,
    two=NUMBERS,
)
def test_any_points_are_an_ecdsa_key_or_none(curve: bytes, other: bytes, point: bytes, one: int, two: int) -> None:
    kind = b"ecdsa-sha2-" + curve
    signature = string(kind) + string(number(one) + number(two))
    for start in (b"", b"\4"):
        assert not looked_at(string(kind) + string(other) + string(start + point), signature)


@pytest.mark.parametrize("exponent", [2, 65537])
def test_a_negative_key_is_malformed(exponent: int) -> None:
    key = string(b"ssh-rsa") + mpint(exponent) + number(-(1 << 2048) - 1)
    with pytest.raises(NotASignatureError, match="malformed"):
        parse(armored(key, string(b"rsa-sha2-512") + string(b"x" * 256))).covers(b"a commit")
