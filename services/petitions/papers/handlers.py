"""What stands on the acceptance notice, the written opinion and the mediation agreement."""

from __future__ import annotations

from services.petitions.cases.domain import Petition
from services.petitions.disputes.domain import Dispute
from services.petitions.domain import explained
from services.petitions.papers.print import paper
from shared.rules.errors import Conflict

OUTCOMES = {"supported": "支持", "partly": "部分支持", "rejected": "不予支持", "explained": "解释说明", "upheld": "维持",
            "changed": "变更"}  # fmt: skip
STEMS = "甲乙丙丁戊己庚辛壬癸"
SIGNERS = {"mediator": "调解员", "committee": "人民调解委员会"}
HOW = {"signature": "签名", "seal": "盖章", "fingerprint": "捺印", "paper": "纸质签署"}
STAGES = {"handle": "办理", "review": "复查", "recheck": "复核"}


def acceptance(petition: Petition) -> bytes:
    """受理告知书. Raises Conflict("not_accepted")."""
    clock = petition.clock("handle")
    act = next((a for a in reversed(petition.history) if a["act"] == "accepted"), None)
    if clock is None or act is None:
        raise Conflict("not_accepted", "it is not accepted", state=petition.state)
    lines = [
        ("信访事项", f"{petition.kind} · {petition.topic}"),
        ("信访人", _people(petition)),
        ("", f"您反映的事项已于{clock['start']}受理。"),
        ("办理机关", petition.responsible_authority),
        ("办理期限", explained(clock)["explanation"]["zh-CN"]),
        ("", "您可凭编号查询办理进展,办结后可以评价。"),
    ]
    return paper("信访事项受理告知书", petition.number, lines, [petition.responsible_authority, act.get("document", "")])


def opinion(petition: Petition) -> bytes:
    """处理意见书, the latest stage's. Raises Conflict("not_decided")."""
    stage = next((s for s in ("recheck", "review", "handle") if s in petition.opinions), "")
    if not stage:
        raise Conflict("not_decided", "there is no written opinion", state=petition.state)
    given = petition.opinions[stage]
    then = {"handle": "复查", "review": "复核"}.get(stage)
    remedy = f"如不服本意见,可自收到之日起30日内申请{then}。" if then else "本意见为终结意见,同一事实和理由不再受理。"
    lines = [
        ("信访人", _people(petition)),
        ("诉求", given["request"]),
        ("事实", given["facts"]),
        ("意见", given["view"]),
        ("依据", given["basis"]),
        ("结论", OUTCOMES.get(given["outcome"], given["outcome"])),
        ("", remedy),
    ]
    closing = [petition.responsible_authority, given["document"], given["at"][:10]]
    return paper(f"信访事项{STAGES[stage]}意见书", petition.number, lines, closing)


def agreement(dispute: Dispute) -> bytes:
    """调解协议书, with whose signatures are on it. Raises Conflict("no_agreement")."""
    if not dispute.agreement:
        raise Conflict("no_agreement", "there is no agreement", state=dispute.state)
    text = dispute.agreement
    lines = [("当事人", "、".join(_called(dispute, p["id"]) for p in dispute.parties)), ("纠纷", dispute.kind)]
    lines += [
        (heading, text[name])
        for heading, name in (("事实与责任", "facts"), ("协议内容", "terms"), ("履行方式", "method"), ("履行期限", "deadline"))
        if text.get(name)
    ]
    lines.append(("形式", "口头协议,由调解员记录" if dispute.form == "oral" else "书面协议"))
    lines += [("签署", f"{_signer(dispute, s['by'])} · {HOW[s['how']]} · {s['at']:%Y-%m-%d}") for s in dispute.signatures]
    lines.append(("文本摘要", dispute.digest[:32] or "—"))
    closing = [SIGNERS["committee"], f"生效日期:{dispute.effective_on}" if dispute.effective_on else "尚未生效"]
    return paper("人民调解协议书", dispute.number, lines, closing)


def _called(dispute: Dispute, id: str) -> str:
    """A party as the paper calls it, with its name where it is known: 甲方 for the first."""
    place = next(n for n, p in enumerate(dispute.parties) if p["id"] == id)
    label = f"{STEMS[place]}方" if place < len(STEMS) else f"第{place + 1}方"
    name = dispute.parties[place].get("name", "")
    return f"{label}({name})" if name else label


def _signer(dispute: Dispute, by: str) -> str:
    kind, _, id = by.partition(":")
    return _called(dispute, id) if kind == "party" else SIGNERS[kind]


def _people(petition: Petition) -> str:
    if petition.anonymous and not petition.petitioners:
        return "匿名"
    if petition.confidential:
        return "保密"
    return "、".join(p.get("name") or "登记居民" for p in petition.petitioners)
