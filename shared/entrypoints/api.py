"""`@api`: one HTTP operation. Who may call it, what it takes, what it gives; everything else happens here once."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import structlog
from marshmallow import RAISE, Schema, ValidationError
from nameko.extensions import Entrypoint

from shared.calls import Call, Replayed, body_digest, derived_id, new_trace, to_milliseconds
from shared.entrypoints.fields import RESERVED
from shared.entrypoints.problems import Reply, invalid, problem, refusal
from shared.entrypoints.server import Server
from shared.events.base import Aggregate
from shared.rules.errors import Forbidden, Invalid, Malformed, Missing, Refused, TooLarge, Unauthenticated, WrongType
from shared.rules.roles import INSTALLATION, OPERATOR
from shared.runtime.platform import Platform
from shared.security.identity import Membership, Principal
from shared.storage.store import Page
from shared.telemetry import log, where

BODY_BYTES_MOST = 256 * 1024
JSON = "application/json"
_CORRELATION = re.compile(r"[A-Za-z0-9._-]{8,64}")
_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_KEY = re.compile(r"[\x21-\x7e]{8,255}")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True)
class Raw:
    """A reply that is not JSON; the operation says its content type by `gives`, or the reply itself by `type`. With
    `filename` it is to be kept, not shown."""

    body: bytes
    type: str = ""
    filename: str = ""


@dataclass(frozen=True)
class Cookie:
    """A result, and what the browser is to keep with it: `{name: (value, for how long)}`, no time for what it is to forget."""

    result: Any
    kept: Mapping[str, tuple[str, timedelta]]


class Api(Entrypoint):
    """`@api("POST", "/{community}/rooms", takes=…, gives=…, allow={SECRETARY})`. The method gets `(call, **path values)`
    and returns an aggregate, a Page, a dict, Raw, or None (204).

    `takes` and `query` are schemas for body and query string. `allow` names roles; without it the operation is open to
    anybody (`security: []`); with `guests` to anybody, too, and who signs in is known; with `signed_in` to everybody who is
    signed in, whatever their roles. `internal` names services: then only they may call, under /internal. `browser`: a page
    of this installation calls, which brings cookies, and keeps some. `counted`: tries are counted, and too many answer 429.
    `restricted`: closed to whom others let in again a short while ago. `audited` names the act that goes to the log each
    time, because it opens personal data. `takes_bytes`: the body is so many bytes at most, of any type, in
    `call.body["data"]`. `gives` is a schema, or the content type of a Raw.
    """

    server = Server()
    platform = Platform()

    def __init__(
        self,
        method: str,
        path: str,
        *,
        takes: type[Schema] | None = None,
        query: type[Schema] | None = None,
        gives: type[Schema] | str | None = None,
        allow: Iterable[str] = (),
        guests: bool = False,
        signed_in: bool = False,
        browser: bool = False,
        counted: bool = False,
        restricted: bool = False,
        takes_bytes: int = 0,
        internal: Iterable[str] = (),
        status: int | None = None,
        audited: str = "",
        idempotent: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.method, self.path = method, path
        self.takes, self.query, self.gives = takes, query, gives
        self.allow, self.internal = frozenset(allow), frozenset(internal)
        self.status = status or (201 if method == "POST" else 200)
        self.audited = audited
        self.guests, self.takes_bytes = guests, takes_bytes
        self.signed_in, self.browser, self.counted, self.restricted = signed_in, browser, counted, restricted
        self.idempotent = idempotent and method == "POST"
        # A list is what pages: its query has a cursor, or its search does.
        pages = query if method == "GET" else takes
        self.lists = pages is not None and "after" in pages._declared_fields
        # Built once: a schema costs more to build than to use.
        self._door = takes(unknown=RAISE) if takes else None
        self._window = query(unknown=RAISE) if query else None
        self._view = gives() if gives and not isinstance(gives, str) else None

    @property
    def template(self) -> str:
        """The whole path as routed: public operations live under /api/v1."""
        return self.path if self.internal or self.path.startswith("/.well-known") else f"/api/v1{self.path}"

    def setup(self) -> None:
        self.server.register_provider(self)

    def stop(self) -> None:
        self.server.unregister_provider(self)

    # -- one request

    def answer(self, environ: dict[str, Any], values: dict[str, str]) -> Reply:
        """The reply to one request; never raises."""
        call = None
        trace = environ.get("HTTP_TRACEPARENT", "")
        trace = trace if _TRACE.fullmatch(trace) else new_trace()
        correlation = environ.get("HTTP_X_CORRELATION_ID", "")
        if self._unknown_caller(environ):
            trace, correlation = new_trace(), ""  # what callers bring along would tie what they do to what else they did
        correlation = correlation if _CORRELATION.fullmatch(correlation) else trace[3:35]
        structlog.contextvars.bind_contextvars(correlation=correlation)
        try:
            call = Call(community=values.pop("community", INSTALLATION), at=self._now(), correlation=correlation, trace=trace)
            self._fill(call, environ, values)
            status, headers, body = self._carry_out(call, values)
        except Replayed as again:
            status, headers, body = again.status, [("Content-Type", JSON), ("ETag", f'"{again.version}"')], again.body
        except Refused as error:
            status, headers, body = refusal(self._note_refusal(call, error))
        except Exception as error:  # a bug: the caller learns nothing of the inside, the log all that is safe
            log("http").error("failed", route=self.template, error=type(error).__name__, where=where(error))
            status, headers, body = problem(500, "internal", "the fault is ours and has been logged")
        headers.append(("X-Correlation-Id", correlation))
        return status, headers, body

    def _unknown_caller(self, environ: dict[str, Any]) -> bool:
        """Whether somebody acts in a community without saying who they are."""
        may = not self.allow or self.guests
        return "{community}" in self.path and may and "HTTP_AUTHORIZATION" not in environ

    def _now(self) -> datetime:
        return to_milliseconds(self.platform.clock.now())

    def _note_refusal(self, call: Call | None, error: Refused) -> Refused:
        """Refused access by somebody who is known goes to the log, before the caller hears of it."""
        if call is None or not call.sub or not (isinstance(error, Forbidden) or error.code == "community_missing"):
            return error
        try:
            # Under an id of our own: one that callers bring along would tie what they do here to what else they did.
            ours = dataclasses.replace(call, correlation=new_trace()[3:35])
            self.platform.audit.record(ours, f"refused:{error.code}", route=f"{self.method} {self.template}")
        except Refused as failed:
            return failed
        return error

    def _fill(self, call: Call, environ: dict[str, Any], values: dict[str, str]) -> None:
        """Everything about the call that the request says, checked in the order in which callers expect refusals."""
        call.status = self.status
        call.client, call.agent = environ.get("HTTP_X_LINLI_CLIENT", ""), environ.get("HTTP_USER_AGENT", "")[:200]
        if self.browser:
            self._check_origin(call, environ)
        self._let_in(call, environ)
        call.query = self._read_query(environ)
        raw = self._read_body(environ, call)
        if (etag := environ.get("HTTP_IF_MATCH")) and self.method != "GET":
            if not re.fullmatch(r'"\d{1,9}"', etag):
                raise Invalid("etag_invalid", "If-Match takes one strong ETag that was given before", "If-Match")
            call.if_match = int(etag.strip('"'))
        if self.idempotent and (key := environ.get("HTTP_IDEMPOTENCY_KEY")):
            self._bind_key(call, key, values, raw)
        call.render = Rendering(self._view)

    def _bind_key(self, call: Call, key: str, values: dict[str, str], raw: bytes) -> None:
        if not _KEY.fullmatch(key):
            raise Invalid("idempotency_key_invalid", "8 to 255 visible ASCII characters", "Idempotency-Key")
        if not call.sub and len(set(key)) < 10:
            raise Invalid("idempotency_key_weak", "without a token the key must be unguessable", "Idempotency-Key")
        call.key = derived_id(call.community, call.sub, self.method, self.path, *sorted(values.values()), key)
        call.body_hash = body_digest(raw)
        call.secret = b"" if call.sub else key.encode()

    # -- who

    def _let_in(self, call: Call, environ: dict[str, Any]) -> None:
        if self.internal:
            caller = self.platform.internal.caller(_bearer(environ))
            if caller not in self.internal:
                raise Forbidden("not_for_you", "this service may not ask")
            call.actor = call.sub = caller
            return
        if not (self.allow or self.signed_in) or (self.guests and "HTTP_AUTHORIZATION" not in environ):
            if "{community}" in self.path and not self.platform.knows(call.community):
                raise Missing("community_missing", "no such community")
            return
        principal = self.platform.verifier.verify(_bearer(environ))
        call.sub, call.session, call.limited = principal.sub, principal.session, principal.limited
        own = principal.in_community(INSTALLATION)
        call.installation = own is not None and OPERATOR in own.roles
        membership = principal.in_community(call.community)
        if "{community}" in self.path and (membership is None or call.community in RESERVED):
            # It is noted where the caller is at home: nobody writes into a chain of others.
            call.community = min(principal.communities, default=INSTALLATION)
            if at_home := principal.in_community(call.community):
                call.actor, call.roles = at_home.id, at_home.roles
            raise Missing("community_missing", "no such community")
        membership = membership or _anywhere(principal)
        call.actor, call.roles, call.slugs = membership.id, membership.roles, frozenset(principal.communities)
        if self.allow and self.allow.isdisjoint(membership.roles):
            raise Forbidden("role_missing", "none of your roles may do this")
        if self.restricted and call.limited:
            raise Forbidden(
                "recovered_lately", "this account was recovered by others; what is restricted stays closed for a week"
            )

    def _check_origin(self, call: Call, environ: dict[str, Any]) -> None:
        """That a page of this installation asks, and no other site in somebody's browser. Raises Forbidden."""
        call.host = environ.get("HTTP_HOST", "")
        try:
            origin = urlsplit(environ.get("HTTP_ORIGIN", "")).netloc
        except ValueError:  # no address at all
            origin = ""
        if not origin or origin.lower() != call.host.lower():
            raise Forbidden("origin_foreign", "only a page of this very site may ask for this")
        cookies = SimpleCookie()
        try:
            cookies.load(environ.get("HTTP_COOKIE", ""))
        except CookieError:
            return
        call.cookies = {name: one.value for name, one in cookies.items()}

    # -- what

    def _read_query(self, environ: dict[str, Any]) -> dict[str, Any]:
        text = environ.get("QUERY_STRING", "")
        try:
            pairs = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=20)) if text else {}
        except ValueError as error:
            raise Malformed("query_malformed", "the query string cannot be read") from error
        if self._window is None:
            if pairs:
                raise invalid({name: "Unknown field." for name in pairs})
            return {}
        return _load(self._window, pairs)

    def _read_body(self, environ: dict[str, Any], call: Call) -> bytes:
        if self.method in ("GET", "DELETE"):
            return b""
        raw = _whole_body(environ, self.takes_bytes or BODY_BYTES_MOST)
        if self.takes_bytes:
            call.body = {"data": raw}
            return raw
        if self._door is None:
            if raw.strip() not in (b"", b"{}"):
                raise Invalid("body_unexpected", "this operation takes no body", "body")
            return b""  # {} is nothing, too: a repeat may send either
        if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != JSON:
            raise WrongType("content_type", "send application/json", "Content-Type")
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise Malformed("json_malformed", "the body is not JSON", "body") from error
        if not isinstance(body, dict):
            raise Invalid("body_not_object", "the body must be a JSON object", "body")
        try:
            field = _with_nul(body, "") if b"\\u0000" in raw else ""
        except RecursionError as error:  # the reader goes deeper than Python does
            raise Malformed("json_malformed", "the body is nested too deep", "body") from error
        if field:
            raise Invalid("text_invalid", "NUL is not text", field)
        call.body = _load(self._door, body)
        return raw

    # -- the work

    def _carry_out(self, call: Call, values: dict[str, str]) -> Reply:
        result = self.server.work(self, call, values)
        if self.audited and not call.own:
            subjects = _subjects(result) or [values[name] for name in values if name == "id"]
            self.platform.audit.record(call, self.audited, subjects, route=f"{self.method} {self.template}")
        headers: list[tuple[str, str]] = []
        if isinstance(result, Cookie):
            headers += [("Set-Cookie", _cookie(*one, call.host)) for one in result.kept.items()]
            headers.append(("Cache-Control", "no-store"))
            result = result.result
        if isinstance(result, Raw):
            headers += [("Content-Type", result.type or str(self.gives)), ("Cache-Control", "no-store")]
            if result.filename:
                kept = f'attachment; filename="{result.filename}"'
                headers += [("Content-Disposition", kept), ("X-Content-Type-Options", "nosniff")]
            return self.status, headers, result.body
        if self._view is None or result is None or self.status == 204:
            return 204, headers, b""
        if isinstance(result, Aggregate):
            headers.append(("ETag", f'"{result.version}"'))
        headers.append(("Content-Type", JSON))
        assert call.render is not None
        return self.status, headers, call.render(result) or b""


