"""Load, decide, save: one aggregate is one document, and one write saves state, events and the reply.

What it guarantees, whatever the database behind it (`mongo.py`, or the fake of `testing.py`):
a write is guarded by `version`; committed events are in the document's outbox; a repeat with the same
Idempotency-Key finds the first reply; a repeated event changes nothing; every query carries its community.
"""

from __future__ import annotations

import dataclasses
import operator
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

import orjson
from uuid_utils import uuid7

from shared.calls import Call, Replayed, to_milliseconds
from shared.events.base import Aggregate, Event
from shared.faults import fault
from shared.rules.errors import Conflict, Invalid, Missing, Refused, Stale, Unavailable
from shared.storage import trail
from shared.storage.batches import Batcher
from shared.storage.cursors import EPOCH, MILLISECOND, beyond, from_cursor, to_cursor
from shared.storage.kinds import Codec, Document, Kind, Sealer
from shared.storage.tenants import Written
from shared.telemetry import log

A = TypeVar("A", bound=Aggregate)
Decision = Callable[..., tuple[Any, list[Event]]]
Keep = Callable[[Document], bool]
Order = list[tuple[str, int]]

PATIENCE_SECONDS = 2.0  # seconds that a command fights for a document before Conflict("busy")
REMEMBER_REPLY, REMEMBER_CAUSE = timedelta(hours=24), timedelta(days=30)
WRITES_STAMPED = 8  # how many of the last writes a document can be asked about


@dataclass(frozen=True)
class Inserted:
    """What became of one insert: written, or refused because of `refused_by` (an index's name; "_id" for its own id)."""

    refused_by: str = ""


class Backend(Protocol):
    """What a database must do for a store. Unknown outcomes are resolved or raised as Unavailable."""

    def insert(self, documents: Sequence[Document]) -> list[Inserted | BaseException]: ...
    def update(self, id: str, community: str, version: int, changes: Document, events: list[Document]) -> bool: ...
    def read(self, keys: Sequence[tuple[str, str]]) -> list[Document | None]: ...
    def query(self, where: Document, order: Order, limit: int, near: datetime | None = None) -> list[Document]: ...
    def remove_events(self, rows: Sequence[tuple[str, str, str]]) -> None: ...
    def forget(self, community: str, at: datetime) -> None: ...
    def written(self) -> Written: ...


class Relay(Protocol):
    """Takes committed events off to the broker."""

    @property
    def connected(self) -> bool: ...
    def offer(self, collection: str, community: str, id: str, rows: list[Document]) -> None: ...


@dataclass(frozen=True)
class Page:
    """One page of a list; `next` is the cursor for the following one, or None."""

    items: list[Any]
    next: str | None


@dataclass
class _Command:
    call: Call
    id: str
    decide: Decision
    args: tuple[Any, ...]
    named: dict[str, Any]
    forget_replies: bool


class Taken(Conflict):
    """A unique value belongs to somebody else."""

    def __init__(self, index: str) -> None:
        super().__init__("already_taken", "another record holds this value")
        self.index = index


