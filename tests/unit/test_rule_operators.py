"""What each operator says to each kind of fact: the table of docs/rules.md, row by row."""

import datetime as dt

import pytest

from routing_rules.conditions import Test
from routing_rules.engine import Outcome, Rule, compile_rules, decide, explain
from tests.unit.rule_strategies import FILLERS, NOW

HELSINKI = "Europe/Helsinki"
OFFICE = {"from": "08:00", "to": "16:00", "zone": HELSINKI}
NIGHT = {"from": "22:00", "to": "06:00", "zone": HELSINKI}
WEEKEND = {"days": ["sat", "sun"], "zone": HELSINKI}
SUMMER = {"at": "2026-06-01T00:00", "zone": HELSINKI}


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


FORMS = [
    ("fi", "lasku", "Kysymys laskuistani", True),
    ("fi", "lasku", "Laskuni ovat väärin", True),
    ("fi", "LASKU", "kaikissa laskuissa", True),
    ("fi", "lasku", "Sähkölasku", False),
    ("fi", "salasana", "Unohdin salasanani", True),
    ("fi", "tilaus", "Mikä on tilauksen tila?", True),
    ("fi", "tilaus", "Mikä on sen tila?", False),
    ("fi", "unohtunut salasana", "Salasana unohtui", False),
    ("fi", "sopimuksen irtisanominen", "Sopimuksen irtisanomisen ehdot", True),
    ("sv", "faktura", "Två fakturor", True),
    ("en", "invoice", "Wrong invoices", True),
    ("en-GB", "invoice", "I was invoiced twice", True),
    ("en", "refund, payment 17", "payments 17", False),
    ("de", "Passwort", "Die Passwörter", True),
    ("xx", "invoice", "Wrong invoices", False),
    ("xx", "invoice", "Wrong INVOICE!", True),
    (None, "invoice", "Wrong invoices", False),
    ("en", "invoice", None, False),
]


class TestFormsOfWords:
    @pytest.mark.parametrize(("language", "word", "text", "expected"), FORMS)
    def test_are_those_of_the_language_of_the_message(
        self, language: str | None, word: str, text: str | None, expected: bool
    ) -> None:
        rules = [*FILLERS, Rule(1, "rule", Test("subject", "contains_any_form_of", [word, "zzz"]))]
        facts = {"subject": text, "language": language}

        steps = decide(compile_rules(rules), facts, NOW).trace

        assert bool(steps) is expected


AGO = [
    # Helsinki puts its clocks on in the night to 2026-03-29 (03:00 becomes 04:00) and back in that to 2026-10-25.
    (3, "days", "2026-03-27T14:00", "2026-03-30T12:59", False),
    (3, "days", "2026-03-27T14:00", "2026-03-30T13:00", True),
    (72, "hours", "2026-03-27T14:00", "2026-03-30T13:59", False),
    (72, "hours", "2026-03-27T14:00", "2026-03-30T14:00", True),
    (1, "days", "2026-03-28T01:30", "2026-03-29T01:29", False),  # 03:30 does not come: 04:30 it is
    (1, "days", "2026-03-28T01:30", "2026-03-29T01:30", True),
    (1, "days", "2026-10-24T00:30", "2026-10-25T00:29", False),  # 03:30 comes twice: the first
    (1, "days", "2026-10-24T00:30", "2026-10-25T00:30", True),
    (15, "minutes", "2026-10-25T00:50", "2026-10-25T01:04", False),
    (15, "minutes", "2026-10-25T00:50", "2026-10-25T01:05", True),
]


class TestHowLongAgo:
    @pytest.mark.parametrize(("amount", "unit", "moment", "now", "expected"), AGO)
    def test_counts_hours_that_pass_and_days_of_the_calendar(
        self, amount: int, unit: str, moment: str, now: str, expected: bool
    ) -> None:
        zone = {"zone": HELSINKI} if unit == "days" else {}
        value = {"amount": amount, "unit": unit, **zone}
        rules = [Rule(1, "long", Test("state_since", "at_least_ago", value))]
        rules += [Rule(2, "short", Test("state_since", "less_than_ago", value))]

        trace = decide(compile_rules(rules), {"state_since": utc(moment)}, utc(now)).trace

        assert [step.rule_id for step in trace] == [1 if expected else 2]

    def test_is_no_time_ago_for_a_moment_that_never_came(self) -> None:
        value = {"amount": 1, "unit": "hours"}
        rules = [
            Rule(number, op, Test("last_reply_at", op, value))
            for number, op in enumerate(("at_least_ago", "less_than_ago"))
        ]
        rules += [Rule(9, "empty", Test("last_reply_at", "is_empty"))]

        assert [step.rule_id for step in decide(compile_rules(rules), {}, NOW).trace] == [9]


