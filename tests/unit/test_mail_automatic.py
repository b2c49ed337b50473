"""Machines told from people, and when a machine may answer (RFC 3834)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mail_gateway.automatic import AckReason, Automatic, may_acknowledge
from mail_gateway.ids import Keys, make_message_id
from mail_gateway.mail import Kind, ParsedMail, Sign
from mail_gateway.parse import parse
from tests.unit.mail_samples import FOLDER, parsed

OURS = ["support@luotsi.example"]
SUBJECTS: dict[str, dict[str, list[str]]] = json.loads((FOLDER / "machine-or-person.json").read_text("utf-8"))
KEYS = Keys(current="k", secrets={"k": b"s" * 32})


def mail(
    extra: str = "", *, sender: str = "ann@customer.example", to: str = OURS[0], subject: str = "Help"
) -> ParsedMail:
    return parse(f"From: {sender}\nTo: {to}\nSubject: {subject}\n{extra}\nIt does not work.\n".encode())


def subjects(kind: str) -> list[str]:
    return [subject for of_language in SUBJECTS[kind].values() for subject in of_language]


def verdict(message: ParsedMail, *, envelope_from: str | None = None) -> AckReason:
    return may_acknowledge(message, envelope_from=envelope_from, envelope_to=(), our_addresses=OURS, keys=KEYS)


class TestClassify:
    @pytest.mark.parametrize(
        ("quirk", "kind", "reason"),
        [
            ("plain-utf8", Kind.PERSON, ""),
            ("bounce-rfc3464", Kind.BOUNCE, "delivery-status"),
            ("bounce-qmail", Kind.BOUNCE, "mail-system"),
            ("bounce-delayed", Kind.DELAY, "delivery-status"),
            ("bounce-forwarded-by-person", Kind.PERSON, ""),
            ("out-of-office-exchange-finnish", Kind.AUTO_REPLY, "subject"),
            ("newsletter", Kind.BULK, "precedence"),
            ("read-receipt", Kind.READ_RECEIPT, "disposition-notification"),
            ("feedback-report", Kind.FEEDBACK_REPORT, "feedback-report"),
            ("calendar-invitation", Kind.CALENDAR, "calendar-method"),
        ],
    )
    def test_tells_kind_and_sign(self, quirk: str, kind: Kind, reason: str) -> None:
        automatic = parsed(quirk).automatic

        assert (automatic.kind, automatic.reason) == (kind, reason)

    @pytest.mark.parametrize("subject", subjects("absent"))
    def test_knows_the_subject_of_an_absent_person(self, subject: str) -> None:
        assert mail(subject=subject).automatic == Automatic(Kind.AUTO_REPLY, Sign.SUBJECT)

    # With what Exchange and campaign services add to the mail of people.
    @pytest.mark.parametrize(
        "header",
        ["", "X-Auto-Response-Suppress: DR, OOF, AutoReply\n", "In-Reply-To: <a@b.example>\n", "Feedback-ID: 1:2:3\n"],
    )
    @pytest.mark.parametrize("subject", subjects("people"))
    def test_takes_nobody_for_a_machine_who_writes_about_one(self, subject: str, header: str) -> None:
        text = "The mail could not be delivered to bob@x.example: mailbox full. I am out of the office. What now?"

        message = parse(f"From: ann@customer.example\nTo: {OURS[0]}\nSubject: {subject}\n{header}\n{text}\n".encode())

        assert message.automatic == Automatic(Kind.PERSON, Sign.NONE)

    def test_knows_absence_in_eighteen_languages_and_more(self) -> None:
        assert len(SUBJECTS["absent"]) >= 18

    @pytest.mark.parametrize("subject", ["Poissaoloilmoitus: Lasku", "Frånvaro", "Abwesenheit: 3. November"])
    def test_takes_a_notice_of_absence_for_a_machines_only_if_a_machine_sent_it(self, subject: str) -> None:
        assert mail(subject=subject).automatic.kind is Kind.PERSON
        for sign in ("Return-Path: <>\n", "X-Auto-Response-Suppress: All\n"):
            assert mail(sign, subject=subject).automatic == Automatic(Kind.AUTO_REPLY, Sign.SUBJECT)

    def test_knows_an_answer_that_nobody_may_answer(self) -> None:
        message = mail("Return-Path: <>\nIn-Reply-To: <a@b.example>\n", subject="Re: Help")

        assert message.automatic == Automatic(Kind.AUTO_REPLY, Sign.NULL_SENDER)

    def test_knows_a_complaint_that_is_older_than_the_standard(self) -> None:
        raw = (
            b"From: staff@hotmail.example\nSubject: complaint about message from 192.0.2.1\n"
            b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nTo: x\n\ny\n--b--\n"
        )

        assert parse(raw).automatic == Automatic(Kind.FEEDBACK_REPORT, Sign.COMPLAINT)

    @pytest.mark.parametrize(
        ("header", "kind"),
        [
            ("Auto-Submitted: auto-replied", Kind.AUTO_REPLY),
            ("Auto-Submitted: Auto-Generated (by cron); owner=x", Kind.AUTO_REPLY),
            ("Auto-Submitted: no", Kind.PERSON),
            ("Auto-Submitted: (a comment) NO", Kind.PERSON),
            ("X-Autoreply: yes", Kind.AUTO_REPLY),
            ("X-Auto-Response-Suppress: DR, OOF, AutoReply", Kind.PERSON),
            ("Feedback-ID: 1:2:3", Kind.PERSON),
            ("List-Id: <list.example>", Kind.LIST),
            ("Precedence: first-class", Kind.PERSON),
        ],
    )
    def test_reads_the_headers_of_robots(self, header: str, kind: Kind) -> None:
        assert mail(f"{header}\n").automatic.kind is kind


class TestMayAcknowledge:
    def test_says_yes_to_a_person(self) -> None:
        assert verdict(mail(), envelope_from="ann@customer.example") is AckReason.YES

    @pytest.mark.parametrize(
        ("header", "reason"),
        [
            ("Return-Path: <>", AckReason.EMPTY_RETURN_PATH),
            ("Auto-Submitted: auto-replied", AckReason.AUTO_SUBMITTED),
            ("Auto-Submitted: AUTO-NOTIFIED", AckReason.AUTO_SUBMITTED),
            ("List-Unsubscribe: <mailto:u@x.example>", AckReason.MAILING_LIST),
            ("Precedence: bulk", AckReason.BULK_PRECEDENCE),
            ("Precedence: junk", AckReason.BULK_PRECEDENCE),
            ("Feedback-ID: 1:2", AckReason.FEEDBACK_ID),
            ("X-Auto-Response-Suppress: DR, OOF, AutoReply", AckReason.RESPONSE_SUPPRESSED),
            ("X-Auto-Response-Suppress: DR", AckReason.YES),
            ("X-Autoreply: yes", AckReason.AUTORESPONDER),
            ("X-Loop: luotsi", AckReason.LOOP_MARK),
            ("X-Spam-Flag: YES", AckReason.SPAM),
            ("Precedence: first-class", AckReason.YES),
            ("Auto-Submitted: no", AckReason.YES),
        ],
    )
    def test_obeys_each_header(self, header: str, reason: AckReason) -> None:
        assert verdict(mail(f"{header}\n")) is reason

    @pytest.mark.parametrize(
        ("sender", "reason"),
        [
            ("MAILER-DAEMON@mx.example", AckReason.MAIL_SYSTEM_SENDER),
            ("postmaster@mx.example", AckReason.MAIL_SYSTEM_SENDER),
            ("noreply@shop.example", AckReason.ROLE_SENDER),
            ("no-reply@shop.example", AckReason.ROLE_SENDER),
            ("do-not-reply@shop.example", AckReason.ROLE_SENDER),
            ("orders-noreply@shop.example", AckReason.ROLE_SENDER),
            ("ei-vastata@kauppa.example", AckReason.ROLE_SENDER),
            ("bounce-17@shop.example", AckReason.ROLE_SENDER),
            ("owner-list@lists.example", AckReason.ROLE_SENDER),
            ("list-request@lists.example", AckReason.ROLE_SENDER),
            ("support@luotsi.example", AckReason.OWN_ADDRESS),
            ("Support+r.x@Luotsi.example", AckReason.OWN_ADDRESS),
            ("a@good.example <b@evil.example>", AckReason.MALFORMED),
            ("norelius@customer.example", AckReason.YES),
            ("nora.eply@customer.example", AckReason.YES),
        ],
    )
    def test_looks_at_who_wrote(self, sender: str, reason: AckReason) -> None:
        assert verdict(mail(sender=sender)) is reason

    @pytest.mark.parametrize(
        "quirk", ["bounce-rfc3464", "bounce-qmail", "bounce-delayed", "read-receipt", "feedback-report"]
    )
    def test_never_answers_a_report(self, quirk: str) -> None:
        assert verdict(parsed(quirk)) in (AckReason.EMPTY_RETURN_PATH, AckReason.DELIVERY_REPORT)

    def test_never_answers_the_null_sender(self) -> None:
        assert verdict(mail(), envelope_from="") is AckReason.EMPTY_RETURN_PATH

    def test_never_answers_an_absent_person(self) -> None:
        assert verdict(mail(subject="Automatic reply: Help")) is AckReason.AUTORESPONDER

    def test_never_answers_its_own_mail_that_came_back(self) -> None:
        own = make_message_id(KEYS, ticket_id=1, recipient="a@b.example", domain="luotsi.example", nonce="n")

        assert verdict(mail(f"Message-ID: <{own}>\n")) is AckReason.OWN_MESSAGE_ID

    def test_answers_only_when_it_was_addressed(self) -> None:
        assert verdict(mail(to="somebody@else.example")) is AckReason.NOT_ADDRESSED
        assert verdict(mail("Delivered-To: support@luotsi.example\n", to="a@b.example")) is AckReason.YES
        assert verdict(mail("Cc: SUPPORT+r.abc@luotsi.example\n", to="a@b.example")) is AckReason.YES

    def test_takes_an_alias_of_the_envelope_for_its_own(self) -> None:
        message = mail(to="help@luotsi.example")

        reason = may_acknowledge(
            message, envelope_from="ann@customer.example", envelope_to=["help@luotsi.example"], our_addresses=OURS
        )

        assert reason is AckReason.YES

    @pytest.mark.parametrize("kind", list(Kind))
    def test_has_a_verdict_for_every_kind(self, kind: Kind) -> None:
        message = mail()

        reason = verdict(replace(message, automatic=replace(message.automatic, kind=kind)))

        assert (reason is AckReason.YES) == (kind is Kind.PERSON)
