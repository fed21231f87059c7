"""Asking another service over HTTP for what events never carry. Never in a command path."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter

from shared.calls import Call
from shared.rules.errors import Missing, Unavailable
from shared.runtime.platform import Platform

CONNECTIONS_A_NEIGHBOUR = 32  # connections to a neighbour that are kept: handlers and senders ask side by side

_session = requests.Session()
_session.mount("http://", HTTPAdapter(pool_maxsize=CONNECTIONS_A_NEIGHBOUR))
_session.mount("https://", HTTPAdapter(pool_maxsize=CONNECTIONS_A_NEIGHBOUR))


def ask(platform: Platform, peer: str, path: str, body: dict[str, Any], call: Call | None = None) -> dict[str, Any]:
    """POST to a neighbour's /internal path with a token for it alone. Raises Missing, or Unavailable where it is away."""
    base = platform.settings.environ.get(f"LINLI_{peer.upper()}_URL", "")
    if not base:
        raise Unavailable("peer_unknown", f"where {peer} listens is not configured")
    headers = {"Authorization": f"Bearer {platform.internal.token_for(peer)}"}
    if call is not None:
        headers |= {"X-Correlation-Id": call.correlation, "traceparent": call.trace}
    try:
        reply = _session.post(f"{base}{path}", json=body, headers=headers, timeout=5)
    except requests.RequestException as error:
        raise Unavailable("peer_unavailable", f"{peer} does not answer", retry_after=2) from error
    if reply.status_code == 404:
        raise Missing("not_found", f"{peer} knows of no such thing")
    if reply.status_code >= 300:
        raise Unavailable("peer_unavailable", f"{peer} answered {reply.status_code}", retry_after=2)
    return dict(reply.json()) if reply.content else {}
