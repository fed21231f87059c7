"""Places in sessions, for the person, their guardian or a worker."""

from __future__ import annotations

import dataclasses
import io
import time
from collections.abc import Mapping
from typing import Any

import segno
from joserfc import jwt
from joserfc.errors import JoseError

from services.bookings import directory
from services.bookings.children.enrolments import AFTER_SCHOOL, Enrolments
from services.bookings.clubs.handlers import Clubs
from services.bookings.directory import PEOPLE, USES, Directory
from services.bookings.domain import HELD, RELEASED, RESERVATION, Person, Use, check_grid
from services.bookings.rooms import domain as rooms
from services.bookings.rooms.handlers import ROOMS, Reservations
from services.bookings.sessions import domain
from services.bookings.sessions.rules import attendance, reschedule
from shared.calls import Call
from shared.rules.errors import Conflict, Forbidden, Invalid, Missing
from shared.rules.roles import STAFF
from shared.runtime.platform import Platform
from shared.settings import SettingRefused, read
from shared.storage.store import Page, Taken

CHECK_IN_CODE_SECONDS = 60  # seconds that a check-in code on the wall is good for
HIDDEN = frozenset({HELD, RELEASED})


def _limits(environ: Mapping[str, str]) -> attendance.Limits:
    try:
        return attendance.Limits.parse(read(environ, "LINLI_NO_SHOWS", "3/30/14"))
    except ValueError as error:
        raise SettingRefused(f"setting LINLI_NO_SHOWS: {error}") from error


