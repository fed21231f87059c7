"""How aggregates are kept: what a kind declares, and how one of it becomes a document and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.events.base import Aggregate

Document = dict[str, Any]
STORED_AS: Mapping[str, str] = {"tombstone": "gone"}  # fields by the names of before, which the database and the chain keep


class Sealer(Protocol):
    """Encrypts; see privacy.Vault."""

    def seal(self, community: str, fields: dict[str, Any]) -> Any: ...
    def reveal(self, sealed: Any) -> dict[str, Any]: ...
    def lock(self, data: bytes, under: bytes = b"") -> bytes: ...
    def unlock(self, data: bytes, under: bytes = b"") -> bytes: ...
    def tokens(self, community: str, field: str, texts: set[str]) -> list[str]: ...


@dataclass(frozen=True)
class Kind:
    """How one type of aggregate is kept: its collection, unique and plain indexes (community comes first in each, and
    the order last where pages are read by them), the time by which lists go, and the searchable forms of its personal
    fields. Types that share a collection are told apart by what their indexes hold."""

    type: type[Aggregate]
    collection: str
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    search: dict[str, Callable[[Any], set[str]]] = field(default_factory=dict)
    sealed_unique: str = ""  # a searchable personal field that no two records of a community may share
    order: str = "born"
    trailed: bool = False  # each act on it goes into the chain: see trail.py


class Codec:
    """Between an aggregate and its document."""

    META = frozenset({"id", "community", "version", "born"})
    OWN = frozenset({"sealed", "find", "unique", "outbox", "sequence", "replies", "seen", "wrote", "trail_acts", "trail",
                     "trail_key"})  # fmt: skip

    def __init__(self, kind: Kind, vault: Sealer) -> None:
        self._kind, self._vault = kind, vault
        names = [f.name for f in dataclasses.fields(kind.type) if f.name not in self.META]
        if clash := self.OWN & set(names):
            raise ValueError(f"{kind.type.__name__}: the store itself keeps {', '.join(sorted(clash))}")
        self._personal = kind.type.PERSONAL
        self._plain = [name for name in names if name not in self._personal]
        self._stored = [(name, STORED_AS.get(name, name)) for name in self._plain]
        self.word = kind.type.__name__.lower()

    def dump(self, aggregate: Aggregate) -> Document:
        """The document's own fields, personal ones sealed, search tokens derived."""
        document = {stored: getattr(aggregate, name) for name, stored in self._stored}
        if not self._personal:
            return document
        document["sealed"], document["find"] = None, {}
        if not aggregate.tombstone:
            values = {name: getattr(aggregate, name) for name in self._personal}
            document["sealed"] = self._vault.seal(aggregate.key_name, values)
            document["find"] = {
                name: self._vault.tokens(aggregate.community, name, forms(aggregate))
                for name, forms in self._kind.search.items()
            }
        if self._kind.sealed_unique:
            # Nothing to compare: its own id, which nobody else can hold.
            document["unique"] = document["find"].get(self._kind.sealed_unique) or [aggregate.id]
        return document

    def load(self, document: Document) -> Any:
        """The aggregate."""
        values = {name: document[stored] for name, stored in self._stored if stored in document}
        if self._personal and document.get("sealed"):
            values |= self._vault.reveal(document["sealed"])
        return self._kind.type(
            id=document["_id"],
            community=document["community"],
            version=document["version"],
            born=document["born"],
            **values,
        )
