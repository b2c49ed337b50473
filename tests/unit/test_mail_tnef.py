"""winmail.dat: its files by their long names, its text from whatever form it is in, and no file is lost to damage."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_gateway import rtf, tnef
from mail_gateway.parse import parse
from tests.unit import tnef_writer as write

# Examples of MS-OXRTFCP, 4.1 and 4.2
HELLO = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c0900206277"
    "05b06c647d0a800fa0"
)  # fmt: skip
REPEATED = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")


def in_a_mail(winmail: bytes, *, text: str = "") -> bytes:
    return (
        b"From: ann@customer.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n"
        + text.encode()
        + b"\n--b\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(winmail)
        + b"--b--\n"
    )


class TestUnpack:
    def test_prefers_the_long_name(self) -> None:
        long_name = write.sized(0x3707, write.UNICODE, "Käyttöohje 2026.pdf\0".encode("utf-16-le"))

        unpacked = tnef.unpack(write.container(write.file(b"KYTTOH~1.PDF", b"%PDF", long_name)))

        assert unpacked is not None
        (file,) = unpacked.attachments
        assert (file.filename, file.content_type, file.content) == ("Käyttöohje 2026.pdf", "application/pdf", b"%PDF")

    def test_reads_names_in_the_code_page_of_the_file(self) -> None:
        unpacked = tnef.unpack(write.container(write.code_page(1251), write.file("отчёт.doc".encode("cp1251"), b"x")))

        assert unpacked is not None
        assert [file.filename for file in unpacked.attachments] == ["отчёт.doc"]

    def test_steps_over_properties_with_names_of_their_own(self) -> None:
        properties = (
            write.named(0x8001, "x-odd", 7),
            write.long(0x3705, 1),
            write.sized(0x3704, write.STRING, b"a.txt\0"),
        )

        unpacked = tnef.unpack(write.container(write.file(b"", b"x", *properties)))

        assert unpacked is not None
        assert [file.filename for file in unpacked.attachments] == ["a.txt"]

    def test_opens_a_message_inside(self) -> None:
        inner = write.container(
            write.message(write.sized(0x1000, write.STRING, b"Inner text.\0")), write.file(b"inner.pdf", b"%PDF")
        )
        outer = write.file(b"Fwd order", b"", write.sized(0x3701, write.OBJECT, write.MESSAGE_OBJECT + inner))

        unpacked = tnef.unpack(write.container(outer))

        assert unpacked is not None
        assert [(file.filename, file.content) for file in unpacked.attachments] == [
            ("Fwd order", b"Inner text."), ("inner.pdf", b"%PDF"),
        ]  # fmt: skip

    def test_keeps_what_stands_before_the_damage(self) -> None:
        whole = write.container(write.file(b"a.txt", b"first"), write.file(b"b.txt", b"second"))

        unpacked = tnef.unpack(whole[:-20])

        assert unpacked is not None
        assert (unpacked.attachments[0].filename, unpacked.attachments[0].content) == ("a.txt", b"first")

    def test_takes_no_path_along(self) -> None:
        unpacked = tnef.unpack(write.container(write.file(rb"C:\Users\ann\..\a.txt", b"x")))

        assert unpacked is not None
        assert [file.filename for file in unpacked.attachments] == ["a.txt"]

    @given(st.binary(max_size=400))
    def test_never_raises(self, junk: bytes) -> None:
        start = write.container(write.message(write.sized(0x1009, write.BINARY, HELLO)), write.file(b"a.txt", b"x"))

        assert tnef.unpack(start + junk) is not None
        tnef.unpack(start[:6] + junk)
        rtf.read(rtf.unpack(HELLO[:16] + junk, max_bytes=10_000))
        rtf.read(junk)


class TestMail:
    def test_shows_the_files_instead_of_the_container(self) -> None:
        mail = parse(in_a_mail(write.container(write.file(b"order.pdf", b"%PDF")), text="See the order."))

        assert [file.filename for file in mail.attachments] == ["order.pdf"]
        assert (mail.text, mail.problems) == ("See the order.", ())

    def test_takes_its_text_from_the_container_when_it_has_none(self) -> None:
        html = write.sized(0x1013, write.BINARY, "<p>Hyvää päivää</p>".encode("cp1252"))

        mail = parse(in_a_mail(write.container(write.message(write.long(0x3FDE, 1252), html))))

        assert (mail.text, mail.html) == ("Hyvää päivää", "<p>Hyvää päivää</p>")

    def test_takes_its_text_from_rich_text_too(self) -> None:
        mail = parse(in_a_mail(write.container(write.message(write.sized(0x1009, write.BINARY, HELLO)))))

        assert mail.text.strip() == "hello world"

    def test_keeps_a_container_with_nothing_in_it(self) -> None:
        mail = parse(in_a_mail(write.container(), text="See the order."))

        assert [file.filename for file in mail.attachments] == ["winmail.dat"]

    def test_keeps_a_container_that_is_none(self) -> None:
        mail = parse(in_a_mail(b"nothing of the kind", text="See the order."))

        assert [file.filename for file in mail.attachments] == ["winmail.dat"]
        assert mail.problems == ("The winmail.dat attachment cannot be read.",)


class TestRichText:
    @pytest.mark.parametrize(
        ("packed", "plain"),
        [
            (HELLO, rb"{\rtf1\ansi\ansicpg1252\pard hello world}" + b"\r\n"),
            (REPEATED, rb"{\rtf1 WXYZWXYZWXYZWXYZWXYZ}"),
            (b"\x0c\x00\x00\x00\x06\x00\x00\x00MELA\x00\x00\x00\x00{\\rtf}", rb"{\rtf}"),
            (b"short", b""),
        ],
    )
    def test_is_unpacked(self, packed: bytes, plain: bytes) -> None:
        assert rtf.unpack(packed, max_bytes=1_000) == plain

    def test_is_not_unpacked_without_end(self) -> None:
        assert len(rtf.unpack(REPEATED, max_bytes=10)) <= 10

    @pytest.mark.parametrize(
        ("document", "text"),
        [
            (
                rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\f0 Hyv\'e4\'e4\par p\u228\'e4iv\u228\'e4\'e4}",
                "Hyvää\npäivää",
            ),
            (rb"{\rtf1\uc0 \u-10179 \u-8704 }", "😀"),
            (rb"{\rtf1 a{\*\unknown hidden}b \{c\}\tab d}", "ab {c}\td"),
            (rb"{\rtf1 }}}}a", "a"),
        ],
    )
    def test_has_a_text(self, document: bytes, text: str) -> None:
        assert rtf.read(document) == (text, "")

    def test_that_was_html_becomes_html_again(self) -> None:
        document = (
            rb"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 caf\'e9 {\*\htmltag84 &amp;} bar\htmlrtf }"
            rb"\htmlrtf0 {\*\htmltag72 </p>}\htmlrtf\par\htmlrtf0}"
        )

        assert rtf.read(document) == ("", "<p>café &amp; bar</p>")
