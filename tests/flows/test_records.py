"""Other systems put their records: once, readable, with a token, and each refusal says what is wrong."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from helpdesk.actions import records
from helpdesk.models import Agent, Entry, ExternalRecord, ExternalSystem, Identity
from helpdesk.queries import timeline
from helpdesk.queries.timeline import Wanted
from helpdesk.queries.timeline_sources import Whose
from tests import make
from tests.make import NOON

ORDER = {
    "kind": "order",
    "title": "Order 4417",
    "state": "shipped",
    "amount": "129.90 EUR",
    "at": "2026-03-02T14:00:00+02:00",
    "url": "https://shop.example/orders/4417",
    "customer": {"email": "Ann@Customer.example"},
    "fields": {"Carrier": "Posti", "Parcels": 2},
}


@pytest.fixture
def shop(dora: Agent) -> tuple[ExternalSystem, str]:
    return records.add_system(name="Web shop", slug="shop", by=dora, at=NOON)


@pytest.fixture
def token(shop: tuple[ExternalSystem, str]) -> str:
    return shop[1]


def call(method: str, token: str, body: Any = None, *, where: str = "/api/records/shop/4417/") -> HttpResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    client = Client(enforce_csrf_checks=True)
    answer: HttpResponse = client.generic(  # type: ignore[assignment]  # the test client's own kind of it
        method.upper(), where, raw, content_type="application/json", headers=headers
    )
    return answer


class TestPutting:
    def test_stores_a_record_once_and_shows_it_in_its_customers_timeline(
        self, token: str, ben: Agent, ann: Identity
    ) -> None:
        first, again = call("put", token, ORDER), call("put", token, ORDER)
        changed = call("put", token, ORDER | {"state": "returned"})

        assert [answer.status_code for answer in (first, again, changed)] == [201, 200, 200]
        row = ExternalRecord.objects.get()
        assert (row.owner_value, row.state, row.fields) == (ann.value, "returned", {"Carrier": "Posti", "Parcels": "2"})
        page = timeline.page(agent=ben, whose=Whose(contact=ann.contact), wanted=Wanted())
        assert [item.id for item in page.items] == [row.pk]
        assert Entry.objects.filter(data__what="record").count() == 2  # the second call changed nothing

    def test_may_come_before_the_customer_and_follows_the_address(self, token: str, ben: Agent) -> None:
        call("put", token, ORDER | {"customer": {"phone": "+358 40 123 4567"}})

        late = Identity.objects.create(contact=make.identity("bo@customer.example").contact, kind="phone",
                                       value="+358401234567")  # fmt: skip
        other = make.identity("cy@customer.example").contact

        assert len(timeline.page(agent=ben, whose=Whose(contact=late.contact), wanted=Wanted()).items) == 1
        Identity.objects.filter(pk=late.pk).update(contact=other)
        assert len(timeline.page(agent=ben, whose=Whose(contact=late.contact), wanted=Wanted()).items) == 0
        assert len(timeline.page(agent=ben, whose=Whose(contact=other), wanted=Wanted()).items) == 1

    def test_is_read_back_and_taken_away(self, token: str) -> None:
        call("put", token, ORDER)

        shown = json.loads(call("get", token).content)
        gone, again = call("delete", token), call("delete", token)

        assert (shown["title"], shown["customer"]) == ("Order 4417", {"email": "ann@customer.example"})
        assert (gone.status_code, again.status_code, ExternalRecord.objects.count()) == (200, 404, 0)

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"\xff{", "no JSON"),
            ([], "no JSON object"),
            (ORDER | {"title": ""}, "“title” is missing"),
            (ORDER | {"title": "x" * 201}, "at most 200"),
            (b'{"at": NaN}', "no JSON"),
            (b'{"at":' * 10_000, "no JSON"),
            (ORDER | {"at": "yesterday"}, "no time"),
            (ORDER | {"at": "2026-03-02T14:00:00"}, "no time"),
            (ORDER | {"at": "2026-99-02T14:00:00+02:00"}, "no time"),
            (ORDER | {"url": "javascript:alert(1)"}, "https://"),
            (ORDER | {"customer": {}}, "Whose is it"),
            (ORDER | {"customer": {"pigeon": "x"}}, "kinds of addresses"),
            (ORDER | {"customer": {"email": "nobody"}}, "can't be an address"),
            (ORDER | {"domain": "no domain"}, "no domain"),
            (ORDER | {"fields": {"a": ["b"]}}, "texts or numbers"),
            (b'"' + b"x" * 70_000 + b'"', "64 kB"),
        ],
    )
    def test_refuses_in_a_sentence_that_stands_on_the_admins_page_too(
        self, client: Client, dora: Agent, token: str, body: Any, words: str
    ) -> None:
        answer = call("put", token, body)

        assert answer.status_code in {413, 422}
        assert words in json.loads(answer.content)["error"]
        assert not ExternalRecord.objects.exists()
        client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
        assert "Refused" in client.get("/systems/").text
        assert call("put", token, ORDER).status_code == 201
        assert ExternalSystem.objects.get().trouble == ""


class TestTheToken:
    def test_opens_its_own_system_only_and_is_not_stored(self, dora: Agent, token: str) -> None:
        _other, theirs = records.add_system(name="ERP", slug="erp", by=dora, at=NOON)

        answers = [call("put", each, ORDER).status_code for each in ("", "wrong", theirs)]
        elsewhere = call("put", token, ORDER, where="/api/records/erp/1/").status_code
        unknown = call("put", token, ORDER, where="/api/records/nothing/1/").status_code

        assert (answers, elsewhere, unknown) == ([401, 401, 401], 401, 401)
        assert token not in str(list(ExternalSystem.objects.values_list()))

    def test_is_renewed_and_stopped_by_an_admin(
        self, client: Client, shop: tuple[ExternalSystem, str], dora: Agent
    ) -> None:
        system, old = shop
        client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")

        page = client.post(f"/systems/{system.pk}/renew/").text
        new = page.split("<code>")[1].split("</code>")[0]

        assert (call("put", old, ORDER).status_code, call("put", new, ORDER).status_code) == (401, 201)
        assert new not in client.get("/systems/").text
        client.post(f"/systems/{system.pk}/stop/")
        assert call("put", new, ORDER).status_code == 401
        assert ExternalRecord.objects.exists()

    def test_is_made_on_the_page_for_a_new_system(self, client: Client, dora: Agent) -> None:
        client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")

        page = client.post("/systems/", {"name": "ERP", "slug": "erp"}).text
        token = page.split("<code>")[1].split("</code>")[0]

        assert call("put", token, ORDER, where="/api/records/erp/1/").status_code == 201
        assert client.post("/systems/", {"name": "Again", "slug": "erp"}).status_code == 422
