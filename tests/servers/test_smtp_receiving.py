"""Receiving: what a sender hears, and that 250 always means stored."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mail_gateway.errors import Permanent, Temporary
from mail_gateway.receive import Receiver
from tests.servers.mail_sender import MAIL, SUPPORT, Client, Desk


class TestDelivery:
    def test_stores_the_bytes_and_the_envelope_before_it_says_250(self, client: Client, desk: Desk) -> None:
        before = datetime.now(UTC)

        assert client.deliver(MAIL, SUPPORT, "sales@luotsi.example") == "250 2.0.0 OK"

        (envelope, raw), *others = desk.stored
        assert others == []
        assert raw == MAIL
        assert (envelope.mail_from, envelope.peer) == ("ann@customer.example", "127.0.0.1")
        assert envelope.recipients == (SUPPORT, "sales@luotsi.example")
        assert before <= envelope.received_at <= datetime.now(UTC)

    def test_takes_many_mails_on_one_line(self, client: Client, desk: Desk) -> None:
        answers = {client.deliver(MAIL + str(number).encode() + b"\r\n") for number in range(50)}

        assert answers == {"250 2.0.0 OK"}
        assert len({raw for _, raw in desk.stored}) == 50

    def test_takes_a_bounce_with_its_empty_sender(self, client: Client, desk: Desk) -> None:
        client.say("MAIL FROM:<>")
        client.say(f"RCPT TO:<{SUPPORT}>")
        client.say("DATA")

        assert client.say(MAIL + b".").startswith("250")
        assert desk.stored[0][0].mail_from == ""

    def test_takes_commands_and_mails_that_are_sent_ahead(self, client: Client, desk: Desk) -> None:
        one = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<support@luotsi.example>\r\nDATA\r\n" + MAIL + b".\r\n"

        client.socket.sendall(one * 3 + b"QUIT\r\n")

        codes = [client.answer()[:3] for _ in range(13)]
        assert codes == ["250", "250", "354", "250"] * 3 + ["221"]
        assert [raw for _, raw in desk.stored] == [MAIL] * 3

    @pytest.mark.parametrize(
        ("sent", "stored"),
        [
            (b"", b""),
            (b"\r\n", b"\r\n"),
            (b"x\r\n", b"x\r\n"),
            (b"..\r\n", b".\r\n"),
            (b"a\r\n..\r\n..b\r\n.c\r\n", b"a\r\n.\r\n.b\r\nc\r\n"),
            (b"end.\r\n", b"end.\r\n"),
            (b"\xff\xfe\x00binary\r\n", b"\xff\xfe\x00binary\r\n"),
            (b"x" * 300_000 + b"\r\n", b"x" * 300_000 + b"\r\n"),
            (b"." * 200_001 + b"\r\n", b"." * 200_000 + b"\r\n"),
        ],
    )
    def test_stores_exactly_the_bytes_of_the_mail(self, client: Client, desk: Desk, sent: bytes, stored: bytes) -> None:
        assert client.deliver(sent).startswith("250")
        assert desk.stored[0][1] == stored
        assert client.say("NOOP").startswith("250")

    def test_finds_the_end_of_a_mail_that_arrives_byte_by_byte(self, client: Client, desk: Desk) -> None:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.begin()

        for byte in b"a.\r\nb\r\n..\r\n.\r\n":
            client.socket.sendall(bytes([byte]))

        assert client.answer().startswith("250")
        assert desk.stored[0][1] == b"a.\r\nb\r\n.\r\n"

    @pytest.mark.parametrize(
        ("written", "understood"),
        [
            ("<ann@customer.example>", "ann@customer.example"),
            (" <ann@customer.example> BODY=8BITMIME SIZE=100", "ann@customer.example"),
            ("<@relay.example:ann@customer.example>", "ann@customer.example"),
            ('<"ann lee"@customer.example>', '"ann lee"@customer.example'),
            ("<väinö@äiti.example> SMTPUTF8", "väinö@äiti.example"),
            ("<ann@[192.0.2.1]>", "ann@[192.0.2.1]"),
            ("ann@customer.example", "ann@customer.example"),
        ],
    )
    def test_understands_the_addresses_that_senders_write(
        self, client: Client, desk: Desk, written: str, understood: str
    ) -> None:
        assert client.say(f"MAIL FROM:{written}").startswith("250")
        client.say(f"RCPT TO:<{SUPPORT}>")
        client.say("DATA")
        client.say(MAIL + b".")

        assert desk.stored[0][0].mail_from == understood


class TestFailureToStore:
    @pytest.mark.parametrize("error", [Temporary("busy"), OSError(28, "No space left"), KeyError("bug")])
    def test_what_could_not_be_stored_stays_with_the_sender(self, client: Client, desk: Desk, error: Exception) -> None:
        desk.fail = error
        first = client.deliver()
        desk.fail = None

        assert first == "451 4.3.0 The mail could not be stored, try again later"
        assert client.deliver().startswith("250")
        assert len(desk.stored) == 1

    def test_permanent_is_told_in_one_line(self, client: Client, desk: Desk) -> None:
        desk.fail = Permanent("Not wanted\r\n250 OK\x1b[0m")

        assert client.deliver() == "554 5.6.0 Not wanted 250 OK [0m"
        assert client.say("NOOP").startswith("250")

    def test_a_sender_who_leaves_before_the_dot_leaves_nothing(
        self, receiver: Receiver, desk: Desk, dial: Callable[[Receiver], Client]
    ) -> None:
        client = dial(receiver).greet()
        client.begin()
        client.socket.sendall(MAIL)
        client.socket.shutdown(socket.SHUT_WR)

        assert client.answer() == ""
        assert desk.stored == []


class TestSmuggling:
    """A second mail inside the first, past a server that ends mails elsewhere (CVE-2023-51764 and kin)."""

    @pytest.mark.parametrize(
        "end", [b"\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\n.\r", b"\r\n.\0\r\n"]
    )
    def test_no_other_line_end_ends_a_mail(self, client: Client, desk: Desk, end: bytes) -> None:
        inner = b"MAIL FROM:<boss@bank.example>\r\nRCPT TO:<support@luotsi.example>\r\nDATA\r\nFrom: boss\r\n"

        answer = client.deliver(b"Subject: outer\r\n\r\nx" + end + inner)

        is_clean = end == b"\r\n.\0\r\n"  # a line with a dot and a NUL is an odd line, and no line end at all
        assert answer.startswith("250" if is_clean else "550 5.5.2")
        assert len(desk.stored) == is_clean
        assert client.say("NOOP").startswith("250")

    @pytest.mark.parametrize("raw", [b"a\nb\r\n", b"\n", b"a\r\n\nb\r\n", b"a\r.\rb\r\n"])
    def test_a_lone_lf_or_a_dot_between_lone_crs_refuses_the_mail(self, client: Client, desk: Desk, raw: bytes) -> None:
        assert client.deliver(raw + b"\r\n").startswith("550 5.5.2")
        assert desk.stored == []

    @pytest.mark.parametrize("raw", [b"<p>a</p>\r<br>b\r\n", b"a\r\r\n", b"\r", b"a.\rb\r\n"])
    def test_a_lone_cr_elsewhere_is_kept_as_it_is(self, client: Client, desk: Desk, raw: bytes) -> None:
        assert client.deliver(raw + b"\r\n").startswith("250")
        assert [stored for _, stored in desk.stored] == [raw + b"\r\n"]


class TestRelaying:
    @pytest.mark.parametrize(
        "recipient",
        ["ann@elsewhere.example", "support%luotsi.example@elsewhere.example", "@luotsi.example:ann@elsewhere.example"],
    )
    def test_takes_mail_for_nobody_but_us(self, client: Client, recipient: str) -> None:
        client.say("MAIL FROM:<support@luotsi.example>")

        assert client.say(f"RCPT TO:<{recipient}>") == "550 5.1.1 No such recipient here"
        assert client.say("DATA").startswith("503")

    def test_takes_mail_for_a_postmaster_without_domain(self, client: Client) -> None:
        client.say("MAIL FROM:<>")

        assert client.say("RCPT TO:<postmaster>").startswith("250")

    def test_cannot_tell_while_the_database_is_down(self, client: Client) -> None:
        client.say("MAIL FROM:<>")

        assert client.say("RCPT TO:<broken@luotsi.example>").startswith("451")

    @pytest.mark.parametrize("command", ["RCPT TO:<>", "RCPT TO:<a b@luotsi.example>", "RCPT TO:<a\\@luotsi.example>"])
    def test_refuses_what_is_no_address(self, client: Client, command: str) -> None:
        client.say("MAIL FROM:<>")

        assert client.say(command).startswith("55")

    def test_writes_a_recipient_down_once(self, client: Client, desk: Desk) -> None:
        client.deliver(MAIL, SUPPORT, SUPPORT)

        assert desk.stored[0][0].recipients == (SUPPORT,)


class TestWhatStrangersLearn:
    def test_the_greeting_names_nothing_but_the_given_name(
        self, receiver: Receiver, dial: Callable[[Receiver], Client]
    ) -> None:
        assert dial(receiver).answer() == "220 mx.luotsi.example ESMTP"

    def test_offers_size_8bit_utf8_and_pipelining_only(
        self, receiver: Receiver, dial: Callable[[Receiver], Client]
    ) -> None:
        client = dial(receiver)
        client.answer()
        client.socket.sendall(b"EHLO x\r\n")

        lines = [client.file.readline().decode().strip() for _ in range(5)]
        assert lines == ["250-mx.luotsi.example", "250-SIZE 1000000", "250-8BITMIME", "250-SMTPUTF8", "250 PIPELINING"]

    @pytest.mark.parametrize("command", ["AUTH PLAIN AGEAYg==", "EXPN staff", "HELP", "STARTTLS", "DEBUG"])
    def test_knows_no_command_that_it_does_not_need(self, client: Client, command: str) -> None:
        assert client.say(command).startswith("500")

    @pytest.mark.parametrize("address", [SUPPORT, "nobody@luotsi.example"])
    def test_vrfy_tells_nothing(self, client: Client, address: str) -> None:
        assert client.say(f"VRFY {address}") == "252 2.5.0 Send a mail to find out"

    def test_a_bug_shows_no_inner_words(self, client: Client) -> None:
        client.say("MAIL FROM:<>")

        answer = client.say("RCPT TO:<broken@luotsi.example>")
        assert answer == "451 4.3.0 Something failed here, try again later"
