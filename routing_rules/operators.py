"""What each operator does: a test becomes a function over comparable facts. Pure: no Django.

The functions never raise and never copy: they are what runs for each ticket. A missing text or choice is "", a missing
set is empty, a missing yes-or-no or time is None (see routing_rules.facts); what that means for each operator stands in
docs/rules.md.
"""

from collections.abc import Callable, Mapping
from typing import Any

from routing_rules import values
from routing_rules.conditions import All, Condition, NoneOf, Test
from routing_rules.facts import Forms, View, clock_key, forms_key, written_key
from routing_rules.folding import fold, is_word_character
from routing_rules.stems import forms
from routing_rules.vocabulary import NOW, Operator

Holds = Callable[[View], bool]
"""Tells whether a condition holds for the facts."""


def folded(value: object) -> frozenset[str]:
    """Return the folded texts of a test's value: one for a text, each for a list."""
    if isinstance(value, str):
        return frozenset((fold(value),))
    return frozenset(fold(item) for item in value) if isinstance(value, tuple) else frozenset()


def contains_word(*, text: str, word: str) -> bool:
    """Tell whether `word` stands in `text` with no word character on either side (both folded)."""
    starts_inside, ends_inside = is_word_character(word[0]), is_word_character(word[-1])
    found = text.find(word)
    while found >= 0:
        end = found + len(word)
        is_cut_before = starts_inside and found > 0 and is_word_character(text[found - 1])
        is_cut_after = ends_inside and end < len(text) and is_word_character(text[end])
        if not is_cut_before and not is_cut_after:
            return True
        found = text.find(word, found + 1)
    return False


def _contains(name: str, value: Any) -> Holds:
    needle = fold(value)
    return lambda view: needle in view[name]


def _does_not_contain(name: str, value: Any) -> Holds:
    needle = fold(value)
    return lambda view: needle not in view[name]


def _contains_any(name: str, value: Any) -> Holds:
    needles = tuple(folded(value))

    def holds(view: View) -> bool:
        text = view[name]
        return any(needle in text for needle in needles)

    return holds


def _contains_any_word(name: str, value: Any) -> Holds:
    needles = tuple(folded(value))

    def holds(view: View) -> bool:
        text = view[name]
        return any(needle in text and contains_word(text=text, word=needle) for needle in needles)

    return holds


def _contains_any_form_of(name: str, value: Any) -> Holds:
    key, wanted = forms_key(name), tuple(folded(value))
    by_language: dict[str, tuple[frozenset[str], tuple[list[str], ...]]] = {}

    def holds(view: View) -> bool:
        said: Forms = view[key]
        if said.language not in by_language:
            phrases = [forms(each, said.language) for each in wanted]
            single = frozenset(phrase[0] for phrase in phrases if len(phrase) == 1)
            by_language[said.language] = single, tuple(phrase for phrase in phrases if len(phrase) > 1)
        single, several = by_language[said.language]
        if not single.isdisjoint(said.words):
            return True
        near = [phrase for phrase in several if said.words.issuperset(phrase)]
        return bool(near) and any(f" {' '.join(phrase)} " in said.line for phrase in near)

    return holds


def _is(name: str, value: Any) -> Holds:
    wanted = fold(value)
    return lambda view: bool(view[name] == wanted)


def _is_not(name: str, value: Any) -> Holds:
    unwanted = fold(value)
    return lambda view: bool(view[name] != unwanted)


def _starts_with(name: str, value: Any) -> Holds:
    start = fold(value)
    return lambda view: bool(view[name].startswith(start))


def _ends_with(name: str, value: Any) -> Holds:
    end = fold(value)
    return lambda view: bool(view[name].endswith(end))


def _matches(name: str, value: Any) -> Holds:
    search = values.pattern_of(value).search
    key = written_key(name)
    return lambda view: search(view[key]) is not None


def _is_empty(name: str, value: Any) -> Holds:
    del value

    def holds(view: View) -> bool:
        fact = view[name]
        return fact is None or fact == "" or fact == frozenset()

    return holds


def _is_any_of(name: str, value: Any) -> Holds:
    wanted = folded(value)
    return lambda view: view[name] in wanted


def _is_none_of(name: str, value: Any) -> Holds:
    unwanted = folded(value)
    return lambda view: view[name] not in unwanted


def _has_any(name: str, value: Any) -> Holds:
    wanted = folded(value)
    return lambda view: not wanted.isdisjoint(view[name])


def _has_all(name: str, value: Any) -> Holds:
    wanted = folded(value)
    return lambda view: wanted <= view[name]


def _has_none(name: str, value: Any) -> Holds:
    unwanted = folded(value)
    return lambda view: unwanted.isdisjoint(view[name])


def _is_true(name: str, value: Any) -> Holds:
    del value
    return lambda view: view[name] is True


def _is_false(name: str, value: Any) -> Holds:
    del value
    return lambda view: view[name] is False


