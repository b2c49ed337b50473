"""Words of a text, and whether two of their stems (routing_rules.stems) belong to one word. Pure."""

import re
import unicodedata
from collections.abc import Iterator

#: Languages that write compounds as one word; only there it is worth looking for words inside words.
COMPOUNDING = frozenset({"da", "de", "et", "fi", "hu", "nb", "nl", "no", "sv"})
#: Languages whose words have so many forms that snowball leaves several stems of one word.
AGGLUTINATIVE = frozenset({"et", "fi", "hu"})

#: No language needs longer ones; what has no spaces is a key, base64 or an attempt to make us work.
MAX_LETTERS = 40
_WORD = re.compile(r"[^\W\d_]{2,}")


def words(text: str) -> Iterator[str]:
    """Words of 2 to 40 letters, case folded, in order. Numbers belong to an order or a model and never to an article,
    addresses and links say nothing about the matter: they are left out."""
    if "@" in text or "//" in text or "www." in text:
        # By pieces and not by a pattern: one for "something with an @ in it" is quadratic on text without spaces.
        text = " ".join(piece for piece in text.split() if not ("@" in piece or "//" in piece or "www." in piece))
    seen = unicodedata.normalize("NFC", text).casefold()
    return (word for word in _WORD.findall(seen) if len(word) <= MAX_LETTERS)


def are_kin(one: str, other: str) -> bool:
    """Are two stems of an agglutinative language forms of one word? They begin alike and differ in a short end."""
    short, long = sorted((one, other), key=len)
    shared = 0
    for left, right in zip(short, long, strict=False):
        if left != right:
            break
        shared += 1
    if shared >= 6:
        return shared * 3 >= len(long) * 2
    if shared == 5:
        return len(long) <= 7
    return shared == 4 and (len(long) <= 5 or (len(short) == 4 and len(long) == 6))
