"""The connector of Mastodon against a server that somebody else wrote."""

from datetime import timedelta
from typing import Any, cast

import pytest
from django.utils import timezone

from helpdesk.connectors.mastodon import Mastodon
from helpdesk.connectors.mastodon_items import private_thread
from helpdesk.connectors.social import Item, OutgoingPost, Upload
from helpdesk.models import Channel, SocialAccount
from mail_gateway.errors import LoginRefused, Permanent
from tests.platforms.mastodon_server import Person

pytestmark = pytest.mark.django_db

#: One red dot.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)
NOW = Mastodon(settles_after=timedelta(0))


@pytest.fixture
def account(mastodon: str) -> SocialAccount:
    channel = Channel.objects.create(slug="fediverse", kind=Channel.Kind.MASTODON, name="Fediverse")
    return SocialAccount.objects.create(
        channel=channel,
        provider=Channel.Kind.MASTODON,
        settings={"server": mastodon, "visibility": "unlisted"},
        secrets=cast("Any", {"token": "desk-token"}),
        key="k" * 43,
        created_at=timezone.now(),
    )


@pytest.fixture
def desk(mastodon: str) -> Person:
    return Person(mastodon, "desk-token")


@pytest.fixture
def ann(mastodon: str) -> Person:
    return Person(mastodon, "ann-token")


@pytest.fixture
def ben(mastodon: str) -> Person:
    return Person(mastodon, "ben-token")


def look(account: SocialAccount, cursor: str) -> tuple[list[Item], str]:
    """What is new, as items."""
    found, cursor = NOW.poll(account, cursor)
    items = [NOW.read(account, raw) for _, raw in found]
    return [item for item in items if item is not None], cursor


class TestAnAccount:
    def test_is_checked(self, account: SocialAccount) -> None:
        checked = NOW.check(account)

        assert checked.ok
        assert checked.name.startswith("@desk@")

    def test_with_a_wrong_token_is_told_apart(self, account: SocialAccount) -> None:
        account.secrets = cast("Any", {"token": "wrong"})

        checked = NOW.check(account)

        assert not checked.ok
        assert "token" in checked.trouble
        with pytest.raises(LoginRefused):
            NOW.poll(account, "")


class TestWhatArrives:
    def test_is_what_came_since_the_desk_began(self, account: SocialAccount, ann: Person) -> None:
        ann.post("@desk long before")
        items, cursor = look(account, "")
        assert items == []

        status = ann.post("@desk my order is late <b>very</b> https://shop.example/orders/4711", language="en")
        items, cursor = look(account, cursor)

        [item] = items
        assert item.kind == "message"
        assert item.external_id == status["id"]
        assert item.text == "@desk my order is late <b>very</b> https://shop.example/orders/4711"
        assert item.is_public
        assert item.sender is not None
        assert item.sender.value.startswith("ann@")
        assert item.sender.name == "Ann"
        assert item.thread == f"{status['id']}:{status['account']['id']}"
        assert look(account, cursor)[0] == []

    def test_privately_is_private_and_one_thread(self, account: SocialAccount, ann: Person) -> None:
        _, cursor = look(account, "")
        first = ann.post("@desk my card number is", visibility="direct")
        ann.post("@desk and another thing", visibility="direct")

        items, cursor = look(account, cursor)

        assert [item.is_public for item in items] == [False, False]
        assert {item.thread for item in items} == {private_thread(first["account"]["id"])}

    def test_in_great_number_is_complete_and_in_order(self, account: SocialAccount, ann: Person) -> None:
        _, cursor = look(account, "")
        ids = [ann.post(f"@desk number {number}")["id"] for number in range(45)]

        items, cursor = look(account, cursor)

        assert [item.external_id for item in items] == ids
        assert look(account, cursor)[0] == []

    def test_comes_again_while_it_is_young(self, account: SocialAccount, ann: Person) -> None:
        careful = Mastodon()
        _, cursor = careful.poll(account, "")
        ann.post("@desk once")

        first, cursor = careful.poll(account, cursor)
        second, cursor = careful.poll(account, cursor)

        assert [external_id for external_id, _ in first] == [external_id for external_id, _ in second]

    def test_under_a_post_of_ours_is_a_thread_for_each_customer(
        self, account: SocialAccount, desk: Person, ann: Person, ben: Person
    ) -> None:
        news = desk.post("We are closed tomorrow")
        _, cursor = look(account, "")
        hers = ann.post("@desk why?", in_reply_to_id=news["id"])
        his = ben.post("@desk and on Monday?", in_reply_to_id=news["id"])
        ann.post("@desk really, why?", in_reply_to_id=hers["id"])

        items, _ = look(account, cursor)

        assert [item.thread for item in items] == [
            f"{news['id']}:{hers['account']['id']}",
            f"{news['id']}:{his['account']['id']}",
            f"{news['id']}:{hers['account']['id']}",
        ]

    def test_from_our_own_hand_is_an_echo(self, account: SocialAccount, desk: Person, ann: Person) -> None:
        asked = ann.post("@desk are you open?")
        _, cursor = look(account, "")
        desk.post("Nothing to do with a customer")
        answer = desk.post("@ann yes", in_reply_to_id=asked["id"])

        items, _ = look(account, cursor)

        [item] = items
        assert item.kind == "echo"
        assert item.external_id == answer["id"]
        assert item.thread == f"{asked['id']}:{asked['account']['id']}"


