"""Hands mail over to an SMTP server. The only user of smtplib.

Guarantee: a call that returns means that the server took responsibility for the mail for every recipient
(RFC 5321 6.1). A call that raises anything but OutcomeUnknown means that nobody received it.
"""

import base64
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from mail_gateway.addresses import wire_address
from mail_gateway.bearer import MECHANISM, TokenRefused, TokenSource, initial_response, with_token
from mail_gateway.crash_points import crash_point
from mail_gateway.errors import GatewayError, LoginRefused, OutcomeUnknown, Permanent, Temporary
from mail_gateway.tls import Security, make_context

# RFC 4954 6: authentication is required, is too weak, has failed, needs encryption. It is the account, not the mail.
_LOGIN_CODES = frozenset({530, 534, 535, 538})
_LONGEST_QUOTE = 500
#: A server that thinks long about each of many recipients would outlast the caller's claim on the mail.
RECIPIENTS_SECONDS = 60.0
# A command line has 512 bytes at most (RFC 5321 4.5.3.1.4); a longer response comes on a line of its own (RFC 4954 4).
_LONGEST_INITIAL_RESPONSE = 490
_LINE_END = re.compile(rb"\r\n|\r|\n")

Reply = tuple[int, bytes]


@dataclass(frozen=True)
class SmtpAccount:
    """The server that takes our mail. An empty `username` means no login.

    With `bearer` the login is by its tokens (XOAUTH2), and `password` is not used. `timeout_s` limits each wait for the
    server but the last: many look into a whole mail before they take it, and who hangs up meanwhile sends it twice.
    `answer_timeout_s` limits that one (RFC 5321 4.5.3.2.6 would like ten minutes). `local_name` is what we call
    ourselves in EHLO; empty: the host's own name. `ca_file`: see `mail_gateway.tls`.
    """

    host: str
    port: int
    security: Security
    username: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = 30.0
    answer_timeout_s: float = 120.0
    local_name: str = ""
    ca_file: Path | None = None
    bearer: TokenSource | None = None


def send(account: SmtpAccount, *, mail_from: str, recipients: Sequence[str], raw: bytes) -> None:
    """Hand over one mail on a connection of its own; see `Connection.send`."""
    with Connection(account) as connection:
        connection.send(mail_from=mail_from, recipients=recipients, raw=raw)


