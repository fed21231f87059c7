"""Entrypoints: whom a case concerns, for notifications."""

from __future__ import annotations

from typing import Any

from services.petitions.parties import schemas
from services.petitions.parties.handlers import Parties
from shared.entrypoints.api import api
from shared.runtime.platform import Provided


class Concerned:
    """Answers notifications."""

    parties: Any = Provided(Parties)

    @api(
        "POST", "/internal/parties", takes=schemas.AskParties, gives=schemas.PartiesView, internal={"notifications"}, status=200
    )
    def whom_a_case_concerns(self, call):
        return self.parties.answer(call)
