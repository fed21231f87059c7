"""Entrypoints: the chain's acts on one case, for those of the house who may know of it."""

from __future__ import annotations

from typing import Any

from services.petitions.acts import schemas
from services.petitions.acts.handlers import Chain
from services.petitions.cases.handlers import OFFICE
from shared.entrypoints.api import api
from shared.rules.roles import COURT, HELP_OFFICER, MEDIATOR
from shared.runtime.platform import Provided


class Acts:
    """The list of a case's acts over HTTP."""

    chain: Any = Provided(Chain)

    @api(
        "GET",
        "/{community}/audit",
        query=schemas.AskActs,
        gives=schemas.ActsView,
        allow=OFFICE | {MEDIATOR, HELP_OFFICER, COURT},
    )
    def acts_on_a_case(self, call):
        return {"items": self.chain.of(call)}