class Store(Generic[A]):
    """All access to one kind of aggregate."""

    def __init__(self, kind: Kind, backend: Backend, relay: Relay, vault: Sealer, outbox_cap: int = 200) -> None:
        self.kind, self.backend = kind, backend
        self._relay, self._vault, self._cap = relay, vault, outbox_cap
        self._codec = Codec(kind, vault)
        self._inserts: Batcher[Document, Inserted] = Batcher(self._insert)
        self._reads: Batcher[tuple[str, str], Document | None] = Batcher(backend.read)
        self._lines: dict[tuple[str, str], Batcher[_Command, A]] = {}

    @property
    def busy(self) -> bool:
        """A command is being saved, or waits to be."""
        return not self._inserts.idle or bool(self._lines)

    # -- reading

    def find(self, community: str, id: str) -> A | None:
        """The aggregate, or None."""
        return self._shown(self._reads.submit((community, id)))

    def _shown(self, document: Document | None) -> A | None:
        return None if document is None or document.get("gone") else self.load(document)

    def several(self, call: Call, ids: Sequence[str]) -> list[A | None]:
        """The aggregates of these ids, in order, in one read. A `change` of them by the same call begins with it."""
        documents = self.backend.read([(call.community, id) for id in ids]) if ids else []
        call.learned |= {(self.kind.collection, call.community, id): d for id, d in zip(ids, documents, strict=True)}
        return [self._shown(document) for document in documents]

    def get(self, call: Call, id: str, code: str = "") -> A:
        """The aggregate. Raises Missing. A `change` of it by the same call begins with what was read here."""
        document = call.learned[(self.kind.collection, call.community, id)] = self._reads.submit((call.community, id))
        if (found := self._shown(document)) is None:
            raise Missing(code or f"{self._codec.word}_missing", f"no such {self._codec.word}")
        return found

    def page(
        self,
        call: Call,
        where: Document | None = None,
        *,
        keep: Keep = lambda document: True,
        newest_first: bool = False,
        by: str = "",
        limit: int = 50,
        after: str = "",
    ) -> Page:
        """A page in the kind's order, of birth or another time, or of those that have the time `by`, in its order. `after`
        is a cursor that an earlier page gave; `keep` sifts by what is in no index."""
        matching: Document = {"community": call.community, **(where or {})}
        if by:
            matching[by] = {"$gt": EPOCH} | matching.get(by, {})
        step, by = -1 if newest_first else 1, by or self.kind.order
        seen: tuple[datetime, str] | None = None
        if after:
            seen = from_cursor(after)
            matching[by] = beyond(matching.get(by, {}), seen[0], step)
        behind = operator.lt if newest_first else operator.gt
        documents = self._present(
            matching,
            [(by, step), ("_id", step)],
            limit + 1,
            near=call.at,
            keep=lambda d: keep(d) and (seen is None or behind((d[by], d["_id"]), seen)),
        )
        items = [self.load(document) for document in documents[:limit]]
        last = documents[limit - 1] if len(documents) > limit else None
        return Page(items, to_cursor(last[by], last["_id"]) if last else None)

    def all(self, community: str, where: Document, limit: int = 1000, order: str = "") -> list[A]:
        """Everything in one community that matches, in the kind's order (or by another field), up to `limit`."""
        documents = self._present({"community": community, **where}, [(order or self.kind.order, 1), ("_id", 1)], limit)
        return [self.load(document) for document in documents]

    def due(self, community: str, at: datetime, limit: int = 500) -> list[A]:
        """What time itself is to change by now, earliest first. For kinds with an index on their field `due`."""
        # Only what waits has a time at which it is due. Below the next millisecond: see `page`.
        return self.all(community, {"due": {"$gt": EPOCH, "$lt": at + MILLISECOND}}, limit, order="due")

    def _present(
        self, where: Document, order: Order, limit: int, keep: Keep = lambda document: True, near: datetime | None = None
    ) -> list[Document]:
        """Up to `limit` documents that are not gone and to be kept; `near` is where the list is likely to begin."""
        # Sifted here: a filter with more than an index's own fields makes SecantusDB read the whole collection.
        (field, step), *_ = order
        present: list[Document] = []
        seen: set[str] = set()
        size = limit
        while True:
            found = self.backend.query(where, order, size, near)
            # Some were read before, one may have moved while we read.
            fresh = {d["_id"]: d for d in found if d["_id"] not in seen}
            present += [d for d in fresh.values() if not d.get("gone") and keep(d)]
            seen.update(fresh)
            if len(present) >= limit or len(found) < size:
                return present[:limit]
            last = found[-1][field]
            where = where | {field: beyond(where.get(field, {}), last, step)}
            # Those of that moment come once more; of the others as many as are missing, if as few of them are kept as so far.
            again, missing = sum(d[field] == last for d in found), limit - len(present)
            size = min(size * 2, again + missing * -(-len(seen) // max(1, len(present))))

    def load(self, document: Document) -> A:
        """The aggregate of a document that was read past the store."""
        return self._codec.load(document)  # type: ignore[no-any-return]

    def searched(self, call: Call, field: str, text: str) -> Document:
        """The `where` that finds records whose personal `field` has this form."""
        return {f"find.{field}": {"$in": self._vault.tokens(call.community, field, {text})}}

    # -- writing

    def create(self, call: Call, decide: Decision, *args: Any, refusal: Callable[[], Refused] | None = None, **named: Any) -> A:
        """`decide(id, *args, **named)` gives the first state and what was said. Raises what it raises; Taken, or what
        `refusal()` returns, where a unique value is somebody else's; Replayed for a repeat."""
        given = named.pop("id", None)
        id = given or call.new_id(self.kind.collection)
        try:
            aggregate, events = decide(id, *args, **named)
        except Refused:
            self.repeated(call, id)
            raise
        document, aggregate = self._first(call, id, aggregate, events)
        outcome = self._inserts.submit(document)
        if not outcome.refused_by:
            return aggregate
        # Another index may be named first although the document is one's own repeat: ask by id before believing it.
        if (repeated := self.repeated(call, id)) is not None and not given:
            return repeated
        raise refusal() if refusal else Taken(outcome.refused_by)

    def create_all(self, decided: Iterable[tuple[Call, A, list[Event]]]) -> int:
        """Save many new aggregates in one write; those that exist already are left as they are. Returns how many were new.
        For event handlers whose ids derive from the event."""
        fresh = 0
        for outcome in self.try_all(decided):
            if isinstance(outcome, BaseException):
                raise outcome
            fresh += not outcome.refused_by
        return fresh

    def try_all(self, decided: Iterable[tuple[Call, A, list[Event]]]) -> list[Inserted | BaseException]:
        """Save many new aggregates in one write; each has its own outcome."""
        stamp = str(uuid7())
        documents = [self._first(call, new.id, new, events, stamp)[0] for call, new, events in decided]
        return self._insert(documents) if documents else []

    def repeated(self, call: Call, id: str) -> A | None:
        """What an earlier run of this very call created under this id, also for commands that do something before they create.
        Raises Replayed where its reply is kept."""
        document = self.backend.read([(call.community, id)])[0] if call.key or call.caused_by else None
        if document is None:
            return None
        self._replay(call, document)
        return self.load(document)

    def change(self, call: Call, id: str, decide: Decision, *args: Any, forget_replies: bool = False, **named: Any) -> A:
        """`decide(aggregate, *args, **named)` gives the next state and what was said. Commands that wait for the same
        document are decided in turn and saved by one write. `forget_replies` drops the kept replies: they may quote what
        is being erased. Raises Missing, Stale, Taken, Conflict("busy"), Replayed."""
        line, until = (call.community, id), time.monotonic() + PATIENCE_SECONDS
        while True:
            batcher = self._lines.get(line) or self._lines.setdefault(line, Batcher(self._carry_out))
            try:
                return batcher.submit(_Command(call, id, decide, args, named, forget_replies))
            except Unavailable as error:
                if error.code != "outbox_full" or not self._relay.connected or time.monotonic() > until:
                    raise
                time.sleep(0.05)  # confirmed events are on their way out of it
            finally:
                if batcher.idle:
                    self._lines.pop(line, None)

    def ensure(self, call: Call, id: str, new: Callable[[str], A], decide: Decision, *args: Any, **named: Any) -> A:
        """`change`, where the first one to come makes the document. What is gone stays gone, and is returned as it is."""
        document = self.backend.read([(call.community, id)])[0]
        if document is None:
            self.create_all([(dataclasses.replace(call, key="", caused_by="", render=None), new(id).but(id=id), [])])
        elif document.get("gone"):
            return self.load(document)
        return self.change(call, id, decide, *args, **named)

    # -- inside

    def _insert(self, documents: Sequence[Document]) -> list[Inserted | BaseException]:
        outcomes = self.backend.insert(documents)
        # Before any of the callers goes on: what they said goes out together, and while their replies are written.
        for document, outcome in zip(documents, outcomes, strict=True):
            if isinstance(outcome, Inserted) and not outcome.refused_by:
                fault(f"{self.kind.collection}.committed")
                self._relay.offer(self.kind.collection, document["community"], document["_id"], document["outbox"])
        return outcomes

    def _replay(self, call: Call, document: Document) -> None:
        for reply in document.get("replies", []):
            if call.key and reply["key"] == call.key and call.at - reply["at"] < REMEMBER_REPLY:
                if reply["hash"] != call.body_hash:
                    raise Invalid("idempotency_key_reused", "this key came with another body before", "Idempotency-Key")
                raise Replayed(reply["status"], self._vault.unlock(reply["body"], call.secret), reply["version"])

    def _first(self, call: Call, id: str, aggregate: A, events: list[Event], stamp: str = "") -> tuple[Document, A]:
        community = aggregate.community or call.community
        born = aggregate.born or to_milliseconds(call.at)
        aggregate = aggregate.but(id=id, community=community, version=1, born=born)
        rows = _rows(call, aggregate, 0, events)
        document = {"_id": id, "community": community, "version": 1, "born": born} | self._codec.dump(aggregate)
        document["wrote"] = [stamp or str(uuid7())]
        document["outbox"], document["sequence"] = rows, len(rows)
        if call.caused_by:
            document["seen"] = [{"id": call.caused_by, "at": call.at}]
        if reply := self._reply(call, aggregate):
            document["replies"] = [reply]
        if self.kind.trailed:
            document |= trail.begin(self.kind.collection, call, aggregate, events, self._vault)
        return document, aggregate

    def _reply(self, call: Call, aggregate: A) -> Document | None:
        if not call.key or not call.render or (shown := call.render(aggregate)) is None:
            return None
        body = self._vault.lock(shown, call.secret)
        reply: Document = {"key": call.key, "hash": call.body_hash, "status": call.status, "body": body, "at": call.at}
        return reply | {"version": aggregate.version}

    def _carry_out(self, commands: Sequence[_Command]) -> list[A | BaseException]:
        community, id = commands[0].call.community, commands[0].id
        until = time.monotonic() + PATIENCE_SECONDS
        read = [command.call.learned.pop((self.kind.collection, community, id), None) for command in commands]
        # Where several wait, somebody was just served: what they read is old. The write is guarded by the version anyway.
        first = read[0] if len(read) == 1 else None
        while True:
            document, first = first or self.backend.read([(community, id)])[0], None
            if document is None:
                return [Missing(f"{self._codec.word}_missing", f"no such {self._codec.word}") for _ in commands]
            turn = _Turn(self, document)
            outcomes = [turn.take(command) for command in commands]
            if not turn.changed:
                return outcomes
            try:
                saved = self.backend.update(id, community, document["version"], turn.changes(), turn.rows)
            except Taken as error:
                # One of them wants what somebody else holds: each for itself, the others must not suffer for it.
                return [error] if len(commands) == 1 else [self._carry_out([command])[0] for command in commands]
            if saved:
                fault(f"{self.kind.collection}.committed")
                self._relay.offer(self.kind.collection, community, id, turn.rows)
                return outcomes
            if time.monotonic() > until:
                log("store").warning("busy", collection=self.kind.collection, waiting=len(commands))
                return [Conflict("busy", "too many changes at once; try again") for _ in commands]


class _Turn(Generic[A]):
    """Commands decided one after the other on one loaded document."""

    def __init__(self, store: Store[A], document: Document) -> None:
        self._store, self._document = store, document
        self._state: A = store._codec.load(document)
        self._tombstone = bool(document.get("gone"))
        self._acts = trail.WaitingActs(store.kind.collection, document, store._vault) if store.kind.trailed else None
        self._replies = list(document.get("replies", []))
        self._handled_events = list(document.get("seen", []))
        self._sequence = document.get("sequence", 0)
        self._room = store._cap - len(document.get("outbox", []))
        self.rows: list[Document] = []
        self.changed = False

    def take(self, command: _Command) -> A | BaseException:
        """The outcome of one command: the state after it, or why not."""
        call = command.call
        try:
            self._store._replay(call, {"replies": self._replies})
            if self._tombstone:
                raise Missing(f"{self._store._codec.word}_missing", "it is gone")
            if call.caused_by and any(event["id"] == call.caused_by for event in self._handled_events):
                return self._state
            if call.if_match is not None and call.if_match != self._state.version:
                raise Stale("stale", "it has changed since you read it", "If-Match")
            state, events = command.decide(self._state, *command.args, **command.named)
            if state == self._state and not events and not call.caused_by and not call.key:
                return self._state
            if self._acts and self._acts.full:
                raise Unavailable("trail_full", "too many acts on this record wait for the log; try again later")
            if len(self.rows) + len(events) > self._room:
                raise Unavailable("outbox_full", "too many events of this record wait for the broker; try again later")
        except Exception as error:  # handed to its own caller by the batcher
            return error
        if command.forget_replies or state.tombstone:
            self._replies = []
        self._accept(call, state, events)
        return self._state

    def _accept(self, call: Call, state: A, events: list[Event]) -> None:
        self._state = state.but(version=self._state.version + 1)
        self._tombstone = self._state.tombstone
        new = _rows(call, self._state, self._sequence, events)
        self._sequence += len(new)
        self.rows += new
        if self._acts:
            self._acts.add(call, self._state, events)
        self._replies = [r for r in self._replies if call.at - r["at"] < REMEMBER_REPLY]
        if reply := self._store._reply(call, self._state):
            self._replies.append(reply)
        if call.caused_by:
            self._handled_events = [c for c in self._handled_events if call.at - c["at"] < REMEMBER_CAUSE]
            self._handled_events.append({"id": call.caused_by, "at": call.at})
        self.changed = True

    def changes(self) -> Document:
        """What the guarded write sets."""
        changes = self._store._codec.dump(self._state)
        changes |= {"version": self._state.version, "sequence": self._sequence}
        changes["replies"], changes["seen"] = self._replies, self._handled_events
        if self._acts:
            changes |= self._acts.changes(self._tombstone)
        changes["wrote"] = [*self._document.get("wrote", []), str(uuid7())][-WRITES_STAMPED:]
        return changes


def _rows(call: Call, aggregate: Aggregate, sequence: int, events: list[Event]) -> list[Document]:
    """The outbox rows for what was said: everything that the relay needs, the body as it will travel."""
    return [
        {
            "id": str(uuid7()),
            "name": event.name,
            "subject": aggregate.id,
            "body": orjson.dumps(event).decode(),
            "sequence": sequence + n,
            "at": to_milliseconds(call.at),
            "correlation": call.correlation,
            "trace": call.trace,
            **({"restricted": True} if aggregate.restricted or event.restricted else {}),
        }
        for n, event in enumerate(events, start=1)
    ]
