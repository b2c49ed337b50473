"""Logging in with a token instead of a password: by IMAP at a real Dovecot, by SMTP at a scripted server."""

import base64
from dataclasses import dataclass, field, replace

import pytest

from mail_gateway.bearer import TokenSource, initial_response
from mail_gateway.errors import LoginRefused, Temporary
from mail_gateway.imap import ImapAccount, preview
from mail_gateway.smtp import Connection, SmtpAccount
from tests import make
from tests.servers.dovecot import Dovecot
from tests.servers.oauth_provider import Provider
from tests.servers.smtp_server import ScriptedServer, serve


@dataclass
class Tokens:
    """A source that gives these tokens in turn; `refused` are those that it was told to be bad."""

    given: list[str]
    refused: list[str] = field(default_factory=list)

    def token(self, *, refused: str = "") -> str:
        if refused:
            self.refused.append(refused)
        return self.given.pop(0)


def imap(dovecot: Dovecot, user: str, source: TokenSource) -> ImapAccount:
    return replace(dovecot.account(user, password=""), bearer=source)


class TestImapWithAToken:
    def test_opens_the_mailbox(self, dovecot: Dovecot, provider: Provider) -> None:
        dovecot.deliver("bearer", make.mail())

        found = preview(imap(dovecot, "bearer", Tokens([provider.issue("bearer")[0]])), since=None)

        assert found.total == 1

    def test_asks_for_a_newer_token_once(self, dovecot: Dovecot, provider: Provider) -> None:
        source = Tokens(["withdrawn", provider.issue("bearer")[0]])

        preview(imap(dovecot, "bearer", source), since=None)

        assert (source.refused, source.given) == (["withdrawn"], [])

    def test_is_refused_after_two_bad_ones(self, dovecot: Dovecot, provider: Provider) -> None:
        source = Tokens(["withdrawn", "withdrawn too", "a third"])

        with pytest.raises(LoginRefused, match="the login was refused") as refusal:
            preview(imap(dovecot, "bearer", source), since=None)

        assert source.given == ["a third"]
        assert "withdrawn" not in str(refusal.value)

    def test_cannot_open_the_mailbox_of_somebody_else(self, dovecot: Dovecot, provider: Provider) -> None:
        dovecot.deliver("bearer", make.mail())
        theirs = [provider.issue("another")[0], provider.issue("another")[0]]

        with pytest.raises(LoginRefused):
            preview(imap(dovecot, "bearer", Tokens(theirs)), since=None)

    def test_takes_no_name_that_breaks_out(self) -> None:
        for name, token in (("a\x01auth=Bearer x", "t"), ("a", "t\x01"), ("a", "t\r\n"), ("a", "tö")):
            with pytest.raises(LoginRefused):
                initial_response(name, token)


CHALLENGE = "334 " + base64.b64encode(b'{"status":"401","schemes":"bearer"}').decode()


def smtp(server: ScriptedServer, source: TokenSource) -> SmtpAccount:
    return SmtpAccount("127.0.0.1", server.port, "none", username="me@desk.example", bearer=source)


def decoded(command: str) -> str:
    return base64.b64decode(command.rpartition(" ")[2]).decode()


class TestSmtpWithAToken:
    def test_says_it_in_one_line(self) -> None:
        with serve({"EHLO": ["AUTH LOGIN PLAIN XOAUTH2"]}) as server:
            with Connection(smtp(server, Tokens(["abc"]))) as connection:
                connection.send(mail_from="me@desk.example", recipients=["a@b.example"], raw=b"Subject: x\r\n\r\nx\r\n")

        [auth] = [command for command in server.commands if command.startswith("AUTH")]
        assert auth.startswith("AUTH XOAUTH2 ")
        assert decoded(auth) == "user=me@desk.example\x01auth=Bearer abc\x01\x01"
        assert len(server.taken) == 1

    def test_says_a_long_one_in_a_line_of_its_own(self) -> None:
        with serve({"EHLO": ["AUTH XOAUTH2"], "AUTH": ["334 "]}) as server:
            with Connection(smtp(server, Tokens(["x" * 3000]))):
                pass

        auth = server.commands.index("AUTH XOAUTH2")
        assert decoded(server.commands[auth + 1]) == f"user=me@desk.example\x01auth=Bearer {'x' * 3000}\x01\x01"

    def test_answers_the_challenge_with_an_empty_line_and_tries_a_newer_token(self) -> None:
        answers = {
            "EHLO": ["AUTH XOAUTH2"],
            "AUTH": [CHALLENGE, "235 2.7.0 welcome"],
            "RESPONSE": ["535 5.7.8 Username and Password not accepted."],
        }
        source = Tokens(["old", "new"])
        with serve(answers) as server, Connection(smtp(server, source)):
            pass

        assert source.refused == ["old"]
        assert server.connections == 2, "some servers hang up after a refusal"
        assert server.verbs().count("") == 1

    def test_is_refused_after_two_bad_ones(self) -> None:
        answers = {"EHLO": ["AUTH XOAUTH2"], "AUTH": ["535 5.7.3 Authentication unsuccessful"]}
        source = Tokens(["old", "new", "third"])
        with serve(answers) as server, pytest.raises(LoginRefused, match=r"5\.7\.3") as refusal:
            Connection(smtp(server, source)).__enter__()

        assert (source.given, refusal.value.code) == (["third"], 535)

    def test_is_tried_later_when_the_server_cannot_say(self) -> None:
        source = Tokens(["good", "newer"])
        answers = {"EHLO": ["AUTH XOAUTH2"], "AUTH": ["454 4.7.0 Temporary authentication failure"]}
        with serve(answers) as server, pytest.raises(Temporary):
            Connection(smtp(server, source)).__enter__()

        assert source.given == ["newer"], "a good token is not thrown away"

    def test_is_not_sent_to_a_server_that_does_not_know_it(self) -> None:
        with serve({"EHLO": ["AUTH LOGIN PLAIN"]}) as server, pytest.raises(LoginRefused, match="XOAUTH2"):
            Connection(smtp(server, Tokens(["secret"]))).__enter__()

        assert "AUTH" not in server.verbs()
