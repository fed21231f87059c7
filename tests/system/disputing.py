"""What tests do with disputes, through HTTP."""

from __future__ import annotations

from typing import Any

from ops.client import Client
from tests.system.world import Community

TERMS = {"facts": "漏水", "terms": "乙方修复并赔偿 500 元", "method": "转账", "deadline": "2026-12-31"}


class Case:
    """A dispute between the demo resident and the demo guardian, mediated by the demo mediator."""

    def __init__(self, lijing: Community, kind: str = "邻里", **facts: Any) -> None:
        self.lijing = lijing
        self.one, self.two, self.mediator = lijing.resident, lijing.as_("guardian"), lijing.as_("mediator")
        parties = [{"resident_id": lijing.id_of("resident")}, {"resident_id": lijing.id_of("guardian")}]
        asked = {"kind": kind, "text": "漏水纠纷", "parties": parties} | facts
        opened = lijing.worker.post(lijing.path("/disputes"), asked)
        self.id, self.opened = opened["id"], opened

    def act(self, who: Client, what: str, status: int = 200, **body: Any) -> dict[str, Any]:
        reply = who.call("POST", self.lijing.path(f"/disputes/{self.id}/{what}"), body)
        assert reply.status_code == status, (what, reply.text)
        return dict(reply.json())

    def see(self, who: Client) -> dict[str, Any]:
        return dict(who.get(self.lijing.path(f"/disputes/{self.id}")))

    def mediating(self) -> Case:
        self.act(self.lijing.worker, "mediators", mediators=[self.lijing.id_of("mediator")])
        return self

    def signed(self) -> dict[str, Any]:
        """In force, signed by all."""
        digest = self.act(self.mediator, "agreement", **TERMS)["digest"]
        for who in (self.one, self.two, self.mediator):
            self.act(who, "sign", digest=digest)
        return self.act(self.lijing.secretary, "sign", digest=digest, committee=True)

    def failed(self) -> Case:
        self.mediating().act(self.mediator, "fail", reason="分歧太大")
        return self
