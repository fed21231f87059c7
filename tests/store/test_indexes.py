"""What is indexed: a time that only some records have, of those alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.events.base import Aggregate
from shared.storage.kinds import Kind
from shared.storage.mongo import MongoBackend, connect
from shared.storage.tenants import Tenants

AT = datetime(2026, 11, 26, 9, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Loan(Aggregate):
    """Something that is due some day, and then no more."""

    who: str = ""
    due: datetime | None = None


LOAN = Kind(Loan, "loans", indexes=(("who", "born"), ("due",)), trailed=True)


@pytest.fixture
def backend(database: Any) -> Iterator[MongoBackend]:
    client, name = connect(database.uri, 5), f"indexed_{uuid.uuid4().hex[:8]}"
    yield MongoBackend(client, Tenants(client, name), name, LOAN)
    client.close()


def document(n: int, due: datetime | None = None, waiting: int = 0) -> dict[str, Any]:
    rows = [{"id": f"{n}-{k}", "at": AT} for k in range(waiting)]
    return {
        "_id": str(n),
        "community": "lijing",
        "version": 1,
        "born": AT,
        "who": "a",
        "due": due,
        "wrote": [str(n)],
        "outbox": rows,
        "trail_acts": rows,
    }


def some(backend: MongoBackend) -> dict[str, str]:
    """The indexes that do not hold every record: of which time."""
    found = backend._collection.index_information().values()
    return {
        "_".join(key for key, _ in i["key"]): next(iter(i["partialFilterExpression"]))
        for i in found
        if "partialFilterExpression" in i
    }


def test_what_only_some_have_is_indexed_where_it_is(backend: MongoBackend) -> None:
    backend.prepare()
    assert some(backend) == {
        "community_due__id": "due",
        "community_outbox.at": "outbox.at",
        "community_trail_acts.at": "trail_acts.at",
    }
    backend.insert([document(n, AT if n == 7 else None, waiting=int(n == 8)) for n in range(300)])
    for where, found in (
        ({"due": {"$gt": AT - timedelta(1), "$lt": AT + timedelta(1)}}, "7"),
        ({"outbox.at": {"$gte": AT}}, "8"),
    ):
        asked = backend._collection.find({"community": "lijing"} | where)
        assert [d["_id"] for d in asked] == [found]
        assert asked.explain()["executionStats"]["totalDocsExamined"] == 1
    assert backend.update("7", "lijing", 1, {"due": None, "version": 2, "wrote": ["x"]}, [])
    assert backend.query({"community": "lijing", "due": {"$gt": AT - timedelta(1)}}, [("due", 1), ("_id", 1)], 5) == []
    assert [d["_id"] for page in backend.left_behind("lijing", AT + timedelta(1), 50) for d in page] == ["8"]


def test_an_index_of_an_older_release_goes_and_what_it_found_is_found(backend: MongoBackend) -> None:
    for fields in (("due", "_id"), ("outbox.at",), ("born", "_id")):
        backend._collection.create_index([("community", 1), *((field, 1) for field in fields)])
    backend._collection.create_index("who", name="an_operators_own")
    backend.insert([document(n, AT) for n in range(3)])
    for _ in range(2):
        backend.prepare()
        names = set(backend._collection.index_information())
        assert {"community_1_due_1__id_1", "community_1_outbox.at_1"}.isdisjoint(names)
        assert {"community_1_born_1__id_1", "an_operators_own"} <= names
    due = {"community": "lijing", "due": {"$gt": AT - timedelta(1)}}
    assert len(backend.query(due, [("due", 1), ("_id", 1)], 5)) == 3
