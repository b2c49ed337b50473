"""Pictures of agents: small squares, read pixel by pixel and drawn anew.

The agent's browser reads the JPEG, PNG or WebP, cuts and scales it, and sends a PNG of one size
(static/js/portrait.js); what arrives here is believed in nothing. Each pixel is decoded, within the bounds that one
size sets, and a new file is written from the pixels alone: nothing else of what was sent is in it, whatever it was
besides a picture. Pure. See docs/adr/0029.
"""

import struct
import zlib
from collections.abc import Iterator

#: Of the square, in pixels: 36 on the screen of a phone that draws three for one, and some.
SIDE = 128
#: A PNG of that size is smaller whatever is on it.
MOST_BYTES = 256 * 1024
_SIGN = b"\x89PNG\r\n\x1a\n"
#: Bytes of a pixel, by PNG's colour type: with and without transparency.
_BYTES = {2: 3, 6: 4}


class NotAPicture(ValueError):
    """The content isn't a PNG that a browser's canvas makes, whole and of our size."""


def redrawn(content: bytes) -> bytes:
    """A PNG of the same pixels, without transparency. Raises NotAPicture."""
    if len(content) > MOST_BYTES:
        raise NotAPicture("it is too large")
    size, packed = _read(content)
    rows = list(_rows(_inflated(packed, SIDE * (1 + SIDE * size)), size))
    return _written(rows if size == 3 else [_on_white(row) for row in rows])


def _read(content: bytes) -> tuple[int, bytes]:
    """Bytes of a pixel, and the packed pixels."""
    chunks = list(_chunks(content))
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise NotAPicture("it has no header")
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    if (width, height) != (SIDE, SIDE):
        raise NotAPicture("it has another size")
    if depth != 8 or colour not in _BYTES or rest != [0, 0, 0]:
        raise NotAPicture("it is of another kind")
    return _BYTES[colour], b"".join(part for name, part in chunks if name == b"IDAT")


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents up to the end, checked; what stands behind the end is left."""
    if not content.startswith(_SIGN):
        raise NotAPicture("it is no PNG")
    place = len(_SIGN)
    while place + 12 <= len(content):
        (size,) = struct.unpack(">I", content[place : place + 4])
        name, part = content[place + 4 : place + 8], content[place + 8 : place + 8 + size]
        if zlib.crc32(name + part).to_bytes(4, "big") != content[place + 8 + size : place + 12 + size]:
            raise NotAPicture("a checksum is wrong")
        if name == b"IEND":
            return
        yield name, part
        place += 12 + size
    raise NotAPicture("it has no end")


def _inflated(packed: bytes, size: int) -> bytes:
    """Exactly ``size`` bytes: no more are unpacked than one too many."""
    try:
        plain = zlib.decompressobj().decompress(packed, size + 1)
    except zlib.error as error:
        raise NotAPicture("the pixels can't be unpacked") from error
    if len(plain) != size:
        raise NotAPicture("it has too few or too many pixels")
    return plain


def _rows(plain: bytes, size: int) -> Iterator[bytes]:
    """Rows of pixels: PNG's filters (section 9 of its specification), each undone."""
    length = SIDE * size
    above = bytes(length)
    for start in range(0, len(plain), length + 1):
        kind, row = plain[start], bytearray(plain[start + 1 : start + 1 + length])
        if kind > 4:
            raise NotAPicture("a row has an unknown filter")
        for place in range(length if kind else 0):
            left = row[place - size] if place >= size else 0
            corner = above[place - size] if place >= size else 0
            row[place] = (row[place] + _foretold(kind, left, above[place], corner)) & 255
        above = bytes(row)
        yield above


def _foretold(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 2:
        return up
    if kind == 3:
        return (left + up) // 2
    guess = left + up - corner
    distances = (abs(guess - left), abs(guess - up), abs(guess - corner))
    return (left, up, corner)[distances.index(min(distances))]


def _on_white(row: bytes) -> bytes:
    opaque = bytearray()
    for place in range(0, len(row), 4):
        alpha = row[place + 3]
        opaque += bytes((colour * alpha + 255 * (255 - alpha)) // 255 for colour in row[place : place + 3])
    return bytes(opaque)


def _written(rows: list[bytes]) -> bytes:
    """Each row as its difference to the one above: packs better than plain colours."""
    above, filtered = bytes(3 * SIDE), bytearray()
    for row in rows:
        filtered += b"\x02" + bytes((new - old) & 255 for new, old in zip(row, above, strict=True))
        above = row
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return _SIGN + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(filtered), 9)) + _chunk(b"IEND", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + zlib.crc32(name + content).to_bytes(4, "big")
