"""Conditions and effects as rows of a form: what a page draws, and what it posts back. Without Django.

A rule's condition is posted under names that tell the place in the tree by numbers, gaps allowed, order by number:

    c-kind=all                              the outermost group: all, any or none
    c-0-field=subject  c-0-operator=contains  c-0-value=invoice
    c-1-kind=any                            a group inside
    c-1-0-field=language  c-1-0-operator=is_any_of  c-1-0-value=fi  c-1-0-value=sv        (repeated: a list)
    c-1-1-field=arrived_at  c-1-1-operator=between  c-1-1-from=08:00  c-1-1-to=16:00  c-1-1-zone=Europe/Helsinki
    c-2-field=arrived_at  c-2-operator=on_days  c-2-days=sat  c-2-days=sun  c-2-zone=Europe/Helsinki
    c-3-field=arrived_at  c-3-operator=after  c-3-at=2026-06-01T00:00  c-3-zone=Europe/Helsinki
    c-4-field=state_since  c-4-operator=at_least_ago  c-4-amount=3  c-4-unit=days  c-4-zone=Europe/Helsinki
    e-0-kind=set_team  e-0-value=billing    effects, in order

Lists of words may also come as one text with a word a line or with commas. A row without a field (or kind) was left
blank and counts for nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made

from routing_rules import values
from routing_rules.conditions import (
    DEPTH_MAX,
    GROUPS,
    All,
    Condition,
    Group,
    InvalidCondition,
    Test,
    kind_of,
)
from routing_rules.engine import Effect
from routing_rules.vocabulary import EFFECTS, FIELDS, OPERATORS, EffectKind, Operator, ValueKind, gettext_noop

Post = Mapping[str, Sequence[str]]
"""Posted names with all their values."""

_CONDITION_NAME = re.compile(r"c((?:-\d{1,3}){0,6})-(kind|field|operator|value|from|to|zone|days|at|amount|unit)")
_EFFECT_NAME = re.compile(r"e-(\d{1,3})-(kind|value)")
_LIST_KINDS = (ValueKind.WORDS, ValueKind.CHOICES)
_PARTS: Mapping[ValueKind, tuple[str, ...]] = {
    ValueKind.CLOCK_SPAN: ("from", "to", "zone"),
    ValueKind.WEEKDAYS: ("days", "zone"),
    ValueKind.MOMENT: ("at", "zone"),
    ValueKind.DURATION: ("amount", "unit", "zone"),
}


class InvalidRow(ValueError):
    """A row that can't be used; the complaint stands in its `errors`."""


@dataclass(slots=True)
class ConditionRow:
    """One test as a page draws it. `prefix` starts the names of its inputs: `c-0` for `c-0-field`.

    `texts` holds the values of each input by the last part of its name: value, from, to, zone, days, at, amount, unit.
    """

    prefix: str
    field: str = ""
    operator: str = ""
    texts: dict[str, list[str]] = made(default_factory=dict)
    errors: list[InvalidCondition] = made(default_factory=list)

    @property
    def value_kind(self) -> ValueKind:
        """Which input to draw."""
        return OPERATORS[Operator(self.operator)].value_kind if self.operator in OPERATORS else ValueKind.TEXT

    @property
    def choices(self) -> str:
        """Name of the list that fills the input, empty for free text."""
        return FIELDS[self.field].choices if self.field in FIELDS else ""

    def condition(self) -> Test:
        """Return the test; raises InvalidRow, with the complaint noted in the row."""
        try:
            return Test(self.field, self.operator, self._value())
        except InvalidCondition as error:
            self.errors.append(error)
            raise InvalidRow(self.prefix) from error

    def _value(self) -> object:
        kind = self.value_kind
        if kind is ValueKind.NOTHING:
            return None
        if kind in _PARTS:
            return {part: self._part(part) for part in _PARTS[kind]}
        given = self.texts.get("value", [])
        if kind in _LIST_KINDS:
            return [item for text in given for item in _split(text)]
        return given[0] if given else ""

    def _part(self, part: str) -> object:
        given = self.texts.get(part, [])
        return given if part == "days" else (given[0] if given else "")


@dataclass(slots=True)
class GroupRow:
    """A group as a page draws it: `prefix` is `c` for the outermost, `c-1` for one inside it."""

    prefix: str
    kind: str = "all"
    rows: list["ConditionRow | GroupRow"] = made(default_factory=list)
    errors: list[InvalidCondition] = made(default_factory=list)

    @property
    def depth(self) -> int:
        """1 for the outermost group."""
        return self.prefix.count("-") + 1

    @property
    def can_nest(self) -> bool:
        """Whether a group may be put inside this one."""
        return self.depth < DEPTH_MAX

    @property
    def next_prefix(self) -> str:
        """Prefix for a row that is added at the end."""
        last = max((int(row.prefix.rsplit("-", 1)[1]) for row in self.rows), default=-1)
        return f"{self.prefix}-{last + 1}"

    def condition(self) -> Group:
        """Return the group; raises InvalidRow after every row had its chance to complain."""
        parts: list[Condition] = []
        is_good = True
        for row in self.rows:
            try:
                parts.append(row.condition())
            except InvalidRow:
                is_good = False
        if not is_good:
            raise InvalidRow(self.prefix)
        try:
            return self._group(tuple(parts))
        except InvalidCondition as error:
            self.errors.append(error)
            raise InvalidRow(self.prefix) from error

    def _group(self, parts: tuple[Condition, ...]) -> Group:
        if self.kind not in GROUPS:
            raise InvalidCondition(gettext_noop("A group is “all”, “any” or “none” with a list of conditions."))
        if self.depth > DEPTH_MAX:
            raise InvalidCondition(gettext_noop("Groups go at most %(max)d deep."), params={"max": DEPTH_MAX})
        if not parts and self.depth > 1:
            raise InvalidCondition(gettext_noop("A group of this kind needs at least one condition."))
        # Blank rows of the outermost group leave "any of nothing" behind; a person means a rule for every ticket.
        return GROUPS[self.kind](parts) if parts else All()


