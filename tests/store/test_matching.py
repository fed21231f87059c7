"""What the development database is taught about matching gives what its own functions give."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from typing import Any

import bson
import pytest
from secantus.collation import parse
from secantus.query import MISSING, QueryError

from ops.secantus import matching

PLAIN: list[Any] = [
    None, True, 1, 1.0, "x", "y", "z", "", "1", bson.Code("x"), b"x", bson.ObjectId(b"x" * 12), float("nan"), bson.Int64(1),
    datetime(2026, 11, 26), {"a": "x"}, {"$x": "y"}, bson.Regex("x"), bson.Binary(b"x", 6), bson.Decimal128("1"),
]  # fmt: skip
TEXTS = ["x", "y", "z", "", "1"]
OPERATORS = ["$in", "$in", "$in", "$nin", "$eq", "$ne", "$gt", "$exists", "$size", "$nothing"]


def value(chance: random.Random, depth: int = 2) -> Any:
    """Any value, an array more often than not."""
    kind = chance.randrange(6) if depth else 5
    if kind == 0:
        return chance.sample(TEXTS, chance.randrange(4))
    if kind == 1:
        return [value(chance, depth - 1) for _ in range(chance.randrange(4))]
    if kind == 2:
        return {chance.choice("ab"): value(chance, depth - 1) for _ in range(2)}
    return chance.choice(TEXTS if kind == 3 else PLAIN)


def events(ask: Callable[..., bool], *given: Any, **more: Any) -> Any:
    """The answer, or the error that stands for it."""
    try:
        return ask(*given, **more)
    except QueryError as error:
        return str(error), error.code


def test_operators_match_what_they_always_did() -> None:
    chance = random.Random(9)
    hits = 0
    for _ in range(30_000):
        values = [chance.choice([MISSING, value(chance), value(chance)]) for _ in range(chance.randrange(3))]
        op, descend = chance.choice(OPERATORS), chance.random() < 0.8
        arg = chance.choice([value(chance), chance.sample(TEXTS, 3), chance.sample(TEXTS, 1)])
        answer = events(matching.operator, values, op, arg, descend=descend)
        assert answer == events(matching.slow_operator, values, op, arg, descend=descend), (values, op, arg)
        hits += op == "$in" and answer is True
    assert hits > 500


@pytest.mark.parametrize("collation", [None, {"locale": "en", "strength": 2}])
def test_a_field_matches_what_it_always_did(collation: Any) -> None:
    given = parse(collation)
    chance = random.Random(11)
    hits = 0
    for _ in range(10_000):
        document = {field: value(chance) for field in chance.sample("abc", chance.randrange(4))}
        key = chance.choice(["a", "b", "c", "a.b", "a.0", "$and", "$comment", "$nothing"])
        condition = chance.choice([value(chance), *TEXTS, *(text.upper() for text in TEXTS)])
        answer = events(matching.clause, document, key, condition, None, given)
        assert answer == events(matching.slow_clause, document, key, condition, None, given), (document, key, condition)
        hits += answer is True
    assert hits > 300


def test_a_copy_is_equal_and_shares_nothing_that_can_be_changed() -> None:
    def shared(one: Any, other: Any) -> bool:
        if isinstance(one, dict):
            return one is other or any(shared(one[name], other[name]) for name in one)
        if isinstance(one, list):
            return one is other or any(map(shared, one, other))
        return False

    chance = random.Random(13)
    for _ in range(2_000):
        document = {"a": value(chance), "b": [value(chance)], "c": {"d": value(chance)}}
        before = bson.encode(document)
        copy = matching.copied(document)
        assert bson.encode(copy) == before == bson.encode(deepcopy(document))
        assert [*map(type, copy.values())] == [*map(type, document.values())]
        assert not shared(document, copy)
