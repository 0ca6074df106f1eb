"""The patch kinds, as their RFCs and the Kubernetes documentation have them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from reconciler.embedded.cluster import ApiError
from reconciler.embedded.cluster.patches import json_merge, json_patch, strategic_merge

RFC_7386 = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("document", "patch", "result"), RFC_7386)
def test_merge_patches_as_the_rfc_shows_them(document: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy(document)
    assert json_merge(document, patch) == result
    assert document == before


RFC_6902 = [
    ({"foo": "bar"}, {"op": "add", "path": "/baz", "value": "qux"}, {"baz": "qux", "foo": "bar"}),
    ({"foo": ["bar", "baz"]}, {"op": "add", "path": "/foo/1", "value": "qux"}, {"foo": ["bar", "qux", "baz"]}),
    ({"foo": ["bar"]}, {"op": "add", "path": "/foo/-", "value": ["abc"]}, {"foo": ["bar", ["abc"]]}),
    ({"baz": "qux", "foo": "bar"}, {"op": "remove", "path": "/baz"}, {"foo": "bar"}),
    ({"foo": ["bar", "qux", "baz"]}, {"op": "remove", "path": "/foo/1"}, {"foo": ["bar", "baz"]}),
    ({"baz": "qux"}, {"op": "replace", "path": "/baz", "value": "boo"}, {"baz": "boo"}),
    ({"a": {"b": 1}, "c": {}}, {"op": "move", "from": "/a/b", "path": "/c/d"}, {"a": {}, "c": {"d": 1}}),
    ({"a": [1, 2, 3]}, {"op": "copy", "from": "/a/0", "path": "/b"}, {"a": [1, 2, 3], "b": 1}),
    ({"a/b": 1, "m~n": 2}, {"op": "remove", "path": "/a~1b"}, {"m~n": 2}),
    ({"a": {"x": [{"y": 1}]}}, {"op": "replace", "path": "/a/x/0/y", "value": 2}, {"a": {"x": [{"y": 2}]}}),
]


@pytest.mark.parametrize(("document", "operation", "result"), RFC_6902)
def test_json_patches_as_the_rfc_shows_them(document: Any, operation: Any, result: Any) -> None:
    before = copy.deepcopy(document)
    assert json_patch(document, [operation]) == result
    assert document == before


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        ([{"op": "test", "path": "/a", "value": 2}], 422),
        ([{"op": "remove", "path": "/missing"}], 422),
        ([{"op": "replace", "path": "/list/7", "value": 0}], 422),
        ([{"op": "add", "path": "/list/x", "value": 0}], 422),
        ([{"op": "spin", "path": "/a"}], 400),
        ({"op": "add"}, 400),
    ],
)
def test_json_patches_that_do_not_apply(operations: Any, code: int) -> None:
    with pytest.raises(ApiError) as refused:
        json_patch({"a": 1, "list": [1]}, operations)
    assert refused.value.code == code


POD: dict[str, Any] = {"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}]}


@pytest.mark.parametrize(
    ("patch", "result"),
    [
        (
            {"containers": [{"name": "a", "image": "2"}]},
            {"containers": [{**POD["containers"][0], "image": "2"}, {"name": "b"}]},
        ),
        ({"containers": [{"name": "c"}]}, {"containers": [*POD["containers"], {"name": "c"}]}),
        ({"containers": [{"name": "a", "$patch": "delete"}]}, {"containers": [{"name": "b"}]}),
        ({"containers": [{"$patch": "replace"}, {"name": "z"}]}, {"containers": [{"name": "z"}]}),
        (
            {"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}]}]},
            {
                "containers": [
                    {**POD["containers"][0], "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]},
                    {"name": "b"},
                ]
            },
        ),
        ({"containers": None}, {}),
        ({"tolerations": [{"key": "k"}]}, {**POD, "tolerations": [{"key": "k"}]}),
        ({"$patch": "replace", "only": 1}, {"only": 1}),
    ],
)
def test_strategic_patches_merge_lists_by_their_keys(patch: Any, result: Any) -> None:
    before = copy.deepcopy(POD)
    assert strategic_merge(POD, patch) == result
    assert before == POD


def test_strategic_patches_treat_finalizers_as_a_set() -> None:
    assert strategic_merge({"finalizers": ["a"]}, {"finalizers": ["b", "a"]}) == {"finalizers": ["a", "b"]}
    removed = strategic_merge({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]})
    assert removed == {"finalizers": ["b"]}


def test_an_item_without_its_key_is_refused() -> None:
    with pytest.raises(ApiError) as refused:
        strategic_merge(POD, {"containers": [{"image": "2"}]})
    assert refused.value.code == 422
