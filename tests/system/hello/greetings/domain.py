"""Greetings, and how often they were heard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from services.hello.events import SomebodyGreeted

from shared.events.base import Aggregate, Event


@dataclass(frozen=True, kw_only=True)
class Greeting(Aggregate):
    """What was said to whom."""

    PERSONAL: ClassVar = ("to",)

    to: str = ""
    heard: int = 0


def greet(id: str, to: str, at: datetime) -> tuple[Greeting, list[Event]]:
    """Somebody is greeted."""
    return Greeting(to=to), [SomebodyGreeted(id, at)]


def hear(greeting: Greeting) -> tuple[Greeting, list[Event]]:
    """It was heard."""
    return greeting.but(heard=greeting.heard + 1), []
