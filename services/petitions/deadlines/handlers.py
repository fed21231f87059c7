"""The calculator: the very rules and calendars that the clocks of cases use."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

from shared.calls import Call
from shared.events.base import Event
from shared.events.locale import Locale
from shared.rules.errors import Invalid, Missing
from shared.rules.law import RULES, Rule, check_no_longer, local_rule, shown
from shared.runtime.directory import LOCALES
from shared.runtime.platform import Platform


class Calculator:
    """Deadlines by rule, date and community, worked out by the code that cases use."""

    def __init__(self, platform: Platform) -> None:
        self._locales = platform.store(LOCALES)

    def find(self, call: Call) -> dict[str, Any]:
        """A date, with its reasons. Raises Invalid for `rule`, Missing for a community that is not here."""
        locale = self._where(call.query.get("community"))
        deadline = locale.deadline(call.query["rule"], date.fromisoformat(call.query["since"]), extended=call.query["extended"])
        return shown(deadline)

    def rules(self, community: str | None) -> list[Rule]:
        """Every rule, past ones and a community's own included."""
        locale = self._where(community)
        return sorted([*RULES, *(local_rule(facts, locale.id) for facts in locale.rules)], key=lambda r: (r.name, r.since))

    def set_rules(self, call: Call) -> list[Rule]:
        """The community's own limits: all of them, each time. What began under others keeps them."""
        rules, locale = call.body["rules"], self._locales.find(call.community, call.community) or Locale()
        for n, rule in enumerate(rules):
            check_no_longer(rule, f"rules.{n}")
            # A rule that began earlier would move dates that were told to people.
            if rule not in locale.rules and rule["since"] < locale.today(call.at).isoformat():
                raise Invalid("since_in_past", "a new limit holds from today on at the earliest", f"rules.{n}.since")
        self._locales.ensure(call, call.community, lambda _: Locale(rules=rules), _set_rules, rules)
        return self.rules(call.community)

    def _where(self, community: str | None) -> Locale:
        if community is None:
            return Locale()
        found: Locale | None = self._locales.find(community, community)
        if found is None:
            raise Missing("community_missing", "no such community")
        return found


def _set_rules(locale: Locale, rules: list[dict[str, Any]]) -> tuple[Locale, list[Event]]:
    return dataclasses.replace(locale, rules=rules), []
