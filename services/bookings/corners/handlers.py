"""The library, lost property, the parlour, counselling, the rest rooms."""

from __future__ import annotations

from datetime import date
from typing import Any

from services.bookings.children.enrolments import Enrolments
from services.bookings.corners import domain
from services.bookings.corners.domain import Copy, Loan, LostItem, Note, ParlourVisit, VisitLog
from services.bookings.directory import USES, Directory
from services.bookings.domain import COUNSELLING, Use
from services.bookings.rooms import domain as rooms
from services.bookings.rooms.handlers import ROOMS, Reservations
from services.bookings.sessions import domain as sessions
from services.bookings.sessions.handlers import Sessions
from shared.calls import Call, derived_id
from shared.rules.errors import Conflict, Forbidden, Invalid, Missing, Refused
from shared.rules.roles import COUNSELLOR, SECRETARY
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind
from shared.storage.store import Page

COPIES = Kind(Copy, "copies")
LOANS = Kind(Loan, "loans", unique=(("claim",),), indexes=(("borrower_id", "born"), ("due",)))
LOST = Kind(LostItem, "lost_items")
PARLOUR = Kind(ParlourVisit, "parlour_visits", indexes=(("resident_id", "born"), ("due",)))
NOTES = Kind(Note, "notes", indexes=(("use_id", "born"),))
VISITS = Kind(VisitLog, "visits", indexes=(("room_id", "born"),))


