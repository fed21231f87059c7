"""One person's own: a copy of what petitions holds of them, and forgetting them."""

from __future__ import annotations

from functools import partial
from typing import Any

from services.petitions.attachments.handlers import Attachments
from services.petitions.cases import domain as cases
from services.petitions.cases.handlers import PETITIONS
from services.petitions.cases.schemas import PetitionView
from services.petitions.court import domain as court
from services.petitions.court.handlers import COURT_CASES
from services.petitions.court.schemas import CourtView
from services.petitions.directory import Directory
from services.petitions.disputes import domain as disputes
from services.petitions.disputes.handlers import DISPUTES
from services.petitions.disputes.schemas import DisputeView
from services.petitions.domain import Actor, Case
from services.petitions.help import domain as help
from services.petitions.help.handlers import HELP
from services.petitions.help.schemas import HelpView
from services.petitions.seals.store import SEALS
from shared.calls import Call
from shared.events.base import Event
from shared.runtime.platform import Platform

CASES_A_PERSON = 100_000


class ErasureExport:
    """Finds every case that one person is in, copies it out for them, and takes them out of it."""

    def __init__(self, platform: Platform) -> None:
        self._directory, self._seals, self._attachments = Directory(platform), platform.store(SEALS), Attachments(platform)
        self._vault = platform.vault
        self._kinds: dict[str, tuple[Any, Any, Any]] = {
            "petitions": (platform.store(PETITIONS), PetitionView(), cases.seen_by),
            "disputes": (platform.store(DISPUTES), DisputeView(), disputes.seen_by),
            "help_requests": (platform.store(HELP), HelpView(), help.seen_by),
            "hearings": (platform.store(COURT_CASES), CourtView(), court.seen_by),
        }

    def export(self, call: Call) -> dict[str, Any]:
        """Everything of this person's (个人信息保护法 art. 45). What is restricted is in it for themselves alone."""
        community, id, own = (call.body[name] for name in ("community", "resident_id", "own"))
        key = self._directory.key(community, id)
        actor = Actor(id, "resident", frozenset({"resident"}), key=key)
        copies = {}
        for name, (store, view, seen_by) in self._kinds.items():
            mine = store.all(community, {"found_by": key}, limit=CASES_A_PERSON)
            shown = [seen_by(case, actor) for case in mine if own or not case.restricted]
            # What was said to the mediator alone is for nobody who works here.
            shown = shown if own else [case.but(notes=[n for n in case.notes if not n.get("only")]) for case in shown]
            copies[name] = [view.dump(case) for case in shown]
        return {"cases": copies}

    def forget(self, call: Call, resident_id: str) -> None:
        """Nothing here names this person any more. What law makes one keep (an open petition, a closed one's acts) stays
        without them; a private help request goes with them, and a seal with its key."""
        key = self._directory.key(call.community, resident_id)
        for name, (store, _, _) in self._kinds.items():
            for case in store.all(call.community, {"found_by": key}, limit=CASES_A_PERSON):
                sealed = name == "petitions" and case.confidential and self._unseal(call, case.id, resident_id)
                phones = self._phones(call.community, case, resident_id) if name == "petitions" else frozenset()
                decide = partial(_without, key=key, resident_id=resident_id, phones=phones, shared=bool(sealed))
                left = store.change(call.plain(), case.id, _gone if name == "help_requests" else decide, forget_replies=True)
                if name == "petitions" and not left.text:
                    self._attachments.drop(call, left.attachments)
        self._directory.forget(call, resident_id)

    def _unseal(self, call: Call, id: str, resident_id: str) -> bool:
        """Out of the seal; with the last one in it, its key goes. Whether somebody is left in it."""
        seal = self._seals.find(call.community, id)
        if seal is None:  # let go before, but perhaps not its key
            self._vault.destroy(f"{call.community}/seal/{id}")
            return False
        left = [person for person in seal.petitioners if person.get("resident_id") != resident_id]
        self._seals.change(
            call.plain(), id, lambda seal: (seal.but(tombstone=not left, petitioners=left), []), forget_replies=True
        )
        if not left:
            self._vault.destroy(f"{call.community}/seal/{id}")
        return bool(left)

    def _phones(self, community: str, petition: Any, resident_id: str) -> frozenset[str]:
        """By which of its phones the petition was this person's."""
        own = [p["phone"] for p in petition.petitioners if p.get("resident_id") == resident_id and p.get("phone")]
        return frozenset(f"phone:{self._vault.token(community, 'phone', phone)}" for phone in own)


def _gone(case: Case) -> tuple[Case, list[Event]]:
    return case.timed(None, None).but(tombstone=True, found_by=[]), []


def _without(case: Any, key: str, resident_id: str, phones: frozenset[str], shared: bool) -> tuple[Any, list[Event]]:
    people = "petitioners" if case.CASE == "petition" else "parties"
    left = [person for person in getattr(case, people) if person.get("resident_id") != resident_id]
    if people == "parties":  # a place among the parties stays: signatures refer to it
        left = [{"id": p["id"]} if p.get("resident_id") == resident_id else p for p in getattr(case, people)]
    found_by = [k for k in case.found_by if k != key and k not in phones]
    changed = case.but(**{people: left}, found_by=found_by)
    alone = not left and not shared and not any(k.startswith(("filer:", "receipt:")) for k in found_by)
    if people == "petitioners" and alone and not case.is_open:
        changed = changed.but(text="", notes=[], opinions={})
    return changed, []
