"""Whom a case concerns: events of cases name nobody, so who tells people asks here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any

from services.petitions.cases.domain import REPORT, Petition
from services.petitions.cases.handlers import PETITIONS
from services.petitions.court.domain import CourtCase
from services.petitions.court.handlers import COURT_CASES
from services.petitions.directory import Directory
from services.petitions.disputes.domain import AWAITED, Dispute
from services.petitions.disputes.handlers import DISPUTES
from services.petitions.domain import Case
from services.petitions.help.domain import HelpRequest
from services.petitions.help.handlers import HELP
from services.petitions.seals.store import Seals
from shared.calls import Call
from shared.runtime.platform import Platform

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


class Parties:
    """Answers for every kind of case."""

    def __init__(self, platform: Platform) -> None:
        self._directory, self._seals = Directory(platform), Seals(platform)
        self._kinds: dict[str, tuple[Any, Callable[[Any, str], list[str]]]] = {
            "petition": (platform.store(PETITIONS), self._of_petition),
            "help": (platform.store(HELP), self._of_help),
            "dispute": (platform.store(DISPUTES), self._of_dispute),
            "court": (platform.store(COURT_CASES), self._of_court),
        }

    def answer(self, call: Call) -> dict[str, Any]:
        """Of each case asked about ids, and `role:…|…` for all who hold the first of these roles that somebody holds; None
        where there is no such case."""
        asked = call.body["cases"]
        wanted: dict[tuple[str, str], list[str]] = defaultdict(list)
        for one in asked:
            wanted[(one["community"], one["case"])].append(one["id"])
        found: dict[tuple[str, str, str], Case] = {}
        for (community, kind), ids in wanted.items():
            if kind in self._kinds:
                for case in self._kinds[kind][0].several(call.plain(community), ids):
                    if case is not None:
                        found[(community, kind, case.id)] = case
        colleagues = cache(self._directory.colleagues)
        cases = [(found.get((one["community"], one["case"], one["id"])), one) for one in asked]
        return {"cases": [self._of_case(case, one, colleagues) if case else None for case, one in cases]}

    def _of_case(self, case: Case, asked: dict[str, Any], colleagues: Callable[[str, str], list[str]]) -> dict[str, Any]:
        _, find = self._kinds[asked["case"]]
        accused = [case.accused["worker_id"]] if case.accused.get("worker_id") else []
        hidden = accused + colleagues(case.community, case.accused.get("unit", ""))
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
