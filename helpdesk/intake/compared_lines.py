"""Two texts side by side, line by line, in time that has a bound: a mail can be a million characters of one letter."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

#: Lines are compared in windows of this many after what both begin with, and shown with some context.
MAX_LINES = 300
CONTEXT = 2
_WIDTH = 400
_BETWEEN_TAGS = re.compile(r"(?<=>)(?=<)")


@dataclass(frozen=True, slots=True)
class Row:
    """A line as it was and as it is; None where the other text has a line more. Both None: lines are left out here."""

    before: str | None
    after: str | None

    @property
    def is_changed(self) -> bool:
        return self.before != self.after

    @property
    def is_gap(self) -> bool:
        return self.before is None and self.after is None


def lines_of(text: str) -> list[str]:
    """Lines that a page can show: HTML is broken between its tags, a long line into pieces."""
    broken = _BETWEEN_TAGS.sub("\n", text).split("\n") if text else []
    return [line[start : start + _WIDTH] for line in broken for start in range(0, max(1, len(line)), _WIDTH)]


def compared(before: str, after: str) -> Iterator[Row]:
    """What differs, with a little of what stands around it."""
    old, new = lines_of(before), lines_of(after)
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    begin = max(0, start - CONTEXT)
    old_window, old_rest = _window(old, begin, end)
    new_window, new_rest = _window(new, begin, end)
    matcher = SequenceMatcher(None, old_window, new_window, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if number or begin:
            yield Row(None, None)
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (Row(line, line) for line in old_window[i1:i2])
            else:
                yield from (Row(*pair) for pair in zip_longest(old_window[i1:i2], new_window[j1:j2]))
    if old_rest or new_rest:
        yield Row(None, None)


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def _window(lines: Sequence[str], begin: int, end: int) -> tuple[Sequence[str], bool]:
    """The lines to compare, and whether any follow them."""
    stop = len(lines) - max(0, end - CONTEXT)
    shown = lines[begin : min(stop, begin + MAX_LINES)]
    return shown, begin + len(shown) < len(lines)
