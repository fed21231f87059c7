"""Entrypoints: the duty roster, appointments, the queue at the counter."""

from __future__ import annotations

from typing import Any

from services.bookings.duty import domain, schemas
from services.bookings.duty.handlers import QUEUES, ROSTERS
from services.bookings.duty.handlers import Duty as Handlers
from services.bookings.sessions.schemas import PlaceView
from shared.entrypoints.api import api
from shared.entrypoints.inbox import by_id, on
from shared.events.bookings import PlaceTaken, RosterPublished, ShiftStaffed, ShiftUncovered
from shared.rules.roles import DUTY_LEAD, EVERYBODY, GUARDIAN, RESIDENT, SECRETARY, STAFF
from shared.runtime.platform import Provided, Stored

VISITORS = STAFF | {RESIDENT, GUARDIAN}
LEADS = frozenset({DUTY_LEAD, SECRETARY})


class Duty:
    """Rosters, appointments and tickets of the counter over HTTP; cover follows events."""

    rosters = Stored(ROSTERS)
    queues = Stored(QUEUES)
    duty: Any = Provided(Handlers)

    @api("POST", "/{community}/rosters", takes=schemas.PlanRoster, gives=schemas.RosterView, allow=LEADS)
    def plan_roster(self, call):
        return self.duty.plan(call)

    @api("GET", "/{community}/rosters/{week}", gives=schemas.RosterView, allow=VISITORS)
    def read_roster(self, call, week):
        return self.duty.roster(call, week)

    @api("POST", "/{community}/rosters/{week}/publish", gives=schemas.RosterView, allow=LEADS, status=200)
    def publish_roster(self, call, week):
        return self.duty.publish(call, week)

    @api("GET", "/{community}/shifts", query=schemas.ShiftQuery, gives=schemas.ShiftList, allow=VISITORS)
    def list_shifts(self, call):
        return self.duty.shifts(call)

    @api("GET", "/{community}/shifts/{id}", gives=schemas.ShiftView, allow=VISITORS)
    def read_shift(self, call, id):
        return self.duty.shift(call, id)

    @api("PUT", "/{community}/shifts/{id}/people", takes=schemas.Assign, gives=schemas.ShiftView, allow=LEADS)
    def assign(self, call, id):
        return self.duty.assign(call, id)

    @api(
        "POST",
        "/{community}/shifts/{id}/exception",
        takes=schemas.ExceptShift,
        gives=schemas.ShiftView,
        allow={SECRETARY},
        status=200,
    )
    def except_shift(self, call, id):
        return self.duty.except_shift(call, id)

    @api("POST", "/{community}/shifts/{id}/swap", takes=schemas.AskSwap, gives=schemas.ShiftView, allow=VISITORS, status=200)
    def ask_swap(self, call, id):
        return self.duty.ask_swap(call, id)

    @api(
        "POST",
        "/{community}/shifts/{id}/swap/answer",
        takes=schemas.AnswerSwap,
        gives=schemas.ShiftView,
        allow=VISITORS,
        status=200,
    )
    def answer_swap(self, call, id):
        return self.duty.answer_swap(call, id)

    # -- appointments: each is a place in a slot, given back and checked in like any other

    @api("POST", "/{community}/appointments", takes=schemas.BookAppointment, gives=PlaceView, allow=VISITORS)
    def book_appointment(self, call):
        return self.duty.book(call)

    @api("GET", "/{community}/appointments", query=schemas.DayQuery, gives=schemas.AppointmentList, allow=STAFF)
    def list_appointments(self, call):
        return self.duty.appointments(call)

    # -- the queue

    @api("GET", "/{community}/counter/queue", query=schemas.QueueQuery, gives=schemas.QueueView, allow=EVERYBODY)
    def read_queue(self, call):
        return self.duty.queue(call)

    @api("POST", "/{community}/counter/queue", takes=schemas.Draw, gives=schemas.TicketView, allow=VISITORS)
    def draw_ticket(self, call):
        return self.duty.draw(call)

    @api("POST", "/{community}/counter/queue/next", takes=schemas.CallNext, gives=schemas.TicketView, allow=STAFF, status=200)
    def call_next(self, call):
        return self.duty.call_next(call)

    @api("POST", "/{community}/counter/queue/{ticket}/hold", gives=schemas.TicketView, allow=STAFF, status=200)
    def hold_ticket(self, call, ticket):
        return self.duty.step(call, ticket, domain.HOLDS)

    @api("POST", "/{community}/counter/queue/{ticket}/resume", gives=schemas.TicketView, allow=STAFF, status=200)
    def resume_ticket(self, call, ticket):
        return self.duty.step(call, ticket, domain.WAITS)

    @api("POST", "/{community}/counter/queue/{ticket}/serve", gives=schemas.TicketView, allow=STAFF, status=200)
    def serve_ticket(self, call, ticket):
        return self.duty.step(call, ticket, domain.SERVED)

    @api("POST", "/{community}/counter/queue/{ticket}/leave", gives=schemas.TicketView, allow=STAFF, status=200)
    def drop_ticket(self, call, ticket):
        return self.duty.step(call, ticket, domain.LEFT)

    # -- what follows from one's own events; marking twice changes nothing

    @on(PlaceTaken, once=by_id("cover"))
    def check_the_cover(self, call, event):
        if event.kind == "counter":
            self.duty.check_cover(call, event.session_id)

    @on(RosterPublished, ShiftStaffed, ShiftUncovered, once=by_id("cover"))
    def cover_the_week(self, call, event):
        self.duty.cover_week(call, event.roster_id)
