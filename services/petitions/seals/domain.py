"""A sealed complainant: known to nobody here until two people of different persons open it, for a quarter of an hour.

It protects from callers of the API and from who steals the database; not from the process that holds the key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from services.petitions.domain import Actor
from shared.events.base import Aggregate, Event
from shared.events.petitions import SealOpened, SealOpeningAsked, SealOpeningGranted
from shared.rules.errors import Conflict, Forbidden, Missing

OPEN_FOR = timedelta(minutes=15)
GIVEN_LATELY = timedelta(days=30)  # after one gave the other a role: a puppet is no second person
OPENERS = ("secretary", "street_officer", "seal_holder")


@dataclass(frozen=True, kw_only=True)
class SealedIdentity(Aggregate):
    """Who filed a petition, under a key of its own; its id is the petition's. `requests` are
    `{id, by, at, granted_by, until, views}`, `purposes` what each is for."""

    PERSONAL: ClassVar = ("petitioners", "purposes")

    number: str = ""
    petitioners: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    purposes: dict[str, str] = field(default_factory=dict)

    @property
    def restricted(self) -> bool:
        """Even that it is opened concerns nobody outside."""
        return True

    @property
    def key_name(self) -> str:
        """A key of its own: to destroy it is to forget."""
        return f"{self.community}/seal/{self.id}"

    def request(self, id: str) -> dict[str, Any]:
        """One request to open it. Raises Missing."""
        found = next((request for request in self.requests if request["id"] == id), None)
        if found is None:
            raise Missing("request_missing", "no such request")
        return found

    def shown(self, id: str) -> dict[str, Any]:
        """One request, with what it is for."""
        return self.request(id) | {"purpose": self.purposes[id]}


def ask(seal: SealedIdentity, id: str, purpose: str, actor: Actor, at: datetime) -> tuple[SealedIdentity, list[Event]]:
    """Somebody wants to see it, and says what for."""
    request = {"id": id, "by": actor.id, "at": at, "granted_by": "", "until": None, "views": 0}
    asked = seal.but(requests=[*seal.requests, request], purposes=seal.purposes | {id: purpose})
    return asked, [SealOpeningAsked(seal.id, seal.number, actor.role, at)]


def grant(seal: SealedIdentity, id: str, actor: Actor, at: datetime) -> tuple[SealedIdentity, list[Event]]:
    """A different person agrees."""
    request = seal.request(id)
    if request["by"] == actor.id:
        raise Forbidden("same_person", "it takes two people")
    if request["granted_by"]:
        raise Conflict("already_granted", "somebody agreed already")
    until = at + OPEN_FOR
    granted = request | {"granted_by": actor.id, "until": until}
    return _with(seal, granted), [SealOpeningGranted(seal.id, seal.number, actor.role, until, at)]


def look(seal: SealedIdentity, id: str, actor: Actor, at: datetime) -> tuple[SealedIdentity, list[Event]]:
    """Whoever asked may look now; each look is noted."""
    request = seal.request(id)
    if request["by"] != actor.id:
        raise Forbidden("not_yours", "only who asked may look")
    if not request["granted_by"]:
        raise Forbidden("not_granted", "a second person has not agreed yet")
    if at >= request["until"]:
        raise Forbidden("grant_over", "the quarter of an hour is over; ask again")
    return _with(seal, request | {"views": request["views"] + 1}), [SealOpened(seal.id, seal.number, actor.role, at)]


def _with(seal: SealedIdentity, changed: dict[str, Any]) -> SealedIdentity:
    return seal.but(requests=[changed if r["id"] == changed["id"] else r for r in seal.requests])
