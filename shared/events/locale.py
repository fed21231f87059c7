"""A community's clock, calendar and limits, as services keep them of their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from shared.events.base import Aggregate
from shared.rules.law import Deadline, Rule, deadline, is_allowed, local_rule, rule_at


@dataclass(frozen=True, kw_only=True)
class Locale(Aggregate):
    """A community's wall clock, the days on which its calendar differs (`{date: working}`), and the limits that differ
    in its region (Rules as dicts, dates in ISO)."""

    timezone: str = "Asia/Shanghai"
    calendar: dict[str, bool] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)
    heard: dict[str, datetime] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """The wall clock."""
        return ZoneInfo(self.timezone)

    def today(self, at: datetime) -> date:
        """The local day of a moment."""
        return at.astimezone(self.zone).date()

    def rule(self, name: str, day: date) -> Rule:
        """The rule that holds here on a day. Raises what `rule_at` raises."""
        # One that is longer than the law allows was set when that was not looked at: the law holds.
        own = [local_rule(facts, self.id) for facts in self.rules if is_allowed(facts)]
        return rule_at(name, day, own, self.id)

    def deadline(self, name: str, start: date, *, extended: bool = False, pauses: Sequence[tuple[date, date]] = ()) -> Deadline:
        """What a rule that holds here on `start` gives."""
        return deadline(self.rule(name, start), start, self.calendar, extended=extended, pauses=pauses)
