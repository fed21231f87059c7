"""What a client asks of the database."""

from __future__ import annotations

from typing import Any

from pymongo.monitoring import CommandListener


class Asked(CommandListener):
    """The commands so far: (name, collection)."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def started(self, event: Any) -> None:
        self.found.append((event.command_name, str(event.command.get(event.command_name))))

    def succeeded(self, event: Any) -> None: ...
    def failed(self, event: Any) -> None: ...
