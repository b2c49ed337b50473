"""The one door to headers: who wrote, to whom, about what; clean, and never by guess where it matters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_gateway import addresses
from mail_gateway.charsets import clean, decode
from mail_gateway.encoded_words import decode_words, parse_parameters
from mail_gateway.mail import Address, ParsedMail
from mail_gateway.parse import parse
from tests.unit.mail_samples import parsed


def mail_with(**fields: str) -> ParsedMail:
    head = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    return parse(f"{head}\nText.\n".encode())


class TestSender:
    @pytest.mark.parametrize(
        ("value", "sender"),
        [
            ("ann@customer.example", Address("", "ann@customer.example")),
            ("<ann@customer.example>", Address("", "ann@customer.example")),
            ("Ann Lahti <ann@customer.example>", Address("Ann Lahti", "ann@customer.example")),
            ('"Lahti, Ann" <ann@customer.example>', Address("Lahti, Ann", "ann@customer.example")),
            ("ann@customer.example (Ann Lahti)", Address("Ann Lahti", "ann@customer.example")),
            ("ann@customer.example <ann@customer.example>", Address("ann@customer.example", "ann@customer.example")),
            ('"boss@luotsi.example" <ann@customer.example>', Address("boss@luotsi.example", "ann@customer.example")),
            ("=?utf-8?q?P=C3=A4ivi?= <p@customer.example>", Address("Päivi", "p@customer.example")),
        ],
    )
    def test_is_the_one_mailbox(self, value: str, sender: Address) -> None:
        mail = mail_with(From=value)

        assert (mail.sender, mail.sender_problem) == (sender, "")

    @pytest.mark.parametrize(
        "value",
        [
            "a@good.example <b@evil.example>",
            "a@good.example, b@evil.example",
            "<a@good.example> <b@evil.example>",
            "Ann <a@good.example> b@evil.example",
            "Team: a@good.example;",
            "Ann",
            "",
            "To: <",
            '"',
            "a@",
            "@b",
            "a@b@c.example",
            "Ann (unclosed <a@good.example>",
            "a@good.example\x00@evil.example",
            "=?utf-8?q?a=40good.example=2C?= <b@evil.example> <",
            "Ann <=?utf-8?q?a=40good.example?=>",
        ],
    )
    def test_is_nobody_when_the_field_can_be_read_in_two_ways(self, value: str) -> None:
        mail = mail_with(From=value)

        assert mail.sender is None
        assert mail.sender_problem

    def test_is_not_the_address_that_only_the_name_shows(self) -> None:
        mail = parsed("from-two-addresses")

        assert mail.sender is None
        assert mail.from_shown == Address("a@good.example", "b@evil.example")

    def test_is_nobody_when_there_are_two_fields(self) -> None:
        mail = parsed("from-twice")

        assert mail.sender is None
        assert "more than one From" in mail.sender_problem

    def test_is_nobody_when_there_is_none(self) -> None:
        assert parsed("empty").sender is None


class TestRecipients:
    def test_flatten_groups_and_keep_commas_in_names(self) -> None:
        mail = parsed("group-addresses")

        assert mail.to == (Address("Ben", "ben@x.example"), Address("", "cleo@x.example"))
        assert mail.cc == (Address("Lahti, Ann", "ann@x.example"), Address("Virtanen, Ville", "ville@x.example"))

    def test_stop_at_the_limit(self) -> None:
        mail = mail_with(From="a@b.example", To=", ".join(f"a{number}@b.example" for number in range(900)))

        assert len(mail.to) <= 500

    def test_that_servers_noted_are_listed_once(self) -> None:
        mail = mail_with(Delivered_To="a@b.example", X_Original_To="a@b.example", Resent_To="C <c@d.example>")

        assert mail.delivered_to == ("a@b.example", "c@d.example")

    @settings(deadline=None)
    @given(st.text(max_size=300))
    def test_are_read_from_anything(self, value: str) -> None:
        found = addresses.read_list(value, limit=500)
        strict, problem = addresses.read_strict(value)

        assert all("@" in address.addr for address in found)
        assert (strict is None) == bool(problem)
        assert strict is None or addresses.is_clean(strict.addr)


class TestSubject:
    def test_is_cleaned_of_line_breaks_and_bidirectional_overrides(self) -> None:
        subject = parsed("subject-smuggles-header").subject

        assert subject.isprintable()
        assert "\u202e" not in subject

    @pytest.mark.parametrize(
        ("value", "subject"),
        [
            ("=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "ä"),
            ("=?utf-8?b?w6Q?=", "ä"),
            ("=?iso-8859-1?q?p=E4iv=E4=E4?= there", "päivää there"),
            ("a =?utf-8?q?b?=  =?utf-8?q?c?= d", "a bc d"),
            ("=?unknown-8bit?q?abc?=", "abc"),
            ("=?utf-8?q?broken", "=?utf-8?q?broken"),
            ("=?utf-7?q?+ADw-?=", "+ADw-"),
            ("100 % =?=", "100 % =?="),
        ],
    )
    def test_is_decoded(self, value: str, subject: str) -> None:
        assert mail_with(Subject=value).subject == subject

    def test_in_raw_latin1_is_read_by_the_charset_of_the_body(self) -> None:
        mail = parsed("raw-8bit-headers-latin1")

        assert mail.subject == "Tilaus myöhässä"
        assert mail.sender == Address("Matti Meikäläinen", "matti@customer.example")

    @settings(deadline=None)
    @given(st.text(max_size=500))
    def test_is_one_clean_line_whatever_was_sent(self, value: str) -> None:
        cleaned = clean(decode_words(value))

        assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in cleaned)
        assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")


class TestDate:
    @pytest.mark.parametrize(
        ("value", "date"),
        [
            ("Mon, 2 Nov 2026 09:30:00 +0200", datetime(2026, 11, 2, 7, 30, tzinfo=UTC)),
            ("2 Nov 26 09:30 EST", datetime(2026, 11, 2, 14, 30, tzinfo=UTC)),
            ("Mon, 2 Nov 2026 09:30:00 -0000 (UTC)", datetime(2026, 11, 2, 9, 30, tzinfo=UTC)),
            ("Mon, 31 Feb 2026 09:30:00 +0000", None),
            ("Mon, 2 Nov 2026 09:30:00 +9999", None),
            ("yesterday", None),
            ("", None),
        ],
    )
    def test_is_read_in_utc_or_not_at_all(self, value: str, date: datetime | None) -> None:
        assert mail_with(Date=value).date == date


class TestMessageIds:
    def test_lose_their_brackets(self) -> None:
        mail = mail_with(
            Message_ID="<a@b.example>",
            In_Reply_To="Your mail of Monday <c@d.example>",
            References="<e@f>\n <g@h>,<i@j>",
        )

        assert mail.message_id == "a@b.example"
        assert mail.in_reply_to == ("c@d.example",)
        assert mail.references == ("e@f", "g@h", "i@j")

    @pytest.mark.parametrize("value", ["", "<[>", "<>", "<", "no-brackets@b.example", "<" + "x" * 4_000 + "@b>"])
    def test_that_are_malformed_do_no_harm(self, value: str) -> None:
        assert len(mail_with(Message_ID=value).message_id) <= 998

    def test_keep_the_first_and_the_latest_of_very_many(self) -> None:
        references = mail_with(References=" ".join(f"<{number}@b>" for number in range(500))).references

        assert (references[0], references[-1], len(references)) == ("0@b", "499@b", 100)


class TestParameters:
    @settings(deadline=None)
    @given(st.text(max_size=300))
    def test_are_read_from_anything(self, value: str) -> None:
        token, parameters = parse_parameters(value)

        assert isinstance(token, str)
        assert all(isinstance(one, str) for one in parameters.values())

    def test_join_their_sections_in_order(self) -> None:
        _, parameters = parse_parameters("attachment; filename*1=b.pdf; filename*0*=utf-8''%C3%A4")

        assert parameters == {"filename": "äb.pdf"}


class TestCharsets:
    @pytest.mark.parametrize("label", ["utf-7", "UTF7", "unicode_escape", "rot13", "idna", "x-nonsense", "../../etc"])
    def test_outside_the_list_are_refused_with_a_note(self, label: str) -> None:
        text, problem = decode(b"+ADw-script+AD4-", label)

        assert text == "+ADw-script+AD4-"
        assert problem

    @pytest.mark.parametrize(
        ("label", "codec"),
        [
            ("iso-8859-1", "cp1252"),
            ("gb2312", "gb18030"),
            ("shift_jis", "cp932"),
            ("ks_c_5601-1987", "cp949"),
            ("koi8-r", "koi8-r"),
        ],
    )
    def test_mean_what_browsers_take_them_for(self, label: str, codec: str) -> None:
        text = {"gb18030": "你好", "cp932": "こんにちは", "cp949": "안녕하세요", "koi8-r": "Привет"}.get(codec, "“ä” €")

        assert decode(text.encode(codec), label) == (text, "")

    @settings(deadline=None)
    @given(st.binary(max_size=300), st.text(max_size=20))
    def test_decode_anything(self, data: bytes, label: str) -> None:
        text, problem = decode(data, label)

        assert isinstance(text, str)
        assert isinstance(problem, str)
