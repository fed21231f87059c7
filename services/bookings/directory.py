"""What bookings knows by listening: communities, people, and what people hold; and who may act for whom."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from services.bookings.domain import Person, Use
from shared.calls import Call
from shared.events.base import Event
from shared.events.locale import Locale
from shared.rules.errors import Conflict, Forbidden, Invalid
from shared.rules.roles import STAFF
from shared.runtime.directory import Locales, look_up, project
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind

USES = Kind(Use, "uses", unique=(("claims",),), indexes=(("found_by", "start"), ("due",)), order="start")
PEOPLE = Kind(Person, "people")

STANDING_BELIEVED_SECONDS = 5.0


class Directory:
    """Copies of what residents said, and of what people hold; whom a caller may act for."""

    def __init__(self, platform: Platform) -> None:
        self.people = platform.store(PEOPLE)
        self.locales = Locales(platform)
        self._standing: dict[tuple[str, str], tuple[float, Person]] = {}

    # -- asking

    def locale(self, call: Call) -> Locale:
        """The community's clock and calendar."""
        return self.locales.of(call)

    def person(self, call: Call, id: str, field: str = "resident_id") -> Person:
        """What is known of somebody whose own token proves that they exist, or of whom a worker names in a field. Raises
        Forbidden for somebody who was erased: a token lives a little longer."""
        if id == call.actor:
            document = self.people.backend.read([(call.community, id)])[0]
            if document is None:
                return Person(id=id)
            found: Person | None = self.people.load(document)
            if found and found.tombstone:
                raise Forbidden("erased", "this person is not known any more")
        else:
            found = look_up(self.people, call.community, id)
        if found is None:
            raise Invalid("resident_unknown", "no such resident", field)
        return found

    def standing(self, call: Call, id: str) -> None:
        """Whether the person may book. Asked for each reservation, so it is remembered for some seconds. Raises Forbidden,
        Conflict("suspended")."""
        until, person = self._standing.get((call.community, id), (0.0, None))
        if person is None or until < time.monotonic():
            person = self.person(call, id)
            if len(self._standing) > 10_000:
                self._standing.clear()
            self._standing[(call.community, id)] = (time.monotonic() + STANDING_BELIEVED_SECONDS, person)
        if person.suspended_until and person.suspended_until > call.at:
            raise Conflict("suspended", "too many missed places", until=person.suspended_until.isoformat())

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

    def project_resident(self, call: Call, event: Any) -> None:
        """Keep that a resident exists, and reads which language."""
        project(self.people, call, event.resident_id, Person, event.at, language=event.language)

    def project_groups(self, call: Call, event: Any) -> None:
        """Keep to which groups a resident belongs."""
        project(self.people, call, event.resident_id, Person, event.at, groups=list(event.groups))

    def project_worker(self, call: Call, event: Any) -> None:
        """Keep somebody's roles; none after their term."""
        over = event.until is not None and event.until <= call.at
        roles = [] if over else list(event.roles)
        project(self.people, call, event.worker_id, Person, event.at, roles=roles, works_until=event.until)

    def project_guardian(self, call: Call, event: Any, linked: bool) -> None:
        """Keep who may act for a child."""

        def new(_: str) -> Person:
            return Person()

        self.people.ensure(call, event.child_id, new, _link, "guardians", event.guardian_id, linked, event.at)
        self.people.ensure(call, event.guardian_id, new, _link, "children", event.child_id, linked, event.at)

    def forget(self, call: Call, resident_id: str) -> None:
        """Nothing is known of this person any more, and late news makes nobody of them."""
        known = self.people.find(call.community, resident_id)
        for other in [*known.children, *known.guardians] if known else ():
            if self.people.find(call.community, other):
                self.people.change(call.plain(), other, _unlink, resident_id)
        self.people.ensure(call.plain(), resident_id, lambda _: Person(), _forget)

    # -- what people hold and miss

    def hold(self, call: Call, event: Any, limit_of: Use | None) -> bool:
        """Note a place in its person's week. False where it is one of those that came after the programme's limit was
        reached: the earlier ones stay, however often this is heard."""
        week = week_of(event.start)
        place = {"place": event.place_id, "programme": event.programme_id, "at": event.start}
        person = self.people.ensure(call, event.person_id, lambda _: Person(), _hold, week, place, call.at)
        limit = limit_of.weekly_limit if limit_of else 0
        return not limit or event.place_id not in _places(person, event.start, event.programme_id)[limit:]

    def unhold(self, call: Call, event: Any) -> None:
        """The place is not the person's any more."""
        self.people.ensure(call, event.person_id, lambda _: Person(), _unhold, week_of(event.start), [event.place_id])

    def rehold(self, call: Call, person_id: str, places: list[str], to: tuple[datetime, str] | None) -> None:
        """Places that are nobody's any more, or that count at another time: (start, programme)."""
        if self.people.find(call.community, person_id):
            self.people.change(call, person_id, _rehold, places, to)