class Connection:
    """One login that hands over many mails.

    with Connection(account) as connection:     # raises LoginRefused or Temporary
        connection.send(mail_from=..., recipients=[...], raw=...)

    A line that the server closed between two mails is opened again without a word. Not for use by two threads.
    """

    def __init__(self, account: SmtpAccount) -> None:
        self._account = account
        self._server: smtplib.SMTP | None = None
        self._is_used = False

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye and drop the line. Never raises: every mail has its outcome already."""
        server, self._server = self._server, None
        if server is not None:
            with suppress(OSError):  # smtplib's own errors are OSErrors too
                server.quit()
            server.close()

    def send(self, *, mail_from: str, recipients: Sequence[str], raw: bytes) -> None:
        """Hand over one mail to all `recipients`, or to none of them.

        `mail_from` is empty for mail that must not be bounced. Addresses are without angle brackets. `raw` goes
        out as it is, but for line ends, which become CRLF. Raises the errors of `mail_gateway.errors`; after
        OutcomeUnknown, and only then, the mail may have been taken.
        """
        if not recipients:
            raise Permanent("The mail has no recipient.")
        sender = wire_address(mail_from) if mail_from else ""
        paths = [wire_address(recipient) for recipient in recipients]
        server = self._ready_server()
        with _as_gateway_errors(self._account, "the line failed before the mail was handed over"):
            _announce(server, sender=sender, recipients=paths, raw=raw)
            crash_point("send.announced")
            _hand_over(server, raw, answer_timeout_s=self._account.answer_timeout_s)

    def _ready_server(self) -> smtplib.SMTP:
        """The open server, without a half-told mail; RSET also finds out whether the line still stands."""
        if self._server is not None and self._is_used:
            code = 0
            with suppress(OSError):
                code, _ = self._server.rset()
            if code != 250:
                self.close()
        server = self._server or self._open()
        self._is_used = True
        return server

    def _open(self) -> smtplib.SMTP:
        account = self._account
        if account.bearer is None:
            server = _open(account)
        else:
            server = with_token(account.bearer, lambda token: _open(account, token=token))
        self._server, self._is_used = server, False
        return server


def _open(account: SmtpAccount, *, token: str | None = None) -> smtplib.SMTP:
    """A line that is logged in."""
    with _as_gateway_errors(account, "cannot connect"):
        server = _connect(account)
    try:
        with _as_gateway_errors(account, "the line failed before the login"):
            _secure(server, account)
            if token is None:
                _log_in(server, account)
            else:
                _log_in_by_token(server, account, token)
    except BaseException:
        server.close()
        raise
    return server


def _connect(account: SmtpAccount) -> smtplib.SMTP:
    local_name = account.local_name or None
    if account.security == "tls":
        context = make_context(ca_file=account.ca_file)
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            account.host, account.port, local_name, timeout=account.timeout_s, context=context
        )
    else:
        server = smtplib.SMTP(account.host, account.port, local_name, timeout=account.timeout_s)
    if server.sock is not None:
        # The final dot travels alone; without this it waits for the receiver's delayed acknowledgement.
        server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return server


def _secure(server: smtplib.SMTP, account: SmtpAccount) -> None:
    server.ehlo_or_helo_if_needed()
    if account.security != "starttls":
        return
    if not server.has_extn("starttls"):
        # A server that forgot it and an attacker who removed it look alike: never go on in plain text.
        raise Temporary(f"{account.host} does not offer STARTTLS, and nothing is sent in plain text.")
    server.starttls(context=make_context(ca_file=account.ca_file))
    server.ehlo_or_helo_if_needed()


def _log_in(server: smtplib.SMTP, account: SmtpAccount) -> None:
    if not account.username:
        return
    offered = server.esmtp_features.get("auth", "").upper().split()
    if not offered:
        raise LoginRefused(f"{account.host} offers no login, but a user name is set.")
    try:
        if "PLAIN" in offered:
            # smtplib's login() tries every method in turn, so that a wrong password counts three times against
            # the account, and it cannot write a password with a letter beyond ASCII.
            secret = f"\0{account.username}\0{account.password}".encode()
            code, words = server.docmd("AUTH", "PLAIN " + base64.b64encode(secret).decode("ascii"))
            if code not in {235, 503}:
                raise smtplib.SMTPAuthenticationError(code, words)
        else:
            server.login(account.username, account.password)
    except smtplib.SMTPAuthenticationError as error:
        family = LoginRefused if error.smtp_code >= 500 else Temporary
        raise family(_sentence("login", error.smtp_code, error.smtp_error), code=error.smtp_code) from error
    except UnicodeEncodeError as error:
        raise LoginRefused(f"{account.host} has no login method for letters beyond ASCII.") from error
    except smtplib.SMTPServerDisconnected:
        raise
    except smtplib.SMTPException as error:
        raise LoginRefused(f"{account.host} offers no login method that we know: {' '.join(offered)}.") from error


def _log_in_by_token(server: smtplib.SMTP, account: SmtpAccount, token: str) -> None:
    if MECHANISM not in server.esmtp_features.get("auth", "").upper().split():
        raise LoginRefused(f"{account.host} offers no login with a token ({MECHANISM}).")
    response = base64.b64encode(initial_response(account.username, token).encode()).decode("ascii")
    if len(response) <= _LONGEST_INITIAL_RESPONSE:
        code, words = server.docmd("AUTH", f"{MECHANISM} {response}")
    else:
        code, words = server.docmd("AUTH", MECHANISM)
        if code == 334:
            code, words = server.docmd(response)
    if code == 334:  # why the token is refused, in base64; an empty line brings the final answer
        code, words = server.docmd("")
    if code != 235:
        family = TokenRefused if code >= 500 else Temporary
        raise family(_sentence("login", code, words), code=max(code, 0))


def _announce(server: smtplib.SMTP, *, sender: str, recipients: Sequence[str], raw: bytes) -> None:
    options = _mail_options(server, addresses=[sender, *recipients], raw=raw)
    server.command_encoding = "utf-8" if "SMTPUTF8" in options else "ascii"
    code, words = server.docmd("MAIL", " ".join([f"FROM:<{sender}>", *options]))
    if code != 250:
        raise _error_for("MAIL FROM", code, words)
    refused: dict[str, Reply] = {}
    ends_at = time.monotonic() + RECIPIENTS_SECONDS
    for recipient in recipients:
        if time.monotonic() > ends_at:
            raise Temporary(f"The server took more than {RECIPIENTS_SECONDS:.0f} s over the recipients.")
        code, words = server.docmd("RCPT", f"TO:<{recipient}>")
        if code not in {250, 251, 252}:
            refused[recipient] = (code, words)
    if refused:
        # The answer that no retry can change speaks for all: half a delivery would be neither sent nor failed.
        recipient, (code, words) = max(refused.items(), key=lambda item: item[1][0])
        raise _error_for(f"recipient {recipient}", code, words)


def _mail_options(server: smtplib.SMTP, *, addresses: Sequence[str], raw: bytes) -> list[str]:
    """The parameters of MAIL FROM that this mail needs. Raises Permanent if the server lacks one of them."""
    options: list[str] = []
    if server.has_extn("size"):
        limit = server.esmtp_features["size"]
        if limit.isdecimal() and 0 < int(limit) < len(raw):
            raise Permanent(f"The mail has {len(raw)} bytes, the server takes {limit} at most.")
        options.append(f"SIZE={len(raw)}")
    if not raw.isascii():
        if not server.has_extn("8bitmime"):
            raise Permanent("The mail has 8-bit content, which the server does not take (no 8BITMIME).")
        options.append("BODY=8BITMIME")
    header = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    if not header.isascii() or not all(address.isascii() for address in addresses):
        if not server.has_extn("smtputf8"):
            raise Permanent("An address or a header has letters that the server does not take (no SMTPUTF8).")
        options.append("SMTPUTF8")
    return options


def _hand_over(server: smtplib.SMTP, raw: bytes, *, answer_timeout_s: float) -> None:
    code, words = server.docmd("DATA")
    if code != 354:
        raise _error_for("DATA", code, words)
    content = _LINE_END.sub(b"\r\n", raw)
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    server.send(re.sub(rb"(?m)^\.", b"..", content))  # RFC 5321 4.5.2
    crash_point("send.before-dot")
    # A mail without its final dot is no mail. Up to here every failure is certain, after it none is.
    try:
        server.send(b".\r\n")
        crash_point("send.after-dot")
        code, words = _patient_reply(server, answer_timeout_s)
    except OSError as error:
        server.close()
        raise OutcomeUnknown(f"The line died between the mail and the server's answer: {_reason(error)}") from error
    if code >= 400:
        raise _error_for("the mail", code, words)
    if code != 250:
        server.close()
        raise OutcomeUnknown(_sentence("the mail", code, words), code=max(code, 0))


def _patient_reply(server: smtplib.SMTP, seconds: float) -> Reply:
    line = server.sock
    if line is None:
        raise smtplib.SMTPServerDisconnected("the line is closed")
    usual = line.gettimeout()
    line.settimeout(seconds)
    try:
        return server.getreply()
    finally:
        line.settimeout(usual)


def _error_for(step: str, code: int, words: bytes | str) -> GatewayError:
    sentence = _sentence(step, code, words)
    if code in _LOGIN_CODES:
        return LoginRefused(sentence, code=code)
    if 500 <= code <= 599:
        return Permanent(sentence, code=code)
    return Temporary(sentence, code=max(code, 0))


def _sentence(step: str, code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"The server answered to {step}: {code} {' '.join(shown.split())[:_LONGEST_QUOTE]}".rstrip()


@contextmanager
def _as_gateway_errors(account: SmtpAccount, what_failed: str) -> Iterator[None]:
    """Turn what smtplib, ssl and sockets raise before the final dot into Temporary or Permanent."""
    try:
        yield
    except smtplib.SMTPConnectError as error:
        # A refused greeting is about this moment or our address, not about the mail: Postfix retries it as well.
        sentence = _sentence("the connection", error.smtp_code, error.smtp_error)
        raise Temporary(sentence, code=max(error.smtp_code, 0)) from error
    except smtplib.SMTPResponseException as error:
        raise _error_for("the greeting", error.smtp_code, error.smtp_error) from error
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message
        raise Temporary(f"{account.host}: its certificate is not valid: {reason}. Nothing was sent.") from error
    except (OSError, UnicodeError) as error:
        raise Temporary(f"{account.host}:{account.port}: {what_failed}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
