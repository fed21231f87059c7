"""Entrypoints: what an account's owner does with it, and how others help who has lost every way in."""

from __future__ import annotations

from typing import Any

from services.residents.accounts import domain, schemas
from services.residents.accounts.handlers import ACCOUNTS, Accounts
from shared.entrypoints.api import api
from shared.entrypoints.fields import Nothing
from shared.entrypoints.inbox import by_cause, by_id, on
from shared.events.residents import MembershipAccepted, SignInCodeAsked
from shared.rules.roles import STAFF
from shared.runtime.platform import Provided, Stored


class OwnAccounts:
    """The owner's own account over HTTP; its recovery by two workers."""

    identities = Stored(ACCOUNTS)
    accounts: Any = Provided(Accounts)

    @api("GET", "/me", gives=schemas.AccountView, signed_in=True)
    def read_own_account(self, call):
        return self.accounts.shown(call)

    @api(
        "POST",
        "/me/password",
        takes=schemas.SetPassword,
        gives=Nothing,
        signed_in=True,
        counted=True,
        status=204,
        idempotent=False,
    )
    def set_own_password(self, call):
        self.accounts.set_password(call)

    @api(
        "POST",
        "/me/channels",
        takes=schemas.AddChannel,
        gives=schemas.AddedView,
        signed_in=True,
        counted=True,
        status=202,
        idempotent=False,
    )
    def add_channel(self, call):
        return self.accounts.add_channel(call)

    @api(
        "POST",
        "/me/channels/{id}/confirm",
        takes=schemas.EnterCode,
        gives=schemas.AccountView,
        signed_in=True,
        counted=True,
        status=200,
        idempotent=False,
    )
    def confirm_channel(self, call, id):
        return self.accounts.confirm_channel(call, id)

    @api("DELETE", "/me/channels/{id}", gives=Nothing, signed_in=True)
    def drop_channel(self, call, id):
        self.accounts.drop_channel(call, id)

    @api(
        "POST",
        "/me/identities",
        takes=schemas.LinkIdentity,
        gives=schemas.AccountView,
        signed_in=True,
        counted=True,
        status=200,
        idempotent=False,
    )
    def link_identity(self, call):
        return self.accounts.link_identity(call)

    @api("DELETE", "/me/identities/{id}", gives=Nothing, signed_in=True)
    def unlink_identity(self, call, id):
        self.accounts.unlink_identity(call, id)

    @api("POST", "/me/invitations/{id}/accept", gives=schemas.AccountView, signed_in=True, status=200, idempotent=False)
    def accept_invitation(self, call, id):
        return self.accounts.accept(call, id)

    @api("POST", "/me/invitations/{id}/decline", gives=Nothing, signed_in=True, status=204, idempotent=False)
    def decline_invitation(self, call, id):
        self.accounts.decline(call, id)

    @api("DELETE", "/me/recovery", gives=Nothing, signed_in=True)
    def object_to_recovery(self, call):
        self.accounts.object(call)

    @api(
        "POST",
        "/{community}/residents/{id}/recovery",
        gives=schemas.RecoveryView,
        allow=STAFF,
        status=200,
        idempotent=False,
        audited="asked_for_recovery",
    )
    def ask_for_recovery(self, call, id):
        return self.accounts.ask_recovery(call, id, domain.ask_recovery)

    @api(
        "POST",
        "/{community}/residents/{id}/recovery/confirm",
        gives=schemas.RecoveryView,
        allow=STAFF,
        status=200,
        idempotent=False,
        audited="confirmed_recovery",
    )
    def confirm_recovery(self, call, id):
        return self.accounts.ask_recovery(call, id, domain.confirm_recovery)

    # -- what follows from one's own events: a crash between two writes is made good here

    @on(MembershipAccepted, once=by_id("settle"))
    def settle_a_membership(self, call, event):
        self.accounts.settle(call, event.account_id, event.community_id, event.person_id)

    @on(SignInCodeAsked, once=by_cause)
    def make_the_code(self, call, event):
        self.accounts.make_code(call, event)
