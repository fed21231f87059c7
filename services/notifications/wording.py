"""What is said, in zh-CN and en, and how parameters become words."""

from __future__ import annotations

import string
from datetime import datetime
from typing import Any

from shared.errors import Invalid

# name → language → (subject, text). Parameters: {d} date, {t} time, {p} place, {r} reason, {code}.
TEXTS: dict[str, dict[str, tuple[str, str]]] = {
    "reservation_confirmed": {
        "zh-CN": ("预约成功", "预约成功:{d} {t} {p}。"),
        "en": ("Booked", "Booked: {d} {t}, {p}."),
    },
    "reservation_cancelled": {
        "zh-CN": ("预约已取消", "预约已取消:{d} {t} {p}。{r}"),
        "en": ("Reservation cancelled", "Reservation cancelled: {d} {t}, {p}. {r}"),
    },
    "sign_in_code": {
        "zh-CN": ("登录验证码", "您的验证码:{code},5 分钟内有效。请勿告诉他人。"),
        "en": ("Your sign-in code", "Your code: {code}. It is valid for 5 minutes. Tell nobody."),
    },
}
REASONS = {
    "zh-CN": {"by_resident": "由您本人取消。", "by_worker": "由社区工作人员取消。", "erased": ""},
    "en": {"by_resident": "You cancelled it.", "by_worker": "The centre cancelled it.", "erased": ""},
}
PARAMETERS = {
    "reservation_confirmed": {"d", "t", "p"},
    "reservation_cancelled": {"d", "t", "p", "r"},
    "sign_in_code": {"code"},
}


def words(params: dict[str, Any], language: str) -> dict[str, str]:
    """The parameters of a delivery as they are read: times on the wall clock, codes as phrases."""
    said = {key: str(value) for key, value in params.items()}
    if "start" in params:
        start = datetime.fromisoformat(params["start"])
        end = datetime.fromisoformat(params["end"])
        said["d"] = f"{start.month}月{start.day}日" if language == "zh-CN" else f"{start:%d %B %Y}"
        said["t"] = f"{start:%H:%M}-{end:%H:%M}"
    if "reason" in params:
        said["r"] = REASONS[language].get(params["reason"], "")
    return said


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
