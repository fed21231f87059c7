"""Entrypoints: the chain's acts on one case, for those of the house who may know of it."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from services.petitions.cases.handlers import OFFICE, PETITIONS
from services.petitions.court.handlers import COURT_CASES
from services.petitions.directory import Directory
from services.petitions.disputes.handlers import DISPUTES
from services.petitions.help.service import HELP
from shared.calls import Call
from shared.entrypoints.api import api
from shared.entrypoints.fields import Id, Moment
from shared.rules.errors import Missing
from shared.rules.roles import COURT, HELP_OFFICER, MEDIATOR
from shared.runtime.platform import Platform, Provided


class AskActs(Schema):
    case = Id(required=True)


class ActView(Schema):
    """One entry of the chain: its number, its hash and that of the entry before it."""

    n = fields.Integer(required=True)
    act = fields.String(required=True)
    actor = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)
    at = Moment(required=True)
    prev = fields.String(required=True)
    hash = fields.String(required=True)


class ActsView(Schema):
    items = fields.List(fields.Nested(ActView), required=True)


class Chain:
    """Finds a case of any kind, and its acts."""

    def __init__(self, platform: Platform) -> None:
        self._directory, self._audit = Directory(platform), platform.audit
        self._stores = {kind.collection: platform.store(kind) for kind in (PETITIONS, DISPUTES, HELP, COURT_CASES)}

    def of(self, call: Call) -> list[dict[str, Any]]:
        """Its acts, in the order of the chain. Raises Missing where the caller may not know of it."""
        id, actor = call.query["case"], self._directory.actor(call)
        for collection, store in self._stores.items():
            case = store.find(call.community, id)
            if case is not None and case.visible_to(actor):
                return self._audit.acts(call.community, f"{collection}/{id}")
        raise Missing("case_missing", "no such case")


class Acts:
    """The list of a case's acts over HTTP."""

    chain: Any = Provided(Chain)

    @api("GET", "/{community}/audit", query=AskActs, gives=ActsView, allow=OFFICE | {MEDIATOR, HELP_OFFICER, COURT})
    def acts_on_a_case(self, call):
        return {"items": self.chain.of(call)}
