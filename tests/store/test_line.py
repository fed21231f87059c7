"""A session's seats, offers and waiting line under two replicas that write between each other's reads and writes: places are
taken, offered, confirmed, given back and lapse, the session is moved and cancelled, and time passes; against a plain model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.bookings.directory import USES
from services.bookings.domain import OPEN, Person, Use
from services.bookings.sessions import domain
from services.bookings.sessions.rules import reschedule, timers
from shared.calls import Call
from shared.rules.errors import Conflict
from shared.runtime.testing import Collector
from shared.security.privacy import PlainVault
from shared.storage.store import Store
from tests.store.interleaved import Interleaved

AT = datetime(2026, 11, 23, tzinfo=UTC)
GROUPS = ("veteran", "elder", "")
LENGTH = timedelta(hours=2)


class Line:
    """Who has a seat, who is offered one until when, who waits, in plain words; each act gives the code of its refusal."""

    def __init__(self, capacity: int, start: datetime) -> None:
        self.capacity, self.start, self.state = capacity, start, "open"
        self.seats: set[int] = set()
        self.here: set[int] = set()
        self.late: set[int] = set()
        self.offers: dict[int, datetime] = {}
        self.line: set[int] = set()
        self.rank: dict[int, int] = {}
        self.person: dict[int, int] = {}

    @property
    def end(self) -> datetime:
        return self.start + LENGTH

    def queue(self) -> list[int]:
        return sorted(self.line, key=lambda n: (self.rank[n], n))

    def full(self) -> bool:
        return len(self.seats) + len(self.here) + len(self.offers) >= self.capacity

    def promote(self, at: datetime) -> None:
        while self.line and not self.full() and at < self.end:
            first = self.queue()[0]
            self.line.remove(first)
            until = min(at + timedelta(hours=2), self.start - timedelta(hours=1))
            if until > at:
                self.offers[first] = until
            else:
                self.seats.add(first)
                self.late.add(first)

    def take(self, at: datetime, person: int, rank: int) -> str:
        if at >= self.end:
            return "session_over"
        if self.state != "open":
            return "not_open"
        held = [n for n in self.seats | self.here | set(self.offers) | self.line if self.person[n] == person]
        if held:
            return "already_booked"
        if sum(p == person for p in self.person.values()) >= domain.TAKINGS_A_PERSON:
            return "too_often"
        n = len(self.person) + 1
        self.person[n], self.rank[n] = person, rank
        (self.line if self.line or self.full() else self.seats).add(n)
        if at >= self.start:
            self.late.add(n)
        return ""

    def give_back(self, at: datetime, n: int) -> str:
        if n not in self.seats | set(self.offers) | self.line:
            return "already_over"
        self.seats.discard(n)
        self.line.discard(n)
        self.offers.pop(n, None)
        self.promote(at)
        return ""

    def confirm(self, at: datetime, n: int) -> str:
        if n not in self.offers:
            return "not_offered"
        if at >= self.offers[n]:
            return "offer_over"
        del self.offers[n]
        self.seats.add(n)
        return ""

    def come(self, at: datetime, n: int) -> str:
        if n in self.here:
            return ""
        if at < self.start - timedelta(hours=1):
            return "not_yet"
        if at >= self.end or self.state != "open":
            return "session_over"
        if n not in self.seats:
            return "place_not_taken"
        self.seats.remove(n)
        self.here.add(n)
        return ""

    def move(self, at: datetime, start: datetime, capacity: int) -> str:
        if self.state != "open" or at >= self.start:
            return "already_over"
        if self.here:
            return "already_checked_in"
        self.start, self.capacity = start, capacity
        for n in sorted(self.seats | set(self.offers), key=lambda n: (self.rank[n], n))[capacity:]:
            self.seats.discard(n)
            self.offers.pop(n, None)
            self.line.add(n)
        for n, until in list(self.offers.items()):
            if until > at:
                self.offers[n] = min(until, start - timedelta(hours=1))
                if self.offers[n] <= at:
                    del self.offers[n]
                    self.seats.add(n)
                    self.late.add(n)
        self.promote(at)
        return ""

    def cancel(self, at: datetime) -> str:
        if self.state == "cancelled":
            return "already_cancelled"
        if at >= self.end:
            return "already_over"
        self.state = "cancelled"
        for some in (self.seats, self.here, self.offers, self.line):
            some.clear()
        return ""

    def pass_time(self, at: datetime) -> None:
        if self.state != "open":
            return
        self.offers = {n: until for n, until in self.offers.items() if until > at}
        self.promote(at)
        if at >= self.start + domain.SEAT_KEPT_FOR:
            self.seats &= self.late
            self.promote(at)
        if at >= self.end:
            self.state = "over"
            self.offers.clear()
            self.line.clear()


class Model(RuleBasedStateMachine):
    """Two replicas, and what a plain model says of every act of theirs."""

    @initialize(capacity=st.integers(1, 4))
    def begin(self, capacity: int) -> None:
        self.backend, self.at, self.sessions = Interleaved(), AT, 0
        self.stores = [Store[Use](USES, self.backend, Collector(), PlainVault()) for _ in range(2)]
        self.open(capacity)

    def open(self, capacity: int) -> None:
        self.sessions += 1
        self.id, start = f"s{self.sessions}", self.at + timedelta(days=1)
        use = Use(
            id=self.id,
            community="c",
            kind="film",
            state=OPEN,
            room_id="z",
            room_name="z",
            timezone="UTC",
            start=start,
            end=start + LENGTH,
            capacity=capacity,
            priority=["veteran", "elder"],
            claims=[self.id],
        )
        self.stores[0].create_all([(self.call(), use, [])])
        self.model = Line(capacity, start)

    def call(self) -> Call:
        return Call(community="c", at=self.at)

    def use(self) -> Use:
        found = self.stores[0].find("c", self.id)
        assert found is not None
        return found

    def attempt(self, store: int, decide: Callable[..., Any], *args: Any) -> str:
        try:
            self.stores[store].change(self.call(), self.id, decide, *args)
        except Conflict as error:
            return error.code
        return ""

    def one(self, store: int, kind: str, a: int, b: int) -> None:
        """One act of one replica: what it comes to, and what the model says once everything before it has happened."""
        at, n = self.at, 1 + a % max(1, len(self.model.person))
        if kind == "take":
            person, rank = a % 12, b % len(GROUPS)
            who = Person(id=f"p{person}", groups=[GROUPS[rank]])
            code = self.attempt(store, domain.take, who, [who.id], "", at)
            assert code == self.model.take(at, person, rank)
        elif kind == "move":
            start, capacity = at + (timedelta(minutes=45), timedelta(hours=3), timedelta(days=1))[a % 3], 1 + b % 4
            code = self.attempt(store, reschedule.move, start, start + LENGTH, "z", "z", capacity, at)
            assert code == self.model.move(at, start, capacity)
        elif kind == "cancel":
            code = self.attempt(store, domain.cancel, "weather", at)
            assert code == self.model.cancel(at)
        elif kind == "wait":
            self.wait(store, timedelta(minutes=(10, 60, 130, 700)[b % 4]))
        elif self.model.person:
            decide: Any = {"give_back": domain.give_back, "confirm": domain.confirm, "come": domain.check_in}[kind]
            more = {"give_back": ("by_worker",), "confirm": (), "come": ("worker",)}[kind]
            code = self.attempt(store, decide, n, *more, at)
            assert code == getattr(self.model, kind)(at, n)

    def wait(self, store: int, length: timedelta) -> None:
        """Each moment at which something is due is acted on when it comes."""
        until = self.at + length
        for _ in range(1000):
            due = self.use().due
            if due is None or due > until:
                break
            self.at = max(self.at, due)
            assert self.attempt(store, timers.pass_time, self.at) == ""
            self.model.pass_time(self.at)
        self.at = until

    KINDS = st.sampled_from([*["take"] * 5, *["give_back"] * 3, *["confirm"] * 3, "come", "move", "move", "wait", "wait"])
    NUMBER = st.integers(0, 40)

    @rule(kind=KINDS, a=NUMBER, b=NUMBER)
    def alone(self, kind: str, a: int, b: int) -> None:
        self.one(0, kind, a, b)

    @rule(first=KINDS, second=KINDS.filter(lambda kind: kind != "wait"), a=NUMBER, b=NUMBER, c=NUMBER, d=NUMBER)
    def interleaved(self, first: str, second: str, a: int, b: int, c: int, d: int) -> None:
        self.backend.meanwhile = lambda: self.one(1, second, c, d)
        self.one(0, first, a, b)
        self.backend.meanwhile = None

    @rule(minutes=st.sampled_from([5, 60, 125]))
    def the_timer_is_late(self, minutes: int) -> None:
        """What is due stays so; a command that comes before it finds the hour past all the same."""
        self.at += timedelta(minutes=minutes)

    @rule(which=NUMBER)
    def confirmed_at_the_very_end(self, which: int) -> None:
        if offers := sorted(self.model.offers):
            n = offers[which % len(offers)]
            self.at = max(self.at, self.model.offers[n])
            self.one(0, "confirm", n - 1, 0)

    @rule(capacity=st.integers(1, 4), now=st.integers(0, 4))
    def another_session(self, capacity: int, now: int) -> None:
        """The one before is cancelled, or over; now and then it is cancelled for it."""
        if now == 0:
            self.one(1, "cancel", 0, 0)
        if self.model.state != "open":
            self.open(capacity)

    @invariant()
    def everybody_is_where_the_model_says(self) -> None:
        use, model = self.use(), self.model
        states = {p["n"]: p["state"] for p in use.places}
        assert {n for n, s in states.items() if s == domain.TAKEN} == model.seats
        assert {n for n, s in states.items() if s == domain.PRESENT} == model.here
        assert {p["n"]: p["offered_until"] for p in use.places if p["state"] == domain.OFFERED} == model.offers
        assert [p["n"] for p in domain.queue(use)] == model.queue()
        assert use.state == model.state

    @invariant()
    def no_seat_is_sold_twice_and_none_is_kept_from_who_waits(self) -> None:
        use = self.use()
        if use.state == OPEN:
            assert domain.seated(use) <= use.capacity
            assert self.at >= use.end or not domain.queue(use) or domain.seated(use) == use.capacity


# 200 × 40 = 8,000 acts, many of them two at once.
Model.TestCase.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
TestLine = Model.TestCase
