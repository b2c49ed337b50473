"""Outgoing mail: what was asked for arrives, and nothing that was smuggled in."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_gateway.compose import compose
from mail_gateway.mail import Address, Attachment, OutgoingMail
from mail_gateway.parse import parse

MAIL = OutgoingMail(
    sender=Address("Luotsi Oy, tuki", "support@luotsi.example"),
    to=(Address("Päivi Lahti", "paivi@asiakas.example"),),
    subject="Tilauksesi",
    text="Hei Päivi,\n\ntilaus on matkalla.\n",
    message_id="r1.k.17.hash.nonce.mac@luotsi.example",
    date=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
)
PRINTABLE = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cf", "Zl", "Zp")), max_size=200)


class TestCompose:
    def test_writes_what_the_parser_reads_back(self) -> None:
        mail = replace(
            MAIL,
            cc=(Address("", "ben@asiakas.example"),),
            reply_to=Address("", "support+r.k.h.x@luotsi.example"),
            subject="Tilauksesi saapuu – myöhässä, valitettavasti, mutta sitäkin varmemmin",
            html="<p>Hei Päivi</p>",
            in_reply_to="tilaus-1@asiakas.example",
            references=("tilaus-0@asiakas.example", "tilaus-1@asiakas.example"),
            attachments=(
                Attachment("käyttöohje.pdf", "application/pdf", b"\x00\xff" * 99, is_inline=False, content_id=""),
            ),
        )

        read = parse(compose(mail))

        assert (read.sender, read.to, read.cc) == (mail.sender, mail.to, mail.cc)
        assert read.reply_to == (mail.reply_to,)
        assert (read.subject, read.text, read.html.strip()) == (mail.subject, mail.text.strip(), mail.html)
        assert (read.message_id, read.date) == (mail.message_id, mail.date)
        assert (read.in_reply_to, read.references) == ((mail.in_reply_to,), mail.references)
        assert read.attachments == mail.attachments
        assert read.problems == ()

    @settings(deadline=None)
    @given(PRINTABLE, PRINTABLE, st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=300))
    def test_carries_any_words_without_loss(self, subject: str, name: str, text: str) -> None:
        raw = compose(replace(MAIL, subject=subject, to=(Address(name, "a@b.example"),), text=text))

        read = email.message_from_bytes(raw, policy=email.policy.default)
        body = read.get_body(("plain",))

        assert raw.isascii()
        assert b"\n" not in raw.replace(b"\r\n", b"")
        assert read["subject"].split() == subject.split()
        assert body is not None
        assert body.get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")

    @pytest.mark.parametrize("character", ["\r", "\n", "\x00", "\x85", "\u2028", "\u202e", "\ud800"])
    @pytest.mark.parametrize(
        "place", ["subject", "name", "message_id", "reference", "in_reply_to", "filename", "content_id"]
    )
    def test_refuses_control_characters_in_every_header(self, place: str, character: str) -> None:
        value = f"a{character}Bcc: victim@customer.example"
        attachment = Attachment("a.txt", "text/plain", b"", is_inline=True, content_id="")
        bad = {
            "subject": replace(MAIL, subject=value),
            "name": replace(MAIL, sender=Address(value, "a@b.example")),
            "message_id": replace(MAIL, message_id=value),
            "reference": replace(MAIL, references=(value,)),
            "in_reply_to": replace(MAIL, in_reply_to=value),
            "filename": replace(MAIL, attachments=(replace(attachment, filename=value),)),
            "content_id": replace(MAIL, attachments=(replace(attachment, content_id=value),)),
        }[place]

        with pytest.raises(ValueError, match=r"\w"):
            compose(bad)

    @pytest.mark.parametrize(
        "addr", ["", "a", "a@", "@b", "a b@c.example", "a@b.example\nBcc: x@y.example", "ä@b.example"]
    )
    def test_refuses_incomplete_addresses(self, addr: str) -> None:
        with pytest.raises(ValueError, match="address"):
            compose(replace(MAIL, to=(Address("", addr),)))

    def test_refuses_a_date_without_zone_and_a_mail_to_nobody(self) -> None:
        with pytest.raises(ValueError, match="zone"):
            compose(replace(MAIL, date=datetime(2026, 1, 1)))  # noqa: DTZ001 - the mistake under test
        with pytest.raises(ValueError, match="recipient"):
            compose(replace(MAIL, to=()))

    def test_gives_the_same_bytes_each_time(self) -> None:
        mail = replace(MAIL, html="<p>x</p>")

        assert compose(mail) == compose(mail)

    def test_leaves_out_a_foreign_message_id_that_no_header_can_hold(self) -> None:
        read = parse(compose(replace(MAIL, in_reply_to="säännötön id", references=("ok@x.example", "a" * 2_000))))

        assert read.in_reply_to == ()
        assert read.references == ("ok@x.example",)

    def test_keeps_every_line_within_the_limit_of_smtp(self) -> None:
        references = tuple(f"{number}{'x' * 200}@customer.example" for number in range(80))

        raw = compose(replace(MAIL, subject="sana " * 100, references=references, text="ä" * 5_000))

        assert max(map(len, raw.split(b"\r\n"))) <= 998
        assert parse(raw).references[0] == references[0]

    def test_sends_a_mail_inside_a_mail_as_opaque_bytes(self) -> None:
        inner = compose(MAIL)
        outer = replace(
            MAIL, attachments=(Attachment("a.eml", "message/rfc822", inner, is_inline=False, content_id=""),)
        )

        (attachment,) = parse(compose(outer)).attachments

        assert (attachment.content_type, attachment.content) == ("application/octet-stream", inner)


class TestAutomaticMail:
    def test_says_that_it_is_automatic(self) -> None:
        read = email.message_from_bytes(compose(replace(MAIL, automatic="auto-replied", language="fi")))

        assert read["Auto-Submitted"] == "auto-replied"
        assert read["X-Auto-Response-Suppress"] == "All"
        assert read["Content-Language"] == "fi"

    def test_goes_to_exactly_one_recipient(self) -> None:
        for mail in (replace(MAIL, to=MAIL.to * 2), replace(MAIL, cc=MAIL.to)):
            with pytest.raises(ValueError, match="one recipient"):
                compose(replace(mail, automatic="auto-replied"))

    def test_of_a_person_says_nothing_of_the_kind(self) -> None:
        assert email.message_from_bytes(compose(MAIL))["Auto-Submitted"] is None
