"""The corners of the centre with rules of their own: the library, lost property, the parlour, quiet talks, the rest rooms."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from services.bookings.domain import CANCELLED, CONFIRMED, COUNSELLING, Use, check_grid, claims_of, next_reminder
from shared.events.base import Aggregate, Event
from shared.events.bookings import (
    ConfidentialBooked,
    ConfidentialCancelled,
    ItemClaimed,
    ItemFound,
    LoanDueSoon,
    LoanMade,
    LoanOverdue,
    LoanRenewed,
    LoanReturned,
    ParlourReplied,
    ParlourReplyOverdue,
    ReminderDue,
)
from shared.rules.calendar import at_clock, working_days_after
from shared.rules.errors import Conflict, Forbidden, Invalid

# -- the library

LENT, RETURNED = "lent", "returned"
LENT_FOR, RENEWALS_A_LOAN, LOANS_A_PERSON = timedelta(days=30), 2, 5
REMINDED_BEFORE_DUE = timedelta(days=3)
MORNING = "08:30"


@dataclass(frozen=True, kw_only=True)
class Copy(Aggregate):
    """One book on the shelf."""

    title: str
    author: str = ""
    shelf: str = ""


def add_copy(id: str, title: str, author: str, shelf: str) -> tuple[Copy, list[Event]]:
    """A book that can be borrowed."""
    return Copy(title=title, author=author, shelf=shelf), []


@dataclass(frozen=True, kw_only=True)
class Loan(Aggregate):
    """A copy in somebody's hands until `ends` (ISO date). `claim` is the copy while it is out, unique; else its own id."""

    LIFECYCLE: ClassVar = {LENT: {RETURNED}, RETURNED: set()}

    state: str = LENT
    copy_id: str = ""
    borrower_id: str = ""
    timezone: str = ""
    ends: str = ""
    renewals: int = 0
    claim: str = ""
    told: list[str] = field(default_factory=list)
    due: datetime | None = None


def lend(id: str, copy_id: str, borrower_id: str, out: list[Loan], timezone: str, at: datetime) -> tuple[Loan, list[Event]]:
    """Raises Conflict: loan_overdue, loan_limit."""
    today = at.astimezone(ZoneInfo(timezone)).date()
    if late := next((loan for loan in out if loan.ends < today.isoformat()), None):
        raise Conflict("loan_overdue", "first return what is overdue", loan_id=late.id, due=late.ends)
    if len(out) >= LOANS_A_PERSON:
        raise Conflict("loan_limit", f"at most {LOANS_A_PERSON} at a time")
    ends = (today + LENT_FOR).isoformat()
    loan = Loan(id=id, copy_id=copy_id, borrower_id=borrower_id, timezone=timezone, ends=ends, claim=copy_id)
    return _timed_loan(loan), [LoanMade(id, copy_id, borrower_id, ends, at)]


def renew(loan: Loan, at: datetime) -> tuple[Loan, list[Event]]:
    """Another 30 days, twice at the most, and not once it is overdue."""
    if loan.state != LENT:
        raise Conflict("already_over", "it is returned")
    today = at.astimezone(ZoneInfo(loan.timezone)).date()
    if loan.ends < today.isoformat():
        raise Conflict("loan_overdue", "it is overdue", due=loan.ends)
    if loan.renewals >= RENEWALS_A_LOAN:
        raise Conflict("renewal_limit", f"at most {RENEWALS_A_LOAN} times")
    ends = (date.fromisoformat(loan.ends) + LENT_FOR).isoformat()
    after = _timed_loan(loan.but(ends=ends, renewals=loan.renewals + 1, told=[]))
    return after, [LoanRenewed(loan.id, loan.borrower_id, ends, at)]


def take_back(loan: Loan, at: datetime) -> tuple[Loan, list[Event]]:
    """The copy is on the shelf again."""
    if loan.state != LENT:
        raise Conflict("already_over", "it is returned already")
    return loan.become(RETURNED, claim=loan.id, due=None), [LoanReturned(loan.id, loan.copy_id, loan.borrower_id, at)]


def remind_loan(loan: Loan, at: datetime) -> tuple[Loan, list[Event]]:
    """Three days before its end, and when it is overdue."""
    if loan.due is None or loan.due > at:
        return loan, []
    overdue = at.astimezone(ZoneInfo(loan.timezone)).date().isoformat() > loan.ends
    event = (LoanOverdue if overdue else LoanDueSoon)(loan.id, loan.borrower_id, loan.ends, at)
    told = [*loan.told, "soon", "overdue"] if overdue else [*loan.told, "soon"]
    return _timed_loan(loan.but(told=told)), [event]


