"""The mediation room: opens disputes, and carries them to an agreement, or on to the court."""

from __future__ import annotations

from functools import partial
from typing import Any

from services.petitions.cases import domain as cases
from services.petitions.cases.handlers import OFFICE, Station
from services.petitions.court.handlers import Court
from services.petitions.directory import Directory, new_number
from services.petitions.disputes import domain
from services.petitions.disputes.domain import Dispute
from services.petitions.disputes.rules import agreement
from services.petitions.domain import Actor
from services.petitions.sittings.domain import Sitting
from services.petitions.sittings.handlers import Sittings, shown
from shared.calls import Call, derived_id
from shared.rules.errors import Conflict, Forbidden, Invalid, Missing
from shared.rules.roles import MEDIATOR, POLICE_LIAISON
from shared.runtime.platform import Platform
from shared.security.privacy import e164
from shared.storage.kinds import Document, Kind
from shared.storage.store import Page

DISPUTES = Kind(
    Dispute,
    "disputes",
    unique=(("number",),),
    indexes=(("found_by", "born"), ("state", "born"), ("agenda",), ("due",)),
    trailed=True,
)
HANDLERS = OFFICE | {MEDIATOR}


class Room:
    """Disputes: opened, mediated, agreed, performed, or referred to the court."""

    def __init__(self, platform: Platform) -> None:
        self.disputes = platform.store(DISPUTES)
        self._directory, self._station = Directory(platform), Station(platform)
        self._sittings, self._court = Sittings(platform), Court(platform)

    # -- opening

    def open(self, call: Call) -> Dispute:
        """A dispute: a resident is its first party; who works here names all."""
        parties = list(call.body["parties"])
        if not call.is_one_of(*HANDLERS):
            if any(p.get("resident_id") not in (None, call.actor) for p in parties):
                raise Forbidden("not_yours", "name others with name and phone")
            parties = [{"resident_id": call.actor}, *(p for p in parties if p.get("resident_id") != call.actor)]
        facts = {name: call.body[name] for name in ("kind", "text", "is_open")}
        return self._open(call, facts, parties)

    def offer(self, call: Call, petition_id: str) -> Dispute:
        """Mediation beside a petition, which keeps its number and its clocks."""
        petition = self._station.get(call, petition_id)
        cases.check_not_recused(petition, self._directory.actor(call))
        if petition.restricted:
            raise Conflict("not_for_mediation", "a report, or a sealed complaint, must not become known to the other side")
        if petition.dispute_id and self.disputes.find(call.community, petition.dispute_id) is not None:
            self.disputes.repeated(call, petition.dispute_id)
            raise Conflict("already_in_mediation", "a mediation goes on", dispute_id=petition.dispute_id)
        first = [{k: v for k, v in p.items() if k != "representative"} for p in petition.petitioners[:1]]
        if not first:
            raise Invalid("petitioner_unknown", "nobody can be mediated with who is not known", "parties")
        id = derived_id(petition_id, "dispute", str(len(petition.history)))
        if not petition.dispute_id:
            self._station.petitions.change(
                call.plain(), petition_id, cases.to_mediation, id, self._directory.actor(call), call.at
            )
        facts = {
            "kind": call.body["kind"],
            "text": petition.text,
            "petition_id": petition.id,
            "petition_number": petition.number,
            "accused": petition.accused,
        }
        if petition.responsible_authority:
            facts["responsible_authority"] = petition.responsible_authority
        return self._open(call, facts, first + list(call.body["parties"]), petition.dispute_id or id)

    def _open(self, call: Call, facts: dict[str, Any], people: list[dict[str, Any]], id: str = "") -> Dispute:
        actor, locale = self._directory.actor(call), self._directory.locale(call)
        for n, person in enumerate(people):
            if person.get("resident_id") and person["resident_id"] != call.actor:
                self._directory.check(call, person["resident_id"], f"parties.{n}.resident_id")
        parties = [_party(person, n) for n, person in enumerate(people, start=1)]
        keys = [self._directory.key(call.community, p["resident_id"]) for p in parties if p.get("resident_id")]
        facts |= {"parties": parties, "number": new_number("TJ", locale, call.at), "found_by": ["all", *keys]}
        named: dict[str, Any] = {"id": id} if id else {}
        made = self.disputes.create(
            call.showing(partial(domain.seen_by, actor=actor)), domain.open_dispute, facts, actor, locale, call.at, **named
        )
        return domain.seen_by(made, actor)

    # -- looking

    def get(self, call: Call, id: str) -> Dispute:
        """The dispute, where the caller may know of it. Raises Missing."""
        found: Dispute = self.disputes.get(call, id)
        if not found.visible_to(self._directory.actor(call)):
            raise Missing("dispute_missing", "no such dispute")
        return found

    def read(self, call: Call, id: str) -> Dispute:
        """What the caller sees of it."""
        return domain.seen_by(self.get(call, id), self._directory.actor(call))

    def page(self, call: Call) -> Page:
        """For parties their own; for mediators and the station all that they may know of."""
        actor, state = self._directory.actor(call), call.query.get("state")
        where = {"found_by": "all" if call.is_one_of(*HANDLERS) else actor.key}

        def keep(d: Document) -> bool:
            return (state is None or d["state"] == state) and _seen(d).visible_to(actor)

        listed = self.disputes.page(
            call, where, keep=keep, newest_first=True, limit=call.query["limit"], after=call.query["after"]
        )
        return Page([domain.seen_by(dispute, actor) for dispute in listed.items], listed.next)

    def timeline(self, call: Call, id: str) -> list[dict[str, Any]]:
        """One line from the first complaint to performance: the petition, the mediation, the court."""
        dispute = self.read(call, id)
        actor = self._directory.actor(call)
        parts: list[tuple[str, list[dict[str, Any]]]] = []
        if dispute.petition_id and (petition := self._station.petitions.find(call.community, dispute.petition_id)):
            whole = petition.visible_to(actor) and (actor.key in petition.found_by or not dispute.party_of(actor))
            own = cases.seen_by(petition, actor).history if whole else []
            parts.append(("petition", own or domain.acts_shown(petition.history, domain.OF_PETITION)))
        parts += [("dispute", dispute.history), *self._court.histories(call, dispute.id)]
        items = [{"case": case, **{k: v for k, v in act.items() if k != "by"}} for case, acts in parts for act in acts]
        return [item | {"at": item["at"].isoformat()} for item in sorted(items, key=lambda item: item["at"])]

    # -- moving

    def act(self, call: Call, id: str, decide: Any, *args: Any, timed: bool = True) -> Dispute:
        """One act on a dispute that the caller may know of; what they see of it then."""
        actor = self._directory.actor(call)
        self._check_not_recused(call, self.get(call, id), actor)
        seen = partial(domain.seen_by, actor=actor)
        rest = (actor, self._directory.locale(call), call.at) if timed else (actor, call.at)
        return seen(self.disputes.change(call.showing(seen), id, decide, *args, *rest))

    def _check_not_recused(self, call: Call, dispute: Dispute, actor: Actor) -> None:
        """A mediation that came out of a petition is the same case."""
        if dispute.petition_id and (petition := self._station.petitions.find(call.community, dispute.petition_id)):
            cases.check_not_recused(petition, actor)

    def mediators(self, call: Call, id: str) -> Dispute:
        """Set by who works here, or chosen by a party."""
        ids, dispute = call.body["mediators"], self.get(call, id)
        for n, mediator in enumerate(ids):
            self._directory.check(call, mediator, f"mediators.{n}")
            known = self._directory.people.find(call.community, mediator)
            if known is None or MEDIATOR not in known.roles:
                raise Invalid("not_a_mediator", "this person does not mediate here", f"mediators.{n}")
            if dispute.hides_from(Actor(mediator, MEDIATOR, unit=known.unit)):
                # Why is not said: the other party must not learn whom the petition accuses.
                raise Invalid("mediator_unfit", "this person cannot mediate here", f"mediators.{n}")
            try:
                self._check_not_recused(call, dispute, Actor(mediator, MEDIATOR))
            except Forbidden as error:
                raise Invalid("mediator_unfit", "this person cannot mediate here", f"mediators.{n}") from error
        if dispute.party_of(self._directory.actor(call)):
            return self.act(call, id, domain.choose_mediators, ids)
        if not call.is_one_of(*HANDLERS):
            raise Forbidden("not_a_party", "only a party may")
        return self.act(call, id, domain.set_mediators, ids, False)

    def sign(self, call: Call, id: str) -> Dispute:
        """A party its own; a mediator theirs, or a party's fingerprint; the secretary the committee's seal."""
        body = call.body
        by = {"party": body.get("party", ""), "committee": body["committee"]}
        return self.act(call, id, agreement.sign, by, body["how"], body["digest"], body["status_matter"])

    def perform(self, call: Call, id: str) -> Dispute:
        """Whether the agreement is kept, or what was settled before the court."""
        settled = self._court.settled(call, self.get(call, id).court_id)
        return self.act(call, id, agreement.perform, call.body["outcome"], call.body["text"], settled)

    def consent(self, call: Call, id: str) -> Dispute:
        """A party's own, or one that a mediator took down."""
        dispute, actor = self.get(call, id), self._directory.actor(call)
        own = dispute.party_of(actor)
        if not own and actor.id not in dispute.mediators and not call.is_one_of(*OFFICE):
            raise Forbidden("not_a_party", "only a party may")
        who = own or domain.party(dispute, call.body.get("party", ""))["id"]
        return self.act(call, id, agreement.consent, who, timed=False)

    # -- the court

    def apply(self, call: Call, id: str, who: str = "", how: str = "") -> Dispute:
        """A party applies for confirmation, or a mediator records that it did; the last one takes all to the court."""
        court_id = self._court_id(call, id, agreement.CONFIRMATION)
        return self._to_court(call, self.act(call, id, agreement.apply, who, how, court_id))

    def refer(self, call: Call, id: str) -> Dispute:
        """To the micro-court, with the consent of all."""
        return self._to_court(call, self.act(call, id, agreement.refer, self._court_id(call, id, agreement.HEARING)))

    def _court_id(self, call: Call, id: str, kind: str) -> str:
        rounds = self.get(call, id).rounds
        return derived_id(id, kind, *([str(rounds)] if rounds else []))

    def _to_court(self, call: Call, dispute: Dispute) -> Dispute:
        # A crash before this leaves the dispute due: time brings it to the court then.
        if dispute.to_court:
            self._court.take(call, dispute.court_id, dispute.to_court, self.get(call, dispute.id))
        return dispute

    # -- sittings and time

    def ask_sitting(self, call: Call, id: str) -> Dispute:
        """A room for a mediation; who is to come is told once it is held."""
        self.disputes.repeated(call, id)
        domain.may_sit(found := self.get(call, id))
        self._check_not_recused(call, found, self._directory.actor(call))
        sitting = self._sittings.request(call, "dispute", id)
        return self.act(call, id, domain.sitting, sitting.id, shown(sitting))

    def hear(self, call: Call, sitting: Sitting) -> None:
        """The centre's answer, or its silence."""
        if self.disputes.find(call.community, sitting.case_id) is None:
            return
        clock, locale = Actor("", "clock"), self._directory.locale(call)
        self.disputes.change(call, sitting.case_id, domain.sitting, sitting.id, shown(sitting), clock, locale, call.at)

    def turn(self, call: Call, dispute: Dispute) -> None:
        """What time changes in it; and what a crash left undone: the court that got nothing, a room that nobody needs."""
        locale = self._directory.locale(call)
        if dispute.to_court:
            self._court.take(call, dispute.court_id, dispute.to_court, dispute)
            self.disputes.change(call, dispute.id, agreement.reached_the_court, locale, call.at)
        for id in domain.idle_sittings(dispute, call.at):
            self.hear(call, self._sittings.drop(call, id, "case_over"))
        self.disputes.change(call, dispute.id, agreement.turn, locale, call.at)

    def follow_calendar(self, call: Call, dispute: Dispute) -> None:
        """Its dates by the calendar that is known now."""
        self.disputes.change(call, dispute.id, agreement.follow, self._directory.locale(call), call.at)


POLICE = {POLICE_LIAISON}


def _party(person: dict[str, Any], n: int) -> dict[str, Any]:
    phone = {"phone": e164(person["phone"], f"parties.{n - 1}.phone")} if person.get("phone") else {}
    return person | phone | {"id": f"p{n}"}


def _seen(document: dict[str, Any]) -> Dispute:
    return Dispute(**{name: document[name] for name in ("accused", "found_by")})
