"""The petition station: files, finds, shows and moves petitions."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

from services.petitions.attachments.handlers import Attachments
from services.petitions.cases import domain
from services.petitions.cases.domain import Petition
from services.petitions.directory import Directory, new_number
from services.petitions.domain import Actor, explained, lapsed, pass_time, recompute, start_of
from services.petitions.receipts.domain import new_receipt
from services.petitions.seals.store import Seals
from shared.calls import Call
from shared.rules.errors import Conflict, Forbidden, Invalid, Missing, Unauthenticated, Unavailable
from shared.rules.roles import GUARDIAN, RESIDENT, STAFF, STREET_OFFICER
from shared.runtime.platform import Platform
from shared.security.privacy import e164
from shared.storage.kinds import Document, Kind
from shared.storage.store import Page, Taken

PETITIONS = Kind(
    Petition,
    "petitions",
    unique=(("number",),),
    indexes=(("found_by", "born"), ("state", "born"), ("topic", "born"), ("agenda",), ("due",)),
    trailed=True,
)
OFFICE = STAFF | {STREET_OFFICER}


class Station:
    """Petitions: filed, searched, shown to whom they concern, and moved from state to state."""

    def __init__(self, platform: Platform) -> None:
        self.petitions = platform.store(PETITIONS)
        self._directory = Directory(platform)
        self._vault = platform.vault
        self._seals = Seals(platform)
        self.attachments = Attachments(platform)

    # -- coming in

    def file(self, call: Call) -> dict[str, Any]:
        """A petition, with its number, its deadlines, and a receipt code for who filed anonymously."""
        facts, code = dict(call.body), ""
        actor, locale = self._directory.actor(call), self._directory.locale(call)
        if facts["anonymous"]:
            code = self._anonymously(call, facts)
        else:
            self._by_somebody(call, facts, actor)
        self._check_accused(call, facts)
        facts["found_by"] += self.attachments.check(call, facts["attachments"])
        id, shown = call.new_id(PETITIONS.collection), lambda p: filed(p, code)
        for _ in range(3):
            facts["number"] = new_number("XF", locale, call.at)
            if facts["confidential"]:
                self._seals.close(call, id, facts["number"], facts["petitioners"])
            try:
                return shown(self.petitions.create(call.showing(shown), domain.file, facts, actor, locale, call.at, id=id))
            except Taken as error:
                if error.index != "number":
                    raise
        raise Unavailable("number_taken", "no free number was found; try again")

    def _anonymously(self, call: Call, facts: dict[str, Any]) -> str:
        if call.sub:
            raise Invalid("anonymous_with_token", "file it without signing in, so that nobody knows who you are", "anonymous")
        if facts["petitioners"] or facts["confidential"]:
            raise Invalid("anonymous_names_somebody", "who is anonymous is not named", "petitioners")
        facts["channel"] = "online"
        code, facts["receipt"], tag = new_receipt()
        facts["found_by"] = [tag]
        return code

    def _by_somebody(self, call: Call, facts: dict[str, Any], actor: Actor) -> None:
        if not call.sub:
            raise Unauthenticated("token_missing", "sign in, or file anonymously")
        office = call.is_one_of(*OFFICE)
        if not office and not call.is_one_of(RESIDENT, GUARDIAN):
            raise Forbidden("role_missing", "none of your roles may file a petition")
        if office and not facts["petitioners"]:
            raise Invalid("petitioners_missing", "say whose petition it is", "petitioners")
        people = [_plain(person, f"petitioners.{n}") for n, person in enumerate(facts["petitioners"])]
        if not office:
            if any(person.get("resident_id") not in (None, call.actor) for person in people):
                raise Forbidden("not_yours", "residents file for themselves; name others with name and phone")
            if not any(person.get("resident_id") == call.actor for person in people):
                people.insert(0, {"resident_id": call.actor, "representative": False})
        for n, person in enumerate(people):
            if (id := person.get("resident_id")) and id != call.actor:
                self._directory.check(call, id, f"petitioners.{n}.resident_id")
        facts["petitioners"] = people
        facts["found_by"] = self._found_by(call.community, people, facts["confidential"])
        if not office:
            facts["channel"] = "online"
            if facts.get("received_at"):
                raise Invalid("received_at_not_yours", "only the station takes down what came in earlier", "received_at")

    def _found_by(self, community: str, people: list[dict[str, Any]], confidential: bool) -> list[str]:
        keys = [self._directory.key(community, person["resident_id"]) for person in people if person.get("resident_id")]
        # Whoever knew a phone could look for its sealed complaints.
        phones = [] if confidential else [person["phone"] for person in people if person.get("phone")]
        return keys + [self._phone(community, phone) for phone in phones]

    def _phone(self, community: str, phone: str) -> str:
        return f"phone:{self._vault.token(community, 'phone', phone)}"

    def _check_accused(self, call: Call, facts: dict[str, Any]) -> None:
        if (accused := facts.get("accused")) and (id := accused.get("worker_id")):
            if call.sub:
                self._directory.check(call, id, "accused.worker_id")
            accused.setdefault("unit", self._directory.unit_of(call.community, id))

    # -- looking

    def get(self, call: Call, id: str) -> Petition:
        """The petition, where the caller may know of it. Raises Missing."""
        found: Petition = self.petitions.get(call, id)
        if not found.visible_to(self._directory.actor(call)):
            raise Missing("petition_missing", "no such petition")
        return found

    def read(self, call: Call, id: str) -> Petition:
        """What the caller sees of it. That petitioners look at their own is kept nowhere: it would name the sealed ones."""
        actor, found = self._directory.actor(call), self.get(call, id)
        call.own = actor.key in found.found_by
        return domain.seen_by(found, actor)

    def page(self, call: Call) -> Page:
        """For residents their own; for the station all that it may know of, or those of one state."""
        if not call.is_one_of(*OFFICE):
            return self._list(call, {"found_by": self._directory.key(call.community, call.actor)}, call.query.get("state"))
        if first := call.query.get("duplicates_of"):
            return self._list(call, {"found_by": f"first:{self.get(call, first).id}"}, call.query.get("state"))
        state = call.query.get("state")
        return self._list(call, {"state": state} if state else {}, None)

    def search(self, call: Call) -> Page:
        """By number, topic, state, days of receipt, exact phone; newest first."""
        asked, where = call.body, {}
        if "number" in asked:
            where = {"number": asked["number"].upper()}
        elif "phone" in asked:
            where = {"found_by": self._phone(call.community, e164(asked["phone"]))}
        elif "topic" in asked:
            where = {"topic": asked["topic"]}
        elif "state" in asked:
            where = {"state": asked["state"]}
        locale = self._directory.locale(call)
        since = start_of(asked["since"], locale) if "since" in asked else None
        until = start_of(_day_after(asked["until"]), locale) if "until" in asked else None

        def fits(document: dict[str, Any]) -> bool:
            exact = all(document[name] == asked[name] for name in ("topic", "state") if name in asked)
            received = document["received_at"]
            return exact and (since is None or received >= since) and (until is None or received < until)

        return self._list(call, where, None, fits, call.body)

    def _list(self, call: Call, where: dict[str, Any], state: str | None, fits: Any = None, paging: Any = None) -> Page:
        actor, paging = self._directory.actor(call), paging or call.query

        def keep(d: Document) -> bool:
            return (fits is None or fits(d)) and (state is None or d["state"] == state) and _seen(d).visible_to(actor)

        page = self.petitions.page(call, where, keep=keep, newest_first=True, limit=paging["limit"], after=paging["after"])
        return Page([domain.seen_by(petition, actor) for petition in page.items], page.next)

    def due_soon(self, call: Call) -> Page:
        """What has the earliest running deadline, earliest first."""
        actor = self._directory.actor(call)
        page = self.petitions.page(call, keep=lambda d: _seen(d).visible_to(actor), by="agenda", **call.query)
        return Page([domain.seen_by(petition, actor) for petition in page.items], page.next)

    # -- moving

    def act(self, call: Call, id: str, decide: Any, *args: Any, timed: bool = True) -> Petition:
        """One act of the station or of the petitioner on a petition that they may know of; what they see of it then."""
        actor = self._directory.actor(call)
        domain.check_not_recused(self.get(call, id), actor)
        return self._change(call, id, actor, decide, *args, timed=timed)

    def _change(self, call: Call, id: str, actor: Actor, decide: Any, *args: Any, timed: bool = True) -> Petition:
        seen = partial(domain.seen_by, actor=actor)
        rest = (actor, self._directory.locale(call), call.at) if timed else (actor, call.at)
        return seen(self.petitions.change(call.showing(seen), id, decide, *args, *rest))

    def own(self, call: Call, id: str, decide: Any, *args: Any, timed: bool = True) -> Petition:
        """An act of the petitioner, or of the station where the petitioner came to it."""
        actor, found = self._directory.actor(call), self.get(call, id)
        if actor.key not in found.found_by and not call.is_one_of(*OFFICE):
            raise Missing("petition_missing", "no such petition")
        domain.check_not_recused(found, actor)
        return self._change(call, id, actor, decide, *args, timed=timed)

    def assign(self, call: Call, id: str, reason: str) -> Petition:
        """To somebody who works here, and is not accused."""
        assignee, found = call.body["assignee"], self.get(call, id)
        self.check_assignee(call, found, assignee)
        note = call.body.get("reason", "")

        def decide(petition: Petition, actor: Actor, at: Any) -> Any:
            changed, events = domain.hand_over(petition, assignee, reason, actor, at)
            return changed.noted(actor, reason, note, at, internal=True), events

        return self.act(call, id, decide, timed=False)

    def check_assignee(self, call: Call, found: Petition, assignee: str) -> None:
        """Raises Invalid where nobody has this id, or the accused would handle it."""
        if not assignee:
            return
        self._directory.check(call, assignee, "assignee")
        if not self._directory.works_here(call, assignee):
            raise Invalid("assignee_not_staff", "only somebody who works here handles it", "assignee")
        if assignee in found.recused:
            raise Conflict("recused", "this person was recused from the case")
        if found.hides_from(Actor(assignee, "", unit=self._directory.unit_of(call.community, assignee))):
            raise Invalid("assignee_accused", "the accused's unit does not handle it", "assignee")

    def link(self, call: Call, id: str) -> Petition:
        """A duplicate of an earlier one: always of the first of them, and so are those that were duplicates of this one."""
        first = self.get(call, call.body["first_id"])
        domain.check_not_recused(first, self._directory.actor(call))
        if first.first_id:
            first = self.get(call, first.first_id)
            domain.check_not_recused(first, self._directory.actor(call))
        linked = self.act(call, id, domain.link, first)
        for later in self.petitions.all(call.community, {"found_by": f"first:{id}"}):
            self.petitions.change(call.plain(), later.id, domain.relink, id, first, self._directory.actor(call), call.at)
        return linked

    # -- time

    def turn(self, call: Call, petition: Petition) -> None:
        """What time changes in one petition."""
        locale = self._directory.locale(call)
        window = next((w for w in ("review_window", "recheck_window") if lapsed(petition, locale, w, call.at)), "")
        if window:
            self.petitions.change(call, petition.id, domain.close_lapsed, locale, call.at)
        else:
            self.petitions.change(call, petition.id, pass_time, locale, call.at)

    def follow_calendar(self, call: Call, petition: Petition) -> None:
        """Its dates by the calendar that is known now."""
        self.petitions.change(call, petition.id, recompute, self._directory.locale(call), call.at)


def filed(petition: Petition, code: str) -> dict[str, Any]:
    """What the petitioner takes home."""
    facts = {"id": petition.id, "number": petition.number, "state": petition.state}
    return facts | {"deadlines": [explained(clock) for clock in petition.clocks]} | ({"receipt_code": code} if code else {})


def _plain(person: dict[str, Any], path: str) -> dict[str, Any]:
    return person | ({"phone": e164(person["phone"], f"{path}.phone")} if person.get("phone") else {})


def _seen(document: dict[str, Any]) -> Petition:
    """As much of a petition as decides who may know of it, without opening what is encrypted."""
    names = ("kind", "accused", "assignee", "found_by", "confidential")
    return Petition(**{name: document[name] for name in names})


def _day_after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
