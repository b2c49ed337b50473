"""Delivery reports: who did not get what."""

from __future__ import annotations

import json

import pytest

from mail_gateway.mail import Kind, ParsedMail
from mail_gateway.parse import parse
from tests.unit.mail_samples import FOLDER, parsed

REPORTS: list[dict[str, str]] = json.loads((FOLDER / "bounce-reports.json").read_text("utf-8"))


def report(text: str, *, sender: str = "MAILER-DAEMON@mx.example", subject: str = "failure notice") -> ParsedMail:
    head = f"From: {sender}\nTo: support@luotsi.example\nSubject: {subject}\n\n"
    return parse(f"{head}{text}\n".encode())


def standard(status: str, headers: str = "") -> ParsedMail:
    head = f"From: MAILER-DAEMON@mx.example\nTo: support@luotsi.example\nSubject: failure\n{headers}"
    return parse(
        f"{head}Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\n\nFailed.\n"
        f"--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{status}\n--r--\n".encode()
    )


class TestStandardReport:
    def test_names_the_failed_recipient_only(self) -> None:
        mail = parsed("bounce-rfc3464")

        assert mail.bounced_recipients == ("gone@customer.example",)
        assert mail.bounced_message_id == "r1.a.17.hash.nonce.mac@luotsi.example"

    def test_of_a_delay_is_no_failure(self) -> None:
        mail = parsed("bounce-delayed")

        assert mail.automatic.kind is Kind.DELAY
        assert mail.bounced_recipients == ("slow@customer.example",)

    def test_of_success_is_neither(self) -> None:
        raw = (
            b"From: MAILER-DAEMON@mx.example\nSubject: Delivery Status Notification (Success)\n"
            b"Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\n\nDelivered.\n"
            b"--r\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.example\nAction: delivered\n"
            b"Status: 2.0.0\n--r--\n"
        )

        mail = parse(raw)

        assert mail.automatic.kind is Kind.READ_RECEIPT
        assert mail.bounced_recipients == ()

    @pytest.mark.parametrize(
        ("written", "before"),
        [
            ("rfc822; SRS0=x1Yz=AB=customer.example=gone@forwarder.example", "gone@customer.example"),
            ("rfc822; SRS0+x1Yz=AB=customer.example=gone@forwarder.example", "gone@customer.example"),
            ("rfc822;SRS1=x1Yz=first.example==Q1=AB=customer.example=gone@second.example", "gone@customer.example"),
            ("rfc822; list-bounces+gone=customer.example@lists.example", "gone@customer.example"),
            ("rfc822; bounce-17-gone=customer.example@shop.example", "gone@customer.example"),
            ("rfc822; prvs=0123456789=gone@customer.example", "gone@customer.example"),
            ("rfc822; gone%customer.example@relay.example", "gone@customer.example"),
            ("RFC822; <gone@customer.example>", "gone@customer.example"),
            ("utf-8; gone@customer.example", "gone@customer.example"),
            ("rfc822; =?utf-8?B?8J+QiPCfkIg=?=@customer.example", "=?utf-8?B?8J+QiPCfkIg=?=@customer.example"),
        ],
    )
    def test_names_the_recipient_as_we_wrote_it(self, written: str, before: str) -> None:
        assert before in standard(f"Final-Recipient: {written}\nAction: failed\nStatus: 5.1.1").bounced_recipients

    def test_names_every_failed_recipient(self) -> None:
        mail = standard(
            "Final-Recipient: rfc822; a@x.example\nAction: failed\n\n"
            "Final-Recipient: rfc822; b@x.example\nAction: delivered\n\n"
            "Original-Recipient: rfc822; c@x.example\nFinal-Recipient: rfc822; cc@y.example\nAction: failed"
        )

        assert mail.bounced_recipients == ("a@x.example", "c@x.example", "cc@y.example")

    def test_of_a_file_that_was_full_asks_the_field_of_exim(self) -> None:
        mail = standard(
            "Action: failed\nFinal-Recipient: rfc822;/mail/spool/gone\nStatus: 5.0.0",
            "X-Failed-Recipients: gone@customer.example\n",
        )

        assert mail.bounced_recipients == ("gone@customer.example",)


