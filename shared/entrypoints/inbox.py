"""Listening: `@on`, the inbox with its retries and its parking place.

At-least-once in, effectively-once out. Every handler says by which of two ways it is idempotent: `by_id(purpose)` (it
creates with ids derived from the event, or doing it twice changes nothing) or `by_cause` (the store remembers the event in
the same write as its effect).
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from threading import Event as Signal
from typing import Any

from amqp import Message
from amqp.exceptions import AMQPError, PreconditionFailed
from kombu import Connection
from kombu.exceptions import OperationalError
from nameko.extensions import Entrypoint, ProviderCollector, SharedExtension

from shared.broker import envelope, topology
from shared.broker.envelope import Heard
from shared.calls import Call, to_milliseconds
from shared.events.base import Event
from shared.faults import fault, misfire
from shared.rules.errors import Permanent, Refused, Unavailable
from shared.runtime.platform import Platform
from shared.storage.batches import COMPANY_CALLERS
from shared.storage.store import REMEMBER_CAUSE
from shared.telemetry import CONSUMED, INBOX, PARKED, frames, log, where

MESSAGES_A_BATCH = 512  # messages handled together, and acknowledged at once
MESSAGES_A_LIST = 256  # of these in one call of a handler that takes batches: while one list is saved, the next is put together
MESSAGES_A_TURN = 32  # messages read in a row
WAVE_SECONDS = 0.004  # seconds in which some of it comes where many events were saved together
WAVES_A_BATCH = 3  # at most, and none after one in which nothing came
ORIGIN = "linli-origin"  # the header that says by which exchange and key it came at first
NEWER_LOOKS = 72  # five minutes apart: so long a neighbour may be of a newer release than we
DELAYS = ("5s", "5s", "30s", "5m")  # after the 1st … 4th failure; the 5th parks
LOST = (AMQPError, OperationalError, OSError, socket.timeout)


def by_id(purpose: str) -> str:
    """What the handler creates has an id derived from the event and this purpose."""
    return f"id:{purpose}"


by_cause = "cause"


class On(Entrypoint):
    """`@on(ReservationConfirmed, once=by_id("told"))`: handle an event. The method gets `(call, event)`; with
    `batch=True` lists of such pairs, side by side, each in the order of time. A failure is retried after a while, a
    Permanent one parked."""

    def __init__(self, *events: type[Event], once: str, batch: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.events, self.once, self.batch = events, once, batch

    inbox: Inbox

    def setup(self) -> None:
        self.inbox.register_provider(self)

    def stop(self) -> None:
        self.inbox.unregister_provider(self)


class Newer(Permanent):
    """An event that we do not know: its speaker may be of a newer release, and we soon."""


class _Delivery:
    """One message, and what became of it."""

    __slots__ = ("body", "error", "headers", "heard", "message", "name", "origin", "tag")

    def __init__(self, message: Any) -> None:
        self.message = message
        self.tag = message.delivery_info["delivery_tag"]
        self.headers = dict(message.headers or {})
        came = message.delivery_info
        self.origin = f"{came['exchange']}/{came['routing_key']}"
        self.body: bytes = message.body if isinstance(message.body, bytes) else str(message.body).encode()
        self.name = ""
        self.heard: Heard | None = None
        self.error: BaseException | None = None


class Inbox(ProviderCollector, SharedExtension):
    """The service's one queue: takes what is there, hands it to the handlers, acknowledges once."""

    platform = Platform()

    def __init__(self) -> None:
        super().__init__()
        self._handlers: dict[str, list[On]] = defaultdict(list)
        self._types: dict[str, type[Event]] = {}
        self._received: list[_Delivery] = []
        self._at_work = 0  # of those taken before, not yet acknowledged
        self._more = Signal()
        self._beat = 0.0
        self._channel: Any = None
        self._cancelled = False
        self.bound = False  # the queue is there, and gets what is said
        self._over = Signal()

    # -- lifecycle

    def setup(self) -> None:
        self.platform.inbox = self
        INBOX.set_function(lambda: len(self._received) + self._at_work)

    def start(self) -> None:
        for provider in self._providers:
            for event in provider.events:
                self._handlers[event.name].append(provider)
                self._types[event.name] = event
        self.platform.spawn(self.run)

    def cancel(self, timeout: float = 8.0) -> None:
        """Take no more; return when what was taken is finished, or after `timeout` seconds."""
        self._cancelled = True
        self._over.wait(timeout)

    def stop(self) -> None:
        self.cancel(1.0)
        super().stop()

    def run(self) -> None:
        """Listen, for as long as the process lives; connects again whenever the connection is lost."""
        pause = 0.1
        service, settings = self.platform.service, self.platform.settings
        heard = {(event.speaker, name) for name, event in self._types.items()}
        while not self._cancelled:
            try:
                with topology.connection(settings.amqp_uri, connect_timeout=3, heartbeat=10) as connection:
                    topology.connect(connection)
                    channel = connection.channel()
                    topology.declare_inbox(channel, service, heard, settings.hears_restricted)
                    topology.declare_tiers(channel, service, settings.retry_seconds)
                    self.bound = True
                    self._listen(connection)
                    pause = 0.1
            except PreconditionFailed as error:
                # A queue exists with other arguments: nobody can mend that from here.
                log("inbox").critical("queue_differs", detail=str(error.reply_text))
                self.platform.die("a queue exists with other arguments; see the log")
                return
            except LOST as error:
                log("inbox").warning("broker_lost", error=type(error).__name__)
            except Exception as error:  # a bug here must not end the container
                log("inbox").error("inbox_failed", error=type(error).__name__, where=where(error))
            self._received = []  # they come again
            if not self._cancelled:
                time.sleep(pause)
                pause = min(pause * 2, 2.0)
        self._over.set()

    def _listen(self, connection: Connection) -> None:
        channel = connection.channel()
        channel.basic_qos(0, MESSAGES_A_BATCH * 2, False)
        retries = connection.channel()
        retries.confirm_select()
        self._channel, self._received = channel, []
        over, failed = Signal(), list[Exception]()
        try:
            self.platform.spawn(partial(self._handle_what_comes, channel, retries, over, failed))
            tag = channel.basic_consume(topology.inbox(self.platform.service), callback=self._on_message, no_ack=False)
            log("inbox").info("listening", events=sorted(self._types))
            while not self._cancelled and not over.is_set():
                self._drain(connection)
            if not over.is_set():
                channel.basic_cancel(tag)
            self._more.set()
            while not over.is_set():  # what was put aside last waits for the broker's word
                self._drain(connection)
        finally:
            self._channel = None
            self._more.set()
            over.wait()
        if failed:
            raise failed[0]

    def _drain(self, connection: Connection) -> None:
        """Read what comes, for a second at most, and show the broker that we live."""
        with contextlib.suppress(TimeoutError):
            connection.drain_events(timeout=1.0)
        if time.monotonic() - self._beat > 1:
            self._beat = time.monotonic()
            connection.heartbeat_check()

    def _on_message(self, message: Any) -> None:
        """Read it, while those before it are saved."""
        delivery = _Delivery(message)
        try:
            self._read(delivery)
        except Permanent as error:
            delivery.error = error
        self._received.append(delivery)
        self._more.set()
        if len(self._received) % MESSAGES_A_TURN == 0:
            time.sleep(0)  # a socket that is full would not let anybody else have a turn

    # -- handling

    def _handle_what_comes(self, channel: Any, retries: Any, over: Signal, failed: list[Exception]) -> None:
        """Batch after batch, in a thread of its own: what comes meanwhile is the next one. Whoever reads raises its failure."""
        last = 0
        try:
            while self._channel is channel and not (self._cancelled and not self._received):
                self._more.wait(1.0)
                self._more.clear()
                while self._received and self._channel is channel:
                    if last >= COMPANY_CALLERS:
                        self._await_wave()
                        if self._channel is not channel:
                            break
                    batch, self._received = self._received[:MESSAGES_A_BATCH], self._received[MESSAGES_A_BATCH:]
                    last = self._at_work = len(batch)
                    self._handle(batch)
                    for spoilt in (d for d in batch if d.error is not None):
                        self._put_aside(retries, spoilt)
                    fault(f"{self.platform.service}.before_ack")
                    channel.basic_ack(batch[-1].tag, multiple=True)
                    self._at_work = 0
        except Exception as error:
            failed.append(error)
        finally:
            self._at_work = 0
            over.set()

    def _await_wave(self) -> None:
        """Let the rest come of what has begun to come: a batch costs the same for one as for many."""
        here = 0
        for _ in range(WAVES_A_BATCH):
            if not here < len(self._received) < MESSAGES_A_BATCH:
                return
            here = len(self._received)
            time.sleep(WAVE_SECONDS)

    def _handle(self, batch: Sequence[_Delivery]) -> None:
        """Run the handlers of a batch, those that take batches with all of theirs at once, the others side by side."""
        together: dict[On, list[_Delivery]] = defaultdict(list)
        alone: list[tuple[On, _Delivery]] = []
        now = self.platform.clock.now()
        for delivery in batch:
            if delivery.heard and now - delivery.heard.time > REMEMBER_CAUSE:
                delivery.error = Permanent("too_old", "older than the store remembers causes")
            if delivery.error:
                continue
            for handler in self._handlers[delivery.name]:
                if handler.batch:
                    together[handler].append(delivery)
                else:
                    alone.append((handler, delivery))
        for its in together.values():  # replicas publish beside each other; told is what they said in the order of its time
            its.sort(key=lambda delivery: delivery.heard.time)  # type: ignore[union-attr]
        size = MESSAGES_A_LIST
        self._run_all([(handler, its[n : n + size]) for handler, its in together.items() for n in range(0, len(its), size)])
        self._run_all([(handler, [delivery]) for handler, delivery in alone])
        outcomes = [(d.name or "unknown", "failed" if d.error else "done") for d in batch]
        for labels, count in Counter(outcomes).items():
            CONSUMED.labels(*labels).inc(count)
        for delivery, (_, outcome) in zip(batch, outcomes, strict=True):
            if delivery.heard:
                log("inbox").info(
                    "handled",
                    event_name=delivery.name,
                    id=delivery.heard.id,
                    outcome=outcome,
                    correlation=delivery.heard.correlation,
                )

    def _read(self, delivery: _Delivery) -> None:
        if delivery.origin.startswith(f"{topology.retry(self.platform.service)}/"):  # to which we alone may publish
            delivery.origin = str(delivery.headers.get(ORIGIN, ""))
        speaker, delivery.name = envelope.type_of(delivery.headers)
        if delivery.origin not in {f"{of(speaker)}/{delivery.name}" for of in (topology.out, topology.restricted)}:
            # A header says what anybody likes; who may publish where, the broker says.
            raise Permanent("foreign_event", f"it did not come from {speaker}")
        event = self._types.get(delivery.name)
        if event is None:
            raise Newer("unknown_event", "nobody here handles this event")
        content_type = delivery.message.properties.get("content_type", "")
        delivery.heard = envelope.read(event, delivery.body, content_type, delivery.headers)

    def _run_all(self, work: list[tuple[On, list[_Delivery]]]) -> None:
        width = self.platform.settings.event_workers
        for start in range(0, len(work), width):
            running = [(deliveries, self._spawn(handler, deliveries)) for handler, deliveries in work[start : start + width]]
            for deliveries, outcome in running:
                error = outcome.wait()
                if error is None:
                    continue
                if len(deliveries) == 1:
                    deliveries[0].error = error
                else:
                    # One of them spoils the batch: find out which, the others must not wait for it.
                    handler = next(h for h, d in work if d is deliveries)
                    self._run_all([(handler, [delivery]) for delivery in deliveries])

    def _spawn(self, handler: On, deliveries: list[_Delivery]) -> _Outcome:
        now = to_milliseconds(self.platform.clock.now())
        pairs = [(self._call(d.heard, now), d.heard.event) for d in deliveries if d.heard]
        args = (pairs,) if handler.batch else pairs[0]
        outcome = _Outcome()

        try:
            misfire(f"{self.platform.service}.{handler.method_name}")
        except RuntimeError as error:
            outcome.settle(error)
            return outcome

        def done(context: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            outcome.settle(exc_info[1] if exc_info else None)
            return result, None

        self.container.spawn_worker(handler, args, {}, context_data={}, handle_result=done)
        return outcome

    def _call(self, heard: Heard, now: datetime) -> Call:
        return Call(
            community=heard.community,
            at=now,
            actor=self.platform.service,
            correlation=heard.correlation,
            trace=heard.trace,
            caused_by=heard.id,
        )

    # -- failures

    def _put_aside(self, channel: Any, delivery: _Delivery) -> None:
        """Move a failed message to a delay tier or to the parking place: confirmed, before its original is acked."""
        error = delivery.error
        attempt = int(delivery.headers.get("x-attempt", 0)) + 1
        key = next_place(error, attempt)
        hopeless = key == "parked"
        headers = {name: value for name, value in delivery.headers.items() if name not in ("CC", "BCC", "x-death")}
        code = getattr(error, "code", "") or type(error).__name__
        headers |= {
            ORIGIN: delivery.origin,
            "x-attempt": attempt,
            "x-error": code,
            "x-detail": _why(error),
            "x-handler": ",".join(h.method_name for h in self._handlers.get(delivery.name, [])),
            "x-failed-at": self.platform.clock.now().isoformat(),
        }
        properties = {k: v for k, v in delivery.message.properties.items() if k in ("content_type", "message_id")}
        moved = Message(delivery.body, application_headers=headers, delivery_mode=2, **properties)
        _publish_confirmed(channel, moved, topology.retry(self.platform.service), key, lambda: self._channel is None)
        if hopeless:
            PARKED.labels(code).inc()
        note = log("inbox").error if hopeless else log("inbox").warning
        happened = where(error) if error and not isinstance(error, (Permanent, Refused)) else []
        note(
            "parked" if hopeless else "retried",
            event_name=delivery.name,
            id=delivery.message.properties.get("message_id"),
            error=code,
            attempt=attempt,
            tier=key,
            where=happened,
            correlation=delivery.headers.get("cloudEvents:correlationid", ""),
        )


def next_place(error: BaseException | None, attempt: int) -> str:
    """The tier in which a message waits after its failure number `attempt`, or "parked"."""
    if isinstance(error, Newer):
        return "5m" if attempt <= NEWER_LOOKS else "parked"
    return "parked" if isinstance(error, Permanent) or attempt > len(DELAYS) else DELAYS[attempt - 1]


class _Outcome:
    """What a handler came to: None, or its exception."""

    def __init__(self) -> None:
        self._done, self._error = Signal(), None

    def settle(self, error: BaseException | None) -> None:
        self._error = error  # type: ignore[assignment]
        self._done.set()

    def wait(self) -> BaseException | None:
        self._done.wait()
        return self._error


def _why(error: BaseException | None) -> str:
    """A detail that is safe to keep: our own words, or where it happened; never a foreign exception's text."""
    if isinstance(error, Permanent):
        return str(error)
    if isinstance(error, Refused):
        return error.detail
    return " < ".join(reversed(frames(error))) if error else ""


def _publish_confirmed(channel: Any, message: Message, exchange: str, key: str, lost: Callable[[], bool]) -> None:
    """Publish and wait for the broker's word, which whoever reads the connection hears until it is `lost()`. Raises
    Unavailable where it refuses."""
    answer, given = [], Signal()

    def ack(tag: int, multiple: bool) -> None:
        answer.append(True)
        given.set()

    def nack(tag: int, multiple: bool) -> None:
        answer.append(False)
        given.set()

    channel.events["basic_ack"].add(ack)
    channel.events["basic_nack"].add(nack)
    try:
        channel.basic_publish(message, exchange=exchange, routing_key=key, mandatory=True)
        until = time.monotonic() + 10
        while not given.wait(0.5):
            if lost() or time.monotonic() > until:
                raise TimeoutError("no confirm")
    finally:
        channel.events["basic_ack"].discard(ack)
        channel.events["basic_nack"].discard(nack)
    if not answer[0]:
        raise Unavailable("retry_full", "the delay tier refused the message")


On.inbox = Inbox()
on = On.decorator
