"""A chat channel's page in the console, and the documents that a visitor's browser loads for it."""

import gzip
import json
import re

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk.actions.chat_sites import make_key, save_chat_channel
from helpdesk.console.chat_form import origin_of
from helpdesk.models import Agent, Channel, ChatKey, ChatSite, Entry, Team
from helpdesk.widget import assets

SHOP = "https://shop.example"


@pytest.fixture
def site(billing: Team, eli: Agent) -> ChatSite:
    values = {"name": "Shop", "slug": "shop", "team": billing, "allowed_origins": [SHOP], "languages": ["fi", "en"]}
    return save_chat_channel(site=None, values=values, by=None, at=timezone.now())


@pytest.fixture
def admin(client: Client, dora: Agent) -> Client:
    client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
    return client


def posted(**fields: object) -> dict[str, object]:
    usual = {
        "name": "Web shop",
        "allowed_origins": SHOP,
        "colour": "#ffdd00",
        "side": "left",
        "languages": ["en", "sv"],
        "is_faq_first": "no",
        "is_active": "on",
        "return_minutes": "5",
        "greeting_sv": "Hej",
        "ask_email": "required",
        "own1_en": "Order number",
        "own2_en": "Colour",
        "own2_kind": "choice",
        "own2_choices": "Red\nBlue\n",
    }
    return {**usual, **fields}


class TestThePageOfAChat:
    def test_makes_a_channel_and_shows_its_line(self, admin: Client) -> None:
        response = admin.post("/channels/chat/new/", posted(), follow=True)

        site = ChatSite.objects.get()
        page = response.content.decode()
        assert (site.channel.kind, site.channel.slug) == (Channel.Kind.CHAT, "web-shop")
        assert site.allowed_origins == [SHOP]
        assert (site.side, site.languages, site.is_faq_first) == ("left", ["en", "sv"], False)
        assert site.greetings == {"sv": "Hej"}
        assert [field["name"] for field in site.pre_chat_fields] == ["email", "own1", "own2"]
        assert site.pre_chat_fields[2]["choices"] == ["Red", "Blue"]
        assert "/chat/web-shop/widget.js&#34;&gt;&lt;/script&gt;" in page
        assert "sha384-" in page

    def test_shows_again_what_was_stored(self, admin: Client) -> None:
        admin.post("/channels/chat/new/", posted())
        site = ChatSite.objects.get()

        page = admin.get(f"/channels/chat/{site.channel_id}/").content.decode()
        again = admin.post(f"/channels/chat/{site.channel_id}/", posted(), follow=True)

        assert "Order number" in page
        assert "Red\nBlue" in page
        assert again.status_code == 200
        assert Entry.objects.filter(kind=Entry.Kind.SETTINGS_CHANGED).count() == 1, "the same again is no change"

    def test_refuses_what_is_no_site(self, admin: Client) -> None:
        for wrong in ("not a site", "https://*.example", "ftp://shop.example", "https://me@shop.example"):
            response = admin.post("/channels/chat/new/", posted(allowed_origins=wrong))

            assert response.status_code == 200
            assert "errorlist" in response.content.decode()
        assert not ChatSite.objects.exists()

    def test_says_what_stands_in_the_way(self, admin: Client, site: ChatSite) -> None:
        values = {"allowed_origins": [], "colour": "#787878", "requires_identity": True}
        save_chat_channel(site=site, values=values, by=None, at=timezone.now())

        page = admin.get(f"/channels/chat/{site.channel_id}/").content.decode()

        assert "No site may show it yet" in page
        assert "#787878 would be hard to read" in page
        assert "it has no key" in page
        assert "No mailbox can send" in page

    def test_previews_what_is_typed_without_storing_it(self, admin: Client, site: ChatSite) -> None:
        response = admin.post(f"/channels/chat/{site.channel_id}/preview/", posted(title="Typed just now"))

        assert "Typed just now" in response.content.decode()
        assert "X-Frame-Options" not in response.headers or response["X-Frame-Options"] == "SAMEORIGIN"
        site.refresh_from_db()
        assert site.title == ""

    def test_is_for_admins_alone(self, client: Client, eli: Agent, site: ChatSite) -> None:
        client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")

        assert client.get(f"/channels/chat/{site.channel_id}/").status_code == 403
        assert client.post(f"/channels/chat/{site.channel_id}/keys/").status_code == 403


