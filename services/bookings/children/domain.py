"""The after-school class: consent, who may collect a child, and how many adults there must be.

Sources: 个人信息保护法 art. 15, 28-31 (a guardian's consent under 14, withdrawable), 未成年人保护法 art. 21 (nobody under 8 is
left alone).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from services.bookings.domain import OPEN, Use
from services.bookings.sessions.domain import KNOWN, LAST_HOUR, PRESENT, SEATED
from shared.events.base import Aggregate, Event
from shared.events.bookings import (
    ChildAbsentAgain,
    ChildEnrolled,
    ChildLeft,
    ClassOpened,
    ClassStaffed,
    CollectorApproved,
    CollectorRefused,
    ConsentWithdrawn,
)
from shared.rules.errors import Conflict, Forbidden, Invalid, Missing

ENROLLED, WITHDRAWN = "enrolled", "withdrawn"
LEAVES_ALONE_FROM_YEARS = 8  # 未成年人保护法 art. 21
CHILDREN_AN_ADULT, FEWEST_ADULTS = 20, 2
ABSENCES_RUNNING = 2  # running, then somebody asks
READABLE_BEFORE_CLASS = timedelta(minutes=30)  # before the class, and
READABLE_AFTER_CLASS = timedelta(hours=1)  # after it, its staff may read its children's data


@dataclass(frozen=True, kw_only=True)
class Enrolment(Aggregate):
    """A child in a programme, with a guardian's consent. `collectors` are `{id, name, phone, relation}`."""

    LIFECYCLE: ClassVar = {ENROLLED: {WITHDRAWN}, WITHDRAWN: {ENROLLED}}
    PERSONAL: ClassVar = ("collectors", "allergies", "birth_date")

    state: str = ENROLLED
    child_id: str = ""
    programme_id: str = ""
    consents: list[dict[str, Any]] = field(default_factory=list)  # {by, act, at}
    collectors: list[dict[str, str]] = field(default_factory=list)
    allergies: str = ""
    birth_date: str = ""
    alone: dict[str, Any] | None = None  # {by, at}: a guardian's written permission
    absent: int = 0  # times running
    absences: list[str] = field(default_factory=list)  # sessions already counted


def enrol(
    enrolment: Enrolment, child_id: str, programme_id: str, facts: dict[str, Any], by: str, at: datetime
) -> tuple[Enrolment, list[Event]]:
    """A guardian agrees, and says who may collect the child. Raises Invalid("consent_missing")."""
    if not facts["consent"]:
        raise Invalid("consent_missing", "without a guardian's consent no child attends (个人信息保护法 art. 31)", "consent")
    collectors = [c | {"id": f"c{n}"} for n, c in enumerate(facts["collectors"], start=1)]
    known = {"collectors": collectors, "allergies": facts["allergies"]}
    known["alone"] = {"by": by, "at": at} if facts["may_leave_alone"] else None
    consent = {"by": by, "act": "given", "at": at}
    known |= {"child_id": child_id, "programme_id": programme_id, "consents": [*enrolment.consents, consent][-50:]}
    if enrolment.state == ENROLLED and enrolment.child_id:
        return enrolment.but(**known), []
    return enrolment.but(state=ENROLLED, **known), [ChildEnrolled(enrolment.id, child_id, programme_id, at)]


def withdraw(enrolment: Enrolment, by: str, at: datetime) -> tuple[Enrolment, list[Event]]:
    """Consent is withdrawn: what was known of the child here goes, and its places ahead too."""
    if enrolment.state == WITHDRAWN:
        return enrolment, []
    consents = [*enrolment.consents, {"by": by, "act": "withdrawn", "at": at}]
    after = enrolment.become(WITHDRAWN, consents=consents, collectors=[], allergies="", birth_date="", alone=None)
    return after, [ConsentWithdrawn(enrolment.id, enrolment.child_id, enrolment.programme_id, at)]


def project_birth_date(enrolment: Enrolment, birth_date: str) -> tuple[Enrolment, list[Event]]:
    """What residents knows of the child's age."""
    return enrolment.but(birth_date=birth_date), []


def note_absence(enrolment: Enrolment, session_id: str, tell: list[str], at: datetime) -> tuple[Enrolment, list[Event]]:
    """The child did not come; twice running is said."""
    if session_id in enrolment.absences:
        return enrolment, []
    times = enrolment.absent + 1
    after = enrolment.but(absent=times, absences=[*enrolment.absences, session_id][-30:])
    return after, [ChildAbsentAgain(enrolment.id, enrolment.child_id, tell, times, at)] if times >= ABSENCES_RUNNING else []


