"""Making programmes: dates are held one by one, published by one write, and followed up by event."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from uuid_utils import uuid7

from services.bookings.directory import USES, Directory
from services.bookings.domain import CANCELLED, HELD, OPEN, Use
from services.bookings.programmes import domain
from services.bookings.programmes.domain import Programme
from services.bookings.rooms import domain as rooms
from services.bookings.rooms.handlers import ROOMS, Reservations
from services.bookings.sessions import domain as sessions
from shared.calls import Call
from shared.faults import fault
from shared.rules.errors import Conflict, Forbidden, Invalid, Refused
from shared.rules.roles import STAFF
from shared.runtime.platform import Platform
from shared.storage.kinds import Document, Kind
from shared.storage.store import Inserted, Page

PROGRAMMES = Kind(Programme, "programmes", indexes=(("due",),))
HOLIDAY = "holiday"


class Programmes:
    """Programmes: made, extended, ended; each date claims its room before anything is published."""

    def __init__(self, platform: Platform) -> None:
        self._programmes = platform.store(PROGRAMMES)
        self._uses = platform.store(USES)
        self._rooms = platform.store(ROOMS)
        self._directory, self._reservations = Directory(platform), Reservations(platform)

    # -- publishing

    def publish(self, call: Call, facts: dict[str, Any] | None = None) -> Programme:
        """Hold every date of the next 180 days, then publish. Raises Conflict("clashes"), each with its alternatives, and
        holds nothing, unless `partial`."""
        facts = dict(facts or call.body)
        partial = facts.pop("allow_partial", False)
        id = call.new_id(PROGRAMMES.collection)
        if (repeated := self._programmes.repeated(call, id)) is not None:
            return repeated
        locale = self._directory.locale(call)
        found = self._claimed(call, facts)
        domain.check(facts, found, call.at.astimezone(locale.zone).date())
        room = found[0] if facts.get("room_id") else None
        programme = Programme(
            **facts,
            id=id,
            community=call.community,
            timezone=locale.timezone,
            created_by=call.actor,
            room_name=room.name if room else "",
        )
        until = domain.horizon(call.at, locale)
        first = date.fromisoformat(programme.first) - timedelta(days=1)
        days = domain.days(programme, locale, first, until)
        domain.check_ahead(programme, locale, days, until, call.at)
        hold = str(uuid7())
        held, clashed = self._hold(call, programme, days, hold, found)
        fault("programmes.held")
        if clashed and not (partial and held):
            self._release(call, held)
            raise self._clashes(call, clashed, found)
        made: Programme = self._programmes.create(call, domain.publish, programme, hold, until, clashed, call.at, id=id)
        return made

    def _claimed(self, call: Call, facts: dict[str, Any]) -> list[Any]:
        """The rooms and resources that it needs; none may be out of order."""
        ids = [id for id in (facts.get("room_id"), *facts.get("resources", [])) if id]
        found = [self._rooms.find(call.community, id) for id in ids]
        for id, room in zip(ids, found, strict=True):
            if room is None:
                field = "room_id" if id == facts.get("room_id") else "resources"
                raise Invalid("room_unknown", "no such room or resource", field)
            if room.use in rooms.CONFIDENTIAL and not call.is_one_of(*STAFF):
                raise Forbidden("not_yours", "who works here books this one")
        return found

    def _hold(
        self, call: Call, programme: Programme, days: Iterable[date], hold: str, found: list[Any]
    ) -> tuple[list[Use], list[Use]]:
        """The dates that are ours now, and those that somebody else has, or that a room is closed on."""
        wanted = [domain.session(programme, str(uuid7()), day, hold, call.at) for day in days]
        wanted = [use for use in wanted if use.start > call.at]
        open_ones = [use for use in wanted if all(_is_open(room, use) for room in found)]
        outcomes = self._uses.try_all((call.plain(), use, []) for use in open_ones)
        held = [use for use, outcome in zip(open_ones, outcomes, strict=True) if _is_ours(outcome)]
        kept = {use.id for use in held}
        return held, [use for use in wanted if use.id not in kept]

    def _release(self, call: Call, held: list[Use]) -> None:
        for use in held:
            self._uses.change(call.plain(), use.id, sessions.release)

    def _clashes(self, call: Call, clashed: list[Use], found: list[Any]) -> Refused:
        choices = self._reservations.choices(call, found, [(use.start, use.end) for use in clashed])
        shown = [
            {"start": use.begins.isoformat(), "end": use.finishes.isoformat(), "alternatives": free}
            for use, free in zip(clashed, choices, strict=True)
        ]
        detail = f"{len(clashed)} dates are not free; send partial: true to have the others"
        return Conflict("clashes", detail, clashes=shown, count=len(clashed))

    # -- following

    def open_sessions(self, call: Call, programme_id: str, hold: str) -> None:
        """The programme is published: everything held for it is open; released, where it has ended meanwhile."""
        for use in self._ahead(call, programme_id):
            if use.state == HELD and use.hold == hold:
                self._uses.change(call.plain(), use.id, sessions.open_session, call.at)
        programme = self._programmes.find(call.community, programme_id)
        if programme is not None and programme.state == domain.ENDED:
            self.close_sessions(call, programme_id)

    def decide_held(self, call: Call, use: Use) -> None:
        """A minute later: what was published is opened, what was not is released."""
        programme = self._programmes.find(call.community, use.programme_id)
        if programme is not None and programme.state == domain.PUBLISHED and use.hold in programme.holds:
            self._uses.change(call, use.id, sessions.open_session, call.at)
        else:
            self._uses.change(call, use.id, sessions.release)

    def close_sessions(self, call: Call, programme_id: str) -> None:
        """The programme has ended: its sessions ahead do not take place."""
        for use in self._ahead(call, programme_id):
            self._uses.change(call.plain(), use.id, sessions.close, "programme_ended", call.at)

    def extend(self, call: Call, programme: Programme) -> None:
        """Keep the programme's dates made 180 days ahead."""
        locale = self._directory.locale(call)
        until = domain.horizon(call.at, locale)
        last = date.fromisoformat(programme.horizon)
        days = domain.days(programme, locale, last, until)
        more = bool(domain.days(programme, locale, until, until + timedelta(days=366)))
        hold = str(uuid7())
        held, clashed = self._fill(call, programme, days, hold)
        self._programmes.change(call, programme.id, domain.extend, hold, until, held, clashed, more, call.at)

    def follow_calendar(self, call: Call) -> None:
        """Programmes that follow the calendar lose the dates that are days off now, and gain those that are not. By what is
        there, not by what has changed: whatever died half-way, the next run ends at the same dates."""
        locale = self._directory.locale(call)
        today = call.at.astimezone(locale.zone).date()
        for programme in self._programmes.all(call.community, {}, limit=100_000):
            if programme.state != domain.PUBLISHED or (programme.on_holidays and not programme.make_up):
                continue
            until = date.fromisoformat(programme.horizon)
            wanted = {day.isoformat() for day in domain.days(programme, locale, today, until)}
            ahead = [use for use in self._ahead(call, programme.id) if use.day > today.isoformat()]
            ahead = [use for use in ahead if use.state != HELD or use.hold in programme.holds]
            for use in ahead:
                if use.state == OPEN and use.day not in wanted:
                    self._uses.change(call.plain(), use.id, sessions.close, HOLIDAY, call.at)
            # A date that the centre cancelled, or that clashed, is not made again; one that was a day off is.
            made = {use.day for use in ahead if use.state != CANCELLED or use.reason != HOLIDAY} | set(programme.clashes)
            if missing := sorted(date.fromisoformat(day) for day in wanted - made):
                hold = str(uuid7())
                held, clashed = self._fill(call, programme, missing, hold)
                args = (hold, until, held, clashed, programme.due is not None, call.at)
                self._programmes.change(call.plain(), programme.id, domain.extend, *args)

    def _fill(self, call: Call, programme: Programme, days: list[date], hold: str) -> tuple[list[Use], list[Use]]:
        """Hold more dates of a published programme. What an attempt that died before has left held is released first."""
        if not days:
            return [], []
        for use in self._ahead(call, programme.id):
            if use.state == HELD and use.hold not in programme.holds:
                self._uses.change(call.plain(), use.id, sessions.release)
        rooms = [r for r in self._rooms.several(call, [programme.room_id, *programme.resources]) if r]
        return self._hold(call, programme, days, hold, rooms)

    # -- reading and ending

    def page(self, call: Call) -> Page:
        """The community's programmes, newest first."""

        def keep(d: Document) -> bool:
            return "kind" not in call.query or d["kind"] == call.query["kind"]

        return self._programmes.page(call, keep=keep, newest_first=True, limit=call.query["limit"], after=call.query["after"])

    def end(self, call: Call, id: str) -> Programme:
        """No more of it. Only its leader or the staff may."""
        if not call.is_one_of(*STAFF) and self._programmes.get(call, id).created_by != call.actor:
            raise Forbidden("not_yours", "this is somebody else's programme")
        ended: Programme = self._programmes.change(call, id, domain.end, call.at)
        return ended

    def forget(self, call: Call, resident_id: str) -> None:
        """No programme names this person any more."""
        for programme in self._programmes.all(call.community, {}, limit=100_000):
            if programme.created_by == resident_id:
                self._programmes.change(call.plain(), programme.id, domain.forget)

    def _ahead(self, call: Call, programme_id: str) -> list[Use]:
        where = {"found_by": f"programme:{programme_id}", "start": {"$gte": call.at - timedelta(days=1)}}
        return self._uses.all(call.community, where, limit=100_000)


def _is_ours(outcome: Inserted | BaseException) -> bool:
    if isinstance(outcome, BaseException):
        raise outcome
    return not outcome.refused_by


def _is_open(room: Any, use: Use) -> bool:
    try:
        rooms.check_open(room, use.start, use.end)
    except Invalid:
        return False
    return bool(room.bookable)  # a fault of today says nothing about a date ahead