def _between(name: str, value: Any) -> Holds:
    key = clock_key(name, value.zone)
    return lambda view: (clock := view[key]) is not None and value.holds(minute=clock[0])


def _on_days(name: str, value: Any) -> Holds:
    key, days = clock_key(name, value.zone), value.days
    return lambda view: (clock := view[key]) is not None and clock[1] in days


def _before(name: str, value: Any) -> Holds:
    instant = value.instant
    return lambda view: (moment := view[name]) is not None and bool(moment < instant)


def _after(name: str, value: Any) -> Holds:
    instant = value.instant
    return lambda view: (moment := view[name]) is not None and bool(moment >= instant)


def _at_least_ago(name: str, value: Any) -> Holds:
    return lambda view: (moment := view[name]) is not None and bool(value.after(moment) <= view[NOW])


def _less_than_ago(name: str, value: Any) -> Holds:
    return lambda view: (moment := view[name]) is not None and bool(value.after(moment) > view[NOW])


def _equals(name: str, value: Any) -> Holds:
    return lambda view: bool(view[name] == value)


def _at_least(name: str, value: Any) -> Holds:
    return lambda view: (number := view[name]) is not None and bool(number >= value)


def _at_most(name: str, value: Any) -> Holds:
    return lambda view: (number := view[name]) is not None and bool(number <= value)


_BUILD: Mapping[str, Callable[[str, Any], Holds]] = {
    Operator.CONTAINS: _contains,
    Operator.DOES_NOT_CONTAIN: _does_not_contain,
    Operator.CONTAINS_ANY: _contains_any,
    Operator.CONTAINS_ANY_WORD: _contains_any_word,
    Operator.CONTAINS_ANY_FORM_OF: _contains_any_form_of,
    Operator.IS: _is,
    Operator.IS_NOT: _is_not,
    Operator.STARTS_WITH: _starts_with,
    Operator.ENDS_WITH: _ends_with,
    Operator.MATCHES: _matches,
    Operator.IS_EMPTY: _is_empty,
    Operator.IS_ANY_OF: _is_any_of,
    Operator.IS_NONE_OF: _is_none_of,
    Operator.HAS_ANY: _has_any,
    Operator.HAS_ALL: _has_all,
    Operator.HAS_NONE: _has_none,
    Operator.IS_TRUE: _is_true,
    Operator.IS_FALSE: _is_false,
    Operator.BETWEEN: _between,
    Operator.ON_DAYS: _on_days,
    Operator.BEFORE: _before,
    Operator.AFTER: _after,
    Operator.AT_LEAST_AGO: _at_least_ago,
    Operator.LESS_THAN_AGO: _less_than_ago,
    Operator.EQUALS: _equals,
    Operator.AT_LEAST: _at_least,
    Operator.AT_MOST: _at_most,
}


def function_of_test(test: Test) -> Holds:
    """Return the function that tells whether `test` holds."""
    return _BUILD[test.operator](test.field, test.value)


# Roughly the price of each operator, where a look at a short fact is 1. Those that read a whole mail come last.
_COSTS: Mapping[str, int] = {
    Operator.CONTAINS: 5,
    Operator.DOES_NOT_CONTAIN: 5,
    Operator.CONTAINS_ANY: 10,
    Operator.CONTAINS_ANY_WORD: 15,
    Operator.CONTAINS_ANY_FORM_OF: 15,
    Operator.MATCHES: 20,
}


def _cost(condition: Condition) -> int:
    if isinstance(condition, Test):
        return _COSTS.get(condition.operator, 1)
    return sum(_cost(part) for part in condition.parts)


def function_of(condition: Condition) -> Holds:
    """Return the function that tells whether `condition` holds.

    Parts are asked from the cheapest to the dearest, up to the one that decides: no order changes the outcome.
    """
    if isinstance(condition, Test):
        return function_of_test(condition)
    parts = tuple(function_of(part) for part in sorted(condition.parts, key=_cost))
    if isinstance(condition, All):
        return _all_of(parts)
    return _none_of(parts) if isinstance(condition, NoneOf) else _any_of(parts)


def _all_of(parts: tuple[Holds, ...]) -> Holds:
    # Two and three parts are what most rules have; spelled out they take half the time of a loop.
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda view: first(view) and second(view)
    if len(parts) == 3:
        one, two, three = parts
        return lambda view: one(view) and two(view) and three(view)

    def holds(view: View) -> bool:
        return all(part(view) for part in parts)

    return holds


def _any_of(parts: tuple[Holds, ...]) -> Holds:
    if len(parts) == 1:
        return parts[0]

    def holds(view: View) -> bool:
        return any(part(view) for part in parts)

    return holds


def _none_of(parts: tuple[Holds, ...]) -> Holds:
    def holds(view: View) -> bool:
        return not any(part(view) for part in parts)

    return holds
