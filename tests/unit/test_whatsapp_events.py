"""What WhatsApp delivers, read from samples of Meta's documentation."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpdesk.connectors import whatsapp_events
from helpdesk.connectors.social import Handle, Item, Media, Unreadable
from tests.meta_samples import NUMBER, PHONE, USER_ID, body, change, profile, status, whatsapp, written

WHEN = datetime(2026, 3, 12, 8, 15, 30, tzinfo=UTC)


#: Names of fields, so that what is made up comes near the real thing.
WORDS = """id type from timestamp text body image contacts interactive context order product_items reaction edit revoke
message location errors code""".split()


def read(*changes: Any) -> list[Item | None]:
    return [whatsapp_events.read(raw, own_id=NUMBER) for _, raw in whatsapp_events.split(whatsapp(*changes))]


def one(message: dict[str, Any], **value: Any) -> Item:
    (item,) = read(change(messages=[message], contacts=[profile()], **value))
    assert item is not None
    return item


def receipt(told: dict[str, Any]) -> Item | None:
    (item,) = read(change(statuses=[told]))
    return item


class TestADelivery:
    def test_brings_messages_and_statuses_of_several_changes(self) -> None:
        found = whatsapp_events.split(
            whatsapp(
                change(messages=[written(), written(message_id="wamid.two")], contacts=[profile()]),
                change(statuses=[status("sent"), status("delivered")]),
                change("smb_message_echoes", message_echoes=[{**written(message_id="wamid.app"), "to": PHONE}]),
            )
        )

        assert [name for name, _ in found] == [
            "message:wamid.one",
            "message:wamid.two",
            "sent:wamid.ours",
            "delivered:wamid.ours",
            "echo:wamid.app",
        ]

    @pytest.mark.parametrize("bad", [None, [], "x", {}, {"type": "text"}, {"id": "", "text": {"body": "no id"}}])
    def test_keeps_the_good_ones_around_a_bad_one(self, bad: Any) -> None:
        found = whatsapp_events.split(whatsapp(change(messages=[written(), bad, written(message_id="wamid.two")])))

        assert [name for name, _ in found][::2] == ["message:wamid.one", "message:wamid.two"]
        assert all(whatsapp_events.read(raw, own_id=NUMBER) for _, raw in found[::2])
        with pytest.raises(Unreadable):
            whatsapp_events.read(found[1][1], own_id=NUMBER)

    def test_about_the_account_itself_holds_nothing_for_people(self) -> None:
        quality = {"field": "phone_number_quality_update", "value": {"event": "FLAGGED"}}

        assert whatsapp_events.split(whatsapp(quality, change(errors=[{"code": 130429}]))) == []

    def test_for_another_number_says_so(self) -> None:
        ((_, raw),) = whatsapp_events.split(whatsapp(change(number="999", messages=[written()])))

        with pytest.raises(Unreadable, match=rf"999.*{NUMBER}"):
            whatsapp_events.read(raw, own_id=NUMBER)

    def test_of_an_unknown_form_is_kept(self) -> None:
        ((name, raw),) = whatsapp_events.split(body({"object": "whatsapp_business_account", "entry": [{"id": "1"}]}))

        assert name.startswith("unreadable:")
        with pytest.raises(Unreadable):
            whatsapp_events.read(raw, own_id=NUMBER)

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(WORDS),
                    inner
                    | st.sampled_from(["text", "image", "contacts", "interactive", "order", "edit", "1773303330"]),
                    max_size=7,
                )
            ),
            max_leaves=12,
        )
    )
    def test_of_any_shape_is_read_or_refused_and_never_breaks(self, thing: Any) -> None:
        told = change(messages=[thing], statuses=[thing], message_echoes=[thing], contacts=[thing])
        for _, raw in whatsapp_events.split(whatsapp(told)):
            try:
                whatsapp_events.read(raw, own_id=NUMBER)
            except Unreadable:
                continue


class TestWhoWrote:
    def test_is_named_by_the_number_with_the_id_behind_it(self) -> None:
        item = one(written())

        assert item.thread == USER_ID
        assert item.sender == Handle(
            kind="whatsapp",
            value=f"+{PHONE}",
            name="Liisa Laine",
            display=f"+{PHONE}",
            mark=USER_ID,
            is_verified=True,
        )
        assert item.extra == {"phone": f"+{PHONE}", "user_id": USER_ID}

    def test_goes_on_in_the_same_conversation_when_the_number_is_hidden(self) -> None:
        hidden = {name: value for name, value in written().items() if name != "from"}
        person = {"profile": {"name": "Liisa Laine", "username": "liisa.laine"}, "user_id": USER_ID}

        (item,) = read(change(messages=[hidden], contacts=[person]))

        assert item is not None
        assert item.sender is not None
        assert item.thread == one(written()).thread
        assert (item.sender.value, item.sender.display, item.sender.mark) == (USER_ID, "@liisa.laine", USER_ID)
        assert "phone" not in item.extra

    def test_is_known_by_the_number_where_there_is_no_id_yet(self) -> None:
        old = {name: value for name, value in written().items() if name != "from_user_id"}

        (item,) = read(change(messages=[old], contacts=[{"profile": {"name": "Liisa"}, "wa_id": PHONE}]))

        assert item is not None
        assert item.thread == PHONE

    def test_comes_from_the_right_profile_of_a_batch(self) -> None:
        other = {"profile": {"name": "Somebody"}, "wa_id": "4670", "user_id": "SE.1"}

        (item,) = read(change(messages=[written()], contacts=[other, profile()]))

        assert item is not None
        assert item.sender is not None
        assert item.sender.name == "Liisa Laine"

    def test_must_be_said(self) -> None:
        nameless = {name: value for name, value in written().items() if not name.startswith("from")}

        with pytest.raises(Unreadable, match="who wrote"):
            read(change(messages=[nameless]))


class TestAMessage:
    def test_has_words_a_time_and_what_it_answers(self) -> None:
        item = one(written(context={"from": "358207654321", "id": "wamid.ours", "forwarded": True}))

        assert (item.kind, item.external_id, item.at) == ("message", "wamid.one", WHEN)
        assert (item.text, item.reply_to, item.extra["is_forwarded"]) == ("Does it come in blue?", "wamid.ours", True)

    @pytest.mark.parametrize(
        ("kind", "content", "name"),
        [
            ("image", {"id": "77", "mime_type": "image/jpeg", "sha256": "x", "caption": "Broken here"}, "picture"),
            ("audio", {"id": "77", "mime_type": "audio/ogg; codecs=opus", "voice": True}, "voice"),
            ("sticker", {"id": "77", "mime_type": "image/webp", "animated": False}, "sticker"),
            ("document", {"id": "77", "mime_type": "application/pdf", "filename": "bill.pdf"}, "bill.pdf"),
        ],
    )
    def test_brings_a_file_by_its_id(self, kind: str, content: dict[str, Any], name: str) -> None:
        item = one(written(kind, content))

        assert item.media == (Media(name=name, content_type=content["mime_type"], reference="77"),)
        assert item.text == content.get("caption", "")

    @pytest.mark.parametrize(
        ("kind", "content", "words"),
        [
            ("button", {"text": "Yes please", "payload": "YES"}, "Yes please"),
            ("interactive", {"type": "button_reply", "button_reply": {"id": "1", "title": "Cancel"}}, "Cancel"),
            (
                "interactive",
                {"type": "list_reply", "list_reply": {"id": "1", "title": "Monday", "description": "before noon"}},
                "Monday – before noon",
            ),
            (
                "location",
                {"latitude": 60.17, "longitude": 24.94, "name": "Market square", "address": "Helsinki"},
                "📍 60.17, 24.94, Market square, Helsinki",
            ),
            (
                "contacts",
                [
                    {
                        "name": {"formatted_name": "Matti Meri"},
                        "phones": [{"phone": "+358 40 1"}],
                        "emails": [{"email": "m@meri.example"}],
                    }
                ],
                "👤 Matti Meri, +358 40 1, m@meri.example",
            ),
            (
                "order",
                {
                    "text": "Please",
                    "product_items": [
                        {"product_retailer_id": "lamp-7", "quantity": 2, "item_price": 9.5, "currency": "EUR"}
                    ],
                },
                "Please\n2 × lamp-7 9.5 EUR",
            ),
        ],
    )
    def test_of_another_kind_is_put_in_words(self, kind: str, content: Any, words: str) -> None:
        assert one(written(kind, content)).text == words

    @pytest.mark.parametrize("kind", ["unsupported", "poll_creation", "interactive", ""])
    def test_is_never_empty(self, kind: str) -> None:
        errors = [{"code": 131051, "title": "Message type unknown"}]

        assert "WhatsApp" in one(written(kind, {}, errors=errors)).text

    def test_that_the_system_writes_is_nothing(self) -> None:
        moved = {"body": "User changed number", "type": "user_changed_number", "wa_id": "358409999999"}

        assert read(change(messages=[written("system", moved)])) == [None]


class TestChanges:
    def test_edit_names_the_message(self) -> None:
        newer = {"type": "text", "text": {"body": "In green"}, "context": {"id": "M0"}}

        item = one(written("edit", {"original_message_id": "wamid.one", "message": newer}, message_id="wamid.edit"))

        assert (item.kind, item.refers_to, item.text, item.external_id) == (
            "edit",
            "wamid.one",
            "In green",
            "wamid.edit",
        )

    def test_taking_back_names_the_message(self) -> None:
        item = one(written("revoke", {"original_message_id": "wamid.one"}, message_id="wamid.revoke"))

        assert (item.kind, item.refers_to) == ("deletion", "wamid.one")

    def test_a_reaction_proves_that_it_was_read(self) -> None:
        item = one(written("reaction", {"message_id": "wamid.ours", "emoji": "👍"}))

        assert (item.kind, item.receipt, item.refers_to) == ("receipt", "read", "wamid.ours")


class TestEchoes:
    def test_of_the_app_on_the_phone_are_ours_in_the_customer_s_conversation(self) -> None:
        told = {
            "from": "358207654321",
            "to": PHONE,
            "to_user_id": USER_ID,
            "id": "wamid.app",
            "timestamp": "1773303330",
        }
        text = {"type": "text", "text": {"body": "On its way"}}

        (item,) = read(change("smb_message_echoes", message_echoes=[{**told, **text}]))

        assert item is not None
        assert (item.kind, item.thread, item.text, item.sender) == ("echo", USER_ID, "On its way", None)

    def test_can_be_taken_back_on_the_phone(self) -> None:
        told = {"to": PHONE, "id": "wamid.r", "timestamp": "1773303330", "type": "revoke"}

        (item,) = read(
            change("smb_message_echoes", message_echoes=[{**told, "revoke": {"original_message_id": "wamid.app"}}])
        )

        assert item is not None
        assert (item.kind, item.refers_to) == ("deletion", "wamid.app")


class TestStatuses:
    @pytest.mark.parametrize(
        ("told", "receipt_kind"),
        [("sent", "sent"), ("delivered", "delivered"), ("read", "read"), ("played", "read"), ("failed", "failed")],
    )
    def test_are_receipts(self, told: str, receipt_kind: str) -> None:
        item = receipt(status(told))

        assert item is not None
        assert (item.kind, item.receipt, item.refers_to, item.thread) == (
            "receipt",
            receipt_kind,
            "wamid.ours",
            USER_ID,
        )
        assert item.at == WHEN

    def test_of_a_failure_say_why(self) -> None:
        details = {"details": "Message failed to send because more than 24 hours have passed."}
        closed = receipt(
            status("failed", errors=[{"code": 131047, "title": "Re-engagement message", "error_data": details}])
        )
        gone = receipt(status("failed", errors=[{"code": 131026, "title": "Message undeliverable"}]))
        silent = receipt(status("failed"))

        assert closed is not None
        assert gone is not None
        assert silent is not None
        assert closed.extra["error"] == "The customer wrote more than 24 hours ago: choose a template. (131047)"
        assert gone.extra["error"] == "Meta: Message undeliverable (131026)"
        assert "no reason" in silent.extra["error"]

    @pytest.mark.parametrize("told", ["deleted", "warning", ""])
    def test_of_other_kinds_are_nothing(self, told: str) -> None:
        assert receipt(status(told)) is None
