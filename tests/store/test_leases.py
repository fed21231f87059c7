"""Who may act on a name: one at a time, taken over when it runs out, and one write an asking."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import AutoReconnect

from ops.client import until
from shared.entrypoints.timers import Leases
from shared.settings import LEASE_SECONDS
from tests.store.asked import Asked

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
LATER = NOW + timedelta(seconds=LEASE_SECONDS + 1)


@pytest.fixture
def two(database: Any) -> tuple[Leases, Leases, Asked]:
    asked = Asked()
    client: MongoClient[Any] = MongoClient(database.uri, tz_aware=True, event_listeners=[asked])
    platform: Any = SimpleNamespace(mongo=client, database=f"leases_{uuid.uuid4().hex[:8]}")
    return Leases(platform), Leases(platform), asked


def test_one_holds_it_and_the_other_takes_over_when_it_runs_out(two: tuple[Leases, Leases, Asked]) -> None:
    one, other, _ = two
    assert one.acquire("sweep", NOW) == 1
    assert other.acquire("sweep", NOW) is None
    assert one.acquire("sweep", NOW + timedelta(seconds=5)) == 1, "renewing keeps the number"
    assert other.acquire("sweep", LATER) is None, "it was renewed"
    assert other.acquire("sweep", LATER + timedelta(seconds=5)) == 2
    assert one.acquire("sweep", LATER + timedelta(seconds=5)) is None, "who was late has lost it"
    assert one.acquire("sweep", LATER + timedelta(seconds=30)) == 3


def test_what_is_given_back_is_taken_at_once(two: tuple[Leases, Leases, Asked]) -> None:
    one, other, _ = two
    assert (one.acquire("sweep", NOW), other.acquire("sweep", NOW)) == (1, None)
    one.release("sweep")
    assert other.acquire("sweep", NOW) == 2
    assert one.acquire("sweep", NOW) is None


def test_a_lease_whose_reply_was_lost_is_known_again_at_the_next_asking(two: tuple[Leases, Leases, Asked]) -> None:
    one, other, _ = two
    assert (one.acquire("sweep", NOW), other.acquire("sweep", NOW)) == (1, None)
    write = other._leases.update_one

    def lost(*args: Any) -> Any:
        write(*args)
        raise AutoReconnect("the reply was lost")

    other._leases = SimpleNamespace(update_one=lost, find_one=other._leases.find_one)
    with pytest.raises(AutoReconnect):
        other.acquire("sweep", LATER)
    other._leases = one._leases
    assert other.acquire("sweep", LATER + timedelta(seconds=1)) == 2
    assert one.acquire("sweep", LATER + timedelta(seconds=1)) is None


def test_a_lease_that_vanished_is_made_anew_by_who_waits(two: tuple[Leases, Leases, Asked]) -> None:
    one, other, _ = two
    assert (one.acquire("sweep", NOW, 0.05), other.acquire("sweep", NOW, 0.05)) == (1, None)
    other._leases.delete_one({"_id": "sweep"})
    until(lambda: other.acquire("sweep", NOW, 0.05) == 1, 5, "the waiter to hold it")


def test_holding_costs_one_write_in_a_quarter_of_the_time_and_waiting_one_an_asking(two: tuple[Leases, Leases, Asked]) -> None:
    one, other, asked = two
    one.acquire("sweep", NOW), other.acquire("sweep", NOW)
    before = len(asked.found)
    for second in range(1, 1 + int(LEASE_SECONDS / 2)):
        one.acquire("sweep", NOW + timedelta(seconds=second))
        other.acquire("sweep", NOW + timedelta(seconds=second))
    assert len(asked.found) - before == 1 + int(LEASE_SECONDS / 2)


def test_a_holder_whose_clock_was_set_back_asks_again(two: tuple[Leases, Leases, Asked]) -> None:
    one, other, _ = two
    assert one.acquire("sweep", NOW) == 1
    assert other.acquire("sweep", LATER) == 2
    assert one.acquire("sweep", NOW - timedelta(hours=1)) is None
