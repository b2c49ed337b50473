"""What one visitor says, and what agents say to them, is seen by that visitor and by agents; notes by agents alone."""

import uuid
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test

from helpdesk import chats
from helpdesk.actions import replies, visitors
from helpdesk.models import Agent, ChatLine, ChatSite, Conversation, Message, Team
from helpdesk.models.tickets import MessageKind
from helpdesk.queries.chat_lines import SPEAKERS, file_of, lines_after, public_lines
from helpdesk.queries.chats import conversations_of
from helpdesk.widget import identity, lookups
from tests import make
from tests.flows.chat_clients import site

pytestmark = pytest.mark.django_db


@pytest.fixture
def sites(support: Team, billing: Team) -> list[ChatSite]:
    return [site(slug="web", team=billing), site(slug="shop", team=billing)]


def greeting(token: str, reference: str = "") -> lookups.Greeting:
    frame = {"token": token, "conversation": reference, "since": 0, "language": "en"}
    return lookups.Greeting.of(frame)


def seen_by(where: ChatSite, token: str, reference: str = "") -> str:
    """Every word that the holder of a token gets, as one text."""
    welcome = lookups.greet(where, greeting(token, reference), now=timezone.now())
    words = [str(welcome.frame)]
    visitor_id = welcome.guest.visitor_id if welcome.guest else None
    for row in conversations_of(visitor_id=visitor_id or 0):
        words += [str(line) for line in lines_after({row.pk: 0}).get(row.pk, ())]
    return "\n".join(words)


class Strangers(RuleBasedStateMachine):
    """Visitors of two channels write, come back, are vouched for, and try each other's doors."""

    sites: list[ChatSite]
    agent: Agent
    everybody = Bundle("everybody")

    def __init__(self) -> None:
        super().__init__()
        self.around: AbstractContextManager[Any] = transaction.atomic()
        self.around.__enter__()
        self.guests: list[tuple[ChatSite, visitors.Guest]] = []
        #: Whose each secret word is: the number of a person, who may be several guests.
        self.owners: dict[str, int] = {}
        self.person_of: list[int] = []
        self.subjects: dict[tuple[int, str], int] = {}

    def teardown(self) -> None:
        """Looked at once, at the end: nothing that was said goes away in between."""
        try:
            self.each_sees_their_own()
        finally:
            transaction.set_rollback(True)
            self.around.__exit__(None, None, None)

    @rule(target=everybody, channel=st.integers(0, 1))
    def come(self, channel: int) -> int:
        where = self.sites[channel]
        token = identity.new_token(where.channel_id)
        self.guests.append((where, visitors.Guest(channel_id=where.channel_id, token=token, language="en")))
        self.person_of.append(len(self.guests) - 1)
        return len(self.guests) - 1

    def _secret(self, person: int) -> str:
        word = f"secret-{uuid.uuid4().hex}"
        self.owners[word] = person
        return word

    @rule(who=everybody, whose=everybody, is_named=st.booleans())
    def say(self, who: int, whose: int, is_named: bool) -> None:
        """Into one's own conversation, or into that of somebody else."""
        _where, guest = self.guests[who]
        other = conversations_of(visitor_id=self.guests[whose][1].visitor_id or 0).first() if is_named else None
        word = self._secret(self.person_of[who])
        words = chats.Words(
            client_id=uuid.uuid4().hex,
            text=word,
            at=timezone.now(),
            guest=guest,
            conversation_id=other.pk if other else 0,
        )
        outcome = chats.say(words=words)
        if other is not None and other.visitor_id != guest.visitor_id:
            assert outcome in {chats.Refused("unknown_conversation"), chats.Refused("bad_token")}

    @rule(who=everybody)
    def answer_and_note(self, who: int) -> None:
        row = conversations_of(visitor_id=self.guests[who][1].visitor_id or 0).first()
        if row is None:
            return
        person = self.person_of[who]
        words = chats.Words(
            client_id=uuid.uuid4().hex,
            text=self._secret(person),
            at=timezone.now(),
            agent_id=self.agent.pk,
            conversation_id=row.pk,
        )
        chats.say(words=words)
        note = f"secret-{uuid.uuid4().hex}"
        self.owners[note] = -1
        replies.note(ticket=row.ticket, agent=self.agent, text=note)

    @rule(who=everybody, subject=st.sampled_from(["u-1", "u-2"]))
    def be_vouched_for(self, who: int, subject: str) -> None:
        where, guest = self.guests[who]
        if guest.subject or not lookups.greet(where, greeting(guest.token), now=timezone.now()).guest:
            return
        former = self.person_of[who]
        token = identity.new_token(where.channel_id)
        visitors.vouch(guest=guest, person=visitors.Person(subject=subject), token=token, at=timezone.now())
        person = self.subjects.setdefault((where.channel_id, subject), former)
        self.person_of = [person if each == former else each for each in self.person_of]
        self.owners = {word: person if each == former else each for word, each in self.owners.items()}

    def each_sees_their_own(self) -> None:
        for number, (where, guest) in enumerate(self.guests):
            for elsewhere in self.sites:
                seen = seen_by(elsewhere, guest.token)
                for word, person in self.owners.items():
                    if word in seen:
                        assert elsewhere.pk == where.pk
                        assert person == self.person_of[number]


