"""Every entrypoint of residents."""

from __future__ import annotations

from typing import Any

from services.residents.accounts.service import OwnAccounts
from services.residents.activations.service import FirstSteps
from services.residents.former.handlers import FORMER, FormerAccounts
from services.residents.people import domain, schemas
from services.residents.people.handlers import People
from services.residents.records import COMMUNITIES, HOUSEHOLDS, RESIDENTS
from services.residents.sessions.service import OwnSessions
from services.residents.staff.service import Appointments
from services.residents.tries.handlers import TRIES
from shared.entrypoints.api import api
from shared.entrypoints.fields import Nothing, Paging
from shared.entrypoints.inbox import by_cause, by_id, on
from shared.entrypoints.timers import every
from shared.events.residents import (
    AccessRevoked,
    CommunityOpened,
    GuardianLinked,
    GuardianUnlinked,
    ResidentChanged,
    ResidentErased,
    ResidentRegistered,
    WorkerAppointed,
    WorkerChanged,
)
from shared.rules.roles import EVERYBODY, GUARDIAN, OPERATOR, RESIDENT, SECRETARY, STAFF
from shared.runtime.platform import Provided, Stored

READERS = STAFF | {RESIDENT, GUARDIAN}
APPOINTERS = {OPERATOR, SECRETARY}