class TestFreeFormReport:
    @pytest.mark.parametrize("sample", REPORTS, ids=[each["server"] for each in REPORTS])
    def test_of_each_server_names_the_recipient(self, sample: dict[str, str]) -> None:
        mail = report(sample["text"], sender=sample["from"], subject=sample["subject"])

        assert mail.automatic.kind == sample.get("kind", "bounce")
        assert mail.bounced_recipients == ("gone@customer.example",)

    def test_of_qmail_names_recipient_and_message(self) -> None:
        mail = parsed("bounce-qmail")

        assert mail.bounced_recipients == ("gone@customer.example",)
        assert mail.bounced_message_id == "r1.a.17.hash.nonce.mac@luotsi.example"

    @pytest.mark.parametrize(
        "text",
        [
            "The following address(es) failed:\n\n  gone@customer.example\n    Unrouteable address",
            "User's mailbox is full: <gone@customer.example>\nUnable to deliver mail.",
            "Your message was not delivered to:\n\n  gone@customer.example\n\nbecause: no such user",
            "   ----- Transcript of session follows -----\n<<< 550 5.1.1 <gone@customer.example>... User unknown",
            "Delivery to the following recipients failed permanently:\n\n   * gone@customer.example\n",
            "did not reach the following recipient(s):\n\ngone@customer.example on Mon, 2 Nov 2026\n    not recognized",
            "Undeliverable.\n\n----- Original message -----\nFrom: s@luotsi.example\nTo: Ann <gone@customer.example>\n",
        ],
    )
    def test_of_many_servers_names_the_recipient(self, text: str) -> None:
        mail = report(text)

        assert mail.automatic.kind is Kind.BOUNCE
        assert mail.bounced_recipients == ("gone@customer.example",)

    def test_that_will_be_tried_again_is_a_delay(self) -> None:
        mail = report(
            "Your message has been delayed for 4 hours.\nWe will keep trying to deliver it to slow@customer.example.",
            subject="Warning: message 1x delayed 4 hours",
        )

        assert mail.automatic.kind is Kind.DELAY


class TestPeople:
    @pytest.mark.parametrize(
        ("subject", "text"),
        [
            ("Undelivered parcel", "My parcel was not delivered. The delivery has failed twice."),
            ("Mail delivery failed", "I could not send mail to bob@customer.example. Why?"),
            ("Fwd: Undelivered Mail Returned to Sender", "See below: <x@y.example>: 550 user unknown"),
            ("SES", 'Our log says {"notificationType":"Bounce"}. What does it mean?'),
        ],
    )
    def test_who_write_about_failure_are_people(self, subject: str, text: str) -> None:
        mail = report(text, sender="ann@customer.example", subject=subject)

        assert mail.automatic.kind is Kind.PERSON
        assert mail.bounced_recipients == ()

    def test_who_run_a_mail_server_are_people(self) -> None:
        mail = report("Our mailbox is full, please help.", sender="Olli <postmaster@customer.example>", subject="Quota")

        assert mail.automatic.kind is Kind.PERSON

    @pytest.mark.parametrize("sample", REPORTS, ids=[each["server"] for each in REPORTS])
    def test_who_forward_or_answer_a_report_are_people(self, sample: dict[str, str]) -> None:
        quoted = "\n".join(f"> {line}" for line in sample["text"].split("\n"))
        for subject in (f"Fwd: {sample['subject']}", f"Re: {sample['subject']}"):
            mail = parse(
                f"From: Ann <ann@customer.example>\nTo: support@luotsi.example\nSubject: {subject}\n"
                f"In-Reply-To: <a@b.example>\n\nWhat does this mean?\n\n{quoted}\n".encode()
            )

            assert mail.automatic.kind is Kind.PERSON
            assert mail.bounced_recipients == ()

    def test_who_attach_the_parts_of_a_report_are_people(self) -> None:
        mail = parse(
            b"From: Ann <ann@customer.example>\nTo: support@luotsi.example\n"
            b"Subject: Fwd: Undelivered Mail Returned to Sender\nContent-Type: multipart/mixed; boundary=r\n\n"
            b"--r\n\nWhat does this mean?\n--r\nContent-Type: message/delivery-status\n"
            b"Content-Disposition: attachment\n\nReporting-MTA: dns; mx.example\n\n"
            b"Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n--r--\n"
        )

        assert mail.automatic.kind is Kind.PERSON
        assert mail.bounced_recipients == ()
