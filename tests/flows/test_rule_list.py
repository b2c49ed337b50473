"""The list of rules: folders, search, copies, and how often each has fired."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk.actions import rule_firings
from helpdesk.models import Agent, Channel, FiringCursor, RoutingDecision, RuleDay, Team
from helpdesk.queries.rule_firings import Fired, fired
from routing_rules.models import Rule, current_number
from tests import make
from tests.flows import desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(client: Client, eli: Agent) -> Client:
    client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")
    return client


def places() -> list[tuple[str, str]]:
    return list(Rule.objects.values_list("name", "folder"))


class TestFolders:
    @pytest.fixture
    def made(self, eli: Agent) -> list[Rule]:
        folders = ("", "Billing", "Billing", "Returns")
        return [desk.rule(by=eli, name=name, folder=folder) for name, folder in zip("ABCD", folders, strict=True)]

    def test_head_their_rules_in_the_order_of_asking(self, lead: Client, made: list[Rule]) -> None:
        page = lead.get("/rules/").content.decode()

        assert page.index(">A</a>") < page.index("<h2>Billing</h2>") < page.index(">B</a>")
        assert page.index(">C</a>") < page.index("<h2>Returns</h2>") < page.index(">D</a>")
        assert "/rules/new/?folder=Billing" in page

    @pytest.mark.parametrize(
        ("place", "to", "then"),
        [
            (2, "2:Returns", "A- BBilling CReturns DReturns"),
            (3, "1:Billing", "A- DBilling BBilling CBilling"),
            (0, "1:Billing", "BBilling ABilling CBilling DReturns"),
            (1, "1:", "A- B- CBilling DReturns"),
        ],
    )
    def test_take_rules_of_other_folders(self, lead: Client, made: list[Rule], place: int, to: str, then: str) -> None:
        lead.post(f"/rules/{made[place].pk}/move/", {"to": to})

        assert " ".join(f"{name}{folder or '-'}" for name, folder in places()) == then

    def test_are_entered_by_the_arrows_at_their_edge(self, lead: Client, made: list[Rule]) -> None:
        page = lead.get("/rules/").content.decode()

        for name, values in {"B": ("1:", "2:Billing"), "C": ("1:Billing", "2:Returns"), "D": ("3:Billing", "")}.items():
            row = page.partition(f">{name}</a>")[2]
            assert row.partition('value="')[0]  # the version comes first
            given = [part.partition('"')[0] for part in row.split('name="to" value="')[1:3]]
            assert given[0] == values[0]
            assert values[1] == "" or given[1] == values[1]

    def test_that_are_torn_apart_say_so(self, lead: Client, eli: Agent, made: list[Rule]) -> None:
        lead.post(f"/rules/{made[3].pk}/move/", {"to": "2:Returns"})

        assert lead.get("/rules/").content.decode().count("continued") == 1

    def test_get_a_new_rule_from_their_own_link(self, lead: Client, made: list[Rule]) -> None:
        assert 'name="folder" value="Billing"' in lead.get("/rules/new/?folder=Billing").content.decode()


class TestSearching:
    @pytest.mark.parametrize(
        ("words", "found"), [("bill ALPHA", True), ("yard", True), ("team billing", True), ("alpha nothing", False)]
    )
    def test_looks_at_names_sentences_comments_and_folders(
        self, lead: Client, eli: Agent, billing: Team, words: str, found: bool
    ) -> None:
        desk.rule(by=eli, name="Alpha", folder="Bills", comment="Asked for by the yard")

        page = lead.get("/rules/", {"q": words}).content.decode()

        assert (">Alpha</a>" in page) is found
        assert ("No rule has these words" in page) is not found

    def test_offers_no_moves_among_some_of_the_rules(self, lead: Client, eli: Agent) -> None:
        desk.rule(by=eli, name="Alpha")

        assert "Move “Alpha” up" not in lead.get("/rules/?q=alpha").content.decode()


class TestCopies:
    def test_come_right_behind_and_are_off(self, lead: Client, eli: Agent) -> None:
        first = desk.rule(by=eli, name="A", folder="Billing", is_stop=True)
        desk.rule(by=eli, name="B")

        answer = lead.post(f"/rules/{first.pk}/duplicate/")

        copy = Rule.objects.get(name="A (copy)")
        assert [name for name, _folder in places()] == ["A", "A (copy)", "B"]
        assert (copy.is_enabled, copy.is_stop, copy.folder, copy.condition) == (False, True, "Billing", first.condition)
        assert copy.uid != first.uid
        assert answer["Location"] == f"/rules/{copy.pk}/"
        assert current_number() == 3


class TestHowOften:
    @pytest.fixture
    def rule(self, eli: Agent, billing: Team, channel: Channel) -> Rule:
        rule = desk.rule(by=eli)
        for number in range(3):
            self.deliver(channel, f"{number}@x")
        return rule

    @staticmethod
    def deliver(channel: Channel, message_id: str) -> None:
        make.deliver(channel, make.mail(subject="Invoice", message_id=message_id))
        RoutingDecision.objects.update(created_at=make.NOON)

    def test_is_told_before_and_after_it_is_counted(self, rule: Rule) -> None:
        now = make.NOON + timedelta(hours=1)
        before = fired(now=now)

        rule_firings.count(now=now)
        early = RuleDay.objects.count()
        rule_firings.count(now=now + timedelta(minutes=2))

        assert early == 0
        assert RuleDay.objects.get().times == 3
        assert fired(now=now) == before == {rule.pk: Fired(3, make.NOON)}

    def test_counts_each_decision_once(self, rule: Rule, channel: Channel) -> None:
        now = make.NOON + timedelta(hours=1)
        for minutes in range(0, 12, 2):
            rule_firings.count(now=now + timedelta(minutes=minutes))
            if minutes == 4:
                self.deliver(channel, "again@x")

        assert RuleDay.objects.get().times == 4
        assert FiringCursor.objects.get().counted == RoutingDecision.objects.latest("id").pk

    def test_forgets_what_is_older_than_30_days_but_not_when_it_last_was(self, rule: Rule) -> None:
        now = make.NOON + timedelta(hours=1)
        rule_firings.count(now=now)
        rule_firings.count(now=now + timedelta(minutes=2))

        later = fired(now=now + timedelta(days=31))

        assert later[rule.pk].times == 0
        assert later[rule.pk].last_at == make.NOON

    def test_stands_in_the_list(self, lead: Client, rule: Rule) -> None:
        RoutingDecision.objects.update(created_at=timezone.now())

        assert '<span class="number strong">3×</span>' in lead.get("/rules/").content.decode()
