"""Text messages: the file, and Aliyun's service as a gateway of one's own answers for it, which checks each signature."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from services.notifications.sending.channels import Away, Unsendable
from services.notifications.sending.text_messages import texts
from shared.settings import SettingMissing, SettingRefused

SECRET = "the secret of an access key"


class Gateway:
    """Answers SendSms as Aliyun does (ACS3-HMAC-SHA256), with what it is told to say."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.status, self.code = 200, "OK"
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                right = gateway.is_signed(self.path, dict(self.headers.items()))
                code = gateway.code if right else "SignatureDoesNotMatch"
                gateway.asked.append({name: value[0] for name, value in parse_qs(urlsplit(self.path).query).items()})
                body = json.dumps({"Code": code, "Message": code, "RequestId": "r", "BizId": "b"}).encode()
                self.send_response(gateway.status if right else 400)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def is_signed(self, path: str, headers: dict[str, str]) -> bool:
        """Whether the request was signed with the secret, as Aliyun documents it (V3)."""
        sent = {name.lower(): value.strip() for name, value in headers.items()}
        facts = dict(part.split("=", 1) for part in sent["authorization"].partition(" ")[2].split(","))
        split = urlsplit(path)
        given = sorted((name, value[0]) for name, value in parse_qs(split.query, keep_blank_values=True).items())
        query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in given)
        lines = "".join(f"{name}:{sent[name]}\n" for name in facts["SignedHeaders"].split(";"))
        canonical = f"POST\n{split.path}\n{query}\n{lines}\n{facts['SignedHeaders']}\n{sent['x-acs-content-sha256']}"
        text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        return facts["Signature"] == hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    yield made
    made.server.shutdown()
    made.server.server_close()


def _aliyun(gateway: Gateway, **settings: str) -> Any:
    environ = {
        "LINLI_SMS": "aliyun",
        "LINLI_ALIYUN_ENDPOINT": f"http://127.0.0.1:{gateway.server.server_port}",
        "LINLI_ALIYUN_KEY_ID": "id",
        "LINLI_ALIYUN_KEY_SECRET": SECRET,
        "LINLI_ALIYUN_SIGN": "邻里",
        "LINLI_ALIYUN_TEMPLATES": json.dumps({"sign_in_code": "SMS_1"}),
    }
    return texts(environ | settings)


def _send(adapter: Any, to: str = "+8613800000000", template: str = "sign_in_code") -> None:
    adapter.send("delivery-1", to, template, {"code": "123456"}, "您的验证码:123456")


def test_aliyun_gets_what_it_has_approved_signed(gateway: Gateway) -> None:
    _send(_aliyun(gateway))
    _send(_aliyun(gateway), "+4915112345678")
    first, second = gateway.asked
    assert first == {
        "PhoneNumbers": "13800000000",
        "SignName": "邻里",
        "TemplateCode": "SMS_1",
        "OutId": "delivery-1",
        "TemplateParam": '{"code": "123456"}',
    }
    assert second["PhoneNumbers"] == "4915112345678"


@pytest.mark.parametrize(("status", "code", "outcome", "reason"), [
    (200, "isv.MOBILE_NUMBER_ILLEGAL", Unsendable, "sms_isv_mobile_number_illegal"),
    (200, "isv.BUSINESS_LIMIT_CONTROL", Away, "sms_isv_business_limit_control"),
    (400, "Throttling.User", Away, "sms_throttling_user"),
    (404, "InvalidAccessKeyId.NotFound", Unsendable, "sms_invalidaccesskeyid_notfound"),
])  # fmt: skip
def test_what_aliyun_refuses_is_over_or_tried_again(
    gateway: Gateway, status: int, code: str, outcome: type[Exception], reason: str
) -> None:
    gateway.status, gateway.code = status, code
    with pytest.raises(outcome, match=reason):
        _send(_aliyun(gateway))


def test_a_wrong_secret_a_template_it_does_not_have_and_nobody_there(gateway: Gateway) -> None:
    with pytest.raises(Unsendable, match="sms_signaturedoesnotmatch"):
        _send(_aliyun(gateway, LINLI_ALIYUN_KEY_SECRET="another"))
    with pytest.raises(Unsendable, match="sms_template_unknown"):
        _send(_aliyun(gateway), template="account_recovery")
    with pytest.raises(Away, match="sms_unavailable"):
        _send(_aliyun(gateway, LINLI_ALIYUN_ENDPOINT="http://127.0.0.1:1"))


def test_a_file_holds_each_message_whole(tmp_path: Path) -> None:
    adapter = texts({"LINLI_SMS": "file", "LINLI_SMS_FOLDER": str(tmp_path / "sms")})
    assert adapter is not None
    _send(adapter)
    (kept,) = (tmp_path / "sms").glob("*.txt")
    assert kept.read_text() == "To: +8613800000000\n\n您的验证码:123456\n"
    (tmp_path / "sms").rename(tmp_path / "gone")
    with pytest.raises(Away):
        _send(adapter)


def test_an_installation_may_have_none_and_says_so_where_the_setting_is_wrong() -> None:
    assert texts({}) is None
    with pytest.raises(SettingRefused, match="LINLI_SMS"):
        texts({"LINLI_SMS": "pigeon"})
    with pytest.raises(SettingMissing, match="LINLI_ALIYUN_KEY_ID"):
        texts({"LINLI_SMS": "aliyun"})
