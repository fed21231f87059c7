"""Who works for a community, in which roles, given by whom.

Roles that see secrets are proposed by one person and confirmed by another; nobody changes their own roles or term; a
community's operator gives technical roles alone; the last secretary and the last operator stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from shared.events.base import Aggregate, Event
from shared.events.residents import RoleProposed, WorkerAppointed, WorkerChanged
from shared.rules.errors import Conflict, Forbidden, Missing
from shared.rules.roles import OPERATOR, SECRET, SECRETARY, STREET_OFFICER, TECHNICAL

LEAD = frozenset({SECRETARY, STREET_OFFICER})  # who gives the roles of a community's daily work, and proposes the others
TERM = "term"  # proposed like a role: a longer time in roles that see secrets
GIVEN_LATELY = timedelta(days=30)  # after one gave the other a role: a puppet is no second person
CONTACT = frozenset({"name", "phone", "email"})
STAYS = (SECRETARY, OPERATOR)  # of which a community is never without one
# A street officer may confirm and open what others must not: that role is given like those that see secrets.
PROPOSED = SECRET | {STREET_OFFICER}

Decided = tuple["Worker", list[Event]]


@dataclass(frozen=True)
class Giver:
    """Who gives roles: their id in the community, their roles there, and whether they run the installation."""

    id: str
    roles: frozenset[str] = frozenset()
    installation: bool = False

    @property
    def leads(self) -> bool:
        """Whether they may propose, and give what need not be proposed."""
        return bool(self.roles & LEAD)


@dataclass(frozen=True, kw_only=True)
class Worker(Aggregate):
    """Somebody who works for the community, in roles, until `until` where a term is set. `proposed` maps a role that another
    person has to confirm to `{by, at}`, and TERM to `{by, at, until}`; `vouched` says who gave or confirmed a role, and when
    last."""

    PERSONAL: ClassVar = ("name", "phone", "email")

    name: str = ""
    phone: str = ""
    email: str = ""
    roles: list[str] = field(default_factory=list)
    language: str = "zh-CN"
    unit: str = ""
    until: datetime | None = None
    account_id: str = ""
    proposed: dict[str, dict[str, Any]] = field(default_factory=dict)
    vouched: dict[str, datetime] = field(default_factory=dict)


def appoint(id: str, facts: dict[str, Any], giver: Giver, at: datetime) -> Decided:
    """A worker takes up the roles that one person may give; the others are proposed. Raises Forbidden("role_too_high")."""
    roles = facts.pop("roles")
    check_given(roles, giver)
    held, proposed = _sorted_out(roles, [], giver, at)
    worker = Worker(**facts, roles=held, proposed=proposed, vouched={giver.id: at})
    events: list[Event] = [WorkerAppointed(id, held, worker.language, at, worker.until, worker.unit, giver.id)]
    return worker, events + [RoleProposed(id, role, giver.id, at) for role in sorted(proposed)]


def found_office(id: str, facts: dict[str, Any], at: datetime) -> Decided:
    """One of the first people of a community, by the word of who runs the installation."""
    worker = Worker(**facts)
    return worker, [WorkerAppointed(id, worker.roles, worker.language, at, worker.until, worker.unit)]


def change_worker(worker: Worker, facts: dict[str, Any], giver: Giver, at: datetime) -> Decided:
    """Other roles, another term, other contact details. Raises Forbidden: `own_roles`, `role_too_high`.

    Whoever has not come in yet comes in by the contact: who changes that gives the roles anew. A longer term in a role that
    sees secrets is proposed, as the role itself was.
    """
    own = giver.id == worker.id
    if own and facts.keys() & {"roles", "until"}:
        raise Forbidden("own_roles", "nobody changes their own roles or term")
    if not own:
        check_given({*worker.roles, *worker.proposed} - {TERM}, giver)
    changed, events = worker.but(**{name: facts[name] for name in facts if name not in ("roles", "until")}), list[Event]()
    if "roles" in facts:
        check_given(facts["roles"], giver)
        changed = _given(changed, facts["roles"], worker.roles, giver, at)
    if not worker.account_id and any(facts[name] != getattr(worker, name) for name in CONTACT & facts.keys()):
        changed = _given(changed, {*changed.roles, *changed.proposed} - {TERM}, set(changed.roles) - PROPOSED, giver, at)
    if "until" in facts:
        changed = _with_term(changed, facts["until"], giver, at)
    events += [RoleProposed(worker.id, one, giver.id, at) for one in sorted(changed.proposed) if one not in worker.proposed]
    if changed == worker:
        return worker, []
    gives = not set(changed.roles) <= set(worker.roles)
    if gives:
        changed = changed.but(vouched={**changed.vouched, giver.id: at})
    return changed, [_changed(changed, at, giver.id if gives else ""), *events]


def _given(worker: Worker, roles: Collection[str], before: Collection[str], giver: Giver, at: datetime) -> Worker:
    held, proposed = _sorted_out(roles, before, giver, at)
    term = {TERM: worker.proposed[TERM]} if TERM in worker.proposed else {}
    kept = {role: worker.proposed.get(role, one) for role, one in proposed.items()}
    return worker.but(roles=held, proposed=kept | term)


def _with_term(worker: Worker, until: datetime | None, giver: Giver, at: datetime) -> Worker:
    longer = worker.until is not None and (until is None or until > worker.until)
    if longer and PROPOSED & set(worker.roles):
        return worker.but(proposed={**worker.proposed, TERM: {"by": giver.id, "at": at, "until": until}})
    return worker.but(until=until, proposed={name: one for name, one in worker.proposed.items() if name != TERM})


def dismiss(worker: Worker, giver: Giver, at: datetime) -> Decided:
    """The person works here no more; the record stays, for what they did."""
    if giver.id == worker.id:
        raise Forbidden("own_roles", "nobody changes their own roles or term")
    check_given(worker.roles, giver)
    if not worker.roles and not worker.proposed:
        return worker, []
    changed = worker.but(roles=[], proposed={}, until=at)
    return changed, [_changed(changed, at)]


def confirm(worker: Worker, role: str, giver: Giver, at: datetime) -> Decided:
    """A second person agrees: the role holds from now on. Raises Missing, or Forbidden for who proposed it, or is meant."""
    proposed = _proposal(worker, role)
    if giver.id in (worker.id, proposed["by"]):
        raise Forbidden("same_person", "it takes two people, and neither is the one whom it is about")
    if not giver.leads and not giver.installation:
        raise Forbidden("role_too_high", "a secretary, a street officer or the installation's operator confirms")
    rest = {name: one for name, one in worker.proposed.items() if name != role}
    given: dict[str, Any] = {"until": proposed["until"]} if role == TERM else {"roles": sorted({*worker.roles, role})}
    vouched = {**worker.vouched, proposed["by"]: at, giver.id: at}
    changed = worker.but(proposed=rest, vouched=vouched, **given)
    return changed, [_changed(changed, at, proposed["by"], giver.id)]


def apart(one: Worker | None, other: Worker | None, at: datetime) -> bool:
    """Whether these are two people, of whom neither gave the other a role lately."""
    if one is None or other is None or one.id == other.id:
        return False
    return not any(at - a.vouched[b.id] < GIVEN_LATELY for a, b in ((one, other), (other, one)) if b.id in a.vouched)


def turn_down(worker: Worker, role: str, giver: Giver) -> Decided:
    """The role is not given. Raises Missing."""
    _proposal(worker, role)
    if not giver.leads and not giver.installation:
        raise Forbidden("role_too_high", "a secretary, a street officer or the installation's operator decides")
    return worker.but(proposed={name: one for name, one in worker.proposed.items() if name != role}), []


def _proposal(worker: Worker, role: str) -> dict[str, Any]:
    if role not in worker.proposed:
        raise Missing("proposal_missing", "nobody proposed this role for this person")
    return worker.proposed[role]


def _changed(worker: Worker, at: datetime, by: str = "", confirmed_by: str = "") -> WorkerChanged:
    return WorkerChanged(worker.id, worker.roles, worker.language, at, worker.until, worker.unit, by, confirmed_by)


def check_given(roles: Iterable[str], giver: Giver) -> None:
    """That this person may give, or take, these roles at all. Raises Forbidden("role_too_high")."""
    for role in sorted(roles):
        if role == OPERATOR and not giver.installation and OPERATOR not in giver.roles:
            raise Forbidden("role_too_high", "only an operator appoints operators")
        if role not in TECHNICAL and not giver.leads:
            raise Forbidden("role_too_high", "an operator gives technical roles alone")


def _sorted_out(
    roles: Collection[str], before: Collection[str], giver: Giver, at: datetime
) -> tuple[list[str], dict[str, Any]]:
    """What holds at once, and what another person has to confirm."""
    held = sorted(role for role in set(roles) if role not in PROPOSED or role in before)
    return held, {role: {"by": giver.id, "at": at} for role in sorted(set(roles) - set(held))}


@dataclass(frozen=True, kw_only=True)
class Offices(Aggregate):
    """Who holds the offices of which a community is never without one, and until when: `{role: {worker: until}}`; its id is
    the community. One document, so that two who leave at once do not leave it empty."""

    held: dict[str, dict[str, datetime | None]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)  # of the records that were looked at: an older one says nothing


def check_vacant(secretaries: Collection[Worker]) -> None:
    """That the first people were not named yet. Raises Conflict("people_there")."""
    if secretaries:
        raise Conflict("people_there", "this community has its people; they appoint the others")


def hold(
    offices: Offices, worker_id: str, roles: Collection[str], until: datetime | None, version: int
) -> tuple[Offices, list[Event]]:
    """What a version of somebody's record says; never refused: it is so."""
    if version < offices.versions.get(worker_id, 0):
        return offices, []
    versions = {**offices.versions, worker_id: version}
    after = offices.but(held=_holding(offices, worker_id, roles, until), versions=versions)
    return (offices, []) if after == offices else (after, [])


