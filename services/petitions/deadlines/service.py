"""Entrypoints: the public calculator of deadlines, and a community's own limits."""

from __future__ import annotations

from typing import Any

from services.petitions.deadlines import schemas
from services.petitions.deadlines.handlers import Calculator
from shared.entrypoints.api import api
from shared.rules.roles import EVERYBODY, OPERATOR, SECRETARY
from shared.runtime.platform import Provided


class Deadlines:
    """The calculator of deadlines for anybody, and a community's own limits, over HTTP."""

    calculator: Any = Provided(Calculator)

    @api("GET", "/deadlines", query=schemas.AskDeadline, gives=schemas.FoundDeadline)
    def compute_deadline(self, call):
        return self.calculator.find(call)

    @api("GET", "/deadlines/rules", query=schemas.AskRules, gives=schemas.RulesView)
    def list_rules(self, call):
        return {"rules": self.calculator.rules(call.query.get("community"))}

    @api("GET", "/{community}/rules", gives=schemas.RulesView, allow=EVERYBODY)
    def list_own_rules(self, call):
        return {"rules": self.calculator.rules(call.community)}

    @api(
        "PUT",
        "/{community}/rules",
        takes=schemas.SetRules,
        gives=schemas.RulesView,
        allow={SECRETARY, OPERATOR},
        audited="set_rules",
    )
    def set_own_rules(self, call):
        return {"rules": self.calculator.set_rules(call)}
