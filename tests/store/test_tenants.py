"""Two processes and a sweeper: what one writes wakes the other's timers, and an idle community is not asked."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from shared.broker.outbox import Sweeper
from shared.rules.errors import Unavailable
from shared.storage import tenants
from shared.storage.mongo import MongoBackend
from shared.storage.tenants import MARGIN, Tenants
from tests.store.asked import Asked
from tests.store.seats import KIND


def document(id: str, community: str = "lijing", **more: Any) -> dict[str, Any]:
    event = {"id": f"{id}-event", "name": "opened", "at": datetime.now(UTC) - timedelta(minutes=1)}
    return {"_id": id, "community": community, "version": 1, "wrote": [id], "outbox": [event], **more}


@pytest.fixture
def two(database: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[MongoBackend, MongoBackend, Asked]]:
    """The same collection in two processes; what the second one reads is noted. Answers are believed for no time."""
    monkeypatch.setattr(tenants, "BELIEVED_SECONDS", 0.0)
    asked, name = Asked(), f"tenants_{uuid.uuid4().hex[:8]}"
    with (
        MongoClient[Any](database.uri, tz_aware=True) as one,
        MongoClient[Any](database.uri, tz_aware=True, event_listeners=[asked]) as other,
    ):
        yield *(MongoBackend(client, Tenants(client, name), name, KIND) for client in (one, other)), asked  # type: ignore[misc]


def test_a_sweeper_leaves_quiet_communities_alone_until_somebody_writes(
    two: tuple[MongoBackend, MongoBackend, Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, asked = two
    offered: list[str] = []
    ledger = SimpleNamespace(tidy_after_the_dead=lambda: None, published=set)
    relay: Any = SimpleNamespace(connected=True, ledger=ledger, offer=lambda c, community, id, rows: offered.append(id))
    sweeper = Sweeper(relay, {"sessions": other}, after=10)

    def sweep() -> tuple[list[str], int]:
        offered.clear(), asked.found.clear()
        sweeper.sweep(datetime.now(UTC))
        return list(offered), asked.found.count(("find", "sessions"))

    one.insert([document("a"), document("b", "shengtaiyuan", outbox=[])])
    assert sweep() == (["a"], 2)
    one.remove_events([("lijing", "a", "a-event")])
    assert sweep() == ([], 2), "both are looked at for as long as what was noted stands"
    # Later: what was noted is older than any write that it stands for.
    real = datetime.now(UTC)
    monkeypatch.setattr(tenants, "datetime", SimpleNamespace(now=lambda zone: real + 2 * MARGIN))
    monkeypatch.setattr("shared.broker.outbox.datetime", SimpleNamespace(now=lambda zone: real + 2 * MARGIN))
    assert sweep() == ([], 2)
    assert sweep() == ([], 0)
    one._tenants._noted.clear()  # its note has run out
    one.update("a", "lijing", 1, {"version": 2, "wrote": ["again"]}, [document("a")["outbox"][0]])
    assert sweep() == (["a"], 1)
    assert sweep() == (["a"], 1), "until it is published"


def test_a_note_is_written_once_a_minute_and_before_what_it_is_about(two: tuple[MongoBackend, MongoBackend, Asked]) -> None:
    one, other, _ = two
    notes = 0
    real = one._tenants._collection

    def update_one(*given: Any, **more: Any) -> Any:
        nonlocal notes
        notes += 1
        if notes == 1:
            raise PyMongoError("the database is away")
        return real.update_one(*given, **more)

    one._tenants._collection = SimpleNamespace(update_one=update_one)
    with pytest.raises(Unavailable):
        one.insert([document("a")])
    assert other.read([("lijing", "a")]) == [None]
    for n in range(20):
        one.insert([document(f"a{n}")])
        one.update(f"a{n}", "lijing", 1, {"version": 2, "wrote": ["b"]}, [])
    assert notes == 2
    one._tenants._noted = {key: (at - tenants.NOTED_SECONDS, wall) for key, (at, wall) in one._tenants._noted.items()}
    one.update("a1", "lijing", 2, {"version": 3, "wrote": ["c"]}, [])
    assert notes == 3
    assert set(other.written()) == {"lijing"}


def test_a_chain_makes_no_community_of_a_name_that_somebody_was_refused_for(
    two: tuple[MongoBackend, MongoBackend, Asked],
) -> None:
    one, other, _ = two
    one.insert([document("a")])
    one._tenants.note("audit", ["lijing", "nowhere"], new=False)
    assert set(other.written()) == {"lijing"}
    assert other._tenants.written("audit")["lijing"] > datetime.now(UTC) - timedelta(minutes=1)
