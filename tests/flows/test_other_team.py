"""Every address of the console, opened by agents of another team with the ids of rows that aren't theirs."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from helpdesk import blobs, urls
from helpdesk.actions import promises, replies
from helpdesk.actions.indexing import index_message
from helpdesk.actions.promises import Terms
from helpdesk.console.access import May
from helpdesk.models import (
    Agent,
    Attachment,
    Channel,
    ChatLine,
    Claim,
    Contact,
    ContactNote,
    Conversation,
    Delivery,
    Draft,
    Entry,
    Identity,
    Merge,
    Message,
    Organisation,
    Promise,
    Rating,
    Reminder,
    Role,
    RoutingDecision,
    Segment,
    Tag,
    Team,
    Ticket,
    Visitor,
)
from tests import make
from tests.flows import chat_clients

#: Stands in everything of the ticket that people wrote; what agents note about a customer is for every agent.
SECRET = "zqxsecret"
#: Stands beside it, and is what one searches for: pages repeat the words of a search.
BESIDE = "lighthouse"
GUARDED = [route for route in urls.urlpatterns if route.may is not May.ANYONE]  # type: ignore[attr-defined]
#: Which rows a number in an address means.
ROWS: dict[str, type[Any]] = {
    "message_id": Message,
    "attachment_id": Attachment,
    "contact_id": Contact,
    "promise_id": Promise,
    "reminder_id": Reminder,
    "delivery_id": Delivery,
    "decision_id": RoutingDecision,
    "identity_id": Identity,
    "merge_id": Merge,
    "claim_id": Claim,
    "organisation_id": Organisation,
    "segment_id": Segment,
    "note_id": ContactNote,
    "agent_id": Agent,
    "team_id": Team,
    "channel_id": Channel,
}
#: Words in the addresses of lists.
WORDS = ("mine", "teams", "unassigned", "waiting", "solved", "spam", "all", "chats", "promises", "later")
#: What is asked besides: searches and parts of pages by script.
QUERIES: tuple[dict[str, str], ...] = ({}, {"q": BESIDE}, {"images": "shown"})
#: What forms send: every verb that changes something, and what it needs.
FORMS: tuple[dict[str, str], ...] = (
    {"state": "closed", "priority": "4", "add_tag": "stolen", "owner": "", "text": "stolen", "kind": "note"},
    {"step": "kept", "do": "spam", "to": "mallory@elsewhere.example", "kind": "reply", "text": "stolen", "verb": "x"},
    {"step": "dropped", "when": "tomorrow 9:00", "until": "tomorrow 9:00", "reason": "stolen", "rating": "1"},
)


@pytest.fixture
def theirs(db: None, mailbox: Any, billing: Team, ben: Agent, tech: Team) -> Ticket:
    """A ticket of billing with something of everything: mail, file, note, draft, chat, promise, reminder, rating."""
    if connection.vendor == "sqlite":  # the index is no model: it stays when tests with threads empty the tables
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM helpdesk_search")
    raw = make.mail(
        subject=f"My {SECRET} {BESIDE}", text=f"About my {SECRET} {BESIDE}", message_id="one@customer.example"
    )
    message = make.deliver(mailbox.channel, raw)
    Ticket.objects.filter(pk=message.ticket_id).update(team=billing)
    ticket = Ticket.objects.get(pk=message.ticket_id)
    content = SECRET.encode()
    Attachment.objects.create(
        message=message, filename=f"{SECRET}.txt", content_type="text/plain", size=len(content), blob=blobs.put(content)
    )
    seen = Entry.objects.order_by("-pk").values_list("pk", flat=True)[0]
    replies.reply(
        ticket=ticket, agent=ben, text=f"Your {SECRET} {BESIDE}", to=["ann@customer.example"], seen_cursor=seen
    )
    replies.note(ticket=ticket, agent=ben, text=f"Note: {SECRET} {BESIDE}")
    replies.save_draft(ticket=ticket, agent=ben, kind="note", text=f"Draft: {SECRET}")
    ticket.tags.add(Tag.objects.create(name="ours"))
    Rating.objects.create(ticket=ticket, score=1, comment=SECRET, created_at=make.NOON, changed_at=make.NOON)
    terms = Terms(text=f"Mend the {SECRET}", due_at=timezone.now() + timedelta(days=1), owner=ben)
    promises.make(terms=terms, by=ben, at=timezone.now(), ticket=ticket)
    Promise.objects.update(due_at=make.NOON)
    Reminder.objects.create(
        purpose="ticket", ticket=ticket, agent=ben, text=SECRET, due_at=make.NOON, created_at=make.NOON
    )
    _by_chat(ticket, billing)
    return ticket


def _by_chat(mail: Ticket, team: Team) -> None:
    site = chat_clients.site(team=team)
    page = {"url": f"https://shop.example/{SECRET}", "title": SECRET}
    visitor = Visitor.objects.create(
        channel=site.channel, contact=mail.contact, page=page, pages=[page], created_at=make.NOON
    )
    ticket = Ticket.objects.create(
        channel=site.channel,
        team=team,
        contact=mail.contact,
        subject=SECRET,
        preview=SECRET,
        created_at=make.NOON,
        last_activity_at=make.NOON,
    )
    conversation = Conversation.objects.create(ticket=ticket, visitor=visitor, last_sequence=1, created_at=make.NOON)
    message = make.message(ticket=ticket, contact=mail.contact, text=f"{SECRET} {BESIDE}")
    ChatLine.objects.create(
        conversation=conversation, sequence=1, message=message, author="v1", client_id="c1", created_at=make.NOON
    )
    index_message(message=message)


def browser_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def addresses(route: URLPattern) -> Iterator[str]:
    """The route with every row that there is, in every combination."""
    names = list(route.pattern.converters)
    choices = [_values(name) for name in names]
    for values in itertools.product(*choices):
        yield reverse(str(route.name), kwargs=dict(zip(names, values, strict=True)))


def _values(name: str) -> list[Any]:
    if name == "reference":
        return [each.reference for each in Ticket.objects.all()]
    if name in ROWS:
        return list(ROWS[name]._default_manager.values_list("pk", flat=True)) or [1]
    return list(WORDS) if name == "view" else ["usual"] if name in {"slug", "provider"} else [1]


def showing(client: Client) -> set[str]:
    """The names of the routes that show the secret to whoever is logged in."""
    found = set()
    for route in GUARDED:
        for address in addresses(route):
            for query in QUERIES:
                for headers in ({}, {"HX-Request": "true"}):
                    answer = client.get(address, query, headers=headers)
                    content = answer.getvalue()
                    if SECRET.encode() in content:
                        found.add(str(route.name))
    return found


class TestAnAgentOfAnotherTeam:
    @pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD])
    def test_reads_no_word_of_a_ticket_at_any_address(self, theirs: Ticket, cleo: Agent, role: Role) -> None:
        Agent.objects.filter(pk=cleo.pk).update(role=role)

        assert showing(browser_of(cleo)) == set()

    def test_would_have_been_seen_reading(self, theirs: Ticket, ben: Agent) -> None:
        """The same look finds what the team's own agent reads: else finding nothing would say nothing."""
        assert showing(browser_of(ben)) >= {
            "ticket", "ticket-live", "inbox", "search", "find", "message-text", "message-about", "message-source",
            "message-raw", "attachment", "outgoing-mail", "outgoing-raw", "customer", "customer-beside", "promises",
        }  # fmt: skip

    @pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD])
    def test_changes_nothing_of_a_ticket_at_any_address(self, theirs: Ticket, cleo: Agent, role: Role) -> None:
        Agent.objects.filter(pk=cleo.pk).update(role=role)
        client, before = browser_of(cleo), rows_of_tickets()

        for route in GUARDED:
            for address in addresses(route):
                for form in FORMS:
                    with transaction.atomic():
                        client.post(address, form)
                        after = rows_of_tickets()
                        transaction.set_rollback(True)
                    assert after == before, f"{address} with {form}"


def rows_of_tickets() -> list[Any]:
    """What belongs to tickets, row by row."""
    tables: list[Any] = [
        Ticket,
        Message,
        Attachment,
        Delivery,
        Draft,
        Promise,
        Rating,
        ChatLine,
        Conversation,
        Ticket.tags.through,
    ]
    rows: list[Any] = []
    with connection.cursor() as cursor:
        for model in tables:
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}" ORDER BY 1')
            rows += [(model.__name__, *row) for row in cursor.fetchall()]
    return rows
