"""One SMTP or LMTP conversation, built on aiosmtpd, and what all of them share. See `mail_gateway.receive`.

What aiosmtpd does well stays: the command loop, the order of commands, the timeouts. Replaced are the reading of a
mail (line by line there, and long lines refused), the reading of addresses (slow there, and odd ones raise) and all
commands that only tell strangers something.
"""

import asyncio
import collections
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar, TypeVarTuple

from aiosmtpd import smtp as aiosmtpd
from aiosmtpd.lmtp import LMTP

from mail_gateway.errors import Permanent, Temporary

logger = logging.getLogger(__name__)

_BUFFER_BYTES = 65_536
_LONGEST_COMMAND = 2_048
_LONGEST_ADDRESS = 320
_LONGEST_REASON = 400
_END_OF_MAIL = b"\r\n.\r\n"
_END_BY_LONE_CR = re.compile(rb"\r\.\r|(?<![^\n])\.\r(?!\n)")
_WITHOUT_LIMIT = 2**31
_NO_SENDER = "<>"

_WORD = r"""[^\s"<>@\\\x00-\x1f\x7f]+"""
_LOCAL_PART = rf"""(?:"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"|{_WORD})"""
# Source routes (`<@relay:ann@x>`) are accepted and ignored, as RFC 5321 4.1.1.3 asks; brackets may be missing, as
# printers and old scripts send them.
_PATH = re.compile(
    rf"""(?:<(?:@[^\s<>:"]+:)?(?P<path>{_LOCAL_PART}(?:@{_WORD})?)?>|(?P<bare>{_WORD}@{_WORD}))(?P<rest>(?:\s.*)?)\Z"""
)

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


@dataclass(frozen=True)
class Envelope:
    """What the sending server said around a mail. Addresses are without angle brackets.

    `mail_from` is empty for bounces. `peer` is the IP address of the sender, `received_at` is aware, UTC.
    """

    mail_from: str
    recipients: tuple[str, ...]
    peer: str
    received_at: datetime


@dataclass(frozen=True)
class Limits:
    """What a sender may use up. Times in seconds.

    `idle_s`: silence before the line is closed. `mail_s`: the whole of one mail, so that nobody can drip bytes for
    ever. `refused_recipients`: wrong guesses on one line. `idle_commands`: commands of one kind on one line that
    carry no mail. `held_bytes`: mails that are being received, all lines together.
    """

    connections: int = 100
    connections_per_peer: int = 20
    recipients: int = 100
    refused_recipients: int = 20
    idle_commands: int = 200
    idle_s: float = 300.0
    mail_s: float = 1_800.0
    held_bytes: int = 256 * 1024 * 1024


Accept = Callable[[Envelope, bytes], None]
IsRecipient = Callable[[str], bool]


@dataclass
class Desk:
    """What all sessions share. Touched by the receiver's own thread only."""

    accept: Accept
    is_recipient: IsRecipient
    pool: ThreadPoolExecutor
    limits: Limits
    max_bytes: int
    server_name: str
    sessions: set["SmtpSession"] = field(default_factory=set)
    peers: collections.Counter[str] = field(default_factory=collections.Counter)
    held_bytes: int = 0
    is_closing: bool = False
    _left: asyncio.Event = field(default_factory=asyncio.Event)

    def has_room_for(self, peer: str) -> bool:
        if self.is_closing or len(self.sessions) >= self.limits.connections:
            return False
        return self.peers[peer] < self.limits.connections_per_peer

    def enter(self, session: "SmtpSession") -> None:
        self.sessions.add(session)
        self.peers[session.peer] += 1

    def leave(self, session: "SmtpSession") -> None:
        if session in self.sessions:
            self.sessions.discard(session)
            self.peers[session.peer] -= 1
            self.peers += collections.Counter()  # drops the peers that are at zero
            self._left.set()

    async def wait_until_empty(self) -> None:
        while self.sessions:
            self._left.clear()
            await self._left.wait()


