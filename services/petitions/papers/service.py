"""Entrypoints: the acceptance notice, the written opinion, the mediation agreement, as printable papers."""

from __future__ import annotations

from typing import Any

from services.petitions.papers.handlers import (
    acceptance,
    agreement,
    opinion,
)
from shared.entrypoints.api import Raw, api
from shared.rules.roles import DUTY_LEAD, GUARDIAN, MEDIATOR, RESIDENT, SECRETARY, STREET_OFFICER, WORKER

PDF = "application/pdf"
READERS = {RESIDENT, GUARDIAN, WORKER, DUTY_LEAD, SECRETARY, STREET_OFFICER}


class Papers:
    """Papers over HTTP, as PDF, for whoever may see the case."""

    station: Any
    room: Any

    @api("GET", "/{community}/petitions/{id}/papers/acceptance", gives=PDF, allow=READERS, audited="paper_printed")
    def print_acceptance(self, call, id):
        return Raw(acceptance(self.station.read(call, id)))

    @api("GET", "/{community}/petitions/{id}/papers/opinion", gives=PDF, allow=READERS, audited="paper_printed")
    def print_opinion(self, call, id):
        return Raw(opinion(self.station.read(call, id)))

    @api("GET", "/{community}/disputes/{id}/papers/agreement", gives=PDF, allow=READERS | {MEDIATOR}, audited="paper_printed")
    def print_agreement(self, call, id):
        return Raw(agreement(self.room.read(call, id)))
