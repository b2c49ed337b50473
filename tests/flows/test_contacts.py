"""Whoever turns up is found or made: one address, one contact, whatever the channel."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection

from helpdesk.actions.contacts import BadAddress, address_of, contact_for, identity_for
from helpdesk.models import Contact, Identity, IdentityKind, Organisation
from tests.make import NOON

WHATSAPP, MASTODON, TELEGRAM = IdentityKind.WHATSAPP, IdentityKind.MASTODON, IdentityKind.TELEGRAM


class TestAddressOf:
    @pytest.mark.parametrize(
        ("kind", "written", "stored"),
        [
            ("email", " Ann@Customer.Example ", "ann@customer.example"),
            ("phone", "+358 (0)40 123-4567", "+358401234567"),
            ("phone", "00358 40 1234567", "+358401234567"),
            ("phone", "040 123 4567", "+358401234567"),
            ("phone", "(09) 123 456", "+3589123456"),
            ("phone", "+46 70-123 45 67", "+46701234567"),
            ("phone", "123-45", "12345"),
            ("whatsapp", "358401234567", "+358401234567"),
            ("whatsapp", "FI.70123456789012345", "fi.70123456789012345"),
            ("whatsapp", "US.ENT.11815799212886844830", "us.ent.11815799212886844830"),
            ("bluesky", "did:plc:ABC", "did:plc:abc"),
        ],
    )
    def test_stores_what_is_compared(self, kind: str, written: str, stored: str) -> None:
        assert address_of(kind=kind, value=written) == stored

    @pytest.mark.parametrize(
        ("kind", "written"), [("email", "ann"), ("phone", "call me"), ("telegram", "  "), ("other", "x" * 321)]
    )
    def test_refuses_what_is_none(self, kind: str, written: str) -> None:
        with pytest.raises(BadAddress):
            address_of(kind=kind, value=written)


@pytest.mark.django_db
class TestContactFor:
    def test_makes_a_contact_once(self) -> None:
        first = contact_for(kind=TELEGRAM, value="4711", name="Ann Archer", display="@ann", at=NOON)
        again = contact_for(kind=TELEGRAM, value="4711", name="Annie", display="@annie", at=NOON)

        assert again.pk == first.pk
        assert again.contact.name == "Ann Archer"
        assert Identity.objects.get().display == "@annie"

    def test_says_when_it_was_proved(self) -> None:
        claimed = contact_for(kind=WHATSAPP, value="358401234567", at=NOON)
        assert claimed.verified_at is None

        later = NOON + timedelta(days=8)
        contact_for(kind=WHATSAPP, value="358401234567", verified=True, at=NOON)
        proved = contact_for(kind=WHATSAPP, value="+358 40 1234567", verified=True, at=later)
        assert (proved.verified_at, proved.last_verified_at) == (NOON, later)

    def test_keeps_kinds_apart(self) -> None:
        mail = identity_for(address="ann@social.example", name="Ann")
        handle = contact_for(kind=MASTODON, value="ann@social.example", name="Another Ann", at=NOON)

        assert handle.contact_id != mail.contact_id
        assert identity_for(address="ann@social.example", name="").pk == mail.pk

    def test_takes_an_organisation_from_a_mail_address_only(self) -> None:
        shop = Organisation.objects.create(name="Shop", customer_class="A")
        shop.domains.create(name="shop.example")

        assert contact_for(kind="email", value="ann@shop.example", at=NOON).contact.organisation == shop
        assert contact_for(kind=MASTODON, value="ann@shop.example", at=NOON).contact.organisation is None

    def test_gives_the_new_owner_of_a_handle_nothing_of_the_former_one(self) -> None:
        former = contact_for(kind=MASTODON, value="ann@social.example", name="Ann", mark="users/1", at=NOON)
        other = contact_for(kind=MASTODON, value="ann@social.example", name="Bo", mark="users/2", at=NOON)

        former.refresh_from_db()
        assert other.contact_id != former.contact_id
        assert (former.retired_at, other.retired_at) == (NOON, None)
        assert contact_for(kind=MASTODON, value="ann@social.example", mark="users/2", at=NOON).pk == other.pk


@pytest.mark.django_db
class TestWhatsAppNumbersAndIds:
    def test_stay_one_person_when_the_number_is_hidden_and_shown_again(self) -> None:
        first = contact_for(kind=WHATSAPP, value="+358401234567", mark="FI.701", name="Ann", verified=True, at=NOON)
        hidden = contact_for(kind=WHATSAPP, value="FI.701", mark="FI.701", display="@ann", verified=True, at=NOON)
        shown = contact_for(kind=WHATSAPP, value="+358401234567", mark="FI.701", verified=True, at=NOON)

        assert {first.pk, hidden.pk, shown.pk} == {first.pk}
        assert Contact.objects.count() == 1

    def test_stay_one_person_when_the_number_comes_later(self) -> None:
        hidden = contact_for(kind=WHATSAPP, value="FI.701", mark="FI.701", verified=True, at=NOON)

        shown = contact_for(
            kind=WHATSAPP, value="+358401234567", mark="FI.701", display="+358401234567", verified=True, at=NOON
        )

        assert shown.contact_id == hidden.contact_id
        assert str(shown) == "+358401234567"

    def test_become_two_people_when_the_number_gets_a_new_owner(self) -> None:
        former = contact_for(kind=WHATSAPP, value="+358401234567", mark="FI.701", name="Ann", verified=True, at=NOON)

        other = contact_for(kind=WHATSAPP, value="+358401234567", mark="FI.702", name="Bo", verified=True, at=NOON)

        former.refresh_from_db()
        assert other.contact_id != former.contact_id
        assert former.retired_at == NOON


@pytest.mark.django_db(transaction=True, available_apps=settings.INSTALLED_APPS)
class TestTwoAtOnce:
    def test_make_one_contact(self) -> None:
        def turn_up(_number: int) -> int:
            try:
                return contact_for(kind=TELEGRAM, value="4711", name="Ann", at=NOON).pk
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            found = set(pool.map(turn_up, range(8)))

        assert len(found) == 1
        assert Contact.objects.count() == 1
