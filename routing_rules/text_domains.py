"""Which texts can pass some tests and fail others: what one piece of a text brings with it. Pure: no Django."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from routing_rules.conditions import Test
from routing_rules.operators import contains_word, folded, function_of_test
from routing_rules.vocabulary import Operator

Literal = tuple[Test, bool]
"""A test, and whether it is to hold."""

_SENTINELS = "xqzjvkwåñ0123456789þ"
_SEPARATORS = "–·¤§|~"


@lru_cache(maxsize=50_000)
def keys_of(test: Test) -> frozenset[str]:
    """Return the folded texts that `test` looks for."""
    return folded(test.value)


_START, _END, _INSIDE, _WORD = "start", "end", "inside", "word"
_PIECES: Mapping[str, str] = {
    Operator.CONTAINS: _INSIDE,
    Operator.CONTAINS_ANY: _INSIDE,
    Operator.CONTAINS_ANY_WORD: _WORD,
    Operator.STARTS_WITH: _START,
    Operator.ENDS_WITH: _END,
    Operator.DOES_NOT_CONTAIN: _INSIDE,
}
_Piece = tuple[str, str]
_DECIDED_BY_TEXT = frozenset((*_PIECES, Operator.IS, Operator.IS_NOT, Operator.IS_EMPTY))


@dataclass(slots=True)
class _Texts:
    """Literals of a text, sorted: whole values that it is, pieces that it has, and pieces that it must not have."""

    equals: set[str] = field(default_factory=set)
    pieces: list[_Piece] = field(default_factory=list)
    unwanted: list[_Piece] = field(default_factory=list)
    choices: list[list[_Piece]] = field(default_factory=list)
    forms: list[frozenset[str]] = field(default_factory=list)
    unwanted_forms: list[frozenset[str]] = field(default_factory=list)

    @classmethod
    def of(cls, literals: Iterable[Literal]) -> "_Texts":
        texts = cls()
        for test, sign in literals:
            texts._add(test, sign=sign)
        return texts

    def _add(self, test: Test, *, sign: bool) -> None:
        operator = test.operator
        if operator == Operator.IS_EMPTY and sign:
            self.equals.add("")
        elif operator in (Operator.IS, Operator.IS_NOT) and sign == (operator == Operator.IS):
            self.equals |= keys_of(test)
        elif operator == Operator.CONTAINS_ANY_FORM_OF:
            (self.forms if sign else self.unwanted_forms).append(keys_of(test))
        elif operator in _PIECES:
            pieces = [(_PIECES[operator], key) for key in sorted(keys_of(test))]
            if sign == (operator == Operator.DOES_NOT_CONTAIN):
                self.unwanted += pieces
            elif len(pieces) == 1:
                self.pieces += pieces
            else:
                self.choices.append(pieces)

    def possible(self, choice: Sequence[_Piece]) -> list[_Piece]:
        """Return the alternatives of `choice` that bring nothing unwanted with them."""
        return [piece for piece in choice if not any(_brings(piece, other) for other in self.unwanted)]


def _brings(piece: _Piece, other: _Piece) -> bool:
    """Tell whether every text that has `piece` also has `other`."""
    kind, text = piece
    other_kind, other_text = other
    if other_text not in text:
        return False
    if other_kind == _INSIDE:
        return True
    if other_kind == _START:
        return kind == _START and text.startswith(other_text)
    if other_kind == _END:
        return kind == _END and text.endswith(other_text)
    # A word stays one whatever surrounds the piece: the worst that can stand beside it is a letter.
    letter = next((each for each in _SENTINELS if each not in other_text), "")
    before = letter if kind in (_INSIDE, _END) else ""
    after = letter if kind in (_INSIDE, _START) else ""
    return bool(letter) and contains_word(text=f"{before}{text}{after}", word=other_text)


def is_text_contradiction(literals: Iterable[Literal]) -> bool:
    """Tell whether no text can make these tests come out like this; False may also mean that it can't be seen."""
    literals = tuple(literals)
    texts = _Texts.of(literals)
    if len(texts.equals) > 1 or any(some <= others for some in texts.forms for others in texts.unwanted_forms):
        return True
    if texts.equals:
        return not _agrees(next(iter(texts.equals)), literals)
    if not (_is_chain(texts.pieces, _START) and _is_chain(texts.pieces, _END)):
        return True
    if len(texts.possible(texts.pieces)) < len(texts.pieces):
        return True
    return not all(texts.possible(choice) for choice in texts.choices)


def _agrees(text: str, literals: Iterable[Literal]) -> bool:
    """Tell whether the folded `text` makes the tests come out like this; patterns are left open."""
    return all(
        function_of_test(test)({test.field: text}) is sign
        for test, sign in literals
        if test.operator in _DECIDED_BY_TEXT
    )


def _is_chain(pieces: Iterable[_Piece], kind: str) -> bool:
    """Tell whether one text can have all these beginnings (or ends): each must be one of the next longer."""
    edges = sorted((text for each, text in pieces if each == kind), key=len)
    grows = str.startswith if kind == _START else str.endswith
    return all(grows(longer, shorter) for shorter, longer in pairwise(edges))


def text_examples(literals: Sequence[Literal], samples: Sequence[str]) -> Iterator[str]:
    """Yield texts that are likely to fit, the most readable first."""
    texts = _Texts.of(literals)
    if texts.equals:
        yield from texts.equals
        return
    chosen = [
        *texts.pieces,
        *((_WORD, min(some)) for some in texts.forms),
        *(possible[0] for choice in texts.choices if (possible := texts.possible(choice))),
    ]
    if not chosen:
        yield from ("", *samples)
    start = max((text for kind, text in chosen if kind == _START), key=len, default="")
    end = max((text for kind, text in chosen if kind == _END), key=len, default="")
    inner = [piece for piece in dict.fromkeys(chosen) if piece[0] in (_INSIDE, _WORD)]
    wanted = [text for _kind, text in inner]
    plain = " ".join(filter(None, (start, *(text for text in wanted if text not in start and text not in end), end)))
    yield from filter(None, (plain, start + end))
    used = "".join(key for test, _sign in literals for key in keys_of(test))
    letter = next((each for each in _SENTINELS if each not in used), "")
    mark = next((each for each in _SEPARATORS if each not in used), "")
    padded = [text if kind == _WORD else f"{letter}{text}{letter}" for kind, text in inner]
    yield f" {mark} ".join((f"{start}{letter}", *padded, f"{letter}{end}"))
