"""What can be done to a ticket, and what each change leaves in the journal."""

import pytest
from django.db import IntegrityError, transaction

from helpdesk.actions import tickets
from helpdesk.models import Agent, AppendOnlyError, Channel, Entry, Identity, Priority, State, Team, Ticket
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(channel: Channel, billing: Team, ann: Identity) -> Ticket:
    return make.ticket(channel=channel, team=billing, identity=ann)


class TestSetOwner:
    def test_gives_the_ticket_to_a_member_of_its_team(self, ticket: Ticket, ben: Agent, dora: Agent) -> None:
        tickets.set_owner(ticket=ticket, owner=ben, by=dora)

        entry = Entry.objects.get(kind=Entry.Kind.OWNER_CHANGED)
        assert Ticket.objects.get(pk=ticket.pk).owner == ben
        assert (entry.agent, entry.data) == (dora, {"from": "", "to": "Ben"})

    def test_refuses_who_could_not_see_it(self, ticket: Ticket, cleo: Agent) -> None:
        with pytest.raises(tickets.NotInTeam, match="Cleo isn't a member of Billing"):
            tickets.set_owner(ticket=ticket, owner=cleo, by=None)

    def test_to_the_same_owner_writes_nothing(self, ticket: Ticket) -> None:
        tickets.set_owner(ticket=ticket, owner=None, by=None)

        assert not Entry.objects.exists()


class TestSetTeam:
    def test_takes_the_ticket_from_an_owner_who_is_not_there(self, ticket: Ticket, ben: Agent, tech: Team) -> None:
        tickets.set_owner(ticket=ticket, owner=ben, by=None)

        tickets.set_team(ticket=ticket, team=tech, by=ben)

        ticket.refresh_from_db()
        assert (ticket.team, ticket.owner) == (tech, None)


class TestSetState:
    def test_remembers_when_it_was_solved_and_forgets_it_when_reopened(self, ticket: Ticket, ben: Agent) -> None:
        tickets.set_state(ticket=ticket, state=State.SOLVED, by=ben)
        assert ticket.solved_at is not None

        tickets.set_state(ticket=ticket, state=State.OPEN, by=ben)
        assert ticket.solved_at is None


class TestSetTags:
    def test_writes_what_came_and_went(self, ticket: Ticket, ben: Agent) -> None:
        tickets.set_tags(ticket=ticket, names=["VIP", " refund "], by=ben)
        tickets.set_tags(ticket=ticket, names=["vip"], by=ben)

        assert list(ticket.tags.values_list("name", flat=True)) == ["vip"]
        assert Entry.objects.last().data == {"added": [], "removed": ["refund"]}  # type: ignore[union-attr]


class TestSetPriority:
    def test_is_named_in_the_journal(self, ticket: Ticket, ben: Agent) -> None:
        tickets.set_priority(ticket=ticket, priority=Priority.URGENT, by=ben)

        assert Entry.objects.get().data == {"from": "normal", "to": "urgent"}


class TestJoin:
    def test_moves_messages_and_closes_the_other(
        self, ticket: Ticket, channel: Channel, billing: Team, ann: Identity, ben: Agent
    ) -> None:
        other = make.ticket(channel=channel, team=billing, identity=ann)
        message = make.message(ticket=other)

        tickets.join(ticket=other, into=ticket, by=ben)

        message.refresh_from_db()
        other.refresh_from_db()
        assert message.ticket == ticket
        assert (other.state, other.merged_into) == (State.CLOSED, ticket)

    def test_leaves_no_chain(self, ticket: Ticket, channel: Channel, billing: Team, ben: Agent) -> None:
        first, second = (make.ticket(channel=channel, team=billing) for _ in range(2))
        tickets.join(ticket=first, into=second, by=ben)

        tickets.join(ticket=second, into=ticket, by=ben)

        first.refresh_from_db()
        assert first.merged_into == ticket

    def test_refuses_a_ticket_into_itself(self, ticket: Ticket, ben: Agent) -> None:
        with pytest.raises(tickets.CannotJoin):
            tickets.join(ticket=ticket, into=ticket, by=ben)


class TestTheDatabase:
    """Invariants that hold whatever the code does."""

    @pytest.mark.parametrize(
        "broken", [{"state": "lost"}, {"priority": 9}, {"team_id": None}, {"state": "open", "merged_into_id": 0}]
    )
    def test_refuses_an_impossible_ticket(self, ticket: Ticket, broken: dict[str, object]) -> None:
        broken = {name: ticket.pk if value == 0 else value for name, value in broken.items()}
        with pytest.raises(IntegrityError), transaction.atomic():
            Ticket.objects.filter(pk=ticket.pk).update(**broken)

    def test_has_one_default_team(self, support: Team) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Team.objects.create(slug="other", name="Other", is_default=True)


class TestTheJournal:
    def test_is_append_only(self, ticket: Ticket, ben: Agent) -> None:
        tickets.set_state(ticket=ticket, state=State.SOLVED, by=ben)
        entry = Entry.objects.get()

        with pytest.raises(AppendOnlyError):
            entry.save()
        with pytest.raises(AppendOnlyError):
            entry.delete()

    def test_forgets_what_was_rolled_back(self, ticket: Ticket, ben: Agent) -> None:
        with transaction.atomic():
            tickets.set_state(ticket=ticket, state=State.SOLVED, by=ben)
            transaction.set_rollback(True)

        assert not Entry.objects.exists()
        assert Ticket.objects.get(pk=ticket.pk).state == State.OPEN
