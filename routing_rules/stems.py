"""Words brought to what their inflected forms have in common. Pure, and quick: stems are remembered.

Snowball does the most of it. Finnish needs more: its stems of one word differ by case and by consonant gradation
(salas|ana, salasan|an; unohd|in, unohta|nut), so their ends are evened out.
"""

import re
import threading
import unicodedata
from functools import lru_cache
from typing import Protocol

import snowballstemmer

ALGORITHMS = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
"""Languages with a stemmer, and Snowball's names of them."""

LONGEST = 40
"""Letters of a word that is stemmed: no language needs longer ones."""

WORD = re.compile(r"\w+")

# Weak grades and doubled consonants become one form: tt/t, hd/ht, nn/nt, uks/us.
_FINNISH_GRADES = (
    (re.compile(r"([kpt])\1"), r"\1"),
    (re.compile(r"hd"), "ht"),
    (re.compile(r"nn"), "nt"),
    (re.compile(r"ng"), "nk"),
    (re.compile(r"(?<=[aeiouyäö])d(?=[aeiouyäö]|$)"), "t"),
    (re.compile(r"([uy])ks$"), r"\1s"),
)
_FINNISH_ENDS = tuple(re.compile(rf"(?<=.{{4}})(?:{end})$") for end in ("m(?:in|is)?", "(?<=[uy])s", "[eo]j?|[aiuyäö]"))


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802


_own = threading.local()


def _stemmer(language: str) -> _Stemmer | None:
    """The stemmer of this thread: snowball's objects keep the word that they work on, so threads can't share one."""
    if language not in ALGORITHMS:
        return None
    mine: dict[str, _Stemmer] = _own.__dict__.setdefault("stemmers", {})
    if language not in mine:
        mine[language] = snowballstemmer.stemmer(ALGORITHMS[language])
    return mine[language]


def base_language(code: str) -> str:
    """``en`` for ``en-GB`` and ``en_GB``, empty for nothing."""
    return re.split(r"[-_]", code.strip().lower(), maxsplit=1)[0]


@lru_cache(maxsize=20_000)
def stem(word: str, language: str) -> str:
    """The stem of a case-folded ``word``; the word itself in a language without a stemmer."""
    stemmer = _stemmer(language)
    found = stemmer.stemWord(word) if stemmer else word
    if language == "fi":
        for grade, strong in _FINNISH_GRADES:
            found = grade.sub(strong, found)
    return found


def root(word: str, language: str) -> str:
    """The stem; in Finnish shortened further, as snowball leaves several stems of one noun (salas, salasan, salasano).

    Without a vocabulary to compare with, the ends that differ are cut off.
    """
    found = stem(word, language)
    if language != "fi":
        return found
    for end in _FINNISH_ENDS:
        found = end.sub("", found)
    return stem(found, language)


# Nouns in -us and -minen, and the vowels that a plural changes. Less is cut off than for a search: `tilaus`, an order,
# is not `tila`, a state.
_FINNISH_FORMS = (
    (re.compile(r"(?<=..[uy])s$"), ""),
    (re.compile(r"(?<=.{4})m(?:in|is)$"), "m"),
    (re.compile(r"(?<=.{4})[oeiaä]$"), ""),
)


@lru_cache(maxsize=20_000)
def form(word: str, language: str) -> str:
    """What the inflected forms of one word have in common and other words rather don't; for rules, which act on it.

    It has the same head as the word, except in languages that change words at their beginning.
    """
    found = stem(word, language)
    if language == "fi":
        for pattern, rest in _FINNISH_FORMS:
            found = pattern.sub(rest, found)
        found = stem(found, language) if len(found) >= 7 else found
    return found if language in HEADLESS or head(found) == head(word) else word


HEADLESS = frozenset(("ar", "nl"))
"""Languages with inflection at the beginning of words."""


@lru_cache(maxsize=50_000)
def head(word: str) -> str:
    """The first three letters without their accents: what two forms of one word begin with."""
    if word.isascii():
        return word[:3]
    return "".join(letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))[:3]


def forms(text: str, language: str) -> list[str]:
    """The words of a case-folded ``text`` in order, each by its form; numbers and very long words as they are."""
    return [form(word, language) if is_inflected(word) else word for word in WORD.findall(text)]


def is_inflected(word: str) -> bool:
    """Whether a word has forms at all."""
    return word.isalpha() and len(word) <= LONGEST