class TestVisitors:
    def test_see_nothing_of_each_other_whatever_they_try(self, sites: list[ChatSite], ben: Agent) -> None:
        Strangers.sites, Strangers.agent = sites, ben
        run_state_machine_as_test(
            Strangers,
            settings=settings(
                max_examples=12,
                stateful_step_count=12,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )


@pytest.fixture
def conversation(sites: list[ChatSite]) -> Conversation:
    guest = visitors.Guest(channel_id=sites[0].channel_id, token=identity.new_token(sites[0].channel_id))
    words = chats.Words(client_id="12345678", text="Hello", at=timezone.now(), guest=guest)
    assert isinstance(chats.say(words=words), chats.Stored)
    return Conversation.objects.get()


class TestAnAgentOutsideTheTeam:
    def test_is_told_who_can_take_a_chat(self, conversation: Conversation, dora: Agent, ben: Agent) -> None:
        browser = Client()
        address = reverse("ticket", args=[conversation.ticket.reference])
        browser.force_login(dora)
        outside = browser.get(address).content.decode()
        browser.force_login(ben)
        inside = browser.get(address).content.decode()

        assert "Accept the chat" not in outside
        assert "only members of the team can take it" in outside
        assert "Accept the chat" in inside


class TestTheVisitorsLines:
    def test_never_hold_a_word_of_what_is_internal(self, conversation: Conversation, ben: Agent) -> None:
        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
        @given(
            rows=st.lists(
                st.tuples(st.sampled_from(list(MessageKind)), st.booleans(), st.booleans()), min_size=1, max_size=6
            )
        )
        def whatever_is_in_the_ticket(rows: list[tuple[MessageKind, bool, bool]]) -> None:
            """Even a line that should never have been made for a message shows only what the allow-list lets out."""
            with transaction.atomic():
                hidden = []
                for kind, is_third_party, has_line in rows:
                    word = f"secret-{uuid.uuid4().hex}"
                    message = Message.objects.create(
                        ticket=conversation.ticket,
                        kind=kind,
                        is_third_party=is_third_party,
                        text=word,
                        sender_name=word,
                        subject=word,
                        created_at=timezone.now(),
                    )
                    make_line(conversation, message) if has_line else None
                    if kind not in SPEAKERS or is_third_party or not has_line:
                        hidden.append(word)
                found = lines_after({conversation.pk: 0})[conversation.pk]
                assert not [word for word in hidden if word in str(found)]
                assert [line.sequence for line in found] == list(range(1, len(found) + 1))
                # What goes out at once, without being read again, passes the same allow-list.
                stored = ChatLine.objects.filter(conversation=conversation).select_related("message__agent")
                assert public_lines(list(stored.order_by("sequence")), files={}) == found
                transaction.set_rollback(True)
            conversation.refresh_from_db()

        whatever_is_in_the_ticket()

    def test_go_out_as_they_would_be_read(self, sites: list[ChatSite], ben: Agent) -> None:
        guest = visitors.Guest(channel_id=sites[0].channel_id, token=identity.new_token(sites[0].channel_id))
        ids, at = [uuid.uuid4().hex for _ in range(3)], timezone.now()
        opened = chats.exchange(words=[chats.Words(client_id=ids[0], text="Hello", at=at, guest=guest)])
        (number,) = opened.news
        file = chats.Attached("a.png", "image/png", 3, "0" * 64, 640, 480)
        told = chats.exchange(
            words=[
                chats.Words(client_id=ids[1], text="More", at=at, guest=guest, conversation_id=number),
                chats.Words(
                    client_id=ids[2], text="", at=at, agent_id=ben.pk, conversation_id=number, attached=(file,)
                ),
            ]
        )

        assert [*opened.news[number].lines, *told.news[number].lines] == lines_after({number: 0})[number]
        row = Conversation.objects.get(pk=number)
        assert told.news[number].marks == (row.last_sequence, row.visitor_read, row.agent_read)

    def test_give_files_of_their_own_alone(self, conversation: Conversation, ben: Agent) -> None:
        note = make.message(ticket=conversation.ticket, kind=Message.Kind.NOTE)
        secret = note.attachments.create(filename="a.txt", size=1, blob="0" * 64)
        shown = Message.objects.get(kind=Message.Kind.CUSTOMER).attachments.create(
            filename="b.txt", size=1, blob="0" * 64
        )

        assert file_of(attachment_id=secret.pk, visitor_id=conversation.visitor_id) is None
        assert file_of(attachment_id=shown.pk, visitor_id=conversation.visitor_id + 1) is None
        assert file_of(attachment_id=shown.pk, visitor_id=conversation.visitor_id) == shown


def make_line(conversation: Conversation, message: Message) -> None:
    """A line for a message, whatever it is."""
    from helpdesk.actions import chat_lines

    chat_lines.append([chat_lines.Item(conversation=conversation, message=message)], at=timezone.now())
