"""Looks through the chains of acts, and says everything that is not as it was written, and where."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from joserfc.jwk import KeySet
from pymongo import MongoClient

from ops.settings import Installation, public_key
from shared.runtime.chain_writer import check_against, check_record, claims
from shared.security.audit import Audit, Finding
from shared.security.identity import vouched
from shared.security.privacy import Vault
from shared.storage.kinds import Codec, Kind
from shared.storage.tenants import Tenants


class Auditor:
    """The chains of one service."""

    def __init__(self, installation: Installation, service: str) -> None:
        self._client: MongoClient[Any] = MongoClient(installation.mongo(service), tz_aware=True)
        self._service, self._database = service, self._client[service]
        self._keys = KeySet.import_key_set({"keys": [public_key(installation.secrets["services"][service])]})
        self._vault = Vault(self._client, service, installation.secrets["master"][service])
        self.audit = Audit(service, self._client, service, Tenants(self._client, service))

    def communities(self) -> list[str]:
        """Whoever has a chain here."""
        return sorted({row["_id"] for row in self._database["tenants"].find({})} | {"_"})

    def verify(self, community: str, records: bool) -> dict[str, Any]:
        """What was found in one chain: `{service, community, entries, signed, findings}`; `signed` is how many entries
        the newest checkpoint vouches for: what was cut off behind it cannot be told."""
        findings = self.audit.verify(community)
        signed, bad = self._checkpoints(community)
        findings += bad + check_against(self.audit, community, signed)
        if records:
            findings += self._records(community)
        entries, _ = self.audit.length(community)
        newest = max((events["n"] for events in signed), default=0)
        return {"service": self._service, "community": community, "entries": entries, "signed": newest, "findings": findings}

    def _checkpoints(self, community: str) -> tuple[list[dict[str, Any]], list[Finding]]:
        signed, bad = [], []
        for document in self._database["checkpoints"].find({"community": community}).sort("n", 1):
            events = claims(self._service, community, document["n"], document["hash"])
            if vouched(document["signature"], events, self._keys):
                signed.append(events)
            else:
                bad.append(Finding(document["n"], "a checkpoint's signature does not hold"))
        return signed, bad

    def _records(self, community: str) -> list[Finding]:
        found = []
        for kind in trailed(self._service):
            codec = Codec(kind, self._vault)
            for document in self._database[kind.collection].find({"community": community}):
                if not document.get("trail_key"):
                    continue  # its key was destroyed with what it was about
                key = self._vault.unlock(document["trail_key"])
                finding = check_record(self.audit, kind.collection, key, document, codec.load(document))
                found += [finding] if finding else []
        return found


def trailed(service: str) -> tuple[Kind, ...]:
    """The kinds of record of a service whose acts are in its chain."""
    warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")
    module = importlib.import_module(f"services.{service}.service")
    return tuple(getattr(module, "TRAILED", ()))
