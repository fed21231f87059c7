"""A backend in which somebody else writes in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from services.bookings.directory import USES
from shared.runtime.testing import MemoryBackend
from shared.storage.kinds import Document


class Interleaved(MemoryBackend):
    """Somebody else writes between a read and the write that follows it."""

    def __init__(self) -> None:
        super().__init__(USES)
        self.meanwhile: Callable[[], None] | None = None

    def _let_in(self) -> None:
        act, self.meanwhile = self.meanwhile, None
        if act:
            act()

    def insert(self, documents: Sequence[Document]) -> list[Any]:
        self._let_in()
        return super().insert(documents)

    def update(self, *args: Any) -> bool:
        self._let_in()
        return super().update(*args)
