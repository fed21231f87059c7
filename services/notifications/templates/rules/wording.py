"""How a message's text and its parameters become words, in zh-CN and en."""

from __future__ import annotations

import string
from datetime import datetime
from typing import Any

from services.notifications.templates.rules.texts_of_accounts import TEXTS_OF_ACCOUNTS
from services.notifications.templates.rules.texts_of_bookings import TEXTS_OF_BOOKINGS
from services.notifications.templates.rules.texts_of_cases import TEXTS_OF_CASES
from shared.rules.errors import Invalid

# name → language → (subject, text).
TEXTS: dict[str, dict[str, tuple[str, str]]] = {**TEXTS_OF_BOOKINGS, **TEXTS_OF_ACCOUNTS, **TEXTS_OF_CASES}
REASONS = {
    "zh-CN": {
        "by_resident": "由您本人取消。",
        "by_worker": "由社区工作人员取消。",
        "offer_lapsed": "未在时限内确认。",
        "over_limit": "超过每周次数。",
        "consent_withdrawn": "监护人已撤回同意。",
        "by_centre": "由中心取消。",
        "weather": "因天气原因。",
        "illness": "因老师生病。",
        "repair": "因场地维修。",
        "holiday": "因放假。",
        "programme_ended": "课程已结束。",
        "complex": "案情复杂。",
        "expertise": "需要鉴定。",
        "hearing": "需要听证。",
        "other": "其他。",
    },
    "en": {
        "by_resident": "You cancelled it.",
        "by_worker": "The centre cancelled it.",
        "offer_lapsed": "It was not confirmed in time.",
        "over_limit": "It was more than the weekly limit.",
        "consent_withdrawn": "A guardian withdrew consent.",
        "by_centre": "The centre cancelled it.",
        "weather": "Because of the weather.",
        "illness": "The teacher is ill.",
        "repair": "The room is being repaired.",
        "holiday": "It is a holiday.",
        "programme_ended": "The programme has ended.",
        "complex": "the matter is complex.",
        "expertise": "an expert is needed.",
        "hearing": "a hearing is held.",
        "other": "other reasons.",
    },
}
EXTENDED = {"zh-CN": "(延时)", "en": " (extended hours, 延时)"}
CHILD = {"zh-CN": "您的孩子", "en": "Your child"}  # never the name: messages leave the building
# What each may use: all that its two texts use.
PARAMETERS = {
    name: {piece[1] for _, text in languages.values() for piece in string.Formatter().parse(text) if piece[1]}
    for name, languages in TEXTS.items()
}


def words(params: dict[str, Any], language: str) -> dict[str, str]:
    """The parameters of a delivery as they are read: times on the wall clock, codes as phrases."""
    always = {"c": CHILD[language], "x": EXTENDED[language] if params.get("extended") else ""}
    filled = always | {key: str(value) for key, value in params.items()}
    if "start" in params:
        start = datetime.fromisoformat(params["start"])
        end = datetime.fromisoformat(params["end"])
        filled["d"], filled["t"] = _day(start, language), f"{start:%H:%M}-{end:%H:%M}"
    if "at" in params:
        filled["t"] = f"{datetime.fromisoformat(params['at']):%H:%M}"
    if "until" in params:
        until = datetime.fromisoformat(params["until"])
        filled["u"] = f"{_day(until, language)} {until:%H:%M}"
    if "reason" in params:
        filled["r"] = REASONS[language].get(params["reason"], "")
    return filled


def _day(moment: datetime, language: str) -> str:
    return f"{moment.month}月{moment.day}日" if language == "zh-CN" else f"{moment:%d %B %Y}"


def render(text: str, params: dict[str, Any], language: str) -> str:
    """The text with its parameters filled in."""
    return text.format_map(words(params, language)).strip()


def check(name: str, language: str, text: str) -> None:
    """Raises Invalid for a template that does not exist, or that uses parameters which it does not get."""
    if name not in TEXTS or language not in TEXTS[name]:
        raise Invalid("template_unknown", f"there are: {', '.join(sorted(TEXTS))}", "name")
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError as error:
        raise Invalid("template_malformed", "a brace is not closed", "text") from error
    used = {name for _, name, _, _ in pieces if name is not None}
    if any(spec or conversion for _, _, spec, conversion in pieces):
        raise Invalid("template_malformed", "parameters stand alone, as {p}", "text")
    if not used <= PARAMETERS[name]:
        raise Invalid("template_parameters", f"may use: {', '.join(sorted(PARAMETERS[name]))}", "text")
