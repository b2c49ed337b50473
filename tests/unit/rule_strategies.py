"""Random rules and facts for hypothesis, drawn from small pools so that they meet."""

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from routing_rules import conditions as c
from routing_rules.engine import Effect, Rule
from routing_rules.facts import UNKNOWN
from routing_rules.vocabulary import FIELDS, EffectKind, FieldType, Operator
from tests.unit.rule_reference import plain

NOW = dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC)
# Both changes to summer time lie in between; hypothesis adds the zones.
FIRST, LAST = dt.datetime.fromisoformat("2026-03-01"), dt.datetime.fromisoformat("2026-04-05")
ZONES = ("UTC", "Europe/Helsinki", "America/New_York")

LETTERS = "aAbB ßſsSäa\u0308Ä.-_1\u00ad\n\u00a0Σσςİi\u0301"
POOL = (
    "talo",
    "talossa",
    "talojen",
    "houses",
    "house",
    "housed mice",
    "abc",
    "Abcd",
    "xabc",
    "ab",
    "cab",
    "STRASSE",
    "straße",
    "ä",
    "Ä bc",
    "bc",
    "abc.",
    "d",
    "Bcd x",
    "İx",
)
words = st.one_of(
    st.sampled_from(POOL), st.text(LETTERS, min_size=1, max_size=5).filter(lambda text: bool(plain(text)))
)
texts = st.one_of(
    st.lists(st.sampled_from(POOL), max_size=8).map(" ".join),
    st.lists(st.sampled_from((*POOL, " ", "\n")), max_size=8).map("".join),
    st.text(LETTERS, max_size=30),
)
slugs = st.sampled_from(("fi", "FI", "sv", "en", "en-GB", "xx"))
patterns = st.sampled_from(("a+b", "^b", r"\d", "a|1$", "b.?a"))
zones = st.sampled_from(ZONES)
times = st.datetimes(
    min_value=FIRST,
    max_value=LAST,
    timezones=st.sampled_from([ZoneInfo(zone) for zone in ZONES]),
)


def clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


durations = st.builds(
    lambda amount, unit, zone: {"amount": amount, "unit": unit, **({"zone": zone} if unit == "days" else {})},
    st.integers(1, 40),
    st.sampled_from(("minutes", "hours", "days", "days")),
    zones,
)
numbers = st.integers(-2, 4)
spans = st.tuples(st.integers(0, 1439), st.integers(0, 1440), zones).filter(lambda span: span[0] != span[1])
VALUES: dict[Operator, st.SearchStrategy[object]] = {
    Operator.AT_LEAST_AGO: durations,
    Operator.LESS_THAN_AGO: durations,
    Operator.EQUALS: numbers,
    Operator.AT_LEAST: numbers,
    Operator.AT_MOST: numbers,
    Operator.MATCHES: patterns,
    Operator.IS_EMPTY: st.none(),
    Operator.IS_TRUE: st.none(),
    Operator.IS_FALSE: st.none(),
    Operator.BETWEEN: spans.map(lambda span: {"from": clock(span[0]), "to": clock(span[1]), "zone": span[2]}),
    Operator.ON_DAYS: st.builds(
        lambda days, zone: {"days": days, "zone": zone},
        st.lists(st.sampled_from(("mon", "wed", "sat", "sun")), min_size=1, max_size=3, unique=True),
        zones,
    ),
}
lists = st.lists(words, min_size=1, max_size=4)
slug_lists = st.lists(slugs, min_size=1, max_size=3)
moments = st.builds(
    lambda at, zone: {"at": at.isoformat(timespec="minutes"), "zone": zone},
    st.datetimes(min_value=FIRST, max_value=LAST),
    zones,
)


def value_for(field: str, operator: Operator) -> st.SearchStrategy[object]:
    if operator in VALUES:
        return VALUES[operator]
    if operator in (Operator.BEFORE, Operator.AFTER):
        return moments
    if FIELDS[field].type in (FieldType.CHOICE, FieldType.SET):
        return slug_lists
    is_list = operator in (Operator.CONTAINS_ANY, Operator.CONTAINS_ANY_WORD, Operator.CONTAINS_ANY_FORM_OF)
    return lists if is_list else words


USED = (
    *("subject", "body", "sender_domain", "language", "channel", "tags", "is_automatic", "customer_messages"),
    *("arrived_at", "state_since", "now"),
)
comparisons = st.sampled_from([(name, op) for name in USED for op in FIELDS[name].operators]).flatmap(
    lambda pair: value_for(*pair).map(lambda value: c.Test(pair[0], pair[1], value))
)


def groups(parts: st.SearchStrategy[c.Condition]) -> st.SearchStrategy[c.Condition]:
    some = st.lists(parts, min_size=1, max_size=4).map(tuple)
    return st.one_of(st.builds(c.All, some), st.builds(c.Any, some), st.builds(c.NoneOf, some))


