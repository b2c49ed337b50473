"""Segments: who is in them now, and rules that ask for them."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.actions import segments as actions
from helpdesk.models import Agent, Channel, Contact, Identity, Organisation, Rating, RoutingDecision, Segment, Team
from helpdesk.queries.segments import Criteria, members, segments_of
from tests import make
from tests.flows import desk
from tests.make import NOON

UNHAPPY_A = Criteria(classes=("A",), rating_below=3, rating_days=90)


def client_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def unhappy(dora: Agent) -> Segment:
    return actions.save_segment(segment=None, name="Unhappy A", criteria=UNHAPPY_A, by=dora, at=NOON)


def rated(channel: Channel, team: Team, who: Identity, score: int, at: datetime) -> None:
    ticket = make.ticket(channel=channel, team=team, identity=who, at=at)
    Rating.objects.create(ticket=ticket, score=score, created_at=at, changed_at=at)


def of_class(name: str, who: Identity) -> Identity:
    Contact.objects.filter(pk=who.contact_id).update(customer_class=name)
    who.contact.refresh_from_db()
    return who


class TestTheCriteria:
    def test_ask_for_a_class_with_a_low_rating_of_late(self, channel: Channel, billing: Team) -> None:
        people = {
            name: of_class(kind, make.identity(f"{name}@customer.example"))
            for name, kind in (("bad", "A"), ("good", "A"), ("old", "A"), ("other", "B"), ("firm", ""))
        }
        firm = Organisation.objects.create(name="Firm", customer_class="A")
        Contact.objects.filter(pk=people["firm"].contact_id).update(organisation=firm)
        for name, score, days in (("bad", 2, 89), ("good", 3, 1), ("old", 1, 91), ("other", 1, 1), ("firm", 1, 1)):
            rated(channel, billing, people[name], score, NOON - timedelta(days=days))

        found = set(members(UNHAPPY_A, at=NOON))

        assert found == {people["bad"].contact, people["firm"].contact}

    def test_count_tickets_and_days(self, channel: Channel, billing: Team, ann: Identity) -> None:
        bo = make.identity("bo@customer.example", language="fi")
        for days in (1, 20, 40):
            make.ticket(channel=channel, team=billing, identity=ann, at=NOON - timedelta(days=days),
                        last_customer_message_at=NOON - timedelta(days=days))  # fmt: skip
        make.ticket(channel=channel, team=billing, identity=bo, state="solved",  # type: ignore[arg-type]
                    last_customer_message_at=NOON - timedelta(days=50))  # fmt: skip
        expected = {
            Criteria(tickets_at_least=2, tickets_days=30): {ann.contact_id},
            Criteria(tickets_at_least=3, tickets_days=30): set(),
            Criteria(tickets_at_least=3): {ann.contact_id},
            Criteria(open_at_least=1): {ann.contact_id},
            Criteria(silent_days=30): {bo.contact_id},
            Criteria(channels=("email",)): {ann.contact_id, bo.contact_id},
            Criteria(channels=("chat",)): set(),
            Criteria(languages=("fi",)): {bo.contact_id},
        }

        assert {asked: {each.pk for each in members(asked, at=NOON)} for asked in expected} == expected

    def test_are_looked_up_for_one_customer_in_one_query(
        self, channel: Channel, billing: Team, ann: Identity, unhappy: Segment
    ) -> None:
        rated(channel, billing, of_class("A", ann), 1, NOON)
        among = {f"s{number}": UNHAPPY_A for number in range(20)} | {"silent": Criteria(silent_days=5)}

        with CaptureQueriesContext(connection) as asked:
            found = segments_of(ann.contact, among=among, at=NOON)

        assert (len(asked), found) == (1, frozenset(among))
        assert segments_of(None, among=among, at=NOON) == frozenset()

    def test_survive_what_another_version_stored(self) -> None:
        assert Criteria.of({"classes": ["A"], "shoe_size": 43}) == Criteria(classes=("A",))
        assert Criteria.of(UNHAPPY_A.as_data()) == UNHAPPY_A


class TestARule:
    def test_asks_for_a_segment_and_keeps_what_was_true_then(
        self, channel: Channel, billing: Team, dora: Agent, ann: Identity, unhappy: Segment
    ) -> None:
        rated(channel, billing, of_class("A", ann), 1, timezone.now())
        condition = {"all": [{"field": "segments", "operator": "has_any", "value": [unhappy.slug]}]}
        desk.rule(by=dora, condition=condition)

        mine = make.deliver(channel, make.mail()).ticket
        theirs = make.deliver(channel, make.mail(sender="bo@customer.example"), mail_from="bo@customer.example").ticket

        assert (mine.team == billing, theirs.team == billing) == (True, False)
        facts = [RoutingDecision.objects.get(ticket=each).facts["segments"] for each in (mine, theirs)]
        assert facts == [[unhappy.slug], []]

    def test_keeps_its_segment(self, dora: Agent, eli: Agent, billing: Team, unhappy: Segment) -> None:
        condition = {"any": [{"field": "segments", "operator": "has_none", "value": [unhappy.slug]}]}
        rule = desk.rule(by=dora, condition=condition)

        page = client_of(eli).post(f"/segments/{unhappy.pk}/delete/", follow=True).text
        assert f"the rule “{rule.name}” asks for it" in page

        rule.delete()
        client_of(eli).post(f"/segments/{unhappy.pk}/delete/")
        assert not Segment.objects.exists()


class TestTheirPages:
    def test_make_one_say_it_in_words_and_list_who_is_in_it(
        self, channel: Channel, billing: Team, eli: Agent, ben: Agent, ann: Identity
    ) -> None:
        rated(channel, billing, of_class("A", ann), 1, timezone.now())
        form = {"name": "Unhappy A", "classes": ["A"], "rating_below": "3", "rating_days": "90"}

        where = client_of(eli).post("/segments/new/", form)["Location"]
        page = client_of(ben).get(where).text

        assert "class A · a rating below 3 in 90 days" in page
        assert ("Ann Archer" in page, "1 customer" in page) == (True, True)
        assert "Unhappy A" in client_of(ben).get(f"/customers/{ann.contact_id}/").text

    @pytest.mark.parametrize(
        ("form", "words"),
        [
            ({"name": "All"}, "at least one thing"),
            ({"name": "All", "rating_days": "5"}, "at least one thing"),
            ({"name": "Unhappy A", "open_at_least": "1"}, "Another segment"),
            ({"name": "Odd", "rating_below": "9"}, "less than or equal"),
            ({"name": "Odd", "classes": ["nothing"]}, "nothing is not one"),
        ],
    )
    def test_refuse_what_asks_nothing_or_nonsense(
        self, eli: Agent, unhappy: Segment, form: dict[str, str], words: str
    ) -> None:
        answer = client_of(eli).post("/segments/new/", form)

        assert (answer.status_code, words in answer.text) == (422, True)
        assert Segment.objects.count() == 1
