"""Communities, the people in them, and how they sign in."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from shared.errors import Conflict, Forbidden, Invalid, Limited, Unauthenticated
from shared.events.base import Aggregate, Event
from shared.events.residents import (
    CommunityCalendarChanged,
    CommunityOpened,
    GuardianLinked,
    GuardianUnlinked,
    ResidentChanged,
    ResidentErased,
    ResidentRegistered,
    SignInCodeRequested,
    WorkerAppointed,
    WorkerChanged,
)

ACTIVE, RESTRICTED, ERASED = "active", "restricted", "erased"
GROUPS = ("child", "elder", "disabled", "veteran", "low_income", "single_parent", "party_member", "newcomer")
LANGUAGES = ("zh-CN", "en")
CONSENT_AGE = 14  # 个人信息保护法 art. 31: below it a guardian consents

CODE_LIVES = timedelta(minutes=5)
CODE_TRIES = 5
CODES_AN_HOUR = 5
CODE_PAUSE = timedelta(seconds=30)
FAILURES = 5
LOCK = timedelta(minutes=15)
REMEMBER_ATTEMPTS = timedelta(days=1)
REFRESH_LIVES = timedelta(days=30)
NAMED_IN_A_TOKEN = 4500  # characters of memberships: as base64 within the 8 KiB that a header may have
SESSIONS = 10  # signed-in devices an account keeps; the oldest gives way


# -- communities


@dataclass(frozen=True, kw_only=True)
class Community(Aggregate):
    """A community on the platform. Its id is its slug; `street` and `district` place it in the organisation tree."""

    name: str
    timezone: str
    district: str
    street: str
    street_id: str
    opener: str = ""
    working: list[str] = field(default_factory=list)  # ISO dates on which people work though the calendar says off, and
    off: list[str] = field(default_factory=list)  # those on which they are off though it says work


def open_community(
    id: str, name: str, timezone: str, district: str, street: str, street_id: str, opener: str, at: datetime
) -> tuple[Community, list[Event]]:
    """A new community; its opener runs it first."""
    made = Community(name=name, timezone=timezone, district=district, street=street, street_id=street_id, opener=opener)
    return made, [CommunityOpened(id, timezone, street_id, at)]


def set_calendar(community: Community, working: list[str], off: list[str], at: datetime) -> tuple[Community, list[Event]]:
    """Days on which this community differs from the published calendar. Raises Invalid for a day that is both."""
    if both := set(working) & set(off):
        raise Invalid("day_twice", f"{min(both)} cannot be both", "off")
    after = community.but(working=sorted(set(working)), off=sorted(set(off)))
    if after == community:
        return community, []
    return after, [CommunityCalendarChanged(community.id, after.working, after.off, at)]


def tree(communities: list[Community]) -> list[dict[str, Any]]:
    """The communities as districts → streets → communities, each level by name."""
    districts: dict[str, dict[str, list[Community]]] = {}
    for community in communities:
        districts.setdefault(community.district, {}).setdefault(community.street, []).append(community)
    return [
        {
            "district": district,
            "streets": [{"street": s, "communities": sorted(c, key=lambda c: c.id)} for s, c in sorted(streets.items())],
        }
        for district, streets in sorted(districts.items())
    ]


# -- residents


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
    account_id: str = ""
    former_accounts: list[str] = field(default_factory=list)


def register(id: str, facts: dict[str, Any], by: str, at: datetime) -> tuple[Resident, list[Event]]:
    """A resident becomes known. Raises Invalid for an ID number that cannot be, or one that contradicts the birth date."""
    if not facts.pop("consent"):
        raise Invalid("consent_missing", "nobody is registered without having agreed (个人信息保护法 art. 13, 14)", "consent")
    facts = _checked(facts, at)
    resident = Resident(**facts, consented_at=at, registered_by=by)
    return resident, [ResidentRegistered(id, resident.language, resident.groups, at)]


def change(resident: Resident, facts: dict[str, Any], at: datetime) -> tuple[Resident, list[Event]]:
    """Correct or complete the record (个人信息保护法 art. 46)."""
    _must_be_active(resident)
    if facts.get("account_id", resident.account_id) != resident.account_id and resident.account_id:
        facts["former_accounts"] = [*resident.former_accounts, resident.account_id]
    changed = resident.but(**_checked({"id_number": resident.id_number, **facts}, at))
    if changed == resident:
        return resident, []
    return changed, [ResidentChanged(resident.id, changed.language, changed.groups, at)]


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
    said: list[Event] = [] if resident.state == RESTRICTED else [ResidentErased(resident.id, at)]
    if held:
        return resident.become(RESTRICTED), said
    empty = {name: [] if name == "contacts" else "" for name in Resident.PERSONAL}
    return resident.become(ERASED, gone=True, groups=[], guardians=[], household_id="", **empty), said


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


# -- households


@dataclass(frozen=True, kw_only=True)
class Household(Aggregate):
    """People who live together."""

    PERSONAL: ClassVar = ("address",)

    address: str = ""
    members: list[str] = field(default_factory=list)


def found_household(id: str, address: str, members: list[str]) -> tuple[Household, list[Event]]:
    """A new household."""
    return Household(address=address, members=sorted(set(members))), []


def set_members(household: Household, members: list[str]) -> tuple[Household, list[Event]]:
    """Who lives there now."""
    return household.but(members=sorted(set(members))), []


def without_member(household: Household, resident_id: str) -> tuple[Household, list[Event]]:
    """The household after somebody left; an empty one is forgotten."""
    left = [m for m in household.members if m != resident_id]
    return household.but(members=left, gone=not left), []


def move_to(resident: Resident, household_id: str) -> tuple[Resident, list[Event]]:
    """The resident's record names the household."""
    return (resident, []) if resident.household_id == household_id else (resident.but(household_id=household_id), [])


