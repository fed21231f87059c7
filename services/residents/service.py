"""Residents: the entrypoints of all its parts, and what concerns each of them."""

from __future__ import annotations

from typing import Any

from services.residents.accounts.service import OwnAccounts
from services.residents.activations.service import FirstSteps
from services.residents.communities.service import Communities
from services.residents.former.service import LettingGo
from services.residents.households.service import Households
from services.residents.people.service import People
from services.residents.sessions.service import OwnSessions
from services.residents.staff.service import Appointments
from services.residents.tries.handlers import TRIES
from shared.entrypoints.inbox import by_id, on
from shared.entrypoints.timers import every
from shared.events.residents import AccessRevoked
from shared.runtime.platform import Provided, Stored


class Residents(Communities, People, Households, OwnAccounts, OwnSessions, FirstSteps, Appointments, LettingGo):
    """Communities, the people who live and work in them, and how these sign in."""

    name = "residents"

    attempts = Stored(TRIES)
    outboxes: Any = Provided(lambda platform: platform.sweeper())
    revocations: Any = Provided(lambda platform: platform.revocations)

    @on(AccessRevoked, once=by_id("revoked"))
    def void_tokens(self, call, event):
        self.revocations.note(event)

    @every(5)
    def forget_attempts(self, call):
        self.accounts.tries.forget(call)

    @every(5)
    def sweep(self, call):
        self.outboxes.sweep(call.at)
