"""The after-school class: adults, opening, and who may take a child away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.bookings.children import domain
from services.bookings.children.domain import Enrolment, Pickup
from services.bookings.children.enrolments import ENROLMENTS, enrolment_id
from services.bookings.children.handlers import PICKUPS, Children
from services.bookings.directory import USES
from services.bookings.sessions import domain as sessions
from shared.events.bookings import ClassOpened
from shared.rules.errors import Conflict, Forbidden
from tests.unit.memory import START, Memory, session, taken

UNCLE = {"name": "赵 叔叔", "phone": "13600000002"}


def the_class(*children: str) -> Any:
    """Staffed, with these children present."""
    use = taken(session(kind="after_school", capacity=60, programme_id="p"), *children)
    places = [p | {"state": "present"} for p in use.places]
    return use.but(places=places, staffing={"adults": ["w", "x", "y"]})


# -- opening


def test_a_class_is_opened_an_hour_before_its_start_at_the_earliest() -> None:
    use = the_class("kid")
    hour = START - timedelta(hours=1)
    with pytest.raises(Conflict, match="not_yet"):
        domain.open_class(use, 2, "", "w", hour - timedelta(seconds=1))
    assert domain.open_class(use, 2, "", "w", hour)[0].staffing["opened"]["adults"] == 2


def test_a_class_is_opened_short_with_an_exception_that_is_kept() -> None:
    use = the_class(*(f"kid{n}" for n in range(41)))
    with pytest.raises(Conflict, match="too_few_adults") as refused:
        domain.open_class(use, 2, "", "w", START)
    assert (refused.value.extra["needed"], refused.value.extra["children"]) == (3, 41)
    opened, events = domain.open_class(use, 2, "一名老师在路上", "w", START)
    assert opened.staffing["opened"] == {"adults": 2, "children": 41, "by": "w", "at": START, "exception": "一名老师在路上"}
    assert events == [ClassOpened("s", 41, 2, START)]
    with pytest.raises(Conflict, match="not_staffed"):
        domain.open_class(use.but(staffing={}), 3, "", "w", START)


# -- pick-up


@pytest.fixture
def memory() -> Memory:
    """Two classes of a day, and one of the next, with the same child in each."""
    memory = Memory()
    memory.people("kid", "sister", groups=["child"], guardians=["mum"])
    for id, later in (("noon", 0), ("late", 3), ("next", 24)):
        use = the_class("kid", "sister")
        start = START + timedelta(hours=later)
        memory.keep(USES, use.but(id=id, claims=[id], start=start, end=start + timedelta(hours=1)))
    for child in ("kid", "sister"):
        memory.keep(ENROLMENTS, Enrolment(id=enrolment_id("p", child), child_id=child, programme_id="p"))
    return memory


def comes(memory: Memory, place: str, collector: dict[str, str]) -> str:
    """Somebody who is on no list: how it ends."""
    try:
        after = Children(memory).release(memory.call(place_id=place, collector=collector, at=START))
    except Conflict as error:
        return error.code
    return str(after.left[place.split(".", maxsplit=1)[0]]["how"])


def approve(memory: Memory, day: str = "2026-11-25", by: str = "mum", child: str = "kid") -> Pickup:
    return Children(memory).approve(memory.call(by, "guardian", child_id=child, day=day, collector=UNCLE))


def test_an_approval_lets_one_collector_take_one_child_once(memory: Memory) -> None:
    assert comes(memory, "noon.1", UNCLE) == "collector_unlisted"
    with pytest.raises(Forbidden, match="not_guardian"):
        approve(memory, by="uncle")
    approve(memory)
    assert comes(memory, "noon.1", UNCLE | {"phone": "13600000003"}) == "collector_unlisted"
    assert comes(memory, "noon.1", UNCLE | {"name": "钱叔叔"}) == "collector_unlisted"
    assert comes(memory, "noon.2", UNCLE) == "collector_unlisted"
    assert comes(memory, "noon.1", {"name": "赵叔叔", "phone": "１３６００００ ０００２"}) == "approved"
    assert comes(memory, "noon.1", UNCLE) in ("already_left", "not_present")
    # It was for one time: the class later that day needs another.
    assert comes(memory, "late.1", UNCLE) == "collector_unlisted"
    approve(memory)
    assert comes(memory, "late.1", UNCLE) == "approved"
    kept = next(p for p in memory.store(PICKUPS).all("c", {}) if p.child_id == "kid")
    assert [act["act"] for act in kept.acts] == [
        "refused",
        "approved",
        "refused",
        "refused",
        "released",
        "refused",
        "approved",
        "released",
    ]


def test_an_approval_is_for_its_day(memory: Memory) -> None:
    approve(memory, "2026-11-25")
    assert comes(memory, "next.1", UNCLE) == "collector_unlisted"
    approve(memory, "2026-11-26")
    assert comes(memory, "next.1", UNCLE) == "approved"
    assert sessions.place_of(memory.use("next"), 1)["left_at"]
