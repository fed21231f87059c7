"""The relay and its ledger on a real database; the broker's word is given by hand."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo import MongoClient

from ops.client import until
from shared.broker.ledger import ORPHANED_AFTER_TIMES, Ledger
from shared.broker.outbox import CROWDED_EVENTS_A_DOCUMENT, OutboxRelay, Sweeper
from shared.runtime.platform import Platform
from shared.security.privacy import PlainVault
from shared.storage.mongo import MongoBackend, connect
from shared.storage.store import Store
from shared.storage.tenants import Tenants
from tests.store.seats import KIND, call, opened


class Replica:
    """One replica without a broker: `confirm` stands for the broker's word."""

    def __init__(self, uri: str, database: str) -> None:
        self.client: MongoClient[Any] = connect(uri, 5)
        self.backend = MongoBackend(self.client, Tenants(self.client, database), database, KIND)
        self.backend.prepare()
        self.ledger = Ledger(self.client, database, lambda _, rows: self.backend.remove_events(rows))
        self.commands_come = True
        self.relay = OutboxRelay("probe", "amqp://nowhere", self.ledger, lambda: self.commands_come)
        self.store: Store[Any] = Store(KIND, self.backend, self.relay, PlainVault())
        self.documents = self.client[database]["sessions"]
        self.entries = self.client[database]["published"]
        self._thread = threading.Thread(target=self.relay.settle, daemon=True)

    def settle(self) -> None:
        self._thread.start()

    def confirm(self, multiple: int) -> None:
        """The broker confirms the next events that were offered."""
        for _ in range(multiple):
            self.relay._tag += 1
            self.relay._flight[self.relay._tag] = (self.relay._queue.popleft(), time.monotonic())
        self.relay._on_ack(self.relay._tag, True)

    def sweep(self) -> list[str]:
        """What a sweeper in another, fresh replica of the same service would publish again."""
        fresh = Replica.__new__(Replica)
        fresh.relay = OutboxRelay("probe", "amqp://nowhere", self.ledger, lambda: False)
        fresh.relay._channel = object()  # connected
        Sweeper(fresh.relay, {"sessions": self.backend}, after=0).sweep(datetime.now(UTC) + timedelta(seconds=1))
        return [outgoing.id for outgoing in fresh.relay._queue]

    def untidied(self) -> int:
        return self.documents.count_documents({"outbox.0": {"$exists": True}})

    def end(self) -> None:
        self.relay.stopping = True
        if self._thread.is_alive():
            self._thread.join(10)
        self.client.close()


@pytest.fixture
def replica(database: Any) -> Iterator[Replica]:
    made = Replica(database.uri, f"test_{uuid.uuid4().hex[:12]}")
    yield made
    made.end()


def test_while_commands_come_the_published_are_noted_and_in_the_lull_taken_out(replica: Replica) -> None:
    for n in range(5):
        replica.store.create(call(), opened, id=f"s{n}")
    replica.settle()
    replica.confirm(3)
    until(lambda: replica.entries.count_documents({}) == 1)
    assert replica.untidied() == 5
    assert len(replica.sweep()) == 2, "only what the broker has not confirmed is published again"
    replica.commands_come = False
    until(lambda: replica.untidied() == 2 and replica.entries.count_documents({}) == 0)
    assert len(replica.sweep()) == 2
    replica.confirm(2)
    until(lambda: replica.untidied() == 0)
    assert replica.relay.idle


def test_under_a_load_that_never_pauses_what_waited_too_long_is_taken_out_all_the_same(replica: Replica) -> None:
    replica.ledger.within = timedelta(seconds=0.5)
    replica.settle()
    made, end = 0, time.monotonic() + 20
    while made <= 100 or replica.untidied() >= made // 2:
        assert time.monotonic() < end, f"{replica.untidied()} of {made} wait"
        replica.store.create(call(), opened, id=f"s{made}")
        replica.confirm(1)
        made += 1
        time.sleep(0.02)  # the load's pace


def test_a_crowded_outbox_is_emptied_at_once(replica: Replica) -> None:
    replica.store.create(call(), opened, id="hot")
    for n in range(CROWDED_EVENTS_A_DOCUMENT - 1):
        replica.store.change(call(), "hot", lambda s, n=n: (s.but(name=str(n)), opened("hot")[1]))
    replica.settle()
    replica.confirm(CROWDED_EVENTS_A_DOCUMENT)
    until(lambda: replica.untidied() == 0)
    assert replica.entries.count_documents({}) == 0


def test_what_a_dead_replica_noted_is_tidied_by_the_sweeper(replica: Replica) -> None:
    replica.store.create(call(), opened, id="s")
    row = ("sessions", "lijing", "s", replica.relay._queue[0].id)
    replica.ledger.note([row])
    assert replica.sweep() == [] and replica.untidied() == 1, "its replica may be alive"
    long_ago = datetime.now(UTC) - ORPHANED_AFTER_TIMES * replica.ledger.within - timedelta(seconds=1)
    replica.entries.update_one({}, {"$set": {"noted": long_ago}})
    assert replica.sweep() == []
    assert replica.untidied() == 0 and replica.entries.count_documents({}) == 0


def test_the_sweeper_finds_the_unpublished_behind_pages_of_published(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.broker.outbox.DOCUMENTS_A_SWEEP_PAGE", 10)
    for n in range(45):
        made = call()
        made.at += timedelta(milliseconds=n // 25)  # more than a page of one moment
        replica.store.create(made, opened, id=f"s{n:02}")
    rows = [o.where for o in replica.relay._queue]
    replica.ledger.note(rows[:40])
    assert sorted(replica.sweep()) == sorted(row[3] for row in rows[40:])


def test_a_replica_is_busy_while_somebody_waits_for_a_reply_or_something_is_saved() -> None:
    platform, saving = Platform(), SimpleNamespace(busy=False)
    assert not platform._busy()  # before it serves
    platform.server, platform._stores = SimpleNamespace(active=0), {object: saving}  # type: ignore[dict-item]
    assert not platform._busy()
    platform.server.active = 1
    assert platform._busy()
    platform.server.active, saving.busy = 0, True
    assert platform._busy()
