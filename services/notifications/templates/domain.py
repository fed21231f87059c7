"""A community's own words."""

from __future__ import annotations

from dataclasses import dataclass

from shared.events.base import Aggregate, Event


@dataclass(frozen=True, kw_only=True)
class Template(Aggregate):
    """A community's own wording of a message in one language."""

    name: str
    language: str
    subject: str
    text: str


def reword(template: Template, subject: str, text: str) -> tuple[Template, list[Event]]:
    """Other words from now on."""
    return template.but(subject=subject, text=text), []
