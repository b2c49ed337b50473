"""Messenger, Instagram and WhatsApp from a signed delivery to the ticket, and from the answer to Meta's API."""

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from helpdesk import blobs
from helpdesk.actions import social_posts, social_replies
from helpdesk.actions.replies import NotSendable
from helpdesk.connectors.meta_account import verify_token
from helpdesk.models import (
    Agent,
    Attachment,
    Channel,
    Contact,
    Delivery,
    Identity,
    InboundEvent,
    Message,
    SocialAccount,
    SocialPost,
    SocialTemplate,
    SocialThread,
    Ticket,
)
from helpdesk.outbox import deliver_due
from helpdesk.queries.social import way_of
from tests import meta_samples as samples
from tests.flows.meta_accounts import account
from tests.flows.social_platforms import work
from tests.graph_api import GraphApi, graph_api
from tests.meta_samples import (
    APP_ID,
    FOLLOWER,
    INSTAGRAM,
    NUMBER,
    PAGE,
    PERSON,
    PHONE,
    USER_ID,
    change,
    echo,
    event,
    messaging,
    profile,
    status,
    whatsapp,
    written,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _desk(support: object) -> None:
    """There is a default team."""


@pytest.fixture
def api(settings: Settings) -> Iterator[GraphApi]:
    with graph_api(settings) as running:
        running.on("GET", PERSON, {"first_name": "Liisa", "last_name": "Laine", "id": PERSON})
        running.on("GET", FOLLOWER, {"name": "Liisa Laine", "username": "liisa.l", "id": FOLLOWER})
        running.on("POST", f"{PAGE}/messages", {"recipient_id": PERSON, "message_id": "m_ack"})
        running.on("POST", f"{NUMBER}/messages", {"messages": [{"id": "wamid.ack"}]})
        yield running


def deliver(to: SocialAccount, body: bytes, *, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """One delivery as Meta makes it, worked on at once."""
    signature = samples.signed(body)["x-hub-signature-256"]
    given = {"X-Hub-Signature-256": signature} if headers is None else dict(headers)
    answer: Any = Client().generic("POST", f"/hooks/{to.key}/", body, "application/json", headers=given)
    work()
    return answer  # type: ignore[no-any-return]


def said(**message: Any) -> dict[str, Any]:
    words = {"mid": "m_1", "text": "Hello, where is my parcel? It should be here.", **message}
    return {**event(message=words), "timestamp": int(time.time() * 1000)}


def send_all() -> None:
    deliver_due(timezone.now() + timedelta(minutes=5))


def answer(text: str, *files: social_posts.File) -> Message:
    """What an agent's answer leaves behind for the outbox."""
    ticket, thread = Ticket.objects.get(), SocialThread.objects.select_related("account", "identity").get()
    now = timezone.now()
    message = Message.objects.create(ticket=ticket, kind=Message.Kind.REPLY, text=text, created_at=now)
    content = social_posts.Content(text=text, files=files)
    social_posts.queue_post(message=message, thread=thread, content=content, at=now, send_at=now)
    return message


class TestMessenger:
    def test_takes_a_signed_message_into_a_ticket_with_a_name_and_acknowledges_it(self, api: GraphApi) -> None:
        row = account("messenger")

        assert deliver(row, messaging(said())).status_code == 200
        send_all()

        ticket = Ticket.objects.select_related("contact").get()
        assert ticket.contact is not None
        assert ticket.contact.name == "Liisa Laine"
        assert Identity.objects.get().value == PERSON
        sent = [asked.sent for asked in api.asked if asked.method == "POST"]
        assert [each["recipient"] for each in sent] == [{"id": PERSON}]
        assert ticket.reference in sent[0]["message"]["text"]

    def test_refuses_what_is_not_signed_by_the_app(self, api: GraphApi) -> None:
        row, body = account("messenger"), messaging(said())

        for headers in ({}, {"X-Hub-Signature-256": samples.signed(body, secret="other")["x-hub-signature-256"]}):
            assert deliver(row, body, headers=headers).status_code == 403

        assert not InboundEvent.objects.exists()

    def test_answers_the_handshake_with_its_own_token_only(self) -> None:
        row = account("messenger")
        token = verify_token(row)
        query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": token}

        good = Client().get(f"/hooks/{row.key}/", query)
        bad = Client().get(f"/hooks/{row.key}/", {**query, "hub.verify_token": "guessed"})

        assert (good.status_code, good.content) == (200, b"1158201444")
        assert bad.status_code == 403

    def test_asks_for_a_name_once(self, api: GraphApi) -> None:
        row = account("messenger")

        deliver(row, messaging(said(), event(message={"mid": "m_2", "text": "And when does it come?"})))

        assert len([asked for asked in api.asked if asked.method == "GET"]) == 1
        assert Ticket.objects.get().messages.filter(kind="customer").count() == 2

    def test_takes_the_message_when_the_name_is_not_given(self, api: GraphApi) -> None:
        del api.always["GET", PERSON]

        deliver(account("messenger"), messaging(said()))

        assert Message.objects.filter(kind="customer").count() == 1
        assert Contact.objects.get().name == ""

    def test_shows_what_became_of_an_answer(self, api: GraphApi) -> None:
        row = account("messenger")
        deliver(row, messaging(said()))
        send_all()
        api.on("POST", f"{PAGE}/messages", {"message_id": "m_ours"})
        ours = answer("It left on Monday.")
        send_all()
        later = int(time.time() * 1000) + 10_000

        deliver(row, messaging(event(delivery={"mids": ["m_ours"], "watermark": later})))
        assert SocialPost.objects.get(message=ours).delivered_at is not None
        deliver(
            row, messaging({**event(reaction={"mid": "m_ours", "action": "react", "emoji": "❤"}), "timestamp": later})
        )

        assert SocialPost.objects.get(message=ours).read_at is not None

    def test_shows_an_answer_of_several_parts_as_read_when_its_last_part_is(self, api: GraphApi) -> None:
        row = account("messenger")
        deliver(row, messaging(said()))
        send_all()
        ours = self._of_two_parts(api)
        later = int(time.time() * 1000) + 10_000

        deliver(row, messaging(event(delivery={"mids": ["m_words"], "watermark": later})))
        assert SocialPost.objects.get(message=ours).delivered_at is None
        deliver(row, messaging(event(delivery={"mids": ["m_file"], "watermark": later})))
        assert SocialPost.objects.get(message=ours).delivered_at is not None
        heart = {"action": "react", "emoji": "❤"}
        deliver(row, messaging({**event(reaction={"mid": "m_words", **heart}), "timestamp": later}))
        assert SocialPost.objects.get(message=ours).read_at is None
        deliver(row, messaging({**event(reaction={"mid": "m_file", **heart}), "timestamp": later + 1}))

        assert SocialPost.objects.get(message=ours).read_at is not None
        assert not InboundEvent.objects.filter(reason="unknown-message").exists()

    def test_takes_a_second_part_that_comes_back_for_no_answer_of_somebody_else(self, api: GraphApi) -> None:
        row = account("messenger")
        deliver(row, messaging(said()))
        send_all()
        ours = self._of_two_parts(api)

        deliver(row, messaging(echo(mid="m_file", text="", app_id=263902037430900)))

        assert list(Message.objects.filter(kind="reply")) == [ours]

    def test_does_not_repeat_an_answer_of_which_a_part_is_out(self, api: GraphApi) -> None:
        row = account("messenger")
        deliver(row, messaging(said()))
        send_all()
        del api.always["POST", f"{PAGE}/messages"]
        api.say({"attachment_id": "a_1"})
        api.say({"message_id": "m_words"})
        api.refuse(2)
        ours = answer("Like so:", social_posts.File(name="a.png", content_type="image/png", blob=blobs.put(b"\x89PNG")))

        send_all()
        deliver_due(timezone.now() + timedelta(days=1))

        delivery = Delivery.objects.get(message=ours)
        assert delivery.state == "failed"
        assert "1 of 2 parts were sent" in delivery.error
        words = [each for each in api.asked if each.sent and each.sent.get("message", {}).get("text") == "Like so:"]
        assert len(words) == 1

    def _of_two_parts(self, api: GraphApi) -> Message:
        del api.always["POST", f"{PAGE}/messages"]
        api.say({"attachment_id": "a_1"})
        api.say({"message_id": "m_words"})
        api.say({"message_id": "m_file"})
        ours = answer("Like so:", social_posts.File(name="a.png", content_type="image/png", blob=blobs.put(b"\x89PNG")))
        send_all()
        return ours

    def test_shows_once_what_was_written_in_the_page_s_inbox(self, api: GraphApi) -> None:
        row = account("messenger")
        deliver(row, messaging(said()))
        send_all()

        written_there = echo(text="I look into it. – Mika", app_id=263902037430900)
        deliver(row, messaging(written_there, echo(mid="m_ack", text="ours", app_id=int(APP_ID))))
        deliver(row, messaging(written_there))

        replies = Message.objects.filter(kind="reply")
        assert [reply.text for reply in replies] == ["I look into it. – Mika"]

    def test_follows_an_edit(self, api: GraphApi) -> None:
        row = account("messenger")
        deliver(row, messaging(said()))

        deliver(row, messaging(event(message_edit={"mid": "m_1", "text": "Found it, thanks!", "num_edit": 1})))

        assert Message.objects.get(kind="customer").text == "Found it, thanks!"

    def test_puts_what_came_for_another_page_aside_with_words(self, api: GraphApi) -> None:
        deliver(account("messenger"), messaging(said(), account="999"))

        kept = InboundEvent.objects.get()
        assert (kept.state, kept.reason) == ("quarantined", "unreadable")
        assert "999" in kept.detail
        assert PAGE in kept.detail

    def test_pauses_when_the_token_was_revoked_and_keeps_the_answer(self, api: GraphApi) -> None:
        row = account("messenger")
        deliver(row, messaging(said()))
        send_all()
        error = {"message": "Error validating access token", "code": 190, "error_subcode": 460}
        api.always["POST", f"{PAGE}/messages"] = (401, {"error": error}, {})

        ours = answer("It left on Monday.")
        send_all()

        assert "Error validating access token" in Channel.objects.get(pk=row.channel_id).paused_reason
        assert Delivery.objects.get(message=ours).state in {"queued", "retry"}

    def test_says_on_the_message_that_the_window_is_closed(self, api: GraphApi) -> None:
        row = account("messenger")
        deliver(row, messaging(said()))
        send_all()
        error = {
            "message": "(#10) This message is sent outside of allowed window.",
            "code": 10,
            "error_subcode": 2018278,
        }
        api.always["POST", f"{PAGE}/messages"] = (400, {"error": error}, {})

        ours = answer("It left on Monday.")
        send_all()

        delivery = Delivery.objects.get(message=ours)
        assert delivery.state == "failed"
        assert "outside of allowed window" in delivery.error
        assert Channel.objects.get(pk=row.channel_id).paused_reason == ""


class TestInstagram:
    def test_takes_a_story_reply_with_the_story_and_a_nickname(self, api: GraphApi) -> None:
        api.on("GET", "story.jpg", {})
        api.always["GET", "story.jpg"] = (200, b"\xff\xd8story", {})
        story = {"story": {"id": "s_1", "url": f"{api.url}/v1/story.jpg"}}
        told = event(
            sender=FOLLOWER,
            recipient=INSTAGRAM,
            message={"mid": "mid.1", "text": "Is this in stock?", "reply_to": story},
        )

        deliver(account("instagram"), messaging(told, account=INSTAGRAM, kind="instagram"))

        identity = Identity.objects.select_related("contact").get()
        assert (identity.kind, identity.value, identity.display) == ("instagram", FOLLOWER, "@liisa.l")
        assert identity.contact.name == "Liisa Laine"
        assert blobs.get(Attachment.objects.get().blob) == b"\xff\xd8story"

    def test_takes_a_message_away_that_was_taken_back(self, api: GraphApi) -> None:
        row = account("instagram")
        parts = [{"mid": "mid.1", "text": "My number is 123"}, {"mid": "mid.1", "is_deleted": True}]
        for part in parts:
            told = event(sender=FOLLOWER, recipient=INSTAGRAM, message=part)
            deliver(row, messaging(told, account=INSTAGRAM, kind="instagram"))

        assert Message.objects.get(kind="customer").text == ""


class TestWhatsApp:
    def test_takes_a_picture_by_its_id_and_knows_the_number(self, api: GraphApi) -> None:
        api.on("GET", "77", {"url": f"{api.url}/v1/media.jpg", "mime_type": "image/jpeg"})
        api.always["GET", "media.jpg"] = (200, b"\xff\xd8lamp", {})
        content = {"id": "77", "mime_type": "image/jpeg", "caption": "It came broken"}
        picture = written("image", content, timestamp=str(int(time.time())))

        deliver(account("whatsapp"), whatsapp(change(messages=[picture], contacts=[profile()])))
        send_all()

        identity = Identity.objects.select_related("contact").get()
        assert (identity.kind, identity.value, identity.contact.name) == ("whatsapp", f"+{PHONE}", "Liisa Laine")
        assert identity.verified_at is not None
        stored = Attachment.objects.get()
        assert (blobs.get(stored.blob), stored.content_type) == (b"\xff\xd8lamp", "image/jpeg")
        acknowledged = [asked.sent for asked in api.asked if asked.method == "POST"]
        assert acknowledged[0]["recipient"] == USER_ID

    def test_goes_on_in_the_same_ticket_when_the_number_is_hidden(self, api: GraphApi) -> None:
        row = account("whatsapp")
        deliver(row, whatsapp(change(messages=[written()], contacts=[profile()])))
        hidden = {name: value for name, value in written(message_id="wamid.two").items() if name != "from"}
        person = {"profile": {"name": "Liisa Laine", "username": "liisa.l"}, "user_id": USER_ID}

        deliver(row, whatsapp(change(messages=[hidden], contacts=[person])))

        assert Ticket.objects.get().messages.filter(kind="customer").count() == 2
        assert Contact.objects.count() == 1
        assert Identity.objects.get().display == "@liisa.l"

    def test_gives_a_recycled_number_no_view_of_the_former_owner_s_tickets(self, api: GraphApi) -> None:
        row = account("whatsapp")
        deliver(row, whatsapp(change(messages=[written()], contacts=[profile()])))
        new_owner = {**written(message_id="wamid.new"), "from_user_id": "FI.999"}
        person = {"profile": {"name": "Bo"}, "wa_id": PHONE, "user_id": "FI.999"}

        deliver(row, whatsapp(change(messages=[new_owner], contacts=[person])))

        assert {ticket.contact.name for ticket in Ticket.objects.all() if ticket.contact} == {"Liisa Laine", "Bo"}

    def test_shows_ticks_in_whatever_order_they_come(self, api: GraphApi) -> None:
        row = account("whatsapp")
        deliver(row, whatsapp(change(messages=[written()], contacts=[profile()])))
        send_all()
        api.on("POST", f"{NUMBER}/messages", {"messages": [{"id": "wamid.ours"}]})
        ours = answer("On its way.")
        send_all()

        deliver(row, whatsapp(change(statuses=[status("read"), status("delivered"), status("sent")])))

        post = SocialPost.objects.get(message=ours)
        assert post.read_at is not None
        assert post.delivered_at is not None

    def test_says_on_the_message_why_whatsapp_could_not_deliver_it(self, api: GraphApi) -> None:
        row = account("whatsapp")
        deliver(row, whatsapp(change(messages=[written()], contacts=[profile()])))
        send_all()
        api.on("POST", f"{NUMBER}/messages", {"messages": [{"id": "wamid.ours"}]})
        ours = answer("On its way.")
        send_all()

        failure = status("failed", errors=[{"code": 131047, "title": "Re-engagement message"}])
        deliver(row, whatsapp(change(statuses=[failure])))

        delivery = Delivery.objects.get(message=ours)
        assert delivery.state == "failed"
        assert "choose a template" in delivery.error


class TestAfterADay:
    """On WhatsApp an approved text goes on with the conversation; on Messenger a person may, for a week."""

    @pytest.fixture
    def ticket(self, api: GraphApi) -> Ticket:
        row = account("whatsapp")
        deliver(row, whatsapp(change(messages=[written()], contacts=[profile()])))  # of months ago
        text = "Hei {{1}}, tilauksesi {{2}} on valmis."
        for language in ("en", "fi"):
            SocialTemplate.objects.create(
                account=row, name="order_ready", language=language, text=text, places=["1", "2"]
            )
        return Ticket.objects.get()

    def test_an_approved_text_goes_out_filled_and_is_read(self, api: GraphApi, ticket: Ticket, ben: Agent) -> None:
        api.on("POST", f"{NUMBER}/messages", {"messages": [{"id": "wamid.template"}]})
        template = SocialTemplate.objects.get(language="fi")

        message = social_replies.reply(
            ticket=ticket, agent=ben, text="Liisa\n\nLU-7\n", seen_cursor=0, is_forced=True, template=template
        )
        send_all()

        assert message.text == "Hei Liisa, tilauksesi LU-7 on valmis."
        sent = next(asked.sent["template"] for asked in api.asked if "template" in asked.sent)
        assert (sent["name"], sent["language"]) == ("order_ready", {"code": "fi"})
        assert [each["text"] for each in sent["components"][0]["parameters"]] == ["Liisa", "LU-7"]

    def test_free_words_and_open_places_are_refused_with_what_to_do(self, ticket: Ticket, ben: Agent) -> None:
        template = SocialTemplate.objects.get(language="fi")

        with pytest.raises(NotSendable, match="Use an approved text"):
            social_replies.reply(ticket=ticket, agent=ben, text="Hello", seen_cursor=0, is_forced=True)
        with pytest.raises(NotSendable, match=r"2 places: write one line for each\. There are 1"):
            social_replies.reply(
                ticket=ticket, agent=ben, text="Liisa", seen_cursor=0, is_forced=True, template=template
            )

        assert not Message.objects.filter(kind="reply").exists()

    def test_a_text_of_another_account_is_refused(self, ticket: Ticket, ben: Agent) -> None:
        other = SocialTemplate.objects.create(
            account=account("whatsapp"), name="x", language="fi", text="{{1}}", places=["1"]
        )

        with pytest.raises(NotSendable, match="its own account"):
            social_replies.reply(
                ticket=ticket,
                agent=ben,
                text="x",
                seen_cursor=0,
                is_forced=True,
                template=other,
            )

    def test_the_composer_offers_the_texts_of_the_ticket_s_language_first(self, ticket: Ticket, dora: Agent) -> None:
        Ticket.objects.update(language="fi")
        client = Client()
        client.force_login(dora)

        page = client.get(reverse("ticket", args=[ticket.reference])).content.decode()

        assert 0 < page.index("order_ready (fi)") < page.index("order_ready (en)")

    def test_lasts_a_week_for_people_where_meta_allows_it(self, api: GraphApi) -> None:
        deliver(account("messenger", human_agent="yes"), messaging(said()))

        way = way_of(Ticket.objects.get())

        assert way is not None
        assert way.open_until is not None
        assert timedelta(days=6, hours=23) < way.open_until - timezone.now() <= timedelta(days=7)