# -- workers


@dataclass(frozen=True, kw_only=True)
class Worker(Aggregate):
    """Somebody who works for the community, in roles, until `until` where a term is set."""

    PERSONAL: ClassVar = ("name", "phone", "email")

    name: str = ""
    phone: str = ""
    email: str = ""
    roles: list[str] = field(default_factory=list)
    language: str = "zh-CN"
    unit: str = ""
    until: datetime | None = None
    account_id: str = ""


def appoint(id: str, facts: dict[str, Any], at: datetime) -> tuple[Worker, list[Event]]:
    """A worker takes up roles."""
    worker = Worker(**facts)
    return worker, [WorkerAppointed(id, worker.roles, worker.language, at, worker.until, worker.unit)]


def change_worker(worker: Worker, facts: dict[str, Any], at: datetime) -> tuple[Worker, list[Event]]:
    """Other roles, another term, other contact details."""
    changed = worker.but(**facts)
    if changed == worker:
        return worker, []
    return changed, [WorkerChanged(worker.id, changed.roles, changed.language, at, changed.until, changed.unit)]


# -- accounts


@dataclass(frozen=True, kw_only=True)
class Account(Aggregate):
    """How somebody signs in; its id is a keyed hash of the phone number. `memberships` maps a community to
    `{id, roles, until}`; `code` is the one-time code that waits, `{id, hash, sealed, expires_at, tries}`."""

    PERSONAL: ClassVar = ("phone", "email")

    sub: str = ""
    phone: str = ""
    email: str = ""
    language: str = "zh-CN"
    password: str = ""  # argon2
    memberships: dict[str, dict[str, Any]] = field(default_factory=dict)
    code: dict[str, Any] | None = None
    sessions: list[dict[str, Any]] = field(default_factory=list)  # {hash, expires_at, community}


def join(
    account: Account, community: str, person: str, roles: list[str], until: datetime | None, language: str, email: str
) -> tuple[Account, list[Event]]:
    """The account opens this community, as this person. A phone that somebody else here uses already stays theirs."""
    before = account.memberships.get(community)
    if before and before["id"] != person:
        return account, []
    membership = {"id": person, "roles": sorted(set(roles)), "until": until}
    if before == membership and (account.language, account.email) == (language, email or account.email):
        return account, []
    memberships = {**account.memberships, community: membership}
    return account.but(memberships=memberships, language=language, email=email or account.email), []


def add_role(account: Account, community: str, person: str, role: str) -> tuple[Account, list[Event]]:
    """One more role for a person who is a member already."""
    before = account.memberships.get(community)
    if not before or before["id"] != person or role in before["roles"]:
        return account, []
    return account.but(memberships={**account.memberships, community: {**before, "roles": [*before["roles"], role]}}), []


def leave(account: Account, community: str, person: str) -> tuple[Account, list[Event]]:
    """The account no longer opens this community; one that opens none is forgotten."""
    if account.memberships.get(community, {}).get("id") != person:
        return account, []
    left = {slug: m for slug, m in account.memberships.items() if slug != community}
    if left:
        return account.but(memberships=left), []
    return account.but(memberships={}, phone="", email="", password="", code=None, sessions=[], gone=True), []


def set_password(account: Account, hashed: str) -> tuple[Account, list[Event]]:
    """Another password; every session ends."""
    return account.but(password=hashed, sessions=[]), []


def expect_code(account: Account, code_id: str, hashed: str, sealed: bytes, at: datetime) -> tuple[Account, list[Event]]:
    """A one-time code waits to be sent and used."""
    expires = at + CODE_LIVES
    code = {"id": code_id, "hash": hashed, "sealed": sealed, "expires_at": expires, "tries": 0}
    return account.but(code=code), [SignInCodeRequested(account.id, code_id, expires, at)]


def code_was_sent(account: Account, code_id: str) -> tuple[Account, list[Event]]:
    """The code has left: only its hash stays."""
    if not account.code or account.code["id"] != code_id or account.code["sealed"] is None:
        return account, []
    return account.but(code={**account.code, "sealed": None}), []


