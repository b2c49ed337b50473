"""Both ends of the mail receiver in tests: a sender that speaks bytes, and a desk that stores what it accepts."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mail_gateway.receive import Envelope, Limits, Protocol, Receiver, start

MAIL = b"From: ann@customer.example\r\nSubject: Help\r\n\r\nIt broke.\r\n"
SUPPORT = "support@luotsi.example"


@dataclass
class Desk:
    """Stores what is accepted; `fail` is raised instead, `gate` holds every accept until it is set."""

    stored: list[tuple[Envelope, bytes]] = field(default_factory=list)
    fail: Exception | None = None
    gate: threading.Event | None = None
    has_begun: threading.Event = field(default_factory=threading.Event)

    def accept(self, envelope: Envelope, raw: bytes) -> None:
        self.has_begun.set()
        if self.gate is not None:
            assert self.gate.wait(10)
        if self.fail is not None:
            raise self.fail
        self.stored.append((envelope, raw))

    @staticmethod
    def is_recipient(address: str) -> bool:
        if address == "broken@luotsi.example":
            raise OSError("the database is down")
        return address.endswith("@luotsi.example") or address == "postmaster"


class Client:
    """Speaks bytes, so that it can say what no library would."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")

    def answer(self) -> str:
        """The last line of the next answer; '' when the line is closed."""
        while (line := self.file.readline())[3:4] == b"-":
            pass
        return line.decode().rstrip("\r\n")

    def say(self, command: str | bytes) -> str:
        raw = command if isinstance(command, bytes) else command.encode()
        self.socket.sendall(raw + b"\r\n")
        return self.answer()

    def greet(self) -> "Client":
        self.answer()
        self.say("EHLO customer.example")
        return self

    def begin(self, *recipients: str) -> str:
        self.say("MAIL FROM:<ann@customer.example>")
        for recipient in recipients or (SUPPORT,):
            self.say(f"RCPT TO:<{recipient}>")
        return self.say("DATA")

    def deliver(self, raw: bytes = MAIL, *recipients: str) -> str:
        assert self.begin(*recipients).startswith("354")
        return self.say(raw + b".")

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@contextmanager
def receiving(
    desk: Desk, *, max_bytes: int = 1_000_000, limits: Limits | None = None, protocol: Protocol = "smtp"
) -> Iterator[Receiver]:
    receiver = start(
        host="127.0.0.1",
        port=0,
        accept=desk.accept,
        is_recipient=desk.is_recipient,
        max_bytes=max_bytes,
        limits=limits,
        protocol=protocol,
        server_name="mx.luotsi.example",
    )
    try:
        yield receiver
    finally:
        receiver.stop(grace_s=2)
