"""The form that edits a rule: what it draws, what it reads back, and what it says when something is wrong."""

from typing import Any

import pytest
from django.http import QueryDict
from django.utils import translation

from routing_rules.conditions import to_json
from routing_rules.examination import FailedTest
from routing_rules.forms import RuleForm, catalogue, failure_sentence, sentence
from routing_rules.models import Rule, rule_from_snapshot
from routing_rules.rows import ConditionRow, GroupRow, posted_condition
from routing_rules.vocabulary import EFFECTS, FIELDS

pytestmark = pytest.mark.django_db

CHOICES = {
    "teams": [("billing", "Billing"), ("support", "Support")],
    "agents": [("ben@desk.example", "Ben")],
    "channels": [("support", "Support mailbox")],
    "templates": [("default", "Default")],
    "languages": [("fi", "Finnish"), ("en", "English")],
    "tags": [("vip", "vip")],
}
WHOLE = (
    "name=Invoices&is_enabled=on&is_stop=on&comment=Why+not&reason=Asked+by+Ann&version=4"
    "&c-kind=all&c-0-field=subject&c-0-operator=contains&c-0-value=invoice"
    "&c-7-kind=any&c-7-0-field=language&c-7-0-operator=is_any_of&c-7-0-value=fi&c-7-0-value=en"
    "&c-7-2-field=arrived_at&c-7-2-operator=between&c-7-2-from=08:00&c-7-2-to=16:00&c-7-2-zone=Europe/Helsinki"
    "&c-10-field=arrived_at&c-10-operator=on_days&c-10-days=sat&c-10-days=sun&c-10-zone=Europe/Helsinki"
    "&c-9-field=body&c-9-operator=contains_any&c-9-value=lasku,+kuitti%0D%0Areceipt"
    "&c-11-field=&c-11-operator=contains&c-11-value=left+blank"
    "&e-0-kind=set_team&e-0-value=billing&e-1-kind=add_tag&e-1-value=money&e-2-kind=&e-2-value="
)
CONDITION = {
    "all": [
        {"field": "subject", "operator": "contains", "value": "invoice"},
        {
            "any": [
                {"field": "language", "operator": "is_any_of", "value": ["fi", "en"]},
                {
                    "field": "arrived_at",
                    "operator": "between",
                    "value": {"from": "08:00", "to": "16:00", "zone": "Europe/Helsinki"},
                },
            ]
        },
        {"field": "body", "operator": "contains_any", "value": ["lasku", "kuitti", "receipt"]},
        {"field": "arrived_at", "operator": "on_days", "value": {"days": ["sat", "sun"], "zone": "Europe/Helsinki"}},
    ]
}
EFFECTS_JSON = [{"kind": "set_team", "value": "billing"}, {"kind": "add_tag", "value": "money"}]


def form_of(posted: str) -> RuleForm:
    return RuleForm(QueryDict(posted), choices=CHOICES)


def complaints(posted: str) -> list[str]:
    form = form_of(posted)
    assert not form.is_valid()
    return [str(error) for error in form.non_field_errors()]


def stored(**fields: Any) -> Rule:
    return Rule(**{"id": 1, "name": "Invoices", "condition": CONDITION, "effects": EFFECTS_JSON} | fields)


