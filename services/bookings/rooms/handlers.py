"""The booking desk: what an entrypoint needs of several stores at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from services.bookings.children.enrolments import Enrolments
from services.bookings.directory import USES, Directory
from services.bookings.domain import LONGEST_USE, RESERVATION, Use
from services.bookings.rooms import domain
from services.bookings.rooms.domain import Room
from shared.calls import Call
from shared.rules.calendar import at_clock
from shared.rules.errors import Conflict, Forbidden, Missing, Refused
from shared.rules.roles import STAFF, STEWARD
from shared.runtime.platform import Platform
from shared.storage.kinds import Document, Kind
from shared.storage.store import Page

ROOMS = Kind(Room, "rooms", indexes=(("use", "capacity"),))


class Reservations:
    """Takes, lists and shows reservations."""

    def __init__(self, platform: Platform) -> None:
        self._rooms = platform.store(ROOMS)
        self._uses = platform.store(USES)
        self._directory, self._enrolments = Directory(platform), Enrolments(platform)

    # -- reserving

    def reserve(self, call: Call) -> Use:
        """A reservation, or Conflict("slot_taken") with up to three free alternatives."""
        room = self._rooms.get(call, call.body["room_id"])
        start, end = call.body["start"], call.body["end"]
        resident_id = self._directory.for_whom(call)
        try:
            self._directory.standing(call, resident_id)
        except Refused:
            self._uses.repeated(call, call.new_id(USES.collection))  # what was granted once is told again
            raise
        made: Use = self._uses.create(
            call,
            domain.reserve,
            room,
            resident_id,
            start,
            end,
            call.body["purpose"],
            call.actor,
            call.at,
            refusal=lambda: self.slot_taken(call, [room], start, end),
        )
        return made

    def report_fault(self, call: Call, id: str) -> Room:
        """Out of order. Residents say so of equipment; of a room, who works here."""
        if not call.is_one_of(*STAFF) and self._rooms.get(call, id).use != "equipment":
            raise Forbidden("not_equipment", "tell a worker: they close the room")
        room: Room = self._rooms.change(call, id, domain.report_fault, call.body["reason"], call.at)
        return room

    def slot_taken(self, call: Call, needed: list[Room], start: datetime, end: datetime) -> Refused:
        """The refusal, with what is free instead."""
        alternatives = self.choices(call, needed, [(start, end)])[0]
        return Conflict("slot_taken", "somebody else has the room then", alternatives=alternatives)

    def choices(self, call: Call, needed: list[Room], spans: list[tuple[datetime, datetime]]) -> list[list[dict[str, Any]]]:
        """For each span up to three free alternatives for all that is needed together: near in time, or in comparable rooms
        for the first of them. What is taken is read once a room, for all spans."""
        if not needed or not spans:
            return [[] for _ in spans]
        like = {"use": needed[0].use, "capacity": {"$gte": needed[0].capacity}}
        others = domain.comparable(needed[0], self._rooms.all(call.community, like, limit=20, order="capacity"))
        days = sorted(start.astimezone(needed[0].zone).date() for start, _ in spans)
        first, *rest = needed
        busy = {claim for room in (*needed, *others) for claim in self._claimed(call, room, days[0], days[-1])}
        return [domain.alternatives(first, others, start, end, busy, call.at, rest) for start, end in spans]

    def _claimed(self, call: Call, room: Room, first: date, last: date) -> Iterator[str]:
        """What is taken of a room from one local day to another. One read a room: one for several at once would be served by
        no index."""
        since = at_clock(first, "00:00", room.zone) - LONGEST_USE
        near = {"$gte": since, "$lt": at_clock(last + timedelta(days=1), "00:00", room.zone)}
        for use in self._uses.all(call.community, {"found_by": f"room:{room.id}", "start": near}, limit=100_000):
            yield from use.claims

    def _busy(self, call: Call, wanted: list[str]) -> set[str]:
        found = self._uses.all(call.community, {"claims": {"$in": wanted}}) if wanted else []
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
        """Reservations, the latest first: a resident's own, for staff those of a room or a resident, for a steward those
        of one of their rooms. Whose a child's is, is withheld from staff who may not read of it."""
        asked = {name: call.query[name] for name in ("room_id", "resident_id", "state") if name in call.query}
        if not call.is_one_of(*STAFF) and ("room_id" not in asked or not self._is_steward(call, asked["room_id"])):
            asked["resident_id"] = call.actor
        by = "resident_id" if "resident_id" in asked else "room_id" if "room_id" in asked else ""
        key = {"resident_id": f"person:{asked.get('resident_id')}", "room_id": f"room:{asked.get('room_id')}"}
        if "resident_id" in asked:
            self._enrolments.may_read(call, [asked["resident_id"]])
        where = {"found_by": key.get(by, f"kind:{RESERVATION}")}

        def keep(d: Document) -> bool:
            return d["kind"] == RESERVATION and all(d[name] == value for name, value in asked.items())

        page = self._uses.page(call, where, keep=keep, newest_first=True, limit=call.query["limit"], after=call.query["after"])
        others = [] if "resident_id" in asked else [use.resident_id for use in page.items]
        withheld = self._enrolments.withheld(call, others)
        hidden = [use.but(resident_id="", purpose="") if use.resident_id in withheld else use for use in page.items]
        return Page(hidden, page.next)

    def read(self, call: Call, id: str) -> Use:
        """One reservation, for staff, whose it is, and the room's steward."""
        use: Use = self._uses.get(call, id, "reservation_missing")
        if use.kind != RESERVATION:
            raise Missing("reservation_missing", "no such reservation")
        if not (self._directory.may_act(call, use.resident_id) or self._is_steward(call, use.room_id)):
            raise Forbidden("not_yours", "this is somebody else's reservation")
        self._enrolments.may_read(call, [use.resident_id])
        return use

    def _is_steward(self, call: Call, room_id: str) -> bool:
        room = self._rooms.find(call.community, room_id) if call.is_one_of(STEWARD) else None
        return room is not None and call.actor in room.stewards

    def cancel(self, call: Call, id: str) -> Use:
        """Give the slots back."""
        use: Use = self._uses.get(call, id, "reservation_missing")
        if use.kind != RESERVATION:
            raise Missing("reservation_missing", "no such reservation")
        by = use.resident_id if self._directory.may_act(call, use.resident_id) and not call.is_one_of(*STAFF) else call.actor
        cancelled: Use = self._uses.change(call, id, domain.cancel, by, call.is_one_of(*STAFF), call.at)
        return cancelled

    def of(self, community: str, resident_id: str) -> list[Use]:
        """Everything that somebody has, had and waits for."""
        return self._uses.all(community, {"found_by": f"person:{resident_id}"}, limit=100_000)
