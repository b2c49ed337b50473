"""Who goes first, at a glance."""

import pytest

from mail_gateway.triage import is_from_machine

PERSON = b"From: Ann <ann@customer.example>\r\nTo: support@desk.example\r\nSubject: Where is it?\r\n"


def mail(headers: bytes = b"", body: bytes = b"Hello\r\n") -> bytes:
    return PERSON + headers + b"\r\n" + body


class TestAGlanceAtAMail:
    @pytest.mark.parametrize(
        "headers",
        [
            b"Auto-Submitted: auto-replied\r\n",
            b"AUTO-SUBMITTED:auto-generated (vacation)\r\n",
            b"Precedence: bulk\r\n",
            b"List-Id: <news.shop.example>\r\n",
            b"Return-Path: <>\r\n",
            b"Content-Type: multipart/report; report-type=delivery-status\r\n",
            b"Sender: MAILER-DAEMON@mx.example\r\n",
            b"X-Failed-Recipients: bob@customer.example\r\n",
        ],
    )
    def test_sees_a_machine(self, headers: bytes) -> None:
        assert is_from_machine(mail(headers), mail_from="ann@customer.example")
        assert is_from_machine(mail(headers).replace(b"\r\n", b"\n"), mail_from=None)

    def test_sees_a_bounce_by_its_envelope(self) -> None:
        assert is_from_machine(mail(), mail_from="")

    @pytest.mark.parametrize(
        "headers",
        [b"", b"Auto-Submitted: no\r\n", b"Precedence: normal\r\n", b"Return-Path: <ann@customer.example>\r\n"],
    )
    def test_lets_people_go_first(self, headers: bytes) -> None:
        assert not is_from_machine(mail(headers), mail_from="ann@customer.example")

    def test_does_not_read_the_body(self) -> None:
        said = b"They said:\r\nAuto-Submitted: auto-replied\r\nList-Id: <x>\r\n"

        assert not is_from_machine(mail(body=said), mail_from=None)

    def test_survives_what_is_no_mail(self) -> None:
        assert not is_from_machine(b"", mail_from=None)
        assert not is_from_machine(b"\x00" * 100_000, mail_from=None)
