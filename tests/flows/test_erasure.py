"""Erasing a person: nothing of them is left, nothing of others is lost, and the books still balance."""

import contextlib
import io
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone
from pytest_django import Settings

from helpdesk import blobs, erasures
from helpdesk.actions import consents, identities, promises, reminders, spam
from helpdesk.actions.consents import Said
from helpdesk.actions.contacts import contact_for, retire
from helpdesk.actions.erasing import ledger, tickets
from helpdesk.actions.erasing.sweep import swept_models, word_fields
from helpdesk.actions.erasing.task import Task, contacts_of, names_of
from helpdesk.actions.promises import Terms
from helpdesk.log_lines import Discreet
from helpdesk.models import (
    Agent,
    Channel,
    Claim,
    ConsentSource,
    Contact,
    Entry,
    Erasure,
    ErasureReason,
    Identity,
    LegalBasis,
    Mailbox,
    Message,
    Promise,
    Purpose,
    Reminder,
    ServiceClock,
    SocialPost,
    Suppression,
    Team,
    Ticket,
    Visitor,
)
from helpdesk.outbox import deliver_due
from helpdesk.queries import ledger as books
from helpdesk.queries.invariants.proof import prove
from helpdesk.queries.linking_suggestions import suggestions_for
from tests import make
from tests.flows import canary
from tests.rows import row_of

whole_database = pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)


def erase(contact: Contact, *, by: Agent) -> Erasure:
    contacts = contacts_of(contact)
    erasure = erasures.ask(
        contacts=contacts, names=names_of(contacts), reason=ErasureReason.ASKED, by=by, at=timezone.now()
    )
    erasures.run_due(canary.now())
    erasure.refresh_from_db()
    return erasure


