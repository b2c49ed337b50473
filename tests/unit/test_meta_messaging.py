"""What Messenger and Instagram deliver, read from samples of Meta's documentation with real signatures."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpdesk.connectors import meta, meta_messaging
from helpdesk.connectors.meta_messaging import Side
from helpdesk.connectors.social import Forged, Item, Media, Unreadable
from tests import meta_samples as samples
from tests.meta_samples import PAGE, PERSON, attachment, echo, event, messaging

PAGE_SIDE = Side("page", "messenger", PAGE, samples.APP_ID)
INSTAGRAM_SIDE = Side("instagram", "instagram", samples.INSTAGRAM, samples.APP_ID)
WHEN = datetime(2026, 3, 12, 8, 15, 30, 250_000, tzinfo=UTC)


def read(*events: Any, listed: str = "messaging") -> list[Item | None]:
    """The items of a delivery to the page."""
    return [
        meta_messaging.read(PAGE_SIDE, raw)
        for _, raw in meta_messaging.split(PAGE_SIDE, messaging(*events, listed=listed))
    ]


def one(event: Any) -> Item:
    (item,) = read(event)
    assert item is not None
    return item


def names(*events: Any) -> list[str]:
    return [name for name, _ in meta_messaging.split(PAGE_SIDE, messaging(*events))]


def on_instagram(**parts: Any) -> Item | None:
    told = event(sender=samples.FOLLOWER, recipient=samples.INSTAGRAM, **parts)
    delivery = messaging(told, account=samples.INSTAGRAM, kind="instagram")
    ((_, raw),) = meta_messaging.split(INSTAGRAM_SIDE, delivery)
    return meta_messaging.read(INSTAGRAM_SIDE, raw)


class TestTheSignature:
    def test_is_over_the_bytes_as_they_came(self) -> None:
        raw = messaging(event(message={"mid": "m_1", "text": "Moi, äiti! 👋 a/b"}))
        assert b"\\u00e4" in raw
        assert b"a\\/b" in raw

        meta.require_signature(app_secret=samples.APP_SECRET, headers=samples.signed(raw), body=raw)

        rewritten = json.dumps(json.loads(raw), ensure_ascii=False).encode()
        with pytest.raises(Forged):
            meta.require_signature(app_secret=samples.APP_SECRET, headers=samples.signed(raw), body=rewritten)

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"x-hub-signature-256": ""},
            {"x-hub-signature-256": "sha256="},
            {"x-hub-signature-256": "sha256=ääää"},
            {"x-hub-signature": samples.signed(b"{}")["x-hub-signature-256"]},
            {"x-hub-signature-256": samples.signed(b"{}")["x-hub-signature-256"].removeprefix("sha256=")},
            {"x-hub-signature-256": samples.signed(b"{}")["x-hub-signature-256"].replace("sha256", "sha1")},
            samples.signed(b"{ }"),
            samples.signed(b"{}", secret="another"),
        ],
    )
    def test_refuses_everything_else(self, headers: dict[str, str]) -> None:
        with pytest.raises(Forged):
            meta.require_signature(app_secret=samples.APP_SECRET, headers=headers, body=b"{}")

    def test_fails_closed_without_a_secret(self) -> None:
        with pytest.raises(Forged):
            meta.require_signature(app_secret="", headers=samples.signed(b"{}", secret=""), body=b"{}")


class TestTheHandshake:
    def test_gives_the_challenge_back_to_who_knows_the_token(self) -> None:
        query = {"hub.mode": "subscribe", "hub.verify_token": "abc", "hub.challenge": "1158201444"}

        assert meta.answer_handshake(token="abc", query=query) == "1158201444"
        assert meta.answer_handshake(token="abd", query=query) is None
        assert meta.answer_handshake(token="", query={**query, "hub.verify_token": ""}) is None
        assert meta.answer_handshake(token="abc", query={**query, "hub.mode": "unsubscribe"}) is None
        assert meta.answer_handshake(token="abc", query={}) is None

    def test_token_follows_secret_and_address(self) -> None:
        token = meta.verify_token(app_secret="s", key="k")

        assert len(token) == 32
        assert len({token, meta.verify_token(app_secret="t", key="k"), meta.verify_token(app_secret="s", key="l")}) == 3


class TestADelivery:
    def test_is_split_into_events_in_their_order(self) -> None:
        assert names(event(message={"mid": "m_2", "text": "b"}), event(message={"mid": "m_1", "text": "a"})) == [
            "message:m_2",
            "message:m_1",
        ]

    @pytest.mark.parametrize("bad", [None, 7, "text", [], {}, {"message": {"text": "no id"}}, {"sender": "me"}])
    def test_keeps_the_good_ones_around_a_bad_one(self, bad: Any) -> None:
        good = [event(message={"mid": f"m_{number}", "text": "hello"}) for number in (1, 2)]

        found = meta_messaging.split(PAGE_SIDE, messaging(good[0], bad, good[1]))

        assert [name for name, _ in found][::2] == ["message:m_1", "message:m_2"]
        assert found[1][0].startswith("unreadable:")
        items = [meta_messaging.read(PAGE_SIDE, raw) for _, raw in found[::2]]
        assert [item.text for item in items if item] == ["hello", "hello"]
        if not isinstance(bad, dict) or "sender" not in bad:
            with pytest.raises(Unreadable):
                meta_messaging.read(PAGE_SIDE, found[1][1])

    def test_has_the_same_names_when_it_comes_again_in_another_batch(self) -> None:
        first, second = event(message={"mid": "m_1"}), event(message_edit={"mid": "m_1", "text": "x", "num_edit": 1})

        assert names(first, second) == list(reversed(names(second, first)))
        assert len(set(names(first, second))) == 2

    @pytest.mark.parametrize(
        "raw",
        [b"", b"nonsense", b"[]", b"{}", b'{"object":"page"}', b'{"object":"page","entry":{}}', b"[" * 50_000],
    )
    def test_that_is_none_is_unreadable(self, raw: bytes) -> None:
        with pytest.raises(Unreadable):
            meta_messaging.split(PAGE_SIDE, raw)

    def test_of_another_kind_says_so(self) -> None:
        with pytest.raises(Unreadable, match=r"“instagram”.*“page”"):
            meta_messaging.split(PAGE_SIDE, messaging(event(message={"mid": "m"}), kind="instagram"))

    def test_for_another_page_says_so(self) -> None:
        ((_, raw),) = meta_messaging.split(PAGE_SIDE, messaging(event(message={"mid": "m"}), account="999"))

        with pytest.raises(Unreadable, match=r"999.*100200300400500"):
            meta_messaging.read(PAGE_SIDE, raw)

    def test_with_too_many_items_is_none(self) -> None:
        with pytest.raises(Unreadable, match="more than 2000"):
            meta_messaging.split(PAGE_SIDE, messaging(*({"n": number} for number in range(2_001))))

    def test_names_fit_into_their_column(self) -> None:
        (name,) = names(event(message={"mid": "m_" + "x" * 400}))

        assert len(name) <= 200

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "message",
                            "mid",
                            "sender",
                            "id",
                            "text",
                            "timestamp",
                            "attachments",
                            "payload",
                            "delivery",
                            "mids",
                            "read",
                            "reply_to",
                            "story",
                            "url",
                            "type",
                        ]
                    ),
                    inner,
                    max_size=6,
                )
            ),
            max_leaves=12,
        )
    )
    def test_of_any_shape_is_read_or_refused_and_never_breaks(self, event: Any) -> None:
        for _, raw in meta_messaging.split(PAGE_SIDE, messaging(event)):
            try:
                meta_messaging.read(PAGE_SIDE, raw)
            except Unreadable:
                continue


class TestAMessage:
    def test_has_words_a_time_and_who_wrote_it(self) -> None:
        item = one(event(message={"mid": "m_1", "text": "Hello\x00 \ud83d", "reply_to": {"mid": "m_0"}}))

        assert (item.kind, item.external_id, item.thread, item.at) == ("message", "m_1", PERSON, WHEN)
        assert (item.text, item.reply_to) == ("Hello ?", "m_0")
        assert item.sender is not None
        assert (item.sender.kind, item.sender.value, item.sender.is_verified) == ("messenger", PERSON, True)
        assert not item.is_public

    @pytest.mark.parametrize(
        ("kind", "name"),
        [("image", "picture"), ("video", "video"), ("audio", "voice"), ("ig_reel", "reel"), ("sticker", "sticker")],
    )
    def test_brings_its_files(self, kind: str, name: str) -> None:
        item = one(attachment(kind, url="https://cdn.example/x?y=1"))

        assert item.media == (Media(url="https://cdn.example/x?y=1", name=name),)

    def test_keeps_the_name_of_a_file(self) -> None:
        assert one(attachment("file", url="https://cdn.example/x", title="bill.pdf")).media[0].name == "bill.pdf"

    def test_says_where_a_shared_thing_is(self) -> None:
        assert one(attachment("fallback", url="https://shop.example/7", title="Blue lamp")).text == (
            "Blue lamp https://shop.example/7"
        )
        assert one(attachment("location", coordinates={"lat": 60.17, "long": 24.94})).text == "📍 60.17, 24.94"

    def test_of_a_shared_post_says_it_once(self) -> None:
        both = [
            {"type": kind, "payload": {"url": "https://instagram.example/p/1", "title": "New"}}
            for kind in ("share", "ig_post")
        ]

        assert one(event(message={"mid": "m", "attachments": both})).text == "New https://instagram.example/p/1"

    @pytest.mark.parametrize(
        "message",
        [
            {},
            {"is_unsupported": True},
            {"attachments": [{"type": "fallback", "payload": None}]},
            {"attachments": [None]},
        ],
    )
    def test_is_never_empty(self, message: dict[str, Any]) -> None:
        assert "Messenger" in one(event(message={"mid": "m", **message})).text

    def test_of_a_button_has_its_words(self) -> None:
        item = one(event(postback={"mid": "m_9", "title": "Get started", "payload": "START"}))

        assert (item.kind, item.external_id, item.text) == ("message", "m_9", "Get started")
        assert item.extra["payload"] == "START"

    def test_that_another_app_answers_is_heard_too(self) -> None:
        (item,) = read(event(message={"mid": "m_1", "text": "hi"}), listed="standby")

        assert item is not None
        assert item.text == "hi"

    @pytest.mark.parametrize(
        "parts", [{"optin": {"type": "x"}}, {"referral": {"ref": "x"}}, {"pass_thread_control": {}}]
    )
    def test_without_a_person_s_words_is_nothing(self, parts: dict[str, Any]) -> None:
        assert read(event(**parts)) == [None]


class TestChanges:
    def test_edits_name_the_message_and_count(self) -> None:
        first, second = (
            event(message_edit={"mid": "m_1", "text": text, "num_edit": number})
            for number, text in ((1, "a"), (2, "b"))
        )

        items = read(first, second)

        assert [(item.kind, item.refers_to, item.text) for item in items if item] == [
            ("edit", "m_1", "a"),
            ("edit", "m_1", "b"),
        ]
        assert len({item.external_id for item in items if item}) == 2

    def test_the_edit_that_comes_with_every_new_message_is_nothing(self) -> None:
        assert read(event(message_edit={"mid": "m_1", "num_edit": 0})) == [None]

    def test_taking_back_has_another_name_than_the_message(self) -> None:
        gone = event(message={"mid": "m_1", "is_deleted": True})

        assert names(event(message={"mid": "m_1", "text": "x"}), gone) == ["message:m_1", "deletion:m_1"]
        assert (one(gone).kind, one(gone).refers_to, one(gone).text) == ("deletion", "m_1", "")


class TestEchoes:
    def test_of_the_page_s_inbox_are_ours_in_the_customer_s_conversation(self) -> None:
        item = one(echo(text="From the app", app_id=263902037430900))

        assert (item.kind, item.thread, item.text, item.sender) == ("echo", PERSON, "From the app", None)

    def test_of_our_own_app_are_known_already(self) -> None:
        assert read(echo(text="Ours", app_id=int(samples.APP_ID), metadata="key")) == [None]

    def test_come_without_the_word_too(self) -> None:
        assert one(event(sender=PAGE, recipient=PERSON, message={"mid": "m", "text": "x"})).kind == "echo"


class TestReceipts:
    def test_of_several_messages_become_one_for_each(self) -> None:
        told = event(delivery={"mids": ["m_1", "m_2"], "watermark": samples.AT_MS})

        items = read(told)

        assert [(item.receipt, item.refers_to) for item in items if item] == [
            ("delivered", "m_1"),
            ("delivered", "m_2"),
        ]
        assert len(set(names(told))) == 2

    def test_without_names_are_of_all_up_to_a_moment(self) -> None:
        delivered, seen = read(event(delivery={"watermark": samples.AT_MS}), event(read={"watermark": samples.AT_MS}))

        assert delivered is not None
        assert seen is not None
        assert (delivered.receipt, seen.receipt) == ("delivered", "read")
        assert (seen.refers_to, seen.thread, seen.at) == ("", PERSON, WHEN)

    def test_a_reaction_proves_that_it_was_read(self) -> None:
        item = one(event(reaction={"mid": "m_1", "action": "react", "emoji": "❤", "reaction": "love"}))

        assert (item.kind, item.receipt, item.refers_to, item.extra["reaction"]) == ("receipt", "read", "m_1", "❤")


class TestInstagram:
    def test_reads_a_message_and_what_it_answers(self) -> None:
        story = {"story": {"id": "s_1", "url": "https://cdn.example/story"}}

        item = on_instagram(message={"mid": "mid.x", "text": "Where is this?", "reply_to": story})

        assert item is not None
        assert item.sender is not None
        assert (item.sender.kind, item.sender.value) == ("instagram", samples.FOLLOWER)
        assert item.media == (Media(url="https://cdn.example/story", name="story"),)
        assert item.extra == {"story": "s_1"}

    def test_says_that_a_story_mentions_us(self) -> None:
        mention = {"type": "story_mention", "payload": {"url": "https://cdn.example/story"}}

        item = on_instagram(message={"mid": "mid.x", "attachments": [mention]})

        assert item is not None
        assert item.text == "(mentioned us in a story)"
        assert item.media[0].name == "story"

    def test_names_the_message_that_was_read(self) -> None:
        item = on_instagram(read={"mid": "mid.ours"})

        assert item is not None
        assert (item.receipt, item.refers_to, item.at) == ("read", "mid.ours", WHEN)

    def test_says_in_words_what_instagram_keeps_back(self) -> None:
        item = on_instagram(message={"mid": "mid.x", "is_unsupported": True})

        assert item is not None
        assert "Instagram" in item.text

    def test_is_not_mixed_up_with_the_page(self) -> None:
        delivery = messaging(event(message={"mid": "m"}), kind="instagram", account=PAGE)
        ((_, raw),) = meta_messaging.split(INSTAGRAM_SIDE, delivery)

        with pytest.raises(Unreadable):
            meta_messaging.read(INSTAGRAM_SIDE, raw)
        assert meta_messaging.read(replace(INSTAGRAM_SIDE, own_id=PAGE), raw) is not None