class Rendering:
    """What a result looks like to the caller. It must not know the call that has it: a cycle would keep all that a command
    has read until the next garbage collection, and hand the next command cold memory."""

    def __init__(self, view: Schema | None) -> None:
        self._view = view
        self._result: Any = None
        self._body = b""

    def __call__(self, result: Any) -> bytes:
        """The reply's body. The store asks for it too, to keep it beside what it saves: the same result is not dumped twice."""
        if result is self._result:
            return self._body
        view = self._view
        assert view is not None
        if isinstance(result, Page):
            body = orjson.dumps({"items": [view.dump(item) for item in result.items], "next": result.next})
        else:
            body = orjson.dumps(view.dump(result))
        self._result, self._body = result, body
        return body


def _whole_body(environ: dict[str, Any], limit: int) -> bytes:
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > limit:
        raise TooLarge("body_too_large", f"a body has at most {limit} bytes", "body")
    try:
        raw: bytes | None = environ["wsgi.input"].read(int(length) or limit + 1)
    except (OSError, ValueError):  # chunks that cannot be read, or do not end
        raw = None
    if raw is None or len(raw) < int(length):
        # Whoever was sending it is gone. A proxy that comes again with a body it has used up sends its head alone.
        raise Malformed("body_incomplete", "the body does not come to its end", "body")
    if len(raw) > limit:
        raise TooLarge("body_too_large", f"a body has at most {limit} bytes", "body")
    return raw


