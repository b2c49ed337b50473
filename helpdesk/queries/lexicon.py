"""The words of a set of texts, and how a customer's word finds them: by stem, kinship, in a compound, or mistyped."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from helpdesk.queries.stop_words import STOP_WORDS
from helpdesk.queries.words import AGGLUTINATIVE, COMPOUNDING, are_kin
from routing_rules.stems import stem

#: How far a word that was found in another way counts, in comparison with the word itself.
_KIN, _MISTYPED, _PART = 0.95, 0.8, 0.7
_SHORTEST_PART = 4
_MEMORY = 50_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A term of the lexicon that a word stands for; ``certainty`` is 1 for the word itself."""

    term: str
    certainty: float


class Lexicon:
    """Terms of one language. A term is the first stem of a family of stems; its other stems lead to it."""

    def __init__(self, words: Iterable[str], *, language: str) -> None:
        self._language = language
        self._stop_words = STOP_WORDS.get(language, frozenset())
        self._surface_set = frozenset(word for word in words if not self.is_stop_word(word))
        self._surface = surface = sorted(self._surface_set)
        self._term_of: dict[str, str] = {}
        self._families: dict[str, list[str]] = {}
        for word in surface:
            self._admit(stem(word, language))
        self._mistyped: dict[str, str] = {}
        for word in surface:
            if len(word) >= 5:
                for misspelt in _with_one_letter_less(word):
                    self._mistyped.setdefault(misspelt, word)
        self._memory: dict[str, tuple[Hit, ...]] = {}

    def is_stop_word(self, word: str) -> bool:
        return word in self._stop_words

    def hits(self, word: str) -> tuple[Hit, ...]:
        """Terms that a case-folded ``word`` stands for, none for a stop word or one that no text has."""
        found = self._memory.get(word)
        if found is None:
            found = () if self.is_stop_word(word) else tuple(self._look_up(word))
            if len(self._memory) >= _MEMORY:
                self._memory.clear()
            self._memory[word] = found
        return found

    def hits_of_beginning(self, beginning: str, *, limit: int = 12) -> tuple[Hit, ...]:
        """Terms of the words that begin so: for somebody who is still typing."""
        start = bisect_left(self._surface, beginning)
        terms: dict[str, Hit] = {}
        for word in self._surface[start : start + 200]:
            if not word.startswith(beginning) or len(terms) >= limit:
                break
            term = self._term_of[stem(word, self._language)]
            terms.setdefault(term, Hit(term, len(beginning) / len(word)))
        return tuple(terms.values())

    def _admit(self, root: str) -> None:
        if root in self._term_of:
            return
        kin = self._kin(root)
        term = self._term_of[kin] if kin else root
        self._term_of[root] = term
        self._families.setdefault(root[:4], []).append(root)

    def _kin(self, root: str) -> str | None:
        if self._language not in AGGLUTINATIVE:
            return None
        return next((known for known in self._families.get(root[:4], ()) if are_kin(known, root)), None)

    def _look_up(self, word: str) -> Iterator[Hit]:
        root = stem(word, self._language)
        known = self._term_of.get(root)
        kin = None if known else self._kin(root)
        whole = known or (self._term_of[kin] if kin else "")
        parts = [term for term in self._parts(word) if term != whole]
        if whole:
            yield Hit(whole, 1.0 if known else _KIN)
        yield from (Hit(part, _PART) for part in parts)
        if not whole and not parts and (meant := self._meant(word)):
            yield Hit(self._term_of[stem(meant, self._language)], _MISTYPED)

    def _parts(self, word: str) -> list[str]:
        """The longest known stem at the beginning of a compound, and the longest known word at its end."""
        if self._language not in COMPOUNDING:
            return []
        last = len(word) - _SHORTEST_PART
        ends = range(last, _SHORTEST_PART - 1, -1)
        starts = range(_SHORTEST_PART, last + 1)
        head = next((end for end in ends if word[:end] in self._term_of), 0)
        tail = next((start for start in starts if self._is_tail(word[start:])), len(word))
        # Four letters begin or end too many words by chance; between them two short parts are chance no longer.
        is_likely = head > _SHORTEST_PART or len(word) - tail > _SHORTEST_PART or (head and tail < len(word))
        if not is_likely:
            return []
        terms = [self._term_of[word[:head]]] if head else []
        return terms + ([self._term_of[stem(word[tail:], self._language)]] if tail < len(word) else [])

    def _is_tail(self, end: str) -> bool:
        root = stem(end, self._language)
        return len(root) >= _SHORTEST_PART and root in self._term_of

    def _meant(self, word: str) -> str | None:
        """The word of which this one is a misspelling by one letter, if its first letter is right."""
        if len(word) < 5:
            return None
        if word in self._mistyped:  # a letter was left out
            return self._mistyped[word]
        for shorter in _with_one_letter_less(word):
            if shorter in self._surface_set:
                return shorter  # a letter too many
            if (other := self._mistyped.get(shorter)) and len(other) == len(word):
                return other  # another letter, or two neighbours swapped
        return None


def _with_one_letter_less(word: str) -> Iterator[str]:
    """All forms with one letter left out, the first one kept: people rarely mistype the beginning."""
    return (word[:place] + word[place + 1 :] for place in range(1, len(word)))
