"""A caller of the public API, for the demo, the tests and the benchmarks: what any client would write."""

from __future__ import annotations

import time
import uuid
from typing import Any

import requests


class ApiError(Exception):
    """A reply that was not the expected one."""

    def __init__(self, reply: requests.Response) -> None:
        super().__init__(f"{reply.request.method} {reply.request.path_url}: {reply.status_code} {reply.text[:500]}")
        self.reply = reply


class Client:
    """One signed-in person (or nobody), at one base URL. For `patience` seconds it comes again when a reply asks for that."""

    def __init__(self, base_url: str, token: str = "", timeout: float = 30, patience: float = 0) -> None:
        self.base_url, self.token, self.timeout, self.patience = base_url, token, timeout, patience
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands before one's own machine, and to look for one costs every call

    def call(self, method: str, path: str, json: Any = None, key: str = "", **headers: str) -> requests.Response:
        """One request to /api/v1<path>; `key` is the Idempotency-Key."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if key:
            sent["Idempotency-Key"] = key
        end = time.monotonic() + self.patience
        while True:
            url = f"{self.base_url}/api/v1{path}"
            reply = self._session.request(method, url, json=json, headers=sent, timeout=self.timeout)
            wait = float(reply.headers.get("Retry-After", 1))
            if reply.status_code != 503 or time.monotonic() + wait > end:
                return reply
            time.sleep(wait)

    def get(self, path: str) -> Any:
        """The JSON of a 200. Raises ApiError."""
        return self._expect(self.call("GET", path))

    def pages(self, path: str) -> list[Any]:
        """All items of a list, page after page. Raises ApiError."""
        found: list[Any] = []
        after: str | None = ""
        while after is not None:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit=200&after={after}")
            found, after = found + page["items"], page["next"]
        return found

    def post(self, path: str, json: Any = None, key: str | None = None) -> Any:
        """The JSON of a 2xx, None for 204. Raises ApiError."""
        return self._expect(self.call("POST", path, json, key=str(uuid.uuid4()) if key is None else key))

    def patch(self, path: str, json: Any) -> Any:
        """The JSON of a 200. Raises ApiError."""
        return self._expect(self.call("PATCH", path, json))

    def sign_in(self, phone: str, **secret: str) -> Client:
        """Another client, signed in."""
        reply = self._expect(self.call("POST", "/tokens", {"phone": phone, **secret}))
        return Client(self.base_url, reply["access_token"], self.timeout, self.patience)

    @staticmethod
    def _expect(reply: requests.Response) -> Any:
        if not reply.ok:
            raise ApiError(reply)
        return reply.json() if reply.content else None


def until(found: Any, seconds: float = 15, what: str = "it") -> Any:
    """The first true value of `found()`, asked for the more seldom the longer it takes. Raises TimeoutError."""
    began = time.monotonic()
    while True:
        if value := found():
            return value
        waited = time.monotonic() - began
        if waited > seconds:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(min(0.25, max(0.02, waited / 10)))
