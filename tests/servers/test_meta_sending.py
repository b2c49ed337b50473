"""What the desk asks of Meta's Graph API, against a server that stands for it: payloads, errors, checks, files."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import Settings

from helpdesk.connectors import meta_graph
from helpdesk.connectors.meta_graph import Access, WindowClosed
from helpdesk.connectors.meta_instagram import connector as instagram
from helpdesk.connectors.meta_messenger import connector as messenger
from helpdesk.connectors.meta_whatsapp import connector as whatsapp
from helpdesk.connectors.social import Handle, Media, OutgoingPost, Sent, Template, Upload
from helpdesk.models import SocialAccount
from mail_gateway.errors import GatewayError, LoginRefused, OutcomeUnknown, Permanent, Temporary
from tests.graph_api import GraphApi, graph_api
from tests.meta_samples import (
    APP_ID,
    APP_SECRET,
    BUSINESS,
    FOLLOWER,
    INSTAGRAM,
    NUMBER,
    PAGE,
    PERSON,
    PHONE,
    TOKEN,
    USER_ID,
)

TAKEN = {"recipient_id": PERSON, "message_id": "m_ours"}
PICTURE = Upload(name='lamp "new".png', content_type="image/png", content=b"\x89PNG\r\n--x")


@pytest.fixture
def api(settings: Settings) -> Iterator[GraphApi]:
    with graph_api(settings) as running:
        yield running


def account(**more: Any) -> SocialAccount:
    """An account that is not stored: connectors change no row."""
    settings = {
        "app_id": APP_ID,
        "page_id": f" {PAGE} ",
        "instagram_id": INSTAGRAM,
        "business_id": BUSINESS,
        "phone_number_id": NUMBER,
        **more,
    }
    secrets: Any = {"app_secret": APP_SECRET, "access_token": TOKEN}
    return SocialAccount(key="k", settings=settings, secrets=secrets)


def post(text: str = "Good morning, äiti", **more: Any) -> OutgoingPost:
    return OutgoingPost(**{"thread": PERSON, "text": text, "idempotency_key": "delivery-7", **more})


class TestMessenger:
    def test_answers_with_the_page_s_token_and_the_app_s_proof(self, api: GraphApi) -> None:
        api.say(TAKEN)

        assert messenger.send(account(), post()) == Sent(external_id="m_ours")

        (asked,) = api.asked
        assert (asked.method, asked.path) == ("POST", f"/{meta_graph.VERSION}/{PAGE}/messages")
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        assert len(asked.query["appsecret_proof"]) == 64
        assert asked.sent == {
            "recipient": {"id": PERSON},
            "message": {"text": "Good morning, äiti", "metadata": "delivery-7"},
            "messaging_type": "RESPONSE",
        }

    def test_quotes_the_message_that_it_answers_or_does_without(self, api: GraphApi) -> None:
        api.say(TAKEN)
        api.refuse(100)
        api.say(TAKEN)

        messenger.send(account(), post(reply_to="m_theirs"))
        messenger.send(account(), post(reply_to="m_gone"))

        assert [asked.sent.get("reply_to") for asked in api.asked] == [{"mid": "m_theirs"}, {"mid": "m_gone"}, None]

    def test_says_after_a_day_that_the_window_is_closed(self, api: GraphApi) -> None:
        api.refuse(10, 2018278)

        with pytest.raises(WindowClosed):
            messenger.send(account(), post())

    def test_answers_as_a_person_after_a_day_where_the_app_may(self, api: GraphApi) -> None:
        api.refuse(10, 2018278)
        api.say(TAKEN)

        messenger.send(account(human_agent="yes"), post())

        assert api.asked[1].sent["messaging_type"] == "MESSAGE_TAG"
        assert api.asked[1].sent["tag"] == "HUMAN_AGENT"

    def test_uploads_files_before_it_sends_anything(self, api: GraphApi) -> None:
        api.say({"attachment_id": "a_1"})
        api.say(TAKEN)
        api.say({**TAKEN, "message_id": "m_second"})

        sent = messenger.send(account(), post(media=(PICTURE,)))

        assert sent == Sent(external_id="m_ours", parts=("m_ours", "m_second"))

        upload, words, file = api.asked
        assert upload.path.endswith(f"/{PAGE}/message_attachments")
        assert (
            b'name="filedata"; filename="lamp new.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n--x\r\n'
            in upload.body
        )
        assert b'{"attachment":{"type":"image","payload":{"is_reusable":true}}}' in upload.body
        assert words.sent["message"]["text"] == "Good morning, äiti"
        assert file.sent["message"]["attachment"] == {"type": "image", "payload": {"attachment_id": "a_1"}}

    def test_does_not_double_what_is_out_already(self, api: GraphApi) -> None:
        api.say({"attachment_id": "a_1"})
        api.say(TAKEN)
        api.refuse(2)

        with pytest.raises(Permanent, match="1 of 2 parts were sent"):
            messenger.send(account(), post(media=(PICTURE,)))

    def test_asks_for_the_name_of_a_person(self, api: GraphApi) -> None:
        api.say({"first_name": "Liisa", "last_name": "Laine", "profile_pic": "https://cdn.example/p", "id": PERSON})

        found = messenger.introduce(account(), Handle(kind="messenger", value=PERSON, is_verified=True))

        assert (found.name, found.value, found.is_verified) == ("Liisa Laine", PERSON, True)
        assert found.picture_url == "https://cdn.example/p"
        assert api.asked[0].query["fields"].startswith("first_name")


class TestInstagram:
    def test_sends_through_the_linked_page(self, api: GraphApi) -> None:
        api.say(TAKEN)

        instagram.send(account(), post(thread=FOLLOWER))

        assert api.asked[0].path == f"/{meta_graph.VERSION}/{PAGE}/messages"
        assert "metadata" not in api.asked[0].sent["message"]

    def test_sends_as_itself_with_its_own_login(self, api: GraphApi) -> None:
        api.say(TAKEN)

        instagram.send(account(login="instagram"), post(thread=FOLLOWER))

        assert api.asked[0].path == f"/instagram/{meta_graph.VERSION}/{INSTAGRAM}/messages"
        assert api.asked[0].query == {}

    def test_counts_bytes_before_it_sends(self, api: GraphApi) -> None:
        with pytest.raises(Permanent, match="1000 bytes of text, and this has 1002"):
            instagram.send(account(), post("ä" * 501))

        assert api.asked == []

    def test_says_of_what_platform_a_file_is(self, api: GraphApi) -> None:
        api.say({"attachment_id": "a_1"})
        api.say(TAKEN)

        instagram.send(account(), post("", media=(PICTURE,)))

        assert b'name="platform"\r\n\r\ninstagram' in api.asked[0].body


class TestWhatsApp:
    def test_writes_to_the_id_behind_the_number(self, api: GraphApi) -> None:
        api.say({"messages": [{"id": "wamid.ours"}]})

        sent = whatsapp.send(account(), post(thread=USER_ID, reply_to="wamid.theirs"))

        assert sent == Sent(external_id="wamid.ours")
        assert api.asked[0].path == f"/{meta_graph.VERSION}/{NUMBER}/messages"
        assert api.asked[0].sent == {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "recipient": USER_ID,
            "type": "text",
            "text": {"body": "Good morning, äiti", "preview_url": False},
            "biz_opaque_callback_data": "delivery-7",
            "context": {"message_id": "wamid.theirs"},
        }

    def test_writes_to_the_number_where_there_is_no_id(self, api: GraphApi) -> None:
        api.say({"messages": [{"id": "wamid.ours"}]})

        whatsapp.send(account(), post(thread=PHONE))

        assert api.asked[0].sent["to"] == PHONE
        assert "recipient" not in api.asked[0].sent

    def test_gives_a_single_picture_the_words_as_its_caption(self, api: GraphApi) -> None:
        api.say({"id": "media_1"})
        api.say({"messages": [{"id": "wamid.ours"}]})

        whatsapp.send(account(), post(thread=PHONE, media=(PICTURE,)))

        upload, sent = api.asked
        assert upload.path.endswith(f"/{NUMBER}/media")
        assert b'name="messaging_product"\r\n\r\nwhatsapp' in upload.body
        assert sent.sent["image"] == {"id": "media_1", "caption": "Good morning, äiti"}

    def test_sends_what_it_can_t_show_as_a_document(self, api: GraphApi) -> None:
        api.say({"id": "media_1"})
        api.say({"messages": [{"id": "wamid.ours"}]})

        table = Upload(name="prices.ods", content_type="application/vnd.oasis.opendocument.spreadsheet", content=b"x")
        whatsapp.send(account(), post("", thread=PHONE, media=(table,)))

        assert api.asked[1].sent["document"] == {"id": "media_1", "filename": "prices.ods"}

    def test_fills_a_template(self, api: GraphApi) -> None:
        api.say({"messages": [{"id": "wamid.1"}]})
        api.say({"messages": [{"id": "wamid.2"}]})

        numbered = Template(name="order_ready", language="fi", values=("Liisa", "7"), places=("1", "2"))
        whatsapp.send(account(), post("ignored", thread=PHONE, template=numbered))
        named = Template(name="hello", language="en_US", values=("Liisa",), places=("first_name",))
        whatsapp.send(account(), post("", thread=PHONE, template=named))

        first, second = (asked.sent["template"] for asked in api.asked)
        assert first == {
            "name": "order_ready",
            "language": {"code": "fi"},
            "components": [
                {"type": "body", "parameters": [{"type": "text", "text": "Liisa"}, {"type": "text", "text": "7"}]}
            ],
        }
        assert second["components"][0]["parameters"] == [
            {"type": "text", "parameter_name": "first_name", "text": "Liisa"}
        ]
        assert "text" not in api.asked[0].sent

    def test_refuses_a_template_with_a_place_left_open(self, api: GraphApi) -> None:
        half = Template(name="order_ready", language="fi", values=("Liisa",), places=("1", "2"))

        with pytest.raises(Permanent, match="Not every place"):
            whatsapp.send(account(), post(thread=PHONE, template=half))

        assert api.asked == []

    def test_lists_approved_templates_of_all_pages(self, api: GraphApi) -> None:
        body = [{"type": "BODY", "text": "Hello {{1}}"}]
        row = {"status": "APPROVED", "category": "UTILITY", "language": "en", "components": body}
        paging = {"cursors": {"after": "c_1"}, "next": "https://graph.example/next"}
        api.say({"data": [{**row, "name": "b"}, {**row, "name": "x", "status": "REJECTED"}], "paging": paging})
        api.say({"data": [{**row, "name": "a"}], "paging": {"cursors": {"after": "c_2"}}})

        found = whatsapp.templates(account())

        assert [(template.name, template.places) for template in found] == [("a", ("1",)), ("b", ("1",))]
        assert [asked.query.get("after") for asked in api.asked] == [None, "c_1"]

    def test_fetches_a_file_by_its_id_with_the_token(self, api: GraphApi) -> None:
        api.say({"url": f"{api.url}/v/file?ext=1", "mime_type": "image/jpeg"})
        api.say(b"\xff\xd8picture")

        content = whatsapp.fetch(account(), Media(reference="77"))

        assert content == b"\xff\xd8picture"
        assert api.asked[0].path == f"/{meta_graph.VERSION}/77"
        assert api.asked[1].headers["authorization"] == f"Bearer {TOKEN}"

    def test_never_shows_the_token_to_the_open_web(self, api: GraphApi) -> None:
        api.say(b"story")

        whatsapp.fetch(account(), Media(url=f"{api.url}/v/story"))

        assert "authorization" not in api.asked[0].headers


class TestARefusal:
    @pytest.mark.parametrize(
        ("code", "subcode", "status", "family"),
        [
            (190, 463, 401, LoginRefused),
            (190, 0, 400, LoginRefused),
            (10, 0, 403, LoginRefused),
            (200, 0, 403, LoginRefused),
            (230, 0, 403, LoginRefused),
            (131031, 0, 403, LoginRefused),
            (368, 0, 403, LoginRefused),
            (10, 2018278, 400, WindowClosed),
            (10, 2534022, 400, WindowClosed),
            (131047, 0, 400, WindowClosed),
            (551, 0, 400, Permanent),
            (200, 1545041, 403, Permanent),
            (100, 2018001, 400, Permanent),
            (131026, 0, 400, Permanent),
            (131049, 0, 400, Permanent),
            (132001, 0, 404, Permanent),
            (131042, 0, 400, Permanent),
            (4, 0, 400, Temporary),
            (613, 0, 400, Temporary),
            (80007, 0, 400, Temporary),
            (130429, 0, 400, Temporary),
            (131056, 0, 400, Temporary),
            (131016, 0, 503, Temporary),
            (2, 0, 500, Temporary),
            (1, 1357046, 400, OutcomeUnknown),
            (987654, 0, 500, Temporary),
            (987654, 0, 400, Permanent),
        ],
    )
    def test_is_of_the_right_family(
        self, api: GraphApi, code: int, subcode: int, status: int, family: type[GatewayError]
    ) -> None:
        api.refuse(code, subcode, status=status)

        with pytest.raises(family) as caught:
            meta_graph.post(Access(TOKEN), "x/messages", {})

        assert type(caught.value) is family
        assert caught.value.code == code
        assert TOKEN not in str(caught.value)

    def test_quotes_what_meta_says_to_people(self, api: GraphApi) -> None:
        api.refuse(100, error_user_msg="The page is not published.")
        api.refuse(132000, error_data={"details": "body: number of localizable_params (1) does not match"})

        for words in ("page is not published", "number of localizable_params"):
            with pytest.raises(Permanent, match=words):
                meta_graph.get(Access(TOKEN), "x")

    @pytest.mark.parametrize(
        ("code", "headers", "seconds"),
        [
            (4, {"Retry-After": "120"}, 120),
            (4, {"Retry-After": "99999999"}, 86_400),
            (80006, {"X-Business-Use-Case-Usage": '{"1":[{"estimated_time_to_regain_access":3}]}'}, 180),
            (4, {"X-Business-Use-Case-Usage": '{"1":[{"estimated_time_to_regain_access":0}]}'}, None),
            (4, {"X-Business-Use-Case-Usage": "[["}, None),
            (131056, {}, 30),
            (4, {}, None),
        ],
    )
    def test_tells_how_long_to_wait(
        self, api: GraphApi, code: int, headers: dict[str, str], seconds: int | None
    ) -> None:
        api.say({"error": {"code": code, "message": "slow down"}}, status=400, headers=headers)

        with pytest.raises(Temporary) as caught:
            meta_graph.get(Access(TOKEN), "x")

        assert caught.value.retry_after == seconds

    @pytest.mark.parametrize(
        ("status", "family"), [(502, Temporary), (429, Temporary), (404, Permanent), (401, LoginRefused)]
    )
    def test_of_something_in_between_follows_its_status(
        self, api: GraphApi, status: int, family: type[GatewayError]
    ) -> None:
        api.say(b"<html>Sorry</html>", status=status)

        with pytest.raises(family):
            meta_graph.get(Access(TOKEN), "x")

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]"])
    def test_in_an_answer_that_can_t_be_read_leaves_open_whether_it_was_sent(self, api: GraphApi, body: bytes) -> None:
        api.say(body)
        api.say(body)

        with pytest.raises(OutcomeUnknown):
            meta_graph.post(Access(TOKEN), "x/messages", {})
        with pytest.raises(Temporary) as caught:
            meta_graph.get(Access(TOKEN), "x")
        assert not isinstance(caught.value, OutcomeUnknown)


class TestACheck:
    GOOD = {"is_valid": True, "expires_at": 0, "scopes": ["pages_messaging", "pages_manage_metadata"]}

    def test_says_whose_page_it_is_and_when_the_token_ends(self, api: GraphApi) -> None:
        api.say({"data": {**self.GOOD, "expires_at": 1789000000, "data_access_expires_at": 1788000000}})
        api.say({"id": PAGE, "name": "Laine Oy"})

        found = messenger.check(account())

        assert (found.ok, found.name, found.trouble) == (True, "Laine Oy", "")
        assert found.expires_at == datetime.fromtimestamp(1788000000, tz=UTC)
        assert api.asked[0].query["input_token"] == TOKEN
        assert api.asked[0].headers["authorization"] == f"Bearer {APP_ID}|{APP_SECRET}"

    def test_of_a_token_without_end_says_never(self, api: GraphApi) -> None:
        api.say({"data": self.GOOD})
        api.say({"id": PAGE, "name": "Laine Oy"})

        found = messenger.check(account())

        assert found.expires_at is None
        assert ("Token ends", "never") in found.details

    def test_tells_which_part_is_wrong(self, api: GraphApi) -> None:
        api.refuse(190, status=400)
        assert "app ID and the app secret don't fit" in messenger.check(account()).trouble

        api.say({"data": {"is_valid": False}})
        assert "not valid any more" in messenger.check(account()).trouble

        api.say({"data": {**self.GOOD, "scopes": ["pages_messaging"]}})
        assert "lacks permissions: pages_manage_metadata." in messenger.check(account()).trouble

        api.say({"data": self.GOOD})
        api.refuse(100, 33)
        found = messenger.check(account())
        assert "does not show this account to the token" in found.trouble
        assert not found.ok

    def test_does_not_call_an_outage_a_wrong_token(self, api: GraphApi) -> None:
        api.refuse(2, status=503)

        with pytest.raises(Temporary):
            messenger.check(account())

    def test_of_whatsapp_counts_the_templates(self, api: GraphApi) -> None:
        scopes = ["whatsapp_business_messaging", "whatsapp_business_management"]
        api.say({"data": {"is_valid": True, "scopes": scopes}})
        api.say({"id": NUMBER, "display_phone_number": "+358 20 7654321", "verified_name": "Laine Oy"})
        api.say({"data": []})

        found = whatsapp.check(account())

        assert found.name == "Laine Oy +358 20 7654321"
        assert ("Approved templates", "0") in found.details

    def test_of_instagram_s_own_login_asks_who_it_is(self, api: GraphApi) -> None:
        direct = account(login="instagram")
        api.say({"user_id": INSTAGRAM, "username": "laine.oy"})
        assert instagram.check(direct).name == "@laine.oy"

        api.say({"user_id": "42", "username": "other"})
        assert "belongs to the account 42" in instagram.check(direct).trouble

        api.refuse(190)
        assert "does not accept the access token" in instagram.check(direct).trouble

    def test_of_instagram_through_a_page_wants_the_page(self, api: GraphApi) -> None:
        assert "Facebook page" in instagram.check(account(page_id="")).trouble
        assert api.asked == []


class TestConnecting:
    WHERE = "https://desk.example/hooks/social/k/"

    def test_enters_the_address_at_meta_and_subscribes_the_page(self, api: GraphApi) -> None:
        api.say({"data": [{"object": "instagram", "callback_url": "https://elsewhere.example/"}]})
        api.say({"success": True})
        api.say({"success": True})

        messenger.connect(account(), self.WHERE)

        _, app, page = api.asked
        assert app.path.endswith(f"/{APP_ID}/subscriptions")
        assert (app.sent["object"], app.sent["callback_url"]) == ("page", self.WHERE)
        challenge = {"hub.mode": "subscribe", "hub.challenge": "7", "hub.verify_token": app.sent["verify_token"]}
        assert messenger.handshake(account(), challenge) == "7"
        assert "message_echoes" in app.sent["fields"]
        assert page.path.endswith(f"/{PAGE}/subscribed_apps")

    def test_takes_no_address_away_from_another(self, api: GraphApi) -> None:
        api.say({"data": [{"object": "page", "callback_url": "https://elsewhere.example/hook"}]})

        with pytest.raises(Permanent, match=r"https://elsewhere\.example/hook"):
            messenger.connect(account(), self.WHERE)

        assert len(api.asked) == 1

    def test_can_be_done_again(self, api: GraphApi) -> None:
        api.say({"data": [{"object": "page", "callback_url": self.WHERE}]})
        api.say({"success": True})
        api.say({"success": True})

        messenger.connect(account(), self.WHERE)

        assert len(api.asked) == 3

    def test_of_whatsapp_gives_the_number_an_address_of_its_own(self, api: GraphApi) -> None:
        api.say({"success": True})
        api.say({"success": True})

        whatsapp.connect(account(), self.WHERE)

        business, number = api.asked
        assert business.path.endswith(f"/{BUSINESS}/subscribed_apps")
        assert number.path.endswith(f"/{NUMBER}")
        assert number.sent["webhook_configuration"]["override_callback_uri"] == self.WHERE

    def test_of_instagram_s_own_login_subscribes_the_account(self, api: GraphApi) -> None:
        api.say({"success": True})

        instagram.connect(account(login="instagram"), self.WHERE)

        assert api.asked[0].path == f"/instagram/{meta_graph.VERSION}/{INSTAGRAM}/subscribed_apps"
