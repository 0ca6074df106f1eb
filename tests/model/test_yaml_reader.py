"""The reader: what it keeps of a file, and what it refuses with which place."""

from __future__ import annotations

import pytest

from reconciler.model.errors import Place, UserError
from reconciler.model.nodes import ListNode, MapNode, Scalar
from reconciler.model.reader import CONFIG_LIMIT, DEPTH_LIMIT, KEY_LIMIT, NODE_LIMIT, PROBLEM_LIMIT, read_yaml


def refusal(data: bytes, *, limit: int = CONFIG_LIMIT) -> UserError:
    with pytest.raises(UserError) as caught:
        read_yaml(data, "f.yaml", limit=limit)
    return caught.value


def test_values_keep_their_text_and_place() -> None:
    root = read_yaml(b"a: +1\nb:\n  - 'off'\n  - off\n", "f.yaml")
    assert isinstance(root, MapNode)
    assert root.get("a") == Scalar("+1", quoted=False, place=Place("f.yaml", 1, 4))
    assert root.get("b") == ListNode(
        (
            Scalar("off", quoted=True, place=Place("f.yaml", 3, 5)),
            Scalar("off", quoted=False, place=Place("f.yaml", 4, 5)),
        ),
        Place("f.yaml", 3, 3),
    )
    assert root.place == Place("f.yaml", 1, 1)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("1", 1),
        ("+1", 1),
        ("-3", -3),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("off", "off"),
        ("yes", "yes"),
        ("'1'", "1"),
        ("'true'", "true"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("2026-11-21", "2026-11-21"),
        ("12:30", "12:30"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("99999999999999999999", "99999999999999999999"),
        pytest.param("9" * 60_000, "9" * 60_000, id="60000 digits"),
    ],
)
def test_f4_plain_values_are_those_of_yaml_1_2_and_numbers_are_finite(raw: str, value: object) -> None:
    root = read_yaml(f"a: {raw}\n".encode(), "f.yaml")
    plain = root.plain()
    assert plain == {"a": value}
    assert type(plain["a"]) is type(value)


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (b"a: &x 1\nb: 2\n", (1, 4), "the anchor `&x`"),
        (b"a: 1\nb: *x\n", (2, 4), "the alias `*x`"),
        (b"a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", (1, 4), "the anchor `&a`"),
        (b"&a {b: 1}\n", (1, 1), "the anchor `&a`"),
        (b"a: 1\n<<: {b: 2}\n", (2, 1), "the merge key `<<`"),
        (b"a: !!str 1\n", (1, 4), "the tag `!!str`"),
        (b"a: !secret x\n", (1, 4), "the tag `!secret`"),
        (b"a: !!python/object:os.system {}\n", (1, 4), "the tag `!!python/object:os.system`"),
        (b"! a: 1\n", (1, 1), "the tag `!`"),
        (b"%TAG ! tag:x,1:\n---\na: 1\n", (1, 1), "a %TAG directive"),
        (b"a: 1\n---\nb: 2\n", (2, 1), "a second document starts here"),
        (b"a: 1\n...\n---\n", (3, 1), "a second document starts here"),
        (b'a: 1\nb: 2\n"a": 3\n', (3, 1), "the key `a` stands twice, first in line 1 column 1"),
        (b"x:\n  - {k: 1, k: 2}\n", (2, 12), "the key `k` stands twice, first in line 2 column 6"),
        (b"? [a]\n: 1\n", (1, 3), "a mapping or list used as a key"),
        (b"? \n: 1\n", (1, 2), "a value without a key"),
        pytest.param(
            b'"' + b"k" * (KEY_LIMIT + 1) + b'": 1\n', (1, 1), f"a key of {KEY_LIMIT + 1} characters", id="long key"
        ),
        (b"a:\n\tb: 1\n", (2, 1), "a tab is used for indentation"),
        (b"a:\n  b: 1\n\tc: 1\n", (3, 1), "a tab is used for indentation"),
        (b"- a\n\t- b\n", (2, 1), "a tab is used for indentation"),
        (b"a: @x\n", (1, 4), "not YAML: a value cannot start with `@`"),
        (b"a: b: c\n", (1, 4), "not YAML: a `: ` where no new key can start"),
        (b"a:\n  b: 1\n c: 2\n", (3, 2), "not YAML: this line fits no level of indentation above it"),
        (b"- a\nb: 1\n", (2, 1), "not YAML: a key where the next item of the list was expected"),
        (b"a: 1\nb\n", (2, 1), "not YAML: `b` is a key without a colon"),
        (b'a: "b\n', (1, 4), "not YAML: a quote that is opened here is not closed on this line"),
        (b'a: "\\d"\n', (1, 5), "not YAML: a backslash that starts no escape"),
        (b'{"a": "\\ud83d"}', (1, 10), "not YAML: an escape that stands for half a character"),
        (b"a: [1\n", (1, 4), "not YAML: a `[` is not closed"),
    ],
)
def test_f4_what_is_refused_names_its_place(data: bytes, place: tuple[int, int], message: str) -> None:
    error = refusal(data)
    assert error.message == message
    assert error.place == Place("f.yaml", *place)
    assert error.expected


