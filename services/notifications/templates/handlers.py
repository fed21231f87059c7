"""A community's words for each message: its own where it has some, else the usual ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.notifications.deliveries.domain import Delivery
from services.notifications.templates import domain
from services.notifications.templates.domain import Template
from services.notifications.templates.rules import wording
from shared.calls import Call, derived_id
from shared.rules.errors import Invalid
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind
from shared.storage.store import Page

TEMPLATES = Kind(Template, "templates")


class Templates:
    """Which words a message of a community has, in each language: its own, else the usual ones."""

    def __init__(self, platform: Platform) -> None:
        self._templates = platform.store(TEMPLATES)

    def of(self, community: str, name: str, language: str) -> tuple[str, str]:
        """Subject and text of a message, to be rendered with its parameters."""
        own = self._templates.find(community, derived_id(community, name, language))
        return (own.subject, own.text) if own else wording.TEXTS[name][language]

    def reword(self, call: Call, name: str, language: str) -> Template:
        """The community's own words for a message."""
        subject, text = call.body["subject"], call.body["text"]
        if "\n" in subject:
            raise Invalid("subject_invalid", "a subject is one line", "subject")
        wording.check(name, language, text)
        wording.check(name, language, subject)

        def new(_: str) -> Template:
            return Template(name=name, language=language, subject=subject, text=text)

        id = derived_id(call.community, name, language)
        made: Template = self._templates.ensure(call, id, new, domain.reword, subject, text)
        return made

    def all(self, call: Call) -> Page:
        """Every message with the words that hold in this community."""
        own = self._own(call.community)
        listed = []
        for name, languages in sorted(wording.TEXTS.items()):
            for language, usual in languages.items():
                subject, text = own.get((name, language), usual)
                listed.append({"name": name, "language": language, "subject": subject, "text": text})
        return Page(listed, None)

    def _own(self, community: str) -> dict[tuple[str, str], tuple[str, str]]:
        return {(t.name, t.language): (t.subject, t.text) for t in self._templates.all(community, {})}

    def messages(self, community: str, deliveries: Sequence[Delivery], language: str) -> list[dict[str, Any]]:
        """Deliveries in words: the community's own are read once for all of them."""
        own, in_words = self._own(community), []
        for delivery in deliveries:
            words = own.get((delivery.template, language), wording.TEXTS[delivery.template][language])
            shown = {name: getattr(delivery, name) for name in ("id", "template", "event_id", "sent_at", "read_at")}
            subject, text = (wording.render(part, delivery.params, language) for part in words)
            in_words.append(shown | {"subject": subject, "text": text})
        return in_words