class TestKeys:
    def test_show_their_secret_once(self, admin: Client, site: ChatSite) -> None:
        shown = admin.post(f"/channels/chat/{site.channel_id}/keys/").content.decode()
        later = admin.get(f"/channels/chat/{site.channel_id}/").content.decode()

        key = ChatKey.objects.get()
        assert key.secret in shown
        assert key.secret not in later
        assert key.kid in later
        assert key.secret not in json.dumps(list(Entry.objects.values_list("data", flat=True)))

    def test_are_two_at_most_and_can_be_retired(self, admin: Client, site: ChatSite, dora: Agent) -> None:
        first = make_key(site=site, by=dora, at=timezone.now())
        make_key(site=site, by=dora, at=timezone.now())

        admin.post(f"/channels/chat/{site.channel_id}/keys/")
        assert site.keys.count() == 2
        admin.post(f"/channels/chat/{site.channel_id}/keys/retire/", {"kid": first.kid})

        first.refresh_from_db()
        assert first.retired_at is not None
        assert first.secret not in admin.get(f"/channels/chat/{site.channel_id}/").content.decode()


class TestWhatAVisitorLoads:
    def test_is_the_loader_with_the_settings_in_it(self, client: Client, site: ChatSite) -> None:
        response = client.get("/chat/shop/widget.js", headers={"accept-encoding": "gzip"})

        script = gzip.decompress(response.content).decode()
        assert len(response.content) <= 5_000
        assert '"key":"shop"' in script
        assert "settings */ null" not in script
        assert not response.cookies

    def test_is_a_document_that_only_the_channels_sites_may_frame(self, client: Client, site: ChatSite) -> None:
        response = client.get("/chat/shop/panel/?language=fi")

        policy = response["Content-Security-Policy"]
        assert f"frame-ancestors 'self' {SHOP}" in policy
        assert "unsafe" not in policy
        assert "X-Frame-Options" not in response.headers
        assert not response.cookies
        assert 'lang="fi"' in response.content.decode()

    def test_names_no_address_of_anybody_else(self, client: Client, site: ChatSite) -> None:
        page = client.get("/chat/shop/panel/").content.decode()
        loaded = re.findall(r'(?:src|href)="([^"#]+)"', page)

        assert loaded
        assert all(address.startswith("/widget/") for address in loaded)
        assert {client.get(address).status_code for address in loaded} == {200}

    def test_keeps_files_as_long_as_their_content(self, client: Client) -> None:
        now = client.get(assets.address_of("panel.js"))
        former = client.get("/widget/0123456789ab/panel.js")

        assert "immutable" in now["Cache-Control"]
        assert "immutable" not in former["Cache-Control"]
        assert client.get("/widget/x/settings.py").status_code == 404

    def test_is_nothing_where_the_chat_is_closed(self, client: Client, site: ChatSite) -> None:
        save_chat_channel(site=site, values={"is_active": False}, by=None, at=timezone.now())

        assert client.get("/chat/shop/widget.js").status_code == 404
        assert client.get("/chat/shop/panel/").status_code == 404


class TestOriginOf:
    @pytest.mark.parametrize(
        ("typed", "origin"),
        [
            ("shop.example", "https://shop.example"),
            ("HTTPS://Shop.Example/basket?x=1", "https://shop.example"),
            ("http://localhost:3000/", "http://localhost:3000"),
            ("localhost:3000", "http://localhost:3000"),
            ("127.0.0.1:3000/shop", "http://127.0.0.1:3000"),
            ("localhost.example", "https://localhost.example"),
            ("https://shop.example:443", "https://shop.example"),
            ("https://*.shop.example", "https://*.shop.example"),
        ],
    )
    def test_reads_what_people_paste(self, typed: str, origin: str) -> None:
        assert origin_of(typed) == origin