class Residents(OwnAccounts, OwnSessions, FirstSteps, Appointments):
    """Communities, the people who live and work in them, and how these sign in."""

    name = "residents"

    communities = Stored(COMMUNITIES)
    residents = Stored(RESIDENTS)
    households = Stored(HOUSEHOLDS)
    attempts = Stored(TRIES)
    former_accounts = Stored(FORMER)
    former: Any = Provided(FormerAccounts)
    people: Any = Provided(People)
    revocations: Any = Provided(lambda platform: platform.revocations)

    # -- communities

    @api("POST", "/communities", takes=schemas.OpenCommunity, gives=schemas.CommunityView, allow={OPERATOR})
    def open_community(self, call):
        return self.people.open_community(call)

    @api("GET", "/communities", query=Paging, gives=schemas.CommunityView, allow=EVERYBODY)
    def list_communities(self, call):
        return self.people.visible_communities(call)

    @api("PUT", "/{community}/calendar", takes=schemas.SetCalendar, gives=schemas.CalendarView, allow=APPOINTERS)
    def set_calendar(self, call):
        return self.people.set_calendar(call)

    @api("GET", "/communities/tree", gives=schemas.TreeView, allow=EVERYBODY)
    def organisation_tree(self, call):
        return {"districts": self.people.tree(call)}

    # -- residents

    @api("POST", "/{community}/residents", takes=schemas.RegisterResident, gives=schemas.ResidentView, allow=STAFF,
         audited="registered_resident")  # fmt: skip
    def register(self, call):
        return self.people.register(call)

    @api("GET", "/{community}/residents", query=schemas.ResidentQuery, gives=schemas.ResidentView, allow=STAFF,
         audited="listed_residents")  # fmt: skip
    def list_residents(self, call):
        return self.people.page(call)

    @api("POST", "/{community}/residents/search", takes=schemas.SearchResidents, gives=schemas.ResidentView, allow=STAFF,
         status=200, audited="searched_residents", idempotent=False)  # fmt: skip
    def search(self, call):
        return self.people.search(call)

    @api("GET", "/{community}/residents/{id}", gives=schemas.ResidentView, allow=READERS, audited="opened_resident")
    def read(self, call, id):
        return self.people.read(call, id)

    @api("PATCH", "/{community}/residents/{id}", takes=schemas.ChangeResident, gives=schemas.ResidentView,
         allow=READERS, audited="changed_resident")  # fmt: skip
    def change(self, call, id):
        return self.people.change(call, id)

    @api("DELETE", "/{community}/residents/{id}", gives=Nothing, allow=STAFF | {RESIDENT}, audited="erased_resident")
    def erase(self, call, id):
        self.people.erase(call, id)

    @api("GET", "/{community}/residents/{id}/export", gives=schemas.ExportView, allow=READERS, audited="exported_resident")
    def export(self, call, id):
        return self.people.export(call, id)

    @api("POST", "/{community}/residents/{id}/holds", takes=schemas.Hold, gives=schemas.ResidentView, allow={SECRETARY},
         audited="held_resident")  # fmt: skip
    def hold(self, call, id):
        return self.residents.change(call, id, domain.hold, call.body["basis"], call.body["until"], call.at)

    @api("POST", "/{community}/residents/{id}/guardians", takes=schemas.LinkGuardian, gives=schemas.ResidentView, allow=STAFF,
         audited="linked_guardian")  # fmt: skip
    def link_guardian(self, call, id):
        guardian = self.residents.get(call, call.body["guardian_id"], code="guardian_missing")
        return self.residents.change(call, id, domain.link_guardian, guardian, call.at)

    @api("DELETE", "/{community}/residents/{id}/guardians/{guardian}", gives=Nothing, allow=STAFF, audited="unlinked_guardian")
    def unlink_guardian(self, call, id, guardian):
        self.residents.change(call, id, domain.unlink_guardian, guardian, call.at)

    # -- households

    @api("POST", "/{community}/households", takes=schemas.FoundHousehold, gives=schemas.HouseholdView, allow=STAFF,
         audited="founded_household")  # fmt: skip
    def found_household(self, call):
        return self.people.found_household(call)

    @api("GET", "/{community}/households/{id}", gives=schemas.HouseholdView, allow=STAFF, audited="opened_household")
    def read_household(self, call, id):
        return self.households.get(call, id)

    @api("PATCH", "/{community}/households/{id}", takes=schemas.SetMembers, gives=schemas.HouseholdView, allow=STAFF,
         audited="changed_household")  # fmt: skip
    def change_household(self, call, id):
        return self.people.set_members(call, id)

    # -- for the other services

    @api(
        "POST",
        "/internal/contacts",
        takes=schemas.AskContacts,
        gives=schemas.ContactsView,
        internal={"notifications"},
        status=200,
    )
    def contact_details(self, call):
        return self.people.contacts(call)

    @api("POST", "/internal/birth-dates", takes=schemas.AskBirthDate, gives=schemas.BirthDateView, internal={"bookings"},
         status=200)  # fmt: skip
    def birth_date(self, call):
        return self.people.birth_date(call)

    # -- what follows from one's own events: a crash between two writes is made good here

    @on(CommunityOpened, once=by_cause)
    def let_the_opener_in(self, call, event):
        self.people.let_the_opener_in(call, event.community_id)

    @on(ResidentRegistered, ResidentChanged, once=by_cause)
    def link_the_resident(self, call, event):
        self.people.link_resident(call, event.resident_id)

    @on(ResidentErased, once=by_cause)
    def forget_the_account(self, call, event):
        self.people.forget(call, event.resident_id)

    @on(WorkerAppointed, WorkerChanged, once=by_cause)
    def link_the_worker(self, call, event):
        self.people.link_worker(call, event.worker_id)

    @on(GuardianLinked, GuardianUnlinked, once=by_cause)
    def follow_the_guardian(self, call, event):
        self.people.link_resident(call, event.guardian_id)

    @on(AccessRevoked, once=by_id("revoked"))
    def void_tokens(self, call, event):
        self.revocations.note(event)

    @every(3600)
    def erase_what_is_no_longer_held(self, call):
        self.people.erase_released(call)

    @every(5)
    def let_former_accounts_go(self, call):
        self.former.let_go(call)

    @every(5)
    def forget_attempts(self, call):
        self.accounts.tries.forget(call)

    @every(5)
    def sweep(self, call):
        self.people.sweep(call)
