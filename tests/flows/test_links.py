"""Whose an address is, who may be the same person, what each source says: actions, suggestions and pages."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpdesk.actions import attributes, identities, merging
from helpdesk.actions.contacts import contact_for, identity_for
from helpdesk.actions.identities import CannotUntie, Taken
from helpdesk.models import (
    Agent,
    Channel,
    Claim,
    Contact,
    ContactValue,
    Entry,
    Identity,
    IdentityKind,
    Merge,
    SourceRank,
    Team,
)
from helpdesk.queries.linking_suggestions import Ground, all_suggestions, open_claims, suggestions_for
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def ann() -> Contact:
    return identity_for(address="ann@customer.example", name="Ann Archer").contact


@pytest.fixture
def handle() -> Contact:
    """Somebody on Telegram."""
    return contact_for(kind=IdentityKind.TELEGRAM, value="4711", display="@ann", name="Annie", at=NOON).contact


def whatsapp(*, verified: bool) -> Contact:
    return contact_for(kind=IdentityKind.WHATSAPP, value="358401234567", verified=verified, at=NOON).contact


class TestAnAddress:
    def test_has_one_owner_whoever_claims_it(self, ann: Contact, handle: Contact, ben: Agent) -> None:
        identities.claim(
            contact=handle, kind="email", value="Ann@customer.example", source="telegram", evidence="wrote-it", at=NOON
        )

        with pytest.raises(Taken) as taken:
            identities.link(contact=handle, kind="email", value="ann@customer.example", by=ben)

        assert taken.value.identity.contact == ann
        assert Identity.objects.get(value="ann@customer.example").contact == ann
        assert Claim.objects.get().outcome == ""

    def test_that_two_claim_is_nobodys(self, ann: Contact, handle: Contact) -> None:
        for contact in (ann, handle):
            identities.claim(
                contact=contact, kind="email", value="ann@home.example", source="chat", evidence="wrote-it", at=NOON
            )

        assert not Identity.objects.filter(value="ann@home.example").exists()
        assert [each.value for each in open_claims(ann)] == ["ann@home.example"]
        (found,) = suggestions_for(ann)
        assert (found.other, found.evidence[0].ground, found.is_verified) == (handle, Ground.BOTH_CLAIM, False)

    def test_is_linked_by_hand_with_who_and_why(self, ann: Contact, ben: Agent) -> None:
        found = identities.link(contact=ann, kind="phone", value="+358 40 123 4567", by=ben, evidence="on the phone")

        assert (found.value, found.author, found.evidence) == ("+358401234567", ben, "on the phone")
        assert (found.verified_at, found.source) == (None, "agent")

    def test_taken_away_goes_with_what_came_by_it(
        self, ann: Contact, handle: Contact, ben: Agent, support: Team
    ) -> None:
        channel = make.mailbox("support@desk.example").channel
        merge = merging.merge(kept=handle, folded=ann, by=ben)
        mail = Identity.objects.get(value="ann@customer.example")
        ticket = make.ticket(channel=channel, team=support, identity=mail)
        make.message(ticket=ticket, contact=handle, sender_address=mail.value, sender_name="Ann A.")

        apart = identities.untie(identity=mail, by=ben)

        ticket.refresh_from_db()
        assert apart.name == "Ann A."
        assert ticket.contact == ticket.messages.get().contact == apart
        merging.undo(merge=merge, by=ben)
        mail.refresh_from_db()
        assert mail.contact == apart, "what somebody moved by hand stays there"

    def test_that_is_the_only_one_stays(self, ann: Contact, ben: Agent) -> None:
        with pytest.raises(CannotUntie):
            identities.untie(identity=ann.identities.get(), by=ben)

    def test_with_a_new_owner_opens_nothing_of_the_former_one(
        self, ann: Contact, ben: Agent, channel: Channel, support: Team
    ) -> None:
        first = make.deliver(channel, make.mail(sender="Ann <ann@customer.example>", subject="Mine"))
        identities.give_up(identity=ann.identities.get(), by=ben)

        subject = f"Re: [{first.ticket.reference}]"
        second = make.deliver(channel, make.mail(sender="Bo <ann@customer.example>", subject=subject))

        assert second.contact != ann
        assert second.ticket != first.ticket

    def test_of_ours_is_nobodys_claim(self, handle: Contact, support: Team) -> None:
        make.mailbox("support@desk.example")

        made = identities.note_claims(
            contact=handle,
            text="I wrote to Support@desk.example from ann@home.example, or call +358 40 123 4567",
            source="telegram",
            at=NOON,
        )

        assert {each.value for each in made} == {"ann@home.example", "+358401234567"}


class TestSuggestions:
    def test_name_a_phone_that_a_platform_has_verified(self, ann: Contact, ben: Agent) -> None:
        attributes.offer(contact=ann, attribute="phone", value="+358 40 123 4567", source="agent", by=ben)
        other = whatsapp(verified=True)

        (found,) = suggestions_for(ann)

        assert (found.one, found.other, found.is_verified) == (ann, other, True)
        assert (found.evidence[0].ground, found.evidence[0].by) == (Ground.SAME_PHONE, "whatsapp")
        assert suggestions_for(other)[0].other == ann

    def test_put_what_is_verified_first(self, ann: Contact, handle: Contact, ben: Agent) -> None:
        identities.claim(
            contact=handle, kind="email", value="ann@customer.example", source="telegram", evidence="wrote-it", at=NOON
        )
        attributes.offer(contact=ann, attribute="phone", value="+358401234567", source="agent", by=ben)
        other = whatsapp(verified=True)

        assert [each.other for each in suggestions_for(ann)] == [other, handle]
        assert [each.is_verified for each in all_suggestions()] == [True, False]

    def test_never_merge_by_themselves(self, ann: Contact, handle: Contact) -> None:
        identities.claim(
            contact=handle, kind="email", value="ann@customer.example", source="telegram", evidence="wrote-it", at=NOON
        )
        contact_for(kind=IdentityKind.TELEGRAM, value="4711", verified=True, at=NOON)

        assert suggestions_for(handle)
        assert Contact.objects.filter(merged_into=None).count() == 2
        assert not Merge.objects.exists()

    def test_stop_when_somebody_has_kept_them_apart(self, ann: Contact, ben: Agent) -> None:
        namesake = Contact.objects.create(name="Ann Archer")
        assert suggestions_for(ann)[0].evidence[0].ground == Ground.SAME_NAME

        identities.keep_apart(one=namesake, other=ann, by=ben)
        assert suggestions_for(ann) == all_suggestions() == []

        third = Contact.objects.create(name="Somebody Else")
        merging.merge(kept=third, folded=namesake, by=ben)
        attributes.offer(contact=third, attribute="name", value="Ann Archer", source="agent", by=ben)
        assert suggestions_for(ann) == [], "said of whom was merged, it is said of the person"

    def test_ask_a_handful_of_times_however_many_there_are(
        self, ann: Contact, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(30):
            other = contact_for(kind=IdentityKind.TELEGRAM, value=f"t{number}", at=NOON).contact
            identities.claim(
                contact=other, kind="email", value="ann@customer.example", source="chat", evidence="wrote-it", at=NOON
            )

        with django_assert_max_num_queries(9):
            assert len(suggestions_for(ann, limit=50)) == 30
        with django_assert_max_num_queries(9):
            assert len(all_suggestions()) == 30


SOURCES = st.sampled_from(("agent", "record:shop", "site", "import", "telegram", "claim"))
WORDS = st.lists(st.tuples(SOURCES, st.sampled_from(["Ann", "Bo", "Cy", "Di"]), st.integers(0, 9)), max_size=10)


class TestPrecedence:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(words=WORDS, first=st.sampled_from(["", "Eve"]))
    def test_a_lower_rank_never_overwrites_a_higher_one_and_nothing_said_is_lost(
        self, db: None, words: list[tuple[str, str, int]], first: str
    ) -> None:
        contact = Contact.objects.create(name=first)
        # What stood in the field before anybody was known to have said it counts as a source of its own.
        newest = {attributes.BEFORE: (0, first)} if first and words else {}
        for source, name, minute in words:
            before = contact.name
            at = NOON + timedelta(minutes=minute)
            attributes.offer(contact=contact, attribute="name", value=name, source=source, at=at)
            if minute >= newest.get(source, (-1, ""))[0]:
                newest[source] = (minute, name)
            contact.refresh_from_db()
            ranks = {each: attributes.rank_of(source=each, attribute="name") for each in newest}
            top = max(ranks.values())
            winners = [newest[each] for each in newest if ranks[each] == top]
            assert contact.name in {name for _minute, name in winners}
            if ranks[source] < top:
                assert contact.name == before
        said = {each.source: each.value for each in ContactValue.objects.filter(contact=contact)}
        assert said == {source: name for source, (_minute, name) in newest.items()}

    def test_an_admin_says_who_is_master(self, ann: Contact, dora: Agent, ben: Agent) -> None:
        attributes.offer(contact=ann, attribute="name", value="A. Archer", source="agent", by=ben)
        attributes.offer(contact=ann, attribute="name", value="Archer Ann", source="record:erp")

        attributes.set_rank(source="record", attribute="name", rank=200, by=dora)
        ann.refresh_from_db()
        assert ann.name == "Archer Ann"

        attributes.set_rank(source="record", attribute="name", rank=None, by=dora)
        ann.refresh_from_db()
        assert ann.name == "A. Archer"

    def test_an_agent_can_say_that_there_is_none(self, ann: Contact, ben: Agent) -> None:
        attributes.offer(contact=ann, attribute="phone", value="+358401234567", source="import")
        attributes.offer(contact=ann, attribute="phone", value="", source="agent", by=ben)

        ann.refresh_from_db()
        assert ann.phone == ""
        assert ContactValue.objects.filter(contact=ann, value="+358401234567").exists()


@pytest.fixture
def desk(client: Client, ben: Agent) -> Client:
    client.force_login(ben, backend=BACKEND)
    return client


class TestThePages:
    def test_link_an_address(self, desk: Client, ann: Contact) -> None:
        desk.post(f"/customers/{ann.pk}/links/add/", {"kind": "phone", "value": "+358 40 123 4567"})

        page = desk.get(f"/customers/{ann.pk}/links/").content.decode()
        assert "+358401234567" in page
        assert "not verified" in page

    def test_say_what_is_wrong_with_an_address(self, desk: Client, ann: Contact) -> None:
        page = desk.post(f"/customers/{ann.pk}/links/add/", {"kind": "phone", "value": "call me"})

        assert page.status_code == 422
        assert "That is no address of this kind." in page.content.decode()

    def test_offer_to_merge_when_somebody_has_it(self, desk: Client, ann: Contact, handle: Contact) -> None:
        form = {"kind": "email", "value": "ann@customer.example"}
        page = desk.post(f"/customers/{handle.pk}/links/add/", form, follow=True).content.decode()

        assert "is already an address of Ann Archer" in page
        assert "Merge 2 customers" in page

    def test_merge_with_one_click_and_keep_the_evidence(self, desk: Client, ann: Contact, ben: Agent) -> None:
        attributes.offer(contact=ann, attribute="phone", value="+358401234567", source="agent", by=ben)
        other = whatsapp(verified=True)
        assert "verified by WhatsApp" in desk.get(f"/customers/{ann.pk}/links/").content.decode()

        desk.post(f"/customers/{ann.pk}/merge/", {"with": other.pk})

        merge = Merge.objects.get()
        assert (merge.kept, merge.folded, merge.by) == (ann, other, ben)
        assert merge.evidence == "Same phone +358401234567, verified by WhatsApp"
        assert desk.get(f"/customers/{other.pk}/links/").headers["Location"] == f"/customers/{ann.pk}/links/"

    def test_undo(self, desk: Client, ann: Contact, handle: Contact, ben: Agent) -> None:
        merge = merging.merge(kept=ann, folded=handle, by=ben)
        page = desk.get(f"/merges/{merge.pk}/undo/").content.decode()
        assert "Goes back to Annie" in page

        desk.post(f"/merges/{merge.pk}/undo/")
        assert Contact.objects.filter(merged_into=None).count() == 2
        again = desk.post(f"/merges/{merge.pk}/undo/", follow=True).content.decode()
        assert "This merge was undone already." in again

    def test_tell_everything_that_happened(self, desk: Client, ann: Contact, handle: Contact, ben: Agent) -> None:
        merging.undo(merge=merging.merge(kept=ann, folded=handle, by=ben), by=ben)
        identities.link(contact=ann, kind="phone", value="+358401234567", by=ben)
        identities.untie(identity=ann.identities.get(kind="phone"), by=ben)
        identities.give_up(identity=ann.identities.get(), by=ben)
        identities.keep_apart(one=ann, other=handle, by=ben)
        attributes.offer(contact=ann, attribute="name", value="A. Archer", source="agent", by=ben)

        page = desk.get(f"/customers/{ann.pk}/links/").content.decode()

        lines = Entry.objects.filter(kind=Entry.Kind.PERSON_CHANGED, contact=ann).count()
        assert lines == 7
        for told in ("are one person", "are two people after all", "linked +358401234567", "took +358401234567 away"):
            assert told in page
        assert "has a new owner" in page
        assert "Name: A. Archer" in page

    def test_settle_claims_and_suggested_values(self, desk: Client, ann: Contact, ben: Agent) -> None:
        claim = identities.claim(
            contact=ann, kind="email", value="ann@home.example", source="chat", evidence="wrote-it", at=NOON
        )
        attributes.offer(contact=ann, attribute="name", value="A. A.", source="agent", by=ben)
        attributes.offer(contact=ann, attribute="name", value="Annie", source="import")
        value = ContactValue.objects.get(source="import")
        assert claim is not None

        desk.post(f"/claims/{claim.pk}/", {"do": "link"})
        desk.post(f"/values/{value.pk}/", {"do": "use"})

        ann.refresh_from_db()
        claim.refresh_from_db()
        assert (ann.name, claim.outcome) == ("Annie", "linked")
        assert ann.identities.count() == 2
        desk.post(f"/values/{value.pk}/", {"do": "dismiss"})
        value.refresh_from_db()
        assert value.dismissed_at is not None

    def test_find_whom_to_merge_with(self, desk: Client, ann: Contact, handle: Contact) -> None:
        page = desk.get(f"/customers/{ann.pk}/merge/?q=4711").content.decode()
        assert f"?with={handle.pk}" in page
        assert "Nobody is called that" in desk.get(f"/customers/{ann.pk}/merge/?q=zzz").content.decode()

    def test_list_who_may_be_the_same_all_over_the_desk(self, desk: Client, ann: Contact) -> None:
        other = Contact.objects.create(name="Ann Archer")
        assert "Same name" in desk.get("/same-person/").content.decode()

        desk.post(f"/customers/{ann.pk}/apart/", {"with": other.pk, "back": "all"})
        assert "Same name" not in desk.get("/same-person/").content.decode()

    def test_count_tickets_of_other_teams_without_showing_them(
        self, client: Client, cleo: Agent, ann: Contact, handle: Contact, billing: Team, channel: Channel
    ) -> None:
        make.ticket(channel=channel, team=billing, identity=ann.identities.get(), subject="Secret invoice")
        client.force_login(cleo, backend=BACKEND)

        page = client.get(f"/customers/{handle.pk}/merge/?with={ann.pk}").content.decode()

        assert "1 of another team" in page
        assert "Secret invoice" not in page

    @pytest.mark.parametrize(
        "path", ["customers/99/links/", "customers/99/merge/", "merges/99/undo/", "customers/1/merge/?with=x9"]
    )
    def test_are_not_there_for_nobody(self, desk: Client, path: str) -> None:
        assert desk.get(f"/{path}").status_code == 404


class TestWhoIsRight:
    def test_is_said_by_an_admin(self, client: Client, dora: Agent, ann: Contact, ben: Agent) -> None:
        attributes.offer(contact=ann, attribute="name", value="A. Archer", source="agent", by=ben)
        attributes.offer(contact=ann, attribute="name", value="Archer Ann", source="record:erp")
        client.force_login(dora, backend=BACKEND)

        client.post("/sources/", {"source": "record:erp", "attribute": "name", "rank": "200"})
        ann.refresh_from_db()
        assert ann.name == "Archer Ann"

        row = SourceRank.objects.get()
        assert "200" in client.get("/sources/").content.decode()
        client.post("/sources/", {"do": "remove", "row": row.pk})
        ann.refresh_from_db()
        assert ann.name == "A. Archer"

    def test_refuses_what_is_no_rank_and_who_is_no_admin(self, client: Client, dora: Agent, ben: Agent) -> None:
        client.force_login(dora, backend=BACKEND)
        assert client.post("/sources/", {"source": "agent", "rank": "much"}).status_code == 422

        client.force_login(ben, backend=BACKEND)
        assert client.get("/sources/").status_code == 403
