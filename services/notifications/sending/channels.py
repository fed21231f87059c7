"""Ways out of the building. Mail is one; each takes a rendered message or says why not."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate

from shared.settings import read


class Unsendable(Exception):
    """The channel will never take this one."""


class Away(Exception):
    """The channel does not answer, or asks to come back later."""


class Mailer:
    """Sends mail over SMTP. Settings: LINLI_SMTP (host:port), LINLI_MAIL_FROM, and, where the server wants them,
    LINLI_SMTP_USER, LINLI_SMTP_PASSWORD and LINLI_SMTP_TLS=1."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        host, _, port = read(environ, "LINLI_SMTP", "").rpartition(":")
        self._host, self._port = host, int(port or 25)
        self._sender = read(environ, "LINLI_MAIL_FROM", "no-reply@linli.example")
        self._user, self._password = read(environ, "LINLI_SMTP_USER", ""), read(environ, "LINLI_SMTP_PASSWORD", "")
        self._tls = read(environ, "LINLI_SMTP_TLS", "0") == "1"

    @property
    def configured(self) -> bool:
        """Whether there is a server to talk to."""
        return bool(self._host)

    def session(self) -> Session:
        """A conversation, to be begun with its first message."""
        return Session(self)

    def connect(self) -> smtplib.SMTP:
        """A server that listens. Raises what smtplib does."""
        server = smtplib.SMTP(self._host, self._port, timeout=10)
        try:
            if self._tls:
                server.starttls()
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def compose(self, id: str, to: str, subject: str, text: str) -> EmailMessage:
        """The message. Its Message-ID derives from the delivery: a repeat after a crash can be told as one."""
        message = EmailMessage()
        message["From"], message["To"] = self._sender, to
        message["Subject"] = " ".join(subject.split())  # names of before may have line breaks, which no header may
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{id}@{self._sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message


class Session:
    """One conversation with the mail server, for several messages. One that breaks off is begun again for the next message;
    where no server answers, none is asked again."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer
        self._server: smtplib.SMTP | None = None
        self._away = ""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):  # all that was to be said was said
                self._server.quit()

    def send(self, id: str, to: str, subject: str, text: str) -> None:
        """Hand one message over. Raises Unsendable or Away."""
        try:
            self._connected().send_message(self._mailer.compose(id, to, subject, text))
        except smtplib.SMTPRecipientsRefused as error:
            code = max(code for code, _ in error.recipients.values())
            raise (Unsendable if code >= 500 else Away)(f"recipient_refused_{code}") from error
        except smtplib.SMTPResponseException as error:
            self._begin_anew()
            raise (Unsendable if error.smtp_code >= 500 else Away)(f"smtp_{error.smtp_code}") from error
        except (TimeoutError, smtplib.SMTPException, OSError) as error:
            self._break_off()
            if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
                self._away = "smtp_unavailable"  # the next one would wait as long
            raise Away("smtp_unavailable") from error

    def _connected(self) -> smtplib.SMTP:
        if self._away:
            raise Away(self._away)
        if self._server is not None and self._server.sock is None:  # the server has closed it behind its last answer
            self._server = None
        if self._server is None:
            try:
                self._server = self._mailer.connect()
            except (TimeoutError, smtplib.SMTPException, OSError) as error:
                self._away = "smtp_unavailable"  # whatever it says: it has not seen the message
                raise Away(self._away) from error
        return self._server

    def _begin_anew(self) -> None:
        """Behind an answer that ended a message, which smtplib forgets where DATA itself is refused."""
        try:
            if self._server is not None:
                self._server.rset()
        except (smtplib.SMTPException, OSError):
            self._break_off()

    def _break_off(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
