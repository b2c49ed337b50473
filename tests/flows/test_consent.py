"""What customers allow: which word counts, and that nothing leaves against it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from helpdesk.actions import consents, mailroom, merging, replies
from helpdesk.actions.consents import Said
from helpdesk.models import (
    Agent,
    AppendOnlyError,
    Channel,
    Consent,
    ConsentSource,
    Contact,
    Delivery,
    Entry,
    Identity,
    LegalBasis,
    Mailbox,
    Purpose,
)
from helpdesk.outbox import deliver_due
from helpdesk.queries.consents import Word, is_allowed, refusing, standing_of, verdicts
from tests import make
from tests.flows.outgoing import NOW, mail_channel, queue

pytestmark = pytest.mark.django_db


def say(contact: Contact, *, allowed: bool, purpose: Purpose = Purpose.SERVICE, kind: str = "email") -> Consent:
    said = Said(
        purpose=purpose,
        channel_kind=kind,
        is_allowed=allowed,
        basis=LegalBasis.CONSENT,
        source=ConsentSource.TICKET,
        proof="wrote it",
    )
    return consents.note(contact=contact, said=said, by=None, at=NOW)


def states() -> list[str]:
    deliver_due(NOW)
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


WORDS = st.lists(st.tuples(st.sampled_from(["", "email", "chat"]), st.booleans()), max_size=6)


class TestTheWordThatCounts:
    @given(WORDS, st.sampled_from(list(Purpose)))
    def test_is_no_when_the_last_said_of_the_kind_is_no(self, said: list[tuple[str, bool]], purpose: Purpose) -> None:
        words = [Word(number, kind, allowed) for number, (kind, allowed) in enumerate([*said, ("email", False)], 1)]

        assert is_allowed(words, purpose=purpose, channel_kind="email") == (False, words[-1])

    @given(WORDS, st.sampled_from(list(Purpose)))
    def test_is_no_when_the_last_of_all_is_no_to_everything(
        self, said: list[tuple[str, bool]], purpose: Purpose
    ) -> None:
        words = [Word(number, kind, allowed) for number, (kind, allowed) in enumerate([*said, ("", False)], 1)]

        assert is_allowed(words, purpose=purpose, channel_kind="email")[0] is False

    @given(WORDS, st.sampled_from(list(Purpose)))
    def test_leaves_another_kind_alone(self, said: list[tuple[str, bool]], purpose: Purpose) -> None:
        words = [Word(number, kind, allowed) for number, (kind, allowed) in enumerate(said, 1)]
        others = [word for word in words if word.channel_kind != "chat"]

        with_chat = is_allowed(words, purpose=purpose, channel_kind="email")

        assert with_chat == is_allowed(others, purpose=purpose, channel_kind="email")

    def test_is_needed_for_marketing_and_not_for_service(self) -> None:
        assert is_allowed((), purpose=Purpose.SERVICE, channel_kind="email") == (True, None)
        assert is_allowed((), purpose=Purpose.MARKETING, channel_kind="email") == (False, None)

    def test_bans_a_kind_until_it_is_lifted_for_that_kind(self) -> None:
        banned = [Word(1, "email", is_allowed=False), Word(2, "", is_allowed=True)]
        lifted = [*banned, Word(3, "email", is_allowed=True)]

        assert is_allowed(banned, purpose=Purpose.NEWS, channel_kind="email") == (False, banned[0])
        assert is_allowed(lifted, purpose=Purpose.NEWS, channel_kind="email") == (True, lifted[2])


class TestAConsent:
    def test_is_written_down_without_a_name_in_the_journal(self, ann: Identity, dora: Agent) -> None:
        said = Said(
            purpose=Purpose.NEWS, is_allowed=False, basis=LegalBasis.CONSENT, source=ConsentSource.PHONE, proof="rang"
        )

        row = consents.note(contact=ann.contact, said=said, by=dora, at=NOW)

        assert (row.basis, row.author, row.proof) == ("objection", dora, "rang")
        data = Entry.objects.get().data
        assert (data["what"], data["name"], data["change"]) == ("consent", f"#{ann.contact.pk}", "refused")
        assert "Ann" not in str(data)

    def test_is_never_changed(self, ann: Identity) -> None:
        row = say(ann.contact, allowed=True)

        with pytest.raises(AppendOnlyError):
            row.save()
        with pytest.raises(AppendOnlyError):
            row.delete()

    def test_stands_for_each_kind_of_channel(self, ann: Identity) -> None:
        mail_channel()
        say(ann.contact, allowed=True, purpose=Purpose.MARKETING, kind="")

        standing = {(each.purpose, each.channel_kind): each.is_allowed for each in standing_of(ann.contact)}

        assert standing == {(purpose, "email"): purpose != Purpose.NEWS for purpose in Purpose}


SAID = st.lists(st.tuples(st.booleans(), st.sampled_from(["", "email", "chat"]), st.booleans()), max_size=6)


class TestWhoWasMerged:
    """The two are one person: one refusal is enough. They are two again: each has their own words."""

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(before=SAID, since=SAID, purpose=st.sampled_from([Purpose.SERVICE, Purpose.NEWS]))
    def test_is_refused_by_either_and_has_their_own_back(
        self, ben: Agent, before: list[tuple[bool, str, bool]], since: list[tuple[bool, str, bool]], purpose: Purpose
    ) -> None:
        Contact.objects.all().delete()
        kept, folded = (make.identity(f"p{number}@customer.example") for number in range(2))
        wanted = {(each.value, purpose.value) for each in (kept, folded)}
        for is_first, kind, allowed in before:
            say((kept if is_first else folded).contact, allowed=allowed, purpose=purpose, kind=kind)
        words = {each.pk: each.contact_id for each in Consent.objects.all()}
        refused = refusing(wanted, channel_kind="email")
        silent = {
            each.contact_id
            for each in (kept, folded)
            if not each.contact.consents.filter(channel_kind__in=("", "email")).exists()
        }

        merge = merging.merge(kept=kept.contact, folded=folded.contact, by=ben)

        told = {(each.value, purpose.value) for each in (kept, folded) if each.contact_id not in silent} & refused
        is_refused = bool(told) if len(silent) < 2 else purpose == Purpose.NEWS
        assert refusing(wanted, channel_kind="email") == (wanted if is_refused else set())
        standing = {(each.purpose, each.channel_kind): each.is_allowed for each in standing_of(kept.contact)}
        assert standing.get((purpose, "email"), not is_refused) is not is_refused

        for _is_first, kind, allowed in since:
            say(kept.contact, allowed=allowed, purpose=purpose, kind=kind)
        if False in [allowed for _who, kind, allowed in since[-1:] if kind in {"", "email"}]:
            assert refusing(wanted, channel_kind="email") == wanted
        Consent.objects.exclude(pk__in=words)._raw_delete(connection.alias)
        merging.undo(merge=merge, by=ben)
        assert {each.pk: each.contact_id for each in Consent.objects.all()} == words
        assert refusing(wanted, channel_kind="email") == refused

    def test_over_several_merges_is_refused_by_any(self, ben: Agent) -> None:
        one, two, three = (make.identity(f"p{number}@customer.example") for number in range(3))
        say(one.contact, allowed=False)
        inner = merging.merge(kept=two.contact, folded=one.contact, by=ben)
        say(two.contact, allowed=False, kind="chat")
        merging.merge(kept=three.contact, folded=two.contact, by=ben)
        say(three.contact, allowed=True, kind="chat")
        wanted = {(three.value, "service")}

        assert refusing(wanted, channel_kind="email") == wanted
        assert refusing(wanted, channel_kind="chat") == set()

        merging.undo(merge=inner, by=ben)
        assert refusing(wanted, channel_kind="email") == set()
        assert refusing({(one.value, "service")}, channel_kind="email") == {(one.value, "service")}


class TestWriting:
    def test_is_warned_before_and_the_reason_stands_by_the_answer_after(
        self, client: Client, mailbox: Mailbox, dora: Agent
    ) -> None:
        message = make.deliver(mailbox.channel, make.mail())
        ticket, contact = message.ticket, message.contact
        assert contact is not None
        client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
        assert "refuses answers" not in client.get(f"/tickets/{ticket.reference}/").content.decode()

        say(contact, allowed=False)

        page = client.get(f"/tickets/{ticket.reference}/").content.decode()
        assert "ann@customer.example refuses answers by mail" in page
        assert f"/customers/{contact.pk}/data/" in page
        cursor = Entry.objects.latest("pk").pk
        replies.reply(ticket=ticket, agent=dora, text="Hello", to=["ann@customer.example"], seen_cursor=cursor)
        deliver_due(timezone.now() + timedelta(minutes=1))
        page = client.get(f"/tickets/{ticket.reference}/").content.decode()
        assert "The customer has refused such messages on this kind of channel." in page

    def test_is_not_by_the_desk_either(self, mailbox: Mailbox) -> None:
        say(make.identity("ann@customer.example", name="Ann").contact, allowed=False)
        make.deliver(mailbox.channel, make.mail())
        acknowledgement = Delivery.objects.get(is_automatic=True)

        deliver_due(timezone.now() + timedelta(minutes=1))

        acknowledgement.refresh_from_db()
        assert (acknowledgement.purpose, acknowledgement.state) == ("service", "cancelled")


class TestWhatIsTold:
    def test_is_one_line_for_all_kinds_that_stand_alike_for_the_same_reason(self, ann: Identity) -> None:
        mail_channel()
        Channel.objects.create(slug="chat", name="Chat", kind=Channel.Kind.CHAT)
        say(ann.contact, allowed=False, purpose=Purpose.FEEDBACK)
        say(ann.contact, allowed=False, purpose=Purpose.MARKETING, kind="")

        told = [
            (each.purpose, [one.channel_kind for one in each.standing], each.is_everywhere, each.is_allowed)
            for each in verdicts(standing_of(ann.contact))
        ]

        assert told == [
            ("service", ["chat", "email"], True, True),
            ("feedback", ["chat"], False, True),
            ("feedback", ["email"], False, False),
            ("news", ["chat", "email"], True, False),
            ("marketing", ["chat", "email"], True, False),
        ]

    def test_of_one_kind_is_not_told_of_every_one(self, ann: Identity) -> None:
        mail_channel()
        say(ann.contact, allowed=False)

        assert not verdicts(standing_of(ann.contact))[0].is_everywhere


class TestSending:
    def test_reaches_whoever_has_said_nothing(self, ann: Identity) -> None:
        queue(mail_channel())

        assert states() == ["sent"]

    def test_stops_at_a_ban_that_came_while_the_mail_waited(self, ann: Identity) -> None:
        delivery = queue(mail_channel())
        say(ann.contact, allowed=False)

        assert states() == ["cancelled"]
        delivery.refresh_from_db()
        assert "refused" in delivery.error
        line = Entry.objects.get(kind=Entry.Kind.DELIVERY_CHANGED)
        assert (line.data["from"], line.data["to"]) == ("sending", "cancelled")

    def test_goes_on_when_the_ban_is_of_another_kind_or_lifted(self, ann: Identity) -> None:
        say(ann.contact, allowed=False, kind="chat")
        say(ann.contact, allowed=False)
        say(ann.contact, allowed=True)
        queue(mail_channel())

        assert states() == ["sent"]

    def test_needs_a_consent_for_marketing(self, ann: Identity) -> None:
        channel = mail_channel()
        queue(channel, purpose="marketing")

        assert states() == ["cancelled"]
        say(ann.contact, allowed=True, purpose=Purpose.MARKETING)
        queue(channel, purpose="marketing")
        assert states() == ["cancelled", "sent"]

    def test_leaves_out_the_one_of_several_who_refuses(self, ann: Identity) -> None:
        queue(mail_channel(), recipients=["Ann@customer.example", "bob@customer.example"])
        say(ann.contact, allowed=False)

        assert states() == ["sent"]
        assert Delivery.objects.get().recipients == ["bob@customer.example"]

    def test_stops_again_what_somebody_sends_again(self, ann: Identity, dora: Agent) -> None:
        delivery = queue(mail_channel(), is_automatic=True, state="held")
        say(ann.contact, allowed=False)
        mailroom.release(delivery=delivery, by=dora, at=NOW)

        assert states() == ["cancelled"]

    def test_asks_with_one_query_whatever_the_number(
        self, ann: Identity, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        others = {make.identity(f"c{number}@customer.example").value for number in range(20)}
        say(ann.contact, allowed=False)
        wanted = {(address, "service") for address in (*others, ann.value)}

        with django_assert_num_queries(1):
            assert refusing(wanted, channel_kind="email") == {(ann.value, "service")}

    def test_of_the_desk_to_its_own_people_asks_nobody(self, ann: Identity) -> None:
        say(ann.contact, allowed=False)
        channel = mail_channel()
        Delivery.objects.create(
            channel=channel,
            recipients=[ann.value],
            recipient=ann.value,
            mime=b"From: support@luotsi.example\r\n\r\nAlarm\r\n",
            is_automatic=True,
            next_attempt_at=NOW,
            created_at=timezone.now(),
        )

        assert states() == ["sent"]
