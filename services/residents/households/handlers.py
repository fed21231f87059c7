"""Keeps who lives together, in the household and in each resident's record."""

from __future__ import annotations

from typing import Any

from services.residents.households import domain
from services.residents.households.domain import Household
from services.residents.people import domain as people
from services.residents.people.domain import Resident
from services.residents.records import HOUSEHOLDS, RESIDENTS
from shared.calls import Call
from shared.rules.errors import Invalid
from shared.runtime.platform import Platform


class Households:
    """Households and their members."""

    def __init__(self, platform: Platform) -> None:
        self._residents, self._households = platform.store(RESIDENTS), platform.store(HOUSEHOLDS)

    def found_household(self, call: Call) -> Household:
        """A household of residents who are known."""
        self._must_exist(call, call.body["members"])
        made: Household = self._households.create(call, domain.found_household, call.body["address"], call.body["members"])
        self._move_in(call, made)
        return made

    def set_members(self, call: Call, id: str) -> Household:
        """Who lives there now."""
        self._must_exist(call, call.body["members"])
        before = self._households.get(call, id)
        after: Household = self._households.change(call, id, domain.set_members, call.body["members"])
        for gone in set(before.members) - set(after.members):
            self._residents.change(call.plain(), gone, people.move_to, "")
        self._move_in(call, after)
        return after

    def _must_exist(self, call: Call, ids: Any) -> None:
        for id in ids:
            if self._residents.find(call.community, id) is None:
                raise Invalid("resident_unknown", "no such resident", "members")

    def _move_in(self, call: Call, household: Household) -> None:
        for member in household.members:
            self._residents.change(call.plain(), member, people.move_to, household.id)

    def leave(self, call: Call, resident: Resident) -> None:
        if self._households.find(call.community, resident.household_id):
            self._households.change(call.plain(), resident.household_id, domain.without_member, resident.id)

    def forget(self, call: Call, id: str) -> None:
        """No household names this person any more; safe to repeat."""
        for household in self._households.all(call.community, {"members": id}):
            self._households.change(call, household.id, domain.without_member, id)
