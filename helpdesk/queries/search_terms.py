"""Words of tickets as the search index keeps them: stems, in order, the same on every database. Pure.

The FAQ's words leave numbers and addresses out; people search tickets for exactly these, so here they stay.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from routing_rules.stems import base_language, root

#: Languages whose words are kept as stems. What is typed is looked for in each of them, so the list stays short, and
#: changing it means indexing everything anew.
STEMMED = ("de", "en", "fi", "ru", "sv")
#: A mail of this many letters says by then what it is about; a longer rest is logs and base64.
MAX_LETTERS = 60_000
MAX_TERM = 60
# As much of a longer word as shows that it is longer. Whole, all that are remembered could take gigabytes.
_ENOUGH = MAX_TERM + 1

_TERM = re.compile(r"[^\W_]+")
# A private-use letter: not part of any word, so nobody can ask for a team by typing its term.
_TEAM = "\ue000"


def terms(text: str, language: str) -> list[str]:
    """The terms of ``text`` in their order, in the language it is written in; '' or another: words stay whole."""
    base = base_language(language)
    return [_term(word[:_ENOUGH], base) for word in _TERM.findall(text[:MAX_LETTERS].lower())]


def plain_terms(text: str) -> list[str]:
    """Terms of names and addresses: never stemmed."""
    return terms(text, "")


def places(text: str, language: str) -> Iterator[tuple[int, int, str]]:
    """Begin, end and term of each word of ``text``."""
    base = base_language(language)
    words = _TERM.finditer(text)
    return ((match.start(), match.end(), _term(match[0].lower()[:_ENOUGH], base)) for match in words)


def readings(text: str) -> tuple[tuple[str, ...], ...]:
    """What ``text`` may be kept as: its terms, read as each of the languages; each reading once, as it stands first."""
    found = (tuple(terms(text, language)) for language in ("", *STEMMED))
    return tuple(dict.fromkeys(reading for reading in found if reading))


def team_term(team_id: int) -> str:
    """The term that all documents of a team's tickets carry."""
    return f"{_TEAM}{team_id}"


@lru_cache(maxsize=100_000)
def _term(word: str, language: str) -> str:
    found = root(word, language) if language in STEMMED and word.isalpha() and len(word) <= MAX_TERM else word
    # Müller is found by Muller, and the decomposed letters of some mail programs by the composed ones of a keyboard.
    marked = unicodedata.normalize("NFKD", found[:MAX_TERM])
    return "".join(letter for letter in marked if letter.isalnum())