all_conditions: st.SearchStrategy[c.Condition] = st.one_of(
    st.just(c.ALWAYS), comparisons, groups(comparisons), groups(st.one_of(comparisons, groups(comparisons)))
)
effects = st.builds(
    Effect, st.sampled_from([str(kind) for kind in EffectKind]), st.sampled_from(("a", "A", "b", "none"))
)
numbered = st.builds(
    Rule,
    id=st.just(0),
    name=st.just("rule"),
    condition=all_conditions,
    effects=st.lists(effects, max_size=3).map(tuple),
    is_stop=st.sampled_from((False,) * 5 + (True,)),
    is_enabled=st.sampled_from((True,) * 7 + (False,)),
    problem=st.sampled_from(("",) * 7 + ("can't be read",)),
    events=st.sampled_from((("ticket_created",),) * 3 + (("state_changed",), ("ticket_created", "state_changed"))),
    active_from=st.sampled_from((None,) * 6 + (NOW, NOW + dt.timedelta(hours=1))),
    active_until=st.sampled_from((None,) * 6 + (NOW, NOW + dt.timedelta(hours=1))),
    uid=st.sampled_from(("one", "two", "three")),
)
spent_turns = st.frozensets(st.sampled_from(("one", "two", "four")), max_size=2)
good_facts = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.none() | texts,
        "body": texts,
        "sender_domain": texts,
        "language": st.none() | slugs,
        "channel": slugs,
        "tags": st.frozensets(slugs, max_size=3),
        "is_automatic": st.none() | st.booleans(),
        "arrived_at": st.none() | times,
        "state_since": st.none() | times,
        "customer_messages": st.none() | numbers,
        "event": st.sampled_from(("ticket_created", "ticket_created", "state_changed", "rating_given")),
    },
)
unknown_facts = good_facts.flatmap(
    lambda facts: st.sets(st.sampled_from(USED[:-1]), min_size=1, max_size=4).map(
        lambda names: facts | dict.fromkeys(names, UNKNOWN)
    )
)
broken_facts = good_facts.flatmap(
    lambda facts: st.sampled_from(USED[:-1]).flatmap(
        lambda name: (
            st.sampled_from((5, 2.5, b"text", ["text"] if name != "tags" else "text", NOW.replace(tzinfo=None)))
            .filter(lambda wrong: not (name == "customer_messages" and isinstance(wrong, (int, float))))
            .map(lambda wrong: facts | {name: wrong})
        )
    )
)
# Enough rules that wait for words of a text, so that the index looks words up instead of leaving it to the rules.
FILLERS = [
    Rule(1000 + number, "filler", c.Test(name, "contains", f"qq{number}xyz"), (Effect("add_tag", "filler"),))
    for number in range(25)
    for name in ("subject", "body")
]


def in_order(rules: list[Rule]) -> list[Rule]:
    numbered_rules = [replace(rule, id=number) for number, rule in enumerate(rules)]
    return numbered_rules + FILLERS


def texts_of(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(value) if isinstance(value, tuple) else []


@st.composite
def facts_for(draw: st.DrawFn, conditions: list[c.Condition]) -> dict[str, object]:
    """Facts made of the very values that the conditions look for: most tests hold, many more nearly do."""
    wanted: dict[str, list[str]] = {name: ["?"] for name in USED}
    for condition in conditions:
        for test in c.tests_of(condition):
            wanted[test.field] += texts_of(test.value)
    facts: dict[str, object] = dict(draw(good_facts))
    for name in draw(st.sets(st.sampled_from(("subject", "body", "sender_domain")))):
        facts[name] = draw(st.sampled_from(("", " ", "\n", "x"))).join(
            draw(st.lists(st.sampled_from(wanted[name]), max_size=6))
        )
    for name in ("language", "channel"):
        facts[name] = draw(st.sampled_from(wanted[name]))
    facts["tags"] = draw(st.frozensets(st.sampled_from(wanted["tags"])))
    return facts


@st.composite
def rules_and_facts(draw: st.DrawFn) -> tuple[list[Rule], dict[str, object]]:
    """Rules in order, and facts that many of them match."""
    rules = draw(st.lists(numbered, min_size=1, max_size=8))
    return in_order(rules), draw(facts_for([rule.condition for rule in rules]))


FINDABLE = (
    ("subject", "contains"),
    ("body", "contains"),
    ("body", "contains_any"),
    ("body", "contains_any_word"),
    ("body", "contains_any_form_of"),
    ("subject", "starts_with"),
    ("sender_domain", "ends_with"),
    ("sender_domain", "is"),
    ("language", "is_any_of"),
    ("channel", "is_any_of"),
    ("tags", "has_any"),
    ("tags", "has_all"),
    ("is_automatic", "is_true"),
    ("is_automatic", "is_false"),
    ("language", "is_empty"),
)
findable = st.sampled_from(FINDABLE).flatmap(
    lambda pair: value_for(pair[0], Operator(pair[1])).map(lambda value: c.Test(pair[0], pair[1], value))
)


@st.composite
def findable_and_facts(draw: st.DrawFn) -> tuple[c.Condition, dict[str, object]]:
    """A condition of tests that an index can look up, and facts that it probably holds for."""
    condition = draw(st.one_of(findable, groups(findable), groups(st.one_of(findable, groups(findable)))))
    return condition, draw(facts_for([condition]))


relaxed = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])

thorough = settings(relaxed, max_examples=400)
