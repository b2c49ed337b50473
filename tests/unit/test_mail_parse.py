"""Bytes to a mail: everything is in the body or attached, limits hold, and nothing raises."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_gateway.html_text import to_text
from mail_gateway.languages import detect
from mail_gateway.mail import Limits, ParsedMail
from mail_gateway.parse import parse
from mail_gateway.problems import Problem
from tests.unit import mail_samples
from tests.unit.mail_samples import QUIRKS, parsed

ROOT = Path(__file__).resolve().parents[2]


def names(mail: ParsedMail) -> list[str]:
    return [attachment.filename for attachment in mail.attachments]


def nested(depth: int) -> bytes:
    levels = (b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (level, level) for level in range(depth))
    return b"From: a@b.example\n" + b"".join(levels) + b"Content-Type: text/plain\n\nDeep.\n"


class TestBody:
    def test_prefers_nothing_over_the_text_part(self) -> None:
        mail = parsed("plain-utf8")

        assert mail.text == "Hei!\n\nTilaukseni 4711 ei ole vielä tullut. Milloin se saapuu?\n\nTerveisin\nPäivi"
        assert (mail.html, mail.language, mail.problems) == ("", "fi", ())

    def test_keeps_inline_pictures_as_attachments(self) -> None:
        mail = parsed("outlook-inline-images")

        (picture,) = mail.attachments
        assert (picture.is_inline, picture.content_id) == (True, "image001.png@01DA")
        assert mail.text == "See [cid:image001.png@01DA]"
        assert "<img" in mail.html

    def test_joins_the_pieces_that_apple_mail_puts_around_a_picture(self) -> None:
        mail = parsed("mixed-inside-alternative")

        assert mail.text == "Before picture. After picture."
        assert mail.html == "<p>Before picture.</p>\n<p>After picture.</p>"
        assert names(mail) == ["photo.jpg"]

    def test_of_an_html_mail_becomes_text_too(self) -> None:
        mail = parsed("outlook-reply-html-only")

        assert "hyväksymme tarjouksen" in mail.text
        assert "MsoNormal" not in mail.text
        assert "conditional" not in mail.text

    def test_unflows_flowed_text(self) -> None:
        lines = parsed("format-flowed").text.split("\n")

        assert lines[0] == "This paragraph was broken by the mail program and is one line."
        assert lines[2] == "> A quoted line that was broken too."

    @pytest.mark.parametrize(
        ("quirk", "word"), [("iso-2022-jp", "こんにちは"), ("gb18030", "你好"), ("charset-lie-utf8", "äidinkieltä")]
    )
    def test_is_read_in_its_charset(self, quirk: str, word: str) -> None:
        assert word in parsed(quirk).text

    def test_in_utf7_stays_what_its_bytes_are(self) -> None:
        mail = parsed("charset-utf7")

        assert "<script" not in mail.html
        assert mail.problems == (Problem.CHARSET_FORBIDDEN.filled(charset="utf-7", guess="ASCII"),)

    def test_is_found_without_a_boundary(self) -> None:
        mail = parsed("boundary-missing")

        assert (mail.text, names(mail)) == ("Readable all the same.", ["a.pdf"])
        assert mail.problems

    def test_is_found_between_bare_carriage_returns(self) -> None:
        assert (parsed("mac-line-ends").subject, parsed("mac-line-ends").text) == ("Old Mac", "Hello\nWorld")

    def test_that_is_encrypted_is_said_to_be(self) -> None:
        mail = parsed("smime-encrypted")

        assert names(mail) == ["smime.p7m"]
        assert "S/MIME" in mail.problems[0]


class TestAttachments:
    def test_have_the_names_their_senders_meant(self) -> None:
        assert names(parsed("attachment-names")) == [
            "käyttöohje.pdf", "käyttöohje 2.pdf", "raportti.xls", "passwd", "lasku nro 5.pdf",
        ]  # fmt: skip

    def test_include_a_mail_as_one_file(self) -> None:
        mail = parsed("nested-rfc822")

        (inner,) = mail.attachments
        assert (inner.filename, inner.content_type) == ("Your order.eml", "message/rfc822")
        assert b"inner.pdf" in inner.content

    def test_of_a_flood_in_one_text_stay_in_the_text_beyond_the_limit(self) -> None:
        blocks = b"".join(b"begin 644 f%d\n#%s\nend\n" % (number, b"86)C") for number in range(1_500))

        mail = parse(b"From: ann@customer.example\n\n" + blocks)

        assert len(mail.attachments) == Limits().parts
        assert "begin 644 f1499" in mail.text
        assert any("files" in problem for problem in mail.problems)

    def test_are_taken_out_of_uuencoded_text(self) -> None:
        mail = parsed("uuencode")

        assert [(one.filename, one.content) for one in mail.attachments] == [("log.txt", b"hello")]
        assert "begin 644" not in mail.text

    @settings(deadline=None)
    @given(st.binary(max_size=2_000))
    def test_arrive_byte_for_byte(self, content: bytes) -> None:
        encoded = base64.encodebytes(content)
        head = b"From: a@b.example\nContent-Type: application/x-y\nContent-Transfer-Encoding: base64\n\n"

        (attachment,) = parse(head + encoded).attachments

        assert attachment.content == content


class TestLimits:
    def test_hold_for_all_texts_together(self) -> None:
        part = b"--b\nContent-Type: text/plain\n\n" + b"word " * 15 + b"\n"
        raw = b"From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n" + part * 9 + b"--b--\n"

        mail = parse(raw, limits=Limits(text_chars=100))

        assert len(mail.text) <= 100
        assert mail.is_truncated

    def test_stop_a_mail_that_is_nested_without_end(self) -> None:
        mail = parse(nested(1_000))

        assert "nested" in " ".join(mail.problems)

    def test_stop_a_mail_of_very_many_parts(self) -> None:
        mail = parse(b"From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000)

        assert "more than 1000 parts" in " ".join(mail.problems)
        assert mail.text.startswith("x")

    def test_stop_mails_inside_mails(self) -> None:
        mail = parse(b"From: a@b.example\n" + b"Content-Type: message/rfc822\n\n" * 5_000)

        assert mail.problems

    @pytest.mark.parametrize("header", [b"Subject: " + b"a" * 1_000_000, b"X-Long: " + b"y" * 2_000_000])
    def test_cut_an_endless_header(self, header: bytes) -> None:
        mail = parse(b"From: ann@customer.example\n" + header + b"\n\nText")

        assert mail.sender is not None
        assert len(mail.subject) <= 1_000
        assert mail.problems

    def test_cut_a_list_of_very_many_recipients(self) -> None:
        fields = b"".join(b"To: %s\n" % b", ".join([b"a@b.example"] * 300) for _ in range(3))

        mail = parse(b"From: ann@customer.example\n" + fields + b"\nText")

        assert len(mail.to) == 500
        assert mail.problems == (Problem.TOO_MANY_RECIPIENTS.filled(count=500),)

    def test_cut_a_mail_that_is_too_large(self) -> None:
        mail = parse(b"From: a@b.example\n\n" + b"x" * 2_000, limits=Limits(raw_bytes=1_000))

        assert mail.is_truncated
        assert len(mail.text) < 1_000

    def test_cut_a_text_that_is_too_long(self) -> None:
        mail = parse(b"From: a@b.example\n\n" + b"word " * 1_000, limits=Limits(text_chars=100))

        assert mail.is_truncated
        assert len(mail.text) <= 100

    def test_hold_for_html_that_never_closes(self) -> None:
        assert to_text("<div>" * 100_000 + "end") == "end"


class TestLanguage:
    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("Hei, en pääse kirjautumaan palveluun.", "fi"),
            ("Hello, I can't log in to my account.", "en"),
            ("Hej, jag kan inte logga in på mitt konto.", "sv"),
            ("Hej, jeg kan ikke logge ind. Hvad gør jeg?", "da"),
            ("Hei, jeg får ikke logget inn. Hva gjør jeg?", "no"),
            ("Guten Tag, ich kann mich nicht anmelden.", "de"),
            ("Bonjour, je ne peux pas me connecter.", "fr"),
            ("Hola, no puedo iniciar sesión.", "es"),
            ("Buongiorno, non riesco ad accedere.", "it"),
            ("Hallo, ik kan niet inloggen.", "nl"),
            ("Dzień dobry, nie mogę się zalogować.", "pl"),
            ("Olá, não consigo entrar na minha conta.", "pt"),
            ("Здравствуйте, не могу войти.", "ru"),
            ("Tere, ma ei saa sisse logida.", "et"),
            ("Invoice 123", ""),
            ("", ""),
        ],
    )
    def test_is_told_by_its_commonest_words(self, text: str, language: str) -> None:
        assert detect("", text) == language


class TestCommand:
    def test_answers_each_file_name_with_one_line_in_order(self, tmp_path: Path) -> None:
        paths = [str(mail_samples.FOLDER / f"{quirk}.eml") for quirk in QUIRKS]
        asked = [*paths, str(tmp_path / "missing.eml")]

        answers = [json.loads(line) for line in run("--batch", given="\n".join(asked)).splitlines()]

        assert len(answers) == len(asked)
        assert [answer["subject"] for answer in answers[:-1]] == [parsed(quirk).subject for quirk in QUIRKS]
        assert "error" in answers[-1]

    def test_parses_one_file(self) -> None:
        answer = json.loads(run("--parse", str(mail_samples.FOLDER / "attachment-names.eml")))

        assert answer["attachments"][3] == {
            "filename": "passwd", "content_type": "application/octet-stream", "size": 1, "inline": False,
        }  # fmt: skip

    def test_starts_without_what_few_mails_need(self) -> None:
        code = "import sys, mail_gateway.parse; print(*sys.modules)"

        assert not {"django", "chardet", "socket", "email"} & set(python("-c", code).split())


def run(*arguments: str, given: str = "") -> str:
    return python("-m", "mail_gateway.parse", *arguments, given=given)


def python(*arguments: str, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *arguments], input=given, capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout
