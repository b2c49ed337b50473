"""Conditions of rules: tests in nested groups, read from JSON and written to it. Pure: no Django.

A condition that exists is a good one: whatever makes it (JSON, a form, code) gets InvalidCondition for a field that
doesn't exist, an operator that the field doesn't have, or a value that the operator can't use. JSON looks like this:

    {"all": [{"field": "subject", "operator": "contains", "value": "invoice"},
             {"any": [{"field": "language", "operator": "is_any_of", "value": ["fi"]},
                      {"field": "is_automatic", "operator": "is_true"}]}]}

Groups are `all`, `any` and `none`; an `all` without parts always holds, which makes a rule for every ticket.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from routing_rules import values
from routing_rules.vocabulary import FIELDS, LANGUAGE, OPERATORS, Operator, Translate, gettext_noop

DEPTH_MAX = 3
"""Groups inside groups, the outermost counted: more can't be read as a sentence."""

TESTS_MAX = 100
"""Tests in one condition."""


class InvalidCondition(ValueError):
    """A condition that can't be used.

    `path` says where in the JSON ("all[1].any[0].value", empty for the whole), `sentence()` says what is wrong.
    """

    def __init__(self, template: str, *, path: str = "", params: Mapping[str, object] | None = None) -> None:
        self.template = template
        self.params = params or {}
        self.path = path
        super().__init__(f"{path}: {self.sentence()}" if path else self.sentence())

    def sentence(self, *, translate: Translate = str) -> str:
        """Return what is wrong, in words a person can act on."""
        return translate(self.template) % self.params

    def under(self, path: str) -> "InvalidCondition":
        """Return the same complaint with its place told from further out."""
        whole = ".".join(part for part in (path, self.path) if part)
        return InvalidCondition(self.template, path=whole, params=self.params)


@dataclass(frozen=True, slots=True)
class Test:
    """One field compared with one value. `value` is taken as in JSON and kept as `values.read` returns it."""

    __test__: ClassVar[bool] = False
    """Not a test case, whatever pytest thinks of the name."""

    field: str
    operator: str
    value: object = None

    def __post_init__(self) -> None:
        operator = _operator_of(self.field, self.operator)
        try:
            value = values.read(kind=OPERATORS[operator].value_kind, value=self.value)
        except values.InvalidValue as error:
            raise InvalidCondition(error.template, path="value", params=error.params) from None
        object.__setattr__(self, "operator", operator)
        object.__setattr__(self, "value", value)

    @property
    def fields(self) -> tuple[str, ...]:
        """The facts that decide it: forms of words are those of the message's language."""
        is_of_language = self.operator == Operator.CONTAINS_ANY_FORM_OF
        return (self.field, LANGUAGE) if is_of_language else (self.field,)


@dataclass(frozen=True, slots=True)
class All:
    """Holds when every part holds; without parts, always."""

    parts: tuple["Condition", ...] = ()


@dataclass(frozen=True, slots=True)
class Any:
    """Holds when at least one part holds."""

    parts: tuple["Condition", ...]

    def __post_init__(self) -> None:
        _require_parts(self.parts)


@dataclass(frozen=True, slots=True)
class NoneOf:
    """Holds when no part holds."""

    parts: tuple["Condition", ...]

    def __post_init__(self) -> None:
        _require_parts(self.parts)


ALWAYS = All()
"""The condition of a rule for every ticket."""

Group: TypeAlias = All | Any | NoneOf
Condition: TypeAlias = Test | Group

GROUPS: Mapping[str, type[All] | type[Any] | type[NoneOf]] = {"all": All, "any": Any, "none": NoneOf}
"""Group kinds by their names in JSON and in forms."""


def kind_of(group: Group) -> str:
    """Return the name of a group's kind: all, any or none."""
    return next(kind for kind, cls in GROUPS.items() if isinstance(group, cls))


def _require_parts(parts: tuple[Condition, ...]) -> None:
    if not parts:
        raise InvalidCondition(gettext_noop("A group of this kind needs at least one condition."))


def _operator_of(field: str, operator: str) -> Operator:
    known = FIELDS.get(field)
    if known is None:
        raise InvalidCondition(
            gettext_noop("There is no field called “%(name)s”."), path="field", params={"name": field}
        )
    if operator not in known.operators:
        raise InvalidCondition(
            gettext_noop("The field “%(field)s” has no operator “%(name)s”."),
            path="operator",
            params={"field": field, "name": operator},
        )
    return Operator(operator)


def from_json(data: object) -> Condition:
    """Read a condition; raises InvalidCondition with the place and a sentence.

    A lone test becomes a group of one, so that the outermost condition is always a group.
    """
    condition = _read(data, path="", depth=1)
    if isinstance(condition, Test):
        condition = All((condition,))
    if sum(1 for _ in tests_of(condition)) > TESTS_MAX:
        raise too_many_tests()
    return condition


def too_many_tests() -> InvalidCondition:
    """Return the complaint about a condition with more than TESTS_MAX tests."""
    return InvalidCondition(gettext_noop("A rule has at most %(max)d conditions."), params={"max": TESTS_MAX})


def _read(data: object, *, path: str, depth: int) -> Condition:
    if not isinstance(data, Mapping):
        raise InvalidCondition(gettext_noop("A condition is a test or a group."), path=path)
    if "field" in data:
        return _read_test(data, path=path)
    if len(data) != 1 or next(iter(data)) not in GROUPS:
        raise InvalidCondition(gettext_noop("A group is “all”, “any” or “none” with a list of conditions."), path=path)
    kind, parts = next(iter(data.items()))
    here = ".".join(part for part in (path, kind) if part)
    if not isinstance(parts, (list, tuple)):
        raise InvalidCondition(gettext_noop("A group is “all”, “any” or “none” with a list of conditions."), path=here)
    if depth > DEPTH_MAX:
        raise InvalidCondition(gettext_noop("Groups go at most %(max)d deep."), path=here, params={"max": DEPTH_MAX})
    read = tuple(_read(part, path=f"{here}[{index}]", depth=depth + 1) for index, part in enumerate(parts))
    try:
        return GROUPS[kind](read)
    except InvalidCondition as error:
        raise error.under(here) from None


def _read_test(data: Mapping[object, object], *, path: str) -> Test:
    unknown = set(data) - {"field", "operator", "value"}
    field, operator = data.get("field"), data.get("operator")
    if unknown or not isinstance(field, str) or not isinstance(operator, str):
        raise InvalidCondition(
            gettext_noop("A test has a field, an operator and a value, and nothing else."), path=path
        )
    try:
        return Test(field, operator, data.get("value"))
    except InvalidCondition as error:
        raise error.under(path) from None


def to_json(condition: Condition) -> dict[str, object]:
    """Return what `from_json` reads, made of JSON's types only."""
    if isinstance(condition, Test):
        plain: dict[str, object] = {"field": condition.field, "operator": str(condition.operator)}
        if condition.value is not None:
            plain["value"] = values.to_json(condition.value)
        return plain
    return {kind_of(condition): [to_json(part) for part in condition.parts]}


def tests_of(condition: Condition) -> Iterator[Test]:
    """Yield every test, in the order in which a person reads them."""
    if isinstance(condition, Test):
        yield condition
    else:
        for part in condition.parts:
            yield from tests_of(part)
