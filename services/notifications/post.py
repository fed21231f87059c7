"""The post office: makes deliveries from events, sends those that are due, shows people their inbox."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.notifications import domain, wording
from services.notifications.audience import ROLE
from services.notifications.cases import FILER, QUIET, tellings_of
from services.notifications.channels import Away, Mailer, Refused
from services.notifications.domain import INBOX, MAIL, Delivery, Preferences, Template
from shared.calls import Call, derived_id
from shared.errors import Conflict, Missing
from shared.errors import Refused as Refusal
from shared.events.base import Event
from shared.internal import ask
from shared.platform import Platform
from shared.store import Kind, Page
from shared.telemetry import DELIVERIES, log
from shared.tenants import Watch

DELIVERED = Kind(Delivery, "deliveries", indexes=(("recipient", "channel", "born"), ("due",)))
PREFERENCES = Kind(Preferences, "preferences", indexes=(("roles",),))
TEMPLATES = Kind(Template, "templates")
CODES = "sign_in_code"
SENDERS = 8
WAITING = 500


@dataclass(frozen=True)
class Told:
    """What one recipient is told of the event that `call` answers; `private`: of a case that nobody outside may know of."""

    call: Call
    who: str
    template: str
    params: dict[str, Any]
    private: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """(community, recipient)."""
        return self.call.community, self.who

    def to(self, person: str) -> Told:
        """The same, to somebody else."""
        return dataclasses.replace(self, who=person)


class Post:
    """See the module."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._deliveries = platform.store(DELIVERED)
        self._preferences = platform.store(PREFERENCES)
        self._templates = platform.store(TEMPLATES)
        self._mailer = Mailer(platform.settings.environ)
        self._sweeper, self._watch = platform.sweeper(), Watch()
        self._waiting: dict[tuple[str, str], None] = {}  # in order, each once
        self._senders = 0

    # -- from events to deliveries

    def tell(self, told: Sequence[Told]) -> None:
        """Deliver each on every channel of its recipient: one write for all. A repeat of the same event finds its
        deliveries there already."""
        made: list[tuple[Call, Delivery, list[Event]]] = []
        told = [one.to(person) for one in told for person in self._people(one.call, one.who)]
        known = self._known({one.key for one in told})
        if any(preferences and preferences.guardians for preferences in known.values()):
            told = self._instead(told, known)
            known = self._known({one.key for one in told})
        for one in told:
            preferences, call = known[one.key], one.call
            if preferences is None:
                continue  # erased meanwhile: nobody to tell
            ids = {channel: derived_id(call.cause, one.who, channel) for channel in domain.CHANNELS}
            # Whoever steals the database must not see that this message and the handler's speak of one case.
            origin = ("", "") if one.private else (call.cause, call.correlation)
            message = domain.Message(one.who, one.template, one.params, *origin, private=one.private)
            for delivery in domain.deliveries(ids, message, preferences, self._mailer.configured, call.at):
                made.append((_untold(call) if one.private else call, delivery, []))
        self._deliveries.create_all(made)
        for _, delivery, _ in made:
            DELIVERIES.labels(delivery.channel, delivery.state).inc()
        self._send_soon([(call.community, delivery.id) for call, delivery, _ in made if delivery.state == domain.PENDING])

    def tell_of_case(self, call: Call, event: Event) -> None:
        """Tell the parties of a case, once petitions has said who they are; nobody whom it is hidden from."""
        told: list[Told] = []
        for case, parties, template, params in tellings_of(event):
            asked = {"community": call.community, "case": case, "id": event.subject, "parties": parties}
            try:
                found = ask(self._platform, "petitions", "/internal/parties", asked, call)
            except Missing:
                continue  # it is gone
            for party in parties:
                # A delivery that named the case would say, to who steals it, whose it is.
                words = (QUIET, {}) if found["quiet"] and party == FILER else (template, params)
                people = (p for who in found["people"][party] for p in self._people(call, who, found["hidden_from"]))
                told += [Told(call, p, *words, private=found["private"]) for p in dict.fromkeys(people)]
        self.tell(told)

    def _people(self, call: Call, who: str, but: Sequence[str] = ()) -> list[str]:
        """One person, or all who hold the first of these roles that somebody else than `but` holds here now."""
        if not who.startswith(ROLE):
            return [who] if who not in but else []
        for role in who.removeprefix(ROLE).split("|"):
            holders = self._preferences.all(call.community, {"roles": role})
            if present := [p.id for p in holders if (p.until is None or p.until > call.at) and p.id not in but]:
                return present
        return []

    def _instead(self, told: list[Told], known: dict[tuple[str, str], Preferences | None]) -> list[Told]:
        """What concerns a child is told to its guardians; not what is private: it may be about them."""
        found: dict[tuple[str, str, str], Told] = {}
        for one in told:
            preferences = None if one.private else known[one.key]
            for person in (preferences.guardians if preferences else []) or [one.who]:
                found.setdefault((one.call.cause, one.call.community, person), one.to(person))
        return list(found.values())

    def _known(self, keys: set[tuple[str, str]]) -> dict[tuple[str, str], Preferences | None]:
        """Preferences by person: the defaults for those never heard of, None for those erased."""
        ordered = list(keys)
        documents = self._preferences.backend.read(ordered)
        return {
            key: Preferences() if document is None else None if document.get("gone") else self._preferences.load(document)
            for key, document in zip(ordered, documents, strict=True)
        }

    def _send_soon(self, pending: list[tuple[str, str]]) -> None:
        for community, id in pending[: WAITING - len(self._waiting)]:
            self._waiting[(community, id)] = None
            if self._senders < SENDERS:
                self._senders += 1
                self._platform.spawn(self._send_waiting)

    def _send_waiting(self) -> None:
        """One of a few senders: works until nothing waits. What does not fit, or fails, is found by the timer."""
        try:
            while self._waiting and not self._platform.draining:
                community, id = next(iter(self._waiting))
                del self._waiting[(community, id)]
                try:
                    self.send(community, id)
                except Refusal as error:  # the database is away
                    log("post").warning("sending_postponed", error=error.code)
        finally:
            self._senders -= 1

    # -- sending

    def send_due(self, call: Call) -> None:
        """Send what is due, earliest first, each community's."""
        for community, delivery in self._watch.due(self._deliveries, call.at, WAITING):
            self._send_soon([(community, delivery.id)])

    def send(self, community: str, id: str) -> None:
        """Claim one delivery and hand it to its channel. Another replica's claim is respected."""
        now = self._platform.clock.now()
        call = Call(community=community, at=now, actor="notifications")
        try:
            claimed: Delivery = self._deliveries.change(call, id, domain.claim, now)
        except (Conflict, Missing):
            return  # another replica has it, or it is over, or its person was erased
        try:
            decided = self._hand_over(call, claimed)
        except Refused as error:
            decided = (domain.failed, str(error), self._platform.clock.now(), True)
        except (Away, Refusal) as error:
            reason = error.code if isinstance(error, Refusal) else str(error)
            decided = (domain.failed, reason, self._platform.clock.now())
        after = self._deliveries.change(call, id, *decided)
        DELIVERIES.labels(after.channel, after.state).inc()
        log("post").info("delivery", id=id, channel=after.channel, state=after.state, reason=after.reason, tries=after.tries,
                         correlation=after.correlation)  # fmt: skip

    def _hand_over(self, call: Call, delivery: Delivery) -> tuple[Any, ...]:
        """Send it; returns the decision that records the outcome."""
        if delivery.template == CODES:
            return self._send_code(call, delivery)
        try:
            asked = {"community": call.community, "id": delivery.recipient, "purpose": delivery.template}
            contact = ask(self._platform, "residents", "/internal/contacts", asked)
        except Missing:
            return (domain.skip, "no_such_person")
        if not contact["email"]:
            return (domain.skip, "no_address")
        subject, text = self._words(call.community, delivery.template, delivery.params, contact["language"])
        self._mailer.send(delivery.id, contact["email"], subject, text)
        return (domain.sent, self._platform.clock.now())

    def _send_code(self, call: Call, delivery: Delivery) -> tuple[Any, ...]:
        asked = {"account_id": delivery.recipient, "code_id": delivery.params["code_id"]}
        try:
            found = ask(self._platform, "residents", "/internal/codes", asked)
        except Missing:
            return (domain.skip, "code_over")
        if not found["email"]:
            return (domain.skip, "no_address")
        subject, text = self._words(call.community, CODES, {"code": found["code"]}, found["language"])
        self._mailer.send(delivery.id, found["email"], subject, text)
        ask(self._platform, "residents", "/internal/codes/sent", asked)
        return (domain.sent, self._platform.clock.now())

    def tell_code(self, call: Call, event: Any) -> None:
        """A sign-in code goes out by mail alone: it must not lie in an inbox."""
        id = derived_id(call.cause, event.account_id, MAIL)
        configured = self._mailer.configured
        delivery = Delivery(
            id=id, community=call.community, recipient=event.account_id, channel=MAIL, template=CODES,
            state=domain.PENDING if configured else domain.SKIPPED, params={"code_id": event.code_id}, event_id=call.cause,
            due=call.at if configured else None, reason="" if configured else "channel_not_configured",
            correlation=call.correlation,
        )  # fmt: skip
        self._deliveries.create_all([(call, delivery, [])])
        if configured:
            self._send_soon([(call.community, id)])

    # -- words

    def _words(self, community: str, name: str, params: dict[str, Any], language: str) -> tuple[str, str]:
        own = self._templates.find(community, derived_id(community, name, language))
        words = (own.subject, own.text) if own else wording.TEXTS[name][language]
        return wording.render(words[0], params, language), wording.render(words[1], params, language)

    def reword(self, call: Call, name: str, language: str) -> Template:
        """The community's own words for a message."""
        subject, text = call.body["subject"], call.body["text"]
        wording.check(name, language, text)
        wording.check(name, language, subject)
        new = lambda _: Template(name=name, language=language, subject=subject, text=text)  # noqa: E731
        id = derived_id(call.community, name, language)
        made: Template = self._templates.ensure(call, id, new, domain.reword, subject, text)
        return made

    def templates(self, call: Call) -> Page:
        """Every message with the words that hold in this community."""
        own = self._own_words(call.community)
        found = []
        for name, languages in sorted(wording.TEXTS.items()):
            for language, usual in languages.items():
                subject, text = own.get((name, language), usual)
                found.append({"name": name, "language": language, "subject": subject, "text": text})
        return Page(found, None)

    def _own_words(self, community: str) -> dict[tuple[str, str], tuple[str, str]]:
        return {(t.name, t.language): (t.subject, t.text) for t in self._templates.all(community, {})}

    # -- a person's own

    def inbox(self, call: Call) -> Page:
        """The caller's messages, newest first, in their language."""
        where: dict[str, Any] = {"recipient": call.actor, "channel": INBOX}
        if "unread" in call.query:
            where["read_at"] = None if call.query["unread"] else {"$ne": None}
        page = self._deliveries.page(call, where, newest_first=True, limit=call.query["limit"], after=call.query["after"])
        return Page(self._as_messages(call.community, page.items, self._language(call)), page.next)

    def read(self, call: Call, id: str) -> dict[str, Any]:
        """Mark one message as read."""
        delivery = self._deliveries.change(call, id, domain.read, call.actor, call.at)
        return self._as_messages(call.community, [delivery], self._language(call))[0]

    def _language(self, call: Call) -> str:
        own = self._preferences.find(call.community, call.actor)
        return own.language if own else "zh-CN"

    def _as_messages(self, community: str, deliveries: Sequence[Delivery], language: str) -> list[dict[str, Any]]:
        """Deliveries in words: the community's own are read once for all of them."""
        own, found = self._own_words(community), []
        for delivery in deliveries:
            words = own.get((delivery.template, language), wording.TEXTS[delivery.template][language])
            shown = {name: getattr(delivery, name) for name in ("id", "template", "event_id", "sent_at", "read_at")}
            subject, text = (wording.render(part, delivery.params, language) for part in words)
            found.append(shown | {"subject": subject, "text": text})
        return found

    def preferences(self, call: Call) -> Preferences:
        """The caller's preferences, or the defaults."""
        found: Preferences | None = self._preferences.find(call.community, call.actor)
        return found or Preferences()

    def choose(self, call: Call) -> Preferences:
        """The caller's own choice."""
        channels, language = call.body.get("channels", {}), call.body.get("language")
        made: Preferences = self._preferences.ensure(
            call, call.actor, lambda _: Preferences(), domain.choose, channels, language
        )
        return made

    def deliveries(self, call: Call) -> Page:
        """The delivery log of the community; of what is private everybody sees their own alone."""
        where: dict[str, Any] = {
            name: call.query[name] for name in ("recipient", "channel", "state", "event_id") if name in call.query
        }
        return self._deliveries.page(
            call,
            where,
            keep=lambda d: not d.get("private") or d["recipient"] == call.actor,
            newest_first=True,
            limit=call.query["limit"],
            after=call.query["after"],
        )

    # -- listening

    def learn(self, call: Call, person: str, **facts: Any) -> None:
        """Keep in which language somebody reads, and in which roles they work until when."""
        self._preferences.ensure(call, person, lambda _: Preferences(**facts), domain.learn, facts)

    def link(self, call: Call, event: Any, linked: bool) -> None:
        """Keep who is told instead of a child."""
        self._preferences.ensure(call, event.child_id, lambda _: Preferences(), domain.link, event.guardian_id, linked)

    def forget(self, call: Call, person: str) -> None:
        """Nothing here says any more that this person was told anything."""
        for delivery in self._deliveries.all(call.community, {"recipient": person}, limit=100_000):
            self._deliveries.change(dataclasses.replace(call, cause=""), delivery.id, domain.forget)
        self._preferences.ensure(call, person, lambda _: Preferences(), domain.forget_person)

    def export(self, call: Call) -> dict[str, Any]:
        """Everything that notifications holds of one resident."""
        community, person = call.body["community"], call.body["resident_id"]
        preferences = self._preferences.find(community, person)
        kept = self._deliveries.all(community, {"recipient": person}, limit=100_000)
        kept = [delivery for delivery in kept if call.body["own"] or not delivery.private]
        language = preferences.language if preferences else "zh-CN"
        messages = self._as_messages(community, [d for d in kept if d.channel == INBOX], language)
        return {"preferences": preferences, "messages": messages, "deliveries": kept}

    def sweep(self, call: Call) -> None:
        """Publish what a crash left behind."""
        self._sweeper.sweep(call.at)


def _untold(call: Call) -> Call:
    """The same call without what its event is known by."""
    return dataclasses.replace(call, cause="", correlation="", trace="")
