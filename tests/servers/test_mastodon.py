"""The connector of Mastodon against a server that errs: what no real one does on demand."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from pytest_django import Settings

from helpdesk.connectors.mastodon import Mastodon
from helpdesk.connectors.social import OutgoingPost, Unreadable
from helpdesk.models import Channel, SocialAccount
from mail_gateway.errors import GatewayError, LoginRefused, Permanent, Temporary
from tests import make
from tests.servers.far_server import Asked, FarServer, Says, far_server

pytestmark = pytest.mark.django_db

LONG_AGO = "2026-01-01T10:00:00.000Z"
ANN = {"id": "7", "acct": "ann@far.example", "display_name": "Ann", "uri": "https://far.example/users/ann"}
NOTIFICATIONS, STATUSES = "GET /api/v1/notifications", "POST /api/v1/statuses"


def status(number: int, **fields: Any) -> dict[str, Any]:
    text = f"<p>number {number}</p>"
    return {"id": str(number), "account": ANN, "content": text, "created_at": LONG_AGO, "visibility": "public"} | fields


def notification(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": str(number), "type": "mention", "created_at": LONG_AGO, "status": status(number)} | fields


@pytest.fixture
def far(settings: Settings) -> Iterator[FarServer]:
    settings.HTTP_INNER_HOSTS = frozenset({"127.0.0.1"})
    with far_server() as server:
        server.on("GET /api/v1/accounts/verify_credentials", {"id": "1", "acct": "desk", "username": "desk"})
        server.on("GET /api/v2/instance", {"domain": "desk.example", "version": "4.6.0"})
        server.on("GET /api/v1/apps/verify_credentials", {"name": "Luotsi", "scopes": ["read", "write"]})
        server.on("GET /api/v1/accounts/1/statuses", [])
        server.on("GET /api/v1/accounts/7", ANN)
        server.on(NOTIFICATIONS, [])
        yield server


@pytest.fixture
def account(far: FarServer) -> SocialAccount:
    """Each has a token of its own, so that nothing is remembered of others."""
    return SocialAccount.objects.create(
        channel=Channel.objects.create(slug="fediverse", kind=Channel.Kind.MASTODON, name="Fediverse"),
        provider=Channel.Kind.MASTODON,
        settings={"server": far.url},
        secrets=cast("Any", {"token": uuid4().hex}),
        key="k",
        created_at=make.NOON,
    )


def listing(*rows: dict[str, Any], page: int = 40) -> Any:
    """A list as Mastodon pages it: with min_id what comes next, newest first."""

    def answer(asked: Asked) -> Any:
        since = int(asked.one("min_id") or 0)
        limit = min(page, int(asked.one("limit") or page))
        newer = [row for row in rows if int(row["id"]) > since]
        return list(reversed(newer[:limit] if asked.one("min_id") else rows[-limit:]))

    return answer


class TestALook:
    def test_goes_on_after_a_short_page(self, far: FarServer, account: SocialAccount) -> None:
        connector = Mastodon()
        _, cursor = connector.poll(account, "")
        far.on(NOTIFICATIONS, listing(*[notification(number) for number in range(1, 12)], page=3))

        found, cursor = connector.poll(account, cursor)

        assert [name for name, _ in found] == [str(number) for number in range(1, 12)]
        assert connector.poll(account, cursor)[0] == []

    def test_that_breaks_off_loses_nothing(self, far: FarServer, account: SocialAccount) -> None:
        connector = Mastodon()
        _, cursor = connector.poll(account, "")
        rows = [notification(number) for number in range(1, 8)]
        pages = listing(*rows, page=3)
        far.on(NOTIFICATIONS, lambda asked: pages(asked) if asked.one("min_id") == "0" else Says(502, b"<html>"))
        with pytest.raises(Temporary):
            connector.poll(account, cursor)

        far.on(NOTIFICATIONS, pages)

        assert len(connector.poll(account, cursor)[0]) == 7

    def test_does_not_pass_what_is_young(self, far: FarServer, account: SocialAccount) -> None:
        connector = Mastodon()
        _, cursor = connector.poll(account, "")
        young = (datetime.now(UTC) - timedelta(seconds=5)).isoformat()
        far.on(NOTIFICATIONS, listing(notification(1), notification(3, created_at=young)))
        _, cursor = connector.poll(account, cursor)

        far.on(NOTIFICATIONS, listing(notification(1), notification(2), notification(3, created_at=young)))

        assert [name for name, _ in connector.poll(account, cursor)[0]] == ["2", "3"]

    def test_keeps_what_makes_no_sense_and_the_good_ones(self, far: FarServer, account: SocialAccount) -> None:
        connector = Mastodon()
        _, cursor = connector.poll(account, "")
        odd: list[dict[str, Any]] = [
            {"id": "2", "type": "mention", "created_at": "yesterday", "status": {"id": "x"}},
            {"id": "3"},
        ]
        far.on(NOTIFICATIONS, listing(notification(1), *odd, notification(4)))

        found, _ = connector.poll(account, cursor)

        assert [connector.read(account, raw) is not None for name, raw in found if name in {"1", "4"}] == [True, True]
        [broken] = [raw for name, raw in found if name not in {"1", "4"}]
        with pytest.raises(Unreadable):
            connector.read(account, broken)

    def test_leaves_out_mentions_whose_post_was_deleted(self, far: FarServer, account: SocialAccount) -> None:
        connector = Mastodon()
        _, cursor = connector.poll(account, "")
        far.on(NOTIFICATIONS, listing({**notification(1), "status": None}, notification(2)))

        found, cursor = connector.poll(account, cursor)

        assert [name for name, _ in found] == ["2"]
        assert json.loads(cursor)["mention"] == "2"

    def test_of_another_account_begins_anew(self, far: FarServer, account: SocialAccount) -> None:
        connector = Mastodon()
        far.on(NOTIFICATIONS, listing(notification(1)))
        _, cursor = connector.poll(account, json.dumps({"who": "9 https://old.example", "mention": "999"}))

        assert json.loads(cursor)["mention"] == "1"

    def test_has_mentions_though_the_rest_fails(self, far: FarServer, account: SocialAccount) -> None:
        connector = Mastodon()
        _, cursor = connector.poll(account, "")
        far.on(NOTIFICATIONS, listing(notification(1)))
        far.on("GET /api/v1/accounts/1/statuses", Says(500, {"error": "no"}))

        assert len(connector.poll(account, cursor)[0]) == 1

    def test_finds_where_a_thread_begins(self, far: FarServer, account: SocialAccount) -> None:
        connector = Mastodon()
        _, cursor = connector.poll(account, "")
        far.on(NOTIFICATIONS, listing(notification(5, status=status(5, in_reply_to_id="4"))))
        far.on("GET /api/v1/statuses/5/context", {"ancestors": [{"id": "2"}, {"id": "4"}]})

        [(_, raw)], _ = connector.poll(account, cursor)

        item = connector.read(account, raw)
        assert item is not None
        assert item.thread == "2:7"


class TestAnError:
    @pytest.mark.parametrize(
        ("answer", "family", "wait"),
        [
            (Says(401, {"error": "The access token was revoked"}), LoginRefused, None),
            (Says(403, {"error": "This action is outside the authorized scopes"}), LoginRefused, None),
            (Says(403, {"error": "This action is not allowed"}), Permanent, None),
            (Says(404, {"error": "Record not found"}), Permanent, None),
            (Says(422, {"error": "Validation failed: Text can't be blank"}), Permanent, None),
            (Says(429, {"error": "Too many requests"}, {"Retry-After": "40"}), Temporary, 40),
            (Says(503, b"<html>down</html>", {"Retry-After": "9"}), Temporary, 9),
            (Says(500, b"\xff"), Temporary, None),
            (Says(200, b"<html>"), Temporary, None),
            (Says(302, b"", {"Location": "https://evil.example/"}), Permanent, None),
        ],
    )
    def test_says_what_to_do(
        self, far: FarServer, account: SocialAccount, answer: Says, family: type[GatewayError], wait: float | None
    ) -> None:
        far.on(STATUSES, answer)

        with pytest.raises(GatewayError) as caught:
            Mastodon().send(account, OutgoingPost(thread="direct:7", text="Hello", idempotency_key="k"))

        assert type(caught.value).__mro__[:3].count(family)
        assert isinstance(caught.value, LoginRefused) == (family is LoginRefused)
        assert caught.value.retry_after == wait

    def test_of_a_broken_line_may_be_tried_again(self, far: FarServer, account: SocialAccount) -> None:
        taken = Says(200, b"{", {"Content-Length": "4000"})
        far.on(STATUSES, taken)

        with pytest.raises(Temporary) as caught:
            Mastodon().send(account, OutgoingPost(thread="direct:7", text="Hello", idempotency_key="k"))

        assert type(caught.value) is Temporary
        assert far.calls(STATUSES)[0].headers["idempotency-key"] == "k:0"


class TestACheck:
    def test_names_the_permissions_that_are_missing(self, far: FarServer, account: SocialAccount) -> None:
        far.on("GET /api/v1/apps/verify_credentials", {"name": "Luotsi", "scopes": ["read", "write:statuses"]})

        checked = Mastodon().check(account)

        assert not checked.ok
        assert "write:media" in checked.trouble
        assert "write:statuses" not in checked.trouble

    @pytest.mark.parametrize("server", ["", "no host here", "https://", "http://127.0.0.1:1:1"])
    def test_refuses_what_is_no_server(self, account: SocialAccount, server: str) -> None:
        account.settings = {"server": server}

        assert not Mastodon().check(account).ok

    def test_does_not_ask_inside_the_own_network(self, account: SocialAccount, settings: Settings) -> None:
        settings.HTTP_INNER_HOSTS = frozenset()

        checked = Mastodon().check(account)

        assert not checked.ok
        assert checked.trouble


class TestSending:
    def test_names_the_customer_as_they_are_called_now(self, far: FarServer, account: SocialAccount) -> None:
        far.on("GET /api/v1/accounts/7", ANN | {"acct": "anna@far.example"})
        far.on(STATUSES, {"id": "50", "url": "https://desk.example/50"})

        sent = Mastodon().send(account, OutgoingPost(thread="2:7", text="Yes", is_public=True, idempotency_key="k"))

        [asked] = far.calls(STATUSES)
        assert asked.values == {
            "status": "@anna@far.example Yes",
            "in_reply_to_id": "2",
            "visibility": "unlisted",
            "media_ids": [],
        }
        assert (sent.external_id, sent.url) == ("50", "https://desk.example/50")

    def test_counts_as_the_server_does(self, far: FarServer, account: SocialAccount) -> None:
        far.on(STATUSES, {"id": "50"})
        link = "https://shop.example/" + "x" * 400

        Mastodon().send(account, OutgoingPost(thread="direct:7", text=f"{'a' * 400} {link}", idempotency_key="k"))

        assert len(far.calls(STATUSES)) == 1
