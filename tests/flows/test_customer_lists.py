"""Lists of customers and organisations: found by any piece of a name, shown with what the reader may see, edited."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from helpdesk.actions import organisations
from helpdesk.actions.contacts import identity_for
from helpdesk.models import Agent, Channel, Contact, ContactValue, Entry, Identity, Organisation, Team
from helpdesk.queries import customers
from tests import make
from tests.make import NOON

BACKEND = "django.contrib.auth.backends.ModelBackend"


def client_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend=BACKEND)
    return client


@pytest.fixture
def laine(eli: Agent) -> Organisation:
    return organisations.save_organisation(
        organisation=None, values={"name": "Laine Oy"}, domains=["laine.example", "laine.test"], by=eli, at=NOON
    )


class TestTheListOfCustomers:
    @pytest.mark.parametrize("query", ["archer", "ARCH", "customer.exa", "ann archer", "laine", "@ann"])
    def test_finds_a_piece_of_a_name_address_handle_or_organisation(
        self, ben: Agent, ann: Identity, laine: Organisation, query: str
    ) -> None:
        Contact.objects.filter(pk=ann.contact_id).update(organisation=laine)
        Identity.objects.create(contact=ann.contact, kind="mastodon", value="17", display="@ann@social.example")
        make.identity("bo@elsewhere.example", name="Bo Berg")

        page = client_of(ben).get("/customers/", {"q": query}).text

        assert ("Ann Archer" in page, "Bo Berg" in page) == (True, False)

    def test_finds_letters_beyond_ascii_in_any_case(self, ben: Agent) -> None:
        make.identity("aija@customer.example", name="Äijä Öhman")
        make.identity("olga@customer.example", name="Ольга Соколова")

        assert len(customers.listing(agent=ben, query="äijä öhman").rows) == 1
        assert len(customers.listing(agent=ben, query="соколова").rows) == 1

    def test_counts_only_tickets_that_the_agent_may_see_in_as_many_queries_for_any_page(
        self, channel: Channel, billing: Team, ben: Agent, cleo: Agent, ann: Identity
    ) -> None:
        make.ticket(channel=channel, team=billing, identity=ann)
        (mine,), (theirs,) = (customers.listing(agent=agent).rows for agent in (ben, cleo))
        with CaptureQueriesContext(connection) as few:
            customers.listing(agent=ben)
        for number in range(30):
            make.ticket(channel=channel, team=billing, identity=make.identity(f"c{number}@customer.example"))
        with CaptureQueriesContext(connection) as many:
            customers.listing(agent=ben)

        assert (mine.open_tickets, theirs.open_tickets, theirs.last_activity_at) == (1, 0, None)
        assert len(many) == len(few)

    def test_leaves_out_who_was_merged_into_another(self, ben: Agent, ann: Identity) -> None:
        whole = Contact.objects.create(name="Ann of two addresses")
        Contact.objects.filter(pk=ann.contact_id).update(merged_into=whole)

        assert [line.contact.pk for line in customers.listing(agent=ben).rows] == [whole.pk]


class TestEditingACustomer:
    def test_counts_above_what_others_say_and_says_who_said_it(self, ben: Agent, ann: Identity) -> None:
        form = {"name": "Ann A. Archer", "language": "fi", "time_zone": "Asia/Tokyo", "preferred_channel": "phone",
                "customer_class": "A", "notes": ""}  # fmt: skip
        client_of(ben).post(f"/customers/{ann.contact_id}/edit/", form)

        contact = Contact.objects.get(pk=ann.contact_id)
        assert (contact.name, contact.language, contact.preferred_channel) == ("Ann A. Archer", "fi", "phone")
        assert ContactValue.objects.get(contact=contact, attribute="name", source="agent").author == ben
        assert Entry.objects.filter(kind=Entry.Kind.PERSON_CHANGED, contact=contact, agent=ben).exists()

    def test_says_what_is_wrong_and_keeps_what_was(self, ben: Agent, ann: Identity) -> None:
        answer = client_of(ben).post(f"/customers/{ann.contact_id}/edit/", {"time_zone": "Mars/Olympus"})

        assert (answer.status_code, "no such time zone" in answer.text) == (422, True)
        assert Contact.objects.get(pk=ann.contact_id).name == "Ann Archer"


class TestAnOrganisation:
    def test_takes_in_who_writes_from_any_of_its_domains(self, laine: Organisation) -> None:
        for address in ("new@laine.example", "other@LAINE.test"):
            assert identity_for(address=address, name="").contact.organisation == laine
        assert identity_for(address="x@elsewhere.example", name="").contact.organisation is None

    def test_takes_in_who_has_written_before_when_a_domain_is_added(self, laine: Organisation, eli: Agent) -> None:
        before = make.identity("early@laine.org.example").contact
        elsewhere = Organisation.objects.create(name="Elsewhere")
        taken = make.identity("taken@laine.org.example").contact
        Contact.objects.filter(pk=taken.pk).update(organisation=elsewhere)

        domains = ["laine.example", "laine.org.example"]
        organisations.save_organisation(organisation=laine, values={}, domains=domains, by=eli, at=NOON)

        before.refresh_from_db()
        taken.refresh_from_db()
        assert (before.organisation, taken.organisation) == (laine, elsewhere)
        assert {each.name for each in laine.domains.all()} == set(domains)

    def test_is_set_up_by_a_lead_and_only_seen_by_agents(self, laine: Organisation, eli: Agent, ben: Agent) -> None:
        form = {"name": "Laine Group", "domains": "@laine.example, laine.group", "account_owner": str(ben.pk)}

        client_of(eli).post(f"/organisations/{laine.pk}/edit/", form)

        laine.refresh_from_db()
        assert (laine.name, laine.account_owner) == ("Laine Group", ben)
        assert [each.name for each in laine.domains.all()] == ["laine.example", "laine.group"]
        assert "Laine Group" in client_of(ben).get("/organisations/", {"q": "laine.gr"}).text
        assert client_of(ben).get(f"/organisations/{laine.pk}/").status_code == 200
        assert client_of(ben).post(f"/organisations/{laine.pk}/edit/", form).status_code == 403

    @pytest.mark.parametrize(
        ("domain", "words"), [("laine.example", "Another organisation"), ("no domain", "no domain")]
    )
    def test_shares_no_domain_and_takes_only_domains(
        self, laine: Organisation, eli: Agent, domain: str, words: str
    ) -> None:
        answer = client_of(eli).post("/organisations/new/", {"name": "Second", "domains": domain})

        assert (answer.status_code, words in answer.text) == (422, True)
        assert Organisation.objects.count() == 1
