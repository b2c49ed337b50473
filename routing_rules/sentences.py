"""Rules in words: conditions, effects and failed tests as sentences that a person can read. Pure: no Django.

Every function takes `translate` (gettext, or nothing for English) and `name_of`, which turns a stored value into the
name that people know: `name_of("teams", "billing")` is "Billing".
"""

import datetime as dt
from collections.abc import Callable, Sequence

from routing_rules.conditions import All, Any, Condition, InvalidCondition, NoneOf, Test
from routing_rules.engine import Effect, Rule
from routing_rules.examination import FailedTest
from routing_rules.values import ClockSpan, Duration, Moment, Weekdays
from routing_rules.vocabulary import (
    EFFECTS,
    FIELDS,
    OPERATORS,
    OWN_CHOICES,
    WEEKDAYS,
    EffectKind,
    Event,
    FieldType,
    Operator,
    Translate,
    ValueKind,
    gettext_noop,
)

NameOf = Callable[[str, str], str]

# A list of one reads better with the singular operator.
_FOR_ONE = {Operator.IS_ANY_OF: Operator.IS, Operator.IS_NONE_OF: Operator.IS_NOT}
_HAVE_ONE = {
    Operator.HAS_ANY: gettext_noop("have"),
    Operator.HAS_ALL: gettext_noop("have"),
    Operator.HAS_NONE: gettext_noop("don't have"),
}


def own_name(source: str, value: str) -> str:
    """Return the English name of a value that the language itself defines; any other value as it is."""
    return OWN_CHOICES.get(source, {}).get(value, value)


def sentence(condition: Condition, *, translate: Translate = str, name_of: NameOf = own_name) -> str:
    """Return a condition as part of a sentence: `subject contains “invoice” and (language is fi or tags have vip)`."""
    if isinstance(condition, Test):
        return _test(condition, translate, name_of)
    if not condition.parts:
        return translate(gettext_noop("always"))
    parts = [sentence(part, translate=translate, name_of=name_of) for part in condition.parts]
    if isinstance(condition, NoneOf):
        return translate(gettext_noop("none of these: (%(parts)s)")) % {"parts": "; ".join(parts)}
    joint = (
        gettext_noop("%(left)s and %(right)s") if isinstance(condition, All) else gettext_noop("%(left)s or %(right)s")
    )
    bracketed = [
        f"({text})" if _needs_brackets(part, parts) else text for part, text in zip(condition.parts, parts, strict=True)
    ]
    joined = bracketed[0]
    for part in bracketed[1:]:
        joined = translate(joint) % {"left": joined, "right": part}
    return joined


def _needs_brackets(part: Condition, siblings: Sequence[str]) -> bool:
    return isinstance(part, (All, Any)) and len(part.parts) > 1 and len(siblings) > 1


def _test(test: Test, translate: Translate, name_of: NameOf) -> str:
    field = FIELDS[test.field]
    if field.type is FieldType.BOOL:
        return translate(field.label if test.operator == Operator.IS_TRUE else field.negation)
    words = {
        "field": translate(field.label),
        "operator": translate(_operator(test)),
        "value": _value(test, translate, name_of),
    }
    return (translate(gettext_noop("%(field)s %(operator)s %(value)s")) % words).rstrip()


def _operator(test: Test) -> str:
    operator = Operator(test.operator)
    if isinstance(test.value, tuple) and len(test.value) == 1:
        if operator in _HAVE_ONE:
            return _HAVE_ONE[operator]
        operator = _FOR_ONE.get(operator, operator)
    return OPERATORS[operator].label


