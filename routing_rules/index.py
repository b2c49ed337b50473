"""Finds the few rules that can match at all, without asking each of them. Pure: no Django.

Every rule is taken apart into clauses: alternatives, of which one must hold. A clause needs some keys to be there: a
value of a choice, a literal inside a text. For each field there is a plane that knows which clauses need something of
that field; clauses are bits of one whole number, so a plane answers for all of them in one operation, and the
planes are joined with `&`. What is left is a superset of the rules that match, in order; the engine asks those.

The index only ever leaves out what can't match. Where a condition says nothing that can be looked up (a pattern, a
negation, a time), its clause simply stays in.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import product
from typing import Protocol

from routing_rules.conditions import All, Condition, NoneOf, Test
from routing_rules.facts import Forms, View, forms_key, words_key
from routing_rules.operators import folded
from routing_rules.stems import forms
from routing_rules.vocabulary import LANGUAGE, Operator

CLAUSES_MAX = 16
"""Alternatives that one rule is taken apart into; what goes beyond is left to the engine."""

WORTH_A_SCAN = 8
"""Fewer rules than this that wait for a text's words are asked one by one: cheaper than looking every word up."""

WORDS_MAX = 50_000
"""Words of which a plane remembers what they say to the rules; then it starts anew."""

WORD_MAX = 40
"""Characters of a word that is worth remembering."""


class Look(IntEnum):
    """Where the keys of a need are looked for; in the order in which planes are asked, the cheapest first."""

    VALUE = 1
    START = 2
    END = 3
    FORM = 4
    INSIDE = 5


@dataclass(frozen=True, slots=True)
class Need:
    """At least one of `keys` (folded) must be there for the test to hold."""

    look: Look
    field: str
    keys: frozenset[str]


Clause = tuple[Need, ...]

_LOOKS: Mapping[str, Look] = {
    Operator.CONTAINS: Look.INSIDE,
    Operator.CONTAINS_ANY: Look.INSIDE,
    Operator.CONTAINS_ANY_WORD: Look.INSIDE,
    Operator.CONTAINS_ANY_FORM_OF: Look.FORM,
    Operator.IS: Look.VALUE,
    Operator.STARTS_WITH: Look.START,
    Operator.ENDS_WITH: Look.END,
    Operator.IS_ANY_OF: Look.VALUE,
    Operator.HAS_ANY: Look.VALUE,
}


def _needs_of(test: Test) -> Clause:
    look = _LOOKS.get(test.operator)
    if look is not None:
        return (Need(look, test.field, folded(test.value)),)
    if test.operator == Operator.HAS_ALL:
        return tuple(Need(Look.VALUE, test.field, frozenset((key,))) for key in folded(test.value))
    if test.operator in (Operator.IS_TRUE, Operator.IS_FALSE):
        return (Need(Look.VALUE, test.field, frozenset((str(test.operator == Operator.IS_TRUE),))),)
    return ()


def clauses_of(condition: Condition) -> list[Clause]:
    """Return alternatives of which at least one has all its needs met whenever `condition` holds."""
    if isinstance(condition, Test):
        return [_needs_of(condition)]
    if isinstance(condition, NoneOf):
        return [()]
    parts = [clauses_of(part) for part in condition.parts]
    if not isinstance(condition, All):
        alternatives = [clause for part in parts for clause in part]
        return alternatives if len(alternatives) <= CLAUSES_MAX and all(alternatives) else [()]
    joined: list[Clause] = [()]
    for part in sorted(parts, key=len):
        if len(joined) * len(part) <= CLAUSES_MAX:
            joined = [left + right for left, right in product(joined, part)]
    return joined


def _sharper(left: Need, right: Need) -> Need:
    """Of two needs that one plane can't hold both, return the one that fewer tickets will meet."""
    return min(left, right, key=lambda need: (len(need.keys), -min(map(len, need.keys))))


class Plane(Protocol):
    """What one field says about all clauses."""

    name: str
    """The field."""

    bound: int
    """Clauses that need something of this plane."""

    def require(self, key: str, clause: int) -> None:
        """Note that the clause with this bit needs `key` (or another key that is required for it)."""

    def met(self, view: View) -> int:
        """Return the clauses of which a needed key is there."""


@dataclass(slots=True)
class ValuePlane:
    """Keys that are the fact itself: a choice, a whole short text, a yes or no, a member of a set."""

    name: str
    bound: int = 0
    clauses: dict[str, int] = field(default_factory=dict)

    def require(self, key: str, clause: int) -> None:
        self.clauses[key] = self.clauses.get(key, 0) | clause

    def met(self, view: View) -> int:
        fact = view[self.name]
        if isinstance(fact, frozenset):
            met = 0
            for member in fact:
                met |= self.clauses.get(member, 0)
            return met
        return self.clauses.get(fact if isinstance(fact, str) else str(fact), 0)


@dataclass(slots=True)
class EdgePlane:
    """Keys that a text starts or ends with, looked up once for each length that occurs."""

    name: str
    is_start: bool
    bound: int = 0
    clauses: dict[int, dict[str, int]] = field(default_factory=dict)

    def require(self, key: str, clause: int) -> None:
        same_length = self.clauses.setdefault(len(key), {})
        same_length[key] = same_length.get(key, 0) | clause

    def met(self, view: View) -> int:
        text: str = view[self.name]
        met = 0
        for length, same_length in self.clauses.items():
            met |= same_length.get(text[:length] if self.is_start else text[-length:], 0)
        return met


