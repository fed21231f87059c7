"""Papers that people take home: as PDF, with the Chinese type in them."""

from __future__ import annotations

import os
from typing import Any

FONT = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
Line = tuple[str, str]


def paper(title: str, number: str, lines: list[Line], closing: list[str]) -> bytes:
    """One paper of A4: a title, a number, what it says by headings, and who signs. Text is printed as it is."""
    from fpdf import FPDF  # slow to import, and rarely needed

    pdf = FPDF(format="A4")
    pdf.set_margins(25, 25, 25)
    pdf.set_auto_page_break(True, 25)
    pdf.add_font("zh", fname=os.environ.get("LINLI_FONT", FONT))
    pdf.set_title(title)
    pdf.set_lang("zh-CN")
    pdf.add_page()
    pdf.set_font("zh", size=20)
    pdf.cell(0, 16, title, align="C", new_x="LMARGIN", new_y="NEXT")
    _text(pdf, 10, number, align="R")
    for heading, text in lines:
        _text(pdf, 12, f"{heading}:{text}" if heading else text)
    pdf.ln(10)
    for text in closing:
        _text(pdf, 12, text, align="R")
    return bytes(pdf.output())


def _text(pdf: Any, size: int, text: str, align: str = "L") -> None:
    pdf.set_font("zh", size=size)
    pdf.multi_cell(0, size * 0.7, text, align=align, new_x="LMARGIN", new_y="NEXT")
    pdf.ln(2)
