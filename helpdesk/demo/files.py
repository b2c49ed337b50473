"""Small real files for the demo's mails, made here so that no binary lies in the source."""

import struct
import zlib

_SIDE = 96


def content_of(filename: str) -> bytes:
    """The content of an attachment by the end of its name; raises ValueError for an end that the demo doesn't have."""
    suffix = filename.rpartition(".")[2]
    if suffix == "png":
        return _picture(seed=sum(filename.encode()))
    if suffix == "pdf":
        return _document(filename.removesuffix(".pdf"))
    if suffix == "txt":
        return plotter_log().encode()
    raise ValueError(f"the demo has no file like {filename}")


def plotter_log() -> str:
    """Two hundred lines, as people paste them into a mail."""
    phases = ("reading card", "checking area", "writing tile", "verifying tile", "waiting for card")
    return "\n".join(
        f"2.14.{number // 100:02d} {number // 60:02d}:{number % 60:02d} {phases[number % 5]:<16} "
        f"block {number * 4096:>8} {'RETRY' if number % 23 == 22 else 'ok'}"
        for number in range(200)
    )


def _picture(*, seed: int) -> bytes:
    """A PNG of sea and sky, a little different for each seed (RFC 2083: signature, IHDR, IDAT, IEND)."""
    horizon = 40 + seed % 20
    rows = []
    for y in range(_SIDE):
        sky = y < horizon
        shade = (y * 2 + seed) % 40
        colour = (150 + shade, 190 + shade, 225) if sky else (20, 80 + shade, 110 + shade)
        rows.append(b"\x00" + bytes(colour) * _SIDE)
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _document(title: str) -> bytes:
    """A PDF of one page with one line."""
    line = f"BT /F1 18 Tf 60 760 Td ({title}) Tj ET".encode("latin-1", errors="replace")
    parts = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(line), line),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    out, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(parts) + 1
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        size, table, size, len(out),
    )  # fmt: skip
