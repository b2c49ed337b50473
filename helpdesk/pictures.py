"""What a file is, by its content; and pictures without what they tell besides: place, camera, owner, thumbnails.

Metadata is cut out of the file; the picture itself is not decoded, so nothing is lost and no bomb can go off. Of a JPEG
the orientation is kept, or it would lie on its side. Pure.
"""

import struct
import zlib
from collections.abc import Iterator

#: What visitors may send: type by extension; the content has to agree.
TYPES = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp",
    "pdf": "application/pdf", "txt": "text/plain", "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text", "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
}  # fmt: skip
_SIGNS = (
    (b"\xff\xd8\xff", ("jpg", "jpeg")),
    (b"\x89PNG\r\n\x1a\n", ("png",)),
    (b"GIF87a", ("gif",)),
    (b"GIF89a", ("gif",)),
    (b"%PDF-", ("pdf",)),
    (b"PK\x03\x04", ("docx", "xlsx", "pptx", "odt", "ods", "odp")),
)
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP bKGD pHYs sBIT acTL fcTL fdAT cICP mDCv cLLi".split()
)
_WEBP_DROPPED = frozenset({b"EXIF", b"XMP "})
#: VP8X: "there is EXIF" and "there is XMP".
_WEBP_FLAGS = 0x0C


class Unreadable(ValueError):
    """The file isn't what it begins like."""


def type_of(filename: str, content: bytes) -> str:
    """The type of an allowed file, '' for any other: its name and its content must say the same."""
    extension = filename.rpartition(".")[2].lower()
    signs = [names for sign, names in _SIGNS if content.startswith(sign)]
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        signs.append(("webp",))
    if signs:
        pictures = [name for name in signs[0] if TYPES[name].startswith("image/")]
        if pictures:  # phones name pictures as they like
            return TYPES[pictures[0]]
        return TYPES[extension] if extension in signs[0] else ""
    return TYPES[extension] if extension in {"txt", "csv"} and _is_text(content) else ""


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return not any(ord(letter) < 32 and letter not in "\t\r\n\f" for letter in text)


def stripped(content: bytes, content_type: str) -> bytes:
    """The file without metadata; of other types than pictures as it is. Raises Unreadable."""
    try:
        match content_type:
            case "image/jpeg":
                return b"".join(_jpeg(content))
            case "image/png":
                return b"".join(_png(content))
            case "image/webp":
                return _webp(content)
            case "image/gif":
                return b"".join(_gif(content))
    except (struct.error, IndexError) as error:
        raise Unreadable("it ends too early") from error
    return content


def size_of(content: bytes, content_type: str) -> tuple[int, int]:
    """Width and height of a picture in pixels; (0, 0) for anything else."""
    try:
        match content_type:
            case "image/png":
                width, height = struct.unpack(">II", content[16:24])
                return width, height
            case "image/gif":
                width, height = struct.unpack("<HH", content[6:10])
                return width, height
            case "image/jpeg":
                return next((_jpeg_size(part) for marker, part in _segments(content) if _is_frame(marker)), (0, 0))
            case "image/webp":
                return _webp_size(content)
    except (struct.error, IndexError, Unreadable):
        return 0, 0
    return 0, 0