def broken() -> list[str]:
    proofs = prove(books.invariants(is_deep=True), now=timezone.now())
    return [f"{proof.invariant.number}: {finding}" for proof in proofs for finding in proof.findings]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the desk writes to its log, in the form of its settings."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Discreet(fmt="{name}: {message}", style="{"))
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


@whole_database
class TestTheCanary:
    def test_is_nowhere_afterwards(
        self, mailbox: Mailbox, billing: Team, ben: Agent, dora: Agent, tmp_path: Path, log: io.StringIO
    ) -> None:
        contact = canary.appear(mailbox=mailbox, team=billing, agent=ben, admin=dora)
        deliver_due(canary.now())
        logging.getLogger("helpdesk.outbox").warning("delivery 7: failed: 550 no %s here", canary.ADDRESS)
        places = {trace.split(":")[0] for trace in canary.in_database()}
        assert len(places) > 40, "the canary has to be everywhere first"
        assert len(canary.in_files(tmp_path)) > 10
        assert canary.in_search_index()
        before = books.counts()
        assert broken() == []

        erasure = erase(contact, by=dora)

        assert erasure.state == "done"
        left = canary.in_database()
        assert not left, "\n".join(left)
        assert canary.in_files(tmp_path) == []
        assert canary.in_search_index() == []
        assert [line for line in log.getvalue().splitlines() if list(canary.traces_in(line))] == []
        assert (erasure.report["left"], erasure.signs) == (0, "")
        assert broken() == []
        assert {name: count for name, count in books.counts().items() if "cancelled" not in name} == {
            name: count for name, count in before.items() if "cancelled" not in name
        }
        if connection.vendor == "sqlite":
            name = Path(str(connection.settings_dict["NAME"]))
            raw = b"".join(path.read_bytes() for path in name.parent.glob(f"{name.name}*")).lower()
            assert [trace for trace in canary.TRACES if trace.encode() in raw] == []


#: Columns that hold files and raw mail, or what only `canary.appear` can make fit together.
ELSEWHERE = frozenset({"InboundEvent", "Delivery", "Message", "Attachment", "ChatUpload", "Ticket", "Identity"})


def fitting(model: type[models.Model]) -> dict[str, Any]:
    """What the constraints of a table want besides the column that is tried."""
    match model.__name__:
        case "Assignment" | "Draft" | "Entry" | "Promise" | "QueuePlace":
            return {"ticket": row_of(Ticket)}
        case "ChatLine" | "SocialPost":
            return {"message": row_of(Message)}
        case "ClockChange":
            return {"clock": row_of(ServiceClock, state="done")}
        case "ExternalRecord":
            return {"domain": "b.example"}
        case "SocialPart":
            return {"post": row_of(SocialPost, message=row_of(Message))}
        case "Merge":
            return {"kept": row_of(Contact), "folded": row_of(Contact)}
        case "Rating":
            return {"score": 3}
        case "Reminder":
            return {"ticket": row_of(Ticket), "purpose": "ticket"}
    return {}


def planted() -> dict[str, int]:
    """The canary in every column of words there is, in rows that hang on nobody of theirs; rows by column."""
    make.identity("bob@b.example", name="Bob")
    found: dict[str, int] = {}
    for model in (each for each in swept_models() if each.__name__ not in ELSEWHERE):
        for field in word_fields(model):
            size = field.max_length or 1_000
            if field.choices or field.name in {"blob", "token_hash"} or size < len(canary.PHONE):
                continue
            said = [each for each in (canary.NAME, canary.ADDRESS, canary.PHONE) if len(each) <= size]
            is_json = field.get_internal_type() == "JSONField"
            for word in [{"who": said, canary.ADDRESS: canary.NAME}] if is_json else [each.lower() for each in said]:
                # A word that is there once, or only lower case: the next one fits.
                with contextlib.suppress(IntegrityError), transaction.atomic():
                    row_of(model, **{**fitting(model), field.name: word})
                    found[f"{model.__name__}.{field.name}"] = found.get(f"{model.__name__}.{field.name}", 0) + 1
    return found


@pytest.mark.django_db
class TestEveryColumnOfEveryTable:
    def test_is_looked_through(self, support: Team, dora: Agent) -> None:
        theirs = make.identity(canary.ADDRESS, name=canary.NAME).contact
        Contact.objects.filter(pk=theirs.pk).update(phone=canary.PHONE)
        rows = planted()
        every = {
            f"{model.__name__}.{field.name}"
            for model in swept_models()
            for field in word_fields(model)
            if model.__name__ not in ELSEWHERE and not field.choices and (field.max_length or 1_000) >= 40
        }
        assert every - rows.keys() == {"ExternalSystem.token_hash", "VisitorToken.token_hash"}
        assert len(rows) > 100
        assert len(canary.in_database()) > len(rows)

        erasure = erase(theirs, by=dora)

        assert erasure.state == "done"
        assert canary.in_database() == []
        assert erasure.report["left"] == 0


@pytest.mark.django_db
class TestAClaim:
    """To an address of the person, which somebody else has made; and the person's own, to somebody else's."""

    def test_of_others_goes_and_is_suggested_no_more(self, ann: Identity, dora: Agent) -> None:
        bob = make.identity("bob@b.example", name="Bob").contact
        Contact.objects.filter(pk=ann.contact_id).update(phone="040 123 4567")
        said: dict[str, Any] = {"source": "chat", "evidence": "wrote-it", "at": make.NOON}
        identities.claim(contact=bob, kind="email", value="Ann@customer.example", **said)
        identities.claim(contact=bob, kind="phone", value="+358 40 1234567", **said)
        theirs = identities.claim(contact=bob, kind="email", value="bobs.own@b.example", **said)

        erasure = erase(ann.contact, by=dora)

        assert list(Claim.objects.all()) == [theirs]
        assert erasure.report["counts"]["claims of others"] == 2
        assert suggestions_for(bob) == []

    def test_of_their_own_is_searched_for_where_nobody_else_has_it(
        self, mailbox: Mailbox, ann: Identity, dora: Agent
    ) -> None:
        bob = make.mail(sender="Bob <bob@b.example>", text="Ask Ann: 040-123 45 67, ann.private@home.example")
        message = make.deliver(mailbox.channel, bob, mail_from="bob@b.example")
        said: dict[str, Any] = {"contact": ann.contact, "source": "chat", "evidence": "wrote-it", "at": make.NOON}
        for kind, value in (("email", "ann.private@home.example"), ("phone", "+358 40 123 4567")):
            identities.claim(kind=kind, value=value, **said)
        identities.claim(kind="email", value="bob@b.example", **said)

        erase(ann.contact, by=dora)

        message.refresh_from_db()
        assert "123 45 67" not in message.said
        assert "ann.private" not in message.said
        assert message.sender_address == "bob@b.example"


@pytest.mark.django_db
class TestWhatThePersonRefused:
    def test_holds_when_the_address_turns_up_again(self, mailbox: Mailbox, ann: Identity, dora: Agent) -> None:
        Identity.objects.filter(pk=ann.pk).update(blocked_at=make.NOON)
        for kind, purpose, is_allowed in (("", Purpose.SERVICE, False), ("email", Purpose.NEWS, True)):
            said = Said(purpose=purpose, channel_kind=kind, is_allowed=is_allowed, basis=LegalBasis.CONSENT,
                        source=ConsentSource.FORM, proof="Ann's own words")  # fmt: skip
            consents.note(contact=ann.contact, said=said, by=dora, at=make.NOON)

        erasure = erase(ann.contact, by=dora)

        assert erasure.report["counts"]["refusals kept"] == 2
        assert "customer.example" not in str(list(Suppression.objects.values()))
        message = make.deliver(mailbox.channel, make.mail())
        again = Identity.objects.get(value=ann.value)
        assert (message.ticket.state, again.blocked_at) == ("spam", make.NOON)
        words = [(each.purpose, each.is_allowed, each.source, each.given_at) for each in again.contact.consents.all()]
        assert words == [("service", False, "kept", make.NOON)]
        assert not Suppression.objects.exists()

    def test_does_not_hold_once_it_is_lifted(self, mailbox: Mailbox, ann: Identity, dora: Agent) -> None:
        Identity.objects.filter(pk=ann.pk).update(blocked_at=make.NOON)
        erase(ann.contact, by=dora)
        again = make.deliver(mailbox.channel, make.mail())
        spam.clear(ticket=again.ticket, by=dora)
        assert again.contact is not None

        erase(again.contact, by=dora)

        assert not Suppression.objects.exists()
        assert contact_for(kind="email", value=ann.value, at=make.NOON).blocked_at is None

    def test_is_known_by_the_key_that_the_desk_had_before(self, ann: Identity, dora: Agent, settings: Settings) -> None:
        Identity.objects.filter(pk=ann.pk).update(blocked_at=make.NOON)
        erase(ann.contact, by=dora)
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = (
            [settings.SECRET_KEY],
            "another key, as long as the first was",
        )

        assert contact_for(kind="email", value=ann.value, at=make.NOON).blocked_at == make.NOON

    def test_leaves_no_mark_of_who_refused_nothing(self, ann: Identity, dora: Agent) -> None:
        erase(ann.contact, by=dora)

        assert not Suppression.objects.exists()


@pytest.mark.django_db
class TestAnAddressThatWasGivenAway:
    def test_stays_its_new_owners(self, mailbox: Mailbox, dora: Agent) -> None:
        number: dict[str, Any] = {"kind": "whatsapp", "value": "+358401234567", "at": make.NOON}
        ann = contact_for(**number, name="Ann", mark="fi.1")
        retire(identity=ann, at=make.NOON)
        bob = contact_for(**number, name="Bob", mark="fi.2")

        erase(ann.contact, by=dora)

        assert [(each.value, each.contact) for each in Identity.objects.all()] == [("+358401234567", bob.contact)]


class TestAskingForIt:
    @pytest.mark.django_db
    def test_is_for_admins_only(self, ann: Identity, ben: Agent, eli: Agent) -> None:
        for agent in (ben, eli):
            with pytest.raises(erasures.NotAllowed):
                erasures.ask(contacts=[ann.contact_id], names=[], reason=ErasureReason.ASKED, by=agent, at=make.NOON)

        assert not Erasure.objects.exists()

    @pytest.mark.django_db
    def test_is_in_the_journal_without_a_name(self, ann: Identity, dora: Agent) -> None:
        erasure = erase(ann.contact, by=dora)

        lines = [(entry.agent, entry.data) for entry in Entry.objects.filter(kind="settings-changed")]
        about = {"what": "personal data", "name": f"#{erasure.pk}"}
        assert lines == [(dora, {**about, "change": "erasure asked for"}), (dora, {**about, "change": "erased"})]


@pytest.mark.django_db
class TestWhatWasPromised:
    def test_is_owed_to_nobody_and_stands_in_no_words(self, mailbox: Mailbox, ben: Agent, dora: Agent) -> None:
        message, now = make.deliver(mailbox.channel, make.mail()), timezone.now()
        later, ticket = now + timedelta(hours=1), message.ticket
        terms = Terms(text="Call the lady with the red boat", due_at=later, owner=None)
        promises.make(terms=terms, by=ben, at=now, ticket=ticket)
        reminders.remind(ticket=ticket, agent=ben, due_at=later, at=now, text="The red boat")
        assert message.contact is not None

        erase(message.contact, by=dora)

        assert not Promise.objects.exists()
        reminder = Reminder.objects.get()
        assert (reminder.text.startswith("[erased "), reminder.outcome) == (True, "")
        assert "red boat" not in str(list(Entry.objects.values_list("data", flat=True)))


@pytest.mark.django_db
class TestOthers:
    def test_keep_their_words_where_the_person_wrote_too(self, mailbox: Mailbox, dora: Agent) -> None:
        bill = make.mail(sender="Bob <bob@b.example>", text="Where is my bill?", message_id="bob-1@b.example")
        bob = make.deliver(mailbox.channel, bill, mail_from="bob@b.example")
        text = f"On Monday Bob wrote:\n> Where is my bill?\n\nAnn here [{bob.ticket.reference}]"
        ann = make.mail(text=text, in_reply_to="bob-1@b.example", message_id="ann-1@customer.example")
        theirs = make.deliver(mailbox.channel, ann)
        assert theirs.ticket == bob.ticket

        erase(Contact.objects.get(identities__value="ann@customer.example"), by=dora)

        bob.refresh_from_db()
        theirs.refresh_from_db()
        assert bob.said.strip() == "Where is my bill?"
        assert theirs.text.startswith("[erased ")
        assert Ticket.objects.get().contact == bob.contact

    def test_are_not_taken_for_the_person_by_part_of_an_address(self, mailbox: Mailbox, dora: Agent) -> None:
        ann = make.deliver(mailbox.channel, make.mail()).contact
        other = make.mail(sender="Joann <joann@customer.example>", text="Ask ann@customer.example.org or Annabel")
        joann = make.deliver(mailbox.channel, other, mail_from="joann@customer.example")
        assert ann is not None

        erase(ann, by=dora)

        joann.refresh_from_db()
        assert joann.sender_address == "joann@customer.example"
        assert joann.said.strip() == "Ask ann@customer.example.org or Annabel"

    def test_keep_an_address_that_the_person_only_claimed(self, mailbox: Mailbox, ann: Identity, dora: Agent) -> None:
        bob = make.identity("bob@b.example", name="Bob")
        site = Channel.objects.create(slug="web", name="Web", kind="chat")
        Visitor.objects.create(channel=site, contact=ann.contact, claimed_address=bob.value, created_at=make.NOON)

        erase(ann.contact, by=dora)

        assert list(Identity.objects.values_list("value", flat=True)) == [bob.value]

    def test_keep_a_file_that_they_sent_first(self, mailbox: Mailbox, dora: Agent) -> None:
        parts = {"subject": "Logo", "filename": "logo.txt"}
        logo = canary.with_file("Ours", sender="Bob <bob@b.example>", **parts)
        bob = make.deliver(mailbox.channel, logo, mail_from="bob@b.example")
        same = canary.with_file("Mine", sender=canary.SENDER, Message_ID="<z@b.example>", **parts)
        theirs = make.deliver(mailbox.channel, same, mail_from=canary.ADDRESS).contact
        assert theirs is not None

        erase(theirs, by=dora)

        assert blobs.get(bob.attachments.get().blob) == canary.FILE


@pytest.mark.django_db
class TestARun:
    def test_waits_for_mail_of_the_person_that_is_still_to_be_read(
        self, mailbox: Mailbox, ann: Identity, dora: Agent
    ) -> None:
        make.arrive(mailbox.channel, make.mail())

        assert erase(ann.contact, by=dora).state == "waiting"

        make.process_all()
        erasures.run_due(canary.now() + erasures.PAUSE)
        assert Erasure.objects.get().state == "done"
        assert not Identity.objects.exists()

    def test_waits_until_no_row_can_be_about_to_name_a_file(self, mailbox: Mailbox, dora: Agent) -> None:
        ann = make.deliver(mailbox.channel, make.mail()).contact
        assert ann is not None
        erasures.ask(contacts=[ann.pk], names=[], reason=ErasureReason.ASKED, by=dora, at=timezone.now())

        assert erasures.run_due(timezone.now()) == 0

        assert (Erasure.objects.get().state, Erasure.objects.get().step) == ("waiting", "sweep")
        assert erasures.run_due(canary.now()) == 1

    def test_goes_on_after_a_crash_where_it_was(self, mailbox: Mailbox, dora: Agent) -> None:
        ann = make.deliver(mailbox.channel, make.mail()).contact
        assert ann is not None
        asked = erasures.ask(contacts=[ann.pk], names=["Ann Archer"], reason=ErasureReason.ASKED, by=dora, at=make.NOON)
        task = Task.of(asked)
        tickets.erase_ticket(ticket_id=Ticket.objects.get().pk, task=task)  # and then the process is killed
        Erasure.objects.filter(pk=asked.pk).update(state="working", lease_until=make.NOON)

        erasures.run_due(canary.now())

        assert Erasure.objects.get().state == "done"
        assert [word for word in ("Ann", "customer.example") if word in Message.objects.get(kind="customer").text] == []
        assert broken() == []


@pytest.mark.django_db
class TestARestoredBackup:
    def test_is_cleaned_by_the_ledger(self, mailbox: Mailbox, dora: Agent, tmp_path: Path) -> None:
        ann = make.deliver(mailbox.channel, make.mail()).contact
        assert ann is not None
        erase(ann, by=dora)
        text = ledger.path().read_text()
        assert "ann" not in text.lower()
        assert "customer" not in text
        Erasure.objects.all().delete()  # the backup is older than the erasure
        identity = make.identity("ann@customer.example", name="Ann Archer")
        Contact.objects.update(created_at=make.NOON)
        bob = make.identity("bob@b.example", name="Bob")
        make.message(ticket=make.ticket(channel=mailbox.channel, team=Team.objects.get(), identity=identity))

        call_command("reapply_erasures", ledger=ledger.path(), stdout=io.StringIO())
        erasures.run_due(canary.now())

        assert list(Identity.objects.all()) == [bob]
        assert Erasure.objects.get(reason="ledger").state == "done"
        assert erasures.reapply(at=timezone.now()) == 0

    def test_leaves_alone_who_came_after_the_erasure(self, ann: Identity, dora: Agent) -> None:
        erase(ann.contact, by=dora)
        Erasure.objects.all().delete()
        again = make.identity("ann@customer.example", name="Ann Archer")

        assert erasures.reapply(at=timezone.now()) == 0

        assert Identity.objects.get() == again

    def test_is_not_touched_by_a_ledger_that_is_none(self, ann: Identity, tmp_path: Path) -> None:
        bad = tmp_path / "bad.jsonl"
        bad.write_text('{"uid": 1}\n')

        with pytest.raises(CommandError, match="line 1 is no line"):
            call_command("reapply_erasures", ledger=bad)

        assert Identity.objects.exists()


class TestALineOfTheLog:
    def test_tells_addresses_apart_without_naming_them(self) -> None:
        told = Discreet("%(message)s").format

        def line(text: str, name: str = "helpdesk.outbox") -> str:
            return told(logging.LogRecord(name, logging.INFO, "", 0, text, None, None))

        assert re.fullmatch(r"550 <address \w{8}>: no", line("550 Ann.B+c@Customer.example: no"))
        assert line("a@b.example") == line("A@B.example") != line("c@b.example")
        assert line("login of desk@b.example", "mail_gateway.following") == "login of desk@b.example"
