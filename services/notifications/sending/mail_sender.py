"""What is sent: deliveries wait in line, and a few senders hand them over, several in one conversation."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache, partial
from itertools import islice
from typing import Any

from services.notifications.deliveries import domain
from services.notifications.deliveries.domain import CODES, OF_ACCOUNTS, PENDING, SENDING, TEXT, Delivery
from services.notifications.sending.channels import Away, Mailer, Session, Unsendable
from services.notifications.sending.text_messages import texts
from services.notifications.templates.handlers import Templates
from services.notifications.templates.rules import wording
from shared.calls import Call, new_trace
from shared.events.base import Event
from shared.rules.errors import Conflict, Missing, Refused
from shared.runtime.internal import ask
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind
from shared.storage.store import Inserted
from shared.storage.tenants import Watch
from shared.telemetry import DELIVERIES, log, where

DELIVERED = Kind(Delivery, "deliveries", indexes=(("recipient", "channel", "born"), ("due",)))
SENDERS_MOST = 8
DELIVERIES_WAITING_MOST = 500
DELIVERIES_A_CONVERSATION = 16  # deliveries of one message in one conversation
TIME_TO_SEND = timedelta(seconds=45)  # of a claim, to begin to send: up to six answers of a server are waited for
Contacts = dict[str, dict[str, Any]]


class Line:
    """Deliveries that wait, each once, and the few who send them; with many waiting they take several at a time."""

    def __init__(self, platform: Platform, send: Callable[[str, list[str]], None]) -> None:
        self._platform, self._send = platform, send
        self._waiting: dict[tuple[str, str], tuple[str, ...]] = {}  # (community, id), in order: what it goes with
        self._senders = 0

    @property
    def room(self) -> int:
        """How many more may wait here."""
        return DELIVERIES_WAITING_MOST - len(self._waiting)

    def put(self, community: str, delivery: Delivery) -> None:
        """Have it sent."""
        # Those that nobody may know of go alone: together they would say that they belong to one case.
        alone = (delivery.id,) if delivery.private else ()
        self._waiting.setdefault((community, delivery.id), (community, delivery.channel, delivery.template, *alone))
        if self._senders < SENDERS_MOST:
            self._senders += 1
            self._platform.spawn(self._work)

    def _work(self) -> None:
        """One of a few senders: works until nothing waits. What fails is found by the timer."""
        try:
            while self._waiting and not self._platform.draining:
                some = self._next()
                try:
                    self._send(some[0][0], [id for _, id in some])
                except Refused as error:  # the database is away
                    log("deliveries").warning("sending_postponed", error=error.code)
                except Exception as error:  # whatever one delivery holds, the others go out
                    log("deliveries").error("sending_failed", error=type(error).__name__, where=where(error))
        finally:
            self._senders -= 1

    def _next(self) -> list[tuple[str, str]]:
        """The first, and a share of what goes with it."""
        share = min(DELIVERIES_A_CONVERSATION, -(-len(self._waiting) // SENDERS_MOST))
        first = next(iter(self._waiting.values()))
        some = list(islice((key for key, goes_with in self._waiting.items() if goes_with == first), share))
        for key in some:
            del self._waiting[key]
        return some


class MailSender:
    """Hands over the deliveries that wait, several in one conversation with the mail server, and codes before all others."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._deliveries = platform.store(DELIVERED)
        self._wordings, self._mailer, self._watch = Templates(platform), Mailer(platform.settings.environ), Watch()
        self._texts = texts(platform.settings.environ)
        self._mail, self._codes = Line(platform, self._send), Line(platform, self._send)

    def reaches(self, channel: str) -> bool:
        """Whether the installation has this way out."""
        return self._texts is not None if channel == TEXT else self._mailer.configured

    def _line(self, delivery: Delivery) -> Line:
        return self._codes if delivery.template in OF_ACCOUNTS else self._mail

    def post(self, decided: Sequence[tuple[Call, Delivery]]) -> None:
        """Save deliveries, in one write, and have them sent; those that a line has room for are claimed at birth. A repeat
        of the same event finds its deliveries there already."""
        made: list[tuple[Call, Delivery, list[Event]]] = []
        claimed, now = Counter[Line](), self._platform.clock.now()
        for call, delivery in decided:
            line = self._line(delivery)
            if delivery.state == PENDING and claimed[line] < line.room and not self._platform.draining:
                claimed[line] += 1
                made.append((call, *domain.claim(delivery, now)))
            else:
                made.append((call, delivery, []))
        outcomes = self._deliveries.try_all(made)
        for (call, delivery, _), outcome in zip(made, outcomes, strict=True):
            if isinstance(outcome, Inserted) and not outcome.refused_by:
                DELIVERIES.labels(delivery.channel, delivery.state).inc()
                if delivery.state == SENDING:
                    self._line(delivery).put(call.community, delivery)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def send_due(self, call: Call) -> None:
        """Send what is due, earliest first, each community's."""
        for community, delivery in self._watch.due(self._deliveries, call.at, DELIVERIES_WAITING_MOST):
            line = self._line(delivery)
            if line.room > 0:
                line.put(community, delivery)

    # -- in the hands of a sender

    def _send(self, community: str, ids: list[str]) -> None:
        """Hand over deliveries of one message to its channel, in one conversation."""
        call = Call(community=community, at=self._platform.clock.now(), actor="notifications")
        found = self._deliveries.several(call, ids)
        claimed = [mine for delivery in found if delivery and (mine := self._claimed(call, delivery))]
        if not claimed:
            return
        try:
            contacts = self._contacts(call, claimed)
        except Refused as error:
            for delivery in claimed:
                self._settle(call, delivery, domain.failed, error.code, self._platform.clock.now())
            return
        words = cache(partial(self._wordings.of, community, claimed[0].template))
        with self._mailer.session() as session:
            for delivery in claimed:
                if self._platform.draining:
                    return  # their time runs out, and another process claims them
                if self._in_time(call, delivery):
                    self._settle(call, delivery, *self._hand_over(session, delivery, contacts.get(delivery.recipient), words))

    def _claimed(self, call: Call, delivery: Delivery) -> Delivery | None:
        """The delivery, ours: since its birth, or claimed now. Another replica's claim is respected."""
        # Here are those that this process made, and those that were due: which are nobody's.
        if delivery.version == 1 and delivery.state == SENDING and delivery.due and delivery.due > call.at:
            return delivery
        try:
            claimed: Delivery = self._deliveries.change(call, delivery.id, domain.claim, call.at)
        except (Conflict, Missing):
            return None  # another replica has it, or it is over, or its person was erased
        return claimed

    def _in_time(self, call: Call, delivery: Delivery) -> bool:
        """Whether nobody else can claim it before it is sent; takes more time where there is little left."""
        now = self._platform.clock.now()
        if delivery.due and delivery.due > now + TIME_TO_SEND:
            return True
        try:
            self._deliveries.change(call, delivery.id, domain.renew, delivery.tries, now)
        except (Conflict, Missing):
            return False  # somebody else has claimed it, or its person was erased
        return True

    def _settle(self, call: Call, delivery: Delivery, *decided: Any) -> None:
        """Save what became of it."""
        try:
            after: Delivery = self._deliveries.change(call, delivery.id, domain.settle, delivery.tries, *decided)
        except Missing:
            return  # its person was erased meanwhile
        DELIVERIES.labels(after.channel, after.state).inc()
        log("deliveries").info(
            "delivery",
            id=after.id,
            channel=after.channel,
            state=after.state,
            reason=after.reason,
            tries=after.tries,
            correlation=after.correlation,
        )

    def _contacts(self, call: Call, deliveries: Sequence[Delivery]) -> Contacts:
        """Where the recipients are reached; nothing of those who are not there. A code is asked for when it is sent."""
        template = deliveries[0].template
        if template in OF_ACCOUNTS:
            return {}
        ids = list(dict.fromkeys(delivery.recipient for delivery in deliveries))
        asked = {"community": call.community, "ids": ids, "purpose": template}
        # What is asked for several belongs to no single request.
        correlation = deliveries[0].correlation if len(deliveries) == 1 else ""
        asking = dataclasses.replace(call, correlation=correlation, trace=new_trace()) if correlation else None
        return dict(ask(self._platform, "residents", "/internal/contacts", asked, asking)["people"])

    def _hand_over(
        self, session: Session, delivery: Delivery, contact: dict[str, Any] | None, words: Callable[[str], tuple[str, str]]
    ) -> tuple[Any, ...]:
        """Send it; returns the decision that records the outcome."""
        try:
            if delivery.template in OF_ACCOUNTS:
                self._tell_account(session, delivery, words)
                return (domain.sent, self._platform.clock.now())
            if contact is None:
                return (domain.skip, "no_such_person")
            if not contact["email"]:
                return (domain.skip, "no_address")
            subject, text = self._rendered(delivery.params, contact["language"], words)
            session.send(delivery.id, contact["email"], subject, text)
        except Unsendable as error:
            return (domain.failed, str(error), self._platform.clock.now(), True)
        except Missing:
            return (domain.skip, "over")
        except (Away, Refused) as error:
            reason = error.code if isinstance(error, Refused) else str(error)
            return (domain.failed, reason, self._platform.clock.now())
        except Exception as error:  # an address or words that no message can be made of
            log("deliveries").error("unsendable", id=delivery.id, error=type(error).__name__, where=where(error))
            return (domain.failed, "unsendable", self._platform.clock.now(), True)
        return (domain.sent, self._platform.clock.now())

    def _tell_account(self, session: Session, delivery: Delivery, words: Callable[[str], tuple[str, str]]) -> None:
        """Send what concerns an account: where to, and a code, are asked for when it is sent. Raises what sending raises."""
        asked = {"account_id": delivery.recipient, "code_id": delivery.params["code_id"]}
        answer = ask(self._platform, "residents", "/internal/codes", asked)
        params = {"code": answer["code"], "n": answer["community"]} | ({"until": answer["until"]} if answer["until"] else {})
        subject, text = self._rendered(params, answer["language"], words)
        if delivery.channel == TEXT and self._texts is not None:
            filled = wording.words(params, answer["language"])
            plain = {name: filled[name] for name in wording.PARAMETERS[delivery.template]}
            self._texts.send(delivery.id, answer["address"], delivery.template, plain, text)
        else:
            session.send(delivery.id, answer["address"], subject, text)
        if delivery.template in CODES:
            ask(self._platform, "residents", "/internal/codes/sent", asked)

    def _rendered(self, params: Any, language: str, words: Callable[[str], tuple[str, str]]) -> tuple[str, str]:
        subject, text = (wording.render(part, params, language) for part in words(language))
        return subject, text