@dataclass(slots=True)
class InsidePlane:
    """Keys inside a text. Texts are long and their words repeat from ticket to ticket, so the unit is the word.

    A key is found by its longest piece without a space, which must lie within one word of the text. Pieces are filed by
    their first three characters, so a new word costs one look-up a character. What was found out about a word is
    remembered; most words are quiet, which is to say that they hold no piece at all.
    """

    name: str
    bound: int = 0
    pieces: dict[str, dict[int, dict[str, int]]] = field(default_factory=dict)
    short: dict[str, int] = field(default_factory=dict)
    quiet: set[str] = field(default_factory=set)
    telling: dict[str, int] = field(default_factory=dict)

    def require(self, key: str, clause: int) -> None:
        piece = max(key.split(), key=len)
        if len(piece) < 3:
            self.short[piece] = self.short.get(piece, 0) | clause
            return
        same_length = self.pieces.setdefault(piece[:3], {}).setdefault(len(piece), {})
        same_length[piece] = same_length.get(piece, 0) | clause

    def met(self, view: View) -> int:
        met = 0
        for word in set(view[words_key(self.name)]).difference(self.quiet):
            found = self.telling.get(word)
            met |= self._learn(word) if found is None else found
        return met

    def _learn(self, word: str) -> int:
        """Return the clauses that `word` meets, and remember them if the word looks like one that comes again."""
        met = self._inside(word)
        if len(word) > WORD_MAX:
            return met
        if len(self.quiet) + len(self.telling) >= WORDS_MAX:
            self.quiet, self.telling = set(), {}
        if met:
            self.telling[word] = met
        else:
            self.quiet.add(word)
        return met

    def _inside(self, word: str) -> int:
        met = 0
        for piece, clauses in self.short.items():
            if piece in word:
                met |= clauses
        filed = self.pieces.get
        for start in range(len(word) - 2):
            by_length = filed(word[start : start + 3])
            if by_length is not None:
                for length, same_length in by_length.items():
                    met |= same_length.get(word[start : start + length], 0)
        return met


@dataclass(slots=True)
class FormPlane:
    """Keys that stand in a text in some form. Which forms are alike depends on the language of the text, so keys are
    filed for each language when its first text comes; those of several words by the longest."""

    name: str
    bound: int = 0
    clauses: dict[str, int] = field(default_factory=dict)
    filed: dict[str, dict[str, int]] = field(default_factory=dict)

    def require(self, key: str, clause: int) -> None:
        self.clauses[key] = self.clauses.get(key, 0) | clause

    def met(self, view: View) -> int:
        said: Forms = view[forms_key(self.name)]
        if said.language not in self.filed:
            self.filed[said.language] = self._file(said.language)
        filed, met = self.filed[said.language], 0
        for word in said.words & filed.keys():
            met |= filed[word]
        return met

    def _file(self, language: str) -> dict[str, int]:
        filed: dict[str, int] = {}
        for key, clauses in self.clauses.items():
            longest = max(forms(key, language), key=len, default="")
            filed[longest] = filed.get(longest, 0) | clauses
        return filed


def _is_unclear(plane: Plane, unclear: Set[str]) -> bool:
    return bool(unclear) and (plane.name in unclear or (isinstance(plane, FormPlane) and LANGUAGE in unclear))


def _plane(look: Look, name: str) -> Plane:
    if look is Look.VALUE:
        return ValuePlane(name)
    if look is Look.FORM:
        return FormPlane(name)
    if look is Look.INSIDE:
        return InsidePlane(name)
    return EdgePlane(name, is_start=look is Look.START)


class Index:
    """Which rules can match. Safe to share between threads: after building, only the memory of words changes."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self._rules: list[int] = []
        clauses: list[dict[tuple[Look, str], Need]] = []
        for position, condition in enumerate(conditions):
            for clause in clauses_of(condition):
                needs: dict[tuple[Look, str], Need] = {}
                for need in clause:
                    place = (need.look, need.field)
                    needs[place] = _sharper(needs[place], need) if place in needs else need
                clauses.append(needs)
                self._rules.append(position)
        self._all = (1 << len(clauses)) - 1
        self._planes = self._build(clauses)

    def _build(self, clauses: list[dict[tuple[Look, str], Need]]) -> list[Plane]:
        planes: dict[tuple[Look, str], Plane] = {}
        for number, needs in enumerate(clauses):
            bit = 1 << number
            for place, need in needs.items():
                plane = planes.setdefault(place, _plane(*place))
                plane.bound |= bit
                for key in need.keys:
                    plane.require(key, bit)
        return [planes[place] for place in sorted(planes, key=lambda place: (place[0], place[1] == "body"))]

    def candidates(self, view: View, *, unclear: Set[str] = frozenset()) -> Iterator[int]:
        """Yield the positions of the rules that can match, ascending, each once.

        Of the fields in `unclear` the view says nothing, so they leave no rule out.
        """
        left = self._all
        for plane in self._planes:
            waiting = 0 if _is_unclear(plane, unclear) else left & plane.bound
            if waiting and (not isinstance(plane, InsidePlane) or waiting.bit_count() >= WORTH_A_SCAN):
                left ^= waiting & ~plane.met(view)
        digits = bin(left)
        last = len(digits) - 1
        end, previous = len(digits), -1
        while (end := digits.rfind("1", 2, end)) >= 0:
            rule = self._rules[last - end]
            if rule != previous:
                previous = rule
                yield rule
