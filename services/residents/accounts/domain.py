"""Accounts: how somebody is known to be the same person again, and which communities that opens.

A *channel* is an address that its owner confirmed by a code sent to it; what stands in a record is a mere contact. Nobody
but the owner changes an account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from shared.events.base import Aggregate, Event
from shared.events.residents import (
    AccessRevoked,
    AccountNoticeDue,
    ChannelCodeRequested,
    MembershipAccepted,
    SignInCodeRequested,
)
from shared.rules.errors import Conflict, Forbidden, Missing, Unauthenticated

TEXT, MAIL = "text", "mail"
BY_CODE = ("code", "slip", "activation")  # how a session may have begun that stands for the password for a while
CHANNELS_AN_ACCOUNT = 6  # that an account may have
CODES_WAITING_MOST = 3  # that may wait at once
TOLD_FOR = timedelta(days=7)  # a channel that was given up is still told what happens
CODE_LIVES = timedelta(minutes=5)  # also: for how long a sign-in by code stands for one's password
INVITATION_LIVES = timedelta(days=14)
OBJECTION_FOR = timedelta(hours=24)  # in which the owner may stop that others recover the account
LIMITED_FOR = timedelta(days=7)  # after which a recovered account is like any other

Decided = tuple["Account", list[Event]]


@dataclass(frozen=True, kw_only=True)
class Account(Aggregate):
    """`credentials` are the blind tokens of its confirmed channels and external identities (its own id where it has none):
    unique in the installation. `channels` are `{id, kind, token, confirmed_at, bootstrap}`, `former` those that are only told
    things, `{id, kind, until}`, `external` `{id, token, issuer, confirmed_at}`; `addresses` by channel and `devices` by
    session are encrypted.

    `memberships` maps a community to `{id, roles, until, version (of the record), since}`; `invitations` are `{id, community,
    person, until}`. `codes` are the one-time codes that wait, `adding` the channel that is to be confirmed: `{id, hash, sealed,
    expires_at, channel}`. `sessions`: see sessions/domain.py. `generation` counts how often it lost rights. `recovery` is
    `{community, person, asked_by, confirmed_by, effective_at, used_at, until}`; `recovered` says when others let somebody in,
    by community.
    """

    PERSONAL: ClassVar = ("addresses", "devices")

    credentials: list[str] = field(default_factory=list)
    channels: list[dict[str, Any]] = field(default_factory=list)
    external: list[dict[str, Any]] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    language: str = "zh-CN"
    password: str = ""  # argon2
    password_at: datetime | None = None
    memberships: dict[str, dict[str, Any]] = field(default_factory=dict)
    invitations: list[dict[str, Any]] = field(default_factory=list)
    codes: list[dict[str, Any]] = field(default_factory=list)
    adding: dict[str, Any] | None = None
    sessions: list[dict[str, Any]] = field(default_factory=list)
    devices: dict[str, str] = field(default_factory=dict)
    generation: int = 0
    recovery: dict[str, Any] | None = None
    recovered: dict[str, datetime] = field(default_factory=dict)
    former: list[dict[str, Any]] = field(default_factory=list)

    @property
    def restricted(self) -> bool:
        """Who signs in where concerns the services alone: no stream, no outsider."""
        return True

    def channel(self, id: str) -> dict[str, Any]:
        """One confirmed channel. Raises Missing."""
        found = next((channel for channel in self.channels if channel["id"] == id), None)
        if found is None:
            raise Missing("channel_missing", "no such channel")
        return found

    def channel_of(self, token: str) -> dict[str, Any] | None:
        """The confirmed channel with this blind token."""
        return next((channel for channel in self.channels if channel["token"] == token), None)

    def knows(self, person: str) -> bool:
        """Whether it is this person somewhere, or is asked to be."""
        return any(one["id"] == person for one in self.memberships.values()) or any(
            one["person"] == person for one in self.invitations
        )

    def reached_by(self, at: datetime) -> list[str]:
        """Every confirmed channel, and those that were given up lately, as an event may name them."""
        told = [*self.channels, *(one for one in self.former if one["until"] > at)]
        return [f"{channel['kind']}:{channel['id']}" for channel in told]


def opened(
    id: str, at: datetime, channel: dict[str, Any] | None = None, address: str = "", language: str = "zh-CN"
) -> tuple[Account, list[Event]]:
    """A new account, with the one channel that was just confirmed, or with none."""
    account = Account(id=id, language=language)
    return (_with_channel(account, channel, address) if channel else account.but(credentials=[id])), []


def _with_channel(account: Account, channel: dict[str, Any], address: str) -> Account:
    return _known_by(
        account.but(channels=[*account.channels, channel], addresses={**account.addresses, channel["id"]: address})
    )


def _known_by(account: Account) -> Account:
    tokens = [one["token"] for one in (*account.channels, *account.external)]
    return account.but(credentials=tokens or [account.id])


def new_channel(id: str, kind: str, token: str, at: datetime, bootstrap: bool = False) -> dict[str, Any]:
    """A confirmed channel. To one that the deployment gave no codes are sent: nobody has shown that it is theirs."""
    return {"id": id, "kind": kind, "token": token, "confirmed_at": at, "bootstrap": bootstrap}


def is_former(id: str) -> bool:
    """Whether an id is one of before decision 21: a keyed hash of a phone, 64 digits long."""
    return len(id) == 64


# -- memberships


def enter(
    account: Account, community: str, person: str, roles: Sequence[str], until: datetime | None, version: int, at: datetime
) -> Decided:
    """The account opens this community, as this person, whose record says this in this version. Raises
    Conflict("already_a_member") where it opens it as somebody else."""
    before = account.memberships.get(community)
    if before and before["id"] != person:
        raise Conflict("already_a_member", "this account is somebody else in that community")
    invitations = [one for one in account.invitations if one["person"] != person]
    since = before["since"] if before else at
    membership = {"id": person, "roles": sorted(set(roles)), "until": until, "version": version, "since": since}
    entered = account.but(memberships={**account.memberships, community: membership}, invitations=invitations)
    return entered, [] if before else [MembershipAccepted(account.id, community, person, at)]


def follow(
    account: Account, community: str, person: str, roles: Sequence[str], until: datetime | None, version: int, at: datetime
) -> Decided:
    """What this version of the person's record says; an older one than was followed says nothing. Whoever loses a role, or
    some of the term, has no token any more that says more."""
    before = account.memberships.get(community)
    if not before or before["id"] != person or version < before["version"]:
        return account, []
    after = {**before, "roles": sorted(set(roles)), "until": until, "version": version}
    if after == before:
        return account, []
    changed = account.but(memberships={**account.memberships, community: after})
    less = not set(before["roles"]) <= set(roles) or (
        until is not None and (before["until"] is None or until < before["until"])
    )
    return _weakened(changed, community, at) if less else (changed, [])


def leave(account: Account, community: str, person: str, at: datetime, forget: bool = False) -> Decided:
    """The account no longer opens this community as this person. With `forget` one that opens nothing any more is gone."""
    left = {slug: m for slug, m in account.memberships.items() if (slug, m["id"]) != (community, person)}
    invitations = [one for one in account.invitations if one["person"] != person]
    if left == account.memberships and invitations == account.invitations:
        return account, []
    after = account.but(memberships=left, invitations=invitations)
    events: list[Event] = []
    if left != account.memberships:
        after, events = _weakened(after, community, at)
    if forget and not left and not invitations:
        events += [AccessRevoked(account.id, _ids(account.sessions), "", after.generation, at)] if account.sessions else []
        after = Account(
            id=account.id,
            community=account.community,
            version=account.version,
            born=account.born,
            tombstone=True,
            credentials=[account.id],
            generation=after.generation,
        )
    return after, events


def _weakened(account: Account, community: str, at: datetime) -> Decided:
    generation = account.generation + 1
    return account.but(generation=generation), [AccessRevoked(account.id, [], community, generation, at)]


def _ids(sessions: Sequence[dict[str, Any]]) -> list[str]:
    return [session["id"] for session in sessions]


def invite(account: Account, id: str, community: str, person: str, at: datetime) -> Decided:
    """Somebody who has this account's channel entered the code for a membership: its owner, signed in, may accept it."""
    if account.memberships.get(community, {}).get("id") == person:
        return account, []
    living = [one for one in account.invitations if one["until"] > at and one["person"] != person]
    invitation = {"id": id, "community": community, "person": person, "until": at + INVITATION_LIVES}
    return account.but(invitations=[*living, invitation]), [_notice(account, "account_invited", at)]