class Corners:
    """Loans, lost property, questions to the parlour, counselling and its notes, visits of the rest rooms."""

    def __init__(self, platform: Platform) -> None:
        self._rooms, self._uses = platform.store(ROOMS), platform.store(USES)
        self._copies, self._loans = platform.store(COPIES), platform.store(LOANS)
        self._lost, self._visits = platform.store(LOST), platform.store(VISITS)
        self._parlour, self._notes = platform.store(PARLOUR), platform.store(NOTES)
        self._directory, self._reservations, self._sessions = Directory(platform), Reservations(platform), Sessions(platform)
        self._enrolments = Enrolments(platform)

    # -- the library

    def lend(self, call: Call) -> Loan:
        """A loan. Raises Conflict: copy_lent, loan_overdue, loan_limit."""
        copy = self._copies.get(call, call.body["copy_id"])
        borrower = self._directory.for_whom(call)
        self._directory.person(call, borrower)
        out = [loan for loan in self._of(call.community, borrower) if loan.state == domain.LENT]

        def refusal() -> Conflict:
            return Conflict("copy_lent", "somebody else has it")

        timezone = self._directory.locale(call).timezone
        loan: Loan = self._loans.create(call, domain.lend, copy.id, borrower, out, timezone, call.at, refusal=refusal)
        return loan

    def loans(self, call: Call) -> Page:
        """A borrower's loans, newest first."""
        borrower = call.query.get("resident_id", call.actor)
        if not self._directory.may_act(call, borrower):
            raise Forbidden("not_yours", "these are somebody else's loans")
        self._enrolments.may_read(call, [borrower])
        where = {"borrower_id": borrower}
        return self._loans.page(call, where, newest_first=True, limit=call.query["limit"], after=call.query["after"])

    def renew(self, call: Call, id: str) -> Loan:
        """Another 30 days."""
        if not self._directory.may_act(call, self._loans.get(call, id).borrower_id):
            raise Forbidden("not_yours", "this is somebody else's loan")
        loan: Loan = self._loans.change(call, id, domain.renew, call.at)
        return loan

    def _of(self, community: str, borrower: str) -> list[Loan]:
        return self._loans.all(community, {"borrower_id": borrower}, limit=100_000)

    # -- lost property

    def find_item(self, call: Call) -> LostItem:
        """Something was handed in."""
        body = call.body
        self._rooms.get(call, body["room_id"])
        args = (body["room_id"], body["category"], body["features"], self._today(call), call.at)
        item: LostItem = self._lost.create(call, domain.find_item, *args)
        return item

    def claim_item(self, call: Call, id: str) -> LostItem:
        """Hand it over to who describes it rightly and signs. Raises Conflict("description_differs")."""
        body = call.body
        kept = call.showing(lambda item: item if item.state == "claimed" else None)
        args = (body["features"], body["claimant"], body["signature"], call.at)
        item: LostItem = self._lost.change(kept, id, domain.claim_item, *args)
        if item.state != "claimed":
            raise Conflict("description_differs", "that is not how it was described")
        return item

    # -- the parlour

    def ask_parlour(self, call: Call) -> ParlourVisit:
        """A place in one of the secretary's hours, with a topic."""
        use = self._sessions.get(call, call.body["session_id"])
        if use.kind != "parlour":
            raise Missing("session_missing", "no such hour of the parlour")
        id = call.new_id(PARLOUR.collection)
        if (repeated := self._parlour.repeated(call, id)) is not None:
            return repeated
        person = self._directory.person(call, self._directory.for_whom(call))
        try:
            place = self._sessions.seat(call.plain(), use, person)["id"]
        except Conflict as error:
            if error.code != "already_booked":
                raise
            # An earlier run of this call took the place and ended before the topic was kept; any other visit has it kept.
            place = error.extra["place_id"]
            if any(visit.place_id == place for visit in self._parlour_of(call.community, person.id)):
                raise
        args = (person.id, place, call.body["topic"], use.timezone)
        visit: ParlourVisit = self._parlour.create(call, domain.ask_parlour, *args, id=id)
        return visit

    def parlour_visit(self, call: Call, id: str) -> ParlourVisit:
        """One visit, for its resident and the secretary."""
        visit: ParlourVisit = self._parlour.get(call, id, "visit_missing")
        if visit.resident_id != call.actor and not call.is_one_of(SECRETARY):
            raise Forbidden("not_yours", "this is somebody else's talk")
        return visit

    def hold_parlour(self, call: Call, id: str) -> ParlourVisit:
        """The talk took place: the visitor is checked in, and the answer is owed from now on."""
        calendar = self._directory.locale(call).calendar
        session, n = sessions.split(self._parlour.get(call, id, "visit_missing").place_id)
        use = self._uses.get(call, session, "session_missing")
        if call.at < use.start:
            raise Conflict("not_yet", "it has not begun")
        if sessions.place_of(use, n)["state"] == sessions.TAKEN and call.at < use.end:
            self._uses.change(call.plain(), session, sessions.check_in, n, "worker", call.at)
        visit: ParlourVisit = self._parlour.change(call, id, domain.hold_parlour, calendar, call.at)
        return visit

    def note_talk(self, call: Call, event: Any) -> None:
        """The visitor was checked in: the answer is owed from now on."""
        calendar = self._directory.locale(call).calendar
        for visit in self._parlour_of(call.community, event.person_id):
            if visit.place_id == event.place_id and visit.state == domain.ASKED:
                self._parlour.change(call.plain(), visit.id, domain.hold_parlour, calendar, call.at)

    def _parlour_of(self, community: str, resident_id: str) -> list[ParlourVisit]:
        return self._parlour.all(community, {"resident_id": resident_id}, limit=100_000)

    # -- counselling

    def book_talk(self, call: Call) -> Use:
        """A quiet talk. Raises Conflict("slot_taken") with alternatives."""
        body = call.body
        room = self._resource(call, "room_id", "counselling")
        counsellor = self._resource(call, "counsellor_id", "counsellor")
        self._directory.standing(call, self._directory.for_whom(call))
        for one in (room, counsellor):
            rooms.check_times(one, body["start"], body["end"], call.at)
        args = (room, counsellor, self._directory.for_whom(call), body["start"], body["end"], call.actor, call.at)

        def refusal() -> Refused:
            return self._reservations.slot_taken(call, [room, counsellor], body["start"], body["end"])

        made: Use = self._uses.create(call, domain.book_talk, *args, refusal=refusal)
        return made

    def _resource(self, call: Call, field: str, use: str) -> Any:
        found = self._rooms.find(call.community, call.body[field])
        if found is None or found.use != use:
            raise Invalid("room_unknown", f"no such {use}", field)
        return found

    def talk(self, call: Call, id: str) -> Use:
        """One talk, for who comes and the counsellor."""
        use: Use = self._uses.get(call, id, "talk_missing")
        if use.kind != COUNSELLING:
            raise Missing("talk_missing", "no such talk")
        if call.actor != use.resident_id and not self._is_counsellor(call, use):
            raise Forbidden("confidential", "only who comes and the counsellor know of it")
        return use

    def cancel_talk(self, call: Call, id: str) -> Use:
        """It does not take place."""
        self.talk(call, id)
        use: Use = self._uses.change(call, id, domain.cancel_talk, call.at)
        return use

    def _is_counsellor(self, call: Call, use: Use) -> bool:
        if not call.is_one_of(COUNSELLOR):
            return False
        found = self._rooms.several(call, use.resources)
        return any(call.actor in resource.stewards for resource in found if resource)

    def write_note(self, call: Call, id: str) -> Note:
        """The counsellor's note on a talk."""
        if not self._is_counsellor(call, self.talk(call, id)):
            raise Forbidden("confidential", "the counsellor writes the notes")
        note: Note = self._notes.create(call, domain.write_note, id, call.actor, call.body["text"])
        return note

    def read_note(self, call: Call, id: str) -> Note:
        """For its author alone; every other attempt is in the log."""
        return domain.read_note(self._notes.get(call, id), call.actor)

    # -- rest rooms

    def count_visit(self, call: Call, room_id: str) -> VisitLog:
        """Some people came; nobody asked who."""
        self._rooms.get(call, room_id)
        day = self._today(call)
        id = derived_id("visits", room_id, day)
        args = (room_id, day, call.body["people"], call.body["supplies"])
        log: VisitLog = self._visits.ensure(call, id, lambda _: VisitLog(), domain.count_visit, *args)
        return log

    def visits(self, call: Call, room_id: str) -> Page:
        """A room's days, newest first."""
        where = {"room_id": room_id}
        return self._visits.page(call, where, newest_first=True, limit=call.query["limit"], after=call.query["after"])

    # -- time and forgetting

    def forget(self, call: Call, resident_id: str) -> None:
        """Nothing here names the person any more."""
        for loan in self._of(call.community, resident_id):
            self._loans.change(call.plain(), loan.id, domain.forget_loan, forget_replies=True)
        for visit in self._parlour_of(call.community, resident_id):
            self._parlour.change(call.plain(), visit.id, domain.forget_parlour)
        for use in self._reservations.of(call.community, resident_id):
            if use.kind == COUNSELLING:
                self._uses.change(call.plain(), use.id, domain.forget_talk, call.at, forget_replies=True)
                for note in self._notes.all(call.community, {"use_id": use.id}, limit=100_000):
                    self._notes.change(call.plain(), note.id, domain.forget_note)

    def of(self, community: str, resident_id: str) -> dict[str, Any]:
        """Loans and parlour visits, for an export."""
        return {"loans": self._of(community, resident_id), "parlour_visits": self._parlour_of(community, resident_id)}

    def _today(self, call: Call) -> str:
        today: date = call.at.astimezone(self._directory.locale(call).zone).date()
        return today.isoformat()