def note_presence(enrolment: Enrolment) -> tuple[Enrolment, list[Event]]:
    """The child came."""
    return (enrolment.but(absent=0), []) if enrolment.absent else (enrolment, [])


def forget(enrolment: Enrolment) -> tuple[Enrolment, list[Event]]:
    """The child was erased."""
    return enrolment.but(tombstone=True, collectors=[], allergies="", birth_date="", consents=[]), []


def forget_guardian(enrolment: Enrolment, guardian_id: str) -> tuple[Enrolment, list[Event]]:
    """A guardian was erased: the acts stay, their author does not."""
    consents = [c | {"by": "erased"} if c["by"] == guardian_id else c for c in enrolment.consents]
    alone = enrolment.alone
    if alone and alone["by"] == guardian_id:
        alone = alone | {"by": "erased"}
    return enrolment.but(consents=consents, alone=alone), []


def may_leave_alone(enrolment: Enrolment, today: date) -> None:
    """Raises Conflict: alone_not_permitted, age_unknown, too_young."""
    if enrolment.alone is None:
        raise Conflict("alone_not_permitted", "the guardian has not permitted it in writing")
    if not enrolment.birth_date:
        raise Conflict("age_unknown", "the child's birth date is not known; somebody must collect it")
    born = date.fromisoformat(enrolment.birth_date)
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if age < LEAVES_ALONE_FROM_YEARS:
        raise Conflict("too_young", f"nobody under {LEAVES_ALONE_FROM_YEARS} leaves alone (未成年人保护法 art. 21)")


# -- pick-up


@dataclass(frozen=True, kw_only=True)
class Pickup(Aggregate):
    """One child on one day: who came for it, who was let through. Names are encrypted; acts are kept."""

    PERSONAL: ClassVar = ("acts", "approval")

    child_id: str = ""
    day: str = ""
    acts: list[dict[str, Any]] = field(default_factory=list)  # {act, by, at, collector?}
    approval: dict[str, Any] | None = None  # {collector: {name, phone}, by, at}: for one time
    left: dict[str, dict[str, Any]] = field(default_factory=dict)  # by session: {how, at}


def approve(
    pickup: Pickup, child: str, day: str, collector: dict[str, str], by: str, at: datetime
) -> tuple[Pickup, list[Event]]:
    """A guardian lets one collector take the child on this one day."""
    act = {"act": "approved", "by": by, "at": at.isoformat(), "collector": collector}
    approval = {"collector": collector, "by": by, "at": at.isoformat()}
    after = pickup.but(child_id=child, day=day, approval=approval, acts=[*pickup.acts, act])
    return after, [CollectorApproved(pickup.id, child, by, at)]


def release(
    pickup: Pickup,
    child: str,
    day: str,
    session: Use,
    tell: list[str],
    how: str,
    collector: dict[str, str] | None,
    by: str,
    at: datetime,
) -> tuple[Pickup, list[Event]]:
    """The child goes, with `collector` or alone. `how`: listed, alone, or unlisted, which an approval for this very
    person opens once and which else is refused: the act is kept, and the guardians hear of it."""
    if session.id in pickup.left:
        raise Conflict("already_left", "the child has left")
    act = {"by": by, "at": at.isoformat(), "collector": collector, "session": session.id}
    pickup = pickup.but(child_id=child, day=day)
    if how == "unlisted" and not (pickup.approval and _same(pickup.approval["collector"], collector or {})):
        refused = CollectorRefused(pickup.id, session.id, child, tell, at.astimezone(session.zone))
        return pickup.but(acts=[*pickup.acts, {"act": "refused"} | act]), [refused]
    way = {"listed": "collector", "unlisted": "approved", "alone": "alone"}[how]
    left = pickup.left | {session.id: {"how": way, "at": at}}
    after = pickup.but(left=left, approval=None, acts=[*pickup.acts, {"act": "released"} | act])
    return after, [ChildLeft(pickup.id, session.id, child, tell, way, at.astimezone(session.zone))]


def forget_pickup(pickup: Pickup) -> tuple[Pickup, list[Event]]:
    """The child was erased."""
    return pickup.but(tombstone=True, acts=[], approval=None), []


