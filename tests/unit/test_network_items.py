"""What stored things of Mastodon and Bluesky say: plain values in, items out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.connectors import bluesky_items, mastodon_items
from helpdesk.connectors.social import Unreadable

AT = "2026-11-22T10:00:00.000Z"
STATUS = {
    "id": "11",
    "created_at": AT,
    "visibility": "public",
    "content": "<p>Hello</p>",
    "language": "fi",
    "url": "https://far.example/@ann/11",
    "account": {"id": "7", "acct": "Ann@Far.example", "display_name": "Ann 🐘", "uri": "https://far.example/users/ann"},
}
POST = {
    "uri": "at://did:plc:ann/app.bsky.feed.post/3kabc",
    "cid": "bafy",
    "author": {"did": "did:plc:ann", "handle": "ann.example"},
    "indexedAt": AT,
    "record": {"text": "Hello", "langs": ["fi"]},
}


def toot(what: str = "message", **fields: Any) -> bytes:
    return json.dumps({"what": what, "thread": "11:7", "domain": "desk.example", "status": STATUS | fields}).encode()


def skeet(**record: Any) -> bytes:
    post = POST | {"record": POST["record"] | record}  # type: ignore[operator]
    return json.dumps({"what": "message", "thread": "t", "post": post}).encode()


class TestAStatus:
    def test_says_who_wrote_what_and_where(self) -> None:
        item = mastodon_items.read(toot())

        assert (item.kind, item.external_id, item.thread, item.is_public) == ("message", "11", "11:7", True)
        assert item.sender is not None
        assert (item.sender.value, item.sender.display) == ("ann@far.example", "@ann@far.example")
        assert (item.sender.name, item.sender.mark) == ("Ann 🐘", "https://far.example/users/ann")
        assert item.extra["language"] == "fi"

    @pytest.mark.parametrize(
        ("visibility", "is_public"),
        [
            ("public", True),
            ("unlisted", True),
            ("private", False),
            ("direct", False),
            ("limited", False),
            (None, False),
        ],
    )
    def test_is_public_only_if_everybody_may_read_it(self, visibility: str | None, is_public: bool) -> None:
        assert mastodon_items.read(toot(visibility=visibility)).is_public is is_public

    def test_begins_with_its_warning_and_ends_with_its_poll(self) -> None:
        poll = {"options": [{"title": "Blue"}, {"title": "Green"}]}

        assert (
            mastodon_items.read(toot(spoiler_text="Colours", poll=poll)).text == "Colours\n\nHello\n\n○ Blue\n○ Green"
        )

    def test_of_our_own_server_has_its_name(self) -> None:
        item = mastodon_items.read(toot(account={"id": "8", "acct": "ben"}))

        assert item.sender is not None
        assert item.sender.value == "ben@desk.example"

    def test_leads_only_to_the_web(self) -> None:
        files = [{"id": "1", "type": "image", "url": "javascript:alert(1)"}]
        item = mastodon_items.read(toot(url="javascript:alert(1)", media_attachments=files))

        assert item.url == ""
        assert [media.url for media in item.media] == [""]

    def test_that_was_edited_names_what_it_changes(self) -> None:
        item = mastodon_items.read(toot("edit", edited_at="2026-11-22T11:00:00Z"))

        assert (item.kind, item.refers_to, item.external_id) == ("edit", "11", "edit:11:2026-11-22T11:00:00Z")

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"[]",
            b"{}",
            b"\xff",
            toot("dance"),
            toot(id="x" * 300),
            toot(created_at="soon"),
            toot(account={}),
            b"[" * 9,
        ],
    )
    def test_that_is_none_is_refused(self, raw: bytes) -> None:
        with pytest.raises(Unreadable):
            mastodon_items.read(raw)


class TestAPost:
    def test_says_who_wrote_what_and_where(self) -> None:
        item = bluesky_items.read(skeet())

        assert item.external_id == POST["uri"]
        assert item.url == "https://bsky.app/profile/did:plc:ann/post/3kabc"
        assert item.sender is not None
        assert (item.sender.value, item.sender.name, item.sender.display) == (
            "did:plc:ann",
            "ann.example",
            "@ann.example",
        )

    def test_shows_what_hangs_below_it(self) -> None:
        page = {"$type": "app.bsky.embed.external", "external": {"uri": "https://shop.example/a"}}
        quoted = {"$type": "app.bsky.embed.record", "record": {"uri": "at://did:plc:ben/app.bsky.feed.post/3kx"}}
        image = {"alt": "A lamp", "image": {"ref": {"$link": "bafkrei"}, "mimeType": "image/png", "size": 900}}
        pictures = {"$type": "app.bsky.embed.images", "images": [image]}

        assert bluesky_items.read(skeet(embed=page)).text == "Hello\n\nhttps://shop.example/a"
        assert bluesky_items.read(skeet(embed=quoted)).text == "Hello\n\nhttps://bsky.app/profile/did:plc:ben/post/3kx"
        [media] = bluesky_items.read(skeet(embed=pictures)).media
        assert (media.url, media.name) == (f"{bluesky_items.PICTURES}/did:plc:ann/bafkrei@jpeg", "A lamp")

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{}",
            b"[1]",
            skeet(embed={"$type": "app.bsky.embed.images", "images": [{}]}),
            json.dumps({"what": "message", "thread": "t", "post": POST | {"author": {"did": "ann"}}}).encode(),
            json.dumps({"what": "message", "thread": "t", "post": POST | {"uri": "at://a b"}}).encode(),
            json.dumps({"what": "chat", "thread": "t", "message": {}, "author": {}}).encode(),
        ],
    )
    def test_that_is_none_is_refused(self, raw: bytes) -> None:
        with pytest.raises(Unreadable):
            bluesky_items.read(raw)


class TestAKey:
    @given(st.text(max_size=40))
    def test_is_one_of_the_protocol_and_lies_before_all_that_people_make(self, name: str) -> None:
        key = bluesky_items.key_for(name)

        assert key == bluesky_items.key_for(name)
        assert len(key) == 13
        assert set(key) <= set("234567abcdefghijklmnopqrstuvwxyz")
        assert "222" < key < bluesky_items.FIRST_BY_HAND < "3kabcdefghijk"

    def test_of_each_message_is_another(self) -> None:
        assert len({bluesky_items.key_for(f"luotsi-{number}:0") for number in range(2_000)}) == 2_000
