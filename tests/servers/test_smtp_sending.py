"""Sending: what each answer of a server, and each way to die, turns into."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mail_gateway.errors import GatewayError, LoginRefused, OutcomeUnknown, Permanent, Temporary
from mail_gateway.smtp import Connection, SmtpAccount, send
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.smtp_server import Act, Answer, ScriptedServer, Slow, TakenMail, serve

RAW = b"From: desk@luotsi.example\r\nSubject: Hello\r\n\r\nGood day.\r\n"
ANN = "ann@customer.example"


def account_of(server: ScriptedServer) -> SmtpAccount:
    return SmtpAccount("127.0.0.1", server.port, "none", timeout_s=5.0, local_name="desk.example")


def send_hello(account: SmtpAccount, *, recipients: Sequence[str] = (ANN,), raw: bytes = RAW) -> None:
    send(account, mail_from="bounces@luotsi.example", recipients=recipients, raw=raw)


def error_of(server: ScriptedServer) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        send_hello(account_of(server))
    return caught.value


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


class TestSend:
    def test_hands_over_envelope_and_bytes(self) -> None:
        with serve() as server:
            send_hello(account_of(server), recipients=[ANN, "ben@customer.example"])

        assert server.taken == [TakenMail("bounces@luotsi.example", (ANN, "ben@customer.example"), RAW)]

    def test_sends_an_empty_return_path(self) -> None:
        with serve() as server:
            send(account_of(server), mail_from="", recipients=[ANN], raw=RAW)

        assert server.taken[0].mail_from == ""

    @pytest.mark.parametrize(
        ("written", "received"),
        [
            (b"A: b\r\n\r\n.\r\n", b"A: b\r\n\r\n.\r\n"),
            (b"A: b\r\n\r\n..two\r\n.one\r\n", b"A: b\r\n\r\n..two\r\n.one\r\n"),
            (b"A: b\n\nbare\n", b"A: b\r\n\r\nbare\r\n"),
            (b"A: b\r\n\r\nsmuggled\n.\r\nMAIL FROM:<>", b"A: b\r\n\r\nsmuggled\r\n.\r\nMAIL FROM:<>\r\n"),
            (b"A: b\r\n\r\nsmuggled\r.\rx", b"A: b\r\n\r\nsmuggled\r\n.\r\nx\r\n"),
            (b".", b".\r\n"),
        ],
    )
    def test_keeps_dots_and_line_ends_from_ending_the_mail(self, written: bytes, received: bytes) -> None:
        with serve() as server:
            send_hello(account_of(server), raw=written)

        assert [mail.raw for mail in server.taken] == [received]

    def test_refuses_a_mail_without_recipients(self) -> None:
        with serve() as server, pytest.raises(Permanent, match="no recipient"):
            send_hello(account_of(server), recipients=[])

    @pytest.mark.parametrize("address", ["ann@x.example>\r\nRCPT TO:<evil@x.example", "ann @x.example", "", "a\0b@x"])
    def test_refuses_an_address_that_could_end_the_command(self, address: str) -> None:
        with serve() as server, pytest.raises(Permanent, match="not an address"):
            send_hello(account_of(server), recipients=[address])

        assert "RCPT" not in server.verbs()


class TestAnswers:
    def test_451_then_250_is_temporary_then_done(self) -> None:
        with serve({"DOT": ["451 4.3.0 try later", "250 ok"]}) as server:
            error = error_of(server)
            send_hello(account_of(server))

        assert type(error) is Temporary
        assert error.code == 451
        assert "451 4.3.0 try later" in str(error)
        assert len(server.taken) == 1

    @pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
    def test_550_is_permanent_at_every_step(self, verb: str) -> None:
        with serve({verb: ["550 5.1.1 no such user"]}) as server:
            error = error_of(server)

        assert type(error) is Permanent
        assert error.code == 550
        assert "5.1.1 no such user" in str(error)

    @pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
    def test_421_is_temporary_at_every_step(self, verb: str) -> None:
        with serve({verb: ["421 4.3.2 closing"], "HELO": ["421 4.3.2 closing"]}) as server:
            error = error_of(server)

        assert type(error) is Temporary
        assert error.code == 421

    def test_554_greeting_is_temporary_since_no_mail_was_judged(self) -> None:
        with serve({"GREETING": ["554 5.7.1 your address is listed"]}) as server:
            error = error_of(server)

        assert type(error) is Temporary
        assert "your address is listed" in str(error)

    def test_one_refused_recipient_keeps_the_mail_from_all(self) -> None:
        with (
            serve({"RCPT": ["250 ok", "452 full", "550 5.1.1 unknown"]}) as server,
            pytest.raises(Permanent, match=r"c@x\.example: 550"),
        ):
            send_hello(account_of(server), recipients=["a@x.example", "b@x.example", "c@x.example"])

        assert server.taken == []
        assert "DATA" not in server.verbs()

    def test_530_is_the_accounts_fault(self) -> None:
        with serve({"MAIL": ["530 5.7.0 authentication required"]}) as server:
            assert type(error_of(server)) is LoginRefused

    def test_words_of_the_server_are_shortened_and_cleaned(self) -> None:
        with serve({"MAIL": ["550 \x1b[31m" + "x" * 5000]}) as server:
            text = str(error_of(server))

        assert text.isprintable()
        assert len(text) < 600

    def test_rubbish_instead_of_an_answer_is_temporary(self) -> None:
        with serve({"MAIL": ["hello there"]}) as server:
            assert type(error_of(server)) is Temporary


class TestBrokenLines:
    @pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"])
    def test_a_line_that_dies_before_the_mail_is_temporary(self, verb: str) -> None:
        with serve({verb: [Act.HANG_UP], "HELO": [Act.HANG_UP]}) as server:
            assert type(error_of(server)) is Temporary

    def test_a_line_that_dies_after_the_dot_is_unknown(self) -> None:
        with serve({"DOT": [Act.HANG_UP]}) as server:
            assert type(error_of(server)) is OutcomeUnknown

    def test_silence_after_the_dot_is_unknown(self) -> None:
        with serve({"DOT": [Act.SILENCE]}) as server, pytest.raises(OutcomeUnknown):
            send_hello(replace(account_of(server), answer_timeout_s=0.2))

    def test_a_server_may_look_into_a_whole_mail_for_longer(self) -> None:
        with serve({"DOT": [Slow(0.4, "250 fine")]}) as server:
            send_hello(replace(account_of(server), timeout_s=0.2))

        assert len(server.taken) == 1

    def test_rubbish_after_the_dot_is_unknown(self) -> None:
        with serve({"DOT": ["what was that"]}) as server:
            assert type(error_of(server)) is OutcomeUnknown

    @pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "DATA"])
    def test_silence_before_the_mail_is_temporary(self, verb: str) -> None:
        with serve({verb: [Act.SILENCE]}) as server, pytest.raises(Temporary) as caught:
            send_hello(replace(account_of(server), timeout_s=0.2))

        assert not isinstance(caught.value, OutcomeUnknown)

    def test_a_line_that_dies_inside_a_large_mail_is_temporary(self) -> None:
        with serve(cuts_mail_after=10_000) as server, pytest.raises(Temporary) as caught:
            send_hello(account_of(server), raw=RAW + b"x" * 50_000_000)

        assert not isinstance(caught.value, OutcomeUnknown)

    def test_a_closed_port_is_temporary(self) -> None:
        with serve() as server:
            account = account_of(server)

        with pytest.raises(Temporary, match="cannot connect"):
            send_hello(account)

    def test_a_host_that_does_not_exist_is_temporary(self) -> None:
        account = SmtpAccount("mail.invalid", 25, "none", timeout_s=5.0, local_name="desk.example")

        with pytest.raises(Temporary, match=r"mail\.invalid"):
            send_hello(account)


class TestLogin:
    def login(self, server: ScriptedServer, *, password: str = "secret") -> None:
        send_hello(replace(account_of(server), username="desk", password=password))

    def test_sends_name_and_password_with_every_letter(self) -> None:
        with serve({"EHLO": ["AUTH PLAIN LOGIN"]}) as server:
            self.login(server, password="pässi")

        assert "AUTH PLAIN AGRlc2sAcMOkc3Np" in server.commands
        assert len(server.taken) == 1

    def test_535_is_refused_after_a_single_attempt(self) -> None:
        with (
            serve({"EHLO": ["AUTH CRAM-MD5 PLAIN LOGIN"], "AUTH": ["535 5.7.8 wrong"]}) as server,
            pytest.raises(LoginRefused, match=r"535 5\.7\.8 wrong") as caught,
        ):
            self.login(server)

        assert server.verbs().count("AUTH") == 1
        assert "secret" not in str(caught.value)
        assert server.taken == []

    def test_454_is_temporary(self) -> None:
        with (
            serve({"EHLO": ["AUTH PLAIN"], "AUTH": ["454 4.7.0 directory is down"]}) as server,
            pytest.raises(Temporary, match="454"),
        ):
            self.login(server)

    def test_a_server_without_login_is_refused(self) -> None:
        with serve() as server, pytest.raises(LoginRefused, match="offers no login"):
            self.login(server)

    def test_a_server_with_an_unknown_method_is_refused(self) -> None:
        with serve({"EHLO": ["AUTH XMAGIC"]}) as server, pytest.raises(LoginRefused, match="XMAGIC"):
            self.login(server)

    def test_falls_back_to_the_login_method(self) -> None:
        password_line = "c2VjcmV0"  # "secret"
        answers = {"EHLO": ["AUTH LOGIN"], "AUTH": ["334 UGFzc3dvcmQ6"], password_line.upper(): ["235 ok"]}
        with serve(answers) as server:
            self.login(server)

        assert "AUTH LOGIN ZGVzaw==" in server.commands
        assert len(server.taken) == 1

    def test_a_line_that_dies_in_the_login_is_temporary(self) -> None:
        with serve({"EHLO": ["AUTH PLAIN"], "AUTH": [Act.HANG_UP]}) as server, pytest.raises(Temporary):
            self.login(server)

    def test_the_password_is_not_in_the_accounts_repr(self) -> None:
        assert "secret" not in repr(SmtpAccount("mail.example", 25, "tls", "desk", "secret"))


class TestEncryption:
    def test_tls_is_verified_against_the_authority(self, certificates: Certificates) -> None:
        with serve(is_tls=True, context=certificates.server_context()) as server:
            send_hello(replace(account_of(server), security="tls", ca_file=certificates.ca_file))

        assert len(server.taken) == 1

    def test_starttls_comes_before_the_login(self, certificates: Certificates) -> None:
        answers = {"EHLO": ["STARTTLS", "AUTH PLAIN"]}
        with serve(answers, context=certificates.server_context()) as server:
            account = replace(account_of(server), security="starttls", ca_file=certificates.ca_file)
            send_hello(replace(account, username="desk", password="secret"))

        assert server.verbs()[:4] == ["ehlo", "STARTTLS", "ehlo", "AUTH"]
        assert len(server.taken) == 1

    @pytest.mark.parametrize(("security", "is_tls"), [("tls", True), ("starttls", False)])
    def test_a_certificate_of_an_unknown_authority_stops_it(
        self, certificates: Certificates, security: str, is_tls: bool
    ) -> None:
        with serve({"EHLO": ["STARTTLS"]}, is_tls=is_tls, context=certificates.server_context()) as server:
            account = replace(account_of(server), security="tls" if is_tls else "starttls")
            with pytest.raises(Temporary, match="certificate is not valid"):
                send_hello(account)

        assert "MAIL" not in server.verbs()

    def test_a_certificate_for_another_host_stops_it(self, tmp_path: Path) -> None:
        other = make_certificates(tmp_path, address="127.0.0.2")
        with (
            serve(is_tls=True, context=other.server_context()) as server,
            pytest.raises(Temporary, match="certificate is not valid"),
        ):
            send_hello(replace(account_of(server), security="tls", ca_file=other.ca_file))

        assert server.taken == []

    def test_an_expired_certificate_stops_it(self, tmp_path: Path) -> None:
        old = make_certificates(tmp_path, is_expired=True)
        with (
            serve(is_tls=True, context=old.server_context()) as server,
            pytest.raises(Temporary, match="certificate has expired"),
        ):
            send_hello(replace(account_of(server), security="tls", ca_file=old.ca_file))

        assert server.taken == []

    def test_a_server_without_starttls_gets_no_plain_text(self) -> None:
        with serve({"EHLO": ["AUTH PLAIN"]}) as server:
            account = replace(account_of(server), security="starttls", username="desk", password="secret")
            with pytest.raises(Temporary, match="does not offer STARTTLS"):
                send_hello(account)

        assert "AUTH" not in server.verbs()
        assert "MAIL" not in server.verbs()

    def test_a_refused_starttls_gets_no_plain_text(self) -> None:
        with (
            serve({"EHLO": ["STARTTLS"], "STARTTLS": ["454 4.7.0 not now"]}) as server,
            pytest.raises(Temporary, match="454"),
        ):
            send_hello(replace(account_of(server), security="starttls"))

        assert "MAIL" not in server.verbs()


class TestExtensions:
    def test_announces_8bit_content(self) -> None:
        with serve({"EHLO": ["8BITMIME"]}) as server:
            send_hello(account_of(server), raw="A: b\r\n\r\nhyvää\r\n".encode())

        assert "MAIL FROM:<bounces@luotsi.example> BODY=8BITMIME" in server.commands

    def test_announces_addresses_beyond_ascii(self) -> None:
        with serve({"EHLO": ["8BITMIME\nSMTPUTF8"]}) as server:
            send_hello(account_of(server), recipients=["väinö@customer.example"])

        assert server.taken[0].recipients == ("väinö@customer.example",)
        assert server.commands[1].endswith(" SMTPUTF8")

    def test_writes_a_domain_in_its_ascii_form(self) -> None:
        with serve() as server:
            send_hello(account_of(server), recipients=["ann@äiti.example"])

        assert server.taken[0].recipients == ("ann@xn--iti-pla.example",)

    @pytest.mark.parametrize(
        ("recipient", "raw", "lacks"),
        [
            ("väinö@x.example", RAW, "SMTPUTF8"),
            (ANN, "Subject: ä\r\n\r\nx\r\n".encode(), "8BITMIME"),
            (ANN, "A: b\r\n\r\nä\r\n".encode(), "8BITMIME"),
        ],
    )
    def test_fails_clearly_where_the_server_lacks_an_extension(self, recipient: str, raw: bytes, lacks: str) -> None:
        with serve() as server, pytest.raises(Permanent, match=lacks):
            send_hello(account_of(server), recipients=[recipient], raw=raw)

        assert server.taken == []

    def test_does_not_send_what_is_larger_than_the_server_takes(self) -> None:
        with serve({"EHLO": ["SIZE 50"]}) as server, pytest.raises(Permanent, match="50 at most"):
            send_hello(account_of(server))

        assert "MAIL" not in server.verbs()

    def test_tells_the_size(self) -> None:
        with serve({"EHLO": ["SIZE 5000"]}) as server:
            send_hello(account_of(server))

        assert f"MAIL FROM:<bounces@luotsi.example> SIZE={len(RAW)}" in server.commands


class TestConnection:
    def send_three(self, server: ScriptedServer) -> list[type[Exception]]:
        outcomes: list[type[Exception]] = []
        with Connection(account_of(server)) as connection:
            for _ in range(3):
                try:
                    connection.send(mail_from="", recipients=[ANN], raw=RAW)
                except GatewayError as error:
                    outcomes.append(type(error))
        return outcomes

    def test_sends_many_mails_over_one_line(self) -> None:
        with serve() as server:
            outcomes = self.send_three(server)

        assert outcomes == []
        assert (server.connections, len(server.taken)) == (1, 3)

    @pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
    def test_goes_on_after_a_refused_mail(self, verb: str) -> None:
        refusal = ["550 no", "354 go on"] if verb == "DATA" else ["550 no", "250 fine"]
        with serve({verb: refusal}) as server:
            outcomes = self.send_three(server)

        assert outcomes == [Permanent]
        assert (server.connections, len(server.taken)) == (1, 2)

    @pytest.mark.parametrize("answer", [Act.HANG_UP, "421 4.4.2 idle for too long"])
    def test_opens_again_what_the_server_closed_between_mails(self, answer: Answer) -> None:
        with serve({"RSET": [answer, "250 fine"]}) as server:
            outcomes = self.send_three(server)

        assert outcomes == []
        assert (server.connections, len(server.taken)) == (2, 3)

    @pytest.mark.parametrize(("verb", "expected"), [("MAIL", Temporary), ("DOT", OutcomeUnknown)])
    def test_opens_again_after_a_line_that_died(self, verb: str, expected: type[Exception]) -> None:
        with serve({verb: ["250 fine", Act.HANG_UP, "250 fine"]}) as server:
            outcomes = self.send_three(server)

        assert outcomes == [expected]
        assert (server.connections, len(server.taken)) == (2, 2)

    def test_says_goodbye(self) -> None:
        with serve() as server:
            self.send_three(server)

        assert server.verbs()[-1] == "quit"
