"""Entrypoints: rooms and reservations."""

from __future__ import annotations

from typing import Any

from services.bookings.directory import USES, Directory
from services.bookings.rooms import domain, schemas
from services.bookings.rooms.handlers import ROOMS, Reservations
from shared.entrypoints.api import api
from shared.entrypoints.fields import Paging
from shared.rules.roles import EVERYBODY, GUARDIAN, OPERATOR, RESIDENT, SECRETARY, STAFF, STEWARD
from shared.runtime.platform import Provided, Stored

BOOKERS = STAFF | {RESIDENT, GUARDIAN}


class Rooms:
    """Rooms, what is free in them, and reservations, over HTTP."""

    rooms = Stored(ROOMS)
    uses = Stored(USES)
    directory: Any = Provided(Directory)
    booking: Any = Provided(Reservations)

    @api("POST", "/{community}/rooms", takes=schemas.OpenRoom, gives=schemas.RoomView, allow={SECRETARY, OPERATOR})
    def open_room(self, call):
        return self.rooms.create(call, domain.open_room, call.body, self.directory.locale(call).timezone, call.at)

    @api("GET", "/{community}/rooms", query=Paging, gives=schemas.RoomView, allow=EVERYBODY)
    def list_rooms(self, call):
        return self.rooms.page(call, limit=call.query["limit"], after=call.query["after"])

    @api("GET", "/{community}/rooms/{id}", gives=schemas.RoomView, allow=EVERYBODY)
    def read_room(self, call, id):
        return self.rooms.get(call, id)

    @api("PATCH", "/{community}/rooms/{id}", takes=schemas.ChangeRoom, gives=schemas.RoomView, allow={SECRETARY, OPERATOR})
    def change_room(self, call, id):
        return self.rooms.change(call, id, domain.change_room, call.body, call.at)

    @api(
        "GET",
        "/{community}/rooms/{id}/availability",
        query=schemas.AvailabilityQuery,
        gives=schemas.AvailabilityView,
        allow=EVERYBODY,
    )
    def availability(self, call, id):
        return self.booking.availability(call, self.rooms.get(call, id))

    @api("POST", "/{community}/rooms/{id}/faults", takes=schemas.ReportFault, gives=schemas.RoomView, allow=BOOKERS)
    def report_fault(self, call, id):
        return self.booking.report_fault(call, id)

    @api("POST", "/{community}/rooms/{id}/repair", gives=schemas.RoomView, allow=STAFF, status=200)
    def repair(self, call, id):
        return self.rooms.change(call, id, domain.repair, call.at)

    @api("POST", "/{community}/reservations", takes=schemas.Reserve, gives=schemas.ReservationView, allow=BOOKERS)
    def reserve(self, call):
        return self.booking.reserve(call)

    @api(
        "GET",
        "/{community}/reservations",
        query=schemas.ReservationQuery,
        gives=schemas.ReservationView,
        allow=BOOKERS | {STEWARD},
    )
    def list_reservations(self, call):
        return self.booking.page(call)

    @api("GET", "/{community}/reservations/{id}", gives=schemas.ReservationView, allow=BOOKERS | {STEWARD})
    def read_reservation(self, call, id):
        return self.booking.read(call, id)

    @api(
        "POST",
        "/{community}/reservations/{id}/cancel",
        takes=schemas.CancelReservation,
        gives=schemas.ReservationView,
        allow=BOOKERS,
        status=200,
    )
    def cancel(self, call, id):
        return self.booking.cancel(call, id)