def invitation(account: Account, id: str, at: datetime) -> dict[str, Any]:
    """One that can be accepted. Raises Missing."""
    found = next((one for one in account.invitations if one["id"] == id and one["until"] > at), None)
    if found is None:
        raise Missing("invitation_missing", "no such invitation")
    return found


def decline(account: Account, id: str, at: datetime) -> Decided:
    """Its owner is not this person, or does not want to be."""
    declined = invitation(account, id, at)
    return account.but(invitations=[one for one in account.invitations if one["id"] != declined["id"]]), []


# -- what proves who one is


def expect_code(account: Account, code_id: str, hashed: str, sealed: bytes, channel: str, at: datetime) -> Decided:
    """A one-time code waits to be sent to a confirmed channel, and used."""
    expires = at + CODE_LIVES
    code = {"id": code_id, "hash": hashed, "sealed": sealed, "expires_at": expires, "channel": channel}
    event = SignInCodeRequested(account.id, code_id, expires, at, account.channel(channel)["kind"])
    # Whoever else asks must not take away the code that the owner has in hand.
    living = [one for one in account.codes if one["expires_at"] > at]
    return account.but(codes=[*living, code][-CODES_WAITING_MOST:]), [event]


def code_was_sent(account: Account, code_id: str) -> Decided:
    """The code has left: only its hash stays."""
    codes = [{**one, "sealed": None} if one["id"] == code_id else one for one in account.codes]
    adding = account.adding
    if adding and adding["id"] == code_id:
        adding = {**adding, "sealed": None}
    return account.but(codes=codes, adding=adding), []