@dataclass(slots=True)
class EffectRow:
    """An effect as a page draws it; `prefix` is `e-0` for `e-0-kind` and `e-0-value`."""

    prefix: str
    kind: str = ""
    value: str = ""
    errors: list[InvalidCondition] = made(default_factory=list)

    @property
    def choices(self) -> str:
        """Name of the list that fills the input; for tags the list only suggests."""
        return EFFECTS[EffectKind(self.kind)].choices if self.kind in EFFECTS else ""

    @property
    def value_kind(self) -> ValueKind:
        """Which input to draw: a choice, or lines of text."""
        return EFFECTS[EffectKind(self.kind)].value_kind if self.kind in EFFECTS else ValueKind.CHOICES

    def effect(self) -> Effect:
        """Return the effect; raises InvalidRow, with the complaint noted in the row."""
        value = self.value.strip()
        if self.kind not in EFFECTS:
            self.errors.append(InvalidCondition(gettext_noop("There is no such effect.")))
        elif not value or len(value) > (values.LINES_MAX if self.value_kind is ValueKind.LINES else values.TEXT_MAX):
            self.errors.append(InvalidCondition(gettext_noop("Say what to set.")))
        if self.errors:
            raise InvalidRow(self.prefix)
        return Effect(self.kind, value)


def _split(text: str) -> Iterator[str]:
    return (word.strip() for word in re.split(r"[,\n]", text) if word.strip())


def posted_condition(post: Post) -> GroupRow:
    """Return the rows of a posted condition; names that aren't understood are left out."""
    texts: dict[tuple[int, ...], dict[str, list[str]]] = {(): {}}
    for name, given in post.items():
        match = _CONDITION_NAME.fullmatch(name)
        if match:
            place = tuple(int(number) for number in match[1].split("-")[1:])
            texts.setdefault(place, {})[match[2]] = list(given)
    for place in list(texts):
        for length in range(len(place)):
            texts.setdefault(place[:length], {"kind": ["all"]})
    return _posted_group((), texts)


def _posted_group(place: tuple[int, ...], texts: Mapping[tuple[int, ...], dict[str, list[str]]]) -> GroupRow:
    group = GroupRow(prefix=_prefix(place), kind=_first(texts[place], "kind") or "all")
    for inside in sorted(other for other in texts if other[:-1] == place and other):
        given = texts[inside]
        if "kind" in given:
            group.rows.append(_posted_group(inside, texts))
        elif _first(given, "field"):
            rest = {part: given[part] for part in given if part not in ("field", "operator")}
            group.rows.append(ConditionRow(_prefix(inside), _first(given, "field"), _first(given, "operator"), rest))
    return group


def _prefix(place: tuple[int, ...]) -> str:
    return "-".join(("c", *map(str, place)))


def _first(given: Mapping[str, Sequence[str]], part: str) -> str:
    return next(iter(given.get(part, ())), "").strip()


def posted_effects(post: Post) -> list[EffectRow]:
    """Return the rows of posted effects in order, blank ones left out."""
    texts: dict[int, dict[str, str]] = {}
    for name, given in post.items():
        match = _EFFECT_NAME.fullmatch(name)
        if match:
            texts.setdefault(int(match[1]), {})[match[2]] = next(iter(given), "")
    rows = [
        EffectRow(f"e-{number}", row.get("kind", ""), row.get("value", "")) for number, row in sorted(texts.items())
    ]
    return [row for row in rows if row.kind]


def rows_of(condition: Condition, *, prefix: str = "c") -> GroupRow:
    """Return the rows that show a stored condition."""
    if isinstance(condition, Test):
        condition = All((condition,))
    group = GroupRow(prefix=prefix, kind=kind_of(condition))
    for number, part in enumerate(condition.parts):
        inside = f"{prefix}-{number}"
        group.rows.append(_test_row(part, inside) if isinstance(part, Test) else rows_of(part, prefix=inside))
    return group


def _test_row(test: Test, prefix: str) -> ConditionRow:
    plain = values.to_json(test.value)
    if isinstance(plain, dict):
        texts = {part: list(text) if isinstance(text, list) else [str(text)] for part, text in plain.items()}
    elif isinstance(plain, list):
        texts = {"value": [str(item) for item in plain]}
    else:
        texts = {"value": [str(plain)]} if plain is not None else {}
    return ConditionRow(prefix, test.field, str(test.operator), texts)


def effect_rows_of(effects: Sequence[Effect]) -> list[EffectRow]:
    """Return the rows that show stored effects."""
    return [EffectRow(f"e-{number}", str(effect.kind), effect.value) for number, effect in enumerate(effects)]


def walk(group: GroupRow) -> Iterator[ConditionRow | GroupRow]:
    """Yield the group and every row inside it, as a person reads them."""
    yield group
    for row in group.rows:
        if isinstance(row, GroupRow):
            yield from walk(row)
        else:
            yield row
