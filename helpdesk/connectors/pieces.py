"""A text that is longer than one post may be, as several posts that are read one after the other."""

import re
from collections.abc import Callable

#: Nobody reads a chain of more.
MOST = 6
_SEPARATORS = (re.compile(r"\n\n+"), re.compile(r"\n"), re.compile(r"(?<=[.!?…:;])\s+"), re.compile(r"\s+"))


def cut(text: str, *, limit: int, length: Callable[[str], int] = len) -> list[str] | None:
    """Pieces of at most ``limit`` by ``length``, cut where it hurts least; None if `MOST` of them aren't enough.

    No word is lost or changed, whitespace at the cuts is. A single word that is too long is cut inside.
    """
    pieces: list[str] = []
    rest = text.strip()
    while rest and len(pieces) < MOST:
        piece = _first(rest, limit, length)
        pieces.append(piece.strip())
        rest = rest[len(piece) :].strip()
    return None if rest else [piece for piece in pieces if piece]


def _first(text: str, limit: int, length: Callable[[str], int]) -> str:
    """The longest beginning that fits: of paragraphs, else lines, sentences, words, and at worst characters.

    A beginning of less than half of what fits is given up for a cut at a smaller joint.
    """
    if length(text) <= limit:
        return text
    most = _longest(text, limit, length)
    for separator in _SEPARATORS:
        ends = [match.start() for match in separator.finditer(text, 0, most + 1) if match.start() <= most]
        if ends and ends[-1] * 2 >= most:
            return text[: ends[-1]]
    return text[:most]


def _longest(text: str, limit: int, length: Callable[[str], int]) -> int:
    """So many characters of the text fit, at least one."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if length(text[:middle]) <= limit else (low, middle - 1)
    return low
