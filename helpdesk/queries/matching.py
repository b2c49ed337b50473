"""Finding rows by a piece of a word, the same on both databases."""

from collections.abc import Iterable

from django.db.models import Q

#: Words of a search that are looked at.
_MOST_WORDS = 8


def words_of(text: str) -> list[str]:
    """What somebody typed, word by word; all must be found."""
    return text.split()[:_MOST_WORDS]


def contains(word: str, *fields: str) -> Q:
    """One of ``fields`` contains ``word`` in any case.

    SQLite folds the case of ASCII letters only, so other words are asked for as people usually write them.
    """
    spellings = {word} if word.isascii() else {word, word.lower(), word.capitalize(), word.upper()}
    return any_of(Q(**{f"{field}__icontains": each}) for field in fields for each in spellings)


def any_of(parts: Iterable[Q]) -> Q:
    """One of these holds; none at all: nothing does."""
    found: Q | None = None
    for part in parts:
        found = part if found is None else found | part
    return Q(pk__in=[]) if found is None else found
