"""Hello: the entrypoints of its one part."""

from __future__ import annotations

from services.hello.greetings.service import Greetings

from shared.entrypoints.service import ServiceBase


class Hello(Greetings, ServiceBase):
    """Greets."""

    name = "hello"
