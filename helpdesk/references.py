"""Ticket references: prefix, number, check digit by the weights 7, 3, 1 (as on Finnish bank references).

A single mistyped digit always changes the check digit, and so does swapping two neighbours unless they
differ by 5, so a mistyped number never silently finds another ticket. Pure.
"""

import re

#: The first ticket has number 100001, so that every number has six digits and none looks like a count.
OFFSET = 100_000
_WEIGHTS = (7, 3, 1)


def check_digit(number: int) -> int:
    """The 7-3-1 check digit of ``number``, weights from the right."""
    total = sum(int(digit) * _WEIGHTS[place % 3] for place, digit in enumerate(reversed(str(number))))
    return -total % 10


def reference_of(ticket_id: int, *, prefix: str) -> str:
    """``LU-100423-3`` for ticket 423."""
    number = OFFSET + ticket_id
    return f"{prefix}-{number}-{check_digit(number)}"


def ticket_ids(text: str, *, prefix: str) -> list[int]:
    """Ids of all well-formed references in ``text``, in order; those with a wrong check digit don't count."""
    # 12 digits bound the work and stay inside a 64-bit key.
    pattern = rf"(?<![A-Z0-9]){re.escape(prefix)}\s?[-–]?\s?(\d{{6,12}})\s?[-–]\s?(\d)(?!\d)"
    found = []
    for number, digit in re.findall(pattern, text.upper()[:2000]):
        if int(number) > OFFSET and check_digit(int(number)) == int(digit):
            found.append(int(number) - OFFSET)
    return found


def without(text: str, *, reference: str) -> str:
    """``text`` without ``reference`` and the brackets around it."""
    return re.sub(rf"\s*\[?{re.escape(reference)}\]?\s*", " ", text, flags=re.IGNORECASE).strip()


def ticket_id(text: str, *, prefix: str) -> int | None:
    """The id that ``text`` as a whole refers to, or None."""
    ids = ticket_ids(text.strip(), prefix=prefix)
    return ids[0] if len(ids) == 1 else None