class TestReading:
    def test_takes_groups_lists_and_times_in_the_order_of_their_numbers(self) -> None:
        form = form_of(WHOLE)

        assert form.is_valid(), form.errors
        assert form.cleaned_data == {
            "name": "Invoices",
            "comment": "Why not",
            "is_enabled": True,
            "is_stop": True,
            "reason": "Asked by Ann",
            "version": 4,
            "condition": CONDITION,
            "effects": EFFECTS_JSON,
            "events": ["ticket_created"],
            "folder": "",
            "once_per_ticket": False,
            "active_from": None,
            "active_until": None,
            "may_trigger": False,
        }

    def test_takes_events_folder_and_moments(self) -> None:
        form = form_of(
            f"{WHOLE}&events=state_changed&events=agent_reply&folder=+Billing+//Reminders/&once_per_ticket=on"
            "&may_trigger=on&active_from=2026-11-01T08:00&active_until=2026-12-01T00:00"
        )

        assert form.is_valid(), form.errors
        data = form.cleaned_data
        assert data["events"] == ["state_changed", "agent_reply"]
        assert data["folder"] == "Billing/Reminders"
        assert (data["once_per_ticket"], data["may_trigger"]) == (True, True)
        assert data["active_from"] < data["active_until"]

    def test_refuses_a_span_that_ends_before_it_begins(self) -> None:
        form = form_of(f"{WHOLE}&active_from=2026-11-01T08:00&active_until=2026-11-01T08:00")

        assert not form.is_valid()
        assert list(form.errors) == ["active_until"]

    def test_takes_a_rule_without_conditions_as_one_for_every_ticket(self) -> None:
        form = form_of("name=All&c-kind=any&e-0-kind=add_tag&e-0-value=new")

        assert form.is_valid(), form.errors
        assert form.cleaned_data["condition"] == {"all": []}

    def test_takes_a_plain_mapping_too(self) -> None:
        data = {"name": "All", "e-0-kind": "set_priority", "e-0-value": "high"}

        assert RuleForm(data, choices=CHOICES).is_valid()

    def test_reads_back_what_it_draws(self) -> None:
        drawn = RuleForm(choices=CHOICES, rule=stored()).group
        posted: dict[str, list[str]] = {}

        def post(row: GroupRow | ConditionRow) -> None:
            if isinstance(row, GroupRow):
                posted[f"{row.prefix}-kind"] = [row.kind]
                for inside in row.rows:
                    post(inside)
            else:
                posted[f"{row.prefix}-field"], posted[f"{row.prefix}-operator"] = [row.field], [row.operator]
                posted.update({f"{row.prefix}-{part}": texts for part, texts in row.texts.items()})

        post(drawn)

        assert to_json(posted_condition(posted).condition()) == CONDITION

    def test_says_the_rule_in_words(self) -> None:
        form = form_of("name=x&is_stop=on&c-kind=all&c-0-field=subject&c-0-operator=is&c-0-value=hi")

        assert form.is_valid()
        assert form.sentence() == "When subject is “hi”, then stop here."