def _cookie(name: str, kept: tuple[str, timedelta], host: str) -> str:
    value, lives = kept
    made: SimpleCookie = SimpleCookie({name: value})
    facts: dict[str, Any] = {
        "path": "/api/v1/session",
        "max-age": int(lives.total_seconds()),
        "httponly": True,
        "samesite": "Strict",
    }
    # On loopback there is no TLS, and nobody on the way.
    here = host if host.endswith("]") else host.rpartition(":")[0] or host
    made[name].update(facts if here in LOOPBACK else facts | {"secure": True})
    return made[name].OutputString()


def _bearer(environ: dict[str, Any]) -> str:
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("token_missing", "send a bearer token")
    return str(token.strip())


def _anywhere(principal: Principal) -> Membership:
    """For operations outside any community: the installation's roles, or all that the caller has anywhere."""
    if own := principal.in_community(INSTALLATION):
        return own
    roles = frozenset(role for membership in principal.communities.values() for role in membership.roles)
    return Membership(principal.sub, roles)


def _load(schema: Schema, data: dict[str, Any]) -> dict[str, Any]:
    try:
        return dict(schema.load(data))
    except ValidationError as error:
        raise invalid(error.normalized_messages()) from error
    except (OverflowError, RecursionError) as error:
        raise Invalid("input_invalid", "a value is out of range", "body") from error


def _with_nul(value: Any, path: str) -> str:
    """The path of the first text that holds NUL, or ""."""
    if isinstance(value, str):
        return path if "\x00" in value else ""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        step = f"{path}.{key}".lstrip(".").replace("\x00", "")
        if found := _with_nul(inner, step) or ("\x00" in str(key) and step):
            return str(found)
    return ""


def _subjects(result: Any) -> list[str]:
    if isinstance(result, Page):
        return [item.id for item in result.items if isinstance(item, Aggregate)]
    return [result.id] if isinstance(result, Aggregate) else []


api = Api.decorator
