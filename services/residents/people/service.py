"""Entrypoints: residents' records."""

from __future__ import annotations

from typing import Any

from services.residents.people import domain, schemas
from services.residents.people.handlers import People as Handlers
from services.residents.records import RESIDENTS
from shared.entrypoints.api import api
from shared.entrypoints.fields import Nothing
from shared.entrypoints.inbox import by_cause, on
from shared.entrypoints.timers import every
from shared.events.residents import GuardianLinked, GuardianUnlinked, ResidentChanged, ResidentErased, ResidentRegistered
from shared.rules.roles import GUARDIAN, RESIDENT, SECRETARY, STAFF
from shared.runtime.platform import Provided, Stored

READERS = STAFF | {RESIDENT, GUARDIAN}


class People:
    """Residents, over HTTP, and what follows from their own events."""

    resident_store = Stored(RESIDENTS)
    people: Any = Provided(Handlers)

    @api(
        "POST",
        "/{community}/residents",
        takes=schemas.RegisterResident,
        gives=schemas.ResidentView,
        allow=STAFF,
        audited="registered_resident",
    )
    def register(self, call):
        return self.people.register(call)

    @api(
        "GET",
        "/{community}/residents",
        query=schemas.ResidentQuery,
        gives=schemas.ResidentView,
        allow=STAFF,
        audited="listed_residents",
    )
    def list_residents(self, call):
        return self.people.page(call)

    @api(
        "POST",
        "/{community}/residents/search",
        takes=schemas.SearchResidents,
        gives=schemas.ResidentView,
        allow=STAFF,
        status=200,
        audited="searched_residents",
        idempotent=False,
    )
    def search(self, call):
        return self.people.search(call)

    @api("GET", "/{community}/residents/{id}", gives=schemas.ResidentView, allow=READERS, audited="opened_resident")
    def read(self, call, id):
        return self.people.read(call, id)

    @api(
        "PATCH",
        "/{community}/residents/{id}",
        takes=schemas.ChangeResident,
        gives=schemas.ResidentView,
        allow=READERS,
        audited="changed_resident",
    )
    def change(self, call, id):
        return self.people.change(call, id)

    @api("DELETE", "/{community}/residents/{id}", gives=Nothing, allow=STAFF | {RESIDENT}, audited="erased_resident")
    def erase(self, call, id):
        self.people.erase(call, id)

    @api("GET", "/{community}/residents/{id}/export", gives=schemas.ExportView, allow=READERS, audited="exported_resident")
    def export(self, call, id):
        return self.people.export(call, id)

    @api(
        "POST",
        "/{community}/residents/{id}/holds",
        takes=schemas.Hold,
        gives=schemas.ResidentView,
        allow={SECRETARY},
        audited="held_resident",
    )
    def hold(self, call, id):
        return self.resident_store.change(call, id, domain.hold, call.body["basis"], call.body["until"], call.at)

    @api(
        "POST",
        "/{community}/residents/{id}/guardians",
        takes=schemas.LinkGuardian,
        gives=schemas.ResidentView,
        allow=STAFF,
        audited="linked_guardian",
    )
    def link_guardian(self, call, id):
        guardian = self.resident_store.get(call, call.body["guardian_id"], code="guardian_missing")
        return self.resident_store.change(call, id, domain.link_guardian, guardian, call.at)

    @api("DELETE", "/{community}/residents/{id}/guardians/{guardian}", gives=Nothing, allow=STAFF, audited="unlinked_guardian")
    def unlink_guardian(self, call, id, guardian):
        self.resident_store.change(call, id, domain.unlink_guardian, guardian, call.at)

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

    @api(
        "POST",
        "/internal/birth-dates",
        takes=schemas.AskBirthDate,
        gives=schemas.BirthDateView,
        internal={"bookings"},
        status=200,
    )
    def birth_date(self, call):
        return self.people.birth_date(call)

    # -- what follows from one's own events: a crash between two writes is made good here

    @on(ResidentRegistered, ResidentChanged, once=by_cause)
    def link_the_resident(self, call, event):
        self.people.link(call, event.resident_id)

    @on(ResidentErased, once=by_cause)
    def forget_the_account(self, call, event):
        self.people.forget(call, event.resident_id)

    @on(GuardianLinked, GuardianUnlinked, once=by_cause)
    def follow_the_guardian(self, call, event):
        self.people.link(call, event.guardian_id)

    # -- the clock

    @every(3600)
    def erase_what_is_no_longer_held(self, call):
        self.people.erase_released(call)
