"""The connector of Bluesky against the network's own servers."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from django.utils import timezone

from helpdesk.connectors import bluesky_api
from helpdesk.connectors.bluesky import Bluesky
from helpdesk.connectors.bluesky_items import public_thread
from helpdesk.connectors.social import Item, OutgoingPost, Upload
from helpdesk.models import Channel, SocialAccount
from mail_gateway.errors import LoginRefused
from tests.platforms.bluesky_server import Network, Person, join
from tests.platforms.test_mastodon import PNG

pytestmark = pytest.mark.django_db

NOW = Bluesky(settles_after=timedelta(0))


def somebody(network: Network, name: str) -> Person:
    return join(network, f"{name}{uuid4().hex[:8]}")


@pytest.fixture
def desk(bluesky: Network) -> Person:
    return somebody(bluesky, "desk")


@pytest.fixture
def ann(bluesky: Network) -> Person:
    return somebody(bluesky, "ann")


@pytest.fixture
def account(bluesky: Network, desk: Person) -> SocialAccount:
    channel = Channel.objects.create(slug="bluesky", kind=Channel.Kind.BLUESKY, name="Bluesky")
    return SocialAccount.objects.create(
        channel=channel,
        provider=Channel.Kind.BLUESKY,
        settings={"service": bluesky.url, "handle": desk.handle, "chat": "no"},
        secrets=cast("Any", {"app_password": desk.password}),
        key="k" * 43,
        created_at=timezone.now(),
    )


def look(account: SocialAccount, cursor: str) -> tuple[list[Item], str]:
    """What is new, as items."""
    found, cursor = NOW.poll(account, cursor)
    items = [NOW.read(account, raw) for _, raw in found]
    return [item for item in items if item is not None], cursor


def until(happens: Callable[[], Any]) -> Any:
    """What comes of it, once it has: the network's parts tell each other in their own time."""
    ends_at = time.monotonic() + 60
    while not (found := happens()):
        assert time.monotonic() < ends_at, "it does not happen"
        time.sleep(0.1)
    return found


class TestAnAccount:
    def test_is_checked(self, account: SocialAccount, desk: Person) -> None:
        checked = NOW.check(account)

        assert checked.ok
        assert checked.name == f"@{desk.handle}"

    def test_with_a_wrong_password_is_told_apart(self, account: SocialAccount) -> None:
        account.secrets = cast("Any", {"app_password": "wrong"})

        checked = NOW.check(account)

        assert not checked.ok
        assert checked.trouble
        with pytest.raises(LoginRefused):
            NOW.send(account, OutgoingPost(thread="at://x did:plc:x", text="Hello", is_public=True))

    def test_goes_on_when_its_token_is_over(self, account: SocialAccount) -> None:
        client = bluesky_api.Client(bluesky_api.login_of(account))
        first = client.me
        over = bluesky_api.Session(first.did, first.handle, first.server, first.refresh, first.refresh)
        bluesky_api._sessions[client.login.key] = over

        told = client.query("com.atproto.server.getSession")

        assert told["did"] == first.did
        assert client.me.access != over.access
        assert client.me.refresh != first.refresh


