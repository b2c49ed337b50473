"""The one form in which texts are compared: NFC, case-folded, single spaces.

Two texts that a person would call the same have to compare as the same, however the mail program wrote them: `LASKU`
and `lasku`, `é` as one character or as two, a phrase that was wrapped at the end of a line. Pure: text in, text out.
"""

import unicodedata

TEXT_LIMIT = 100_000
"""Characters of one fact that rules read; a rule looks at the beginning of a ten-megabyte mail, not at all of it."""

# Invisible marks that mail programs put inside words to say where a line may break. ZWJ and ZWNJ stay: they carry
# meaning in several scripts.
_INVISIBLE = ("\u00ad", "\u200b", "\u2060", "\ufeff")

_FIRST_COMBINING = "\u0300"


def fold_words(text: str) -> list[str]:
    """Return the folded words (runs of anything but white space) of the first `TEXT_LIMIT` characters of `text`."""
    text = text[:TEXT_LIMIT]
    if text.isascii():
        return text.lower().split()
    for mark in _INVISIBLE:
        if mark in text:
            text = text.replace(mark, "")
    if _is_latin1(text):
        return text.casefold().split()  # in NFC before and after, so there is nothing to normalise
    folded = unicodedata.normalize("NFC", text).casefold()
    return unicodedata.normalize("NFC", folded).split()


def _is_latin1(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def fold(text: str) -> str:
    """Return `text` as rules compare it: NFC, full case folding, every run of white space one space, trimmed."""
    return " ".join(fold_words(text))


def as_written(text: str) -> bytes:
    """Return what a pattern reads: NFC in UTF-8, case and lines kept; a lone surrogate becomes a question mark."""
    return unicodedata.normalize("NFC", text[:TEXT_LIMIT]).encode("utf-8", "replace")


def is_word_character(character: str) -> bool:
    """Tell whether `character` belongs to a word: a letter, a digit, an underscore or a combining mark."""
    if character.isalnum() or character == "_":
        return True
    return character >= _FIRST_COMBINING and unicodedata.category(character).startswith("M")
