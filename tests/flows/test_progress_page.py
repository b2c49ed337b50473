"""The progress page: opens by its link alone, and shows nothing that was meant for inside."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpdesk.actions import tickets
from helpdesk.models import Agent, Channel, Delivery, Identity, Message, State, Team, Ticket
from helpdesk.models.tickets import MessageKind
from helpdesk.queries import progress
from tests import make
from tests.flows import desk

SECRET = "Keep this inside"


@pytest.fixture
def ticket(channel: Channel, billing: Team, ann: Identity) -> Ticket:
    row = make.ticket(channel=channel, team=billing, identity=ann, subject="Cannot log in", language="en")
    make.message(ticket=row, text="I cannot log in.", sender_name="Ann Archer")
    return row


def page_of(client: Client, ticket: Ticket, **headers: Any) -> str:
    return client.get(f"/p/{progress.token_for(ticket.pk)}/", **headers).content.decode()


def texts_of(ticket: Ticket, *, now: datetime) -> list[str]:
    """What the page shows of the conversation."""
    found = progress.progress_for(progress.token_for(ticket.pk), now=now)
    assert found is not None
    return [message.text for message in found.messages]


class TestTheLink:
    def test_opens_the_ticket_without_an_account(self, client: Client, ticket: Ticket) -> None:
        page = page_of(client, ticket)

        assert ticket.reference in page
        assert "I cannot log in." in page
        assert "In progress" in page

    @pytest.mark.parametrize(
        "change", [lambda t: t[:-1], lambda t: "9" + t, lambda t: t.split(".")[0], lambda t: t.upper()]
    )
    def test_opens_nothing_when_a_letter_of_it_is_wrong(self, client: Client, ticket: Ticket, change) -> None:  # type: ignore[no-untyped-def]
        token = progress.token_for(ticket.pk)

        answer = client.get(f"/p/{change(token)}/")

        assert answer.status_code == 404
        assert ticket.reference not in answer.content.decode()

    @given(st.text(st.characters(exclude_characters="/", exclude_categories=["C"]), min_size=1, max_size=80))
    def test_cannot_be_made_up(self, token: str) -> None:
        assert progress.ticket_of(token) is None

    def test_opens_only_its_own_ticket(self, ticket: Ticket) -> None:
        number, signature = progress.token_for(ticket.pk).split(".")

        assert progress.ticket_of(f"{int(number) + 1}.{signature}") is None

    def test_survives_a_change_of_the_secret_key(self, ticket: Ticket, settings) -> None:  # type: ignore[no-untyped-def]
        token = progress.token_for(ticket.pk)
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "a new key that is long enough to be one, surely"

        assert progress.ticket_of(token) == ticket.pk

    def test_stays_out_of_indexes_caches_and_referrers(self, client: Client, ticket: Ticket) -> None:
        answer = client.get(f"/p/{progress.token_for(ticket.pk)}/")

        assert "noindex" in answer["X-Robots-Tag"]
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer["Cache-Control"]


class TestWhatIsNeverShown:
    @pytest.mark.django_db
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(kinds=st.lists(st.sampled_from(list(MessageKind)), max_size=6), is_third_party=st.booleans())
    def test_is_whatever_is_neither_the_customers_nor_for_the_customer(
        self, client: Client, ticket: Ticket, ben: Agent, kinds: list[MessageKind], is_third_party: bool
    ) -> None:
        """Property: of any conversation the page shows exactly the public kinds, from people who take part."""
        ticket.messages.all().delete()
        for place, kind in enumerate(kinds):
            make.message(ticket=ticket, kind=kind, text=f"{SECRET} {place}", agent=ben, is_third_party=is_third_party)

        shown = set(texts_of(ticket, now=make.NOON))

        public = {Message.Kind.CUSTOMER, Message.Kind.REPLY, Message.Kind.AUTOMATIC}
        expected = {f"{SECRET} {place}" for place, kind in enumerate(kinds) if kind in public and not is_third_party}
        assert shown == expected

    def test_is_the_inside_of_the_ticket(self, client: Client, ticket: Ticket, ben: Agent) -> None:
        make.message(ticket=ticket, kind=Message.Kind.NOTE, text=SECRET, agent=ben)
        tickets.set_tags(ticket=ticket, names=["difficult-customer"], by=ben)
        tickets.set_owner(ticket=ticket, owner=ben, by=ben)

        page = page_of(client, ticket)

        assert SECRET not in page
        assert "difficult-customer" not in page
        assert "Billing" not in page
        assert ben.email not in page

    def test_is_any_field_that_nobody_has_allowed(self) -> None:
        assert {field.name for field in dataclasses.fields(progress.PublicMessage)} == {
            "is_ours", "is_automatic", "sender", "text", "files", "at",
        }  # fmt: skip
        assert {field.name for field in dataclasses.fields(progress.Progress)} == {
            "reference", "subject", "state", "language", "opened_at", "changed_at", "messages",
        }  # fmt: skip

    def test_is_a_reply_that_can_still_be_taken_back(self, client: Client, ticket: Ticket) -> None:
        delivery = desk.delivery(ticket=ticket)
        early = texts_of(ticket, now=delivery.next_attempt_at - timedelta(seconds=1))
        late = texts_of(ticket, now=delivery.next_attempt_at)

        assert early == ["I cannot log in."]
        assert late == ["I cannot log in.", "Our answer"]

    def test_is_a_reply_that_was_taken_back(self, client: Client, ticket: Ticket) -> None:
        desk.delivery(ticket=ticket, state=Delivery.State.CANCELLED)

        assert "Our answer" not in page_of(client, ticket)

    def test_is_html_of_strangers(self, client: Client, ticket: Ticket) -> None:
        make.message(ticket=ticket, text="<script>alert(1)</script>", html="<img src=x onerror=alert(1)>")

        page = page_of(client, ticket)

        assert "&lt;script&gt;alert(1)" in page
        assert "onerror" not in page


class TestAJoinedTicket:
    def test_shows_where_the_conversation_went_on(self, client: Client, ticket: Ticket, channel: Channel) -> None:
        target = make.ticket(channel=channel, team=ticket.team, subject="Cannot log in either")
        Ticket.objects.filter(pk=target.pk).update(contact=ticket.contact)
        make.message(ticket=target, text="And here it goes on.")
        Ticket.objects.filter(pk=ticket.pk).update(merged_into=target, state=State.CLOSED)

        assert "And here it goes on." in page_of(client, ticket)

    def test_never_shows_another_customers_words(self, client: Client, ticket: Ticket, channel: Channel) -> None:
        other = make.identity("bob@customer.example")
        target = make.ticket(channel=channel, team=ticket.team, identity=other)
        make.message(ticket=target, text="Bob's own affairs")
        Ticket.objects.filter(pk=ticket.pk).update(merged_into=target, state=State.CLOSED)

        page = page_of(client, ticket)

        assert "Bob" not in page
        assert "I cannot log in." in page


class TestItsLanguage:
    def test_is_that_of_the_ticket(self, client: Client, ticket: Ticket) -> None:
        Ticket.objects.filter(pk=ticket.pk).update(language="fi")

        assert '<html lang="fi"' in page_of(client, ticket, HTTP_ACCEPT_LANGUAGE="en")

    def test_is_that_of_the_browser_when_the_desk_does_not_speak_the_tickets(
        self, client: Client, ticket: Ticket
    ) -> None:
        Ticket.objects.filter(pk=ticket.pk).update(language="ja")

        assert '<html lang="fi"' in page_of(client, ticket, HTTP_ACCEPT_LANGUAGE="fi,en;q=0.5")

    def test_can_be_chosen(self, client: Client, ticket: Ticket) -> None:
        page = client.get(f"/p/{progress.token_for(ticket.pk)}/?language=fi").content.decode()

        assert '<html lang="fi"' in page