def forget_loan(loan: Loan) -> tuple[Loan, list[Event]]:
    """The borrower was erased; the copy is still out until somebody returns it."""
    return loan.but(borrower_id="erased", due=None), []


def _timed_loan(loan: Loan) -> Loan:
    zone, ends = ZoneInfo(loan.timezone), date.fromisoformat(loan.ends)
    moments = {"soon": ends - REMINDED_BEFORE_DUE, "overdue": ends + timedelta(days=1)}
    left = [at_clock(day, MORNING, zone) for name, day in moments.items() if name not in loan.told]
    return loan.but(due=min(left, default=None))


# -- lost property


@dataclass(frozen=True, kw_only=True)
class LostItem(Aggregate):
    """Something found. `features` are what its owner must know of it (colour, make, what is inside …): shown to nobody."""

    PERSONAL: ClassVar = ("features", "signature", "claimant")

    room_id: str = ""
    category: str = ""
    found_on: str = ""
    state: str = "kept"
    features: dict[str, str] = field(default_factory=dict)
    claimant: str = ""
    signature: str = ""
    attempts: int = 0


def find_item(
    id: str, room_id: str, category: str, features: dict[str, str], today: str, at: datetime
) -> tuple[LostItem, list[Event]]:
    """Something was handed in."""
    return LostItem(room_id=room_id, category=category, features=features, found_on=today), [ItemFound(id, at)]


def claim_item(
    item: LostItem, features: dict[str, str], claimant: str, signature: str, at: datetime
) -> tuple[LostItem, list[Event]]:
    """Who describes every feature rightly, and signs, has it; a wrong description is counted."""
    if item.state != "kept":
        raise Conflict("already_claimed", "it has found its owner")
    if any(_plain(features.get(name, "")) != _plain(value) for name, value in item.features.items()):
        return item.but(attempts=item.attempts + 1), []
    return item.but(state="claimed", claimant=claimant, signature=signature), [ItemClaimed(item.id, at)]


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


# -- the secretary's parlour

ASKED, HELD, REPLIED = "asked", "held", "replied"
REPLY_WORKING_DAYS = 5  # [D]


@dataclass(frozen=True, kw_only=True)
class ParlourVisit(Aggregate):
    """What a resident brings to the secretary, and the answer. `reply_by` is an ISO date, `provisional` while that year's
    calendar is unpublished."""

    LIFECYCLE: ClassVar = {ASKED: {HELD}, HELD: {REPLIED}, REPLIED: set()}
    PERSONAL: ClassVar = ("topic", "reply")

    state: str = ASKED
    resident_id: str = ""
    place_id: str = ""
    timezone: str = ""
    topic: str = ""
    reply: str = ""
    reply_by: str = ""
    provisional: bool = False
    reminded: bool = False
    due: datetime | None = None


def ask_parlour(id: str, resident_id: str, place_id: str, topic: str, timezone: str) -> tuple[ParlourVisit, list[Event]]:
    """A talk is agreed."""
    return ParlourVisit(resident_id=resident_id, place_id=place_id, topic=topic, timezone=timezone), []


def hold_parlour(visit: ParlourVisit, calendar: dict[str, bool], at: datetime) -> tuple[ParlourVisit, list[Event]]:
    """The talk took place: from now on the answer is owed within five working days."""
    if visit.state == HELD:
        return visit, []
    zone = ZoneInfo(visit.timezone)
    by = working_days_after(at.astimezone(zone).date(), REPLY_WORKING_DAYS, calendar)
    due = at_clock(by.day + timedelta(days=1), "00:00", zone)
    return visit.become(HELD, reply_by=by.day.isoformat(), provisional=by.provisional, due=due), []


def reply_parlour(visit: ParlourVisit, text: str, at: datetime) -> tuple[ParlourVisit, list[Event]]:
    """The answer."""
    return visit.become(REPLIED, reply=text, due=None), [ParlourReplied(visit.id, visit.resident_id, at)]


def remind_parlour(visit: ParlourVisit, at: datetime) -> tuple[ParlourVisit, list[Event]]:
    """No answer in time: the secretary is reminded, once."""
    if visit.due is None or visit.due > at:
        return visit, []
    return visit.but(due=None, reminded=True), [ParlourReplyOverdue(visit.id, visit.reply_by, at)]


