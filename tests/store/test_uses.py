"""Rooms and places under interleaved writers, against a simple model: whoever writes between another's read and write,
no quarter-hour is used twice and no seat is sold twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.bookings.directory import USES
from services.bookings.domain import OPEN, Person, Use, claims
from services.bookings.rooms import domain as rooms
from services.bookings.rooms.domain import Room
from services.bookings.sessions import domain as sessions
from shared.calls import Call
from shared.rules.errors import Conflict, Refused
from shared.runtime.testing import Collector
from shared.security.privacy import PlainVault
from shared.storage.store import Store, Taken
from tests.store.interleaved import Interleaved

AT = datetime(2026, 11, 23, tzinfo=UTC)
OPENS = datetime(2026, 11, 24, tzinfo=UTC)
WEEK = {day: [["00:00", "24:00"]] for day in rooms.DAYS}
ROOMS = {name: Room(id=name, name=name, use="hall", capacity=9, timezone="UTC", hours=WEEK) for name in "ab"}


class Model(RuleBasedStateMachine):
    """Two replicas on one collection; the model is a dictionary of quarter-hours, and a set of people with a seat."""

    @initialize()
    def begin(self) -> None:
        self.backend, self.n = Interleaved(), 0
        self.stores = [Store[Use](USES, self.backend, Collector(), PlainVault()) for _ in range(2)]
        self.taken: dict[str, str] = {}
        self.people: set[str] = set()
        use = Use(
            id="session",
            community="c",
            kind="film",
            state=OPEN,
            room_id="z",
            room_name="z",
            timezone="UTC",
            start=OPENS + timedelta(days=2),
            end=OPENS + timedelta(days=2, hours=2),
            capacity=7,
            claims=["z/0"],
        )
        self.stores[0].create_all([(self.call(), use, [])])

    def call(self) -> Call:
        return Call(community="c", at=AT)

    def reserve(self, store: Store[Use], room: str, quarter: int, length: int) -> None:
        start = OPENS + timedelta(minutes=15 * quarter)
        wanted = claims(room, start, start + timedelta(minutes=15 * length))
        self.n += 1
        id = f"u{self.n}"
        try:
            store.create(
                self.call(), rooms.reserve, ROOMS[room], "p", start, start + timedelta(minutes=15 * length), "x", "p", AT, id=id
            )
        except Taken:
            assert any(c in self.taken for c in wanted)
            return
        assert not any(c in self.taken for c in wanted)
        self.taken |= dict.fromkeys(wanted, id)

    def cancel(self, store: Store[Use], which: int) -> None:
        held = sorted(set(self.taken.values()))
        if held:
            id = held[which % len(held)]
            store.change(self.call(), id, rooms.cancel, "p", False, AT)
            self.taken = {c: u for c, u in self.taken.items() if u != id}

    def take(self, store: Store[Use], name: int) -> None:
        person = Person(id=f"p{name}")
        try:
            store.change(self.call(), "session", sessions.take, person, [person.id], "", AT)
        except Conflict as error:
            assert error.code == "already_booked"
            assert person.id in self.people
            return
        assert person.id not in self.people
        self.people.add(person.id)

    def give_back(self, store: Store[Use], name: int) -> None:
        store.change(self.call(), "session", sessions.give_back_of, f"p{name}", "by_resident", AT)
        self.people.discard(f"p{name}")

    def one(self, store: int, kind: str, a: int, b: int) -> None:
        """One operation of one replica."""
        chosen = self.stores[store]
        if kind == "reserve":
            self.reserve(chosen, "ab"[a % 2], a % 24, 1 + b % 6)
        else:
            {"cancel": self.cancel, "take": self.take, "give_back": self.give_back}[kind](chosen, a)

    KINDS = st.sampled_from(["reserve", "reserve", "cancel", "take", "take", "give_back"])
    NUMBER = st.integers(0, 40)

    @rule(kind=KINDS, a=NUMBER, b=NUMBER)
    def alone(self, kind: str, a: int, b: int) -> None:
        self.one(0, kind, a, b)

    @rule(first=KINDS, second=KINDS, a=NUMBER, b=NUMBER, c=NUMBER, d=NUMBER)
    def interleaved(self, first: str, second: str, a: int, b: int, c: int, d: int) -> None:
        if (first, second) == ("cancel", "cancel") or (first == second and a == c):
            return  # one of both finds its own wish fulfilled: the model has no word for that
        self.backend.meanwhile = lambda: self.one(1, second, c, d)
        try:
            self.one(0, first, a, b)
        except Refused as error:
            assert error.code == "already_cancelled"
        self.backend.meanwhile = None

    @invariant()
    def no_quarter_hour_is_used_twice(self) -> None:
        uses = [use for use in self.stores[0].all("c", {}) if use.kind == "reservation"]
        held = [c for use in uses if use.state == "confirmed" for c in use.claims]
        assert len(held) == len(set(held))
        assert set(held) == set(self.taken)

    @invariant()
    def no_seat_is_sold_twice_and_numbers_are_given_once(self) -> None:
        use = self.stores[0].find("c", "session")
        assert use is not None
        assert sessions.seated(use) <= use.capacity
        assert [p["n"] for p in use.places] == list(range(1, use.arrivals + 1))
        assert {p["person"] for p in use.places if p["state"] in sessions.ACTIVE} == self.people
        assert not sessions.queue(use) or sessions.seated(use) == use.capacity


# 250 × 40 = 10,000 operations, many of them two at once.
Model.TestCase.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
TestUses = Model.TestCase