class TestNumbers:
    @pytest.mark.parametrize(
        ("number", "holding"),
        [(2, ["at_most"]), (3, ["equals", "at_least", "at_most"]), (3.5, ["at_least"]), (None, ["is_empty"])],
    )
    def test_are_compared(self, number: float | None, holding: list[str]) -> None:
        operators = ("equals", "at_least", "at_most", "is_empty")
        rules = [
            Rule(place, name, Test("rating", name, None if name == "is_empty" else "3"))
            for place, name in enumerate(operators)
        ]

        trace = decide(compile_rules(rules), {"rating": number}, NOW).trace

        assert [step.rule_name for step in trace] == holding


TEXTS = [
    ("contains", "invoice", "Your INVOICE 17", True),
    ("contains", "INVOICE", "e-invoices", True),
    ("contains", "voice", "xinvoice", True),
    ("contains", "ice", "xyzice", True),
    ("contains", "past due", "it is past\r\n  due now", True),
    ("contains", "past due", "pastdue", False),
    ("contains", "é", "Cafe\u0301", True),
    ("contains", "straße", "HAUPTSTRASSE 5", True),
    ("contains", "ΟΔΟΣ", "οδος", True),
    ("contains", "invoice", "in\u00advoice", True),
    ("contains", "in", "x in", True),
    ("contains", "発票", "電子発票です", True),
    ("contains", "invoice", "", False),
    ("contains", "invoice", None, False),
    ("does_not_contain", "invoice", "Printer", True),
    ("does_not_contain", "invoice", "Invoice", False),
    ("does_not_contain", "invoice", None, True),
    ("contains_any", ["lasku", "invoice"], "Laskuni", True),
    ("contains_any", ["lasku", "invoice"], "kuitti", False),
    ("contains_any", ["lasku"], None, False),
    ("contains_any_word", ["cat"], "the cat.", True),
    ("contains_any_word", ["cat"], "concatenate", False),
    ("contains_any_word", ["cat"], "scatter cat", True),
    ("contains_any_word", ["cat"], "cat_food", False),
    ("contains_any_word", ["cat"], "cat\u0301", False),
    ("contains_any_word", ["c++"], "we use C++, mostly", True),
    ("contains_any_word", ["c++"], "c++x", True),
    ("contains_any_word", ["log in"], "cannot log in today", True),
    ("contains_any_word", ["cat"], None, False),
    ("is", "Help", " help ", True),
    ("is", "help", "help me", False),
    ("is", "help", None, False),
    ("is_not", "help", "help me", True),
    ("is_not", "help", "HELP", False),
    ("is_not", "help", None, True),
    ("starts_with", "re: ", "RE: Order", True),
    ("starts_with", "re:", "fwd: re: order", False),
    ("starts_with", "re:", None, False),
    ("ends_with", "@LAINE.example", "liisa@laine.example", True),
    ("ends_with", "x", "x", True),
    ("ends_with", "laine.example", "laine.example.org", False),
    ("ends_with", "x", None, False),
    ("matches", r"\bLU-\d{6}\b", "see lu-100423 please", True),
    ("matches", r"^order \d+$", "order 17", True),
    ("matches", "(?-i:LU)", "lu", False),
    ("matches", "ä", "Ä", True),
    ("matches", "x", "\ud800x", True),
    ("matches", "x", None, False),
    ("matches", "^$", None, True),
    ("is_empty", None, None, True),
    ("is_empty", None, " \n", True),
    ("is_empty", None, "x", False),
]
OTHERS = [
    ("language", "is_any_of", ["fi", "sv"], "FI", True),
    ("language", "is_any_of", ["fi", "sv"], "en", False),
    ("language", "is_any_of", ["fi"], None, False),
    ("language", "is_none_of", ["fi"], "en", True),
    ("language", "is_none_of", ["fi"], "fi", False),
    ("language", "is_none_of", ["fi"], None, True),
    ("language", "is_empty", None, None, True),
    ("language", "is_empty", None, "", True),
    ("language", "is_empty", None, "fi", False),
    ("tags", "has_any", ["vip", "new"], {"VIP"}, True),
    ("tags", "has_any", ["vip"], {"old"}, False),
    ("tags", "has_any", ["vip"], None, False),
    ("tags", "has_all", ["vip", "new"], {"vip", "new", "old"}, True),
    ("tags", "has_all", ["vip", "new"], {"vip"}, False),
    ("tags", "has_all", ["vip"], None, False),
    ("tags", "has_none", ["vip"], {"old"}, True),
    ("tags", "has_none", ["vip"], {"vip"}, False),
    ("tags", "has_none", ["vip"], None, True),
    ("tags", "is_empty", None, set(), True),
    ("tags", "is_empty", None, None, True),
    ("tags", "is_empty", None, {"vip"}, False),
    ("is_automatic", "is_true", None, True, True),
    ("is_automatic", "is_true", None, False, False),
    ("is_automatic", "is_true", None, None, False),
    ("is_automatic", "is_false", None, False, True),
    ("is_automatic", "is_false", None, True, False),
    ("is_automatic", "is_false", None, None, False),
    ("arrived_at", "between", OFFICE, utc("2026-01-15T06:00"), True),
    ("arrived_at", "between", OFFICE, utc("2026-01-15T14:00"), False),
    ("arrived_at", "between", OFFICE, utc("2026-07-15T05:00"), True),
    ("arrived_at", "between", OFFICE, utc("2026-07-15T13:00"), False),
    ("arrived_at", "between", NIGHT, utc("2026-01-15T21:30"), True),
    ("arrived_at", "between", NIGHT, utc("2026-01-15T03:59"), True),
    ("arrived_at", "between", NIGHT, utc("2026-01-15T04:00"), False),
    ("arrived_at", "between", OFFICE, None, False),
    ("arrived_at", "on_days", WEEKEND, utc("2026-11-20T22:00"), True),
    ("arrived_at", "on_days", WEEKEND, utc("2026-11-20T21:59"), False),
    ("arrived_at", "on_days", WEEKEND, None, False),
    ("arrived_at", "before", SUMMER, utc("2026-05-31T20:59"), True),
    ("arrived_at", "before", SUMMER, utc("2026-05-31T21:00"), False),
    ("arrived_at", "before", SUMMER, None, False),
    ("arrived_at", "after", SUMMER, utc("2026-05-31T21:00"), True),
    ("arrived_at", "after", SUMMER, utc("2026-05-31T20:59"), False),
    ("arrived_at", "after", SUMMER, None, False),
    ("now", "on_days", WEEKEND, None, True),
]
ROWS = [("subject", operator, value, fact, expected) for operator, value, fact, expected in TEXTS] + OTHERS


