"""The new text of a reply, without the quoted mail below it and without the signature. Linear in the text.

The rules: what a mail program marks as quoted below the new text goes; quotes that are answered stay, as they are the
context of the answers; a whole old mail above its answer goes; a signature goes; a mail that only passes another one on
keeps it; and if nothing would be left, everything stays. What is left out is lines of the text, never parts of lines,
so that the text itself shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mail_gateway import quote_lines
from mail_gateway.quote_lines import Line

_HEADER_BLOCK_LINES = 14
# New text stands at the top; a mail with more lines than this is a log file.
_MAX_LINES = 5_000
_INTERLEAVED_TURNS = 4
# A quote that is longer than this, above its answer, was not picked by hand.
_PICKED_QUOTE_LINES = 12
# Below a quoted mail stands an answer, or a footer of so few lines.
_FOOTER_LINES = 5
# "FYI", "Please see below": above a forwarded mail so few words say that the mail below is what matters.
_COVER_WORDS = 4
# How many lines of text may follow such a line for it to begin a signature, and not a part of what somebody says.
_LINES_BELOW = {Line.SIGNATURE: 30, Line.FOOTER_RULE: 12, Line.DEVICE: 3, Line.SIGNED_NAME: 0, Line.RULE: 0}
_SAID = frozenset({Line.TEXT, Line.GREETING})


class _Mark(Enum):
    ATTRIBUTION = "attribution"
    HEADERS = "headers"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class _Cut:
    """Lines `start` to `end` (exclusive) introduce a quoted mail."""

    start: int
    end: int
    mark: _Mark


def new_text(text: str) -> str:
    """What the sender wrote anew; the whole text if nothing else would be left.

    '' for a text of quotes that quote nothing but each other's first lines.
    """
    # Whatever is beyond is one more line.
    lines = text.split("\n", _MAX_LINES)
    kinds = _kinds(lines)
    kept = _without_quotes(lines, kinds)
    if kept or _quotes_nothing(lines, kinds):
        return kept
    return text.strip()


def _kinds(lines: list[str]) -> list[Line]:
    kinds = [quote_lines.classify(line) for line in lines[:_MAX_LINES]] + [Line.TEXT] * (len(lines) > _MAX_LINES)
    fences = [index for index, line in enumerate(lines) if line.startswith("```")]
    # What stands between two fences is a piece of program or log, whatever it looks like.
    for opening, closing in zip(fences[::2], fences[1::2], strict=False):
        kinds[opening : closing + 1] = [Line.TEXT] * (closing + 1 - opening)
    for index in range(1, len(kinds)):
        if kinds[index] is Line.TEXT and kinds[index - 1] is Line.QUOTE and _is_torn_off(lines, index):
            kinds[index] = Line.QUOTE
    return kinds


def _is_torn_off(lines: list[str], index: int) -> bool:
    """Whether a line is the end of the quoted line above, which a program wrapped without quoting it again."""
    above, line = lines[index - 1].rstrip(), lines[index]
    if above.endswith("="):
        # Quoted-printable that a program took for text.
        return True
    is_open = above.rpartition("(http")[2].find(")") < 0 <= above.find("(http")
    return is_open or (len(line) < len(above) >= 60 and line[:1].islower() and not above.endswith(("?", "？")))


def _quotes_nothing(lines: list[str], kinds: list[Line]) -> bool:
    if set(kinds) - {Line.QUOTE, Line.EMPTY}:
        return False
    contents = [content for line in lines if (content := quote_lines.quoted(line))]
    return bool(contents) and all(
        quote_lines.attribution_start(contents, index, index, is_quote_next=True) == index
        for index in range(len(contents))
    )


def _without_quotes(lines: list[str], kinds: list[Line]) -> str:
    start, end, looked_at = 0, len(lines), 0
    dropped: set[int] = set()
    above: set[Line] = set()
    turns = _turns(kinds)
    cuts = _find_cuts(lines, kinds)
    ends = [*(cut.start for cut in cuts[1:]), len(lines)]
    for cut, next_start in zip(cuts, ends, strict=False):
        above |= _SAID & set(kinds[looked_at : cut.start])
        looked_at = cut.end
        if above and _is_end(lines, kinds, cut, next_start, above=above, start=start):
            end = cut.start
            break
        if above and cut.mark is _Mark.FORWARD:
            # It was passed on with a word or two: the old mail is what the new one says.
            break
        if cut.mark is _Mark.ATTRIBUTION and _is_quote(kinds, cut.end):
            if above or turns[cut.end] < _INTERLEAVED_TURNS:
                dropped.update(
                    range(cut.start, _end_of_dropped(kinds, cut) if above else _end_of_unpicked(kinds, cut.end))
                )
        else:
            # Nothing stands above it: a forwarded mail, or an answer below.
            start, above = cut.end, set()
    kept = [index for index in range(start, end) if index not in dropped]
    kept = _trim_signature(lines, kinds, kept)
    kept = _trim_quotes(lines, kinds, kept)
    return "\n".join(lines[index].rstrip() for index in kept).strip()


def _end_of_dropped(kinds: list[Line], cut: _Cut) -> int:
    """Index after the lines that go with an attribution: with empty lines on both sides of it, those below go too."""
    is_apart = cut.start > 0 and kinds[cut.start - 1] is Line.EMPTY
    return _skip_empty(kinds, cut.end) if is_apart and cut.end > cut.start else cut.end


def _end_of_unpicked(kinds: list[Line], index: int) -> int:
    """Index after the quote at `index`, if its program is one that quotes all and puts the writer below.

    Such a program leaves no line between "Ann wrote:" and the quote; where the others do, somebody chose what to quote
    and went below it on purpose.
    """
    while index < len(kinds) and kinds[index] is Line.QUOTE:
        index += 1
    return index


def _is_end(lines: list[str], kinds: list[Line], cut: _Cut, next_start: int, *, above: set[Line], start: int) -> bool:
    """Whether the new text ends where this old mail begins; `above` is what was said above it."""
    if cut.mark is _Mark.FORWARD:
        return not _is_cover(lines, kinds, start, cut.start)
    if cut.mark is _Mark.HEADERS or not _is_quote(kinds, cut.end):
        return True
    answer = _answer_below(lines, kinds, cut.end, next_start)
    if Line.TEXT not in above:
        # A greeting alone is no answer; what stands below the quote is.
        return answer is _Answer.NONE
    return answer is not _Answer.SURE


def _is_cover(lines: list[str], kinds: list[Line], start: int, end: int) -> bool:
    """Whether all that is said from `start` to `end` is a word or two."""
    words = 0
    for index in range(start, end):
        if kinds[index] in _LINES_BELOW:
            break
        words += len(lines[index].split())
        if words > _COVER_WORDS:
            return False
    return True


class _Answer(Enum):
    """What stands below a quote: nothing, a line or two that is more often a footer, or surely an answer."""

    NONE = "none"
    FOOTER = "footer"
    SURE = "sure"


def _answer_below(lines: list[str], kinds: list[Line], start: int, end: int) -> _Answer:
    said = 0
    for index in range(start, end):
        kind = kinds[index]
        if kind in (Line.SIGNATURE, Line.FOOTER_RULE):
            break
        if kind is Line.QUOTE:
            if said and quote_lines.quoted(lines[index]):
                return _Answer.SURE
        elif kind in _SAID:
            if not said and kinds[index - 1] is Line.QUOTE:
                return _Answer.SURE
            said += 1
    if said > _FOOTER_LINES:
        return _Answer.SURE
    return _Answer.FOOTER if said else _Answer.NONE


def _turns(kinds: list[Line]) -> list[int]:
    """For each index, how often quotes and text take turns from there on: answers between lines need their context."""
    turns = [0] * (len(kinds) + 1)
    following = Line.EMPTY
    for index in range(len(kinds) - 1, -1, -1):
        is_turn = kinds[index] in (Line.QUOTE, Line.TEXT) and kinds[index] is not following
        turns[index] = turns[index + 1] + is_turn
        following = kinds[index] if is_turn else following
    return turns


def _is_quote(kinds: list[Line], index: int) -> bool:
    """Whether a quote stands at `index` or below the empty lines there."""
    index = _skip_empty(kinds, index)
    return index < len(kinds) and kinds[index] is Line.QUOTE


def _skip_empty(kinds: list[Line], index: int) -> int:
    while index < len(kinds) and kinds[index] is Line.EMPTY:
        index += 1
    return index


def _find_cuts(lines: list[str], kinds: list[Line]) -> list[_Cut]:
    """Every place outside `>` quotes where a program begins to quote, from top to bottom."""
    cuts: list[_Cut] = []
    is_quote_next = _quotes_next(kinds)
    headers = [quote_lines.header_kinds(line) for line in lines]
    index = floor = 0
    while index < len(lines):
        kind = kinds[index]
        cut = None
        if (
            kind is Line.QUOTE
            and kinds[max(floor, index - 1)] is not Line.QUOTE
            and _is_told_inside(lines, kinds, index)
        ):
            cut = _Cut(index, index, _Mark.ATTRIBUTION)
        elif kind in (Line.ORIGINAL, Line.FORWARDED):
            end = _header_block_end(lines, headers, kinds, _skip_empty(kinds, index + 1), needed=2)
            mark = _Mark.FORWARD if kind is Line.FORWARDED else _Mark.HEADERS
            cut = _Cut(index, max(end, index + 1), mark)
        elif kind in (Line.TEXT, Line.GREETING):
            needed = 2 if index and kinds[index - 1] is Line.FOOTER_RULE else 3
            if (end := _header_block_end(lines, headers, kinds, index, needed=needed)) > index:
                cut = _Cut(index, end, _Mark.HEADERS)
            else:
                start = quote_lines.attribution_start(lines, index, floor, is_quote_next=is_quote_next[index + 1])
                cut = _Cut(start, index + 1, _Mark.ATTRIBUTION) if start >= 0 else None
        if cut is None:
            index += 1
            continue
        cuts.append(cut)
        index = floor = max(cut.end, index + 1)
    return cuts


def _is_told_inside(lines: list[str], kinds: list[Line], start: int) -> bool:
    """Whether the quote that begins at `start` says in its own first lines who wrote it, as that of Apple Mail does."""
    first = [
        line
        for index in range(start, min(start + 4, len(lines)))
        if kinds[index] is Line.QUOTE and (line := quote_lines.quoted(lines[index]))
    ]
    return any(quote_lines.attribution_start(first, index, 0, is_quote_next=False) == 0 for index in range(len(first)))


def _quotes_next(kinds: list[Line]) -> list[bool]:
    """For each index, whether a quote stands there or below the empty lines there."""
    is_next = [False] * (len(kinds) + 1)
    for index in range(len(kinds) - 1, -1, -1):
        is_next[index] = kinds[index] is Line.QUOTE or (kinds[index] is Line.EMPTY and is_next[index + 1])
    return is_next


def _header_block_end(lines: list[str], headers: list[set[str]], kinds: list[Line], start: int, *, needed: int) -> int:
    """Index after the quoted headers (From, Sent, To, Subject ...) that begin at `start`; `start` if there are none.

    `headers` are the kinds of headers that each line holds; a block has `needed` kinds.
    """
    if start >= len(lines) or not headers[start]:
        return start
    seen: set[str] = set()
    end = start
    for index in range(start, min(start + _HEADER_BLOCK_LINES, len(lines))):
        if kinds[index] is Line.EMPTY:
            # HTML turned into text may put an empty line between two headers.
            if index + 1 < len(lines) and len(seen) < 4 and headers[index + 1]:
                continue
            break
        if headers[index]:
            seen |= headers[index]
            end = index + 1
        elif end == index and _goes_on(lines[index - 1], lines[index]):
            end = index + 1
    is_block = len(seen) >= needed and bool(seen & {"from", "to"}) and bool(seen & {"sent", "subject"})
    return end if is_block else start


def _goes_on(header: str, line: str) -> bool:
    """Whether a line is the rest of the header above, which may be a long list of people."""
    return header.rstrip().endswith((",", ";", "<", "[mailto:")) or (line.lstrip().startswith("<") and "@" in line)


def _trim_signature(lines: list[str], kinds: list[Line], kept: list[int]) -> list[int]:
    """Cut at a signature delimiter, a list footer or the line of a phone, where text of its own stands above it."""
    below = [0] * (len(kept) + 1)
    for position in range(len(kept) - 1, -1, -1):
        index = kept[position]
        is_text = kinds[index] in (*_SAID, Line.SIGNED_NAME)
        below[position] = below[position + 1] + is_text + lines[index].count("\n")
    said: set[Line] = set()
    for position, index in enumerate(kept):
        kind = kinds[index]
        if kind in _SAID:
            said.add(kind)
        elif kind in _LINES_BELOW and below[position + 1] <= _LINES_BELOW[kind]:
            is_parting = kind is Line.FOOTER_RULE and kinds[index + 1 : index + 2] == [Line.EMPTY]
            if is_parting and below[position + 1]:
                # A footer stands right below its rule; a rule with space around it parts two pieces of one text.
                continue
            if Line.TEXT in said:
                return kept[:position]
            if kind in (Line.SIGNATURE, Line.DEVICE):
                # A greeting says nothing: whatever the signature has to tell is then the text.
                return kept if said else []
    return kept


def _trim_quotes(lines: list[str], kinds: list[Line], kept: list[int]) -> list[int]:
    """Drop what is quoted below the last line of new text, and a whole old mail above the first."""
    shown = (*_SAID, Line.DEVICE, Line.SIGNATURE)
    last = max((position for position, index in enumerate(kept) if kinds[index] in shown), default=-1)
    kept = kept[: last + 1]
    first = next((position for position, index in enumerate(kept) if kinds[index] is Line.TEXT), 0)
    above = [index for index in kept[:first] if kinds[index] is Line.QUOTE]
    is_picked = sum(bool(quote_lines.quoted(lines[index])) for index in above) <= _PICKED_QUOTE_LINES
    if above and not is_picked and not any(kinds[index] is Line.QUOTE for index in kept[first:]):
        kept = [index for index in kept[:first] if kinds[index] is not Line.QUOTE] + kept[first:]
    visible = (*shown, Line.QUOTE)
    start = next((position for position, index in enumerate(kept) if kinds[index] in visible), 0)
    return kept[start:]
