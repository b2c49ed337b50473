"""Conditions as JSON: what is read, and what is refused, where and with which words."""

import pytest

from routing_rules.conditions import ALWAYS, All, Any, InvalidCondition, NoneOf, Test, from_json, to_json
from routing_rules.engine import Rule, compile_rules, decide
from tests.unit.rule_strategies import NOW

GOOD = {
    "all": [
        {"field": "subject", "operator": "contains", "value": "invoice"},
        {
            "any": [
                {"field": "language", "operator": "is_any_of", "value": ["fi", "sv"]},
                {
                    "none": [
                        {
                            "field": "arrived_at",
                            "operator": "between",
                            "value": {"from": "08:00", "to": "24:00", "zone": "UTC"},
                        },
                        {
                            "field": "arrived_at",
                            "operator": "on_days",
                            "value": {"days": ["mon", "sun"], "zone": "Europe/Helsinki"},
                        },
                        {
                            "field": "arrived_at",
                            "operator": "after",
                            "value": {"at": "2026-06-01T00:00", "zone": "UTC"},
                        },
                        {"field": "is_automatic", "operator": "is_true"},
                    ]
                },
            ]
        },
    ]
}


def subject(operator: str, value: object) -> dict[str, object]:
    return {"all": [{"field": "subject", "operator": operator, "value": value}]}


def arrived(operator: str, **value: object) -> dict[str, object]:
    return {"all": [{"field": "arrived_at", "operator": operator, "value": value}]}


def nested(levels: int) -> dict[str, object]:
    inner: dict[str, object] = {"field": "subject", "operator": "is", "value": "x"}
    for _ in range(levels):
        inner = {"all": [inner]}
    return inner


UNUSABLE = "This is not a pattern that can be used"

REFUSED: list[tuple[object, str, str]] = [
    (None, "", "A condition is a test or a group."),
    ([], "", "A condition is a test or a group."),
    ({}, "", "A group is “all”, “any” or “none” with a list of conditions."),
    ({"some": []}, "", "A group is “all”, “any” or “none” with a list of conditions."),
    ({"all": [], "any": []}, "", "A group is “all”, “any” or “none” with a list of conditions."),
    ({"all": {}}, "all", "A group is “all”, “any” or “none” with a list of conditions."),
    ({"any": []}, "any", "A group of this kind needs at least one condition."),
    ({"all": [{"none": []}]}, "all[0].none", "A group of this kind needs at least one condition."),
    ({"all": [5]}, "all[0]", "A condition is a test or a group."),
    (nested(4), "all[0].all[0].all[0].all", "Groups go at most 3 deep."),
    ({"all": [{"field": "mood", "operator": "is", "value": "x"}]}, "all[0].field", "There is no field called “mood”."),
    ({"field": "tags", "operator": "is", "value": "x"}, "operator", "The field “tags” has no operator “is”."),
    ({"field": "tags", "value": "x"}, "", "A test has a field, an operator and a value, and nothing else."),
    ({"field": "tags", "operator": "is", "x": 1}, "", "A test has a field, an operator and a value, and nothing else."),
    (subject("contains", ""), "all[0].value", "Say which text to look for."),
    (subject("contains", " \u00ad "), "all[0].value", "Say which text to look for."),
    (subject("contains", ["x"]), "all[0].value", "Say which text to look for."),
    (subject("contains", "x" * 501), "all[0].value", "The text is longer than 500 characters."),
    (subject("contains_any", "x"), "all[0].value", "This operator takes a list."),
    (subject("contains_any", [5]), "all[0].value", "Every item of the list must be a text."),
    (subject("contains_any", [" "]), "all[0].value", "Name at least one."),
    (subject("contains_any", [str(n) for n in range(501)]), "all[0].value", "The list has more than 500 items."),
    (subject("is_empty", "x"), "all[0].value", "This operator takes no value."),
    (subject("matches", ""), "all[0].value", "Say which pattern to look for."),
    (subject("matches", "("), "all[0].value", f"{UNUSABLE}: missing ): (."),
    (subject("matches", "(?=x)"), "all[0].value", f"{UNUSABLE}: invalid perl operator: (?=."),
    (subject("matches", r"\p{L}{900}"), "all[0].value", f"{UNUSABLE}: pattern too large - compile failed."),
    (subject("matches", "x" * 501), "all[0].value", "The pattern is longer than 500 characters."),
    (subject("matches", "\ud800"), "all[0].value", "The pattern has characters that no text can have."),
    (
        arrived("between", **{"from": "8", "to": "16:00", "zone": "UTC"}),
        "all[0].value",
        "A time of day is written like 09:30.",
    ),
    (
        arrived("between", **{"from": "08:00", "to": "24:01", "zone": "UTC"}),
        "all[0].value",
        "A time of day is written like 09:30.",
    ),
    (
        arrived("between", **{"from": "08:00", "to": "08:00", "zone": "UTC"}),
        "all[0].value",
        "The span of time is empty: it begins when it ends.",
    ),
    (
        arrived("between", **{"from": "08:00", "to": "09:00", "zone": "Mars/Base"}),
        "all[0].value",
        "There is no time zone called “Mars/Base”.",
    ),
    (
        arrived("between", **{"from": "08:00", "to": "09:00", "zone": "../etc"}),
        "all[0].value",
        "There is no time zone called “../etc”.",
    ),
    (arrived("between", **{"from": "08:00"}), "all[0].value", "This value needs exactly: from, to, zone."),
    (arrived("on_days", days=[], zone="UTC"), "all[0].value", "Name at least one day of the week."),
    (arrived("on_days", days=["someday"], zone="UTC"), "all[0].value", "Name at least one day of the week."),
    (arrived("after", at="soon", zone="UTC"), "all[0].value", "A date and time is written like 2026-05-31T09:30."),
    (
        arrived("after", at="2026-06-01T00:00+02:00", zone="UTC"),
        "all[0].value",
        "The time zone is named beside the time, not in it.",
    ),
    ({"all": [nested(0)] * 101}, "", "A rule has at most 100 conditions."),
]


