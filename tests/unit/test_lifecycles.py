"""Every pair of states of every lifecycle, legal and illegal, by the resulting state."""

from __future__ import annotations

import dataclasses
import importlib
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import services.notifications.deliveries.domain as notifications
from services.bookings.domain import Use
from services.bookings.duty import domain as duty
from services.bookings.duty.domain import Queue
from services.bookings.sessions import domain as sessions
from services.bookings.sessions.domain import PLACES
from shared.events.base import Aggregate
from shared.rules.errors import Conflict

ROOT = Path(__file__).resolve().parents[2]
SAMPLES: dict[Any, Any] = {str: "x", int: 1, datetime: datetime(2026, 11, 22, tzinfo=UTC)}


def _with_lifecycle() -> list[type[Aggregate]]:
    found: dict[str, type[Aggregate]] = {}
    for path in sorted(ROOT.glob("services/**/domain.py")):
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        own = (c for c in vars(module).values() if isinstance(c, type) and issubclass(c, Aggregate) and c.LIFECYCLE)
        found |= {c.__name__: c for c in own}
    return list(found.values())


PAIRS = [(kind, a, b) for kind in _with_lifecycle() for a, b in product(kind.LIFECYCLE, repeat=2)]


def _in_state(kind: type[Aggregate], state: str) -> Any:
    import typing

    hints = typing.get_type_hints(kind)
    required = [
        f for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    return kind(**({f.name: SAMPLES[hints[f.name]] for f in required} | {"state": state}))


def test_there_are_lifecycles_and_each_names_only_its_own_states() -> None:
    kinds = {
        "Use",
        "Delivery",
        "Resident",
        "Programme",
        "Enrolment",
        "Roster",
        "CareVisit",
        "Loan",
        "ParlourVisit",
        "Petition",
        "HelpRequest",
        "Dispute",
        "CourtCase",
        "Sitting",
        "Activation",
        "Slip",
    }
    assert {kind.__name__ for kind in _with_lifecycle()} == kinds
    for lifecycle in (*(kind.LIFECYCLE for kind in _with_lifecycle()), PLACES, Queue.TICKETS):
        assert set().union(*lifecycle.values()) <= set(lifecycle)


@pytest.mark.parametrize(("kind", "now", "then"), PAIRS, ids=lambda v: getattr(v, "__name__", v))
def test_each_pair_of_states(kind: type[Aggregate], now: str, then: str) -> None:
    aggregate = _in_state(kind, now)
    if then in kind.LIFECYCLE[now]:
        assert aggregate.become(then).state == then
    else:
        with pytest.raises(Conflict, match="illegal_transition"):
            aggregate.become(then)
    assert aggregate.state == now


@pytest.mark.parametrize(("now", "then"), list(product(PLACES, repeat=2)))
def test_each_pair_of_a_places_states(now: str, then: str) -> None:
    use = _in_state(Use, "open").but(places=[{"n": 1, "person": "p", "state": now}, {"n": 2, "person": "q", "state": now}])
    if then in PLACES[now]:
        assert [place["state"] for place in sessions.step(use, 1, then).places] == [then, now]
    else:
        with pytest.raises(Conflict, match="illegal_transition"):
            sessions.step(use, 1, then)


@pytest.mark.parametrize(("now", "then"), list(product(Queue.TICKETS, repeat=2)))
def test_each_pair_of_a_tickets_states(now: str, then: str) -> None:
    queue = Queue(tickets=[{"n": 1, "person": "p", "state": now}, {"n": 2, "person": "q", "state": now}])
    if then in Queue.TICKETS[now]:
        assert [ticket["state"] for ticket in duty.step(queue, 1, then)[0].tickets] == [then, now]
    else:
        with pytest.raises(Conflict, match="illegal_transition"):
            duty.step(queue, 1, then)


AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "expected"), [("PENDING", "SENDING"), ("SENDING", "SENDING"), ("SENT", None), ("FAILED", None), ("SKIPPED", None)]
)
def test_only_a_due_delivery_is_claimed(state: str, expected: str | None) -> None:
    delivery = dataclasses.replace(_in_state(notifications.Delivery, state), due=AT, tries=0)
    if expected is None:
        with pytest.raises(Conflict, match="not_due"):
            notifications.claim(delivery, AT)
    else:
        claimed, _ = notifications.claim(delivery, AT)
        assert (claimed.state, claimed.tries) == (expected, 1)
        with pytest.raises(Conflict, match="not_due"):
            notifications.claim(claimed, AT)


def test_a_delivery_backs_off_ten_times_and_then_fails_aloud() -> None:
    delivery = dataclasses.replace(_in_state(notifications.Delivery, "PENDING"), due=AT)
    waits, now = [], AT
    for _ in range(10):
        delivery, _ = notifications.claim(delivery, now)
        delivery, events = notifications.failed(delivery, "smtp_unavailable", now)
        assert (delivery.state, events) == ("PENDING", [])
        waits.append((delivery.due - now).total_seconds())
        now = delivery.due
    assert waits == sorted(waits)
    delivery, _ = notifications.claim(delivery, now)
    delivery, events = notifications.failed(delivery, "smtp_unavailable", now)
    assert (delivery.state, [type(e).__name__ for e in events]) == ("FAILED", ["DeliveryFailed"])


def test_an_older_try_says_nothing_but_that_it_was_sent() -> None:
    delivery = notifications.Delivery(id="d", recipient="r", channel="mail", template="reminder", state="PENDING", due=AT)
    mine, _ = notifications.claim(delivery, AT)
    theirs = mine.but(tries=2)
    assert notifications.settle(theirs, mine.tries, notifications.failed, "smtp_unavailable", AT) == (theirs, [])
    assert notifications.settle(theirs, mine.tries, notifications.skip, "no_address") == (theirs, [])
    assert notifications.settle(theirs, mine.tries, notifications.sent, AT)[0].state == "SENT"
    assert notifications.settle(mine, mine.tries, notifications.failed, "smtp_unavailable", AT)[0].state == "PENDING"
    over = mine.but(state="SENT", due=None)
    assert notifications.settle(over, mine.tries, notifications.failed, "smtp_unavailable", AT) == (over, [])


def test_more_time_is_for_the_try_that_it_is_at() -> None:
    delivery = notifications.Delivery(id="d", recipient="r", channel="mail", template="reminder", state="PENDING", due=AT)
    mine, _ = notifications.claim(delivery, AT)
    later = AT + notifications.SENDING_LIVES / 2
    assert notifications.renew(mine, mine.tries, later)[0].due == later + notifications.SENDING_LIVES
    for other in (mine.but(tries=2), mine.but(state="PENDING"), mine.but(state="SENT", due=None)):
        with pytest.raises(Conflict, match="not_yours"):
            notifications.renew(other, mine.tries, later)


def test_a_copy_is_one_of_its_own_and_has_no_field_that_there_is_not() -> None:
    queue = Queue(id="one", community="c")
    other = queue.but(id="other")
    assert (queue.id, other.id, other) == ("one", "other", dataclasses.replace(queue, id="other"))
    for unknown in ("LIFECYCLE", "nothing"):
        with pytest.raises(TypeError, match=unknown):
            queue.but(**{unknown: {}})