def week_of(start: datetime) -> str:
    """The ISO week of a local time: "2026-W48"."""
    year, week, _ = start.isocalendar()
    return f"{year}-W{week:02d}"


def held(person: Person, start: datetime, programme_id: str) -> int:
    """How many places of a programme the person has in that week."""
    return len(_places(person, start, programme_id))


def _places(person: Person, start: datetime, programme_id: str) -> list[str]:
    """The places of a programme that the person has in that week, as they came."""
    return [place["place"] for place in person.weeks.get(week_of(start), []) if place["programme"] == programme_id]


def _link(person: Person, role: str, other: str, linked: bool, as_of: datetime) -> tuple[Person, list[Event]]:
    if person.heard.get(key := f"{role}/{other}", as_of) > as_of:
        return person, []
    rest = [id for id in getattr(person, role) if id != other]
    return person.but(**{role: [*rest, other] if linked else rest}, heard=person.heard | {key: as_of}), []


def _unlink(person: Person, other: str) -> tuple[Person, list[Event]]:
    heard = {key: as_of for key, as_of in person.heard.items() if not key.endswith(f"/{other}")}
    guardians, children = ([id for id in ids if id != other] for ids in (person.guardians, person.children))
    return person.but(guardians=guardians, children=children, heard=heard), []


def _forget(person: Person) -> tuple[Person, list[Event]]:
    empty: dict[str, Any] = {
        "groups": [],
        "guardians": [],
        "children": [],
        "weeks": {},
        "misses": [],
        "credits": [],
        "heard": {},
    }
    return person.but(tombstone=True, roles=[], suspended_until=None, **empty), []


def _hold(person: Person, week: str, place: dict[str, Any], at: datetime) -> tuple[Person, list[Event]]:
    # A release may be heard before its taking: then the place is noted as gone already.
    if any(p["place"] == place["place"] for places in person.weeks.values() for p in places):
        return person, []
    old = week_of(at - timedelta(days=35))
    weeks = {w: places for w, places in person.weeks.items() if w >= old}
    return person.but(weeks={**weeks, week: [*weeks.get(week, []), place]}), []


def _unhold(person: Person, week: str, places: list[str]) -> tuple[Person, list[Event]]:
    weeks = _without(person, places)
    gone = [{"place": place, "programme": ""} for place in places]
    return person.but(weeks={**weeks, week: [*weeks.get(week, []), *gone]}), []


def _rehold(person: Person, places: list[str], to: tuple[datetime, str] | None) -> tuple[Person, list[Event]]:
    held = {p["place"] for kept in person.weeks.values() for p in kept if p["programme"]} & set(places)
    weeks = _without(person, list(held))
    if to is not None and held:
        week = week_of(to[0])
        moved = [{"place": place, "programme": to[1], "at": to[0]} for place in sorted(held)]
        weeks = {**weeks, week: [*weeks.get(week, []), *moved]}
    return person.but(weeks=weeks), []


def _without(person: Person, places: list[str]) -> dict[str, list[dict[str, Any]]]:
    return {week: [p for p in kept if p["place"] not in places] for week, kept in person.weeks.items()}
