"""A customer's page and timeline: everything in one order, and of tickets only what the reader's teams have."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.actions import consents, customers, indexing, merging, promises
from helpdesk.actions.consents import Said
from helpdesk.actions.contacts import contact_for
from helpdesk.actions.promises import Terms
from helpdesk.models import (
    Agent,
    Channel,
    ConsentSource,
    Contact,
    ContactNote,
    Entry,
    ExternalRecord,
    ExternalSystem,
    Identity,
    IdentityKind,
    LegalBasis,
    Message,
    Organisation,
    Promise,
    PromiseState,
    Purpose,
    Rating,
    Team,
    Ticket,
)
from helpdesk.queries import timeline
from helpdesk.queries.customers import figures_of
from helpdesk.queries.timeline import Wanted
from helpdesk.queries.timeline_sources import RowItem, Whose
from tests import make
from tests.make import NOON

FRAGMENT = {"HX-Request": "true"}


def client_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def ticket(channel: Channel, billing: Team, ann: Identity) -> Ticket:
    return make.ticket(channel=channel, team=billing, identity=ann, subject="Charged twice")


def rated(ticket: Ticket, score: int) -> None:
    Rating.objects.create(ticket=ticket, score=score, comment="Slow", created_at=NOON, changed_at=NOON)


def record(owner: Identity, **fields: object) -> ExternalRecord:
    shop, _ = ExternalSystem.objects.get_or_create(
        slug="shop", defaults={"name": "Shop", "token_hash": "x", "created_at": NOON}
    )
    values = {"kind": "order", "title": "Order 4417", "state": "shipped", "at": NOON, "put_at": NOON} | fields
    number = str(ExternalRecord.objects.count())
    return ExternalRecord.objects.create(
        system=shop, external_id=number, owner_kind=owner.kind, owner_value=owner.value, **values
    )


def told(message: Message) -> None:
    indexing.index_message(message=message)


class TestTheTimeline:
    def test_has_everything_in_one_order_page_by_page_without_losing_or_doubling_a_line(
        self, channel: Channel, billing: Team, ben: Agent, ann: Identity
    ) -> None:
        for number in range(5):  # three at each moment, so that pages end among equals
            at = NOON - timedelta(days=number // 2)
            make.ticket(channel=channel, team=billing, identity=ann, at=at)
            customers.add_note(contact=ann.contact, text=f"Note {number}", by=ben, at=at)
            record(ann, at=at)
        whose = Whose(contact=ann.contact)
        seen: list[tuple[str, int]] = []
        before = ""
        while True:
            page = timeline.page(agent=ben, whose=whose, wanted=Wanted(before=before), limit=2)
            seen += [(item.kind, item.id) for item in page.items]
            assert [item.at for item in page.items] == sorted((item.at for item in page.items), reverse=True)
            before = page.older
            if not before:
                break

        whole = timeline.page(agent=ben, whose=whose, wanted=Wanted(), limit=50)
        assert seen == [(item.kind, item.id) for item in whole.items]
        assert len(set(seen)) == len(seen) == 15

    def test_shows_only_what_was_asked_for(
        self, channel: Channel, billing: Team, ben: Agent, ann: Identity, ticket: Ticket
    ) -> None:
        make.ticket(channel=channel, team=billing, identity=ann, state="solved")  # type: ignore[arg-type]
        customers.add_note(contact=ann.contact, text="Only by mail", is_agreed=True, by=ben, at=NOON)
        record(ann)
        rated(ticket, 2)

        shown = {
            only: [item.kind for item in _page(ben, ann, only=only).items]
            for only in ("tickets", "open", "rated", "notes", "records")
        }

        assert shown == {
            "tickets": ["ticket", "ticket"], "open": ["ticket"], "rated": ["ticket"], "notes": ["note"],
            "records": ["record"],
        }  # fmt: skip
        assert [item.kind for item in _page(ben, ann, channel="email").items] == ["ticket", "ticket"]
        assert _page(ben, ann, channel="chat").items == ()

    def test_finds_words_of_this_customer_only(
        self, channel: Channel, billing: Team, ben: Agent, ann: Identity, ticket: Ticket
    ) -> None:
        other = make.ticket(channel=channel, team=billing, identity=make.identity("bo@customer.example"))
        for each in (ticket, other):
            told(make.message(ticket=each, text="The propellers rattle since Monday.", contact=each.contact))
        customers.add_note(contact=ann.contact, text="Äänekkäät propellit", by=ben, at=NOON)
        record(ann, title="Propellers, 2 pieces")

        found = _page(ben, ann, query="propeller*").items
        assert [item.id for item in found if item.kind == "ticket"] == [ticket.pk]
        assert [item.kind for item in _page(ben, ann, query="propellers").items] == ["ticket", "record"]
        assert [item.kind for item in _page(ben, ann, query="äänekkäät").items] == ["note"]
        assert [item.id for item in _page(ben, ann, query=ticket.reference).items] == [ticket.pk]
        shown = _page(ben, ann, query="rattle").items[0]
        assert isinstance(shown, timeline.TicketItem)
        assert [span.text for span in shown.excerpt if span.is_hit] == ["rattle"]

    def test_takes_any_key_and_any_filter(self, ben: Agent, ann: Identity, ticket: Ticket) -> None:
        for before in ("x", "ticket.1", "ticket.9-99999999999999999999999", "note.5-1", "🙂.1-1"):
            client = client_of(ben)
            answer = client.get(f"/customers/{ann.contact_id}/", {"before": before, "only": "?", "channel": "?"})
            assert answer.status_code == 200

    def test_of_an_organisation_is_that_of_its_people(
        self, channel: Channel, billing: Team, tech: Team, ben: Agent, ann: Identity, ticket: Ticket
    ) -> None:
        laine = Organisation.objects.create(name="Laine Oy")
        laine.domains.create(name="laine.example")
        Contact.objects.filter(pk=ann.contact_id).update(organisation=laine)
        make.ticket(channel=channel, team=tech, identity=ann)
        make.ticket(channel=channel, team=billing, identity=make.identity("bo@customer.example"))
        customers.add_note(contact=ann.contact, text="Writes for all", by=ben, at=NOON)
        mine, theirs = record(ann), record(ann, domain="laine.example")
        ExternalRecord.objects.filter(pk=theirs.pk).update(owner_kind="", owner_value="")

        page = timeline.page(agent=ben, whose=Whose(organisation=laine), wanted=Wanted())

        assert [(item.kind, item.id) for item in page.items if item.kind == "ticket"] == [("ticket", ticket.pk)]
        assert {item.id for item in page.items if item.kind == "record"} == {mine.pk, theirs.pk}
        assert len(page.items) == 4


def _page(agent: Agent, owner: Identity, **wanted: str) -> timeline.Page:
    return timeline.page(agent=agent, whose=Whose(contact=owner.contact), wanted=Wanted(**wanted))


def lived_with(ann: Identity, ticket: Ticket, by: Agent, *, at: datetime = NOON) -> None:
    """One line of each kind besides tickets, notes and records."""
    terms = Terms(text="Call back about the refund", due_at=at + timedelta(hours=2), owner=by)
    promises.make(terms=terms, by=by, at=at, ticket=ticket)
    no_marketing = Said(
        purpose=Purpose.MARKETING,
        channel_kind="email",
        is_allowed=False,
        basis=LegalBasis.OBJECTION,
        source=ConsentSource.PHONE,
        proof="Please no catalogues",
    )
    consents.note(contact=ann.contact, said=no_marketing, by=by, at=at)
    handle = contact_for(kind=IdentityKind.TELEGRAM, value=f"{Contact.objects.count()}", name="Annie", at=at)
    merging.merge(kept=ann.contact, folded=handle.contact, by=by, evidence="Said so on the phone", at=at)


class TestWhatElseHappened:
    def test_stands_among_the_tickets_and_alone_when_asked_for(self, ben: Agent, ann: Identity, ticket: Ticket) -> None:
        lived_with(ann, ticket, ben)

        assert {item.kind for item in _page(ben, ann).items} == {"ticket", "promise", "consent", "link"}
        for only, words in (
            ("promises", "Call back about the refund"),
            ("consent", "Please no catalogues"),
            ("links", "Annie and Ann"),
        ):
            page = client_of(ben).get(f"/customers/{ann.contact_id}/", {"only": only}).text
            assert words in page.split('<ol class="timeline-of"')[1].split("</ol>")[0]
            assert len(_page(ben, ann, only=only).items) == 1

    @pytest.mark.parametrize(
        ("query", "kind"),
        [
            ("refund", "promise"),
            ("catalogues", "consent"),
            ("MARKETING", "consent"),
            ("annie", "link"),
            ("phone", "link"),
        ],
    )
    def test_is_found_by_its_words(self, ben: Agent, ann: Identity, ticket: Ticket, query: str, kind: str) -> None:
        lived_with(ann, ticket, ben)

        assert [item.kind for item in _page(ben, ann, query=query).items] == [kind]

    def test_comes_page_by_page_without_losing_or_doubling_a_line(
        self, ben: Agent, ann: Identity, ticket: Ticket
    ) -> None:
        for number in range(3):
            lived_with(ann, ticket, ben, at=NOON - timedelta(days=number // 2))
        whose, seen, wanted = Whose(contact=ann.contact), [], Wanted()
        while True:
            page = timeline.page(agent=ben, whose=whose, wanted=wanted, limit=2)
            seen += [(item.kind, item.id) for item in page.items]
            if not page.older:
                break
            wanted = Wanted(before=page.older)

        whole = timeline.page(agent=ben, whose=whose, wanted=Wanted(), limit=50)
        assert seen == [(item.kind, item.id) for item in whole.items]
        assert len(set(seen)) == len(seen) == 10

    def test_tells_another_team_nothing_of_a_promise_in_a_ticket(
        self, ben: Agent, cleo: Agent, ann: Identity, ticket: Ticket
    ) -> None:
        lived_with(ann, ticket, ben)
        terms = Terms(text="Send a calendar", due_at=NOON + timedelta(days=1), owner=ben)
        promises.make(terms=terms, by=ben, at=NOON, contact=ann.contact)

        shown = [item.row.text for item in _page(cleo, ann, only="promises").items if isinstance(item, RowItem)]
        assert shown == ["Send a calendar"]
        assert len(_page(ben, ann, only="promises").items) == 2

    def test_stands_where_a_promise_was_settled_and_says_how(self, ben: Agent, ann: Identity, ticket: Ticket) -> None:
        lived_with(ann, ticket, ben, at=NOON - timedelta(days=3))
        promises.settle(promise=Promise.objects.get(), state=PromiseState.KEPT, by=ben, at=NOON - timedelta(days=1))

        assert [item.at for item in _page(ben, ann, only="promises").items] == [NOON - timedelta(days=1)]
        assert "kept late" in client_of(ben).get(f"/customers/{ann.contact_id}/").text

    def test_keeps_what_happened_to_those_who_were_merged_into_them(
        self, ben: Agent, ann: Identity, ticket: Ticket
    ) -> None:
        lived_with(ann, ticket, ben)
        whole = contact_for(kind=IdentityKind.MASTODON, value="ann@social.example", name="Ann A.", at=NOON)
        merging.merge(kept=whole.contact, folded=ann.contact, by=ben, at=NOON + timedelta(hours=1))

        assert len(_page(ben, whole, only="links").items) == 2

    def test_of_an_organisation_says_whose_it_is(self, ben: Agent, ann: Identity, ticket: Ticket) -> None:
        laine = Organisation.objects.create(name="Laine Oy")
        Contact.objects.filter(pk=ann.contact_id).update(organisation=laine)
        ann.contact.refresh_from_db()
        lived_with(ann, ticket, ben)

        page = timeline.page(agent=ben, whose=Whose(organisation=laine), wanted=Wanted())

        assert {item.kind for item in page.items} == {"ticket", "promise", "consent", "link"}
        assert "Please no catalogues" in client_of(ben).get(f"/organisations/{laine.pk}/").text


class TestACustomersPage:
    def test_shows_another_teams_agent_nothing_of_the_tickets(
        self, cleo: Agent, ben: Agent, ann: Identity, ticket: Ticket
    ) -> None:
        told(make.message(ticket=ticket, text="A secret of billing", contact=ann.contact))
        rated(ticket, 1)

        for agent, is_seen in ((ben, True), (cleo, False)):
            for query in ({}, {"q": "secret"}, {"only": "rated"}, {"only": "open"}):
                page = client_of(agent).get(f"/customers/{ann.contact_id}/", query).text
                assert ("Charged twice" in page, ticket.reference in page) == (is_seen, is_seen)
        assert figures_of(ann.contact, agent=cleo).scores == ()
        assert figures_of(ann.contact, agent=cleo).tickets == 0
        assert figures_of(ann.contact, agent=ben).scores == (1,)

    def test_costs_the_same_number_of_queries_for_any_number_of_tickets(
        self, channel: Channel, billing: Team, ben: Agent, ann: Identity, ticket: Ticket
    ) -> None:
        client = client_of(ben)

        def queries() -> int:
            with CaptureQueriesContext(connection) as asked:
                assert client.get(f"/customers/{ann.contact_id}/").status_code == 200
            return len(asked)

        customers.add_note(contact=ann.contact, text="A note", by=ben, at=NOON)
        record(ann)
        lived_with(ann, ticket, ben)
        queries()
        few = queries()
        for number in range(40):
            rated(make.ticket(channel=channel, team=billing, identity=ann), number % 5 + 1)
            customers.add_note(contact=ann.contact, text="Another note", by=ben, at=NOON)
            record(ann)
        for _more in range(6):
            lived_with(ann, ticket, ben)

        assert queries() == few

    def test_of_somebody_merged_leads_to_who_they_are_now(self, ben: Agent, ann: Identity) -> None:
        now = Contact.objects.create(name="Ann Archer-Smith")
        Contact.objects.filter(pk=ann.contact_id).update(merged_into=now)

        assert client_of(ben).get(f"/customers/{ann.contact_id}/")["Location"] == f"/customers/{now.pk}/"

    def test_hands_a_script_the_next_lines_alone(
        self, channel: Channel, billing: Team, ben: Agent, ann: Identity
    ) -> None:
        for number in range(timeline.PAGE + 1):
            make.ticket(channel=channel, team=billing, identity=ann, subject=f"Number {number}", at=NOON)
        client = client_of(ben)
        page = client.get(f"/customers/{ann.contact_id}/")

        older = page.context["older"] if page.context else page.text.split('hx-get="')[1].split('"')[0]
        rest = client.get(older.replace("&amp;", "&"), headers=FRAGMENT).text

        assert "<html" not in rest
        assert "Number 0" in rest


class TestWhatColleaguesWriteDown:
    def test_stands_beside_the_ticket_agreed_matters_first(self, ben: Agent, ann: Identity, ticket: Ticket) -> None:
        client, where = client_of(ben), f"/customers/{ann.contact_id}/notes/"
        client.post(where, {"text": "Calls at night", "beside": ticket.reference})
        client.post(where, {"text": "Invoices monthly", "agreed": "yes", "beside": ticket.reference})

        page = client.get(f"/tickets/{ticket.reference}/").text

        assert page.index("Invoices monthly") < page.index("Calls at night")
        assert set(ContactNote.objects.values_list("kind", "ticket", "author")) == {
            ("note", ticket.pk, ben.pk),
            ("agreed", ticket.pk, ben.pk),
        }

    def test_is_refused_in_a_sentence_when_there_is_nothing_or_too_much(self, ben: Agent, ann: Identity) -> None:
        where = f"/customers/{ann.contact_id}/notes/"

        for text in ("   ", "x" * 5_001):
            answer = client_of(ben).post(where, {"text": text}, headers=FRAGMENT)
            assert (answer.status_code, "Nothing was written down" in answer.text) == (422, True)
        assert not ContactNote.objects.exists()

    def test_is_ended_and_not_forgotten(self, ben: Agent, cleo: Agent, ann: Identity) -> None:
        note = customers.add_note(contact=ann.contact, text="Prefers the phone", by=ben, at=NOON)
        where = f"/customers/{ann.contact_id}/notes/{note.pk}/end/"

        answer = client_of(cleo).post(where, headers=FRAGMENT)

        assert "Prefers the phone" not in answer.text
        note.refresh_from_db()
        assert note.ended_by == cleo
        assert "Prefers the phone" in client_of(ben).get(f"/customers/{ann.contact_id}/").text
        assert not customers.end_note(note=note, by=ben, at=timezone.now())

    def test_is_journalled_without_its_words(self, ben: Agent, ann: Identity) -> None:
        customers.add_note(contact=ann.contact, text="A private matter", by=ben, at=NOON)

        entry = Entry.objects.get(contact=ann.contact)
        assert (entry.agent, entry.data["change"]) == (ben, "note-added")
        assert "private" not in str(entry.data)

    def test_of_one_customer_cannot_be_ended_through_another(self, ben: Agent, ann: Identity) -> None:
        note = customers.add_note(contact=ann.contact, text="Mine", by=ben, at=NOON)
        other = make.identity("bo@customer.example").contact_id

        assert client_of(ben).post(f"/customers/{other}/notes/{note.pk}/end/").status_code == 404
