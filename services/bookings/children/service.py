"""Entrypoints: the after-school class."""

from __future__ import annotations

from typing import Any

from services.bookings.children import schemas
from services.bookings.children.enrolments import APPROVALS, ENROLMENTS
from services.bookings.children.handlers import PICKUPS, Children
from services.bookings.programmes.handlers import PROGRAMMES
from shared.entrypoints.api import api
from shared.entrypoints.inbox import by_cause, by_id, on
from shared.events.bookings import ChildEnrolled, ChildLeft, ConsentWithdrawn, PlacesMissed, PlaceVisited
from shared.rules.roles import DUTY_LEAD, GUARDIAN, RESIDENT, SECRETARY, STAFF
from shared.runtime.platform import Provided, Stored


class AfterSchool:
    """Children of the class, who collects them, their presence, over HTTP."""

    enrolments = Stored(ENROLMENTS)
    pickups = Stored(PICKUPS)
    approvals = Stored(APPROVALS)
    classes = Stored(PROGRAMMES)
    children: Any = Provided(Children)

    @api(
        "POST",
        "/{community}/programmes/{id}/enrolments",
        takes=schemas.Enrol,
        gives=schemas.EnrolmentView,
        allow={RESIDENT, GUARDIAN},
    )
    def enrol(self, call, id):
        return self.children.enrol(call, self.classes.get(call, id))

    @api("GET", "/{community}/enrolments/{id}", gives=schemas.EnrolmentView, allow={RESIDENT, GUARDIAN})
    def read_enrolment(self, call, id):
        return self.children.enrolment(call, id)

    @api("POST", "/{community}/enrolments/{id}/withdraw", gives=schemas.EnrolmentView, allow={RESIDENT, GUARDIAN}, status=200)
    def withdraw_consent(self, call, id):
        return self.children.withdraw(call, id)

    @api(
        "POST",
        "/{community}/sessions/{id}/staffing",
        takes=schemas.StaffClass,
        gives=schemas.StaffingView,
        allow={DUTY_LEAD},
        status=200,
    )
    def staff_class(self, call, id):
        return self.children.staff(call, id)

    @api(
        "POST", "/{community}/sessions/{id}/open", takes=schemas.OpenClass, gives=schemas.StaffingView, allow=STAFF, status=200
    )
    def open_class(self, call, id):
        return self.children.open(call, id)

    @api("POST", "/{community}/pickups", takes=schemas.Release, gives=schemas.PickupView, allow=STAFF)
    def release_child(self, call):
        return self.children.release(call)

    @api(
        "POST",
        "/{community}/pickups/approvals",
        takes=schemas.ApproveCollector,
        gives=schemas.PickupView,
        allow={RESIDENT, GUARDIAN},
    )
    def approve_collector(self, call):
        return self.children.approve(call)

    @api(
        "GET",
        "/{community}/pickups/{id}",
        query=schemas.ChildQuery,
        gives=schemas.PickupView,
        allow=STAFF | {RESIDENT, GUARDIAN},
        audited="opened_pickup",
    )
    def read_pickup(self, call, id):
        return self.children.pickup(call, id)

    @api(
        "GET",
        "/{community}/children/{id}",
        query=schemas.ChildQuery,
        gives=schemas.ChildView,
        allow=STAFF,
        audited="opened_child",
    )
    def open_child(self, call, id):
        return self.children.open_child(call, id)

    @api(
        "POST",
        "/{community}/children/approvals",
        takes=schemas.ApproveReading,
        gives=schemas.ApprovalView,
        allow={DUTY_LEAD, SECRETARY},
        audited="approved_reading",
    )
    def approve_reading(self, call):
        return self.children.approve_reading(call)

    # -- what follows from one's own events

    @on(ChildEnrolled, once=by_cause)
    def fetch_the_birth_date(self, call, event):
        self.children.fetch_birth_date(call, event)

    # Giving back what is given back already changes nothing.
    @on(ConsentWithdrawn, once=by_id("give-back"))
    def give_the_places_back(self, call, event):
        self.children.give_back_places(call, event)

    @on(ChildLeft, once=by_cause)
    def note_that_the_child_left(self, call, event):
        self.children.note_left(call, event)

    @on(PlacesMissed, once=by_cause)
    def note_absences(self, call, event):
        self.children.note_absences(call, event)

    @on(PlaceVisited, once=by_cause)
    def note_presence(self, call, event):
        self.children.note_presence(call, event)
