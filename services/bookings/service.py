"""Bookings: the entrypoints of all its parts, and what concerns each of them."""

from __future__ import annotations

from typing import Any

from services.bookings import schemas
from services.bookings.care.service import Care
from services.bookings.centre.service import Centre
from services.bookings.children.service import AfterSchool
from services.bookings.clubs.service import Clubs
from services.bookings.corners.service import Corners
from services.bookings.directory import PEOPLE
from services.bookings.duty.service import Duty
from services.bookings.lifecycle import FORGOTTEN, Lifecycle
from services.bookings.programmes.service import Programmes
from services.bookings.rooms.service import Rooms
from services.bookings.sessions.service import Sessions
from services.bookings.sittings.service import Sittings
from shared.entrypoints.api import api
from shared.entrypoints.fields import AskExport
from shared.entrypoints.inbox import by_cause, by_id, on
from shared.entrypoints.service import ServiceBase
from shared.entrypoints.timers import every
from shared.events.residents import (
    CommunityCalendarChanged,
    CommunityOpened,
    GuardianLinked,
    GuardianUnlinked,
    ResidentChanged,
    ResidentErased,
    ResidentGroupsChanged,
    ResidentRegistered,
    WorkerAppointed,
    WorkerChanged,
)
from shared.runtime.directory import LOCALES
from shared.runtime.platform import Provided, Stored


class Bookings(Rooms, Programmes, Sessions, AfterSchool, Duty, Care, Clubs, Corners, Sittings, Centre, ServiceBase):
    """Where residents meet the centre: rooms, programmes, the counter, and the places with rules of their own."""

    name = "bookings"

    people = Stored(PEOPLE)
    locales = Stored(LOCALES)
    forgotten = Stored(FORGOTTEN)
    lifecycle: Any = Provided(Lifecycle)

    @api("POST", "/internal/export", takes=AskExport, gives=schemas.ExportView, internal={"residents"}, status=200)
    def export(self, call):
        return self.lifecycle.export(call)

    # -- what bookings keeps of its neighbours

    @on(CommunityOpened, once=by_cause)
    def know_the_community(self, call, event):
        self.directory.locales.project_community(call, event)

    @on(CommunityCalendarChanged, once=by_cause)
    def know_the_calendar(self, call, event):
        self.lifecycle.project_calendar(call, event)

    @on(ResidentRegistered, ResidentChanged, once=by_cause)
    def know_the_resident(self, call, event):
        self.directory.project_resident(call, event)

    @on(ResidentGroupsChanged, once=by_cause)
    def know_the_groups(self, call, event):
        self.directory.project_groups(call, event)

    @on(WorkerAppointed, WorkerChanged, once=by_cause)
    def know_the_worker(self, call, event):
        self.lifecycle.project_worker(call, event)

    @on(GuardianLinked, once=by_cause)
    def know_the_guardian(self, call, event):
        self.directory.project_guardian(call, event, True)
        self.sessions.retell(call, event.child_id)

    @on(GuardianUnlinked, once=by_cause)
    def forget_the_guardian(self, call, event):
        self.directory.project_guardian(call, event, False)
        self.sessions.retell(call, event.child_id)

    # Forgetting what is forgotten changes nothing.
    @on(ResidentErased, once=by_id("forget"))
    def forget_the_resident(self, call, event):
        self.lifecycle.forget_for_good(call, event.resident_id)

    # -- the clock

    @every(2)
    def let_time_pass(self, call):
        self.lifecycle.pass_time(call)

    @every(5)
    def let_days_pass(self, call):
        self.lifecycle.pass_days(call)
