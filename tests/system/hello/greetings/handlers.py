"""Where greetings lie."""

from __future__ import annotations

from services.hello.greetings.domain import Greeting

from shared.storage.kinds import Kind

GREETINGS = Kind(Greeting, "greetings")
