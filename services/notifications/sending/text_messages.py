"""Text messages: a port, and an adapter a provider. `LINLI_SMS` names the one in use: `file`, `aliyun`, or nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from services.notifications.sending.channels import Away, Unsendable
from shared.settings import SettingRefused, read


class Texts(Protocol):
    """Hands a text message over. Raises Unsendable, or Away. `template` and `params` are for providers that send nothing but
    what they have seen before; `text` is the whole."""

    def send(self, id: str, to: str, template: str, params: Mapping[str, str], text: str) -> None: ...


class FileTexts:
    """Keeps each as a readable file, LINLI_SMS_FOLDER/<time>-<id>.txt. Stands for the outside."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._folder = Path(read(environ, "LINLI_SMS_FOLDER"))
        self._folder.mkdir(parents=True, exist_ok=True)

    def send(self, id: str, to: str, template: str, params: Mapping[str, str], text: str) -> None:
        """Written whole, or not at all; a repeat after a crash replaces the file."""
        try:
            part = self._folder / f".{id}.part"
            part.write_text(f"To: {to}\n\n{text}\n")
            part.rename(self._folder / f"{time.time():.6f}-{id}.txt")
        except OSError as error:
            raise Away("sms_folder") from error


class AliyunTexts:
    """Aliyun's SMS service, SendSms (2017-05-25), by its own library. Settings: LINLI_ALIYUN_KEY_ID, LINLI_ALIYUN_KEY_SECRET,
    LINLI_ALIYUN_SIGN (the approved signature), LINLI_ALIYUN_TEMPLATES (JSON: our template to their approved code), and, for a
    gateway of one's own, LINLI_ALIYUN_ENDPOINT."""

    # Of these somebody who comes again a little later may have more luck; all others say that it will never go.
    LATER = (
        "isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL", "isv.AMOUNT_NOT_ENOUGH", "isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR",
        "Throttling", "ServiceUnavailable", "InternalError",
    )  # fmt: skip

    def __init__(self, environ: Mapping[str, str]) -> None:
        # Imported where it is used: 25 MB that no other installation needs.
        from alibabacloud_dysmsapi20170525.client import Client
        from alibabacloud_tea_openapi.models import Config

        endpoint = read(environ, "LINLI_ALIYUN_ENDPOINT", "https://dysmsapi.aliyuncs.com")
        scheme, _, host = endpoint.rpartition("://")
        self._client: Any = Client(
            Config(
                access_key_id=read(environ, "LINLI_ALIYUN_KEY_ID"),
                access_key_secret=read(environ, "LINLI_ALIYUN_KEY_SECRET"),
                endpoint=host,
                protocol=scheme or "https",
                connect_timeout=5000,
                read_timeout=10000,
            )
        )
        self._sign = read(environ, "LINLI_ALIYUN_SIGN")
        try:
            self._templates: dict[str, str] = dict(json.loads(read(environ, "LINLI_ALIYUN_TEMPLATES")))
        except ValueError as error:
            raise SettingRefused("setting LINLI_ALIYUN_TEMPLATES: a JSON object of our template to Aliyun's code") from error

    def send(self, id: str, to: str, template: str, params: Mapping[str, str], text: str) -> None:
        """One message; `id` is theirs to repeat back (OutId)."""
        from alibabacloud_dysmsapi20170525.models import SendSmsRequest
        from Tea.exceptions import TeaException

        if template not in self._templates:
            raise Unsendable("sms_template_unknown")
        number = to.removeprefix("+86") if to.startswith("+86") else to.removeprefix("+")
        request = SendSmsRequest(
            phone_numbers=number,
            sign_name=self._sign,
            template_code=self._templates[template],
            template_param=json.dumps(dict(params), ensure_ascii=False),
            out_id=id,
        )
        try:
            code = str(self._client.send_sms(request).body.code)
        except TeaException as error:
            if not error.code:  # nobody answered
                raise Away("sms_unavailable") from error
            code = str(error.code)
        if code != "OK":
            later = code.startswith(self.LATER)
            raise (Away if later else Unsendable)(f"sms_{code.replace('.', '_').lower()}")


ADAPTERS: Mapping[str, type[Any]] = {"file": FileTexts, "aliyun": AliyunTexts}


def texts(environ: Mapping[str, str]) -> Texts | None:
    """The adapter in use; None where there are no text messages. Raises SettingRefused for one that there is not."""
    name = read(environ, "LINLI_SMS", "")
    if not name:
        return None
    if name not in ADAPTERS:
        raise SettingRefused(f"setting LINLI_SMS: one of {', '.join(ADAPTERS)}, or nothing")
    made: Texts = ADAPTERS[name](environ)
    return made
