"""What counts as text: what people see, of any script."""

from __future__ import annotations

import pytest
from marshmallow import ValidationError

from shared.entrypoints.fields import Text

SEEN = [
    "王小明", "Aïcha O’Neil", "می\u200cخواهم",  # a joiner of none width between letters
    "ᠮᠣᠩᠭᠣᠯ\u180eᠠ", "བོད་སྐད་", "👩\u200d👧", "a\u00a0b", "３０１室", "e\u0301",
]  # fmt: skip
UNSEEN = {
    "zero width": "王\u200b小明", "override": "safe\u202egpj.exe", "isolate": "\u2066x\u2069", "mark": "x\u200fy",
    "soft hyphen": "a\u00adb", "byte order": "\ufeffx", "tag": "x\U000e0041", "C1": "x\x85y", "delete": "x\x7f", "NUL": "x\x00",
    "escape": "\x1b[31mx", "half": "\ud800", "line separator": "x\u2028y", "word joiner": "x\u2060y",
    "joiners": "x" + "\u200d" * 8000,
}  # fmt: skip


@pytest.mark.parametrize("text", SEEN)
def test_every_script_is_text(text: str) -> None:
    assert Text(40).deserialize(text) == text


@pytest.mark.parametrize("name", UNSEEN)
def test_what_nobody_sees_is_not_text(name: str) -> None:
    with pytest.raises(ValidationError):
        Text(10_000).deserialize(UNSEEN[name])


def test_a_name_is_one_line_and_a_text_may_have_more() -> None:
    assert Text(2000).deserialize("一\n二\t三") == "一\n二\t三"
    for broken in ("一\n二", "a\tb", "a\r\nBcc: x@example.org"):
        with pytest.raises(ValidationError):
            Text(40).deserialize(broken)
    assert Text(40).deserialize(" 名 \n") == "名"
