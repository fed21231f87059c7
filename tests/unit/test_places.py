"""Places in a session against a simple model: ten thousand operations in any order, no seat sold twice, no order broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from services.bookings.domain import OPEN, Person, Use
from services.bookings.sessions import domain
from services.bookings.sessions.rules import reschedule, timers
from shared.events.bookings import PlaceOffered, PlaceReleased, PlacesMissed, PlaceTaken, PlaceWaitlisted, ReminderDue
from shared.rules.errors import Conflict

START = datetime(2026, 11, 25, 8, 30, tzinfo=UTC)
AT = START - timedelta(days=2)
STATES = domain.SEATED | {domain.WAITING}


def session(capacity: int = 3, **facts: Any) -> Use:
    """A session in two days."""
    return Use(
        id="s",
        community="c",
        kind="activity",
        state=OPEN,
        room_id="r",
        room_name="厅",
        timezone="Asia/Shanghai",
        start=START,
        end=START + timedelta(hours=2),
        capacity=capacity,
        priority=["veteran", "elder"],
        **facts,
    )


def person(name: str, *groups: str) -> Person:
    return Person(id=name, groups=list(groups))


class Model(RuleBasedStateMachine):
    """Who holds what, in dictionaries: seats, the line, and offers with their ends."""

    places = Bundle("places")

    @initialize(capacity=st.integers(1, 5))
    def begin(self, capacity: int) -> None:
        self.use, self.at, self.people = session(capacity), AT, 0
        self.seats: set[int] = set()
        self.offers: dict[int, datetime] = {}
        self.line: list[tuple[int, int]] = []

    def promote(self) -> None:
        while self.line and len(self.seats) + len(self.offers) < self.use.capacity and self.at < self.use.end:
            _, n = self.line.pop(0)
            until = min(self.at + timedelta(hours=2), START - timedelta(hours=1))
            if until <= self.at:
                self.seats.add(n)
            else:
                self.offers[n] = until

    @rule(target=places, group=st.sampled_from(["", "veteran", "elder"]))
    def take(self, group: str) -> int:
        self.people += 1
        taken = (person(f"p{self.people}", group), [f"p{self.people}"], "", self.at)
        if self.at >= self.use.end:
            with pytest.raises(Conflict, match="session_over"):
                domain.take(self.use, *taken)
            return 0
        free = len(self.seats) + len(self.offers) < self.use.capacity and not self.line
        self.use, events = domain.take(self.use, *taken)
        n = self.use.arrivals
        if free:
            self.seats.add(n)
            assert isinstance(events[0], PlaceTaken)
        else:
            self.line = sorted([*self.line, (["veteran", "elder", ""].index(group), n)])
            assert isinstance(events[0], PlaceWaitlisted)
            assert events[0].position == [m for _, m in self.line].index(n) + 1
        return n

    @rule(n=consumes(places))
    def give_back(self, n: int) -> None:
        if n in self.seats | set(self.offers) | {m for _, m in self.line} and self.place(n)["state"] != domain.PRESENT:
            self.use, events = domain.give_back(self.use, n, "by_resident", self.at)
            self.seats.discard(n)
            self.offers.pop(n, None)
            self.line = [(rank, m) for rank, m in self.line if m != n]
            self.promote()
            # Given back once it has begun, a seat that counts is a missed one.
            assert isinstance(events[0], PlaceReleased) or (isinstance(events[0], PlacesMissed) and self.at >= START)

    @rule(n=places)
    def confirm(self, n: int) -> None:
        if n in self.offers and self.offers[n] > self.at:
            self.use, _ = domain.confirm(self.use, n, self.at)
            del self.offers[n]
            self.seats.add(n)
        elif n:
            with pytest.raises(Conflict):
                domain.confirm(self.use, n, self.at)

    @rule(n=places)
    def come(self, n: int) -> None:
        if n in self.seats and START - timedelta(hours=1) <= self.at < self.use.end:
            self.use, _ = domain.check_in(self.use, n, "worker", self.at)
            assert self.place(n)["state"] == domain.PRESENT

    @rule(minutes=st.sampled_from([5, 45, 130, 600, 1500]))
    def wait(self, minutes: int) -> None:
        """Time passes, and each moment at which something is due is acted on when it comes."""
        until = self.at + timedelta(minutes=minutes)
        for _ in range(1000):
            if self.use.due is None or self.use.due > until:
                break
            self.at = max(self.at, self.use.due)
            for n in [n for n, end in self.offers.items() if end <= self.at]:
                del self.offers[n]
            self.promote()
            self.use, events = timers.pass_time(self.use, self.at)
            for event in events:
                if isinstance(event, PlacesMissed):
                    self.seats -= {p["n"] for p in self.use.places if p["state"] == "missed"}
                    self.promote()
        self.at = until
        if self.use.state != OPEN:
            self.seats = {n for n in self.seats if self.place(n)["state"] in domain.SEATED}
            self.offers, self.line = {}, []

    def place(self, n: int) -> dict[str, Any]:
        return domain.place_of(self.use, n)

    @invariant()
    def no_seat_is_sold_twice(self) -> None:
        assert domain.seated(self.use) <= self.use.capacity

    @invariant()
    def the_line_is_in_order(self) -> None:
        assert [p["n"] for p in domain.queue(self.use)] == [n for _, n in self.line]

    @invariant()
    def everybody_is_where_the_model_says(self) -> None:
        seats = {p["n"] for p in self.use.places if p["state"] in (domain.TAKEN, domain.PRESENT)}
        offers = {p["n"]: p["offered_until"] for p in self.use.places if p["state"] == domain.OFFERED}
        assert (seats, offers) == (self.seats, self.offers)

    @invariant()
    def nobody_waits_while_a_seat_is_free(self) -> None:
        if self.use.state == OPEN and self.at < self.use.end:
            assert not domain.queue(self.use) or domain.seated(self.use) == self.use.capacity


# 200 × 50 = 10,000 operations.
Model.TestCase.settings = settings(
    max_examples=200, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
TestPlaces = Model.TestCase


def test_a_freed_seat_is_offered_for_two_hours_or_until_an_hour_before() -> None:
    use, _ = domain.take(session(1), person("a"), ["a"], "", AT)
    use, _ = domain.take(use, person("b"), ["b"], "", AT)
    use, events = domain.give_back(use, 1, "by_resident", AT)
    assert isinstance(events[1], PlaceOffered)
    assert events[1].until == AT + timedelta(hours=2)
    late = START - timedelta(hours=2)
    near, _ = domain.take(session(1), person("a"), ["a"], "", AT)
    near, _ = domain.take(near, person("b"), ["b"], "", AT)
    near, events = domain.give_back(near, 1, "by_resident", late)
    assert isinstance(events[1], PlaceOffered)
    assert events[1].until == START - timedelta(hours=1)
    gone, events = timers.pass_time(near, START - timedelta(hours=1))
    assert [p["state"] for p in gone.places] == ["released", "released"]
    assert events[0].reason == "offer_lapsed"  # type: ignore[attr-defined]


def test_within_the_last_hour_a_freed_seat_is_taken_at_once() -> None:
    use, _ = domain.take(session(1), person("a"), ["a"], "", AT)
    use, _ = domain.take(use, person("b"), ["b"], "", AT)
    use, events = domain.give_back(use, 1, "by_resident", START - timedelta(minutes=59))
    assert isinstance(events[1], PlaceTaken)
    assert events[1].how == "promoted"


def test_reminders_go_out_a_day_and_an_hour_before_and_never_after_a_cancellation() -> None:
    use, _ = domain.take(session(), person("a"), ["a"], "", AT)
    reminded = []
    for _ in range(10):
        if use.due is None or use.due >= START:
            break
        at = use.due
        use, events = timers.pass_time(use, at)
        reminded += [e.hours for e in events if isinstance(e, ReminderDue)]
    assert reminded == [24, 1]
    cancelled, _ = domain.cancel(use, "weather", START - timedelta(minutes=30))
    assert cancelled.due is None
    assert timers.pass_time(cancelled, START) == (cancelled, [])


def test_a_moved_sessions_reminders_move_with_it() -> None:
    use, _ = domain.take(session(), person("a"), ["a"], "", AT)
    start = START + timedelta(days=7)
    moved, events = reschedule.move(use, start, start + timedelta(hours=1), "r", "厅", 3, AT)
    assert moved.due == start - timedelta(hours=24)
    assert events[0].tell == ["a"]  # type: ignore[attr-defined]


def test_a_smaller_room_sends_the_last_seats_to_the_head_of_the_line() -> None:
    use = session(3)
    for name in "abcd":
        use, _ = domain.take(use, person(name), [name], "", AT)
    moved, _ = reschedule.move(use, START, use.end, "small", "小", 2, AT)
    assert [p["state"] for p in moved.places] == ["taken", "taken", "waiting", "waiting"]
    assert [p["n"] for p in domain.queue(moved)] == [3, 4]
