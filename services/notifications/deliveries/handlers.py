"""Makes deliveries from events, shows people their inbox."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from services.notifications.deliveries import domain
from services.notifications.deliveries.domain import Delivery
from services.notifications.deliveries.rules.cases import FILER, QUIET, tellings_of
from services.notifications.preferences.domain import INBOX, MAIL, Preferences
from services.notifications.preferences.handlers import Recipients
from services.notifications.sending.mail_sender import DELIVERED, MailSender
from services.notifications.templates.handlers import Templates
from shared.calls import Call, derived_id
from shared.events.base import Event
from shared.runtime.internal import ask
from shared.runtime.platform import Platform
from shared.storage.cursors import MILLISECOND
from shared.storage.kinds import Document
from shared.storage.store import Page

CASES_A_REQUEST = 100  # cases that petitions is asked about at once


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


class Deliveries:
    """Makes a delivery of an event for each person and channel, once; and people's inboxes of them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._deliveries = platform.store(DELIVERED)
        self._recipients, self._wordings = Recipients(platform), Templates(platform)
        self.mail_sender = MailSender(platform)

    # -- from events to deliveries

    def tell(self, told: Sequence[Told]) -> None:
        """Deliver each on every channel of its recipient: one write for all. A repeat of the same event finds its
        deliveries there already."""
        made: list[tuple[Call, Delivery]] = []
        before: Counter[tuple[str, str]] = Counter()
        holders = self._recipients.holders()
        told = [one.to(person) for one in told for person in self._recipients.people(one.call, one.who, holders)]
        known = self._recipients.known({one.key for one in told})
        if any(preferences and preferences.guardians for preferences in known.values()):
            told = self._instead(told, known)
            known = self._recipients.known({one.key for one in told})
        for one in told:
            preferences, call = known[one.key], one.call
            if preferences is None:
                continue  # erased meanwhile: nobody to tell
            id_on = partial(derived_id, call.caused_by, one.who)
            # Whoever steals the database must not see that this message and the handler's speak of one case.
            origin = ("", "") if one.private else (call.caused_by, call.correlation)
            message = domain.Message(one.who, one.template, one.params, *origin, private=one.private)
            # Inboxes go by the time of birth: what is told together is told in its order.
            born, before[one.key] = call.at + before[one.key] * MILLISECOND, before[one.key] + 1
            for delivery in domain.deliveries(id_on, message, preferences, self.mail_sender.reaches(MAIL), call.at, born):
                made.append((_untold(call) if one.private else call, delivery))
        self.mail_sender.post(made)

    def tell_of_cases(self, events: Sequence[tuple[Call, Event]]) -> None:
        """Tell the parties of cases, once petitions has said who they are; nobody whom a case is hidden from."""
        tellings = [(call, event.subject, *telling) for call, event in events for telling in tellings_of(event)]
        told: list[Told] = []
        holders = self._recipients.holders()
        for (call, _, _, parties, template, params), found in zip(tellings, self._parties(tellings), strict=True):
            if found is None:
                continue  # the case is gone
            for party in parties:
                # A delivery that named the case would say, to who steals it, whose it is.
                words = (QUIET, {}) if found["quiet"] and party == FILER else (template, params)
                hidden, reached = found["hidden_from"], found["people"][party]
                people = (p for who in reached for p in self._recipients.people(call, who, holders, hidden))
                told += [Told(call, p, *words, private=found["private"]) for p in dict.fromkeys(people)]
        self.tell(told)

    def _parties(self, tellings: Sequence[tuple[Any, ...]]) -> list[dict[str, Any] | None]:
        """Who the parties of each telling are; None for a case that is gone."""
        answered: list[dict[str, Any] | None] = []
        for start in range(0, len(tellings), CASES_A_REQUEST):
            some = tellings[start : start + CASES_A_REQUEST]
            cases = [{"community": c.community, "case": case, "id": id, "parties": who} for c, id, case, who, *_ in some]
            asked_for = some[0][0] if len(some) == 1 else None  # what is asked for many is no one command's
            answered += ask(self._platform, "petitions", "/internal/parties", {"cases": cases}, asked_for)["cases"]
        return answered

    def _instead(self, told: list[Told], known: dict[tuple[str, str], Preferences | None]) -> list[Told]:
        """What concerns a child is told to its guardians; not what is private: it may be about them."""
        instead: dict[tuple[str, str, str], Told] = {}
        for one in told:
            preferences = None if one.private else known[one.key]
            for person in (preferences.guardians if preferences else []) or [one.who]:
                instead.setdefault((one.call.caused_by, one.call.community, person), one.to(person))
        return list(instead.values())

    def tell_account(self, call: Call, subject: str, template: str, ways: Sequence[tuple[str, str]]) -> None:
        """What concerns an account goes to its channels alone, (kind, what to ask for): it must not lie in an inbox."""
        made = []
        for kind, message in ways:
            delivery = Delivery(
                id=derived_id(call.caused_by, subject, message),
                recipient=subject,
                channel=kind,
                template=template,
                state=domain.PENDING,
                params={"code_id": message},
                event_id=call.caused_by,
                due=call.at,
                correlation=call.correlation,
            )
            if not self.mail_sender.reaches(kind):
                delivery, _ = domain.skip(delivery, "channel_not_configured")
            made.append((call, delivery))
        self.mail_sender.post(made)

    # -- a person's own

    def inbox(self, call: Call) -> Page:
        """The caller's messages, newest first, in their language."""
        where: dict[str, Any] = {"recipient": call.actor, "channel": INBOX}
        if "unread" in call.query:
            where["read_at"] = None if call.query["unread"] else {"$ne": None}

        def keep(d: Document) -> bool:
            return not (call.limited and d.get("private"))

        paging = {"limit": call.query["limit"], "after": call.query["after"]}
        page = self._deliveries.page(call, where, keep=keep, newest_first=True, **paging)
        return Page(self._in_words(call, page.items), page.next)

    def read(self, call: Call, id: str) -> dict[str, Any]:
        """Mark one message as read."""
        delivery = self._deliveries.change(call, id, domain.read, call.actor, call.at)
        return self._in_words(call, [delivery])[0]

    def _in_words(self, call: Call, deliveries: Sequence[Delivery]) -> list[dict[str, Any]]:
        return self._wordings.messages(call.community, deliveries, self._recipients.language(call.community, call.actor))

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

    def forget(self, call: Call, person: str) -> None:
        """Nothing here says any more that this person was told anything."""
        for delivery in self._deliveries.all(call.community, {"recipient": person}, limit=100_000):
            self._deliveries.change(dataclasses.replace(call, caused_by=""), delivery.id, domain.forget)
        self._recipients.forget(call, person)

    def export(self, call: Call) -> dict[str, Any]:
        """Everything that notifications holds of one resident."""
        community, person = call.body["community"], call.body["resident_id"]
        preferences = self._recipients.find(community, person)
        kept = self._deliveries.all(community, {"recipient": person}, limit=100_000)
        kept = [delivery for delivery in kept if call.body["own"] or not delivery.private]
        language = preferences.language if preferences else "zh-CN"
        messages = self._wordings.messages(community, [d for d in kept if d.channel == INBOX], language)
        return {"preferences": preferences, "messages": messages, "deliveries": kept}


def _untold(call: Call) -> Call:
    """The same call without what its event is known by."""
    return dataclasses.replace(call, caused_by="", correlation="", trace="")
