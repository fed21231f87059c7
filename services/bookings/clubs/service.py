"""Entrypoints: clubs."""

from __future__ import annotations

from typing import Any

from services.bookings.clubs import schemas
from services.bookings.clubs.handlers import CLUBS
from services.bookings.clubs.handlers import Clubs as Handlers
from services.bookings.programmes.schemas import ProgrammeView
from shared.entrypoints.api import api
from shared.entrypoints.fields import Paging
from shared.rules.roles import EVERYBODY, GUARDIAN, RESIDENT, STAFF
from shared.runtime.platform import Provided, Stored

MEMBERS = STAFF | {RESIDENT, GUARDIAN}


class Clubs:
    """Clubs, their members and practice, over HTTP."""

    club_store = Stored(CLUBS)
    clubs: Any = Provided(Handlers)

    @api("POST", "/{community}/clubs", takes=schemas.FoundClub, gives=schemas.ClubView, allow=STAFF)
    def found_club(self, call):
        return self.clubs.found_club(call)

    @api("GET", "/{community}/clubs", query=Paging, gives=schemas.ClubView, allow=EVERYBODY)
    def list_clubs(self, call):
        return self.club_store.page(call, limit=call.query["limit"], after=call.query["after"])

    @api("GET", "/{community}/clubs/{id}", gives=schemas.ClubView, allow=EVERYBODY)
    def read_club(self, call, id):
        return self.club_store.get(call, id)

    @api("POST", "/{community}/clubs/{id}/join", takes=schemas.Member, gives=schemas.ClubView, allow=MEMBERS, status=200)
    def join_club(self, call, id):
        return self.clubs.join(call, id)

    @api("POST", "/{community}/clubs/{id}/leave", takes=schemas.Member, gives=schemas.ClubView, allow=MEMBERS, status=200)
    def leave_club(self, call, id):
        return self.clubs.leave(call, id)

    @api("POST", "/{community}/clubs/{id}/leader", takes=schemas.Lead, gives=schemas.ClubView, allow=MEMBERS, status=200)
    def hand_over_club(self, call, id):
        return self.clubs.lead(call, id)

    @api("POST", "/{community}/clubs/{id}/programmes", takes=schemas.Practise, gives=ProgrammeView, allow=MEMBERS)
    def practise(self, call, id):
        return self.clubs.practise(call, id)
