"""Residents: the entrypoints of all its parts, and what concerns each of them."""

from __future__ import annotations

from services.residents.accounts.service import OwnAccounts
from services.residents.activations.service import FirstSteps
from services.residents.communities.service import Communities
from services.residents.former.service import LettingGo
from services.residents.households.service import Households
from services.residents.people.service import People
from services.residents.sessions.service import OwnSessions
from services.residents.staff.service import Appointments
from services.residents.tries.handlers import TRIES
from shared.entrypoints.service import ServiceBase
from shared.entrypoints.timers import every
from shared.runtime.platform import Stored


class Residents(Communities, People, Households, OwnAccounts, OwnSessions, FirstSteps, Appointments, LettingGo, ServiceBase):
    """Communities, the people who live and work in them, and how these sign in."""

    name = "residents"

    attempts = Stored(TRIES)

    @every(5)
    def forget_attempts(self, call):
        self.accounts.tries.forget(call)
