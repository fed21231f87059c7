"""What petitions knows by listening: communities, and who works where in which roles; and who a caller is to a case."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.petitions.domain import Actor
from shared.calls import Call
from shared.events.base import Aggregate, Event
from shared.events.locale import Locale
from shared.rules.errors import Forbidden, Invalid
from shared.rules.roles import (
    COUNSELLOR,
    COURT,
    DUTY_LEAD,
    HELP_OFFICER,
    MEDIATOR,
    POLICE_LIAISON,
    SEAL_HOLDER,
    SECRETARY,
    STREET_OFFICER,
    WORKER,
)
from shared.runtime.directory import Locales, look_up, project
from shared.runtime.platform import Platform
from shared.storage.cursors import EPOCH
from shared.storage.kinds import Kind

# In which role somebody with several acts.
FIRST = (STREET_OFFICER, COURT, SECRETARY, DUTY_LEAD, WORKER, MEDIATOR, HELP_OFFICER, SEAL_HOLDER, POLICE_LIAISON, COUNSELLOR)
HANDLERS = frozenset({STREET_OFFICER, SECRETARY, DUTY_LEAD, WORKER})
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: five bits each, nothing that is read wrong on paper


@dataclass(frozen=True, kw_only=True)
class Somebody(Aggregate):
    """Somebody of the community: a resident, or a worker with roles and a unit until the end of a term."""

    roles: list[str] = field(default_factory=list)
    unit: str = ""
    until: datetime | None = None
    vouched: dict[str, datetime] = field(default_factory=dict)  # who gave them a role, and when last
    heard: dict[str, datetime] = field(default_factory=dict)


PEOPLE = Kind(Somebody, "people", indexes=(("unit",),))


class Directory:
    """Copies of what residents said of communities and workers; what a caller is to a case."""

    def __init__(self, platform: Platform) -> None:
        self._vault = platform.vault
        self.people = platform.store(PEOPLE)
        self.locales = Locales(platform)

    def locale(self, call: Call) -> Locale:
        """The community's clock, calendar and rules."""
        return self.locales.of(call)

    def actor(self, call: Call) -> Actor:
        """Who calls, in which role and unit. Nobody for somebody who did not sign in."""
        if not call.sub:
            return Actor("", "anonymous")
        if call.actor == call.sub == "petitions":
            return Actor("", "clock")
        who = (call.community, call.actor)
        if (known := (*who, call.roles)) not in call.learned:
            document = self.people.backend.read([who])[0]
            if document is not None and document.get("gone"):
                raise Forbidden("erased", "this person is not known any more")  # a token lives on a little
            found = self.people.load(document) if document is not None else None
            role = next((r for r in FIRST if r in call.roles), "resident")
            call.learned[known] = Actor(call.actor, role, call.roles, found.unit if found else "", self.key(*who), call.limited)
        actor: Actor = call.learned[known]
        return actor

    def key(self, community: str, person: str) -> str:
        """How what this person filed is found: a blind token, that names nobody to who reads the database."""
        return f"filer:{self._vault.token(community, 'filer', person)}"

    def check(self, call: Call, id: str, field_name: str) -> None:
        """That somebody exists here. Raises Invalid("person_unknown")."""
        if look_up(self.people, call.community, id) is None:
            raise Invalid("person_unknown", "no such person", field_name)

    def works_here(self, call: Call, id: str) -> bool:
        """Whether somebody holds a role at the station now."""
        found = self.people.find(call.community, id)
        if found is None or (found.until is not None and found.until <= call.at):
            return False
        return not HANDLERS.isdisjoint(found.roles)

    def may_open_together(self, call: Call, one: str, other: str, within: timedelta) -> bool:
        """Whether neither gave the other a role lately. Of whom nothing is known yet, that cannot be said: no."""
        known = {id: self.people.find(call.community, id) for id in (one, other)}
        for id, by in ((one, other), (other, one)):
            person = known[id]
            if person is None or not person.roles or call.at - person.vouched.get(by, EPOCH) < within:
                return False
        return True

    def unit_of(self, community: str, id: str) -> str:
        """The unit somebody works in, or ""."""
        found = self.people.find(community, id)
        return found.unit if found else ""

    def colleagues(self, community: str, unit: str) -> list[str]:
        """Everybody who works in a unit."""
        return [person.id for person in self.people.all(community, {"unit": unit})] if unit else []

    # -- listening

    def project_resident(self, call: Call, event: Any) -> None:
        """Keep that a resident exists."""
        self.people.ensure(call, event.resident_id, lambda _: Somebody(), lambda person: (person, []))

    def project_worker(self, call: Call, event: Any) -> None:
        """Keep somebody's roles, unit and term."""
        project(
            self.people, call, event.worker_id, Somebody, event.at, roles=list(event.roles), unit=event.unit, until=event.until
        )
        if by := [id for id in (event.appointed_by, event.confirmed_by) if id]:
            self.people.change(call.plain(), event.worker_id, _vouch, by, event.at)

    def forget(self, call: Call, resident_id: str) -> None:
        """Nothing is known of this person any more."""
        self.people.ensure(call.plain(), resident_id, lambda _: Somebody(), _forget)


def _vouch(person: Somebody, by: list[str], at: datetime) -> tuple[Somebody, list[Event]]:
    """Who gave a role when; safe to repeat, in any order."""
    vouched = person.vouched | {id: max(at, person.vouched.get(id, at)) for id in by}
    return (person, []) if vouched == person.vouched else (person.but(vouched=vouched), [])


def _forget(person: Somebody) -> tuple[Somebody, list[Event]]:
    return person.but(tombstone=True, roles=[], unit="", until=None, heard={}), []


def new_number(kind: str, locale: Locale, at: datetime) -> str:
    """A case's number: its kind, its day and a word that tells nobody how many cases there are."""
    return f"{kind}{locale.today(at):%Y%m%d}-{word(5)}"


def word(length: int) -> str:
    """Random letters and digits, five bits each, that are read well."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
