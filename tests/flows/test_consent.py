"""What customers allow: which word counts, and that nothing leaves against it."""

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from helpdesk.actions import consents, mailroom
from helpdesk.actions.consents import Said
from helpdesk.models import (
    Agent,
    AppendOnlyError,
    Consent,
    ConsentSource,
    Contact,
    Delivery,
    Entry,
    Identity,
    LegalBasis,
    Purpose,
)
from helpdesk.outbox import deliver_due
from helpdesk.queries.consents import Word, is_allowed, refusing, standing_of
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
