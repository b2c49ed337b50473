"""Is the sender who the mail says? Only our own server's word counts."""

import pytest

from helpdesk.intake.guards import SenderCheck, check_sender, is_trusted
from helpdesk.models import Mailbox, Message
from mail_gateway.parse import parse
from tests import make

Verdict = Message.Verdict


def check(*results: str, authserv_id: str = "mx.desk.example", peer: str = "") -> SenderCheck:
    headers = b"".join(b"Authentication-Results: " + each.encode() + b"\r\n" for each in results)
    mailbox = Mailbox(address="support@desk.example", authserv_id=authserv_id, trusted_networks=["10.0.0.0/8"])
    return check_sender(mail=parse(headers + make.mail()), mailbox=mailbox, peer=peer)


class TestCheckSender:
    @pytest.mark.parametrize(
        ("result", "verdict"),
        [
            ("mx.desk.example; dmarc=pass header.from=customer.example", Verdict.VERIFIED),
            ("mx.desk.example; dkim=pass header.d=customer.example", Verdict.VERIFIED),
            ("mx.desk.example; spf=pass smtp.mailfrom=ann@customer.example", Verdict.VERIFIED),
            ("MX.desk.example 1; DMARC=Pass (p=reject) header.from=customer.example", Verdict.VERIFIED),
            ("mx.desk.example; dkim=pass header.d=evil.example", Verdict.UNVERIFIED),
            ("mx.desk.example; dkim=pass header.d=example", Verdict.UNVERIFIED),
            (
                "mx.desk.example; spf=pass smtp.mailfrom=evil.example; dmarc=fail header.from=customer.example",
                Verdict.FAILED,
            ),
            ("mx.desk.example; spf=softfail (dmarc=pass) smtp.mailfrom=customer.example", Verdict.UNVERIFIED),
            ("mx.desk.example; none", Verdict.UNVERIFIED),
            ('mx.desk.example; dkim=pass header.d="customer.example"', Verdict.VERIFIED),
            ("mx.desk.example; dkim/1=pass header.d=mail.customer.example", Verdict.UNVERIFIED),
            ("mx.desk.example; dmarc=pass header.from=evil.example", Verdict.UNVERIFIED),
            # What the sender may choose: the local part of the envelope's sender, and what a comment repeats of it.
            ('mx.desk.example; spf=fail smtp.mailfrom="; dmarc=pass ;"@evil.example', Verdict.UNVERIFIED),
            (
                'mx.desk.example; spf=pass smtp.mailfrom="a smtp.mailfrom=customer.example "@evil.example',
                Verdict.UNVERIFIED,
            ),
            (
                "mx.desk.example; spf=pass smtp.mailfrom=x-smtp.mailfrom=customer.example@evil.example",
                Verdict.UNVERIFIED,
            ),
            (
                "mx.desk.example; spf=none smtp.mailfrom==?utf-8?q?=3B_dmarc=3Dpass_=3B?=@evil.example",
                Verdict.UNVERIFIED,
            ),
            ("mx.desk.example; dkim=none ((a) ; dmarc=pass ; (b)) header.d=evil.example", Verdict.UNVERIFIED),
            ("mx.desk.example; dkim=pass header.d=evil.example header.from=customer.example", Verdict.UNVERIFIED),
            ('mx.desk.example; dkim=fail reason="x; dkim=pass header.d=customer.example"', Verdict.UNVERIFIED),
        ],
    )
    def test_reads_what_our_server_found(self, result: str, verdict: Message.Verdict) -> None:
        assert check(result).verdict == verdict

    def test_takes_no_other_servers_word(self) -> None:
        assert check("mx.evil.example; dmarc=pass header.from=customer.example").verdict == Verdict.UNVERIFIED

    def test_takes_the_topmost_of_two_since_a_sender_can_write_the_lower_one(self) -> None:
        top, forged = "mx.desk.example; dmarc=fail", "mx.desk.example; dmarc=pass header.from=customer.example"

        assert check(top, forged).verdict == Verdict.FAILED

    def test_takes_nobodys_word_without_a_server_of_ours(self) -> None:
        result = "mx.desk.example; dmarc=pass header.from=customer.example"

        assert check(result, authserv_id="").verdict == Verdict.UNVERIFIED

    def test_believes_a_client_of_a_trusted_network(self) -> None:
        assert check(peer="10.1.2.3").verdict == Verdict.VERIFIED


class TestIsTrusted:
    @pytest.mark.parametrize("peer", ["", "localhost", "10.0.0.1.evil", "192.0.2.1", "::1"])
    def test_trusts_nobody_else(self, peer: str) -> None:
        assert not is_trusted(peer, ["10.0.0.0/8"])

    def test_trusts_nobody_when_a_network_is_malformed(self) -> None:
        assert not is_trusted("10.0.0.1", ["10.0.0.0/99"])
