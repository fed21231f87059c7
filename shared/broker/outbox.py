"""The relay: publishes what was saved, and takes it out of the document once the broker has confirmed it.

One a replica: one dedicated connection, at most WINDOW events in flight, publisher confirms read as they come.
Taking out gives way to commands: while they come, confirmed events are noted in the ledger, many in one write, and
taken out in the next lull. Whatever a crash leaves behind is found by the sweeper, which runs in one replica at a time
under a fenced lease.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Event as Signal
from typing import Any

from amqp.exceptions import AMQPError, PreconditionFailed
from kombu import Connection
from kombu.exceptions import OperationalError

from shared.broker import topology
from shared.broker.envelope import message_for
from shared.broker.ledger import ROWS_A_TIDYING, Ledger, Row
from shared.broker.topology import connect, declare_public, declare_speaker, events, out, restricted, sent_together
from shared.faults import fault
from shared.storage.kinds import Document
from shared.storage.mongo import MongoBackend
from shared.storage.tenants import MARGIN, Watch
from shared.telemetry import BROKER_UP, NACKED, PENDING, PUBLISHED, log, where

EVENTS_IN_FLIGHT = 256
EVENTS_A_SEND = 16  # events in one send: the broker begins with them while the next are put together
DOCUMENTS_A_SWEEP_PAGE = 500  # documents that the sweeper looks at together
EVENTS_HELD_MOST = 20_000  # events held in memory; beyond that the sweeper finds them in the database
CONFIRM_SECONDS = 15.0
PUBLIC_SECONDS = 15.0  # seconds between two looks at the exchange for outsiders
LULL_SECONDS = 0.03  # seconds without a new event: nobody waits for the database
GATHER_SECONDS = 0.4  # seconds that confirmed events wait for a lull, or for more of them, before they are noted
CROWDED_EVENTS_A_DOCUMENT = 8  # events of one document: its outbox is capped, so they are taken out at once
LOST = (AMQPError, OperationalError, OSError, socket.timeout)


@dataclass
class Outgoing:
    """One event on its way."""

    collection: str
    community: str
    document: str
    row: Document
    tries: int = 0
    due: float = 0.0
    confirmed: float = 0.0

    @property
    def id(self) -> str:
        return str(self.row["id"])

    @property
    def where(self) -> Row:
        """Where it stands in the database."""
        return self.collection, self.community, self.document, self.id


class OutboxRelay:
    """Publishes the events that one replica saved. `busy()` says whether a command waits for the database."""

    def __init__(
        self, service: str, amqp_uri: str, ledger: Ledger, busy: Callable[[], bool], says_restricted: bool = False
    ) -> None:
        self._says_restricted = says_restricted
        self.service, self.ledger = service, ledger
        self._busy = busy
        self._uri = amqp_uri
        self._queue: deque[Outgoing] = deque()
        self._known: dict[str, Outgoing] = {}
        self._offered = 0.0
        self._flight: OrderedDict[int, tuple[Outgoing, float]] = OrderedDict()
        self._delayed: list[Outgoing] = []
        self._confirmed: deque[Outgoing] = deque()
        self._wake, self._settle = Signal(), Signal()
        self._channel: Any = None
        self._tag = 0
        self._alarm_after = 0.0
        self.stopping = False

    # -- the store's side

    def offer(self, collection: str, community: str, id: str, rows: list[Document]) -> None:
        """Take committed events. Never blocks, never fails: what does not fit in memory stays in the database."""
        for row in rows:
            if len(self._known) >= EVENTS_HELD_MOST or row["id"] in self._known:
                continue
            outgoing = Outgoing(collection, community, id, row)
            self._known[outgoing.id] = outgoing
            self._queue.append(outgoing)
        if rows:
            self._offered = time.monotonic()
            PENDING.set(len(self._known))
            self._wake.set()

    @property
    def idle(self) -> bool:
        """Everything that was offered has been confirmed, and noted or taken out of its document."""
        return not self._known

    @property
    def connected(self) -> bool:
        """The connection to the broker stands."""
        return self._channel is not None

    # -- threads (spawned by the platform; each catches everything)

    def run(self) -> None:
        """Publish, for as long as the process lives; connects again whenever the connection is lost."""
        pause = 0.1
        while not self.stopping:
            try:
                with topology.connection(self._uri, connect_timeout=3, heartbeat=10) as connection:
                    self._open(connection)
                    pause = 0.1
                    self._publish_until_lost(connection)
            except LOST as error:
                log("relay").warning("broker_lost", error=type(error).__name__, pending=len(self._known))
            except Exception as error:  # a bug here must not end the container, nor lose an event
                log("relay").error("relay_failed", error=type(error).__name__, where=where(error))
            finally:
                self._close()
            self._wake.wait(pause)
            time.sleep(pause)
            pause = min(pause * 2, 2.0)

    def settle(self) -> None:
        """Note confirmed events, and take them out of their documents when nobody is kept waiting by that."""
        while not (self.stopping and self.idle):
            self._settle.wait(LULL_SECONDS if self._confirmed or self.ledger.waiting else 1.0)
            self._settle.clear()
            try:
                self._settle_some()
            except Exception as error:  # most often the database is away: these are published, only the tidying waits
                log("relay").warning(
                    "outbox_not_tidied", error=type(error).__name__, events=len(self._confirmed), where=where(error)
                )
                time.sleep(0.5)

    def _settle_some(self) -> None:
        now = time.monotonic()
        quiet = now - self._offered > LULL_SECONDS and not self._busy()
        # What has waited too long does not give way to what was just confirmed, either.
        if self.ledger.urgent() or (self.ledger.waiting and quiet and not self._confirmed):
            self.ledger.tidy_some()
            self._settle.set()
        if not self._confirmed:
            return
        first = list(islice(self._confirmed, EVENTS_IN_FLIGHT))
        rows = Counter(outgoing.document for outgoing in first)
        batch = [o for o in first if rows[o.document] + self.ledger.rows[o.document] >= CROWDED_EVENTS_A_DOCUMENT]
        if batch or quiet:
            batch = batch or first[:ROWS_A_TIDYING]
            self.ledger.remove([outgoing.where for outgoing in batch])
        elif self.stopping or len(first) >= EVENTS_IN_FLIGHT // 2 or now - first[0].confirmed > GATHER_SECONDS:
            batch = first
            self.ledger.note([outgoing.where for outgoing in batch])
        self._forget(first, {outgoing.id for outgoing in batch})

    def _forget(self, first: list[Outgoing], done: set[str]) -> None:
        for _ in first:
            self._confirmed.popleft()
        self._confirmed.extendleft(o for o in reversed(first) if o.id not in done)
        for id in done:
            self._known.pop(id, None)
        PENDING.set(len(self._known))
        if done and self._confirmed:
            self._settle.set()

    # -- the connection's side

    def _open(self, connection: Connection) -> None:
        connect(connection)
        channel = connection.channel()
        declare_speaker(channel, self.service, self._says_restricted)
        self._show_in_public(connection)
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        self._tag = 0
        self._channel = channel
        BROKER_UP.set(1)

    def _close(self) -> None:
        self._channel = None
        BROKER_UP.set(0)
        # Unconfirmed events go out again, in their order; listeners know them by their id.
        self._queue.extendleft(reversed([outgoing for outgoing, _ in self._flight.values()]))
        self._flight.clear()

    def _publish_until_lost(self, connection: Connection) -> None:
        declared = time.monotonic()
        while not (self.stopping and self.idle):
            self._publish_some(connection)
            if self._flight or not self._queue:
                self._read(connection)
            if time.monotonic() - declared > PUBLIC_SECONDS:
                self._show_in_public(connection)
                declared = time.monotonic()

    def _show_in_public(self, connection: Connection) -> None:
        """The exchange for anybody outside, as it should be: a subscriber may have deleted it, or made another of its name.
        That keeps no event from our own listeners, so it happens beside what is published."""
        channel = connection.channel()
        try:
            declare_public(channel, self.service)
        except PreconditionFailed:  # which has closed the channel
            log("relay").error(
                "public_exchange_mended", exchange=events(self.service), hint="a subscriber made another of its name"
            )
            channel = connection.channel()
            channel.exchange_delete(events(self.service))
            declare_public(channel, self.service)
        channel.close()

    def _publish_some(self, connection: Connection) -> None:
        now = time.monotonic()
        if self._delayed and self._delayed[0].due <= now:
            ready = [o for o in self._delayed if o.due <= now]
            self._delayed = [o for o in self._delayed if o.due > now]
            self._queue.extendleft(reversed(ready))
        while self._queue and len(self._flight) < EVENTS_IN_FLIGHT:
            with sent_together(connection):
                for _ in range(min(EVENTS_A_SEND, len(self._queue), EVENTS_IN_FLIGHT - len(self._flight))):
                    self._publish(self._queue.popleft(), now)
        if self._flight:
            oldest = next(iter(self._flight.values()))[1]
            if now - oldest > CONFIRM_SECONDS:
                raise TimeoutError("no confirm")

    def _publish(self, outgoing: Outgoing, now: float) -> None:
        self._tag += 1
        self._flight[self._tag] = (outgoing, now)
        fault(f"{self.service}.before_publish")
        message = message_for(self.service, outgoing.community, outgoing.row)
        exchange = restricted(self.service) if outgoing.row.get("restricted") else out(self.service)
        self._channel.basic_publish(message, exchange=exchange, routing_key=outgoing.row["name"])

    def _read(self, connection: Connection) -> None:
        """Wait for confirms, or for something to publish."""
        if not self._flight:
            self._wake.clear()
            if not self._queue:
                self._wake.wait(1.0)
            connection.heartbeat_check()
            if not self._queue:
                with contextlib.suppress(TimeoutError):
                    connection.drain_events(timeout=0.01)
            return
        try:
            connection.drain_events(timeout=1.0)
        except TimeoutError:
            connection.heartbeat_check()

    def _take(self, tag: int, multiple: bool) -> list[Outgoing]:
        tags = [t for t in self._flight if t <= tag] if multiple else [tag]
        return [self._flight.pop(t)[0] for t in tags if t in self._flight]

    def _on_ack(self, tag: int, multiple: bool) -> None:
        done = self._take(tag, multiple)
        PUBLISHED.inc(len(done))
        now = time.monotonic()
        for outgoing in done:
            outgoing.confirmed = now
        first = not self._confirmed
        self._confirmed.extend(done)
        if first:
            self._settle.set()  # where there are some already, it looks again by itself

    def _on_nack(self, tag: int, multiple: bool) -> None:
        for outgoing in self._take(tag, multiple):
            outgoing.tries += 1
            outgoing.due = time.monotonic() + min(60.0, 2.0**outgoing.tries)
            self._delayed.append(outgoing)
            NACKED.inc()
        self._delayed.sort(key=lambda o: o.due)
        if time.monotonic() > self._alarm_after:
            self._alarm_after = time.monotonic() + 30
            log("relay").error("events_refused", waiting=len(self._delayed), hint="a bound queue is full")


class Sweeper:
    """Publishes what a crash left in an outbox. Its caller holds the lease."""

    def __init__(self, relay: OutboxRelay, backends: dict[str, MongoBackend], after: float) -> None:
        self._relay, self._backends, self._after = relay, backends, timedelta(seconds=after)
        self._watch = Watch(MARGIN + self._after)

    def sweep(self, now: datetime) -> int:
        """Offer every event older than `after` seconds that is not published; returns how many were found."""
        if not self._relay.connected:
            return 0
        ledger = self._relay.ledger
        ledger.tidy_after_the_dead()
        published, left_behind = ledger.published(), 0
        for collection, backend in self._backends.items():
            for community in self._watch.places(collection, backend.written()):
                looked, quiet = datetime.now(UTC), True
                for documents in backend.left_behind(community, now - self._after, DOCUMENTS_A_SWEEP_PAGE):
                    quiet = False
                    # Asked again: one that was noted while we read is in the second answer, one tidied in the first.
                    published |= ledger.published()
                    for document in documents:
                        rows = [r for r in document["outbox"] if r["at"] < now - self._after and r["id"] not in published]
                        self._relay.offer(collection, community, document["_id"], rows)
                        left_behind += len(rows)
                if quiet:
                    self._watch.quiet(collection, community, looked)
        if left_behind:
            log("sweeper").info("left_behind", events=left_behind)
        return left_behind
