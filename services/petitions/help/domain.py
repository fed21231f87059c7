"""Private help (the women's home): what somebody asks is known to the help officers, and to nobody else in the house."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from services.petitions.domain import Actor, Case, start, stop
from shared.events.base import Event
from shared.events.locale import Locale
from shared.events.petitions import HelpRequested, HelpRequestEnded, HelpRequestNoted, HelpRequestTaken

ASKED, TAKEN, ENDED = "asked", "taken", "ended"
HOME = "妇女之家"


@dataclass(frozen=True, kw_only=True)
class HelpRequest(Case):
    """One request. `violence` is a flag that is as private as the rest."""

    CASE: ClassVar = "help"
    PERSONAL: ClassVar = ("text", "contact", "resident_id", "notes", "violence")
    LIFECYCLE: ClassVar = {ASKED: {TAKEN, ENDED}, TAKEN: {ENDED}, ENDED: set()}

    state: str = ASKED
    responsible_authority: str = HOME
    urgent: bool = False
    reason: str = ""
    violence: bool = False
    text: str = ""
    contact: str = ""
    resident_id: str = ""

    @property
    def restricted(self) -> bool:
        """All of it."""
        return True

    def opens_to(self, actor: Actor) -> bool:
        """Whoever asked, and the help officers whom it does not accuse."""
        if actor.key and actor.key in self.found_by:
            return True
        return actor.is_one_of("help_officer") and not self.hides_from(actor)


Decided = tuple[HelpRequest, list[Event]]


def ask(id: str, facts: dict[str, Any], actor: Actor, locale: Locale, at: datetime) -> Decided:
    """Somebody asks for help; a help officer answers within a working day."""
    made = HelpRequest(id=id, **facts).but(urgent=facts.get("urgent", False) or facts.get("violence", False))
    made = start(made, locale, "promise", "promise.help", locale.today(at)).acted(actor, "asked", at)
    return made, [HelpRequested(id, made.number, made.urgent, at)]


def take(help: HelpRequest, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """A help officer is in charge."""
    changed = stop(help.become(TAKEN, assignee=actor.id), locale, "promise").acted(actor, "taken", at)
    return changed, [HelpRequestTaken(help.id, help.number, at)]


def note(help: HelpRequest, text: str, internal: bool, actor: Actor, at: datetime) -> Decided:
    """Something is written down."""
    return help.noted(actor, "note", text, at, internal), [HelpRequestNoted(help.id, help.number, actor.role, internal, at)]


def end(help: HelpRequest, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """It is settled, went on to another body, or is taken back."""
    changed = stop(help.become(ENDED, reason=reason), locale, state="off").acted(actor, "ended", at, reason=reason)
    return changed, [HelpRequestEnded(help.id, help.number, reason, at)]


def seen_by(help: HelpRequest, actor: Actor) -> HelpRequest:
    """Whoever asked does not see the officers' own notes."""
    if actor.is_one_of("help_officer"):
        return help
    return help.but(notes=[n for n in help.notes if not n["internal"]], assignee="")