def forget_parlour(visit: ParlourVisit) -> tuple[ParlourVisit, list[Event]]:
    """The resident was erased."""
    return visit.but(tombstone=True, topic="", reply="", resident_id="erased", due=None), []


# -- counselling


@dataclass(frozen=True, kw_only=True)
class Note(Aggregate):
    """What a counsellor wrote after a talk; nobody else opens it, the secretary included."""

    PERSONAL: ClassVar = ("text",)

    use_id: str = ""
    author: str = ""
    text: str = ""


def book_talk(
    id: str, room: Any, counsellor: Any, resident_id: str, start: datetime, end: datetime, by: str, at: datetime
) -> tuple[Use, list[Event]]:
    """A quiet talk: it claims the room and the counsellor, and says neither."""
    check_grid(start, end, at)
    use = Use(
        kind=COUNSELLING,
        state=CONFIRMED,
        room_id=room.id,
        room_name="",
        timezone=room.timezone,
        start=start,
        end=end,
        resident_id=resident_id,
        booked_by=by,
        resources=[counsellor.id],
        claims=claims_of([room.id, counsellor.id], start, end),
        found_by=[f"kind:{COUNSELLING}", f"room:{room.id}", f"room:{counsellor.id}", f"person:{resident_id}"],
        due=next_reminder(start, at),
    )
    return use, [ConfidentialBooked(id, [resident_id], use.begins, use.finishes, at)]


def cancel_talk(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    """It does not take place."""
    if use.state == CANCELLED:
        raise Conflict("already_cancelled", "it is cancelled already")
    if at >= use.start:
        raise Conflict("already_over", "it has begun")
    event = ConfidentialCancelled(use.id, [use.resident_id], use.begins, use.finishes, at)
    return use.become(CANCELLED, claims=[use.id], due=None), [event]


def forget_talk(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    """The person was erased: a talk ahead does not take place, and none names them."""
    events: list[Event] = []
    if use.state == CONFIRMED and use.start > at:
        use, events = cancel_talk(use, at)
    return use.but(resident_id="erased", booked_by="", found_by=use.found_by[:3], due=None), events


def remind_talk(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    """The day before and the hour before, without saying of what."""
    if use.state != CONFIRMED or use.due is None or use.due > at:
        return use, []
    hours = 24 if use.start - at > timedelta(hours=1, minutes=30) else 1
    event = ReminderDue(use.id, "confidential", "", "", [use.resident_id], use.begins, use.finishes, hours, at)
    return use.but(due=next_reminder(use.start, at)), [event] if at < use.start else []


def write_note(id: str, use_id: str, author: str, text: str) -> tuple[Note, list[Event]]:
    """Kept for its author alone."""
    return Note(use_id=use_id, author=author, text=text), []


def read_note(note: Note, reader: str) -> Note:
    """Raises Forbidden for everybody but its author."""
    if reader != note.author:
        raise Forbidden("confidential", "only its author opens a counsellor's note")
    return note


def forget_note(note: Note) -> tuple[Note, list[Event]]:
    """Whom it was about was erased."""
    return note.but(tombstone=True, text=""), []


# -- rest rooms

SUPPLY_KINDS_A_DAY = 50


@dataclass(frozen=True, kw_only=True)
class VisitLog(Aggregate):
    """How many people came to a room in a day, and what they took. Nobody is asked who they are."""

    room_id: str = ""
    day: str = ""
    visits: int = 0
    supplies: dict[str, int] = field(default_factory=dict)


def count_visit(log: VisitLog, room_id: str, day: str, people: int, supplies: dict[str, int]) -> tuple[VisitLog, list[Event]]:
    """Some people came, and took some things. Raises Invalid for a thing without a name."""
    if any(not name.strip() for name in supplies):
        raise Invalid("supply_unnamed", "say what it was", "supplies")
    if len({*log.supplies, *supplies}) > SUPPLY_KINDS_A_DAY:
        raise Invalid("supplies_too_many", f"at most {SUPPLY_KINDS_A_DAY} kinds of things a day", "supplies")
    supplied = {name: log.supplies.get(name, 0) + supplies.get(name, 0) for name in {*log.supplies, *supplies}}
    return log.but(room_id=room_id, day=day, visits=log.visits + people, supplies=supplied), []
