"""The receiver against senders that talk rubbish or leave: it goes on, and stores no mail that it did not confirm."""

import logging
import re
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mail_gateway.receive import Envelope, Limits, Receiver, start

MAIL = b"Subject: hello\r\n\r\nGood day.\r\n"
DIALOGUE = (
    b"EHLO customer.example\r\n",
    b"MAIL FROM:<ann@customer.example>\r\n",
    b"RCPT TO:<support@luotsi.example>\r\n",
    b"DATA\r\n",
    MAIL[:10],
    MAIL[10:],
    b".\r",
    b"\n",
    b"QUIT\r\n",
)
_WORDS = st.sampled_from(
    [
        b"EHLO x",
        b"HELO",
        b"MAIL FROM:<a@b.example>",
        b"MAIL FROM:<>",
        b"MAIL FROM:<a@b.example> SIZE=99999999999999999999",
        b"MAIL FROM:<a@b.example> BODY=BINARYMIME",
        b"MAIL FROM:" + b"(" * 300,
        b"RCPT TO:<support@luotsi.example>",
        b"RCPT TO:<" + b'"' * 301 + b"@luotsi.example>",
        b"RCPT TO:<\xff\xfe@luotsi.example>",
        b"RCPT",
        b"DATA",
        b"DATA now",
        b".",
        b"RSET",
        b"NOOP",
        b"BDAT 5 LAST",
        b"QUIT now",
        b"AUTH PLAIN AAAA",
        b"GET / HTTP/1.1",
        b"Host: luotsi.example",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\0",
        b"",
    ]
)
_ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"", b" "])
RUBBISH = st.lists(st.one_of(_WORDS, st.binary(max_size=40)).flatmap(lambda word: _ENDS.map(lambda end: word + end)))

TEXT = st.lists(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\r", b"\r", b"\n", b".", b"..", b"x"])).map(b"".join)


@dataclass
class Running:
    receiver: Receiver
    stored: list[bytes]

    def dial(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.receiver.port), timeout=10)

    def deliver(self, raw: bytes) -> bytes:
        """Deliver over a new line, as a good sender does; the answer to the mail."""
        with self.dial() as line, line.makefile("rb") as file:
            file.readline()
            line.sendall(b"HELO x\r\n" + b"".join(DIALOGUE[1:4]) + raw + b".\r\nQUIT\r\n")
            return [file.readline() for _ in range(5)][-1]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    stored: list[bytes] = []

    def accept(_envelope: Envelope, raw: bytes) -> None:
        stored.append(raw)

    receiver = start(
        host="127.0.0.1",
        port=0,
        accept=accept,
        is_recipient=lambda address: address.endswith("@luotsi.example"),
        max_bytes=100_000,
        limits=Limits(idle_s=60, connections_per_peer=50),
    )
    yield Running(receiver, stored)
    receiver.stop(grace_s=2)


def leave(line: socket.socket, *, is_abrupt: bool) -> None:
    """Close the line, politely or by a reset; then wait until the other side has noticed."""
    if is_abrupt:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        line.shutdown(socket.SHUT_WR)
        while line.recv(65_536):
            pass
    line.close()


class TestRubbish:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(rubbish=RUBBISH)
    def test_a_good_sender_is_heard_after_any_rubbish(
        self, running: Running, rubbish: list[bytes], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.clear()
        with running.dial() as line:
            line.sendall(b"".join(rubbish))
            leave(line, is_abrupt=False)

        running.stored.clear()
        assert running.deliver(MAIL) == b"250 2.0.0 OK\r\n"
        assert MAIL in running.stored
        assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []

    @settings(max_examples=200, deadline=None)
    @given(raw=TEXT, repeat=st.sampled_from([1, 1, 1, 7, 150]))
    def test_bytes_arrive_as_they_were_sent_or_not_at_all(self, running: Running, raw: bytes, repeat: int) -> None:
        sent = raw * repeat + b"\r\n"
        on_the_wire = re.sub(rb"(?:^|(?<=\r\n))\.", b"..", sent)
        running.stored.clear()

        answer = running.deliver(on_the_wire)

        if re.search(rb"(?<!\r)\n", sent) or b"." in re.split(rb"\r\n|\r|\n", on_the_wire):
            assert (answer[:9], running.stored) == (b"550 5.5.2", []), "another server could see two mails in it"
        else:
            assert (answer, running.stored) == (b"250 2.0.0 OK\r\n", [sent])


class TestLeaving:
    @pytest.mark.parametrize("is_abrupt", [True, False])
    @pytest.mark.parametrize("steps", range(len(DIALOGUE) + 1))
    def test_a_line_cut_after_any_step_leaves_no_half_mail(
        self, running: Running, steps: int, is_abrupt: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        running.stored.clear()
        with running.dial() as line:
            for step in DIALOGUE[:steps]:
                line.sendall(step)
            leave(line, is_abrupt=is_abrupt)

        assert running.deliver(b"the next\r\n") == b"250 2.0.0 OK\r\n"
        assert set(running.stored) <= {MAIL, b"the next\r\n"}
        assert MAIL not in running.stored or steps >= 8
        assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []

    def test_lines_that_were_left_are_counted_out(self, running: Running) -> None:
        for number in range(200):
            with running.dial() as line:
                line.sendall(b"".join(DIALOGUE[: number % len(DIALOGUE)]))
                leave(line, is_abrupt=number % 2 == 0)

        assert running.deliver(MAIL) == b"250 2.0.0 OK\r\n"
