"""Text with the words that somebody searched for marked in it: as spans, which a template marks and escapes. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

_LEAD = 60


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text, and whether the searcher asked for it."""

    text: str
    is_hit: bool


def spans(text: str, hits: Iterable[tuple[int, int]]) -> tuple[Span, ...]:
    """``text`` cut at ``hits`` (begin, end; in order, apart); the pieces joined give ``text`` again."""
    pieces, at = [], 0
    for begin, end in hits:
        pieces += [Span(text[at:begin], is_hit=False), Span(text[begin:end], is_hit=True)]
        at = end
    return tuple(piece for piece in (*pieces, Span(text[at:], is_hit=False)) if piece.text)


def window(text: str, hits: Iterable[tuple[int, int]], *, letters: int) -> tuple[Span, ...]:
    """About ``letters`` letters around the first of ``hits``, from the beginning if there is none."""
    hits = list(hits)
    first = hits[0][0] if hits else 0
    begin = 0 if first <= _LEAD else text.find(" ", first - _LEAD) + 1 or first
    begin = min(begin, first)
    end = len(text) if len(text) - begin <= letters else max(text.rfind(" ", begin, begin + letters), begin + _LEAD)
    inside = [(left - begin, right - begin) for left, right in hits if left >= begin and right <= end]
    before = (Span("… ", is_hit=False),) if begin else ()
    after = (Span(" …", is_hit=False),) if end < len(text) else ()
    return (*before, *spans(text[begin:end], inside), *after)