class TestComplaining:
    def test_puts_each_complaint_at_its_row_and_names_all_at_once(self) -> None:
        form = form_of(
            "name=x&c-kind=all&c-0-field=subject&c-0-operator=contains&c-0-value=+"
            "&c-1-field=body&c-1-operator=matches&c-1-value=(&e-0-kind=set_team&e-0-value=billing"
        )

        assert not form.is_valid()
        assert [str(error) for error in form.non_field_errors()] == [
            "Subject: Say which text to look for.",
            "Text: This is not a pattern that can be used: missing ): (.",
        ]
        assert [len(row.errors) for row in form.group.rows] == [1, 1]

    @pytest.mark.parametrize(
        ("posted", "words"),
        [
            ("c-kind=all", "Say what the rule does: at least one action, or “stop here”."),
            ("e-0-kind=set_team&e-0-value=", "Team: Say what to set."),
            ("e-0-kind=make_coffee&e-0-value=1", "There is no such effect."),
            ("e-0-kind=set_team&e-0-value=gone", "Team: “gone” does not exist (any more)."),
            ("e-0-kind=set_priority&e-0-value=huge", "Priority: “huge” does not exist (any more)."),
            (
                "e-0-kind=set_team&e-0-value=billing&e-1-kind=set_team&e-1-value=support",
                "Team: A rule sets this only once.",
            ),
            (
                "is_stop=on&c-0-field=channel&c-0-operator=is_any_of&c-0-value=gone",
                "Channel: “gone” does not exist (any more).",
            ),
            ("is_stop=on&c-0-field=mood&c-0-operator=is&c-0-value=x", "There is no field called “mood”."),
            (
                "is_stop=on&c-0-field=subject&c-0-operator=has_any&c-0-value=x",
                "Subject: The field “subject” has no operator “has_any”.",
            ),
            (
                "is_stop=on&c-0-field=now&c-0-operator=between&c-0-from=08:00&c-0-to=09:00&c-0-zone=Mars",
                "Current time: There is no time zone called “Mars”.",
            ),
            (
                "is_stop=on&c-0-kind=some&c-0-0-field=subject&c-0-0-operator=is_empty",
                "A group is “all”, “any” or “none”",
            ),
            ("is_stop=on&c-0-kind=any", "A group of this kind needs at least one condition."),
            (
                "is_stop=on&c-0-kind=any&c-0-0-kind=any&c-0-0-0-kind=any&c-0-0-0-0-field=subject&c-0-0-0-0-operator=is_empty",
                "Groups go at most 3 deep.",
            ),
        ],
    )
    def test_says_what_to_do(self, posted: str, words: str) -> None:
        assert [complaint[: len(words)] for complaint in complaints(f"name=x&{posted}")] == [words]

    def test_counts_conditions(self) -> None:
        rows = "".join(f"&c-{number}-field=subject&c-{number}-operator=is_empty" for number in range(101))

        assert complaints(f"name=x&is_stop=on{rows}") == ["A rule has at most 100 conditions."]

    def test_asks_for_a_name(self) -> None:
        form = form_of("is_stop=on")

        assert not form.is_valid()
        assert list(form.errors) == ["name"]

    def test_takes_a_tag_that_nobody_has_used_yet(self) -> None:
        assert form_of(
            "name=x&c-0-field=tags&c-0-operator=has_any&c-0-value=new&e-0-kind=add_tag&e-0-value=n"
        ).is_valid()


class TestDrawing:
    def test_shows_a_stored_rule(self) -> None:
        form = RuleForm(choices=CHOICES, rule=stored(is_stop=True))

        assert form.initial["name"] == "Invoices"
        assert form.initial["is_stop"] is True
        assert [row.prefix for row in form.group.rows] == ["c-0", "c-1", "c-2", "c-3"]
        assert form.group.next_prefix == "c-4"
        assert [(row.kind, row.value, row.choices) for row in form.effect_rows] == [
            ("set_team", "billing", "teams"),
            ("add_tag", "money", "tags"),
        ]

    def test_shows_a_rule_that_cannot_be_read_as_far_as_it_can(self) -> None:
        form = RuleForm(choices=CHOICES, rule=stored(condition={"all": [{"field": "mood"}]}))

        assert (form.initial["name"], form.group.rows) == ("Invoices", [])

    def test_describes_the_whole_language(self) -> None:
        described = catalogue(choices=CHOICES)

        assert [field["name"] for field in described["fields"]] == list(FIELDS)
        assert [effect["kind"] for effect in described["effects"]] == [str(kind) for kind in EFFECTS]
        assert described["choices"]["templates"] == [["none", "none"], ["default", "Default"]]
        assert all(operator["label"] for field in described["fields"] for operator in field["operators"])


class TestSentences:
    def test_use_the_names_that_people_know(self) -> None:
        rule = rule_from_snapshot(
            stored(condition={"field": "channel", "operator": "is_any_of", "value": ["support"]}).snapshot()
        )

        assert sentence(rule, choices=CHOICES) == "When channel is Support mailbox, then team Billing, tag money."

    def test_say_why_a_rule_cannot_be_used(self) -> None:
        rule = rule_from_snapshot(stored(effects=[{"kind": "make_coffee", "value": "x"}]).snapshot())

        assert sentence(rule, choices=CHOICES).startswith("This rule can't be used: ")

    def test_are_there_in_finnish(self) -> None:
        failed = FailedTest("subject", "contains", "lasku", None)

        with translation.override("fi"):
            words = failure_sentence(failed, choices=CHOICES)

        assert words == "aihe sisältää ”lasku” – sellaista ei ole"
