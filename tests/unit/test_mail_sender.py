"""Mail on its way out: who goes with whom, and how a conversation with a mail server goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from services.notifications.deliveries.domain import SENDING, Delivery
from services.notifications.sending.channels import Away, Mailer, Unsendable
from services.notifications.sending.mail_sender import DELIVERIES_A_CONVERSATION, SENDERS_MOST, Line
from tests.system.world import free_ports


class _Platform:
    """Keeps what it is asked to run, until `run`."""

    draining = False

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []

    def spawn(self, work: Callable[[], None]) -> None:
        self.work.append(work)

    def run(self) -> None:
        for work in self.work:
            work()


def _delivery(id: str, template: str = "reminder", private: bool = False) -> Delivery:
    return Delivery(id=id, recipient="r", channel="mail", template=template, state=SENDING, private=private)


def _sent(*waiting: tuple[str, Delivery]) -> list[tuple[str, list[str]]]:
    platform, sent = _Platform(), list[tuple[str, list[str]]]()
    line = Line(platform, lambda community, ids: sent.append((community, ids)))  # type: ignore[arg-type]
    for community, delivery in waiting:
        line.put(community, delivery)
    assert len(platform.work) == min(len(waiting), SENDERS_MOST)
    platform.run()
    return sent


def test_one_message_to_many_goes_in_shares_and_each_once() -> None:
    ids = [f"{n:03d}" for n in range(300)]
    sent = _sent(*(("lijing", _delivery(id)) for id in [*ids, *ids]))
    assert [id for _, some in sent for id in some] == ids
    assert len(sent[0][1]) == DELIVERIES_A_CONVERSATION
    assert all(len(some) <= DELIVERIES_A_CONVERSATION for _, some in sent)


def test_a_few_go_side_by_side() -> None:
    assert _sent(*(("lijing", _delivery(str(n))) for n in range(4))) == [("lijing", [str(n)]) for n in range(4)]


def test_what_one_delivery_breaks_the_others_go_out() -> None:
    platform, sent = _Platform(), list[str]()

    def send(community: str, ids: list[str]) -> None:
        if "1" in ids:
            raise ValueError("nobody expected this")
        sent.extend(ids)

    line = Line(platform, send)  # type: ignore[arg-type]
    for n in range(4):
        line.put("lijing", _delivery(str(n)))
    platform.run()
    assert sent == ["0", "2", "3"]
    line.put("lijing", _delivery("4"))
    assert len(platform.work) == 5  # senders that ended are counted no more


def test_other_communities_messages_and_what_nobody_may_know_of_go_by_themselves() -> None:
    waiting = [("lijing", _delivery(f"a{n}")) for n in range(20)]
    waiting[1:1] = [("shengtaiyuan", _delivery("b")), ("lijing", _delivery("c", "place_taken"))]
    waiting[1:1] = [("lijing", _delivery(f"p{n}", private=True)) for n in range(2)]
    shares = [set(some) for _, some in _sent(*waiting)]
    for alone in ("b", "c", "p0", "p1"):
        assert {alone} in shares


class _Server:
    """Keeps what it gets; answers as told, and counts conversations."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.got: list[str] = []
        self.conversations = 0
        self.refuse_data = ""  # what DATA itself is answered

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, name: str, answers: list[str]) -> list[str]:
        self.conversations += 1
        session.host_name = name
        return answers

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self.answers.pop(0) if self.answers else "250 kept"
        if answer == "gone":
            server.transport.close()
        if answer.startswith("2"):
            self.got += envelope.rcpt_tos
        return answer


class _Talk(SMTP):
    async def smtp_DATA(self, arg: str) -> None:
        if self.event_handler.refuse_data:
            await self.push(self.event_handler.refuse_data)
        else:
            await super().smtp_DATA(arg)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Talk(self.handler, **self.SMTP_kwargs)


@pytest.fixture
def server() -> Iterator[tuple[_Server, Mailer]]:
    handler, (port,) = _Server(), free_ports(1)
    controller = _Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, Mailer({"LINLI_SMTP": f"127.0.0.1:{port}", "LINLI_MAIL_FROM": "linli@lijing.example"})
    controller.stop()


def test_several_messages_share_a_conversation_and_a_refusal_does_not_end_it(server: tuple[_Server, Mailer]) -> None:
    handler, mailer = server
    handler.answers = ["250 kept", "554 no thanks", "451 later", "250 kept"]
    with mailer.session() as session:
        session.send("1", "a@lijing.example", "s", "t")
        with pytest.raises(Unsendable, match="smtp_554"):
            session.send("2", "b@lijing.example", "s", "t")
        with pytest.raises(Away, match="smtp_451"):
            session.send("3", "c@lijing.example", "s", "t")
        session.send("4", "d@lijing.example", "s", "t")
    assert (handler.got, handler.conversations) == (["a@lijing.example", "d@lijing.example"], 1)


def test_a_message_refused_before_its_body_does_not_spoil_the_next(server: tuple[_Server, Mailer]) -> None:
    handler, mailer = server
    with mailer.session() as session:
        session.send("1", "a@lijing.example", "s", "t")
        handler.refuse_data = "451 later"
        with pytest.raises(Away, match="smtp_451"):
            session.send("2", "b@lijing.example", "s", "t")
        handler.refuse_data = ""
        session.send("3", "c@lijing.example", "s", "t")
    assert handler.got == ["a@lijing.example", "c@lijing.example"]


@pytest.mark.parametrize("answer", ["gone", "421 enough for today"])
def test_a_conversation_that_breaks_off_is_begun_again(server: tuple[_Server, Mailer], answer: str) -> None:
    handler, mailer = server
    handler.answers = ["250 kept", answer]
    with mailer.session() as session:
        session.send("1", "a@lijing.example", "s", "t")
        with pytest.raises(Away):
            session.send("2", "b@lijing.example", "s", "t")
        session.send("3", "c@lijing.example", "s", "t")
    assert (handler.got, handler.conversations) == (["a@lijing.example", "c@lijing.example"], 2)


def test_a_server_that_is_away_is_asked_once_a_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    mailer, asked = Mailer({"LINLI_SMTP": f"127.0.0.1:{free_ports(1)[0]}"}), list[int]()
    connect = mailer.connect
    monkeypatch.setattr(mailer, "connect", lambda: (asked.append(1), connect())[1])
    with mailer.session() as session:
        for _ in range(3):
            with pytest.raises(Away, match="smtp_unavailable"):
                session.send("1", "a@lijing.example", "s", "t")
    assert len(asked) == 1
