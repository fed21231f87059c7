"""The booking desk: what an entrypoint needs of several stores at once."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

from services.bookings import domain
from services.bookings.domain import Person, Place, Room, Use
from shared.calls import Call
from shared.errors import Conflict, Forbidden, Invalid, Refused, Unavailable
from shared.events.base import Event
from shared.identity import STAFF
from shared.platform import Platform
from shared.store import Kind, Page, Store

ROOMS = Kind(Room, "rooms")
USES = Kind(Use, "uses", unique=(("claims",),), indexes=(("resident_id", "kind", "born"),))
PEOPLE = Kind(Person, "people")
PLACES = Kind(Place, "places")

WAIT_FOR_NEWS = 2.0  # seconds; the neighbour's event is on its way


class Desk:
    """Takes, lists and shows reservations."""

    def __init__(self, platform: Platform) -> None:
        self._rooms = platform.store(ROOMS)
        self._uses = platform.store(USES)
        self._people = platform.store(PEOPLE)
        self._places = platform.store(PLACES)
        self._sweeper = platform.sweeper()

    # -- reserving

    def reserve(self, call: Call) -> Use:
        """A reservation, or Conflict("slot_taken") with up to three free alternatives."""
        room = self._rooms.get(call, call.body["room_id"])
        start, end = call.body["start"], call.body["end"]
        made: Use = self._uses.create(
            call, domain.reserve, room, self._for_whom(call), start, end, call.body["purpose"], call.actor, call.at,
            taken=lambda: self._slot_taken(call, room),
        )  # fmt: skip
        return made

    def _for_whom(self, call: Call) -> str:
        """The caller, or whom a worker names. A resident's own token proves that they exist."""
        named = call.body.get("resident_id")
        if named in (None, call.actor):
            if not call.is_one_of("resident"):
                raise Invalid("resident_missing", "say for whom", "resident_id")
            return call.actor
        if not call.is_one_of(*STAFF):
            raise Forbidden("not_yours", "residents book for themselves")
        if _heard(self._people, call.community, named) is None:
            raise Invalid("resident_unknown", "no such resident", "resident_id")
        return str(named)

    def _slot_taken(self, call: Call, room: Room) -> Refused:
        start, end = call.body["start"], call.body["end"]
        others = domain.comparable(room, self._rooms.all(call.community, {}))
        day = start.astimezone(room.zone).date()
        busy = self._busy(call, [*domain.day_claims(room, day), *(c for r in others for c in domain.claims(r.id, start, end))])
        choices = domain.alternatives(room, others, start, end, busy, call.at)
        return Conflict("slot_taken", "somebody else has the room then", alternatives=choices)

    def _busy(self, call: Call, claims: list[str]) -> set[str]:
        found = self._uses.all(call.community, {"claims": {"$in": claims}}) if claims else []
        return {claim for use in found for claim in use.claims}

    # -- reading

    def availability(self, call: Call, room: Room) -> dict[str, Any]:
        """The slots of one day."""
        day = date.fromisoformat(call.query["date"])
        busy = self._busy(call, domain.day_claims(room, day))
        slots = [
            slot | {"start": slot["start"].astimezone(room.zone), "end": slot["end"].astimezone(room.zone)}
            for slot in domain.availability(room, day, busy, call.at)
        ]
        answer: dict[str, Any] = {"date": day.isoformat(), "slots": slots}
        intervals, reason = room.open_on(day)
        return answer if intervals else answer | {"closed": reason}

    def page(self, call: Call) -> Page:
        """Reservations, newest first: a resident's own, or for staff those of a room or a resident."""
        where: dict[str, Any] = {"kind": "reservation"}
        where |= {name: call.query[name] for name in ("room_id", "resident_id", "state") if name in call.query}
        if not call.is_one_of(*STAFF):
            where["resident_id"] = call.actor
        return self._uses.page(call, where, newest_first=True, limit=call.query["limit"], after=call.query["after"])

    def read(self, call: Call, id: str) -> Use:
        """One reservation, for staff and whose it is."""
        use: Use = self._uses.get(call, id)
        if not call.is_one_of(*STAFF) and use.resident_id != call.actor:
            raise Forbidden("not_yours", "this is somebody else's reservation")
        return use

    def export(self, call: Call) -> dict[str, Any]:
        """Everything that bookings holds of one resident."""
        return {"reservations": self._of(call.body["community"], call.body["resident_id"])}

    def _of(self, community: str, resident_id: str) -> list[Use]:
        return self._uses.all(community, {"resident_id": resident_id})

    # -- listening

    def timezone(self, call: Call) -> str:
        """The community's time zone; waits a moment for the news that it was opened."""
        place = _heard(self._places, call.community, call.community)
        if place is None:
            raise Unavailable("community_unknown", "this community is not known here yet", retry_after=2)
        return str(place.timezone)

    def know_community(self, call: Call, event: Any) -> None:
        """Keep a community's time zone."""
        self._places.create_all(
            [(call, Place(id=event.community_id, community=event.community_id, timezone=event.timezone), [])]
        )

    def know_resident(self, call: Call, event: Any) -> None:
        """Keep that a resident exists, and their codes."""
        self._people.ensure(call, event.resident_id, lambda _: Person(), _learn, event.language, event.groups)

    def forget_resident(self, call: Call, resident_id: str) -> None:
        """Nothing here says any more what the person wrote, and no slot is held for them."""
        for use in self._of(call.community, resident_id):
            self._uses.change(call, use.id, domain.forget, call.at, forget_replies=True)
        if self._people.find(call.community, resident_id):
            self._people.change(call, resident_id, _forget)

    def sweep(self, call: Call) -> None:
        """Publish what a crash left behind."""
        self._sweeper.sweep(call.at)


def _learn(person: Person, language: str, groups: list[str]) -> tuple[Person, list[Event]]:
    return person.but(language=language, groups=groups), []


def _forget(person: Person) -> tuple[Person, list[Event]]:
    return person.but(gone=True, groups=[]), []


def _heard(store: Store[Any], community: str, id: str) -> Any:
    """What is known by listening; news that is on its way gets two seconds."""
    until = time.monotonic() + WAIT_FOR_NEWS
    while (found := store.find(community, id)) is None and time.monotonic() < until:
        time.sleep(0.05)
    return found
