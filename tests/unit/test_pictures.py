"""Pictures lose what they tell besides, and nothing else; files are what their content says."""

import contextlib
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk import pictures

GPS = b"GPS 60.1699 N 24.9384 E"


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def exif(*, orientation: int = 1, order: str = ">") -> bytes:
    mark = b"MM\x00*" if order == ">" else b"II*\x00"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = mark + struct.pack(order + "I", 8) + struct.pack(order + "H", 1) + entry + struct.pack(order + "I", 0)
    return segment(0xE1, b"Exif\x00\x00" + tiff + GPS)


FRAME = segment(0xC0, struct.pack(">BHHB", 8, 480, 640, 3) + b"\x01\x22\x00" * 3)
SCAN = b"\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00" + b"\x12\xff\x00\x34" * 20 + b"\xff\xd9"


def jpeg(*extra: bytes, tail: bytes = b"") -> bytes:
    return b"\xff\xd8" + segment(0xE0, b"JFIF\x00\x01\x02") + b"".join(extra) + FRAME + SCAN + tail


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(*extra: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 640, 480, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", b"pixels") + chunk(b"IEND", b"")


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(name + struct.pack("<I", len(c)) + c + b"\x00" * (len(c) % 2) for name, c in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif(*blocks: bytes) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 640, 480, 0x80, 0, 0) + b"\x00" * 6 + b"".join(blocks) + b"\x3b"


IMAGE_BLOCK = b"\x2c" + b"\x00" * 8 + b"\x00" + b"\x02" + b"\x02ab\x00"
GPS_NOTE = b"\x21\xfe" + bytes((len(GPS),)) + GPS + b"\x00"
SAMPLES = {
    "image/jpeg": jpeg(exif(), segment(0xFE, GPS), segment(0xED, GPS), tail=GPS),
    "image/png": png(chunk(b"eXIf", GPS), chunk(b"tEXt", GPS), chunk(b"iTXt", GPS)),
    "image/webp": webp(
        (b"VP8X", b"\x0c\x00\x00\x00\x7f\x02\x00\xdf\x01\x00"), (b"VP8 ", b"pixels"), (b"EXIF", GPS), (b"XMP ", GPS)
    ),
    "image/gif": gif(GPS_NOTE, IMAGE_BLOCK),
}


class TestAPicture:
    @pytest.mark.parametrize("kind", SAMPLES)
    def test_tells_nothing_of_place_and_camera(self, kind: str) -> None:
        clean = pictures.stripped(SAMPLES[kind], kind)

        assert GPS in SAMPLES[kind]
        assert b"GPS" not in clean
        assert pictures.type_of(f"x.{kind[6:]}", clean) == kind
        assert pictures.stripped(clean, kind) == clean

    def test_keeps_its_pixels_and_profile(self) -> None:
        profile = segment(0xE2, b"ICC_PROFILE\x00 of colours")

        assert pictures.stripped(jpeg(profile, exif()), "image/jpeg") == jpeg(profile)
        assert pictures.stripped(SAMPLES["image/png"], "image/png") == png()
        assert pictures.stripped(SAMPLES["image/gif"], "image/gif") == gif(IMAGE_BLOCK)

    @pytest.mark.parametrize("order", ["<", ">"])
    def test_stays_upright(self, order: str) -> None:
        clean = pictures.stripped(jpeg(exif(orientation=6, order=order)), "image/jpeg")

        assert b"GPS" not in clean
        assert clean[2:].startswith(b"\xff\xe1")
        assert struct.pack(">HHIH", 0x0112, 3, 1, 6) in clean

    def test_says_its_size(self) -> None:
        sizes = {kind: pictures.size_of(sample, kind) for kind, sample in SAMPLES.items()}

        assert sizes == {
            "image/jpeg": (640, 480), "image/png": (640, 480), "image/gif": (640, 480), "image/webp": (640, 480)
        }  # fmt: skip

    @pytest.mark.parametrize(
        "chunk",
        [
            (b"VP8L", b"\x2f" + ((639) | (479 << 14)).to_bytes(4, "little")),
            (b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 640, 480)),
        ],
    )
    def test_says_the_size_of_a_simple_webp(self, chunk: tuple[bytes, bytes]) -> None:
        assert pictures.size_of(webp(chunk), "image/webp") == (640, 480)

    @settings(max_examples=150, deadline=None)
    @given(
        kind=st.sampled_from(list(SAMPLES)),
        cut=st.integers(0, 400),
        place=st.integers(0, 400),
        byte=st.binary(max_size=3),
    )
    def test_that_is_damaged_is_refused_or_clean(self, kind: str, cut: int, place: int, byte: bytes) -> None:
        sample = SAMPLES[kind]
        damaged = sample[:place] + byte + sample[place + len(byte) :]
        damaged = damaged[: len(damaged) - cut] if cut else damaged
        with contextlib.suppress(pictures.Unreadable):
            assert isinstance(pictures.stripped(damaged, kind), bytes)


class TestTheTypeOfAFile:
    @pytest.mark.parametrize(
        ("name", "content", "kind"),
        [
            ("photo.JPG", SAMPLES["image/jpeg"], "image/jpeg"),
            ("photo", SAMPLES["image/png"], "image/png"),
            ("order.pdf", b"%PDF-1.7 ...", "application/pdf"),
            ("notes.txt", "Hyvää päivää\r\n".encode(), "text/plain"),
            ("table.csv", b"a;b\n1;2\n", "text/csv"),
            ("order.docx", b"PK\x03\x04....", pictures.TYPES["docx"]),
            ("order.pdf", b"MZ\x90\x00", ""),
            ("page.html", b"<script>alert(1)</script>", ""),
            ("page.svg", b"<svg onload=alert(1)>", ""),
            ("run.exe", b"MZ\x90\x00", ""),
            ("archive.zip", b"PK\x03\x04....", ""),
            ("notes.txt", b"\x00\x01binary", ""),
            ("invoice.pdf.exe", b"%PDF-1.7", ""),
        ],
    )
    def test_is_what_name_and_content_agree_on(self, name: str, content: bytes, kind: str) -> None:
        assert pictures.type_of(name, content) == kind