class TestWhatIsSent:
    def test_answers_in_the_thread(self, account: SocialAccount, ann: Person, desk: Person) -> None:
        asked = ann.mention(desk, "where is my parcel?")
        post = OutgoingPost(
            thread=public_thread(root=asked["uri"], did=ann.did),
            text=f"Hello @{ann.handle}, see https://shop.example/parcels #parcel 📦",
            reply_to=asked["uri"],
            is_public=True,
            idempotency_key="b1",
        )

        sent = NOW.send(account, post)

        [record] = desk.posts()
        assert record["uri"] == sent.external_id
        assert record["value"]["reply"] == {"root": asked, "parent": asked}
        kinds = [facet["features"][0]["$type"].partition("#")[2] for facet in record["value"]["facets"]]
        assert kinds == ["mention", "link", "tag"]

    def test_twice_is_there_once(self, account: SocialAccount, ann: Person, desk: Person) -> None:
        asked = ann.mention(desk, "where is my parcel?")
        post = OutgoingPost(
            thread=public_thread(root=asked["uri"], did=ann.did), text="Here.", is_public=True, idempotency_key="b2"
        )

        first, second = NOW.send(account, post), NOW.send(account, post)

        assert first == second
        assert len(desk.posts()) == 1

    def test_at_length_becomes_a_chain(self, account: SocialAccount, ann: Person, desk: Person) -> None:
        asked = ann.mention(desk, "tell me everything")
        text = "\n\n".join(f"Paragraph {number}: " + "word " * 40 for number in range(3))
        post = OutgoingPost(
            thread=public_thread(root=asked["uri"], did=ann.did), text=text, is_public=True, idempotency_key="b3"
        )

        sent = NOW.send(account, post)

        posts = {record["value"]["text"][:11]: record for record in desk.posts()}
        chain = [posts[f"Paragraph {number}"] for number in range(3)]
        assert chain[0]["uri"] == sent.external_id
        assert [each["value"]["reply"]["parent"]["uri"] for each in chain] == [
            asked["uri"],
            *(e["uri"] for e in chain[:2]),
        ]
        assert {each["value"]["reply"]["root"]["uri"] for each in chain} == {asked["uri"]}

    def test_with_a_picture_shows_it(self, account: SocialAccount, ann: Person, desk: Person) -> None:
        asked = ann.mention(desk, "what does it look like?")
        picture = Upload(name="A red dot", content_type="image/png", content=PNG)
        post = OutgoingPost(
            thread=public_thread(root=asked["uri"], did=ann.did),
            text="So:",
            media=(picture,),
            is_public=True,
            idempotency_key="b4",
        )

        NOW.send(account, post)

        [record] = desk.posts()
        [image] = record["value"]["embed"]["images"]
        assert image["alt"] == "A red dot"
        assert image["image"]["mimeType"] == "image/png"

    def test_to_what_was_deleted_meanwhile_stands_alone(
        self, account: SocialAccount, ann: Person, desk: Person
    ) -> None:
        asked = ann.mention(desk, "never mind")
        ann.delete(asked["uri"])
        post = OutgoingPost(
            thread=public_thread(root=asked["uri"], did=ann.did), text="Fine.", is_public=True, idempotency_key="b5"
        )

        NOW.send(account, post)

        [record] = desk.posts()
        assert "reply" not in record["value"]


class TestWhatArrives:
    @pytest.fixture(autouse=True)
    def _app_view(self, bluesky: Network) -> None:
        if not bluesky.has_app_view:
            pytest.skip(
                "mentions need the AppView: LUOTSI_BLUESKY_POSTGRES and LUOTSI_BLUESKY_REDIS say where it lives"
            )

    def test_is_who_mentions_us_since_the_desk_began(self, account: SocialAccount, ann: Person, desk: Person) -> None:
        assert look(account, "")[0] == []
        _, cursor = look(account, "")
        asked = ann.mention(desk, "my order is late")
        until(desk.hears)

        items, cursor = look(account, cursor)

        [item] = items
        assert item.external_id == asked["uri"]
        assert item.thread == public_thread(root=asked["uri"], did=ann.did)
        assert item.text == f"@{desk.handle} my order is late"
        assert item.is_public
        assert item.sender is not None
        assert (item.sender.value, item.sender.display) == (ann.did, f"@{ann.handle}")
        # It is young: it comes again, under the same id.
        assert [again.external_id for again in look(account, cursor)[0]] == [asked["uri"]]

    def test_under_our_posts_counts_too_and_by_hand_is_an_echo(
        self, account: SocialAccount, ann: Person, desk: Person
    ) -> None:
        news = desk.post("We are closed tomorrow")
        _, cursor = look(account, "")
        until(lambda: ann.sees(news))
        asked = ann.post("Why?", reply={"root": news, "parent": news})
        until(desk.hears)
        answer = desk.post("Holidays.", reply={"root": news, "parent": asked})

        items, cursor = look(account, cursor)

        assert [(item.kind, item.external_id) for item in items] == [("message", asked["uri"]), ("echo", answer["uri"])]
        assert {item.thread for item in items} == {public_thread(root=news["uri"], did=ann.did)}

    def test_never_holds_what_the_desk_wrote_itself(self, account: SocialAccount, ann: Person, desk: Person) -> None:
        asked = ann.mention(desk, "where is it?")
        _, cursor = look(account, "")
        until(lambda: ann.sees(asked))
        thread = public_thread(root=asked["uri"], did=ann.did)
        NOW.send(account, OutgoingPost(thread=thread, text="On its way.", is_public=True, idempotency_key="b6"))
        until(ann.hears)

        items, _ = look(account, cursor)

        assert [item.kind for item in items if item.kind == "echo"] == []
