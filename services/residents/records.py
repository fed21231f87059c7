"""Where the records of people lie, and what an account needs to know of one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.residents.accounts.domain import MAIL, TEXT
from services.residents.communities.domain import Community
from services.residents.households.domain import Household
from services.residents.people import domain
from services.residents.people.domain import Resident
from services.residents.staff.domain import Worker, apart
from shared.calls import Call
from shared.entrypoints.fields import zone
from shared.rules.errors import Forbidden, Invalid, Missing
from shared.rules.roles import GUARDIAN, INSTALLATION, RESIDENT
from shared.runtime.platform import Platform
from shared.security.privacy import e164, name_forms
from shared.storage.kinds import Kind


def _of_active(forms: Any) -> Any:
    return lambda person: set() if getattr(person, "state", "active") != domain.ACTIVE else forms(person)


COMMUNITIES = Kind(Community, "communities")
RESIDENTS = Kind(
    Resident,
    "residents",
    sealed_unique="id_number",
    indexes=(("state", "born"), ("state", "groups", "born"), ("guardians",)),
    search={
        "name": _of_active(lambda r: name_forms(r.name)),
        "phone": _of_active(lambda r: {r.phone} if r.phone else set()),
        "id_number": _of_active(lambda r: {r.id_number.upper()} if r.id_number else set()),
    },
)
HOUSEHOLDS = Kind(Household, "households", indexes=(("members",),))
WORKERS = Kind(Worker, "workers", search={"name": lambda w: name_forms(w.name)})

Person = Resident | Worker


class Records:
    """Residents and workers alike."""

    def __init__(self, platform: Platform) -> None:
        self._communities = platform.store(COMMUNITIES)
        self._residents, self._workers = platform.store(RESIDENTS), platform.store(WORKERS)

    def find(self, community: str, id: str) -> Person | None:
        """Somebody who is active there."""
        found: Person | None = self._residents.find(community, id) or self._workers.find(community, id)
        return found if found is not None and getattr(found, "state", domain.ACTIVE) == domain.ACTIVE else None

    def get(self, community: str, id: str) -> Person:
        """The same. Raises Missing."""
        found = self.find(community, id)
        if found is None:
            raise Missing("person_missing", "no such person")
        return found

    def rights(self, person: Person) -> tuple[list[str], datetime | None]:
        """The roles that the record gives, and the end of the term."""
        if isinstance(person, Worker):
            return person.roles, person.until
        guards = self._residents.all(person.community, {"guardians": person.id}, limit=1)
        return ([RESIDENT, GUARDIAN] if guards else [RESIDENT]), None

    def bind(self, call: Call, person: Person, account_id: str) -> Person:
        """The record is this account's, unless it is another one's by now; safe to repeat. Raises Conflict("already_taken"),
        or Missing where the person was erased meanwhile."""
        store = self._workers if isinstance(person, Worker) else self._residents
        bound: Person = store.change(call.plain(person.community), person.id, domain.bind, account_id, person.account_id)
        return bound

    def contacts(self, person: Person) -> set[tuple[str, str]]:
        """The addresses of the record, by kind."""
        addresses = {(TEXT, person.phone), (MAIL, person.email.lower())}
        return {(kind, address) for kind, address in addresses if address}

    def wall_clock(self, slug: str, moment: datetime) -> str:
        """A moment as the community's clock shows it, ISO 8601."""
        found = self._communities.find(INSTALLATION, slug)
        return moment.astimezone(zone(found.timezone if found else "Asia/Shanghai")).isoformat()

    def opened(self, slug: str, person: str) -> bool:
        """Whether this operator of the installation opened the community: their record is the installation's."""
        found = self._communities.find(INSTALLATION, slug)
        return found is not None and found.opener == person

    def check_apart(self, call: Call, one: str, other: str) -> None:
        """That neither of two workers gave the other a role lately. Raises Forbidden("appointed_lately")."""
        if not apart(self._workers.find(call.community, one), self._workers.find(call.community, other), call.at):
            raise Forbidden("appointed_lately", "one of you gave the other a role within 30 days: it takes somebody else")

    def community_name(self, slug: str) -> str:
        """What a community is called."""
        found = self._communities.find(INSTALLATION, slug)
        return str(found.name) if found else slug


def with_plain_phones(facts: dict[str, Any]) -> dict[str, Any]:
    """Phone numbers of a record, in E.164. Raises Invalid."""
    if facts.get("phone"):
        facts["phone"] = e164(facts["phone"])
    for n, contact in enumerate(facts.get("contacts", [])):
        contact["phone"] = e164(contact["phone"], f"contacts.{n}.phone")
    return facts


def normalised(name: str) -> str:
    """A name as the index knows it. Raises Invalid for a single character."""
    from shared.security.privacy import normalise

    plain = normalise(name)
    if len(plain) < 2:
        raise Invalid("name_too_short", "at least two characters", "name")
    return plain
