"""Sittings: asked for by event, answered by event."""

from __future__ import annotations

from typing import Any

from services.bookings.directory import USES
from services.bookings.domain import Use
from services.bookings.rooms.handlers import ROOMS
from services.bookings.sittings import domain
from shared.calls import Call, derived_id
from shared.rules.errors import Missing, Unavailable
from shared.runtime.platform import Platform
from shared.storage.store import Page, Taken


class Sittings:
    """Holds a room and people for a sitting, all or none, and answers by event that it did, or why not."""

    def __init__(self, platform: Platform) -> None:
        self._uses, self._rooms = platform.store(USES), platform.store(ROOMS)

    def answer(self, call: Call, event: Any) -> None:
        """Hold what was asked for, or refuse with what is free instead. The same request is answered once."""
        id = _sitting(event.request_id)
        if self._uses.find(call.community, id) is not None:
            return
        rooms = self._rooms.several(call, [event.room_id, *event.resources])
        known = [room for room in rooms if room is not None]
        reason = "room_unknown" if len(known) < len(rooms) else domain.why_not(known, event.start, event.end, call.at)
        if not reason:
            try:
                self._uses.create(call, domain.book, event, known, call.at, id=id)
                return
            except Taken as error:
                if error.index == "_id":
                    return  # another delivery of the same request was here first
                reason = "slot_taken"
        choices = [] if reason == "room_unknown" else self._choices(call, known, event)
        self._uses.create_all([(call, *_named(id, domain.refuse(id, event, known, reason, choices, call.at)))])

    def withdraw(self, call: Call, id: str) -> Use:
        """The centre takes a sitting back, and says what is free instead."""
        use = self._get(call, id)
        rooms = self._rooms.several(call, [use.room_id, *use.resources])
        choices = self._choices(call, [room for room in rooms if room], use)
        withdrawn: Use = self._uses.change(call, id, domain.withdraw, choices, call.body["reason"], call.at)
        return withdrawn

    def drop(self, call: Call, request_id: str) -> None:
        """It is not needed any more. Heard before its request, it is heard again a little later."""
        id = _sitting(request_id)
        if self._uses.find(call.community, id) is None:
            raise Unavailable("sitting_unknown", "its request has not come yet")
        self._uses.change(call, id, domain.drop, call.at)

    def page(self, call: Call) -> Page:
        """Sittings by start, those ahead unless said."""
        where = {"found_by": f"kind:{domain.SITTING}", "start": {"$gte": call.query.get("since", call.at)}}
        return self._uses.page(call, where, limit=call.query["limit"], after=call.query["after"])

    def _get(self, call: Call, id: str) -> Use:
        use = self._uses.find(call.community, id)
        if use is None or use.kind != domain.SITTING:
            raise Missing("sitting_missing", "no such sitting")
        return use

    def _choices(self, call: Call, rooms: list[Any], wanted: Any) -> list[str]:
        busy: set[str] = set()
        for room_id, since, before in domain.window(rooms, wanted.start, wanted.end):
            where = {"found_by": f"room:{room_id}", "start": {"$gte": since, "$lt": before}}
            busy |= {claim for use in self._uses.all(call.community, where, limit=10_000) for claim in use.claims}
        return domain.choices(rooms, wanted.start, wanted.end, busy, call.at)


def _sitting(request_id: str) -> str:
    return derived_id("sitting", request_id)


def _named(id: str, decided: tuple[Use, Any]) -> tuple[Use, Any]:
    return decided[0].but(id=id), decided[1]