def _value(test: Test, translate: Translate, name_of: NameOf) -> str:
    value, source = test.value, FIELDS[test.field].choices
    quoted = translate(gettext_noop("“%(text)s”"))
    if isinstance(value, str):
        return quoted % {"text": value}
    if isinstance(value, tuple):
        names = [name_of(source, item) if source else quoted % {"text": item} for item in value]
        return _series(names, translate, is_every=test.operator == Operator.HAS_ALL)
    if isinstance(value, ClockSpan):
        template = gettext_noop("%(start)s and %(end)s (%(zone)s)")
        return translate(template) % {"start": _clock(value.start), "end": _clock(value.end), "zone": value.zone}
    if isinstance(value, Weekdays):
        days = [name_of("weekdays", WEEKDAYS[day]) for day in sorted(value.days)]
        return f"{_series(days, translate, is_every=False)} ({value.zone})"
    if isinstance(value, Duration):
        return f"{value.amount} {name_of('units', value.unit)}"
    if isinstance(value, int):
        return str(value)
    return f"{value.at:%Y-%m-%d %H:%M} ({value.zone})" if isinstance(value, Moment) else ""


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _series(names: Sequence[str], translate: Translate, *, is_every: bool) -> str:
    if len(names) == 1:
        return names[0]
    joint = gettext_noop("%(left)s and %(right)s") if is_every else gettext_noop("%(left)s or %(right)s")
    return translate(joint) % {"left": ", ".join(names[:-1]), "right": names[-1]}


def effect_sentence(effect: Effect, *, translate: Translate = str, name_of: NameOf = own_name) -> str:
    """Return an effect in words: `team Billing`."""
    spec = EFFECTS[EffectKind(effect.kind)]
    if spec.value_kind is ValueKind.LINES:
        words = " ".join(effect.value.split())
        quoted = translate(gettext_noop("“%(text)s”"))
        return f"{translate(spec.label)} {quoted % {'text': shortened(words)}}"
    return f"{translate(spec.label)} {name_of(spec.choices, effect.value)}"


def shortened(text: str, *, letters: int = 60) -> str:
    """Return the beginning of a long text."""
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"


def rule_sentence(rule: Rule, *, translate: Translate = str, name_of: NameOf = own_name) -> str:
    """Return a whole rule: `When subject contains “invoice”, then team Billing, stop here.`"""
    effects = [effect_sentence(effect, translate=translate, name_of=name_of) for effect in rule.effects]
    if rule.is_stop:
        effects.append(translate(gettext_noop("stop here")))
    then = ", ".join(effects) or translate(gettext_noop("nothing"))
    when = sentence(rule.condition, translate=translate, name_of=name_of) if rule.condition != All() else ""
    if rule.events != (Event.TICKET_CREATED,):
        events = _series([name_of("events", event) for event in rule.events], translate, is_every=False)
        words = {"events": events, "condition": when, "effects": then}
        if not when:
            return translate(gettext_noop("At “%(events)s”: %(effects)s.")) % words
        return translate(gettext_noop("At “%(events)s”, when %(condition)s, then %(effects)s.")) % words
    if not when:
        return translate(gettext_noop("For every ticket: %(effects)s.")) % {"effects": then}
    return translate(gettext_noop("When %(condition)s, then %(effects)s.")) % {"condition": when, "effects": then}


def failure_sentence(failed: FailedTest, *, translate: Translate = str, name_of: NameOf = own_name) -> str:
    """Return why a rule did not match: `subject contains “invoice” – it is “Printer offline”`."""
    words = {"test": _failed(failed, translate, name_of), "actual": _actual(failed, translate, name_of)}
    if failed.is_unwanted:
        return translate(gettext_noop("%(test)s, which must not be so")) % words
    if isinstance(failed.actual, bool):
        return translate(gettext_noop("%(test)s – it is not so")) % words
    if failed.actual in (None, "", []):
        return translate(gettext_noop("%(test)s – there is none")) % words
    return translate(gettext_noop("%(test)s – it is %(actual)s")) % words


def _failed(failed: FailedTest, translate: Translate, name_of: NameOf) -> str:
    try:
        return _test(Test(failed.field, failed.operator, failed.expected), translate, name_of)
    except InvalidCondition:
        return f"{failed.field} {failed.operator} {failed.expected}"


def _actual(failed: FailedTest, translate: Translate, name_of: NameOf) -> str:
    actual, field = failed.actual, FIELDS.get(failed.field)
    source = field.choices if field else ""
    if isinstance(actual, (list, tuple)):
        return ", ".join(name_of(source, str(item)) for item in actual)
    if field and field.type is FieldType.TIME:
        return f"{dt.datetime.fromisoformat(str(actual)):%Y-%m-%d %H:%M}"
    return name_of(source, str(actual)) if source else translate(gettext_noop("“%(text)s”")) % {"text": actual}
