"""What bookings knows by listening: communities, people, and what people hold; and who may act for whom."""

from __future__ import annotations

import dataclasses
import re
import time
from datetime import datetime, timedelta
from typing import Any

from services.bookings.domain import Locale, Person, Use
from shared.calls import Call
from shared.errors import Forbidden, Invalid, Unavailable
from shared.events.base import Event
from shared.identity import STAFF
from shared.platform import Platform
from shared.store import Kind, Store

USES = Kind(Use, "uses", unique=(("claims",),), indexes=(("found_by", "start"), ("due",)), order="start")
PEOPLE = Kind(Person, "people")
LOCALES = Kind(Locale, "locales")

_GIVEN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WAIT_FOR_NEWS = 2.0  # seconds; the neighbour's event is on its way


class Known:
    """See the module."""

    def __init__(self, platform: Platform) -> None:
        self.people = platform.store(PEOPLE)
        self._locales = platform.store(LOCALES)

    # -- asking

    def locale(self, call: Call) -> Locale:
        """The community's clock and calendar; waits a moment for the news that it was opened."""
        found: Locale | None = _heard(self._locales, call.community, call.community)
        if found is None:
            raise Unavailable("community_unknown", "this community is not known here yet", retry_after=2)
        return found

    def person(self, call: Call, id: str) -> Person:
        """What is known of somebody whose own token proves that they exist, or of whom a worker names."""
        if id == call.actor:
            return self.people.find(call.community, id) or Person(id=id)
        found: Person | None = _heard(self.people, call.community, id)
        if found is None:
            raise Invalid("resident_unknown", "no such resident", "resident_id")
        return found

    def for_whom(self, call: Call) -> str:
        """The caller, a child of theirs, or whom a worker names."""
        named = call.body.get("resident_id")
        if named in (None, call.actor):
            if not call.is_one_of("resident", "guardian"):
                raise Invalid("resident_missing", "say for whom", "resident_id")
            return call.actor
        person = self.person(call, named) if call.is_one_of(*STAFF) else self.people.find(call.community, named)
        if not call.is_one_of(*STAFF) and (person is None or call.actor not in person.guardians):
            raise Forbidden("not_yours", "residents book for themselves and for their children")
        return str(named)

    def may_act(self, call: Call, person_id: str) -> bool:
        """Whether the caller is this person, a guardian of theirs, or a worker."""
        if person_id == call.actor or call.is_one_of(*STAFF):
            return True
        person = self.people.find(call.community, person_id)
        return person is not None and call.actor in person.guardians

    def tell(self, person: Person) -> list[str]:
        """Who is told what concerns this person: a child's guardians, else the person."""
        return list(person.guardians) if person.is_child and person.guardians else [person.id]

    # -- listening

    def learn_community(self, call: Call, event: Any) -> None:
        """Keep a community's time zone."""
        new = lambda _: Locale(timezone=event.timezone)  # noqa: E731
        self._locales.ensure(_inside(call, event), event.community_id, new, _set, timezone=event.timezone)

    def learn_calendar(self, call: Call, event: Any) -> None:
        """Keep the days on which a community's calendar differs."""
        days = {day: True for day in event.working} | {day: False for day in event.off}
        self._locales.ensure(_inside(call, event), event.community_id, lambda _: Locale(), _set, calendar=days)

    def learn_resident(self, call: Call, event: Any) -> None:
        """Keep that a resident exists, and their codes."""
        facts = {"language": event.language, "groups": list(event.groups)}
        # Known from its first write on: whoever asks in between must not find a person without groups.
        self.people.ensure(call, event.resident_id, lambda _: Person(**facts), _set, **facts)

    def learn_worker(self, call: Call, event: Any) -> None:
        """Keep somebody's roles; none after their term."""
        over = event.until is not None and event.until <= call.at
        roles = [] if over else list(event.roles)
        self.people.ensure(call, event.worker_id, lambda _: Person(roles=roles), _set, roles=roles)

    def learn_guardian(self, call: Call, event: Any, linked: bool) -> None:
        """Keep who may act for a child."""
        self.people.ensure(call, event.child_id, lambda _: Person(), _link, "guardians", event.guardian_id, linked)
        self.people.ensure(call, event.guardian_id, lambda _: Person(), _link, "children", event.child_id, linked)

    def forget(self, call: Call, resident_id: str) -> None:
        """Nothing is known of this person any more."""
        if self.people.find(call.community, resident_id):
            self.people.change(call, resident_id, _forget)

    # -- what people hold and miss

    def hold(self, call: Call, event: Any, limit_of: Use | None) -> bool:
        """Note a place in its person's week. False where it is one more than the programme's limit allows."""
        week = week_of(event.start)
        place = {"place": event.place_id, "programme": event.programme_id, "at": event.start}
        person = self.people.ensure(call, event.person_id, lambda _: Person(), _hold, week, place, call.at)
        limit = limit_of.weekly_limit if limit_of else 0
        return not limit or held(person, event.start, event.programme_id) <= limit

    def unhold(self, call: Call, event: Any) -> None:
        """The place is not the person's any more."""
        self.people.ensure(call, event.person_id, lambda _: Person(), _unhold, week_of(event.start), event.place_id)


def week_of(start: datetime) -> str:
    """The ISO week of a local time: "2026-W48"."""
    year, week, _ = start.isocalendar()
    return f"{year}-W{week:02d}"


def held(person: Person, start: datetime, programme_id: str) -> int:
    """How many places of a programme the person has in that week."""
    return sum(place["programme"] == programme_id for place in person.weeks.get(week_of(start), []))


def _inside(call: Call, event: Any) -> Call:
    """Communities are the installation's; what is kept of one is its own."""
    return dataclasses.replace(call, community=event.community_id)


def _set(state: Any, **facts: Any) -> tuple[Any, list[Event]]:
    return state.but(**facts), []


def _link(person: Person, role: str, other: str, linked: bool) -> tuple[Person, list[Event]]:
    rest = [id for id in getattr(person, role) if id != other]
    return person.but(**{role: [*rest, other] if linked else rest}), []


def _forget(person: Person) -> tuple[Person, list[Event]]:
    return person.but(gone=True, groups=[], guardians=[], children=[], weeks={}, misses=[], credits=[]), []


def _hold(person: Person, week: str, place: dict[str, Any], at: datetime) -> tuple[Person, list[Event]]:
    # A release may be heard before its taking: then the place is noted as gone already.
    if any(p["place"] == place["place"] for p in person.weeks.get(week, [])):
        return person, []
    old = week_of(at - timedelta(days=35))
    weeks = {w: places for w, places in person.weeks.items() if w >= old}
    return person.but(weeks={**weeks, week: [*weeks.get(week, []), place]}), []


def _unhold(person: Person, week: str, place_id: str) -> tuple[Person, list[Event]]:
    rest = [place for place in person.weeks.get(week, []) if place["place"] != place_id]
    return person.but(weeks={**person.weeks, week: [*rest, {"place": place_id, "programme": ""}]}), []


def _heard(store: Store[Any], community: str, id: str) -> Any:
    """What is known by listening; news that is on its way gets two seconds, if the id can be one that was given here."""
    until = time.monotonic() + (WAIT_FOR_NEWS if _GIVEN.fullmatch(id) or id == community else 0)
    while (found := store.find(community, id)) is None and time.monotonic() < until:
        time.sleep(0.05)
    return found