class TestReading:
    def test_gives_back_what_was_written(self) -> None:
        assert to_json(from_json(GOOD)) == GOOD

    def test_makes_a_lone_test_a_group_of_one(self) -> None:
        assert from_json({"field": "is_automatic", "operator": "is_true"}) == All((Test("is_automatic", "is_true"),))

    def test_drops_blanks_and_repetitions_from_lists_and_keeps_their_order(self) -> None:
        test = Test("tags", "has_any", [" vip ", "", "Sales", "VIP", "sales"])

        assert test.value == ("vip", "Sales")

    def test_takes_an_empty_all_as_always(self) -> None:
        assert from_json({"all": []}) == ALWAYS
        assert decide(compile_rules([Rule(1, "r", ALWAYS)]), {}, NOW).trace

    @pytest.mark.parametrize(("data", "path", "words"), REFUSED)
    def test_refuses_with_the_place_and_a_sentence(self, data: object, path: str, words: str) -> None:
        with pytest.raises(InvalidCondition) as refused:
            from_json(data)

        assert (refused.value.path, refused.value.sentence()) == (path, words)

    def test_says_what_is_wrong_in_the_language_of_the_reader(self) -> None:
        with pytest.raises(InvalidCondition) as refused:
            from_json({"any": []})

        assert refused.value.sentence(translate=str.upper) == "A GROUP OF THIS KIND NEEDS AT LEAST ONE CONDITION."


class TestMaking:
    @pytest.mark.parametrize("group", [Any, NoneOf])
    def test_refuses_groups_that_say_nothing(self, group: type[Any] | type[NoneOf]) -> None:
        with pytest.raises(InvalidCondition):
            group(())

    def test_refuses_a_value_that_the_operator_cannot_use(self) -> None:
        with pytest.raises(InvalidCondition):
            Test("subject", "contains", 5)

    def test_compares_equal_when_it_means_the_same(self) -> None:
        assert Test("tags", "has_any", ["a", "b"]) == Test("tags", "has_any", ("a", "b", "A"))
