"""What a domain is made of: aggregates (state) and events (what became true)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from shared.rules.errors import Conflict


@dataclass(frozen=True)
class Event:
    """A fact in the past tense. Its first field is the id of the aggregate that it is about.

    Fields are ids, codes, numbers and times: never a name, phone, address, ID number or free text.
    Additive only: a field may be added with a default, none removed or retyped.
    """

    restricted: ClassVar[bool] = False  # said to those services alone that are meant to hear it, whoever it is about
    speaker: ClassVar[str] = ""
    name: ClassVar[str] = ""
    catalogue: ClassVar[dict[str, type[Event]]] = {}

    def __init_subclass__(cls) -> None:
        # The folder that it stands in: of the catalogue, or a service's own.
        cls.speaker = cls.__module__.removeprefix("shared.events.").removeprefix("services.").partition(".")[0]
        cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        if cls.name in Event.catalogue:
            raise TypeError(f"two events are named {cls.name}")
        Event.catalogue[cls.name] = cls

    @property
    def subject(self) -> str:
        """The id of the aggregate that spoke."""
        return str(getattr(self, dataclasses.fields(self)[0].name))


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """One consistent thing, saved as one document.

    LIFECYCLE maps each state to the states that may follow. PERSONAL names the fields that are
    encrypted at rest. `version` counts the commands carried out on it (0 = not saved yet).
    """

    id: str = ""
    community: str = ""
    version: int = 0
    born: datetime | None = None
    tombstone: bool = False  # nobody sees it any more, its last events still leave

    LIFECYCLE: ClassVar[Mapping[str, set[str]]] = {}
    PERSONAL: ClassVar[tuple[str, ...]] = ()

    @property
    def restricted(self) -> bool:
        """Whether what it says goes to the restricted exchange alone: no stream, no outsider."""
        return False

    @property
    def key_name(self) -> str:
        """Whose key its personal fields are encrypted with: its community's, or one of its own."""
        return self.community

    def but(self, **changes: Any) -> Self:
        """A copy with these fields changed."""
        # As dataclasses.replace does, without writing each field past the class's own refusal: every command makes copies.
        if unknown := changes.keys() - vars(self).keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        copy = object.__new__(type(self))
        vars(copy).update(vars(self), **changes)
        return copy

    def become(self, state: str, **changes: Any) -> Self:
        """A copy in the next state. Raises Conflict("illegal_transition") where LIFECYCLE has no such step."""
        now = getattr(self, "state", "")
        if state not in self.LIFECYCLE[now]:
            raise Conflict("illegal_transition", f"{now} cannot become {state}")
        return self.but(state=state, **changes)
