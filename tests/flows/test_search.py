"""Finding tickets: by word, phrase, person, file name, reference; and never those of another team."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.actions import tickets
from helpdesk.actions.indexing import Document, forget, index_all, index_message, index_ticket
from helpdesk.models import Agent, Channel, Identity, Message, State, Team, Ticket
from helpdesk.queries import search_index
from helpdesk.queries.search import COUNT_CAP, REACH, Page, search
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db


def written(ticket: Ticket, text: str, *, minute: int = 0, **fields: object) -> Message:
    """A message of Ann's in the index."""
    fields = {
        "language": "en",
        "new_text": text,
        "subject": ticket.subject,
        "sender_name": "Ann Archer",
        "sender_address": "ann@customer.example",
        "created_at": NOON + timedelta(minutes=minute),
    } | fields
    message = make.message(ticket=ticket, text=text, **fields)  # type: ignore[arg-type]
    index_message(message=message)
    return message


def fill(tickets: list[Ticket], *, messages: int) -> None:
    """Many messages about an invoice, in turn."""
    rows = Message.objects.bulk_create(
        Message(ticket=tickets[n % len(tickets)], kind=Message.Kind.CUSTOMER, created_at=NOON) for n in range(messages)
    )
    index_all(
        documents=[
            Document(message_id=row.pk, ticket_id=row.ticket_id, team_id=row.ticket.team_id, text="invoice")
            for row in rows
        ]
    )


def subjects(page: Page) -> list[str]:
    return [hit.ticket.subject for hit in page.hits]


@pytest.fixture
def invoice(channel: Channel, billing: Team, ann: Identity) -> Ticket:
    ticket = make.ticket(channel=channel, team=billing, identity=ann, subject="Wrong amount")
    written(ticket, "The invoices of May show the wrong amount, please correct them.")
    return ticket


@pytest.fixture
def printer(channel: Channel, tech: Team, ann: Identity) -> Ticket:
    ticket = make.ticket(channel=channel, team=tech, identity=ann, subject="Printer offline")
    written(ticket, "The printer says offline since the invoice run.", minute=1)
    return ticket


@pytest.mark.usefixtures("invoice", "printer")
class TestSearchFinds:
    @pytest.mark.parametrize(
        "query",
        [
            "correct",
            "invoice",
            "INVOICES",
            "invoice wrong",
            '"wrong amount"',
            "corr*",
            "from:ann amount",
            "from:archer amount",
            "ann@customer.example amount",
            "amount is:open",
            "amount is:active team:billing",
            'amount team:"Billing"',
        ],
    )
    def test_a_ticket_by(self, ben: Agent, query: str) -> None:
        assert subjects(search(agent=ben, query=query)) == ["Wrong amount"]

    @pytest.mark.parametrize(
        "query",
        [
            "zebra",
            "amount zebra",
            '"amount wrong"',
            "from:correct",
            "amount is:closed",
            "amount owner:me",
            "amount team:tech",
            "amount team:zebra",
            "",
            "is:zebra",
            "' OR 1=1 --",
            'x" OR "invoice',
        ],
    )
    def test_nothing_by(self, ben: Agent, query: str) -> None:
        assert subjects(search(agent=ben, query=query)) == []

    def test_newest_first(self, dora: Agent) -> None:
        assert subjects(search(agent=dora, query="invoice")) == ["Printer offline", "Wrong amount"]

    def test_a_file_by_its_name(self, ben: Agent, invoice: Ticket) -> None:
        message = make.message(ticket=invoice, text="See the file.")
        message.attachments.create(filename="lasku-2026_05.pdf", size=1, blob="0" * 64)

        index_message(message=message)

        assert subjects(search(agent=ben, query="lasku-2026_05.pdf")) == ["Wrong amount"]

    def test_a_finnish_word_in_another_form(self, ben: Agent, invoice: Ticket) -> None:
        written(invoice, "Laskunne summa on väärä.", language="fi")

        assert subjects(search(agent=ben, query="laskut")) == ["Wrong amount"]

    def test_a_ticket_by_its_new_subject(self, ben: Agent, invoice: Ticket) -> None:
        tickets.set_subject(ticket=invoice, subject="Credit note", by=ben)

        assert subjects(search(agent=ben, query="credit")) == ["Credit note"]
        assert subjects(search(agent=ben, query='"amount"')) == ["Credit note"]

    def test_one_ticket_by_its_reference_whatever_else_mentions_it(self, ben: Agent, invoice: Ticket) -> None:
        other = make.ticket(channel=invoice.channel, team=invoice.team, subject="Other")
        written(other, f"As in {invoice.reference}")

        page = search(agent=ben, query=f" {invoice.reference.lower()} ")

        assert subjects(page) == ["Wrong amount"]
        assert page.hits[0].message_id is None

    def test_tickets_by_filters_alone(self, ben: Agent, invoice: Ticket) -> None:
        tickets.set_owner(ticket=invoice, owner=ben, by=ben)

        assert subjects(search(agent=ben, query="owner:me")) == ["Wrong amount"]
        assert subjects(search(agent=ben, query="is:unassigned")) == []
        assert subjects(search(agent=ben, query="owner:ben is:open")) == ["Wrong amount"]

    def test_what_to_mark_in_the_excerpt(self, ben: Agent) -> None:
        hit = search(agent=ben, query="invoice").hits[0]

        assert [span.text for span in hit.excerpt if span.is_hit] == ["invoices"]
        assert "".join(span.text for span in hit.excerpt).startswith("The invoices of May")