class Sessions:
    """Places: taken, waited for, offered, given back, moved; who was there; credits for lessons."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._uses = platform.store(USES)
        self._rooms = platform.store(ROOMS)
        self._people = platform.store(PEOPLE)
        self.directory, self._reservations = Directory(platform), Reservations(platform)
        self._enrolments, self._clubs = Enrolments(platform), Clubs(platform)
        self._limits = _limits(platform.settings.environ)

    # -- reading

    def get(self, call: Call, id: str) -> Use:
        """A session that is public. Raises Missing."""
        use = self._uses.find(call.community, id)
        if use is None or use.kind not in domain.KINDS or use.state in HIDDEN:
            raise Missing("session_missing", "no such session")
        return use

    def page(self, call: Call) -> Page:
        """Sessions by start: of a kind, a programme or a room."""
        tags = {"programme_id": "programme", "room_id": "room", "kind": "kind"}
        asked = [f"{tag}:{call.query[key]}" for key, tag in tags.items() if key in call.query]
        if not asked:
            raise Invalid("filter_missing", "say kind, programme_id or room_id", "kind")
        since, before = call.query.get("since", call.at), call.query.get("before")
        where = {"found_by": asked[0], "start": {"$gte": since} | ({"$lt": before} if before else {})}

        def keep(document: dict[str, Any]) -> bool:
            public = document["kind"] in domain.KINDS and document["state"] not in HIDDEN
            return public and all(tag in document["found_by"] for tag in asked)

        return self._uses.page(call, where, keep=keep, limit=call.query["limit"], after=call.query["after"])

    def mine(self, call: Call) -> Page:
        """What the caller (or a child of theirs) has ahead: reservations and places, by start."""
        person = call.query.get("resident_id", call.actor)
        if not self.directory.may_act(call, person):
            raise Forbidden("not_yours", "these are somebody else's bookings")
        self._enrolments.may_read(call, [person])
        where = {"found_by": f"person:{person}", "start": {"$gte": call.query.get("since", call.at)}}

        def keep(document: dict[str, Any]) -> bool:
            if document["kind"] not in domain.KINDS:
                return document["kind"] == RESERVATION or person == call.actor  # what is confidential is the person's alone
            return any(p["person"] == person and p["state"] != domain.GONE for p in document["places"])

        page = self._uses.page(call, where, keep=keep, limit=call.query["limit"], after=call.query["after"])
        return Page([_booking(use, person) for use in page.items], page.next)

    def place(self, call: Call, id: str) -> dict[str, Any]:
        """One place, for who may act for its person."""
        session, n = domain.split(id)
        use = self.get(call, session)
        self._may_touch(call, use, n)
        self._enrolments.may_read(call, [domain.place_of(use, n)["person"]], use)
        return domain.shown(use, domain.place_of(use, n))

    def presence(self, call: Call, id: str) -> dict[str, Any]:
        """Who has a place and who is there: for staff; which children, for the staff of their class in its hours."""
        use = self.get(call, id)
        places = [domain.shown(use, p) for p in use.places if p["state"] in domain.KNOWN]
        return {"session": use, "places": self._enrolments.masked(call, places, use)}

    # -- taking

    def take(self, call: Call, id: str) -> dict[str, Any]:
        """A seat or a place in the line. Raises Conflict: limit_reached and what `take` raises."""
        use = self.get(call, id)
        if domain.KINDS[use.kind].own_desk:
            raise Conflict("booked_elsewhere", f"see {domain.KINDS[use.kind].own_desk}", path=domain.KINDS[use.kind].own_desk)
        person = self.directory.person(call, self.directory.for_whom(call))
        try:
            if use.kind == AFTER_SCHOOL:
                self._enrolments.check(call, use, person)
            if use.kind == "club":
                self._clubs.check(call, use, person)
        except Conflict:
            self._uses.repeated(call, use.id)  # what was granted once is told again, whatever holds now
            raise
        return self.seat(call, use, person)

    def seat(self, call: Call, use: Use, person: Person) -> dict[str, Any]:
        """The place itself, for somebody who may have it."""
        if use.weekly_limit and directory.held(person, use.begins, use.programme_id) >= use.weekly_limit:
            self._uses.repeated(call, use.id)
            raise Conflict("limit_reached", f"at most {use.weekly_limit} a week", limit=use.weekly_limit)

        def view(after: Use) -> dict[str, Any]:
            return domain.shown(after, domain.of_person(after, person.id))

        args = (person, self.directory.tell(person), call.actor, call.at)
        return view(self._uses.change(call.showing(view), use.id, domain.take, *args))

    def confirm(self, call: Call, id: str) -> dict[str, Any]:
        """Accept an offered seat."""
        return self._change(call, id, domain.confirm, call.at)

    def release(self, call: Call, id: str) -> dict[str, Any]:
        """Give a place back."""
        session, n = domain.split(id)
        place = domain.place_of(self.get(call, session), n)
        mine = place["person"] == call.actor or not call.is_one_of(*STAFF)
        return self._change(call, id, domain.give_back, "by_resident" if mine else "by_worker", call.at)

    def _change(self, call: Call, id: str, decide: Any, *args: Any) -> dict[str, Any]:
        session, n = domain.split(id)
        self._may_touch(call, self.get(call, session), n)

        def view(after: Use) -> dict[str, Any]:
            return domain.shown(after, domain.place_of(after, n))

        return view(self._uses.change(call.showing(view), session, decide, n, *args))

    def _may_touch(self, call: Call, use: Use, n: int) -> None:
        if not self.directory.may_act(call, domain.place_of(use, n)["person"]):
            raise Forbidden("not_yours", "this is somebody else's place")

    # -- being there

    def code(self, call: Call, id: str) -> dict[str, Any]:
        """A code to show at the door: signed, good for a minute."""
        use = self.get(call, id)
        until = int(time.time()) + CHECK_IN_CODE_SECONDS
        claims = {"aud": "check-in", "community": call.community, "session": use.id, "exp": until}
        text = self._platform.signer.sign(claims)
        picture = io.BytesIO()
        segno.make_qr(text).save(picture, kind="svg", scale=4)
        return {"code": text, "svg": picture.getvalue().decode(), "expires_in": CHECK_IN_CODE_SECONDS}

    def check_in(self, call: Call, id: str) -> dict[str, Any]:
        """By the code on the wall, or by a worker. Raises Invalid("code_invalid"), Conflict."""
        session, n = domain.split(id)
        code = call.body.get("code")
        if code is None and not call.is_one_of(*STAFF):
            raise Invalid("code_missing", "send the code that is shown at the door", "code")
        if code is not None:
            self._check_code(call, session, code)
        use = self.get(call, session)
        if use.kind == AFTER_SCHOOL:
            self._enrolments.check(call, use, self.directory.person(call, domain.place_of(use, int(n))["person"]))
        return self._change(call, id, domain.check_in, "worker" if code is None else "code", call.at)

    def _check_code(self, call: Call, session: str, code: str) -> None:
        wrong = Invalid("code_invalid", "this code is old, or of another session", "code")
        try:
            claims = jwt.decode(code, self._platform.signer.key, algorithms=["EdDSA"]).claims
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise wrong from error
        wanted = ("check-in", call.community, session)
        if (claims.get("aud"), claims.get("community"), claims.get("session")) != wanted or claims["exp"] < time.time():
            raise wrong

    # -- the centre's hand

    def cancel(self, call: Call, id: str) -> Use:
        """It does not take place."""
        self.get(call, id)
        cancelled: Use = self._uses.change(call, id, domain.cancel, call.body["reason"], call.at)
        return cancelled

    def move(self, call: Call, id: str) -> Use:
        """Another time or room. Raises Conflict("slot_taken") with alternatives."""
        use = self.get(call, id)
        start, end = call.body.get("start", use.start), call.body.get("end", use.end)
        if use.kind == "counter":
            raise Conflict("counter_stays", "appointments are given back and made again")
        room = self._rooms.get(call, call.body.get("room_id", use.room_id)) if use.room_id else None
        check_grid(start, end, call.at)
        needed = [one for one in (room, *self._rooms.several(call, use.resources)) if one]
        for one in needed:
            rooms.check_times(one, start, end, call.at)
        seats = use.seats or use.capacity
        capacity = min(seats, room.capacity) if room else seats
        args = (start, end, room.id if room else "", room.name if room else "", capacity, call.at)
        try:
            moved: Use = self._uses.change(call, id, reschedule.move, *args)
        except Taken as error:
            raise self._reservations.slot_taken(call, needed, start, end) from error
        return moved

    # -- what follows

    def hold(self, call: Call, event: Any) -> None:
        """Note the place in its person's week; give back what is one too many."""
        use = self._uses.find(call.community, event.session_id)
        if not self.directory.hold(call, event, use):
            _, n = domain.split(event.place_id)
            self._uses.change(call, event.session_id, domain.give_back_place, n, "over_limit", call.at)
        elif use and use.kind == AFTER_SCHOOL and not self._enrolments.consented(call.community, use, event.person_id):
            self._uses.change(call, event.session_id, domain.give_back_of, event.person_id, "consent_withdrawn", call.at)

    def let_go_all(self, call: Call, session_id: str) -> None:
        """A cancelled session's places are nobody's."""
        use = self._uses.find(call.community, session_id)
        for person, places in _by_person(use).items() if use else ():
            self.directory.rehold(call, person, places, None)

    def move_all(self, call: Call, event: Any) -> None:
        """A moved session's places count in its new week."""
        use = self._uses.find(call.community, event.session_id)
        for person, places in _by_person(use).items() if use else ():
            self.directory.rehold(call, person, places, (event.start, event.programme_id))

    def retell(self, call: Call, child_id: str) -> None:
        """Other people act for the child now: they are told, and those who no longer do are not."""
        child = self.directory.people.find(call.community, child_id)
        if child is None:
            return
        for use in self._reservations.of(call.community, child_id):
            if use.kind in domain.KINDS and use.end > call.at - domain.SEAT_KEPT_FOR:
                self._uses.change(call.plain(), use.id, domain.retell, child_id, self.directory.tell(child))

    def note_missed(self, call: Call, event: Any) -> None:
        """Missed places count against their people, never against a child."""
        for person_id in event.people:
            self._people.ensure(
                call, person_id, lambda _: Person(), attendance.miss, event.session_id, event.start, self._limits, call.at
            )

    def waive(self, call: Call, person_id: str) -> Person:
        """A worker forgives one missed place."""
        session, _ = domain.split(call.body["place_id"])
        self._enrolments.may_read(call, [person_id])
        person: Person = self._people.change(call, person_id, attendance.waive, session, self._limits, call.at)
        return person

    def credit(self, call: Call, event: Any) -> None:
        """A lesson attended counts once for each who was there."""
        for person_id in event.attended:
            self._people.ensure(call, person_id, lambda _: Person(), attendance.credit, event.session_id, call.at)

    def record(self, call: Call, person_id: str) -> Person:
        """Missed places, suspension and credits, for who may act for the person."""
        if not self.directory.may_act(call, person_id):
            raise Forbidden("not_yours", "this is somebody else's record")
        self._enrolments.may_read(call, [person_id])
        return self._people.find(call.community, person_id) or Person(id=person_id)

    def forget(self, call: Call, resident_id: str) -> None:
        """Nothing here names the person any more, and nothing is held for them."""
        plain = dataclasses.replace(call, caused_by="")
        for use in self._reservations.of(call.community, resident_id):
            if use.kind == RESERVATION:
                self._uses.change(plain, use.id, rooms.forget, call.at, forget_replies=True)
            elif use.kind in domain.KINDS:
                self._uses.change(plain, use.id, domain.forget, resident_id, call.at, forget_replies=True)


def _by_person(use: Use) -> dict[str, list[str]]:
    by_person: dict[str, list[str]] = {}
    for place in use.places:
        if place["person"] != domain.ERASED:
            by_person.setdefault(place["person"], []).append(domain.place_id(use, place))
    return by_person


def _booking(use: Use, person: str) -> dict[str, Any]:
    if use.kind in domain.KINDS:
        return domain.shown(use, domain.of_person(use, person))
    return {
        "id": use.id,
        "session_id": "",
        "state": use.state,
        "position": None,
        "resident_id": person,
        "offered_until": None,
        "reason": use.reason,
        "kind": use.kind,
        "title": "",
        "room_name": use.room_name,
        "extended": False,
        "label": "",
        "uncovered": False,
        "start": use.begins,
        "end": use.finishes,
        "checked_in_at": None,
    }
