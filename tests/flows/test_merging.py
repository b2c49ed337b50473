"""Two contacts become one person and two again: with everything back where it was, whatever happened between."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpdesk.actions import attributes, indexing, merging
from helpdesk.actions.contacts import contact_for, identity_for
from helpdesk.actions.merging import CannotMerge, CannotUndo
from helpdesk.models import (
    Agent,
    Channel,
    Contact,
    ContactValue,
    Conversation,
    Entry,
    Identity,
    Message,
    Rating,
    Team,
    Ticket,
    Visitor,
)
from helpdesk.queries.linking_people import STAYS, Link, all_links, everyone_of, moving_links, root_of
from helpdesk.queries.search import search
from tests import make
from tests.make import NOON
from tests.rows import row_of

pytestmark = pytest.mark.django_db


def links() -> dict[str, dict[int, int | None]]:
    """Which row points at which contact, in every table that follows merges."""
    return {link.label: dict(link.rows.values_list("pk", f"{link.field}_id")) for link in moving_links()}


def people() -> list[dict[str, Any]]:
    """Every contact with its own fields."""
    return [dict(row) for row in Contact.objects.order_by("pk").values()]


@pytest.fixture
def channel(support: Team) -> Channel:
    return make.mailbox("support@desk.example").channel


class Desk:
    """Customers who write, in one line each."""

    def __init__(self, channel: Channel, team: Team) -> None:
        self.channel, self.team = channel, team

    def mail(self, address: str, *, name: str = "") -> Ticket:
        """A mail opens a ticket, as the intake would have it."""
        identity = identity_for(address=address, name=name)
        ticket = make.ticket(channel=self.channel, team=self.team, identity=identity)
        make.message(ticket=ticket, contact=identity.contact, sender_address=address)
        return ticket

    def customer(self, address: str) -> Contact:
        """Somebody who has written once."""
        return identity_for(address=self.mail(address).messages.get().sender_address, name="").contact


@pytest.fixture
def desk(channel: Channel, support: Team) -> Desk:
    return Desk(channel, support)


class TestEveryLinkToAContact:
    def test_is_found(self) -> None:
        labels = {link.label for link in all_links()}

        assert {"helpdesk.Ticket.contact", "helpdesk.Identity.contact", "helpdesk.Visitor.contact"} <= labels
        assert set(STAYS) <= labels, "a link that no longer exists"

    def test_is_a_foreign_key(self) -> None:
        """An id of a contact in a plain column would be forgotten by a merge."""
        loose = [
            f"{model._meta.label}.{field.name}"
            for model in {link.model for link in all_links()}
            for field in model._meta.concrete_fields
            if field.name.startswith("contact_id") and not field.is_relation
        ]
        assert loose == []

    @pytest.mark.parametrize("link", moving_links(), ids=lambda link: link.label)
    def test_follows_a_merge_and_comes_back(self, link: Link, ben: Agent, channel: Channel) -> None:
        kept, folded = Contact.objects.create(name="Ann"), Contact.objects.create(name="Annie")
        row = row_of(link.model, **{link.field: folded})
        before = links()

        merge = merging.merge(kept=kept, folded=folded, by=ben)
        assert list(link.of(folded.pk)) == []
        assert row in link.of(kept.pk)

        merging.undo(merge=merge, by=ben)
        assert links() == before

    @pytest.mark.parametrize("link", moving_links(), ids=lambda link: link.label)
    def test_stays_where_a_unique_key_forbids_to_move(self, link: Link, ben: Agent, channel: Channel) -> None:
        kept, folded = Contact.objects.create(name="Ann"), Contact.objects.create(name="Annie")
        row_of(link.model, **{link.field: kept})
        for others, condition in link._keys():
            twin = link.of(kept.pk).filter(condition).values(*others).first() if others else {}
            if twin is None:
                continue
            row = row_of(link.model, **{link.field: folded}, **twin_values(link, twin))
            before = links()

            merge = merging.merge(kept=kept, folded=folded, by=ben)
            assert row in link.of(folded.pk)

            merging.undo(merge=merge, by=ben)
            assert links() == before


def twin_values(link: Link, twin: dict[str, Any]) -> dict[str, Any]:
    """The columns of one row as another row is made with."""
    found = {link.model._meta.get_field(name): value for name, value in twin.items()}
    return {getattr(field, "attname", field.name): value for field, value in found.items()}


class TestMerge:
    def test_brings_tickets_messages_chats_and_ratings(self, desk: Desk, ben: Agent) -> None:
        kept, ticket = identity_for(address="ann@work.example", name="Ann"), desk.mail("ann@home.example")
        visitor = Visitor.objects.create(channel=desk.channel, contact=ticket.contact, created_at=NOON)
        Conversation.objects.create(ticket=ticket, visitor=visitor, created_at=NOON)
        Rating.objects.create(ticket=ticket, score=2, created_at=NOON, changed_at=NOON)

        folded = identity_for(address="ann@home.example", name="").contact
        merging.merge(kept=kept.contact, folded=folded, by=ben, evidence="she said so")

        assert kept.contact.tickets.get().rating.score == 2
        assert kept.contact.messages.count() == kept.contact.visitors.count() == 1
        assert identity_for(address="ann@home.example", name="").contact == kept.contact
        entry = Entry.objects.get(kind=Entry.Kind.PERSON_CHANGED)
        assert (entry.contact, entry.agent, entry.data["evidence"]) == (kept.contact, ben, "she said so")
        assert ticket.entries.get(kind=Entry.Kind.CONTACT_CHANGED).data["merged_into"] == "Ann"

    def test_leaves_the_journal_as_it_was(self, desk: Desk, ben: Agent) -> None:
        kept, ticket = identity_for(address="ann@work.example", name="Ann"), desk.mail("ann@home.example")
        folded = identity_for(address="ann@home.example", name="").contact
        line = Entry.objects.create(kind=Entry.Kind.TICKET_OPENED, ticket=ticket, contact=folded, created_at=NOON)

        merging.merge(kept=kept.contact, folded=folded, by=ben)

        line.refresh_from_db()
        assert line.contact == folded
        assert root_of(folded) == kept.contact

    def test_refuses_the_same_one_and_one_that_was_merged(self, ben: Agent) -> None:
        ann, bo, cy = (Contact.objects.create(name=name) for name in ("Ann", "Bo", "Cy"))
        merging.merge(kept=ann, folded=bo, by=ben)

        for kept, folded in ((ann, ann), (cy, bo), (bo, cy)):
            with pytest.raises(CannotMerge):
                merging.merge(kept=kept, folded=folded, by=ben)

    def test_fills_gaps_and_keeps_what_is_there(self, ben: Agent) -> None:
        kept = Contact.objects.create(name="Ann", language="fi")
        folded = Contact.objects.create(name="Ann Archer", phone="+358401234567", customer_class="A")

        merge = merging.merge(kept=kept, folded=folded, by=ben)
        kept.refresh_from_db()
        assert (kept.name, kept.language, kept.phone, kept.customer_class) == ("Ann", "fi", "+358401234567", "A")

        merging.undo(merge=merge, by=ben)
        kept.refresh_from_db()
        assert (kept.name, kept.language, kept.phone, kept.customer_class) == ("Ann", "fi", "", "")


class TestTheSearch:
    def test_finds_tickets_by_the_name_of_whose_they_are_now(self, desk: Desk, ben: Agent, dora: Agent) -> None:
        kept, ticket = identity_for(address="ann@work.example", name="Ann Archer").contact, desk.mail("bo@home.example")
        indexing.index_ticket(ticket=ticket)

        def found(name: str) -> list[int]:
            return [hit.ticket.pk for hit in search(agent=dora, query=name).hits]

        merge = merging.merge(kept=kept, folded=identity_for(address="bo@home.example", name="").contact, by=ben)
        assert found("Archer") == [ticket.pk]

        attributes.offer(contact=kept, attribute="name", value="Ann Baker", source="agent", by=ben)
        assert (found("Baker"), found("Archer")) == ([ticket.pk], [])

        merging.undo(merge=merge, by=ben)
        assert found("Baker") == []


class TestUndo:
    def test_takes_what_is_newer_by_the_address_it_came_by(self, desk: Desk, ben: Agent) -> None:
        kept, folded = desk.customer("ann@work.example"), desk.customer("ann@home.example")
        merge = merging.merge(kept=kept, folded=folded, by=ben)
        from_home, from_work = desk.mail("ann@home.example"), desk.mail("ann@work.example")
        assert from_home.contact == kept

        merging.undo(merge=merge, by=ben)

        from_home.refresh_from_db()
        from_work.refresh_from_db()
        assert (from_home.contact, from_work.contact) == (folded, kept)
        assert from_home.messages.get().contact == folded

    def test_leaves_what_a_person_has_moved_since(self, desk: Desk, ben: Agent) -> None:
        kept, ticket = Contact.objects.create(name="Ann"), desk.mail("bo@home.example")
        folded, other = identity_for(address="bo@home.example", name="").contact, Contact.objects.create(name="Cy")
        merge = merging.merge(kept=kept, folded=folded, by=ben)
        Ticket.objects.filter(pk=ticket.pk).update(contact=other)

        merging.undo(merge=merge, by=ben)

        ticket.refresh_from_db()
        assert ticket.contact == other

    def test_leaves_what_came_by_no_address(self, desk: Desk, ben: Agent) -> None:
        kept, folded = Contact.objects.create(name="Ann"), Contact.objects.create(name="Bo")
        merge = merging.merge(kept=kept, folded=folded, by=ben)
        attributes.offer(contact=folded, attribute="phone", value="+358401234567", source="agent", by=ben)

        merging.undo(merge=merge, by=ben)

        kept.refresh_from_db()
        folded.refresh_from_db()
        assert (kept.phone, folded.phone) == ("+358401234567", "")

    def test_works_once(self, ben: Agent) -> None:
        kept, folded = Contact.objects.create(name="Ann"), Contact.objects.create(name="Bo")
        merge = merging.merge(kept=kept, folded=folded, by=ben)
        merging.undo(merge=merge, by=ben)

        with pytest.raises(CannotUndo):
            merging.undo(merge=merge, by=ben)

    def test_is_told_beforehand(self, desk: Desk, ben: Agent) -> None:
        kept, folded = desk.customer("ann@work.example"), desk.customer("ann@home.example")
        merge = merging.merge(kept=kept, folded=folded, by=ben)
        desk.mail("ann@home.example")
        before = links()

        told = merging.would_go_back(merge=merge)

        assert links() == before
        assert told.ids == merging.undo(merge=merge, by=ben).ids
        assert told.count("helpdesk.Ticket.contact") == 2

    def test_does_not_take_what_an_inner_undo_gave_back(self, desk: Desk, ben: Agent) -> None:
        ann, bo, cy = (desk.customer(f"{name}@home.example") for name in ("ann", "bo", "cy"))
        inner = merging.merge(kept=ann, folded=bo, by=ben)
        outer = merging.merge(kept=cy, folded=ann, by=ben)
        merging.undo(merge=inner, by=ben)
        merging.merge(kept=cy, folded=bo, by=ben)

        merging.undo(merge=outer, by=ben)

        assert identity_for(address="bo@home.example", name="").contact == cy
        assert identity_for(address="ann@home.example", name="").contact == ann


class TestCatchUp:
    def test_brings_what_was_under_way_during_the_merge(self, desk: Desk, ben: Agent) -> None:
        kept, folded = Contact.objects.create(name="Ann"), desk.customer("ann@home.example")
        before = links()
        merge = merging.merge(kept=kept, folded=folded, by=ben, at=NOON)
        late = make.ticket(channel=desk.channel, team=desk.team)
        Ticket.objects.filter(pk=late.pk).update(contact=folded)

        assert merging.catch_up(now=NOON + timedelta(seconds=5)) == 1
        assert merging.catch_up(now=NOON + timedelta(seconds=5)) == 0
        late.refresh_from_db()
        assert late.contact == kept

        merge.refresh_from_db()
        merging.undo(merge=merge, by=ben)
        late.refresh_from_db()
        assert late.contact == folded
        assert {**links(), "helpdesk.Ticket.contact": 0} == {**before, "helpdesk.Ticket.contact": 0}


SOURCES = ("agent", "record:shop", "site", "import", "telegram", "claim")
NAMES = st.sampled_from(["", "Ann", "Bo", "Cy"])
WORDS = st.tuples(st.sampled_from(SOURCES), st.sampled_from(["name", "phone", "customer_class"]), st.booleans())
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("merge"), st.integers(0, 4), st.integers(0, 4)),
        st.tuples(st.just("undo"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("mail"), st.integers(0, 4), st.just(0)),
    ),
    max_size=12,
)
SLOW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class TestAnySequenceOfMerges:
    @SLOW
    @given(fields=st.lists(st.tuples(NAMES, NAMES, NAMES), min_size=5, max_size=5), steps=STEPS, data=st.data())
    def test_undone_in_any_order_leaves_everybody_with_their_own(
        self, desk: Desk, ben: Agent, fields: list[tuple[str, str, str]], steps: list[tuple[str, int, int]], data: Any
    ) -> None:
        clear()
        addresses = [f"p{number}@home.example" for number in range(5)]
        owners = [desk.customer(address) for address in addresses]
        for owner, (name, phone, language) in zip(owners, fields, strict=True):
            Contact.objects.filter(pk=owner.pk).update(name=name, phone=phone, language=language)
        known = people()
        standing: list[Any] = []
        for kind, one, other in steps:
            if kind == "mail":
                desk.mail(addresses[one])
            elif kind == "undo" and standing:
                merging.undo(merge=standing.pop(one % len(standing)), by=ben)
            elif kind == "merge":
                kept, folded = (root_of(Contact.objects.get(pk=owners[each].pk)) for each in (one, other))
                if kept != folded:
                    standing.append(merging.merge(kept=kept, folded=folded, by=ben))
        for merge in data.draw(st.permutations(standing)):
            merging.undo(merge=merge, by=ben)

        assert people() == known
        by_address = {address: owner.pk for address, owner in zip(addresses, owners, strict=True)}
        assert {each.value: each.contact_id for each in Identity.objects.all()} == by_address
        for message in Message.objects.select_related("ticket"):
            assert message.contact_id == message.ticket.contact_id == by_address[message.sender_address]

    @SLOW
    @given(fields=st.lists(st.tuples(NAMES, NAMES, NAMES), min_size=2, max_size=2), words=st.lists(WORDS, max_size=6))
    def test_merge_then_undo_is_the_identity(
        self, desk: Desk, ben: Agent, fields: list[tuple[str, str, str]], words: list[tuple[str, str, bool]]
    ) -> None:
        clear()
        kept, folded = (desk.customer(f"p{number}@home.example") for number in range(2))
        for contact, (name, phone, language) in zip((kept, folded), fields, strict=True):
            Contact.objects.filter(pk=contact.pk).update(name=name, phone=phone, language=language)
        for number, (source, attribute, is_first) in enumerate(words):
            at = NOON + timedelta(minutes=number)
            attributes.offer(
                contact=kept if is_first else folded, attribute=attribute, value=f"v{number}", source=source, at=at
            )
        before = people(), links()

        merge = merging.merge(kept=kept, folded=folded, by=ben)
        assert everyone_of(kept.pk) == [kept.pk, folded.pk]
        merging.undo(merge=merge, by=ben)

        assert (people(), links()) == before


def clear() -> None:
    """Hypothesis runs many examples in one transaction."""
    Ticket.objects.all().delete()
    Contact.objects.all().delete()
    assert not ContactValue.objects.exists()


def test_a_handle_that_changed_owner_stays_with_the_former_one(desk: Desk, ben: Agent) -> None:
    kept = Contact.objects.create(name="Ann")
    former = contact_for(kind="mastodon", value="ann@social.example", mark="1", at=NOON)
    merging.merge(kept=kept, folded=former.contact, by=ben)

    other = contact_for(kind="mastodon", value="ann@social.example", mark="2", at=NOON)

    former.refresh_from_db()
    assert former.contact == kept
    assert other.contact != kept
