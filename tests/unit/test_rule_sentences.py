"""Rules in words."""

import pytest

from routing_rules.conditions import ALWAYS, All, Any, Condition, NoneOf, Test
from routing_rules.engine import Effect, Rule, compile_rules, explain
from routing_rules.sentences import failure_sentence, own_name, rule_sentence, sentence
from tests.unit.rule_strategies import NOW

INVOICE = Test("subject", "contains", "invoice")
LAINE = Test("sender_domain", "is", "laine.example")
FINNISH = Test("language", "is_any_of", ["fi"])
IT_IS_INVOICE = "subject contains “invoice”"
IT_IS_OPEN = "current time is between 08:00 and 16:30 (Europe/Helsinki)"
SPAN = {"from": "08:00", "to": "16:30", "zone": "Europe/Helsinki"}

CONDITIONS: list[tuple[Condition, str]] = [
    (ALWAYS, "always"),
    (INVOICE, "subject contains “invoice”"),
    (All((INVOICE, LAINE, FINNISH)), f"{IT_IS_INVOICE} and sender's domain is “laine.example” and language is fi"),
    (
        All((INVOICE, Any((LAINE, FINNISH)))),
        f"{IT_IS_INVOICE} and (sender's domain is “laine.example” or language is fi)",
    ),
    (All((Any((LAINE, FINNISH)),)), "sender's domain is “laine.example” or language is fi"),
    (NoneOf((INVOICE, FINNISH)), "none of these: (subject contains “invoice”; language is fi)"),
    (Test("language", "is_none_of", ["fi", "sv", "en"]), "language is none of fi, sv or en"),
    (Test("tags", "has_all", ["vip", "new"]), "tags have all of vip and new"),
    (Test("tags", "has_none", ["vip"]), "tags don't have vip"),
    (Test("body", "contains_any", ["a", "b"]), "text contains any of “a” or “b”"),
    (Test("body", "is_empty"), "text is empty"),
    (Test("has_attachments", "is_true"), "has attachments"),
    (Test("is_automatic", "is_false"), "was not sent by a machine"),
    (Test("arrived_at", "between", SPAN), "time of arrival is between 08:00 and 16:30 (Europe/Helsinki)"),
    (Test("now", "on_days", {"days": ["sun", "sat"], "zone": "UTC"}), "current time is on Saturday or Sunday (UTC)"),
    (Test("now", "before", {"at": "2026-06-01T09:30", "zone": "UTC"}), "current time is before 2026-06-01 09:30 (UTC)"),
    (Test("priority", "is_any_of", ["high", "urgent"]), "priority is any of High or Urgent"),
]


def names(source: str, value: str) -> str:
    return {("teams", "billing"): "Billing", ("languages", "fi"): "Finnish"}.get(
        (source, value), own_name(source, value)
    )


class TestACondition:
    @pytest.mark.parametrize(("condition", "words"), CONDITIONS)
    def test_reads_as_a_sentence(self, condition: Condition, words: str) -> None:
        assert sentence(condition) == words


class TestARule:
    def test_reads_as_a_sentence_with_the_names_that_people_know(self) -> None:
        effects = (Effect("set_team", "billing"), Effect("set_priority", "high"))
        rule = Rule(1, "Invoices", Any((INVOICE, FINNISH)), effects, is_stop=True)

        assert (
            rule_sentence(rule, name_of=names)
            == "When subject contains “invoice” or language is Finnish, then team Billing, priority High, stop here."
        )

    def test_without_conditions_says_so(self) -> None:
        rule = Rule(1, "All", ALWAYS, (Effect("set_acknowledgement", "none"),))

        assert rule_sentence(rule) == "For every ticket: acknowledgement none."


class TestAFailure:
    @pytest.mark.parametrize(
        ("condition", "facts", "words"),
        [
            (INVOICE, {"subject": "Printer"}, "subject contains “invoice” – it is “Printer”"),
            (INVOICE, {}, "subject contains “invoice” – there is none"),
            (NoneOf((INVOICE,)), {"subject": "Invoice"}, "subject contains “invoice”, which must not be so"),
            (FINNISH, {"language": "sv"}, "language is Finnish – it is sv"),
            (Test("tags", "has_any", ["vip"]), {"tags": {"b", "a"}}, "tags have vip – it is a, b"),
            (Test("has_attachments", "is_true"), {"has_attachments": False}, "has attachments – it is not so"),
            (Test("now", "between", SPAN), {}, f"{IT_IS_OPEN} – it is 2026-03-29 04:30"),
        ],
    )
    def test_says_what_was_wanted_and_what_was_there(
        self, condition: Condition, facts: dict[str, object], words: str
    ) -> None:
        failed = explain(compile_rules([Rule(1, "r", condition)]), facts, NOW)[0].failed

        assert failed is not None
        assert failure_sentence(failed, name_of=names) == words
