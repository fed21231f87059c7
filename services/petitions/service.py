"""Petitions: the entrypoints of all its parts, and what concerns each of them."""

from __future__ import annotations

from typing import Any

from services.petitions.acts.service import Acts
from services.petitions.attachments.service import Attached
from services.petitions.cases.handlers import PETITIONS
from services.petitions.cases.service import Cases
from services.petitions.court.handlers import COURT_CASES
from services.petitions.court.service import Hearings
from services.petitions.deadlines.service import Deadlines
from services.petitions.directory import PEOPLE, Directory
from services.petitions.disputes.handlers import DISPUTES
from services.petitions.disputes.service import Disputes
from services.petitions.erasure_export.service import PersonsOwn
from services.petitions.help.handlers import HELP
from services.petitions.help.service import Help
from services.petitions.lifecycle import Lifecycle
from services.petitions.papers.service import Papers
from services.petitions.parties.service import Concerned
from services.petitions.receipts.service import Receipts
from services.petitions.seals.service import Sealed
from services.petitions.seals.store import SEALS
from services.petitions.sittings.handlers import SITTINGS
from shared.entrypoints.inbox import by_cause, on
from shared.entrypoints.service import ServiceBase
from shared.entrypoints.timers import every
from shared.events.bookings import SittingBooked, SittingRefused, SittingWithdrawn
from shared.events.petitions import TrailCheckpointed
from shared.events.residents import (
    CommunityCalendarChanged,
    CommunityOpened,
    ResidentRegistered,
    WorkerAppointed,
    WorkerChanged,
)
from shared.runtime.chain_writer import CHECKPOINTS, ChainWriter
from shared.runtime.directory import LOCALES
from shared.runtime.platform import Provided, Stored

TRAILED = (PETITIONS, DISPUTES, HELP, COURT_CASES, SEALS)


class Petitions(
    Cases, Acts, Receipts, Attached, Papers, Sealed, Help, Disputes, Hearings, Deadlines, Concerned, PersonsOwn, ServiceBase
):
    """Where neighbours are heard: petitions, disputes, private help, and the way to the court, inside the law's clocks."""

    name = "petitions"

    people = Stored(PEOPLE)
    sittings = Stored(SITTINGS)
    locales = Stored(LOCALES)
    directory: Any = Provided(Directory)
    lifecycle: Any = Provided(Lifecycle)
    checkpoints = Stored(CHECKPOINTS)
    trail: Any = Provided(lambda platform: ChainWriter(platform, TRAILED, TrailCheckpointed))

    # -- what petitions keeps of its neighbours

    @on(CommunityOpened, once=by_cause)
    def know_the_community(self, call, event):
        self.directory.locales.project_community(call, event)

    @on(CommunityCalendarChanged, once=by_cause)
    def know_the_calendar(self, call, event):
        self.lifecycle.project_calendar(call, event)

    @on(ResidentRegistered, once=by_cause)
    def know_the_resident(self, call, event):
        self.directory.project_resident(call, event)

    @on(WorkerAppointed, WorkerChanged, once=by_cause)
    def know_the_worker(self, call, event):
        self.directory.project_worker(call, event)

    # -- the centre's answers

    @on(SittingBooked, SittingRefused, SittingWithdrawn, once=by_cause)
    def hear_of_a_sitting(self, call, event):
        self.lifecycle.hear_of_sitting(call, event)

    # -- the clock

    @every(2)
    def let_time_pass(self, call):
        self.lifecycle.pass_time(call)

    @every(1)
    def write_the_trail(self, call):
        self.trail.write(call)

    @every(60)
    def look_for_calendars(self, call):
        self.lifecycle.know_calendars(call)
