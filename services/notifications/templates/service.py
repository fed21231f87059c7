"""Entrypoints: a community's own words."""

from __future__ import annotations

from typing import Any

from services.notifications.templates import schemas
from services.notifications.templates.handlers import TEMPLATES, Templates
from shared.entrypoints.api import api
from shared.entrypoints.fields import Paging
from shared.rules.roles import OPERATOR, SECRETARY, STAFF
from shared.runtime.platform import Provided, Stored


class Words:
    """Which words each message has here."""

    templates = Stored(TEMPLATES)
    wordings: Any = Provided(Templates)

    @api("GET", "/{community}/templates", query=Paging, gives=schemas.TemplateView, allow=STAFF | {OPERATOR})
    def list_templates(self, call):
        return self.wordings.all(call)

    @api(
        "PUT",
        "/{community}/templates/{template}/{language}",
        takes=schemas.Reword,
        gives=schemas.TemplateView,
        allow={SECRETARY, OPERATOR},
    )
    def reword(self, call, template, language):
        return self.wordings.reword(call, template, language)
