"""Pictures of agents are read pixel by pixel, and nothing but the pixels goes on."""

import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk import portraits
from helpdesk.portraits import SIDE, NotAPicture, redrawn

SIGN = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(rows: list[bytes], *, colour: int = 2, side: int = SIDE, extra: bytes = b"", tail: bytes = b"") -> bytes:
    """A PNG of rows that begin with their filter."""
    header = struct.pack(">IIBBBBB", side, side, 8, colour, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"".join(rows)))
    return SIGN + chunk(b"IHDR", header) + extra + body + chunk(b"IEND", b"") + tail


def colours(row: int, size: int) -> bytes:
    return bytes((row * 7 + place * 13) % 256 for place in range(SIDE * size))


def pixels_of(content: bytes) -> list[bytes]:
    """Rows of a PNG that the desk has written, all of them differences to the row above."""
    size = struct.unpack(">I", content[33:37])[0]
    plain, above, rows = zlib.decompress(content[41 : 41 + size]), bytes(3 * SIDE), []
    for start in range(0, len(plain), 1 + 3 * SIDE):
        assert plain[start] == 2
        row = plain[start + 1 : start + 1 + 3 * SIDE]
        above = bytes((a + b) % 256 for a, b in zip(row, above, strict=True))
        rows.append(above)
    return rows


def filtered(kind: int, row: bytes, above: bytes) -> bytes:
    """A row as section 9.2 of PNG's specification writes it."""
    out = bytearray([kind])
    for place, value in enumerate(row):
        a = row[place - 3] if place >= 3 else 0
        b = above[place]
        c = above[place - 3] if place >= 3 else 0
        p = a + b - c
        paeth = a if abs(p - a) <= abs(p - b) and abs(p - a) <= abs(p - c) else b if abs(p - b) <= abs(p - c) else c
        out.append((value - (0, a, b, (a + b) // 2, paeth)[kind]) % 256)
    return bytes(out)


PLAIN = [colours(row, 3) for row in range(SIDE)]
GOOD = png([b"\x00" + row for row in PLAIN])


class TestAPortrait:
    @pytest.mark.parametrize("kind", range(5))
    def test_keeps_its_pixels_whatever_filter_they_came_by(self, kind: int) -> None:
        rows = [filtered(kind, row, PLAIN[place - 1] if place else bytes(3 * SIDE)) for place, row in enumerate(PLAIN)]

        assert pixels_of(redrawn(png(rows))) == PLAIN

    def test_stands_on_white_where_it_was_transparent(self) -> None:
        clear, half, full = b"\x00\x00\x00\x00", b"\x00\x00\x00\x80", b"\x10\x20\x30\xff"
        row = b"\x00" + clear + half + full + full * (SIDE - 3)

        first = pixels_of(redrawn(png([row] * SIDE, colour=6)))[0]

        assert first[:9] == b"\xff\xff\xff" + b"\x7f\x7f\x7f" + b"\x10\x20\x30"

    def test_holds_nothing_else_of_what_was_sent(self) -> None:
        secret = b"GPS 60.1699 N"
        sent = png([b"\x00" + row for row in PLAIN], extra=chunk(b"tEXt", secret) + chunk(b"eXIf", secret), tail=secret)

        drawn = redrawn(sent + b"PK\x03\x04<script>alert(1)</script>")

        assert secret in sent
        assert secret not in drawn
        assert b"script" not in drawn
        assert drawn == redrawn(GOOD) == redrawn(drawn)


BOMB = SIGN + chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)) + chunk(
    b"IDAT", zlib.compress(bytes(80_000_000), 9)
) + chunk(b"IEND", b"")  # fmt: skip


class TestWhatIsNone:
    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "no PNG"),
            (b"rubbish" * 500, "no PNG"),
            (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "no PNG"),
            (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "no PNG"),
            (b"GIF89a" + GOOD, "no PNG"),
            (SIGN, "no end"),
            (SIGN + chunk(b"IEND", b""), "no header"),
            (GOOD[:-20], "checksum"),
            (GOOD[:60] + b"x" + GOOD[61:], "checksum"),
            (png([b"\x00" + row for row in PLAIN], side=SIDE + 1), "another size"),
            (png([b"\x00" + row for row in PLAIN], side=30_000), "another size"),
            (png([b"\x00" + row for row in PLAIN], colour=3), "another kind"),
            (png([b"\x00" + row for row in PLAIN[1:]]), "too few"),
            (png([b"\x05" + row for row in PLAIN]), "filter"),
            (BOMB, "too few or too many"),
            (bytes(50_000_000), "too large"),
        ],
    )
    def test_is_refused_for_a_reason(self, content: bytes, why: str) -> None:
        with pytest.raises(NotAPicture, match=why):
            redrawn(content)

    def test_is_unpacked_no_further_than_a_picture_is_large(self) -> None:
        assert len(BOMB) < portraits.MOST_BYTES, "else its length would have been enough"
        tracemalloc.start()
        try:
            with pytest.raises(NotAPicture):
                redrawn(BOMB)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert peak < 2_000_000

    @settings(max_examples=200, deadline=None)
    @given(place=st.integers(0, len(GOOD) - 1), put=st.binary(max_size=4), cut=st.integers(0, 200))
    def test_is_refused_wherever_it_is_damaged_or_a_picture_comes_out(self, place: int, put: bytes, cut: int) -> None:
        damaged = GOOD[:place] + put + GOOD[place + len(put) + cut :]
        try:
            drawn = redrawn(damaged)
        except NotAPicture:
            return
        assert pixels_of(drawn) == PLAIN