def forget_act(pickup: Pickup, person_id: str) -> tuple[Pickup, list[Event]]:
    """A guardian was erased: what was done stays, without their id."""
    return pickup.but(acts=[act | {"by": "erased"} if act["by"] == person_id else act for act in pickup.acts]), []


def forget_approval(approval: Approval) -> tuple[Approval, list[Event]]:
    """The child was erased."""
    return approval.but(tombstone=True, reason="", child_id="erased"), []


def _same(a: dict[str, str], b: dict[str, str]) -> bool:
    return all(_plain(a.get(key, "")) == _plain(b.get(key, "")) for key in ("name", "phone"))


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


# -- adults


def adults_needed(children: int) -> int:
    """One to twenty children, and never fewer than two."""
    return max(FEWEST_ADULTS, -(-children // CHILDREN_AN_ADULT))


def staff_class(use: Use, adults: list[str], exception: str, by: str, at: datetime) -> tuple[Use, list[Event]]:
    """The duty lead names the adults of a session, by its seats taken; so they may read its children's data in its hours.
    Raises Conflict("too_few_adults") without a recorded exception."""
    _must_be_class(use)
    children = sum(p["state"] in SEATED for p in use.places)
    short = len(adults) < adults_needed(children)
    if short and not exception:
        raise Conflict("too_few_adults", "name more, or record an exception", needed=adults_needed(children), children=children)
    staffing = {"adults": adults, "by": by, "at": at, "exception": exception if short else ""}
    return use.but(staffing=use.staffing | staffing), [ClassStaffed(use.id, adults, short, at)]


def open_class(use: Use, adults: int, exception: str, by: str, at: datetime) -> tuple[Use, list[Event]]:
    """The class begins: so many adults are here for the children who are here. Raises Conflict: not_yet, not_staffed,
    too_few_adults without a recorded exception."""
    _must_be_class(use)
    if at < use.start - LAST_HOUR:
        raise Conflict("not_yet", "it opens an hour before the start at the earliest")
    if not use.staffing.get("adults"):
        raise Conflict("not_staffed", "the duty lead has named nobody yet")
    children = sum(p["state"] == PRESENT for p in use.places)
    if adults < adults_needed(children) and not exception:
        raise Conflict(
            "too_few_adults", "wait for more, or record an exception", needed=adults_needed(children), children=children
        )
    opened = {"adults": adults, "children": children, "by": by, "at": at, "exception": exception}
    return use.but(staffing=use.staffing | {"opened": opened}), [ClassOpened(use.id, children, adults, at)]


def _must_be_class(use: Use) -> None:
    if use.kind != "after_school":
        raise Missing("class_missing", "no such class")
    if use.state != OPEN:
        raise Conflict("not_open", "this class does not take place")


# -- reading a child's data


@dataclass(frozen=True, kw_only=True)
class Approval(Aggregate):
    """Somebody may read one child's data until then, for a reason."""

    PERSONAL: ClassVar = ("reason",)

    child_id: str
    reader: str
    until: datetime
    reason: str = ""
    approved_by: str = ""


def approve_reading(
    id: str, child_id: str, reader: str, until: datetime, reason: str, by: str, at: datetime
) -> tuple[Approval, list[Event]]:
    """Raises Invalid for a time that is past or more than a week ahead; nobody approves for themselves."""
    if reader == by:
        raise Forbidden("own_approval", "somebody else must approve")
    if not at < until <= at + timedelta(days=7):
        raise Invalid("until_invalid", "later than now, within a week", "until")
    return Approval(child_id=child_id, reader=reader, until=until, reason=reason, approved_by=by), []


def can_read(use: Use | None, child_id: str, reader: str, approvals: list[Approval], at: datetime) -> bool:
    """Whether the reader is staff of the child's class in its hours, or has an approval of their own."""
    staffs = (
        use is not None
        and reader in use.staffing.get("adults", [])
        and use.start - READABLE_BEFORE_CLASS <= at <= use.end + READABLE_AFTER_CLASS
    )
    if staffs and use and any(p["person"] == child_id and p["state"] in KNOWN for p in use.places):
        return True
    return any(a.reader == reader and a.child_id == child_id and a.until > at for a in approvals)


def may_read(use: Use | None, child_id: str, reader: str, approvals: list[Approval], at: datetime) -> None:
    """Raises Forbidden where the reader cannot read of the child."""
    if not can_read(use, child_id, reader, approvals, at):
        raise Forbidden("approval_missing", "only the staff of this child's class in its hours, or with an approval")