def _webp_size(content: bytes) -> tuple[int, int]:
    match content[12:16]:
        case b"VP8X":  # the canvas, as two numbers of 24 bits that are one too small
            return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
        case b"VP8L":  # two numbers of 14 bits, likewise
            (bits,) = struct.unpack("<I", content[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack("<HH", content[26:30])
            return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def _is_frame(marker: int) -> bool:
    return 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}


def _jpeg_size(part: bytes) -> tuple[int, int]:
    height, width = struct.unpack(">HH", part[3:7])
    return width, height


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments before the picture's data, then all the rest as one with the marker of the scan."""
    place = 2
    while True:
        if content[place] != 0xFF:
            raise Unreadable("no marker where one must be")
        while content[place] == 0xFF:
            place += 1
        marker = content[place]
        place += 1
        if marker == 0xDA:
            yield marker, content[place - 2 :]
            return
        if marker in {0xD9, 0x00}:
            raise Unreadable("there is no picture in it")
        (size,) = struct.unpack(">H", content[place : place + 2])
        if size < 2 or place + size > len(content):
            raise Unreadable("a segment ends behind the file")
        yield marker, content[place : place + size]
        place += size


def _jpeg(content: bytes) -> Iterator[bytes]:
    yield content[:2]
    orientation = 1
    body: list[bytes] = []
    for marker, part in _segments(content):
        if marker == 0xDA:
            body.append(_up_to_the_end(part))
            continue
        if marker == 0xE1 and part[2:8] == b"Exif\x00\x00":
            orientation = _orientation(part[8:])
        # APP0 says what the pixels are, APP2 holds the colour profile, APP14 the colour space; the rest only tells.
        is_profile = marker == 0xE2 and part[2:14] == b"ICC_PROFILE\x00"
        if marker in {0xE0, 0xEE} or is_profile or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            body.append(bytes((0xFF, marker)) + part)
    if orientation != 1:
        exif = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01" + struct.pack(">HHIHHI", 0x0112, 3, 1, orientation, 0, 0)
        yield b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    yield from body


def _up_to_the_end(scan: bytes) -> bytes:
    """The picture's data without what some cameras append to it: a second picture, a film."""
    end = scan.find(b"\xff\xd9")
    if end < 0:
        raise Unreadable("it has no end")
    return scan[: end + 2]


def _orientation(tiff: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack(order + "I", tiff[4:8])
        (count,) = struct.unpack(order + "H", tiff[start : start + 2])
        for number in range(min(count, 100)):
            place = start + 2 + 12 * number
            tag, kind, _count, value = struct.unpack(order + "HHIH", tiff[place : place + 10])
            if tag == 0x0112 and kind == 3 and 1 <= value <= 8:
                return int(value)
    except struct.error:
        return 1
    return 1


def _png(content: bytes) -> Iterator[bytes]:
    yield content[:8]
    place = 8
    while True:
        (size,) = struct.unpack(">I", content[place : place + 4])
        name, end = content[place + 4 : place + 8], place + 12 + size
        if end > len(content):
            raise Unreadable("a chunk ends behind the file")
        if name in _PNG_KEPT:
            (checksum,) = struct.unpack(">I", content[end - 4 : end])
            if zlib.crc32(content[place + 4 : end - 4]) != checksum:
                raise Unreadable("a checksum is wrong")
            yield content[place:end]
        if name == b"IEND":
            return
        place = end


def _webp(content: bytes) -> bytes:
    parts, place = [], 12
    while place + 8 <= len(content):
        name, (size,) = content[place : place + 4], struct.unpack("<I", content[place + 4 : place + 8])
        end = place + 8 + size + size % 2
        if place + 8 + size > len(content):
            raise Unreadable("a chunk ends behind the file")
        part = content[place:end]
        if name == b"VP8X":
            part = part[:8] + bytes((part[8] & ~_WEBP_FLAGS,)) + part[9:]
        if name not in _WEBP_DROPPED:
            parts.append(part)
        place = end
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _gif(content: bytes) -> Iterator[bytes]:
    place = 13 + _colours(content[10])
    yield content[:place]
    while True:
        start, kind = place, content[place]
        if kind == 0x3B:
            yield b"\x3b"
            return
        if kind == 0x2C:
            place = _blocks_end(content, start + 11 + _colours(content[start + 9]))
            yield content[start:place]
        elif kind == 0x21:
            place = _blocks_end(content, start + 2)
            is_loop = content[start + 1] == 0xFF and content[start + 3 : start + 14] == b"NETSCAPE2.0"
            if content[start + 1] in {0xF9, 0x01} or is_loop:  # how it moves; comments and other notes are left out
                yield content[start:place]
        else:
            raise Unreadable("not a block")


def _colours(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks_end(content: bytes, place: int) -> int:
    while content[place]:
        place += content[place] + 1
    return place + 1