@pytest.mark.parametrize("opener", ["[", "{a: ", "- ", "? ", "[{a: ", "a: ["])
def test_f4_towers_are_refused_at_the_first_floor_too_many(opener: str) -> None:
    error = refusal((opener * (CONFIG_LIMIT // len(opener))).encode())
    assert error.place is not None
    assert error.message.startswith((f"nested deeper than {DEPTH_LIMIT} levels", "not YAML"))


def test_f4_depth_up_to_the_limit_is_read() -> None:
    assert isinstance(read_yaml(b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT, "f.yaml"), ListNode)
    assert refusal(b"[" * (DEPTH_LIMIT + 1) + b"]" * (DEPTH_LIMIT + 1)).place == Place("f.yaml", 1, DEPTH_LIMIT + 1)


@pytest.mark.parametrize("limit", [CONFIG_LIMIT, PROBLEM_LIMIT])
def test_f4_size_is_limited(limit: int) -> None:
    assert read_yaml(b"a: " + b"x" * (limit - 3), "f.yaml", limit=limit).plain() == {"a": "x" * (limit - 3)}
    error = refusal(b"a: " + b"x" * (limit - 2), limit=limit)
    assert error.place == Place("f.yaml")
    assert error.expected == f"at most {limit} bytes"


def test_f4_the_number_of_values_is_limited() -> None:
    assert read_yaml(b"[" + b"1," * (NODE_LIMIT - 1) + b"]", "f.yaml").plain() == [1] * (NODE_LIMIT - 1)
    assert refusal(b"[" + b"1," * NODE_LIMIT + b"]").message == f"more than {NODE_LIMIT} values in one file"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> theirs\n", 2),
        (b"<<<<<<< Updated upstream\r\nb: 1\r\n=======\r\nb: 2\r\n>>>>>>> x\r\n", 1),
        (b"a: 1\nb: 2\n>>>>>>> theirs\n", 3),
        (b"a: 1\nb: 1\n=======\nb: 2\n", 3),
    ],
)
def test_g11_merge_conflicts_are_named_at_their_line(data: bytes, line: int) -> None:
    error = refusal(data)
    assert error.message == "an unresolved merge conflict"
    assert error.place == Place("f.yaml", line, 1)
    assert "commit again" in error.hint


def test_g11_arrows_inside_a_text_are_no_conflict() -> None:
    assert read_yaml(b"a: |\n  <<<<<<< HEAD\n", "f.yaml").plain() == {"a": "<<<<<<< HEAD\n"}


def test_g14_an_lfs_pointer_is_recognised() -> None:
    error = refusal(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    assert "Git LFS pointer" in error.message
    assert "git lfs untrack" in error.hint


def test_g14_byte_order_mark_and_crlf_are_normalised() -> None:
    root = read_yaml(b"\xef\xbb\xbfa: 1\r\nb: |\r\n  x\r\n  y\r\nc: z\r\n", "f.yaml")
    assert root.plain() == {"a": 1, "b": "x\ny\n", "c": "z"}
    assert isinstance(root, MapNode)
    c = root.get("c")
    assert c is not None
    assert c.place == Place("f.yaml", 5, 4)


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        ("a: 1".encode("utf-16"), (1, 1), "the file is in UTF-16"),
        (b"a: 1\nb: \xff\n", (2, 4), "a character that text cannot hold (0xff): not UTF-8"),
        (b"a: \xc3\xa4\xed\xa0\x80\n", (1, 5), "a character that text cannot hold (0xed): not UTF-8"),
        (b"a: x\0y\n", (1, 5), "a character that text cannot hold (0x00): a NUL byte"),
        (b'a: "\x1b["\n', (1, 5), "a character that text cannot hold (0x1b): control characters are not allowed"),
    ],
)
def test_g14_bytes_that_are_no_text_are_refused(data: bytes, place: tuple[int, int], message: str) -> None:
    error = refusal(data)
    assert error.message == message
    assert error.place == Place("f.yaml", *place)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# nothing\n", b"---\n", b"\xef\xbb\xbf", b"--- ~\n"])
def test_a_file_without_content_is_a_null(data: bytes) -> None:
    assert read_yaml(data, "f.yaml").plain() is None


def test_json_is_read_with_its_escapes() -> None:
    data = b'{\n\t"a": "\\u00e4\\/\\ud83d\\ude00\\\\ud83d",\t"b": [1.5,true,null]\n}'
    assert read_yaml(data, "f.json").plain() == {"a": "ä/😀\\ud83d", "b": [1.5, True, None]}


def test_places_are_right_behind_joined_surrogates() -> None:
    data = b'{"a": "\\ud83d\\ude00\\ud83d\\ude00", "b": 1,\n "c": "\\ud83d\\ude00"}'
    root = read_yaml(data, "f.json")
    assert isinstance(root, MapNode)
    lines = data.decode().splitlines()
    for key, node in root.entries:
        assert lines[key.place.line - 1][key.place.column :].startswith(f'{key.raw}"')
        assert lines[node.place.line - 1][node.place.column - 1] in '"1'


def test_messages_show_no_hidden_characters_and_stay_short() -> None:
    error = refusal('"\u202e{}": 1\n"\u202e{}": 2\n'.replace("{}", "x" * 300).encode())
    assert "\\u202e" in error.message
    assert "\u202e" not in error.message
    assert len(error.message) < 200
