"""Every entrypoint of bookings."""

from __future__ import annotations

from typing import Any

from services.bookings import domain, schemas
from services.bookings.desk import PEOPLE, PLACES, ROOMS, USES, Desk
from shared.events.residents import CommunityOpened, ResidentChanged, ResidentErased, ResidentRegistered
from shared.http import api
from shared.identity import GUARDIAN, OPERATOR, RESIDENT, SECRETARY, STAFF
from shared.messaging import by_cause, by_id, on
from shared.platform import Provided, Stored
from shared.shapes import Paging
from shared.timers import every

ANYBODY_HERE = STAFF | {RESIDENT, GUARDIAN, OPERATOR}
BOOKERS = STAFF | {RESIDENT, GUARDIAN}


class Bookings:
    """Rooms and reservations."""

    name = "bookings"

    rooms = Stored(ROOMS)
    uses = Stored(USES)
    people = Stored(PEOPLE)
    places = Stored(PLACES)
    desk: Any = Provided(Desk)

    # -- rooms

    @api("POST", "/{community}/rooms", takes=schemas.OpenRoom, gives=schemas.RoomView, allow={SECRETARY, OPERATOR})
    def open_room(self, call):
        return self.rooms.create(call, domain.open_room, call.body, self.desk.timezone(call), call.at)

    @api("GET", "/{community}/rooms", query=Paging, gives=schemas.RoomView, allow=ANYBODY_HERE)
    def list_rooms(self, call):
        return self.rooms.page(call, limit=call.query["limit"], after=call.query["after"])

    @api("GET", "/{community}/rooms/{id}", gives=schemas.RoomView, allow=ANYBODY_HERE)
    def read_room(self, call, id):
        return self.rooms.get(call, id)

    @api("PATCH", "/{community}/rooms/{id}", takes=schemas.ChangeRoom, gives=schemas.RoomView, allow={SECRETARY, OPERATOR})
    def change_room(self, call, id):
        return self.rooms.change(call, id, domain.change_room, call.body, call.at)

    @api("GET", "/{community}/rooms/{id}/availability", query=schemas.AvailabilityQuery, gives=schemas.AvailabilityView,
         allow=ANYBODY_HERE)  # fmt: skip
    def availability(self, call, id):
        return self.desk.availability(call, self.rooms.get(call, id))

    # -- reservations

    @api("POST", "/{community}/reservations", takes=schemas.Reserve, gives=schemas.ReservationView, allow=BOOKERS)
    def reserve(self, call):
        return self.desk.reserve(call)

    @api("GET", "/{community}/reservations", query=schemas.ReservationQuery, gives=schemas.ReservationView, allow=BOOKERS)
    def list_reservations(self, call):
        return self.desk.page(call)

    @api("GET", "/{community}/reservations/{id}", gives=schemas.ReservationView, allow=BOOKERS)
    def read_reservation(self, call, id):
        return self.desk.read(call, id)

    @api("POST", "/{community}/reservations/{id}/cancel", takes=schemas.CancelReservation, gives=schemas.ReservationView,
         allow=BOOKERS, status=200)  # fmt: skip
    def cancel(self, call, id):
        return self.uses.change(call, id, domain.cancel, call.actor, call.is_one_of(*STAFF), call.at)

    # -- for the other services

    @api("POST", "/internal/export", takes=schemas.AskExport, gives=schemas.ExportView, internal={"residents"}, status=200)
    def export(self, call):
        return self.desk.export(call)

    # -- what bookings keeps of its neighbours

    @on(CommunityOpened, once=by_id("place"))
    def know_the_community(self, call, event):
        self.desk.know_community(call, event)

    @on(ResidentRegistered, ResidentChanged, once=by_cause)
    def know_the_resident(self, call, event):
        self.desk.know_resident(call, event)

    @on(ResidentErased, once=by_cause)
    def forget_the_resident(self, call, event):
        self.desk.forget_resident(call, event.resident_id)

    @every(5)
    def sweep(self, call):
        self.desk.sweep(call)