class TestWhatIsSent:
    def test_publicly_answers_where_it_was_asked(self, account: SocialAccount, ann: Person) -> None:
        _, cursor = look(account, "")
        asked = ann.post("@desk where is it?")
        [item], _ = look(account, cursor)
        post = OutgoingPost(
            thread=item.thread, text="On its way.", reply_to=item.external_id, is_public=True, idempotency_key="a1"
        )

        sent = NOW.send(account, post)

        status = ann.status(sent.external_id)
        assert status["in_reply_to_id"] == asked["id"]
        assert status["visibility"] == "unlisted"
        assert "On its way." in status["content"]
        assert ann.mentions()[0]["id"] == sent.external_id

    def test_privately_reaches_the_customer_alone(self, account: SocialAccount, ann: Person) -> None:
        _, cursor = look(account, "")
        ann.post("@desk where is it?")
        [item], _ = look(account, cursor)
        post = OutgoingPost(thread=item.thread, text="Your address?", reply_to=item.external_id, idempotency_key="a2")

        sent = NOW.send(account, post)

        assert ann.mentions()[0]["id"] == sent.external_id
        assert ann.status(sent.external_id)["visibility"] == "direct"

    def test_twice_is_there_once(self, account: SocialAccount, ann: Person) -> None:
        _, cursor = look(account, "")
        ann.post("@desk where is it?")
        [item], _ = look(account, cursor)
        post = OutgoingPost(thread=item.thread, text="Here.", reply_to=item.external_id, idempotency_key="a3")

        first, second = NOW.send(account, post), NOW.send(account, post)

        assert first == second
        assert [status["id"] for status in ann.mentions()].count(first.external_id) == 1

    def test_at_length_becomes_a_chain(self, account: SocialAccount, ann: Person) -> None:
        _, cursor = look(account, "")
        asked = ann.post("@desk tell me everything")
        [item], _ = look(account, cursor)
        text = "\n\n".join(f"Paragraph {number}: " + "word " * 60 for number in range(4))
        post = OutgoingPost(
            thread=item.thread, text=text, reply_to=item.external_id, is_public=True, idempotency_key="a4"
        )

        NOW.send(account, post)

        chain = list(reversed([status for status in ann.mentions() if "Paragraph" in status["content"]]))
        assert [status["in_reply_to_id"] for status in chain] == [asked["id"], *(each["id"] for each in chain[:-1])]
        assert "Paragraph 3" in chain[-1]["content"]

    def test_with_a_picture_shows_it(self, account: SocialAccount, ann: Person) -> None:
        _, cursor = look(account, "")
        ann.post("@desk what does it look like?")
        [item], _ = look(account, cursor)
        picture = Upload(name='a "red" dot.png', content_type="image/png", content=PNG)
        post = OutgoingPost(thread=item.thread, text="So:", media=(picture,), is_public=True, idempotency_key="a5")

        sent = NOW.send(account, post)

        [media] = ann.status(sent.external_id)["media_attachments"]
        assert media["type"] == "image"

    def test_to_what_was_deleted_meanwhile_still_arrives(self, account: SocialAccount, ann: Person) -> None:
        _, cursor = look(account, "")
        asked = ann.post("@desk never mind")
        [item], _ = look(account, cursor)
        ann.call("DELETE", f"/api/v1/statuses/{asked['id']}")
        post = OutgoingPost(thread=item.thread, text="All right.", reply_to=item.external_id, idempotency_key="a6")

        sent = NOW.send(account, post)

        assert ann.mentions()[0]["id"] == sent.external_id

    def test_to_nobody_fails_for_good(self, account: SocialAccount) -> None:
        with pytest.raises(Permanent):
            NOW.send(account, OutgoingPost(thread="1:999999", text="Hello?", idempotency_key="a7"))
