"""Tokens of visitors, and the signed tokens by which a site vouches for them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from helpdesk.models import ChatKey, ChatSite
from helpdesk.widget import identity
from tests.flows.chat_clients import site
from tests.make import NOON

SECRET = "a secret of the shop"


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed(header: dict[str, Any], claims: dict[str, Any], *, secret: str = SECRET) -> str:
    body = f"{part(header)}.{part(claims)}"
    mac = hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


HEADER = {"alg": "HS256", "typ": "JWT", "kid": "k1"}


def claims(**others: Any) -> dict[str, Any]:
    now = int(NOON.timestamp())
    return {"sub": "u-1", "iat": now, "exp": now + 600, "name": "Ann", "email": "Ann@Customer.Example", **others}


@pytest.fixture
def shop(db: None) -> ChatSite:
    shop = site()
    ChatKey.objects.create(site=shop, kid="k1", secret=SECRET, created_at=NOON)
    ChatKey.objects.create(site=shop, kid="old", secret="an older one", created_at=NOON, retired_at=NOON)
    return shop


class TestTheTokenOfASite:
    def test_names_a_person(self, shop: ChatSite) -> None:
        person = identity.person_of(signed(HEADER, claims()), site=shop, now=NOON)

        assert (person.subject, person.name, person.address) == ("u-1", "Ann", "ann@customer.example")

    def test_is_sealed_at_rest(self, shop: ChatSite) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT secret FROM helpdesk_chatkey WHERE kid = 'k1'")
            assert SECRET not in cursor.fetchone()[0]

    @pytest.mark.parametrize(
        "forge",
        [
            lambda: signed({**HEADER, "alg": "none"}, claims()),
            lambda: signed({**HEADER, "alg": "none"}, claims()).rpartition(".")[0] + ".",
            lambda: signed({**HEADER, "alg": "HS512"}, claims()),
            lambda: signed({"alg": "HS256"}, claims()),
            lambda: signed({**HEADER, "kid": "k2"}, claims()),
            lambda: signed({**HEADER, "kid": "old"}, claims(), secret="an older one"),
            lambda: signed({**HEADER, "crit": ["b64"]}, claims()),
            lambda: signed(HEADER, claims(), secret="another"),
            lambda: signed(HEADER, claims(exp=int(NOON.timestamp()))),
            lambda: signed(HEADER, claims(exp=int(NOON.timestamp()) + 3601)),
            lambda: signed(HEADER, claims(iat=int(NOON.timestamp()) + 61)),
            lambda: signed(HEADER, claims(sub="")),
            lambda: signed(HEADER, claims(sub=7)),
            lambda: signed(HEADER, claims(exp=True)),
            lambda: signed(HEADER, claims(exp=float("inf"))),
            lambda: signed(HEADER, {"sub": "u-1"}),
            lambda: signed(HEADER, claims(email="not an address")),
            lambda: part(HEADER) + "." + part([1]) + ".AAAA",
            lambda: "a.b.c",
            lambda: "..",
            lambda: None,
            lambda: {"sub": "u-1"},
            lambda: "x" * 10_000,
        ],
    )
    def test_proves_nothing_when_anything_is_odd(self, shop: ChatSite, forge: Callable[[], object]) -> None:
        with pytest.raises(identity.BadIdentity):
            identity.person_of(forge(), site=shop, now=NOON)

    def test_of_another_site_proves_nothing_here(self, shop: ChatSite) -> None:
        with pytest.raises(identity.BadIdentity):
            identity.person_of(signed(HEADER, claims()), site=site(slug="other"), now=NOON)

    def test_allows_for_a_clock_that_is_a_minute_ahead(self, shop: ChatSite) -> None:
        ahead = int((NOON + timedelta(seconds=59)).timestamp())

        person = identity.person_of(signed(HEADER, claims(iat=ahead, exp=ahead + 60)), site=shop, now=NOON)
        assert person.subject == "u-1"


class TestTheTokenOfAVisitor:
    def test_is_known_by_itself_and_bound_to_its_channel(self) -> None:
        token = identity.new_token(7)

        assert identity.is_ours(token, 7)
        assert not identity.is_ours(token, 8)
        assert len({identity.new_token(7) for _ in range(100)}) == 100

    @pytest.mark.parametrize("token", [None, 7, "", "1..", "2.a.b", "1." + "ä" * 43 + "." + "b" * 22])
    def test_of_another_shape_is_none(self, token: object) -> None:
        assert not identity.is_ours(token, 7)
