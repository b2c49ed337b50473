"""An SMTP server on a real socket that says what a test tells it to say."""

import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import cast


class Act(Enum):
    """What the server does instead of an answer."""

    HANG_UP = auto()
    SILENCE = auto()


@dataclass(frozen=True)
class Slow:
    """An answer that takes its time."""

    seconds: float
    answer: str


Answer = str | Act | Slow
_USUAL: dict[str, str] = {
    "GREETING": "220 sink ESMTP",
    "DATA": "354 go on",
    "QUIT": "221 bye",
    "AUTH": "235 2.7.0 welcome",
    "RESPONSE": "235 2.7.0 welcome",
    "STARTTLS": "220 go on",
}


@dataclass(frozen=True)
class TakenMail:
    """A mail that the server answered with 250."""

    mail_from: str
    recipients: tuple[str, ...]
    raw: bytes


@dataclass
class ScriptedServer:
    """`answers[verb]` are the answers to that verb in order; the last one stays, without any all is well.

    Verbs are GREETING, EHLO, STARTTLS, AUTH, RESPONSE (the line after a 334), MAIL, RCPT, DATA, DOT (the end of a
    mail), RSET, QUIT. An answer to EHLO names the extensions, one a line. `cuts_mail_after`: bytes of a mail before the
    line dies. `taken` are the mails that got 250, `commands` all that was said.
    """

    answers: Mapping[str, Sequence[Answer]]
    is_tls: bool = False
    context: ssl.SSLContext | None = None
    cuts_mail_after: int | None = None
    port: int = 0
    connections: int = 0
    commands: list[str] = field(default_factory=list)
    taken: list[TakenMail] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_closing: threading.Event = field(default_factory=threading.Event)
    _counts: dict[str, int] = field(default_factory=dict)

    def next_answer(self, verb: str) -> Answer:
        """The answer to this occurrence of the verb."""
        with self.lock:
            count = self._counts.get(verb, 0)
            self._counts[verb] = count + 1
        script = self.answers.get(verb, ())
        return script[min(count, len(script) - 1)] if script else _USUAL.get(verb, "250 fine")

    def verbs(self) -> list[str]:
        """The first word of each command so far."""
        return [command.split(" ")[0] for command in self.commands]


class _HungUpError(Exception):
    pass


class _Session(socketserver.StreamRequestHandler):
    script: ScriptedServer

    def setup(self) -> None:
        self.script = cast("_Server", self.server).script
        if self.script.is_tls and self.script.context is not None:
            self.request = self.connection = self.script.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        with self.script.lock:
            self.script.connections += 1
        sender, recipients, is_challenged = "", list[str](), False
        self._answer("GREETING")
        while line := self.rfile.readline():
            command = line.decode("utf-8", "replace").strip()
            self.script.commands.append(command)
            verb = "RESPONSE" if is_challenged else command.split(" ")[0].upper()
            reply = self._answer(verb)
            is_challenged = reply.startswith("334")
            if verb == "MAIL":
                sender, recipients = _path(command), []
            elif verb == "RCPT" and reply.startswith("25"):
                recipients.append(_path(command))
            elif verb == "DATA" and reply.startswith("354"):
                raw = self._read_mail()
                if self._answer("DOT").startswith("250"):
                    self.script.taken.append(TakenMail(sender, tuple(recipients), raw))
            elif verb == "STARTTLS" and reply.startswith("220"):
                self._start_tls()
            elif verb == "QUIT":
                return

    def finish(self) -> None:
        super().finish()
        self.connection.close()  # the server closes the plain socket, which a TLS one has replaced

    def _answer(self, verb: str) -> str:
        answer = self.script.next_answer(verb)
        if answer is Act.SILENCE:
            self.script.is_closing.wait()
        if isinstance(answer, Slow):
            self.script.is_closing.wait(answer.seconds)
            answer = answer.answer
        if isinstance(answer, Act):
            raise _HungUpError
        lines = ["sink", *answer.splitlines()] if verb == "EHLO" and not answer[:3].isdigit() else [answer]
        if verb == "EHLO" and not answer[:3].isdigit():
            lines = [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
        return lines[-1]

    def _read_mail(self) -> bytes:
        lines, size = list[bytes](), 0
        while (line := self.rfile.readline(65_536)) != b".\r\n":
            size += len(line)
            if not line or size > (self.script.cuts_mail_after or size):
                raise _HungUpError
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _start_tls(self) -> None:
        assert self.script.context is not None
        self.request = self.connection = self.script.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = True
    script: ScriptedServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves, or a line that the script cut, is what these tests are about."""


def _path(command: str) -> str:
    return command.partition("<")[2].partition(">")[0]


@contextmanager
def serve(
    answers: Mapping[str, Sequence[Answer]] | None = None,
    *,
    is_tls: bool = False,
    context: ssl.SSLContext | None = None,
    cuts_mail_after: int | None = None,
) -> Iterator[ScriptedServer]:
    """Run the server on a free port of 127.0.0.1. `context` is its certificate, for TLS or STARTTLS."""
    script = ScriptedServer(answers or {}, is_tls=is_tls, context=context, cuts_mail_after=cuts_mail_after)
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.script = script
        script.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield script
        finally:
            script.is_closing.set()
            server.shutdown()
            thread.join()
