"""An evaluator of rules that is too simple to be wrong, for the engine to be held against.

It knows nothing of folded facts, compiled functions or the index: it asks each test of each rule in order, by the words
of docs/rules.md, and decides in Kleene's three values, of which the third says why: "broken" or "unknown".
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Literal
from zoneinfo import ZoneInfo

from routing_rules import conditions as c
from routing_rules.engine import Outcome, Rule
from routing_rules.facts import UNKNOWN
from routing_rules.stems import form
from routing_rules.values import ClockSpan, Duration, Moment, Weekdays
from routing_rules.vocabulary import EFFECTS, FIELDS, EffectKind, FieldType, Operator

Truth = bool | Literal["broken", "unknown"]


def plain(text: str) -> str:
    text = re.sub("[\u00ad\u200b\u2060\ufeff]", "", text)
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return " ".join(folded.split())


def has_word(text: str, word: str) -> bool:
    def is_part(character: str) -> bool:
        return character.isalnum() or character == "_" or unicodedata.category(character)[0] == "M"

    for start in range(len(text) - len(word) + 1):
        end = start + len(word)
        if text[start:end] == word:
            before, after = text[start - 1 : start], text[end : end + 1]
            is_cut = (before and is_part(before) and is_part(word[0])) or (
                after and is_part(after) and is_part(word[-1])
            )
            if not is_cut:
                return True
    return False


def has_form(text: str, wanted: str, language: str) -> bool:
    """Word by word, at every place."""
    code = language.split("-", maxsplit=1)[0]

    def shortened(words: str) -> list[str]:
        return [form(word, code) if word.isalpha() and len(word) <= 40 else word for word in re.findall(r"\w+", words)]

    said, phrase = shortened(text), shortened(wanted)
    return bool(phrase) and any(said[at : at + len(phrase)] == phrase for at in range(len(said)))


def later(moment: dt.datetime, duration: Duration) -> dt.datetime:
    """By looking for the instants at which the clock shows the wanted time."""
    if duration.unit != "days":
        return moment.astimezone(dt.UTC) + duration.about
    zone = ZoneInfo(duration.zone)
    local = moment.astimezone(zone)
    wanted = local.replace(tzinfo=None, fold=0) + dt.timedelta(days=duration.amount)
    offsets = [wanted.replace(tzinfo=zone, fold=fold).utcoffset() or dt.timedelta() for fold in (0, 1)]
    instants = [(wanted - offset).replace(tzinfo=dt.UTC) for offset in offsets]
    shown = [instant for instant in instants if instant.astimezone(zone).replace(tzinfo=None, fold=0) == wanted]
    if shown:
        return max(shown) if local.fold else min(shown)
    return instants[local.fold]


def holds_text(operator: str, text: str, value: object) -> bool:
    wanted = [plain(item) for item in (value if isinstance(value, tuple) else (str(value),))]
    return {
        Operator.CONTAINS: wanted[0] in text,
        Operator.DOES_NOT_CONTAIN: wanted[0] not in text,
        Operator.CONTAINS_ANY: any(word in text for word in wanted),
        Operator.CONTAINS_ANY_WORD: any(has_word(text, word) for word in wanted),
        Operator.IS: text == wanted[0],
        Operator.IS_NOT: text != wanted[0],
        Operator.STARTS_WITH: text[: len(wanted[0])] == wanted[0],
        Operator.ENDS_WITH: text.endswith(wanted[0]),
        Operator.IS_EMPTY: text == "",
        Operator.IS_ANY_OF: text in wanted,
        Operator.IS_NONE_OF: text not in wanted,
    }[Operator(operator)]


def holds_set(operator: str, members: set[str], value: object) -> bool:
    wanted = {plain(item) for item in value} if isinstance(value, tuple) else set()
    return {
        Operator.HAS_ANY: bool(wanted & members),
        Operator.HAS_ALL: not wanted - members,
        Operator.HAS_NONE: not wanted & members,
        Operator.IS_EMPTY: not members,
    }[Operator(operator)]


def holds_time(moment: dt.datetime, value: object) -> bool:
    if isinstance(value, ClockSpan):
        local = moment.astimezone(ZoneInfo(value.zone))
        minute = local.hour * 60 + local.minute
        inside = [*range(value.start, value.end if value.end > value.start else 1440)]
        return minute in inside or (value.end <= value.start and minute < value.end)
    assert isinstance(value, Weekdays)
    return moment.astimezone(ZoneInfo(value.zone)).weekday() in value.days


def truth_of(test: c.Test, facts: Mapping[str, object], now: dt.datetime) -> Truth:
    """The test's outcome; a broken fact counts before one that was not recorded."""
    names = (test.field, "language") if test.operator == Operator.CONTAINS_ANY_FORM_OF else (test.field,)
    language = facts.get("language")
    is_odd = len(names) == 2 and language is not UNKNOWN and not (language is None or isinstance(language, str))
    whole = None if is_odd else holds_test(test, facts, now)
    if whole is None:
        return "broken"
    if any(facts.get(name) is UNKNOWN for name in names):
        return "unknown"
    return whole


