"""Pages of a customer's personal data: what they allow, the copy, the erasure with its second confirmation."""

import io
import json
import zipfile

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from helpdesk import erasures
from helpdesk.actions import exporting, replies
from helpdesk.actions.erasing import sweep
from helpdesk.actions.erasing.task import signs_of
from helpdesk.models import Agent, Consent, Contact, Entry, Erasure, Identity, Mailbox, Team, Ticket
from tests import make
from tests.flows import canary

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


def login(client: Client, agent: Agent) -> Client:
    client.force_login(agent, backend=BACKEND)
    return client


def archive_of(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


class TestConsent:
    WORD = {"purpose": "news", "channel_kind": "", "word": "yes", "basis": "consent", "source": "form"}

    def test_is_written_down_with_its_proof(self, client: Client, ben: Agent, ann: Identity) -> None:
        place = f"/customers/{ann.contact_id}/"

        login(client, ben).post(f"{place}consent/", {**self.WORD, "proof": "form of May, box 2"})

        row = Consent.objects.get()
        assert (row.purpose, row.is_allowed, row.proof, row.author) == ("news", True, "form of May, box 2", ben)
        assert "form of May, box 2" in client.get(f"{place}data/").content.decode()

    def test_needs_a_proof(self, client: Client, ben: Agent, ann: Identity) -> None:
        page = login(client, ben).post(f"/customers/{ann.contact_id}/consent/", self.WORD)

        assert "counts only if it can be shown" in page.content.decode()
        assert not Consent.objects.exists()

    def test_stands_on_the_customers_page(self, client: Client, ben: Agent, ann: Identity, mailbox: Mailbox) -> None:
        login(client, ben).post(
            f"/customers/{ann.contact_id}/consent/", {**self.WORD, "word": "no", "purpose": "service"}
        )

        page = client.get(f"/customers/{ann.contact_id}/").content.decode()

        assert "Refuses" in page
        assert "Answers and service" in page


class TestTheCopy:
    def test_holds_everything_of_the_person_and_nothing_of_others(
        self, client: Client, dora: Agent, mailbox: Mailbox
    ) -> None:
        raw = canary.with_file("My words", sender=canary.SENDER, subject="Mine", filename="../../etc/cron.txt")
        message = make.deliver(mailbox.channel, raw, mail_from=canary.ADDRESS)
        replies.note(ticket=message.ticket, agent=dora, text="A secret of ours")
        answer = make.mail(
            sender="Bob <bob@b.example>", text=f"Bob's words [{message.ticket.reference}]", subject="Re: Mine"
        )
        make.deliver(mailbox.channel, answer, mail_from="bob@b.example")
        contact = message.contact
        assert contact is not None

        page = login(client, dora).post(f"/customers/{contact.pk}/copy/")

        archive = archive_of(b"".join(page))
        names = archive.namelist()
        whole = b"\n".join(archive.read(name) for name in names).decode()
        person = json.loads(archive.read("person.json"))
        assert [row["value"] for row in person["Identity"]] == [canary.ADDRESS]
        assert raw in [archive.read(name) for name in names if name.endswith(".eml")]
        assert canary.FILE.strip() in [archive.read(name).strip() for name in names if name.endswith("cron.txt")]
        assert [name for name in names if ".." in name or name.startswith("/")] == []
        assert "My words" in archive.read("index.html").decode()
        assert "Bob's words" not in whole
        assert "A secret of ours" not in whole
        line = Entry.objects.filter(kind="settings-changed").latest("pk")
        assert (line.data["change"], line.data["name"], line.agent) == ("exported", f"customer {contact.pk}", dora)

    def test_has_the_notes_when_asked_for(self, dora: Agent, mailbox: Mailbox) -> None:
        message = make.deliver(mailbox.channel, make.mail())
        replies.note(ticket=message.ticket, agent=dora, text="A note <b>of ours</b>")
        assert message.contact is not None

        with exporting.export(contact=message.contact, by=dora, has_notes=True, at=make.NOON) as file:
            index = zipfile.ZipFile(file).read("index.html").decode()

        assert "A note &lt;b&gt;of ours&lt;/b&gt;" in index

    def test_and_the_erasure_are_for_admins_only(self, client: Client, ben: Agent, eli: Agent, ann: Identity) -> None:
        for agent in (ben, eli):
            login(client, agent)
            for what in ("copy", "erase"):
                assert client.post(f"/customers/{ann.contact_id}/{what}/").status_code == 403
            assert client.get("/erasures/").status_code == 403
            with pytest.raises(exporting.NotAllowed):
                exporting.export(contact=ann.contact, by=agent, has_notes=False, at=make.NOON)

        assert not Erasure.objects.exists()


class TestTheLookBefore:
    def test_names_tickets_of_others_and_passes_by_the_persons_own(
        self, ann: Identity, mailbox: Mailbox, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        own = make.deliver(mailbox.channel, make.mail()).ticket
        for number in range(30):
            make.message(ticket=own, contact=ann.contact, sender_address=ann.value, text=f"{ann.value} {number}")
        bob = make.mail(sender="Bob <bob@b.example>", text=f"Ask {ann.value}")
        theirs = make.deliver(mailbox.channel, bob, mail_from="bob@b.example").ticket
        signs = signs_of([ann.contact_id], mark="", names=[])

        with django_assert_max_num_queries(3):
            found = sweep.named_elsewhere(signs, contacts=[ann.contact_id])

        assert found == sweep.Elsewhere((theirs.pk,), is_all=True)

    def test_says_that_not_all_was_looked_at(
        self, client: Client, dora: Agent, ann: Identity, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(3):
            bob = make.mail(sender="Bob <bob@b.example>", text=f"Ask {ann.value}", message_id=f"{number}@b.example")
            make.deliver(mailbox.channel, bob, mail_from="bob@b.example", external_id=f"b:{number}")
        monkeypatch.setattr(sweep, "LOOK_AT", 2)

        page = login(client, dora).get(f"/customers/{ann.contact_id}/erase/").content.decode()

        assert "2 tickets of others name them" in page
        assert Ticket.objects.latest("pk").reference in page
        assert "only sampled here" in page


class TestErasing:
    def test_shows_what_goes_what_stays_and_who_else_is_called_so(
        self, client: Client, dora: Agent, ann: Identity, mailbox: Mailbox
    ) -> None:
        make.deliver(mailbox.channel, make.mail())
        make.identity("other@b.example", name="Ann Archer")

        page = login(client, dora).get(f"/customers/{ann.contact_id}/erase/").content.decode()

        assert "ann@customer.example" in page
        assert "of 1 ticket" in page
        assert "1 other person is called so" in page
        assert "Possibly the same person" in page
        assert 'name="name" value="Ann Archer">' in page, "a name of two is not ticked"

    def test_asks_a_second_time(self, client: Client, dora: Agent, ann: Identity) -> None:
        place = f"/customers/{ann.contact_id}/erase/"
        login(client, dora)

        page = client.post(place, {"reason": "asked", "typed": "Ann"})
        assert "Nothing was erased" in page.content.decode()
        assert not Erasure.objects.exists()

        answer = client.post(place, {"reason": "asked", "typed": "ann archer", "name": "Ann Archer"})
        row = Erasure.objects.get()
        assert answer["Location"] == f"/erasures/{row.pk}/"
        assert (row.by, row.state) == (dora, "waiting")
        assert "It is being erased" in client.get(answer["Location"]).content.decode()

    def test_takes_along_who_was_ticked(self, client: Client, dora: Agent, ann: Identity, support: Team) -> None:
        same = make.identity("ann.private@b.example", name="Ann Archer")
        bob = make.identity("bob@b.example", name="Bob")
        form = {"reason": "asked", "typed": "Ann Archer", "also": [str(same.contact_id), "x", "9" * 30]}
        login(client, dora).post(f"/customers/{ann.contact_id}/erase/", form)

        erasures.run_due(canary.now())

        assert list(Contact.objects.all()) == [bob.contact]
        report = client.get(f"/erasures/{Erasure.objects.get().pk}/").content.decode()
        assert "Nothing was found any more" in report
        assert [word for word in ("Archer", "customer.example", "b.example") if word in report] == []