@pytest.mark.parametrize(("field", "operator", "value", "fact", "expected"), ROWS)
class TestEachOperator:
    def test_says_what_the_table_says(
        self, field: str, operator: str, value: object, fact: object, expected: bool
    ) -> None:
        rules = [Rule(1, "asked", Test(field, operator, value))]

        trace = decide(compile_rules(rules), {field: fact}, NOW).trace

        assert [step.outcome for step in trace] == [Outcome.FIRED] * expected

    def test_says_the_same_among_many_rules(
        self, field: str, operator: str, value: object, fact: object, expected: bool
    ) -> None:
        rules = [*FILLERS, Rule(1, "asked", Test(field, operator, value)), *FILLERS]

        trace = decide(compile_rules(rules), {field: fact}, NOW).trace

        assert [step.rule_id for step in trace] == [1] * expected

    def test_says_the_same_when_asked_why(
        self, field: str, operator: str, value: object, fact: object, expected: bool
    ) -> None:
        rules = [Rule(1, "asked", Test(field, operator, value))]

        step = explain(compile_rules(rules), {field: fact}, NOW)[0]

        assert (step.outcome == Outcome.FIRED, step.failed is None) == (expected, expected)


class TestTimes:
    def test_count_the_hour_that_occurs_twice_both_times(self) -> None:
        rules = compile_rules(
            [Rule(1, "r", Test("now", "between", {"from": "03:00", "to": "04:00", "zone": HELSINKI}))]
        )

        seen = [bool(decide(rules, {}, utc(f"2026-10-25T{at}")).trace) for at in ("00:30", "01:30", "02:30")]

        assert seen == [True, True, False]

    def test_never_meet_the_hour_that_is_left_out(self) -> None:
        rules = compile_rules(
            [Rule(1, "r", Test("now", "between", {"from": "03:00", "to": "04:00", "zone": HELSINKI}))]
        )
        whole_day = [utc("2026-03-28T22:00") + dt.timedelta(minutes=minutes) for minutes in range(0, 23 * 60, 10)]

        assert not any(decide(rules, {}, at).trace for at in whole_day)

    def test_compare_as_moments_not_as_clocks(self) -> None:
        rules = compile_rules([Rule(1, "r", Test("arrived_at", "after", {"at": "2026-10-25T03:30", "zone": HELSINKI}))])
        second_time = utc("2026-10-25T01:10").astimezone(dt.timezone(dt.timedelta(hours=2)))

        assert decide(rules, {"arrived_at": second_time}, NOW).trace


class TestLongTexts:
    def test_are_read_up_to_their_limit(self) -> None:
        rules = compile_rules([Rule(1, "r", Test("body", "contains", "needle"))])

        assert decide(rules, {"body": "x " * 40_000 + "needle"}, NOW).trace
        assert not decide(rules, {"body": "x " * 5_000_000 + "needle"}, NOW).trace

    def test_cannot_hold_up_a_pattern(self) -> None:
        rules = compile_rules([Rule(1, "r", Test("body", "matches", "(x+x+)+y"))])

        assert not decide(rules, {"body": "x" * 10_000_000}, NOW).trace