def use_code(account: Account, hashed: str, at: datetime) -> Account:
    """The account without its codes, one of which this is. Raises Unauthenticated."""
    if not any(code["hash"] == hashed and code["expires_at"] > at for code in account.codes):
        raise Unauthenticated("credentials_wrong", "phone, password or code is wrong")
    return account.but(codes=[])


def is_fresh(account: Account, session_id: str, at: datetime) -> bool:
    """Whether this session began with a code a few minutes ago: that stands for the password."""
    session = next((s for s in account.sessions if s["id"] == session_id), None)
    # Whoever has no channel has no other proof than the identity that they came in with.
    ways = BY_CODE if account.channels else (*BY_CODE, "identity")
    return session is not None and session["how"] in ways and at - session["began"] <= CODE_LIVES


def set_password(account: Account, hashed: str, session: str, at: datetime) -> Decided:
    """Another password: every other session ends, and the channels are told."""
    kept = [one for one in account.sessions if one["id"] == session]
    ended = [one["id"] for one in account.sessions if one["id"] != session]
    devices = {id: name for id, name in account.devices.items() if id == session}
    after = account.but(password=hashed, password_at=at, sessions=kept, devices=devices)
    events: list[Event] = [AccessRevoked(account.id, ended, "", account.generation, at)] if ended else []
    if account.password and account.channels:
        events.append(_notice(account, "account_password_changed", at))
    return after, events


def first_password(account: Account, hashed: str, at: datetime) -> Decided:
    """The password that its owner chose together with the code that opened the account."""
    return account.but(password=hashed, password_at=at), []


# -- channels