def holds_test(test: c.Test, facts: Mapping[str, object], now: dt.datetime) -> bool | None:
    """None for a fact of a wrong type; of an unknown one it says nothing that counts."""
    facts = {name: fact for name, fact in facts.items() if fact is not UNKNOWN}
    fact = now if test.field == "now" else facts.get(test.field)
    kind = FIELDS[test.field].type
    if kind in (FieldType.TEXT, FieldType.CHOICE):
        if fact is not None and not isinstance(fact, str):
            return None
        if test.operator == Operator.MATCHES:
            return re.search(str(test.value), unicodedata.normalize("NFC", fact or ""), re.IGNORECASE) is not None
        if test.operator == Operator.CONTAINS_ANY_FORM_OF:
            assert isinstance(test.value, tuple)
            spoken = plain(str(facts.get("language") or ""))
            return any(has_form(plain(fact or ""), plain(each), spoken) for each in test.value)
        return holds_text(test.operator, plain(fact or ""), test.value)
    if kind is FieldType.SET:
        if fact is not None and not isinstance(fact, (set, frozenset)):
            return None
        return holds_set(test.operator, {plain(str(item)) for item in fact or ()}, test.value)
    if kind is FieldType.BOOL:
        if fact is not None and not isinstance(fact, bool):
            return None
        return fact is (test.operator == Operator.IS_TRUE)
    if kind is FieldType.NUMBER:
        if fact is not None and (isinstance(fact, bool) or not isinstance(fact, (int, float))):
            return None
        return holds_number(test.operator, fact, test.value)
    if fact is not None and (not isinstance(fact, dt.datetime) or fact.tzinfo is None):
        return None
    return holds_moment(test, fact, now)


def holds_moment(test: c.Test, moment: dt.datetime | None, now: dt.datetime) -> bool | None:
    if test.operator == Operator.IS_EMPTY or moment is None:
        return moment is None and test.operator == Operator.IS_EMPTY
    if isinstance(test.value, Duration):
        return (later(moment, test.value) <= now) is (test.operator == Operator.AT_LEAST_AGO)
    if test.operator in (Operator.BEFORE, Operator.AFTER):
        assert isinstance(test.value, Moment)
        limit = test.value.at.replace(tzinfo=ZoneInfo(test.value.zone))
        return (moment.astimezone(dt.UTC) < limit.astimezone(dt.UTC)) is (test.operator == Operator.BEFORE)
    return holds_time(moment, test.value)


def holds_number(operator: str, fact: float | None, value: object) -> bool:
    if operator == Operator.IS_EMPTY:
        return fact is None
    assert isinstance(value, int)
    return (
        fact is not None
        and {
            Operator.EQUALS: fact == value,
            Operator.AT_LEAST: fact >= value,
            Operator.AT_MOST: fact <= value,
        }[Operator(operator)]
    )


def holds(condition: c.Condition, facts: Mapping[str, object], now: dt.datetime) -> Truth:
    if isinstance(condition, c.Test):
        return truth_of(condition, facts, now)
    parts = [holds(part, facts, now) for part in condition.parts]
    decisive = not isinstance(condition, c.All)
    if any(part is decisive for part in parts):
        found: Truth = decisive
    elif "broken" in parts:
        found = "broken"
    elif "unknown" in parts:
        found = "unknown"
    else:
        found = not decisive
    return not found if isinstance(condition, c.NoneOf) and isinstance(found, bool) else found


def group(kind: str) -> str:
    """Adding and taking away a tag contend for it."""
    return "tag" if kind in ("add_tag", "remove_tag") else kind


def run(
    rules: list[Rule], facts: Mapping[str, object], now: dt.datetime, spent: Collection[str] = ()
) -> tuple[list[tuple[int, Outcome]], list[tuple[int, str, str]]]:
    """Outcome of every rule, and (rule, kind, value) of everything that takes effect."""
    outcomes: list[tuple[int, Outcome]] = []
    effects: list[tuple[int, str, str]] = []
    is_stopped = False
    for rule in rules:
        truth = holds(rule.condition, facts, now)
        if not rule.is_enabled:
            outcome = Outcome.DISABLED
        elif facts.get("event", "ticket_created") not in rule.events:
            outcome = Outcome.OTHER_EVENT
        elif (rule.active_from and now < rule.active_from) or (rule.active_until and now >= rule.active_until):
            outcome = Outcome.INACTIVE
        elif rule.uid in spent:
            outcome = Outcome.SPENT
        elif is_stopped:
            outcome = Outcome.SKIPPED_AFTER_STOP
        elif rule.problem or truth == "broken":
            outcome = Outcome.INVALID
        elif truth == "unknown":
            outcome = Outcome.UNKNOWN
        elif truth is False:
            outcome = Outcome.NOT_MATCHED
        else:
            outcome, is_stopped = Outcome.FIRED, rule.is_stop
            for effect in rule.effects:
                is_single = EFFECTS[EffectKind(effect.kind)].is_single
                is_taken = any(
                    group(kind) == group(effect.kind) and (is_single or plain(value) == plain(effect.value))
                    for _rule, kind, value in effects
                )
                if not is_taken:
                    effects.append((rule.id, effect.kind, effect.value))
        outcomes.append((rule.id, outcome))
    return outcomes, effects
