"""What one replica hears of, the others read from the database that they share, whatever their own clocks say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from shared.events.residents import AccessRevoked
from shared.security.identity import Membership, Principal
from shared.security.revocations import Revocations

NOW = datetime.now(UTC)


class Ahead(datetime):
    """The clock of a host that is five minutes ahead."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) + timedelta(minutes=5)


@pytest.fixture
def replicas(database: Any) -> tuple[Revocations, Revocations, Any]:
    """Two processes of one service, and what they keep."""
    client: MongoClient[Any] = MongoClient(database.uri, tz_aware=True)
    client.drop_database("revocations")
    two = [Revocations(client, "revocations") for _ in range(2)]
    for one in two:
        one.prepare()
    return two[0], two[1], client["revocations"]["revoked"]


def ended(*sessions: str) -> AccessRevoked:
    return AccessRevoked("account", list(sessions), "", 0, NOW)


def shrunk(generation: int) -> AccessRevoked:
    return AccessRevoked("account", [], "lijing", generation, NOW)


def holder(session: str = "session", generation: int = 1) -> Principal:
    return Principal("account", {"lijing": Membership("person", frozenset({"resident"}))}, session, generation)


def test_what_one_replica_notes_the_other_refuses_after_its_next_look(replicas: Any) -> None:
    first, second, _ = replicas
    first.note(ended("session"))
    assert (first.void(holder()), second.void(holder())) == (True, False)
    second.read()
    assert second.void(holder())
    assert not second.void(holder("another"))


def test_a_membership_that_shrank_voids_older_tokens_alone_in_any_order(replicas: Any) -> None:
    first, second, _ = replicas
    for generation in (3, 2, 3):  # the older one comes again, later
        first.note(shrunk(generation))
        second.read()
    for one in (first, second):
        assert [one.void(holder(generation=n)) for n in (1, 2, 3)] == [True, True, False]


def test_a_replica_whose_clock_is_ahead_hides_nothing_from_the_others(replicas: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, kept = replicas
    with monkeypatch.context() as patched:
        patched.setattr("shared.security.revocations.datetime", Ahead)
        first.note(ended("by who is ahead"))
    second.read()
    first.note(ended("session"))
    second.read()
    assert second.void(holder())
    noted = [row["noted"] for row in kept.find({})]
    assert all(abs((at - datetime.now(UTC)).total_seconds()) < 60 for at in noted), "by the database's clock"


def test_what_was_written_late_is_read_still(replicas: Any) -> None:
    """A write of before may become readable after one that is newer."""
    first, second, kept = replicas
    first.note(ended("newer"))
    second.read()
    late = kept.find_one({})["noted"] - timedelta(seconds=10)
    kept.insert_one({"_id": "session", "community": "_", "generation": 0, "noted": late})
    second.read()
    assert second.void(holder())


def test_a_replica_that_starts_knows_what_the_others_know(replicas: Any, database: Any) -> None:
    first, _, _ = replicas
    first.note(ended("session"))
    started = Revocations(MongoClient(database.uri, tz_aware=True), "revocations")
    assert not started.void(holder())
    started.prepare()
    assert started.void(holder())