def _holding(
    offices: Offices, worker_id: str, roles: Collection[str], until: datetime | None
) -> dict[str, dict[str, datetime | None]]:
    held = {}
    for role in STAYS:
        others = _others(offices, role, worker_id)
        held[role] = {**others, worker_id: until} if role in roles else others
    return held


def let_go(
    offices: Offices, worker_id: str, roles: Collection[str], until: datetime | None, at: datetime
) -> tuple[Offices, list[Event]]:
    """Before somebody gives up an office, or gets a term. Raises Conflict: `last_secretary`, `last_operator`."""
    for role in STAYS:
        before = offices.held.get(role, {})
        if worker_id not in before or (role in roles and until is None):
            continue
        others = _others(offices, role, worker_id).values()
        stays = any(term is None for term in others)
        # Who has a term themselves leaves those behind who have one, too.
        if (
            not stays
            and (before[worker_id] is None or role not in roles)
            and not (before[worker_id] is not None and any(term is not None and term > at for term in others))
        ):
            raise Conflict(f"last_{role}", f"a community is never without its {role}: appoint another one first")
    return offices.but(held=_holding(offices, worker_id, roles, until)), []


def _others(offices: Offices, role: str, worker_id: str) -> dict[str, datetime | None]:
    return {id: term for id, term in offices.held.get(role, {}).items() if id != worker_id}
