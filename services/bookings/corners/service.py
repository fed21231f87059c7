"""Entrypoints: the library, lost property, the parlour, counselling, the rest rooms."""

from __future__ import annotations

from typing import Any

from services.bookings.corners import domain, schemas
from services.bookings.corners.handlers import COPIES, LOANS, LOST, NOTES, PARLOUR, VISITS
from services.bookings.corners.handlers import Corners as Handlers
from shared.entrypoints.api import api
from shared.entrypoints.fields import Paging
from shared.entrypoints.inbox import by_id, on
from shared.events.bookings import PlaceVisited
from shared.rules.roles import COUNSELLOR, EVERYBODY, GUARDIAN, RESIDENT, SECRETARY, STAFF
from shared.runtime.platform import Provided, Stored

VISITORS = STAFF | {RESIDENT, GUARDIAN}


class Corners:
    """Loans, lost property, questions to the parlour, counselling and visits of the rest rooms, over HTTP."""

    copies = Stored(COPIES)
    loans = Stored(LOANS)
    lost = Stored(LOST)
    parlour = Stored(PARLOUR)
    notes = Stored(NOTES)
    visit_logs = Stored(VISITS)
    corners: Any = Provided(Handlers)

    # -- the library

    @api("POST", "/{community}/books", takes=schemas.AddCopy, gives=schemas.CopyView, allow=STAFF)
    def add_copy(self, call):
        return self.copies.create(call, domain.add_copy, call.body["title"], call.body["author"], call.body["shelf"])

    @api("GET", "/{community}/books", query=Paging, gives=schemas.CopyView, allow=EVERYBODY)
    def list_copies(self, call):
        return self.copies.page(call, limit=call.query["limit"], after=call.query["after"])

    @api("POST", "/{community}/loans", takes=schemas.Borrow, gives=schemas.LoanView, allow=VISITORS)
    def borrow(self, call):
        return self.corners.lend(call)

    @api("GET", "/{community}/loans", query=schemas.LoanQuery, gives=schemas.LoanView, allow=VISITORS)
    def list_loans(self, call):
        return self.corners.loans(call)

    @api("POST", "/{community}/loans/{id}/renew", gives=schemas.LoanView, allow=VISITORS, status=200)
    def renew_loan(self, call, id):
        return self.corners.renew(call, id)

    @api("POST", "/{community}/loans/{id}/return", gives=schemas.LoanView, allow=STAFF, status=200)
    def return_loan(self, call, id):
        return self.loans.change(call, id, domain.take_back, call.at)

    # -- lost property

    @api("POST", "/{community}/lost-items", takes=schemas.FindItem, gives=schemas.ItemView, allow=STAFF)
    def hand_in(self, call):
        return self.corners.find_item(call)

    @api("GET", "/{community}/lost-items", query=Paging, gives=schemas.ItemView, allow=VISITORS)
    def list_lost_items(self, call):
        return self.lost.page(call, newest_first=True, limit=call.query["limit"], after=call.query["after"])

    @api("POST", "/{community}/lost-items/{id}/claim", takes=schemas.ClaimItem, gives=schemas.ItemView, allow=STAFF, status=200)
    def claim_item(self, call, id):
        return self.corners.claim_item(call, id)

    # -- the secretary's parlour

    @api("POST", "/{community}/parlour", takes=schemas.AskParlour, gives=schemas.ParlourView, allow=VISITORS)
    def ask_parlour(self, call):
        return self.corners.ask_parlour(call)

    @api("GET", "/{community}/parlour/{id}", gives=schemas.ParlourView, allow={RESIDENT, SECRETARY}, audited="opened_parlour")
    def read_parlour(self, call, id):
        return self.corners.parlour_visit(call, id)

    @api("POST", "/{community}/parlour/{id}/held", gives=schemas.ParlourView, allow={SECRETARY}, status=200)
    def hold_parlour(self, call, id):
        return self.corners.hold_parlour(call, id)

    @api(
        "POST",
        "/{community}/parlour/{id}/reply",
        takes=schemas.ReplyParlour,
        gives=schemas.ParlourView,
        allow={SECRETARY},
        status=200,
    )
    def reply_parlour(self, call, id):
        return self.parlour.change(call, id, domain.reply_parlour, call.body["text"], call.at)

    # A talk that is held already stays as it is.
    @on(PlaceVisited, once=by_id("talk"))
    def note_the_talk(self, call, event):
        if event.kind == "parlour":
            self.corners.note_talk(call, event)

    # -- counselling

    @api("POST", "/{community}/counselling", takes=schemas.BookTalk, gives=schemas.TalkView, allow=VISITORS, restricted=True)
    def book_talk(self, call):
        return self.corners.book_talk(call)

    @api("GET", "/{community}/counselling/{id}", gives=schemas.TalkView, allow={RESIDENT, COUNSELLOR}, restricted=True)
    def read_talk(self, call, id):
        return self.corners.talk(call, id)

    @api(
        "POST",
        "/{community}/counselling/{id}/cancel",
        gives=schemas.TalkView,
        allow={RESIDENT, COUNSELLOR},
        status=200,
        restricted=True,
    )
    def cancel_talk(self, call, id):
        return self.corners.cancel_talk(call, id)

    @api(
        "POST",
        "/{community}/counselling/{id}/notes",
        takes=schemas.WriteNote,
        gives=schemas.NoteView,
        allow={COUNSELLOR},
        restricted=True,
    )
    def write_note(self, call, id):
        return self.corners.write_note(call, id)

    # Whoever works here may ask, so that every refusal names its reason and is in the log.
    @api(
        "GET",
        "/{community}/notes/{id}",
        gives=schemas.NoteView,
        allow=STAFF | {COUNSELLOR},
        audited="opened_note",
        restricted=True,
    )
    def read_note(self, call, id):
        return self.corners.read_note(call, id)

    # -- rest rooms: how many came, never who

    @api("POST", "/{community}/rooms/{id}/visits", takes=schemas.CountVisit, gives=schemas.VisitLogView, allow=VISITORS)
    def count_visit(self, call, id):
        return self.corners.count_visit(call, id)

    @api("GET", "/{community}/rooms/{id}/visits", query=Paging, gives=schemas.VisitLogView, allow=STAFF)
    def list_visits(self, call, id):
        return self.corners.visits(call, id)
