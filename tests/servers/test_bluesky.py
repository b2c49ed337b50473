"""The connector of Bluesky against a server that errs, and private messages, for which there is no server to run."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from pytest_django import Settings

from helpdesk.connectors.bluesky import Bluesky
from helpdesk.connectors.social import Item, OutgoingPost, Unreadable
from helpdesk.models import Channel, SocialAccount
from mail_gateway.errors import GatewayError, LoginRefused, Permanent, Temporary
from tests import make
from tests.servers.far_server import Asked, FarServer, Says, far_server

pytestmark = pytest.mark.django_db

ME, ANN = "did:plc:desk", "did:plc:ann"
XRPC = "GET /xrpc/"
LISTING = f"{XRPC}app.bsky.notification.listNotifications"
LOG, SEND = f"{XRPC}chat.bsky.convo.getLog", "POST /xrpc/chat.bsky.convo.sendMessage"
LOGIN, RENEWAL = "POST /xrpc/com.atproto.server.createSession", "POST /xrpc/com.atproto.server.refreshSession"
CONNECTOR = Bluesky()


def now(minutes: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def mention(number: int, at: str, **fields: Any) -> dict[str, Any]:
    return {
        "uri": f"at://{ANN}/app.bsky.feed.post/3k{number:011d}",
        "cid": f"cid{number}",
        "author": {"did": ANN, "handle": "ann.example", "displayName": "Ann"},
        "reason": "mention",
        "record": {"text": f"number {number}", "createdAt": at},
        "indexedAt": at,
    } | fields


def said(number: int, by: str, text: str, at: str) -> dict[str, Any]:
    message = {"id": f"m{number}", "rev": f"r{number}", "text": text, "sender": {"did": by}, "sentAt": at}
    return {
        "$type": "chat.bsky.convo.defs#logCreateMessage",
        "rev": f"r{number}",
        "convoId": "c1",
        "message": message,
    }


@pytest.fixture
def far(settings: Settings) -> Iterator[FarServer]:
    settings.HTTP_INNER_HOSTS = frozenset({"127.0.0.1"})
    with far_server() as server:
        tokens = {"accessJwt": "access-1", "refreshJwt": "refresh-1"}
        server.on(LOGIN, {"did": ME, "handle": "desk.example", **tokens})
        server.on(LISTING, {"notifications": []})
        server.on(f"{XRPC}com.atproto.repo.listRecords", {"records": []})
        server.on(LOG, {"logs": [], "cursor": "r0"})
        members = [{"did": ME, "handle": "desk.example"}, {"did": ANN, "handle": "ann.example", "displayName": "Ann"}]
        server.on(f"{XRPC}chat.bsky.convo.getConvo", {"convo": {"id": "c1", "members": members}})
        server.on(f"{XRPC}chat.bsky.convo.getMessages", {"messages": []})
        yield server


@pytest.fixture
def account(far: FarServer) -> SocialAccount:
    """Each has a password of its own, so that no session of others is found."""
    return SocialAccount.objects.create(
        channel=Channel.objects.create(slug="bluesky", kind=Channel.Kind.BLUESKY, name="Bluesky"),
        provider=Channel.Kind.BLUESKY,
        settings={"service": far.url, "handle": "@desk.example"},
        secrets=cast("Any", {"app_password": uuid4().hex}),
        key="k",
        created_at=make.NOON,
    )


def look(account: SocialAccount, cursor: str) -> tuple[list[Item], str]:
    found, cursor = CONNECTOR.poll(account, cursor)
    items = [CONNECTOR.read(account, raw) for _, raw in found]
    return [item for item in items if item is not None], cursor


class TestNotifications:
    def test_are_read_down_to_the_last_look_however_many(self, far: FarServer, account: SocialAccount) -> None:
        _, cursor = look(account, "")
        rows = [mention(number, now(1)) for number in range(450)]

        def pages(asked: Asked) -> Any:
            start = int(asked.one("cursor") or 0)
            page = rows[::-1][start : start + 100]
            return {"notifications": page} | ({"cursor": str(start + 100)} if start + 100 < len(rows) else {})

        far.on(LISTING, pages)

        items, _ = look(account, cursor)

        assert [item.external_id for item in items] == [row["uri"] for row in rows]

    def test_go_on_where_a_look_had_too_many_pages(self, far: FarServer, account: SocialAccount) -> None:
        _, cursor = look(account, "")
        rows = [mention(number, now(1)) for number in range(50)]

        def pages(asked: Asked) -> Any:
            start = int(asked.one("cursor") or 0)
            return {"notifications": rows[::-1][start : start + 1], "cursor": str(start + 1)}

        far.on(LISTING, pages)
        found: list[str] = []
        for _look in range(4):
            items, cursor = look(account, cursor)
            found += [item.external_id for item in items]

        assert set(found) >= {row["uri"] for row in rows}

    def test_that_come_late_are_found_below_those_that_are_known(self, far: FarServer, account: SocialAccount) -> None:
        _, cursor = look(account, "")
        written = json.loads(cursor)
        written["began"] = now(-600)
        far.on(LISTING, {"notifications": [mention(2, now())]})
        _, cursor = look(account, json.dumps(written))

        far.on(LISTING, {"notifications": [mention(2, now()), mention(1, now(-300))]})

        assert len(look(account, cursor)[0]) == 2

    def test_of_before_the_desk_began_are_left_alone(self, far: FarServer, account: SocialAccount) -> None:
        _, cursor = look(account, "")
        far.on(LISTING, {"notifications": [mention(1, now(-5))]})

        assert look(account, cursor)[0] == []

    def test_about_others_are_none_of_ours(self, far: FarServer, account: SocialAccount) -> None:
        _, cursor = look(account, "")
        root, theirs = f"at://{ME}/app.bsky.feed.post/1", "at://did:plc:ben/app.bsky.feed.post/2"
        reply = {"root": {"uri": root, "cid": "c"}, "parent": {"uri": theirs, "cid": "c"}}
        record = {"text": "I agree with you, Ben", "reply": reply}
        far.on(LISTING, {"notifications": [mention(1, now(1), reason="reply", record=record)]})

        assert look(account, cursor)[0] == []

    def test_that_make_no_sense_are_kept_and_the_good_ones_go_on(self, far: FarServer, account: SocialAccount) -> None:
        _, cursor = look(account, "")
        odd = [mention(2, "yesterday"), mention(3, now(1), record=None), mention(4, now(1), author={"did": "x"})]
        far.on(LISTING, {"notifications": [*odd, mention(1, now(1))]})

        found, _ = CONNECTOR.poll(account, cursor)

        assert len(found) == 4
        for uri, raw in found:
            if uri == mention(1, "")["uri"]:
                assert CONNECTOR.read(account, raw) is not None
            else:
                with pytest.raises(Unreadable):
                    CONNECTOR.read(account, raw)

    def test_fit_into_the_cursor_s_column(self, far: FarServer, account: SocialAccount) -> None:
        _, cursor = look(account, "")
        far.on(
            LISTING, {"notifications": [mention(1, now(1))], "cursor": "2026-11-22T10:00:00.000Z::bafyreib" + "x" * 60}
        )

        _, cursor = look(account, cursor)

        assert len(cursor) < 500


class TestASession:
    def test_is_renewed_and_made_anew_only_if_that_fails(self, far: FarServer, account: SocialAccount) -> None:
        _, cursor = look(account, "")
        renewed = {"did": ME, "handle": "desk.example", "accessJwt": "access-2", "refreshJwt": "refresh-2"}

        def only_second(asked: Asked) -> Any:
            good = asked.headers["authorization"] == "Bearer access-2"
            return (
                {"notifications": []} if good else Says(400, {"error": "ExpiredToken", "message": "Token has expired"})
            )

        far.on(LISTING, only_second)
        far.on(RENEWAL, renewed)
        look(account, cursor)
        assert [asked.headers["authorization"] for asked in far.calls(RENEWAL)] == ["Bearer refresh-1"]
        assert len(far.calls(LOGIN)) == 1

        far.on(LISTING, {"notifications": []})
        far.on(f"{XRPC}com.atproto.repo.listRecords", Says(401, {"error": "ExpiredToken"}))
        far.on(RENEWAL, Says(400, {"error": "ExpiredToken"}))
        with pytest.raises(LoginRefused):
            look(account, cursor)
        assert len(far.calls(LOGIN)) == 2

    @pytest.mark.parametrize(
        ("answer", "family", "wait"),
        [
            (
                Says(401, {"error": "AuthenticationRequired", "message": "Invalid identifier or password"}),
                LoginRefused,
                None,
            ),
            (Says(400, {"error": "AccountTakedown"}), LoginRefused, None),
            (Says(200, {"did": ME, "accessJwt": "a", "refreshJwt": "r", "active": False}), LoginRefused, None),
            (Says(429, {"error": "RateLimitExceeded"}, {"ratelimit-reset": "45"}), Temporary, 45),
            (Says(502, b"<html>"), Temporary, None),
            (Says(200, {"hello": 1}), Permanent, None),
        ],
    )
    def test_that_is_refused_says_what_to_do(
        self, far: FarServer, account: SocialAccount, answer: Says, family: type[GatewayError], wait: float | None
    ) -> None:
        far.on(LOGIN, answer)

        with pytest.raises(family) as caught:
            CONNECTOR.poll(account, "")

        assert caught.value.retry_after == wait


class TestPrivateMessages:
    """Recorded exchanges: retyped from the lexicons of chat.bsky."""

    def test_become_private_items(self, far: FarServer, account: SocialAccount) -> None:
        _, cursor = look(account, "")
        shared = {"record": {"uri": "at://did:plc:ben/app.bsky.feed.post/3kx"}}
        entry = said(1, ANN, "Look at this", now())
        entry["message"]["embed"] = shared
        other = {"$type": "chat.bsky.convo.defs#logReadMessage", "rev": "r2", "convoId": "c1"}
        far.on(
            LOG, lambda asked: {"logs": [entry, other], "cursor": "r2"} if asked.one("cursor") == "r0" else {"logs": []}
        )

        items, cursor = look(account, cursor)

        [item] = items
        assert (item.external_id, item.thread, item.is_public) == ("m1", "convo:c1", False)
        assert item.text == "Look at this\n\nhttps://bsky.app/profile/did:plc:ben/post/3kx"
        assert item.sender is not None
        assert (item.sender.value, item.sender.name, item.sender.display) == (ANN, "Ann", "@ann.example")
        assert far.calls(LOG)[-1].headers["atproto-proxy"] == "did:web:api.bsky.chat#bsky_chat"
        assert json.loads(cursor)["chat"] == "r2"
        assert look(account, cursor)[0] == []

    def test_of_a_group_are_left_alone(self, far: FarServer, account: SocialAccount) -> None:
        _, cursor = look(account, "")
        members = [{"did": did} for did in (ME, ANN, "did:plc:ben")]
        far.on(f"{XRPC}chat.bsky.convo.getConvo", {"convo": {"id": "c1", "members": members}})
        far.on(LOG, lambda asked: {"logs": [said(1, ANN, "Hi all", now())] if asked.one("cursor") == "r0" else []})

        assert look(account, cursor)[0] == []

    def test_of_our_own_hand_wait_until_they_are_settled(self, far: FarServer, account: SocialAccount) -> None:
        _, cursor = look(account, "")
        ours = said(1, ME, "By hand", now(-5))
        young = said(2, ME, "Perhaps by the desk", now())
        rest = {"r0": [ours, young], "r1": [young]}
        far.on(LOG, lambda asked: {"logs": rest.get(asked.one("cursor"), [])})

        items, cursor = look(account, cursor)

        assert [(item.kind, item.text) for item in items] == [("echo", "By hand")]
        assert json.loads(cursor)["chat"] == "r1"

    def test_that_are_not_allowed_leave_the_mentions_alone(self, far: FarServer, account: SocialAccount) -> None:
        refused = Says(400, {"error": "InvalidToken", "message": "Bad token method"})
        far.on(LOG, refused)

        checked = CONNECTOR.check(account)
        _, cursor = look(account, "")
        far.on(LISTING, {"notifications": [mention(1, now(1))]})

        assert not checked.ok
        assert "Bad token method" in checked.trouble
        assert len(look(account, cursor)[0]) == 1
        assert not far.calls(RENEWAL)

    def test_go_out_once(self, far: FarServer, account: SocialAccount) -> None:
        far.on(SEND, {"id": "m9", "rev": "r9"})
        post = OutgoingPost(thread="convo:c1", text="Your parcel: https://shop.example/p", idempotency_key="k")
        assert CONNECTOR.send(account, post).external_id == "m9"
        [asked] = far.calls(SEND)
        assert asked.values["message"]["facets"][0]["features"][0]["uri"] == "https://shop.example/p"

        ours = {"id": "m9", "sender": {"did": ME}, "text": post.text}
        far.on(
            f"{XRPC}chat.bsky.convo.getMessages",
            {"messages": [ours, {"id": "m8", "sender": {"did": ANN}, "text": "?"}]},
        )
        assert CONNECTOR.send(account, post).external_id == "m9"
        assert len(far.calls(SEND)) == 1

    def test_answer_a_public_post_in_private(self, far: FarServer, account: SocialAccount) -> None:
        far.on(f"{XRPC}chat.bsky.convo.getConvoForMembers", {"convo": {"id": "c7"}})
        far.on(SEND, {"id": "m9", "rev": "r9"})
        thread = f"at://{ANN}/app.bsky.feed.post/3k {ANN}"

        CONNECTOR.send(account, OutgoingPost(thread=thread, text="Your address, please?", idempotency_key="k"))

        assert far.calls(f"{XRPC}chat.bsky.convo.getConvoForMembers")[0].one("members") == ANN
        assert far.calls(SEND)[0].values["convoId"] == "c7"

    def test_of_a_broken_line_may_be_tried_again(self, far: FarServer, account: SocialAccount) -> None:
        far.on(SEND, Says(200, b"{", {"Content-Length": "4000"}))

        with pytest.raises(Temporary) as caught:
            CONNECTOR.send(account, OutgoingPost(thread="convo:c1", text="Hello", idempotency_key="k"))

        assert type(caught.value) is Temporary