@pytest.mark.usefixtures("invoice", "printer")
class TestSearchKeeps:
    def test_tickets_of_other_teams_hidden(self, cleo: Agent) -> None:
        assert subjects(search(agent=cleo, query="amount")) == []
        assert subjects(search(agent=cleo, query="amount team:billing")) == []
        assert subjects(search(agent=cleo, query="is:open")) == ["Printer offline"]

    def test_references_of_other_teams_hidden(self, cleo: Agent, invoice: Ticket) -> None:
        page = search(agent=cleo, query=invoice.reference)

        assert (page.hits, page.count) == ((), 0)

    def test_the_count_of_other_teams_hidden(self, cleo: Agent) -> None:
        assert search(agent=cleo, query="invoice").count == 1

    def test_an_agent_without_a_team_from_everything(self, db: None) -> None:
        nobody = Agent.objects.create_user("nobody@desk.example", "x", name="Nobody")

        assert search(agent=nobody, query="invoice").hits == ()

    def test_up_when_a_ticket_changes_teams(self, ben: Agent, cleo: Agent, invoice: Ticket, tech: Team) -> None:
        tickets.set_team(ticket=invoice, team=tech, by=None)

        assert subjects(search(agent=ben, query="amount")) == []
        assert subjects(search(agent=cleo, query="amount")) == ["Wrong amount"]

    def test_from_showing_another_team_what_a_stale_document_says(
        self, cleo: Agent, ben: Agent, invoice: Ticket
    ) -> None:
        Ticket.objects.filter(pk=invoice.pk).update(team=Team.objects.get(slug="tech"))

        assert subjects(search(agent=ben, query="amount")) == []

    def test_what_is_forgotten_out(self, ben: Agent, invoice: Ticket) -> None:
        forget(message_ids=list(invoice.messages.values_list("pk", flat=True)))

        assert subjects(search(agent=ben, query="amount")) == []

    def test_one_document_a_message_when_a_ticket_is_indexed_again(self, ben: Agent, invoice: Ticket) -> None:
        index_ticket(ticket=invoice)
        index_ticket(ticket=invoice)

        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM helpdesk_search WHERE ticket = %s", [invoice.pk])
            assert cursor.fetchone() == (1,)

    def test_joined_messages_with_their_new_ticket(self, ben: Agent, invoice: Ticket) -> None:
        other = make.ticket(channel=invoice.channel, team=invoice.team, subject="Reminder")
        tickets.join(ticket=invoice, into=other, by=ben)

        assert subjects(search(agent=ben, query="correct")) == ["Reminder"]


class TestPages:
    @pytest.fixture
    def many(self, channel: Channel, billing: Team) -> list[Ticket]:
        """Seven tickets with two messages each, in turn, so that newer and older messages of a ticket lie apart."""
        rows = [make.ticket(channel=channel, team=billing, subject=f"Ticket {n}") for n in range(7)]
        for turn in range(2):
            for row in rows:
                written(row, "The same invoice again", minute=turn)
        return rows

    def test_show_each_ticket_once(self, ben: Agent, many: list[Ticket]) -> None:
        page = search(agent=ben, query="invoice", limit=2)
        seen = subjects(page)
        while page.has_more:
            page = search(agent=ben, query="invoice", limit=2, before=page.before)
            seen += subjects(page)

        assert seen == [f"Ticket {n}" for n in reversed(range(7))]
        assert page.before == ""

    def test_of_filters_go_on_where_the_last_ended(self, ben: Agent, many: list[Ticket]) -> None:
        first = search(agent=ben, query="is:open", limit=4)
        second = search(agent=ben, query="is:open", limit=4, before=first.before)

        assert subjects(first) + subjects(second) == [f"Ticket {n}" for n in reversed(range(7))]

    def test_count_tickets_and_not_messages(self, ben: Agent, many: list[Ticket]) -> None:
        page = search(agent=ben, query="invoice", limit=2)

        assert (page.count, page.is_count_capped, page.has_more) == (7, False, True)

    @pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "١", "1;2"])
    def test_ignore_a_mark_that_they_did_not_give(self, ben: Agent, many: list[Ticket], before: str) -> None:
        assert len(search(agent=ben, query="invoice", before=before).hits) == 7

    def test_find_few_open_tickets_among_many_closed_ones(self, ben: Agent, many: list[Ticket]) -> None:
        Ticket.objects.exclude(pk=many[0].pk).update(state=State.CLOSED)

        page = search(agent=ben, query="invoice is:open", limit=2)

        assert (subjects(page), page.is_cut_short) == (["Ticket 0"], False)

    def test_say_when_they_stopped_looking(self, ben: Agent, many: list[Ticket]) -> None:
        closed = make.ticket(channel=many[0].channel, team=many[0].team, state=State.CLOSED)
        fill([closed], messages=REACH)

        page = search(agent=ben, query="invoice is:open")

        assert (page.hits, page.is_cut_short) == ((), True)

    def test_cap_the_count(self, ben: Agent, many: list[Ticket]) -> None:
        fill(many, messages=COUNT_CAP)

        page = search(agent=ben, query="invoice", limit=1)

        assert (page.count, page.is_count_capped) == (7, True)


class TestQueries:
    def test_of_one_page_are_few(self, ben: Agent, invoice: Ticket) -> None:
        with CaptureQueriesContext(connection) as queries:
            search(agent=ben, query="invoice")

        assert len(queries) <= 7


class TestWaysOfPostgres:
    """PostgreSQL reads rare words one way and common words another; SQLite has but one, and finds the same."""

    @pytest.mark.parametrize("least", [0, 10**9])
    def test_find_the_same(
        self, dora: Agent, invoice: Ticket, printer: Ticket, least: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(search_index, "WALK_FACTOR", 0)
        monkeypatch.setattr(search_index, "WALK_LEAST", least)

        assert subjects(search(agent=dora, query="invoice", limit=1)) == ["Printer offline"]
        assert subjects(search(agent=dora, query="invoice")) == ["Printer offline", "Wrong amount"]
