"""The limits that law, and we ourselves, set: dated, versioned data; and the deadlines that follow from it.

Days are calendar days unless a rule says working days; the first day never counts (民法典 art. 201). A private
person's window that ends on a day off rolls to the next working day (art. 203); an authority's limit never does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.rules.calendar import (
    DAY,
    Due,
    at_clock,
    days_after,
    is_provisional,
    rolled,
    working_day_before,
    working_days_after,
    works_on,
)
from shared.rules.errors import Invalid

CALENDAR, WORKING = "calendar", "working"
WARN_AT = "08:30"


@dataclass(frozen=True)
class Rule:
    """One limit as it holds from `since` on. `days` of `counts`; `extend` more where it may be lengthened; `rolls` for a
    private person's window. `region` "" is the whole country; another one replaces it there."""

    name: str
    days: int
    counts: str
    source: str
    since: date
    extend: int = 0
    rolls: bool = False
    region: str = ""

    @property
    def version(self) -> str:
        """What tells this rule from those before and after it: since when it holds, and where."""
        return f"{self.since.isoformat()}{'@' + self.region if self.region else ''}"


PETITIONS_IN_FORCE, MEDIATION_IN_FORCE = date(2022, 5, 1), date(2011, 1, 1)
_XF, _TJ = "信访工作条例 art.", "人民调解法 art."
_OWN = "社区服务承诺"
_OWN_SINCE = date(2020, 1, 1)

# The one table of limits. A change of law is a line more, with its own date; the old line stays for what began under it.
RULES: tuple[Rule, ...] = (
    Rule("petition.register", 15, CALENDAR, f"{_XF} 22", PETITIONS_IN_FORCE),
    Rule("petition.accept", 15, CALENDAR, f"{_XF} 23", PETITIONS_IN_FORCE),
    Rule("petition.object", 5, WORKING, f"{_XF} 23", PETITIONS_IN_FORCE),
    Rule("petition.handle", 60, CALENDAR, f"{_XF} 34", PETITIONS_IN_FORCE, extend=30),
    Rule("petition.review_window", 30, CALENDAR, f"{_XF} 35", PETITIONS_IN_FORCE, rolls=True),
    Rule("petition.review", 30, CALENDAR, f"{_XF} 35", PETITIONS_IN_FORCE),
    Rule("petition.recheck_window", 30, CALENDAR, f"{_XF} 36", PETITIONS_IN_FORCE, rolls=True),
    Rule("petition.recheck", 30, CALENDAR, f"{_XF} 36", PETITIONS_IN_FORCE),
    Rule("promise.petition", 10, WORKING, _OWN, _OWN_SINCE),
    Rule("promise.help", 1, WORKING, _OWN, _OWN_SINCE),
    Rule("promise.performance", 30, CALENDAR, _OWN, _OWN_SINCE),
    Rule("promise.performance_agreed", 1, WORKING, _OWN, _OWN_SINCE),
    Rule("mediation.end", 30, CALENDAR, "人民调解工作若干规定 art. 33", MEDIATION_IN_FORCE),
    Rule("confirmation.ask", 30, CALENDAR, f"{_TJ} 33", MEDIATION_IN_FORCE, rolls=True),
    Rule("confirmation.accept", 3, CALENDAR, "法释〔2011〕5号", date(2011, 3, 30)),
    Rule("confirmation.decide", 15, CALENDAR, "法释〔2011〕5号", date(2011, 3, 30), extend=10),
    Rule("court.mediator", 3, WORKING, "法院委派调解", _OWN_SINCE),
    Rule("court.mediation", 30, CALENDAR, "法院委派调解", _OWN_SINCE, extend=30),
    Rule("dibao.decide", 30, WORKING, "最低生活保障审核确认办法", date(2021, 7, 1)),
    Rule("dibao.decide_special", 45, WORKING, "最低生活保障审核确认办法", date(2021, 7, 1)),
    Rule("housing.review", 15, WORKING, "公共租赁住房管理办法", date(2012, 7, 15)),
    Rule("residence_permit.issue", 15, CALENDAR, "居住证暂行条例", date(2016, 1, 1)),
    Rule("legal_aid.decide", 7, CALENDAR, "法律援助法 art. 43", date(2022, 1, 1)),
)  # fmt: skip


