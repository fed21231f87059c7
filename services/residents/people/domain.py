"""People who live in a community."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar

from shared.events.base import Aggregate, Event
from shared.events.residents import (
    GuardianLinked,
    GuardianUnlinked,
    ResidentChanged,
    ResidentErased,
    ResidentGroupsChanged,
    ResidentRegistered,
)
from shared.rules.errors import Conflict, Forbidden, Invalid

ACTIVE, RESTRICTED, ERASED = "active", "restricted", "erased"
GROUPS = ("child", "elder", "disabled", "veteran", "low_income", "single_parent", "party_member", "newcomer")
LANGUAGES = ("zh-CN", "en")
CONSENT_AGE = 14  # 个人信息保护法 art. 31: below it a guardian consents


@dataclass(frozen=True, kw_only=True)
class Resident(Aggregate):
    """A person who lives in the community. `holds` are the legal reasons to keep the record: `{basis, until}`."""

    LIFECYCLE: ClassVar = {ACTIVE: {RESTRICTED, ERASED}, RESTRICTED: {ERASED}, ERASED: set()}
    PERSONAL: ClassVar = ("name", "phone", "id_number", "address", "email", "birth_date", "contacts")

    state: str = ACTIVE
    name: str = ""
    phone: str = ""
    id_number: str = ""
    address: str = ""
    email: str = ""
    birth_date: str = ""
    contacts: list[dict[str, str]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    language: str = "zh-CN"
    household_id: str = ""
    guardians: list[str] = field(default_factory=list)
    holds: list[dict[str, Any]] = field(default_factory=list)
    consented_at: datetime | None = None
    registered_by: str = ""
    account_id: str = ""  # whose owner accepted to be this person


def register(id: str, facts: dict[str, Any], by: str, at: datetime) -> tuple[Resident, list[Event]]:
    """A resident becomes known. Raises Invalid for an ID number that cannot be, or one that contradicts the birth date."""
    if not facts.pop("consent"):
        raise Invalid("consent_missing", "nobody is registered without having agreed (个人信息保护法 art. 13, 14)", "consent")
    facts = _checked(facts, at)
    resident = Resident(**facts, consented_at=at, registered_by=by)
    # Of everybody, also of whom there is nothing to say; and first, for whoever knows of the person to know what they are.
    return resident, [ResidentGroupsChanged(id, resident.groups, at), ResidentRegistered(id, resident.language, at)]


def change(resident: Resident, facts: dict[str, Any], at: datetime) -> tuple[Resident, list[Event]]:
    """Correct or complete the record (个人信息保护法 art. 46)."""
    _must_be_active(resident)
    changed = resident.but(**_checked({"id_number": resident.id_number, **facts}, at))
    if changed == resident:
        return resident, []
    groups = [ResidentGroupsChanged(resident.id, changed.groups, at)] if changed.groups != resident.groups else []
    return changed, [*groups, ResidentChanged(resident.id, changed.language, at)]


def bind(person: Any, account_id: str, instead_of: str) -> tuple[Any, list[Event]]:
    """The owner of this account is this person, whose record was last seen to say another one. A resident's, or a worker's."""
    if person.account_id == account_id:
        return person, []
    if person.account_id not in ("", instead_of):
        raise Conflict("already_taken", "another account is this person by now")
    return person.but(account_id=account_id), []


def hold(resident: Resident, basis: str, until: datetime, at: datetime) -> tuple[Resident, list[Event]]:
    """The law makes the community keep this record until then (art. 47: it is restricted instead of deleted)."""
    _must_be_active(resident)
    if until <= at:
        raise Invalid("hold_over", "the hold would be over already", "until")
    return resident.but(holds=[*resident.holds, {"basis": basis, "until": until}]), []


def erase(resident: Resident, at: datetime) -> tuple[Resident, list[Event]]:
    """Forget the person (art. 47). While a legal hold runs the record is restricted: kept, and readable to nobody."""
    held = any(hold["until"] > at for hold in resident.holds)
    if held and resident.state == RESTRICTED:
        return resident, []
    events: list[Event] = [] if resident.state == RESTRICTED else [ResidentErased(resident.id, at)]
    if held:
        return resident.become(RESTRICTED), events
    empty = {name: [] if name == "contacts" else "" for name in Resident.PERSONAL}
    return resident.become(ERASED, tombstone=True, groups=[], guardians=[], household_id="", **empty), events


def link_guardian(child: Resident, guardian: Resident, at: datetime) -> tuple[Resident, list[Event]]:
    """The guardian may act for the child."""
    _must_be_active(child)
    if child.id == guardian.id:
        raise Invalid("guardian_self", "nobody is one's own guardian", "guardian_id")
    if "child" not in child.groups:
        raise Conflict("not_a_child", "only a child has guardians here")
    if guardian.id in child.guardians:
        return child, []
    return child.but(guardians=[*child.guardians, guardian.id]), [GuardianLinked(child.id, guardian.id, at)]


def unlink_guardian(child: Resident, guardian_id: str, at: datetime) -> tuple[Resident, list[Event]]:
    """The guardian may no longer act for the child."""
    if guardian_id not in child.guardians:
        return child, []
    left = [g for g in child.guardians if g != guardian_id]
    return child.but(guardians=left), [GuardianUnlinked(child.id, guardian_id, at)]


def move_to(resident: Resident, household_id: str) -> tuple[Resident, list[Event]]:
    """The resident's record names the household."""
    return (resident, []) if resident.household_id == household_id else (resident.but(household_id=household_id), [])


def readable(resident: Resident, reader: str, is_staff: bool) -> Resident:
    """The record, for those who may see it: staff, the person, a child's guardians. Raises Forbidden."""
    if not (is_staff or reader == resident.id or reader in resident.guardians):
        raise Forbidden("not_yours", "this is somebody else's record")
    _must_be_active(resident)
    return resident


def _must_be_active(resident: Resident) -> None:
    if resident.state != ACTIVE:
        raise Forbidden("restricted", "this record is kept for legal reasons alone")


def _checked(facts: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The facts with the birth date that an ID number implies; a person under 14 belongs to the group `child`."""
    if number := facts.get("id_number"):
        born = id_number_birth(number, at.date())
        if facts.get("birth_date") and facts["birth_date"] != born.isoformat():
            raise Invalid("birth_date_differs", "the ID number says another birth date", "birth_date")
        facts["birth_date"] = born.isoformat()
    if facts.get("birth_date"):
        born = date.fromisoformat(facts["birth_date"])
        if born > at.date():
            raise Invalid("birth_date_future", "not born yet", "birth_date")
        if age(born, at.date()) < CONSENT_AGE and "child" not in facts.get("groups", ["child"]):
            facts["groups"] = [*facts["groups"], "child"]
        elif age(born, at.date()) < CONSENT_AGE and "groups" not in facts:
            facts["groups"] = ["child"]
    return facts


def age(born: date, today: date) -> int:
    """Full years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"


def id_number_birth(number: str, today: date) -> date:
    """The birth date in a citizen's ID number (GB 11643). Raises Invalid("id_number_invalid")."""
    wrong = Invalid("id_number_invalid", "not a valid ID number (GB 11643)", "id_number")
    if len(number) != 18 or not (number[:17].isascii() and number[:17].isdigit()):
        raise wrong
    if CHECKS[sum(int(d) * w for d, w in zip(number, WEIGHTS, strict=False)) % 11] != number[17].upper():
        raise wrong
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise wrong from None
    if not date(1880, 1, 1) <= born <= today:
        raise wrong
    return born