def use_code(account: Account, hashed: str, session: dict[str, Any], at: datetime) -> tuple[Account, list[Event]]:
    """Sign in with the code, once. Raises Unauthenticated; each failure counts, the fifth voids the code."""
    code = account.code
    if not code or code["expires_at"] <= at or code["tries"] >= CODE_TRIES or code["hash"] != hashed:
        raise Unauthenticated("credentials_wrong", "phone, password or code is wrong")
    return account.but(code=None, sessions=_with(account, session, at)), []


def count_try(account: Account, hashed: str) -> tuple[Account, list[Event]]:
    """A wrong code was tried."""
    if not account.code or account.code["hash"] == hashed:
        return account, []
    return account.but(code={**account.code, "tries": account.code["tries"] + 1}), []


def start_session(account: Account, session: dict[str, Any], at: datetime) -> tuple[Account, list[Event]]:
    """Signed in by password."""
    return account.but(sessions=_with(account, session, at)), []


def renew_session(account: Account, old: str, session: dict[str, Any], at: datetime) -> tuple[Account, list[Event]]:
    """A refresh token is used once and replaced. Raises Unauthenticated for one that is spent, unknown or over."""
    before = next((s for s in account.sessions if s["hash"] == old and s["expires_at"] > at), None)
    if before is None:
        raise Unauthenticated("refresh_invalid", "sign in again")
    session = {**session, "community": session["community"] or before.get("community", "")}
    rest = [s for s in account.sessions if s["hash"] != old]
    return account.but(sessions=_with(dataclasses.replace(account, sessions=rest), session, at)), []


def memberships_of(account: Account, secret: str, at: datetime) -> dict[str, dict[str, Any]]:
    """What a token of the session with this hash names: the community that was asked for, or all."""
    session = next(s for s in account.sessions if s["hash"] == secret)
    return _named(account, session["community"], at)


def _named(account: Account, community: str, at: datetime) -> dict[str, dict[str, Any]]:
    """An ended term opens nothing any more (P5). Raises Forbidden("no_membership"), Invalid("community_needed")."""
    living = {
        slug: {"id": m["id"], "roles": m["roles"]}
        for slug, m in account.memberships.items()
        if (not m["until"] or m["until"] > at) and community in ("", slug)
    }
    if not living:
        what = "this community" if community else "any community"
        raise Forbidden("no_membership", f"this account does not open {what} at present")
    if len(json.dumps(living)) > NAMED_IN_A_TOKEN:
        raise Invalid("community_needed", f"this account opens {len(living)} communities: say which one", "community")
    return living


def _with(account: Account, session: dict[str, Any], at: datetime) -> list[dict[str, Any]]:
    _named(account, session["community"], at)  # refused before anything is spent
    living = [s for s in account.sessions if s["expires_at"] > at]
    return [*living, session][-SESSIONS:]


# -- attempts: the same for phones that have an account and those that have none


@dataclass(frozen=True, kw_only=True)
class Attempts(Aggregate):
    """What was tried with one phone number lately; forgotten once it is `due`."""

    asked: list[datetime] = field(default_factory=list)
    failures: int = 0
    locked_until: datetime | None = None
    due: datetime | None = None


def ask_code(attempts: Attempts, at: datetime) -> tuple[Attempts, list[Event]]:
    """Another code is wanted. Raises Limited within 30 s of the last, or after 5 in an hour."""
    check_lock(attempts, at)
    recent = [t for t in attempts.asked if at - t < timedelta(hours=1)]
    if recent and at - recent[-1] < CODE_PAUSE:
        raise Limited("too_many_codes", "wait before the next code", retry_after=_seconds(recent[-1] + CODE_PAUSE - at))
    if len(recent) >= CODES_AN_HOUR:
        raise Limited("too_many_codes", "too many codes", retry_after=_seconds(recent[0] + timedelta(hours=1) - at))
    return attempts.but(asked=[*recent, at], due=at + REMEMBER_ATTEMPTS), []


def check_lock(attempts: Attempts, at: datetime) -> tuple[Attempts, list[Event]]:
    """Raises Limited while the phone is locked."""
    if attempts.locked_until and attempts.locked_until > at:
        raise Limited("locked", "too many failures; wait", retry_after=_seconds(attempts.locked_until - at))
    return attempts, []


def fail(attempts: Attempts, at: datetime) -> tuple[Attempts, list[Event]]:
    """A sign-in failed; the fifth in a row locks the phone for 15 minutes."""
    failures = attempts.failures + 1
    if failures < FAILURES:
        return attempts.but(failures=failures, due=at + REMEMBER_ATTEMPTS), []
    return attempts.but(failures=0, locked_until=at + LOCK, due=at + REMEMBER_ATTEMPTS), []


def succeed(attempts: Attempts) -> tuple[Attempts, list[Event]]:
    """A sign-in succeeded: failures are forgotten."""
    return (attempts, []) if not attempts.failures else (attempts.but(failures=0, locked_until=None), [])


def _seconds(wait: timedelta) -> int:
    return max(1, int(wait.total_seconds()))
