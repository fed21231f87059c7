"""Whom a case concerns: events of cases name nobody, so who tells people asks here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, fields, validate

from services.petitions.cases.desk import PETITIONS
from services.petitions.cases.domain import REPORT, Petition
from services.petitions.court.desk import COURT_CASES
from services.petitions.court.domain import CourtCase
from services.petitions.disputes.desk import DISPUTES
from services.petitions.disputes.domain import AWAITED, Dispute
from services.petitions.domain import Case
from services.petitions.help.domain import HelpRequest
from services.petitions.help.service import HELP
from services.petitions.known import Known
from services.petitions.seals.store import Seals
from shared.calls import Call
from shared.errors import Missing
from shared.platform import Platform
from shared.shapes import Id

# Who is told for a level, the next ones where nobody holds the role here.
ROLES = {
    "duty_lead": "role:duty_lead|secretary|street_officer",
    "secretary": "role:secretary|street_officer",
    "street_officer": "role:street_officer|secretary",
    "openers": "role:seal_holder|street_officer|secretary",
    "help_officer": "role:help_officer",
    "police_liaison": "role:police_liaison|secretary",
    "court": "role:court",
}


class AskParties(Schema):
    community = fields.String(required=True)
    case = fields.String(required=True, validate=validate.Length(max=20))
    id = Id(required=True)
    parties = fields.List(fields.String(), required=True, validate=validate.Length(max=10))


class PartiesView(Schema):
    people = fields.Dict(keys=fields.String(), values=fields.List(fields.String()), required=True)
    hidden_from = fields.List(fields.String(), required=True)
    quiet = fields.Boolean(required=True, metadata={"description": "messages to whoever filed it must not name the case"})
    private = fields.Boolean(required=True, metadata={"description": "what anybody is told of it is theirs alone"})


class Parties:
    """Answers for every kind of case."""

    def __init__(self, platform: Platform) -> None:
        self._known, self._seals = Known(platform), Seals(platform)
        self._kinds: dict[str, tuple[Any, Callable[[Any, str], list[str]]]] = {
            "petition": (platform.store(PETITIONS), self._of_petition),
            "help": (platform.store(HELP), self._of_help),
            "dispute": (platform.store(DISPUTES), self._of_dispute),
            "court": (platform.store(COURT_CASES), self._of_court),
        }

    def answer(self, call: Call) -> dict[str, Any]:
        """Ids, and `role:…|…` for all who hold the first of these roles that somebody holds."""
        asked = call.body
        store, find = self._kinds.get(asked["case"], (None, None))
        case: Case | None = store.find(asked["community"], asked["id"]) if store else None
        if case is None or find is None:
            raise Missing("case_missing", "no such case")
        accused = [case.accused["worker_id"]] if case.accused.get("worker_id") else []
        hidden = accused + self._known.colleagues(asked["community"], case.accused.get("unit", ""))
        people = {party: find(case, party) for party in asked["parties"]}
        private = case.restricted
        quiet = private and case.CASE != "court"
        return {"people": people, "hidden_from": sorted(set(hidden)), "quiet": quiet, "private": private}

    def _of_petition(self, case: Petition, party: str) -> list[str]:
        if party == "filer":
            if case.confidential:
                return self._seals.people(case.community, case.id)
            return _known_of(case.petitioners)
        if party == "responsible" and case.assignee:
            return [case.assignee]
        role = "duty_lead" if party in ("responsible", "station") else party
        # A report is known to the secretary and the street alone.
        return [ROLES["secretary" if case.kind == REPORT and role == "duty_lead" else role]]

    def _of_dispute(self, case: Dispute, party: str) -> list[str]:
        if party in AWAITED:
            return _known_of(case.awaited(party))
        if party in ("filer", "parties"):
            return _known_of(case.parties)
        if party in ("responsible", "mediators"):
            return case.mediators or [ROLES["duty_lead"]]
        return [ROLES[party]]

    def _of_court(self, case: CourtCase, party: str) -> list[str]:
        return _known_of(case.parties) if party in ("filer", "parties") else [ROLES["court"]]

    def _of_help(self, case: HelpRequest, party: str) -> list[str]:
        if party == "filer":
            return [case.resident_id] if case.resident_id else []
        return [case.assignee] if party == "responsible" and case.assignee else [ROLES["help_officer"]]


def _known_of(people: list[dict[str, Any]]) -> list[str]:
    return [person["resident_id"] for person in people if person.get("resident_id")]