class _Handler:
    """The hooks that aiosmtpd calls in its sessions."""

    async def handle_EHLO(  # noqa: N802
        self,
        server: "SmtpSession",
        session: aiosmtpd.Session,
        _envelope: aiosmtpd.Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        offered = [line[4:] for line in responses if line[4:] != "HELP"] + ["PIPELINING"]
        return [f"250-{line}" for line in offered[:-1]] + [f"250 {offered[-1]}"]

    async def handle_RCPT(  # noqa: N802
        self,
        server: "SmtpSession",
        _session: aiosmtpd.Session,
        envelope: aiosmtpd.Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        return await server.judge_recipient(envelope, address)

    async def handle_exception(self, error: Exception) -> str:
        logger.error("A session of the mail receiver failed", exc_info=error)
        return "451 4.3.0 Something failed here, try again later"


class SmtpSession(aiosmtpd.SMTP):
    """One connection."""

    line_length_limit = _BUFFER_BYTES  # of the buffer only: mails with endless lines are real
    command_size_limit = _LONGEST_COMMAND

    def __init__(self, desk: Desk) -> None:
        self.command_size_limits = collections.defaultdict(lambda: _LONGEST_COMMAND)
        calls = dict.fromkeys(["MAIL", "RCPT", "DATA", "RSET"], _WITHOUT_LIMIT)
        super().__init__(
            _Handler(),
            data_size_limit=desk.max_bytes,
            enable_SMTPUTF8=True,
            hostname=desk.server_name,
            ident="ESMTP",
            timeout=desk.limits.idle_s,
            command_call_limit={**calls, "*": desk.limits.idle_commands},
            loop=asyncio.get_running_loop(),
        )
        for command in ("AUTH", "EXPN", "HELP", "STARTTLS"):
            self._smtp_methods.pop(command, None)
        self.peer = ""
        self._desk = desk
        self._refused_count = 0
        self._is_turned_away = False
        self._is_storing = False
        self._is_waiting = False
        self._active_at = 0.0

    # --- the line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self.peer = str((transport.get_extra_info("peername") or ("",))[0])
        if self._desk.has_room_for(self.peer):
            self._desk.enter(self)
            super().connection_made(transport)
            return
        self._is_turned_away = True
        transport.write(b"421 4.7.0 Too many connections, try again later\r\n")
        transport.close()

    def data_received(self, data: bytes) -> None:
        if not self._is_turned_away:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        return None if self._is_turned_away else super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._desk.leave(self)
        if not self._is_turned_away:
            super().connection_lost(error)

    def say_goodbye(self) -> None:
        """End the session now, or after the answer to the mail that is being stored."""
        if not self._is_storing:
            self._hang_up("421 4.3.2 Shutting down, try again later")

    def _hang_up(self, farewell: str) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.write(f"{farewell}\r\n".encode())
            self.transport.close()

    def abort(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    def _reset_timeout(self, duration: float | None = None) -> None:
        # One timer a connection, which looks at the clock when it rings: a new one for each command costs more than
        # the command.
        self._active_at = self.loop.time()
        if self._timeout_handle is None:
            self._timeout_handle = self.loop.call_later(self._timeout_duration, self._timeout_cb)

    def _timeout_cb(self) -> None:
        left = self._active_at + self._timeout_duration - self.loop.time()
        if left > 0 or self._is_waiting:
            wait = left if left > 0 else self._timeout_duration
            self._timeout_handle = self.loop.call_later(wait, self._timeout_cb)
        else:
            self._hang_up("421 4.4.2 Silent for too long")

    # --- commands

    async def smtp_VRFY(self, arg: str) -> None:  # noqa: N802
        """Strangers don't learn who is known here (RFC 5321 7.3)."""
        await self.push("252 2.5.0 Send a mail to find out")

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        found = _PATH.match(arg.strip())
        if found is None:
            return None, None
        address = found["path"] or found["bare"] or _NO_SENDER
        is_utf8 = not any("\ud800" <= letter <= "\udfff" for letter in address)
        if not is_utf8 or len(address) > _LONGEST_ADDRESS:
            return None, None
        return address, found["rest"]

    async def judge_recipient(self, envelope: aiosmtpd.Envelope, address: str) -> str:
        """The answer to one RCPT: no address but ours is ever taken, so this is no open relay."""
        limits = self._desk.limits
        if len(envelope.rcpt_tos) >= limits.recipients:
            return "452 4.5.3 Too many recipients"
        if address == _NO_SENDER or not await self._run(self._desk.is_recipient, address):
            self._refused_count += 1
            if self._refused_count >= limits.refused_recipients:
                self.loop.call_soon(self.say_goodbye_to_guesser)
            return "550 5.1.1 No such recipient here"
        if address not in envelope.rcpt_tos:
            envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    def say_goodbye_to_guesser(self) -> None:
        self._hang_up("421 4.7.0 Too many unknown recipients")

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802
        if await self.check_helo_needed():
            return
        envelope = self.envelope
        if envelope is None or not envelope.rcpt_tos:
            await self.push("503 5.5.1 Need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            async with asyncio.timeout(self._desk.limits.mail_s):
                refusal, content = await self._read_mail()
        except TimeoutError:
            self._hang_up("421 4.4.2 The mail took too long")
            return
        # Still held while it waits for its turn to be stored.
        self._desk.held_bytes += len(content)
        try:
            answer = refusal or await self._store(envelope, content)
        finally:
            self._desk.held_bytes -= len(content)
        self.envelope = self._create_envelope()
        await self._answer_mail(answer, count=len(envelope.rcpt_tos))
        if self._desk.is_closing:
            self.say_goodbye()

    async def _answer_mail(self, answer: str, *, count: int) -> None:
        await self.push(answer)

    # --- the mail

    async def _read_mail(self) -> tuple[str, bytes]:
        """Read up to the final dot: an answer that refuses the mail, or '' and its content.

        Only CR LF . CR LF ends a mail. A lone LF, or a lone CR beside a dot, is how a second mail is smuggled inside
        a first one, past a server that ends mails elsewhere; it refuses the mail. Elsewhere a lone CR is only untidy
        (some HTML editors leave one at each line break), and a mail that is refused for it is a customer lost.
        """
        desk, content, refusal = self._desk, bytearray(), ""
        received = held = 0
        try:
            while not content.endswith(_END_OF_MAIL) and content != b".\r\n":
                chunk = await self._read_chunk()
                self._active_at = self.loop.time()
                received += len(chunk)
                content += chunk
                desk.held_bytes += len(content) - held
                held = len(content)
                refusal = refusal or self._refusal_of_size(held)
                if refusal:
                    del content[: -len(_END_OF_MAIL)]
                if received > 4 * desk.max_bytes + _BUFFER_BYTES:
                    self.abort()
        finally:
            desk.held_bytes -= held
        del content[-3:]
        if refusal:
            return refusal, b""
        pairs = content.count(b"\r\n")
        if content.count(b"\n") != pairs or (content.count(b"\r") != pairs and _END_BY_LONE_CR.search(content)):
            return "550 5.5.2 CR and LF may only stand together (RFC 5321 2.3.8)", b""
        if content.startswith(b"."):
            del content[:1]
        return "", bytes(content.replace(b"\r\n.", b"\r\n"))  # RFC 5321 4.5.2

    async def _read_chunk(self) -> bytes:
        """The bytes up to the next `. CR LF`, or a buffer full of others."""
        try:
            return await self._reader.readuntil(_END_OF_MAIL[2:])
        except asyncio.LimitOverrunError as error:
            return await self._reader.read(error.consumed)

    def _refusal_of_size(self, size: int) -> str:
        if size > self._desk.max_bytes + len(_END_OF_MAIL) - 2:
            return f"552 5.3.4 The mail is larger than {self._desk.max_bytes} bytes"
        if self._desk.held_bytes > self._desk.limits.held_bytes:
            return "452 4.3.1 Busy with other mails, try again later"
        return ""

    async def _store(self, envelope: aiosmtpd.Envelope, content: bytes) -> str:
        mail_from = envelope.mail_from or ""
        mail = Envelope(
            mail_from="" if mail_from == _NO_SENDER else mail_from,
            recipients=tuple(envelope.rcpt_tos),
            peer=self.peer,
            received_at=datetime.now(UTC),
        )
        self._is_storing = True
        try:
            await self._run(self._desk.accept, mail, content)
        except Permanent as error:
            logger.info("A mail from %s was refused: %s", self.peer, error)
            return f"554 5.6.0 {_one_line(str(error))}"
        except Temporary as error:
            logger.warning("A mail from %s could not be stored: %s", self.peer, error)
            return "451 4.3.0 The mail could not be stored, try again later"
        except Exception:
            logger.exception("A mail from %s could not be stored", self.peer)
            return "451 4.3.0 The mail could not be stored, try again later"
        finally:
            self._is_storing = False
        return "250 2.0.0 OK"

    async def _run(self, function: Callable[[*Arguments], Result], *args: *Arguments) -> Result:
        """Call what may block (a database) on the pool. The clock for silence stands still meanwhile."""
        self._is_waiting = True
        try:
            return await self.loop.run_in_executor(self._desk.pool, function, *args)
        finally:
            self._is_waiting = False
            self._active_at = self.loop.time()


def _one_line(text: str) -> str:
    shown = "".join(letter if letter.isascii() and letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:_LONGEST_REASON]


class LmtpSession(SmtpSession, LMTP):
    """One answer for each recipient (RFC 2033 4.2)."""

    async def _answer_mail(self, answer: str, *, count: int) -> None:
        for _ in range(count):
            await self.push(answer)
