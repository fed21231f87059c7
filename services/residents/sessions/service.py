"""Entrypoints: signing in, going on, signing out."""

from __future__ import annotations

from typing import Any

from services.residents.activations.handlers import Activations
from services.residents.sessions import schemas
from services.residents.sessions.handlers import Sessions
from shared.entrypoints.api import api
from shared.entrypoints.fields import Nothing, Paging
from shared.runtime.platform import Provided


class OwnSessions:
    """Tokens for any client, and the same in a cookie for a browser."""

    sessions: Any = Provided(Sessions)
    activations: Any = Provided(Activations)

    @api("POST", "/tokens", takes=schemas.SignIn, gives=schemas.TokenView, idempotent=False, counted=True)
    def sign_in(self, call):
        return self.activations.sign_in(call)

    @api("POST", "/tokens/codes", takes=schemas.AskCode, gives=schemas.CodeView, status=202, idempotent=False, counted=True)
    def ask_for_a_code(self, call):
        return self.sessions.ask_code(call)

    @api("POST", "/tokens/refresh", takes=schemas.Refresh, gives=schemas.TokenView, idempotent=False, counted=True)
    def refresh(self, call):
        return self.sessions.refresh(call, call.body["refresh_token"])

    @api("POST", "/session", takes=schemas.SignInHere, gives=schemas.AccessView, idempotent=False, browser=True, counted=True)
    def sign_in_here(self, call):
        return self.sessions.for_browser(call, self.activations.sign_in)

    @api("DELETE", "/session", gives=Nothing, browser=True)
    def sign_out_here(self, call):
        return self.sessions.leave_browser(call)

    @api("GET", "/me/sessions", query=Paging, gives=schemas.SessionView, signed_in=True)
    def list_own_sessions(self, call):
        return self.sessions.page(call)

    @api("DELETE", "/me/sessions", gives=Nothing, signed_in=True)
    def end_all_own_sessions(self, call):
        self.sessions.end_all(call)

    @api("DELETE", "/me/sessions/{id}", gives=Nothing, signed_in=True)
    def end_own_session(self, call, id):
        self.sessions.end(call, id)

    @api("GET", "/.well-known/jwks.json", gives=schemas.JwksView)
    def jwks(self, call):
        return self.sessions.jwks()