@dataclass(frozen=True)
class Deadline:
    """A date and all that it was computed from, so that it can explain itself and be computed again."""

    rule: str
    version: str
    source: str
    start: date
    days: int
    counts: str
    rolls: bool
    due: date
    provisional: bool = False

    @property
    def explanation(self) -> dict[str, str]:
        """Why this date, in a sentence: zh-CN and en."""
        kind_zh, kind_en = ("工作日", "working days") if self.counts == WORKING else ("日", "days")
        zh = f"自{self.start}起{self.days}{kind_zh}(当日不计),至{self.due}"
        en = f"{self.days} {kind_en} from {self.start}, not counting that day, end on {self.due}"
        if self.rolls and self.due != self.start + timedelta(days=self.days):
            zh, en = f"{zh}(末日为休息日,顺延)", f"{en}, the next working day after a day off"
        if self.provisional:
            zh, en = f"{zh};节假日安排尚未公布,此日期为暂定", f"{en}; provisional, as the holidays are not published yet"
        return {"zh-CN": f"{zh}。依据:{self.source}。", "en": f"{en}. Source: {self.source}."}


def rule_at(name: str, day: date, local: Iterable[Rule] = (), region: str = "") -> Rule:
    """The rule that holds on a day: the latest one of the region (`local` ones, or the table's), else the country's.

    Raises Invalid for the field `rule`: `rule_unknown`, `rule_not_in_force`.
    """
    named = [rule for rule in (*RULES, *local) if rule.name == name]
    if not named:
        raise Invalid("rule_unknown", "no rule of this name; see /deadlines/rules", "rule")
    held = [rule for rule in named if rule.since <= day and rule.region in ("", region)]
    if not held:
        raise Invalid("rule_not_in_force", "this rule did not hold on that day", "rule")
    return max(held, key=lambda rule: (rule.region != "", rule.since))


def deadline(
    rule: Rule,
    start: date,
    overrides: Mapping[str, bool] | None = None,
    *,
    extended: bool = False,
    pauses: Sequence[tuple[date, date]] = (),
) -> Deadline:
    """The date that a rule gives from `start`; `extended` by what it allows. A pause (from, to) stops the clock: the days
    after its first up to its last do not count."""
    days = rule.days + (rule.extend if extended else 0)
    if pauses:
        due = _count(start, days, rule.counts, overrides, pauses)
    else:
        due = working_days_after(start, days, overrides) if rule.counts == WORKING else days_after(start, days)
    if rule.rolls:
        due = rolled(due, overrides)
    return Deadline(rule.name, rule.version, rule.source, start, days, rule.counts, rule.rolls, due.day, due.provisional)


def _count(
    start: date, days: int, counts: str, overrides: Mapping[str, bool] | None, pauses: Sequence[tuple[date, date]]
) -> Due:
    day, guessed = start, False
    while days > 0:
        day += DAY
        if any(since < day <= until for since, until in pauses):
            continue
        guessed = guessed or (counts == WORKING and is_provisional(day, overrides))
        days -= counts == CALENDAR or works_on(day, overrides)
    return Due(day, guessed)


def warns_at(due: date, zone: ZoneInfo, overrides: Mapping[str, bool] | None = None) -> datetime:
    """When the warning comes: 08:30 local on the working day before."""
    return at_clock(working_day_before(due, overrides), WARN_AT, zone)


def overdue_from(due: date, zone: ZoneInfo) -> datetime:
    """From when it is overdue: 00:00 local after the due date."""
    return at_clock(due, "24:00", zone)


def shown(found: Deadline) -> dict[str, Any]:
    """A deadline as callers see it."""
    return {
        "rule": found.rule,
        "version": found.version,
        "source": found.source,
        "from": found.start.isoformat(),
        "due": found.due.isoformat(),
        "provisional": found.provisional,
        "explanation": found.explanation,
    }


def check_no_longer(facts: Mapping[str, Any], field_name: str) -> None:
    """That a community shortens a statutory limit at most: it may be no slower than the law, nor take from people a window
    that the law gives them. What it promises itself is its own. Raises Invalid: `limit_lengthened`, `window_changed`."""
    base = rule_at(facts["name"], date.max)
    if base.source == _OWN:
        return
    if base.rolls and (facts["days"], facts.get("extend", base.extend)) != (base.days, base.extend):
        raise Invalid("window_changed", "people's own windows are the law's", f"{field_name}.days")
    if facts["days"] > base.days:
        raise Invalid("limit_lengthened", f"the law says {base.days} days at most", f"{field_name}.days")
    if facts.get("extend", base.extend) > base.extend:
        raise Invalid("limit_lengthened", f"the law lengthens by {base.extend} days at most", f"{field_name}.extend")


def is_allowed(facts: Mapping[str, Any]) -> bool:
    """Whether a community's own limit is one that it may set."""
    try:
        check_no_longer(facts, "")
    except Invalid:
        return False
    return True


def local_rule(facts: Mapping[str, Any], region: str) -> Rule:
    """A community's own limit: like the country's of that name, with other days from a date on."""
    base = rule_at(facts["name"], date.max)
    extend = facts.get("extend", base.extend)
    return Rule(
        base.name, facts["days"], base.counts, facts["source"], date.fromisoformat(facts["since"]), extend, base.rolls, region
    )