def add_channel(account: Account, adding: dict[str, Any], address: str, at: datetime) -> Decided:
    """A code goes to the new address: until it is entered, the address counts for nothing."""
    if account.channel_of(adding["token"]):
        raise Conflict("channel_known", "this account is reached there already")
    if len(account.channels) >= CHANNELS_AN_ACCOUNT:
        raise Conflict("too_many_channels", f"an account has at most {CHANNELS_AN_ACCOUNT}")
    stale = account.adding["id"] if account.adding else ""
    addresses = {id: one for id, one in account.addresses.items() if id != stale}
    event = ChannelCodeRequested(account.id, adding["id"], adding["expires_at"], at, adding["kind"])
    return account.but(adding=adding, addresses={**addresses, adding["id"]: address}), [event]


def confirm_channel(account: Account, id: str, hashed: str, at: datetime) -> Decided:
    """The code that was sent there came back: it counts, and the channels of before are told."""
    adding = account.adding
    if not adding or adding["id"] != id or adding["expires_at"] <= at or adding["hash"] != hashed:
        raise Unauthenticated("code_wrong", "the code is wrong, or over")
    channel = new_channel(id, adding["kind"], adding["token"], at)
    after = _with_channel(account.but(adding=None), channel, account.addresses[id])
    return after, [_notice(account, "account_channel_added", at)] if account.channels else []


def drop_channel(account: Account, id: str, at: datetime) -> Decided:
    """It is given up, and free for whoever confirms it next. Raises Conflict("last_channel")."""
    account.channel(id)
    rest = [channel for channel in account.channels if channel["id"] != id]
    if not rest:
        raise Conflict("last_channel", "the last channel stays: nothing else would tell who you are")
    gone = account.channel(id)
    former = [one for one in account.former if one["until"] > at] + [{"id": id, "kind": gone["kind"], "until": at + TOLD_FOR}]
    known = {one["id"] for one in (*rest, *former, *([account.adding] if account.adding else []))}
    addresses = {one: address for one, address in account.addresses.items() if one in known}
    codes = [code for code in account.codes if code["channel"] != id]
    after = _known_by(account.but(channels=rest, former=former, addresses=addresses, codes=codes))
    return after, [_notice(after, "account_channel_removed", at)]


def link_identity(account: Account, id: str, token: str, issuer: str, at: datetime) -> Decided:
    """An external identity (issuer and subject) proves this account's owner from now on."""
    if any(one["token"] == token for one in account.external):
        return account, []
    if len(account.external) >= CHANNELS_AN_ACCOUNT:
        raise Conflict("too_many_identities", f"an account has at most {CHANNELS_AN_ACCOUNT}")
    external = [*account.external, {"id": id, "token": token, "issuer": issuer, "confirmed_at": at}]
    events: list[Event] = [_notice(account, "account_identity_linked", at)] if account.channels else []
    return _known_by(account.but(external=external)), events


def unlink_identity(account: Account, id: str) -> Decided:
    """That identity proves nothing here any more. Raises Missing, or Conflict where nothing else would."""
    rest = [one for one in account.external if one["id"] != id]
    if len(rest) == len(account.external):
        raise Missing("identity_missing", "no such identity")
    if not rest and not account.channels:
        raise Conflict("last_channel", "nothing else would tell who you are")
    return _known_by(account.but(external=rest)), []


# -- recovery: by two who work where the person is known


def ask_recovery(account: Account, community: str, person: str, by: str, at: datetime) -> Decided:
    """Somebody who works there has seen the person, who lost every channel."""
    if account.memberships.get(community, {}).get("id") != person:
        raise Missing("account_missing", "this person has no account here")
    running = account.recovery
    if running and running["until"] > at:
        raise Conflict("recovery_runs", "a recovery is under way, or was a short while ago")
    until = at + OBJECTION_FOR
    asked = {
        "community": community,
        "person": person,
        "asked_by": by,
        "confirmed_by": "",
        "effective_at": None,
        "used_at": None,
        "until": until,
    }
    return account.but(recovery=asked), []


