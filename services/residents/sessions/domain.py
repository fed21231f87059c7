"""Sessions of an account: one a device, renewed by refresh tokens that work once, ended in many ways.

A session is `{id, n, how, began, used, expires_at, community, recovered, limited_until}`; `n` is the number of the refresh
token that was given last. A token can be computed from these and the installation's key: none is kept.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from services.residents.accounts.domain import Account, is_recovered, limited_until
from shared.events.base import Event
from shared.events.residents import AccessRevoked
from shared.rules.errors import Forbidden, Invalid, Missing
from shared.rules.roles import INSTALLATION, SECRET

REFRESH_LIVES = timedelta(days=30)
SESSIONS_AN_ACCOUNT = 10  # signed-in devices an account keeps; the oldest gives way
MEMBERSHIP_CHARACTERS_A_TOKEN = 4500  # characters of memberships: as base64 within the 8 KiB that a header may have

Decided = tuple[Account, list[Event]]


def begin(
    account: Account, id: str, how: str, community: str, device: str, proved_since: datetime | None, at: datetime
) -> Decided:
    """Signed in, with what is proof since then (None: a slip). Raises what `named` raises."""
    session = {
        "id": id,
        "n": 1,
        "how": how,
        "began": at,
        "used": at,
        "expires_at": at + REFRESH_LIVES,
        "community": community,
        "recovered": is_recovered(account, proved_since),
        "limited_until": limited_until(account, proved_since, at),
    }
    living = [one for one in account.sessions if one["expires_at"] > at]
    kept = [*living, session][-SESSIONS_AN_ACCOUNT:]
    dropped = [one["id"] for one in living if one not in kept]
    named(account, session, at)  # refused before anything is spent
    after = _with(account, kept).but(devices={**_with(account, kept).devices, id: device})
    return after, [AccessRevoked(account.id, dropped, "", account.generation, at)] if dropped else []


def renew(account: Account, id: str, n: int, community: str, at: datetime) -> Decided:
    """A refresh token is used. The newest gives way to its successor; the one before it, whose successor nobody has used, to
    the same successor again (two tabs, a lost reply); any other was stolen, from one side or the other: the session ends."""
    session = find(account, id)
    if session is None or session["expires_at"] <= at:
        return account, []
    if n < session["n"] - 1:
        return end(account, [id], at)
    changed = {**session, "community": community or session["community"], "used": at, "n": max(session["n"], n + 1)}
    named(account, changed, at)
    if n == session["n"] - 1 and changed["community"] == session["community"]:
        return account, []
    return account.but(sessions=[changed if one["id"] == id else one for one in account.sessions]), []


def end(account: Account, ids: list[str], at: datetime) -> Decided:
    """These sessions are over, everywhere."""
    ended = [one["id"] for one in account.sessions if one["id"] in ids]
    if not ended:
        return account, []
    after = _with(account, [one for one in account.sessions if one["id"] not in ended])
    return after, [AccessRevoked(account.id, ended, "", account.generation, at)]


def end_one(account: Account, id: str, at: datetime) -> Decided:
    """One of one's own is over. Raises Missing."""
    if find(account, id) is None:
        raise Missing("session_missing", "no such session")
    return end(account, [id], at)


def find(account: Account, id: str) -> dict[str, Any] | None:
    """The session of this id."""
    return next((one for one in account.sessions if one["id"] == id), None)


def _with(account: Account, sessions: list[dict[str, Any]]) -> Account:
    ids = {one["id"] for one in sessions}
    return account.but(sessions=sessions, devices={id: name for id, name in account.devices.items() if id in ids})


def named(account: Account, session: dict[str, Any], at: datetime) -> dict[str, dict[str, Any]]:
    """What a token of this session names: the community that was asked for, or all, and the installation beside it. An ended
    term opens nothing any more (P5). Whom others let in: where they did, for a while without roles that see secrets.
    Raises Forbidden("no_membership"), Invalid("community_needed")."""
    community, limited = session["community"], is_limited(session, at)
    living = {slug: m for slug, m in account.memberships.items() if not m["until"] or m["until"] > at}
    if session["recovered"] and account.recovered:
        first = min(account.recovered.values())
        living = {slug: m for slug, m in living.items() if slug in account.recovered or m["since"] >= first}
    asked = {
        slug: {"id": m["id"], "roles": [role for role in m["roles"] if not (limited and role in SECRET)]}
        for slug, m in living.items()
        if community in ("", slug) or slug == INSTALLATION
    }
    waiting = any(one["until"] > at for one in account.invitations)
    if community not in ("", *asked) or not (asked or waiting):
        what = "this community" if community else "any community"
        raise Forbidden("no_membership", f"this account does not open {what} at present")
    if len(json.dumps(asked)) > MEMBERSHIP_CHARACTERS_A_TOKEN:
        raise Invalid("community_needed", f"this account opens {len(asked)} communities: say which one", "community")
    return asked


def is_limited(session: dict[str, Any], at: datetime) -> bool:
    """Whether others let this session in a short while ago."""
    return session["limited_until"] is not None and session["limited_until"] > at


def lives_until(account: Account, names: dict[str, Any], until: datetime) -> datetime:
    """When a token that names these communities is over: then, or with the first of their terms."""
    terms: list[datetime] = [term for slug in names if (term := account.memberships[slug]["until"]) is not None]
    return min([until, *terms])
