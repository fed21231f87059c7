"""Entrypoints: households."""

from __future__ import annotations

from typing import Any

from services.residents.households import schemas
from services.residents.households.handlers import Households as Handlers
from services.residents.records import HOUSEHOLDS
from shared.entrypoints.api import api
from shared.rules.roles import STAFF
from shared.runtime.platform import Provided, Stored


class Households:
    """Households, over HTTP."""

    household_store = Stored(HOUSEHOLDS)
    households: Any = Provided(Handlers)

    @api(
        "POST",
        "/{community}/households",
        takes=schemas.FoundHousehold,
        gives=schemas.HouseholdView,
        allow=STAFF,
        audited="founded_household",
    )
    def found_household(self, call):
        return self.households.found_household(call)

    @api("GET", "/{community}/households/{id}", gives=schemas.HouseholdView, allow=STAFF, audited="opened_household")
    def read_household(self, call, id):
        return self.household_store.get(call, id)

    @api(
        "PATCH",
        "/{community}/households/{id}",
        takes=schemas.SetMembers,
        gives=schemas.HouseholdView,
        allow=STAFF,
        audited="changed_household",
    )
    def change_household(self, call, id):
        return self.households.set_members(call, id)