def confirm_recovery(account: Account, community: str, person: str, by: str, at: datetime) -> Decided:
    """A second one has, too: every channel is told, and the owner has a day to object."""
    asked = _running(account, community, person, at)
    if asked["asked_by"] == by:
        raise Forbidden("same_person", "it takes two people")
    if asked["confirmed_by"]:
        raise Conflict("already_confirmed", "somebody confirmed it already")
    effective = at + OBJECTION_FOR
    recovery = {**asked, "confirmed_by": by, "effective_at": effective, "until": effective + LIMITED_FOR}
    return account.but(recovery=recovery), [_notice(account, "account_recovery", at, effective)]


def object_to_recovery(account: Account, at: datetime) -> Decided:
    """Its owner is there, and wants none of it; what somebody brought who came in by it already goes with it."""
    recovery = account.recovery
    if not recovery or recovery["until"] <= at:
        raise Missing("recovery_missing", "nobody recovers this account")
    used = recovery["used_at"]
    if not used:
        return account.but(recovery=None), []
    channels = [one for one in account.channels if one["confirmed_at"] < used]
    external = [one for one in account.external if one["confirmed_at"] < used]
    ended = [one["id"] for one in account.sessions if one["recovered"]]
    recovered = {slug: when for slug, when in account.recovered.items() if slug != recovery["community"]}
    after = account.but(
        recovery=None,
        recovered=recovered,
        channels=channels,
        external=external,
        adding=None,
        sessions=[one for one in account.sessions if not one["recovered"]],
    )
    known = {one["id"] for one in (*channels, *account.former)}
    after = _known_by(after.but(addresses={id: one for id, one in account.addresses.items() if id in known}))
    return after, [AccessRevoked(account.id, ended, "", account.generation, at)] if ended else []


def may_open_by_slip(account: Account, community: str, person: str, at: datetime) -> None:
    """A slip opens only an account that has no confirmed channel, or whose recovery nobody objected to. Raises Conflict."""
    if not account.channels and not account.external:
        return
    recovery = account.recovery
    if recovery and recovery["until"] > at and (recovery["community"], recovery["person"]) == (community, person):
        if recovery["effective_at"] and recovery["effective_at"] <= at and not recovery["used_at"]:
            return
        raise Conflict("recovery_waits", "the owner may still object; come again later")
    raise Conflict("has_channel", "this account is opened by a code to its channel")


def use_recovery(account: Account, at: datetime) -> Account:
    """The account as it is once somebody came in by a recovery, if they did."""
    recovery = account.recovery
    if (account.channels or account.external) and recovery and recovery["confirmed_by"]:
        recovered = {**account.recovered, recovery["community"]: at}
        return account.but(recovery={**recovery, "used_at": at, "until": at + LIMITED_FOR}, recovered=recovered)
    return account


def is_recovered(account: Account, proved_since: datetime | None) -> bool:
    """Whether what is proof only since then (None: the slip itself) came with a recovery: it opens no community but those in
    which people were seen by others, and those that were entered since."""
    if not account.recovered:
        return False
    return proved_since is None or proved_since >= min(account.recovered.values())


def limited_until(account: Account, proved_since: datetime | None, at: datetime) -> datetime | None:
    """Until when a session sees nothing restricted that begins now with such a proof."""
    if not is_recovered(account, proved_since):
        return None
    until = max(account.recovered.values()) + LIMITED_FOR
    return until if until > at else None


def _running(account: Account, community: str, person: str, at: datetime) -> dict[str, Any]:
    running = account.recovery
    if not running or running["until"] <= at or (running["community"], running["person"]) != (community, person):
        raise Missing("recovery_missing", "nobody asked to recover this account")
    return running


def _notice(account: Account, notice: str, at: datetime, until: datetime | None = None) -> AccountNoticeDue:
    return AccountNoticeDue(account.id, notice, account.reached_by(at), at, until)
