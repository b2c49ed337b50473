"""Versions of the rule set: what decisions follow, and what happens when two people save at once."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from routing_rules.engine import Outcome, decide
from routing_rules.models import Rule, RuleVersion, StaleRules, current_number, load_ruleset, take_version

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 20, 9, 30, tzinfo=dt.UTC)
INVOICE = {"field": "subject", "operator": "contains", "value": "invoice"}
FACTS = {"subject": "Invoice 17"}


def a_rule(**fields: object) -> Rule:
    defaults = {
        "name": "Invoices",
        "position": 1,
        "condition": INVOICE,
        "effects": [{"kind": "set_team", "value": "billing"}],
    }
    return Rule.objects.create(**(defaults | fields))


def team_now() -> str | None:
    return decide(load_ruleset(), FACTS, NOW).value_of("set_team")


class TestVersions:
    def test_count_from_one(self) -> None:
        assert current_number() == 0

        numbers = [take_version(author_name="Dora", at=NOW).number for _ in range(3)]

        assert (numbers, current_number()) == ([1, 2, 3], 3)

    def test_keep_every_rule_as_it_was_with_author_and_reason(self) -> None:
        rule = a_rule()

        version = take_version(author_name="Dora", reason="Month end", at=NOW)
        rule.delete()

        kept = RuleVersion.objects.get(number=version.number)
        assert (kept.author_name, kept.reason, kept.created_at) == ("Dora", "Month end", NOW)
        assert kept.rules[0]["uid"] == str(rule.uid)
        assert kept.rules[0]["condition"] == INVOICE

    def test_can_be_neither_changed_nor_deleted(self) -> None:
        version = take_version(author_name="Dora")

        with pytest.raises(TypeError):
            version.save()
        with pytest.raises(TypeError):
            version.delete()

    def test_tell_the_second_of_two_authors(self) -> None:
        take_version(author_name="Ben")
        seen = current_number()
        take_version(author_name="Ben", expected_number=seen)

        with pytest.raises(StaleRules) as refused:
            take_version(author_name="Dora", expected_number=seen)

        assert refused.value.number == 2

    def test_keep_a_rule_without_a_name_out(self) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            a_rule(name="")


class TestLoading:
    def test_before_the_first_version_knows_no_rules(self) -> None:
        a_rule()

        assert load_ruleset().rules == ()

    def test_follows_the_newest_version_at_once(self) -> None:
        rule = a_rule()
        take_version(author_name="Dora")
        before = team_now()
        rule.effects = [{"kind": "set_team", "value": "sales"}]
        rule.save()
        unsealed = team_now()
        take_version(author_name="Dora")

        assert (before, unsealed, team_now()) == ("billing", "billing", "sales")

    def test_compiles_a_version_once(self) -> None:
        a_rule()
        take_version(author_name="Dora")

        assert load_ruleset() is load_ruleset()

    def test_is_not_fooled_by_a_version_that_was_rolled_back(self) -> None:
        rule = a_rule()
        with transaction.atomic():
            take_version(author_name="Dora")
            assert team_now() == "billing"
            transaction.set_rollback(True)
        rule.effects = [{"kind": "set_team", "value": "sales"}]
        rule.save()
        take_version(author_name="Dora")

        assert (current_number(), team_now()) == (1, "sales")

    def test_finds_older_versions_for_explanations(self) -> None:
        rule = a_rule()
        take_version(author_name="Dora")
        rule.delete()
        take_version(author_name="Dora")

        assert [loaded.name for loaded in load_ruleset(number=1).rules] == ["Invoices"]
        assert load_ruleset(number=1).version == 1
        with pytest.raises(RuleVersion.DoesNotExist):
            load_ruleset(number=9)

    def test_runs_rules_by_position(self) -> None:
        a_rule(name="second", position=2)
        a_rule(name="first", position=1, effects=[{"kind": "set_team", "value": "sales"}])
        take_version(author_name="Dora")

        assert [rule.name for rule in load_ruleset().rules] == ["first", "second"]

    @pytest.mark.parametrize(
        "damage",
        [
            {"condition": {"field": "mood", "operator": "is", "value": "x"}},
            {"condition": None},
            {"effects": [{"kind": "make_coffee", "value": "x"}]},
            {"effects": "team"},
        ],
    )
    def test_shows_a_rule_that_cannot_be_read_as_invalid_and_runs_the_others(self, damage: dict[str, object]) -> None:
        damaged = a_rule(name="damaged")
        a_rule(name="good", position=2)
        version = take_version(author_name="Dora")
        RuleVersion.objects.filter(pk=version.pk).update(rules=[version.rules[0] | damage, version.rules[1]])

        decision = decide(load_ruleset(), FACTS, NOW)

        assert [(step.rule_name, step.outcome) for step in decision.trace] == [
            (damaged.name, Outcome.INVALID),
            ("good", Outcome.FIRED),
        ]
        assert decision.trace[0].reason
        assert decision.value_of("set_team") == "billing"
