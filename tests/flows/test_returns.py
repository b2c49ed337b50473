"""Our mail that comes back: what proves that it was ours, and what agents are told."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from helpdesk import keys
from helpdesk.actions import replies, returns
from helpdesk.intake.matching import match
from helpdesk.models import Agent, Channel, Delivery, Entry, Identity, Mailbox, Message, State, Team, Ticket
from helpdesk.outbox import deliver_due
from mail_gateway import ids
from mail_gateway.bounce_reasons import Reason
from mail_gateway.parse import parse
from tests import make
from tests.flows import desk
from tests.flows.outgoing import mail_channel, queue
from tests.servers.smtp_server import serve

pytestmark = pytest.mark.django_db

OURS = "support@desk.example"


def report(
    message_id: str,
    *,
    to: str = OURS,
    recipient: str = "ann@customer.example",
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 no such user",
) -> bytes:
    """An RFC 3464 report about a mail of ours."""
    return (
        f"From: Mail Delivery System <mailer-daemon@mx.customer.example>\r\nTo: {to}\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nThe mail could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.customer.example\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: {diagnostic}\r\n\r\n"
        "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        f"From: {OURS}\r\nTo: ann@customer.example\r\nMessage-ID: <{message_id}>\r\n\r\n--b--\r\n"
    ).encode()


@pytest.fixture
def ticket(channel: Channel, billing: Team, ann: Identity, ben: Agent) -> Ticket:
    """Ben's ticket with Ann."""
    return make.ticket(channel=channel, team=billing, identity=ann, owner=ben)


def answer(ticket: Ticket, agent: Agent, *to: str, state: State = State.SOLVED) -> Delivery:
    """An answer that has left."""
    message = replies.reply(
        ticket=ticket,
        agent=agent,
        text="Try again",
        to=to or ["ann@customer.example"],
        seen_cursor=10**9,
        state=state,
        send_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    deliver_due(datetime.now(UTC))
    delivery = Delivery.objects.select_related("message").get(message=message)
    assert delivery.state == Delivery.State.SENT
    return delivery


def id_of(delivery: Delivery) -> str:
    """The Message-ID of what was sent."""
    assert delivery.message is not None
    return delivery.message.message_id


def bounced(channel: Channel, raw: bytes, *recipients: str) -> Message:
    return make.deliver(channel, raw, mail_from="", recipients=recipients or (OURS,))


def ann_now() -> Identity:
    return Identity.objects.get(value="ann@customer.example")


class TestAReplyThatComesBack:
    def test_brings_the_ticket_back_to_its_owner_and_marks_the_address(
        self, channel: Channel, ticket: Ticket, ben: Agent
    ) -> None:
        delivery = answer(ticket, ben)

        message = bounced(channel, report(id_of(delivery)))

        ticket.refresh_from_db()
        delivery.refresh_from_db()
        assert (message.ticket, message.kind) == (ticket, Message.Kind.MACHINE)
        assert (ticket.state, ticket.owner) == (State.OPEN, ben)
        assert (delivery.state, delivery.error) == ("failed", "550 5.1.1 no such user")
        assert ann_now().undeliverable_at is not None
        assert ann_now().undeliverable_reason == "550 5.1.1 no such user"

    def test_is_an_event_to_rules_as_it_opens_the_ticket(
        self, channel: Channel, ticket: Ticket, ben: Agent, dora: Agent
    ) -> None:
        ours = {"all": [{"field": "changed_by", "operator": "is_any_of", "value": ["desk"]}]}
        wanted = [{"kind": "add_tag", "value": "came-back"}]
        desk.rule(by=dora, condition=ours, effects=wanted, events=["state_changed", "customer_message"])

        bounced(channel, report(id_of(answer(ticket, ben))))

        assert [row.event for row in ticket.decisions.all()] == ["state_changed"]
        assert ticket.tags.get().name == "came-back"

    def test_is_unmistakable_on_the_page_and_warns_the_next_writer(
        self, client: Client, channel: Channel, ticket: Ticket, ben: Agent
    ) -> None:
        bounced(channel, report(id_of(answer(ticket, ben))))
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")

        page = client.get(f"/tickets/{ticket.reference}/").content.decode()
        live = client.get(f"/tickets/{ticket.reference}/live/").content.decode()

        for text in (page, live):
            assert "The customer never received this." in text
            assert "The address does not exist." in text
            assert "550 5.1.1 no such user" in text
        assert "Mail to ann@customer.example comes back since" in page

    def test_shows_on_open_screens_at_once(self, channel: Channel, ticket: Ticket, ben: Agent) -> None:
        delivery = answer(ticket, ben)
        before = Entry.objects.order_by("-pk")[0].pk

        bounced(channel, report(id_of(delivery)))

        news = Entry.objects.filter(pk__gt=before, ticket=ticket).values_list("kind", flat=True)
        assert Entry.Kind.DELIVERY_CHANGED in news  # each line is a hint to whoever has the ticket open

    def test_is_believed_again_when_an_agent_says_so(
        self, client: Client, channel: Channel, ticket: Ticket, ben: Agent
    ) -> None:
        bounced(channel, report(id_of(answer(ticket, ben))))
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")
        address = f"/tickets/{ticket.reference}/deliverable/{ann_now().pk}/"

        assert client.post(address, headers={"HX-Request": "true"}).content == b""

        assert (ann_now().undeliverable_at, ann_now().undeliverable_reason) == (None, "")
        assert Entry.objects.filter(data__deliverable="ann@customer.example", agent=ben).count() == 1
        assert "comes back since" not in client.get(f"/tickets/{ticket.reference}/").content.decode()

    def test_is_no_business_of_another_team(self, client: Client, ticket: Ticket, cleo: Agent) -> None:
        client.force_login(cleo, backend="django.contrib.auth.backends.ModelBackend")

        assert client.post(f"/tickets/{ticket.reference}/deliverable/{ann_now().pk}/").status_code == 404

    def test_frees_no_address_of_somebody_elses_ticket(self, client: Client, ticket: Ticket, ben: Agent) -> None:
        other = make.identity("bo@elsewhere.example")
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")

        assert client.post(f"/tickets/{ticket.reference}/deliverable/{other.pk}/").status_code == 404

    def test_is_forgotten_when_the_customer_writes_again(self, channel: Channel, ann: Identity) -> None:
        Identity.objects.update(undeliverable_at=datetime.now(UTC), undeliverable_reason="550")

        message = make.deliver(channel, make.mail())

        assert message.acknowledgement == "full"
        assert (ann_now().undeliverable_at, ann_now().undeliverable_reason) == (None, "")

    def test_from_one_of_several_names_who_never_got_it(
        self, client: Client, channel: Channel, ticket: Ticket, ben: Agent
    ) -> None:
        delivery = answer(ticket, ben, "ann@customer.example", "bo@customer.example")

        bounced(channel, report(id_of(delivery), recipient="bo@customer.example"))

        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")
        page = client.get(f"/tickets/{ticket.reference}/").content.decode()
        assert "This never reached bo@customer.example." in page
        assert "The customer never received this." not in page
        assert ann_now().undeliverable_at is None

    def test_from_one_of_several_marks_no_address_since_the_others_could_have_made_it_up(
        self, channel: Channel, ticket: Ticket, ben: Agent
    ) -> None:
        delivery = answer(ticket, ben, "ann@customer.example", "bo@customer.example")

        bounced(channel, report(id_of(delivery), recipient="ann@customer.example"))

        delivery.refresh_from_db()
        assert delivery.bounced == ["ann@customer.example"]
        assert ann_now().undeliverable_at is None

    def test_marks_nobody_when_it_names_none_of_several(self, channel: Channel, ticket: Ticket, ben: Agent) -> None:
        delivery = answer(ticket, ben, "ann@customer.example", "bo@customer.example")

        bounced(channel, report(id_of(delivery), recipient="x@elsewhere.example"))

        delivery.refresh_from_db()
        assert delivery.state == "failed"
        assert not Identity.objects.exclude(undeliverable_at=None).exists()

    @pytest.mark.parametrize(
        ("status", "diagnostic"),
        [
            ("5.2.2", "smtp; 552 5.2.2 mailbox full"),
            ("5.7.1", "smtp; 550 5.7.1 looks like spam"),
            ("4.4.7", "x-expired"),
        ],
    )
    def test_for_a_reason_that_passes_marks_no_address(
        self, channel: Channel, ticket: Ticket, ben: Agent, status: str, diagnostic: str
    ) -> None:
        delivery = answer(ticket, ben)

        bounced(channel, report(id_of(delivery), status=status, diagnostic=diagnostic))

        delivery.refresh_from_db()
        assert delivery.state == "failed"
        assert ann_now().undeliverable_at is None

    def test_is_shown_as_delayed_while_a_server_still_tries(
        self, client: Client, channel: Channel, ticket: Ticket, ben: Agent
    ) -> None:
        delivery = answer(ticket, ben)

        bounced(channel, report(id_of(delivery), action="delayed", status="4.4.1", diagnostic="x; later"))

        ticket.refresh_from_db()
        delivery.refresh_from_db()
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")
        assert (ticket.state, delivery.state) == (State.SOLVED, "sent")
        assert "Delayed on its way" in client.get(f"/tickets/{ticket.reference}/").content.decode()
        assert ann_now().undeliverable_at is None


class TestAForgedBounce:
    def test_with_a_made_up_message_id_changes_nothing(self, channel: Channel, ticket: Ticket, ben: Agent) -> None:
        delivery = answer(ticket, ben)

        message = bounced(channel, report(id_of(delivery).replace("r1.", "r1.x", 1)))

        delivery.refresh_from_db()
        ticket.refresh_from_db()
        assert message.ticket != ticket
        assert (delivery.state, ticket.state, ann_now().undeliverable_at) == ("sent", State.SOLVED, None)

    def test_with_a_wrong_return_path_changes_nothing(self, mailbox: Mailbox, ticket: Ticket, ben: Agent) -> None:
        delivery = answer(ticket, ben)
        right = ids.make_bounce_address(keys.mail_keys(), delivery_id=delivery.pk, mailbox=OURS)
        local, _, domain = right.partition("@")
        wrong = f"{local[:-1]}{'b' if local[-1] == 'a' else 'a'}@{domain}"

        message = bounced(mailbox.channel, report("made.up@desk.example", to=wrong), wrong)

        delivery.refresh_from_db()
        assert message.ticket != ticket
        assert delivery.state == "sent"

    def test_about_a_mail_that_never_left_changes_nothing(self, channel: Channel, ticket: Ticket, ben: Agent) -> None:
        message = replies.reply(
            ticket=ticket, agent=ben, text="Later", to=["ann@customer.example"], seen_cursor=10**9, state=State.WAITING
        )

        bounced(channel, report(message.message_id))

        ticket.refresh_from_db()
        assert (message.delivery.state, ticket.state) == ("queued", State.WAITING)
        assert ann_now().undeliverable_at is None

    def test_marks_no_address_that_we_did_not_write_to(self, channel: Channel, ticket: Ticket, ben: Agent) -> None:
        victim = make.identity("victim@elsewhere.example")
        delivery = answer(ticket, ben, "ann@customer.example", "bo@customer.example")

        bounced(channel, report(id_of(delivery), recipient=victim.value))

        victim.refresh_from_db()
        assert victim.undeliverable_at is None


class TestAReturnPathOfOurs:
    @pytest.fixture(autouse=True)
    def _plus(self, mailbox: Mailbox) -> None:
        mailbox.has_plus_addresses = True
        mailbox.save()

    def test_names_the_delivery_and_is_believed_by_itself(self, channel: Channel, ticket: Ticket, ben: Agent) -> None:
        delivery = answer(ticket, ben)
        assert ids.read_bounce_address(keys.mail_keys(), delivery.sender) == delivery.pk

        message = bounced(channel, report("stripped@elsewhere.example", to=delivery.sender), delivery.sender)

        delivery.refresh_from_db()
        assert (message.ticket, message.threading) == (ticket, Message.Threading.ADDRESS)
        assert delivery.state == "failed"

    def test_is_found_in_the_headers_of_fetched_mail(self, ticket: Ticket, ben: Agent) -> None:
        delivery = answer(ticket, ben)

        found = match(
            mail=parse(report("x@elsewhere.example", to=delivery.sender)),
            known=None,  # type: ignore[arg-type]  # a bounce asks for none of it
            recipients=(),
            is_trustworthy=False,
        )

        assert (found.ticket, found.delivery) == (ticket, delivery)

    def test_stays_empty_for_automatic_mail(self, channel: Channel) -> None:
        acknowledgement = make.deliver(channel, make.mail()).ticket.messages.get(kind=Message.Kind.AUTOMATIC)

        assert acknowledgement.delivery.sender == ""

    def test_comes_with_a_reply_address_that_finds_the_ticket(
        self, channel: Channel, ticket: Ticket, ben: Agent
    ) -> None:
        sent = parse(bytes(answer(ticket, ben).mime))
        [reply_to] = sent.reply_to
        assert sent.from_shown.addr == OURS

        message = make.deliver(
            channel, make.mail(to=reply_to.addr, subject="No parents here"), recipients=(reply_to.addr,)
        )

        assert (message.ticket, message.threading) == (ticket, Message.Threading.ADDRESS)

    def test_is_the_plain_address_where_no_token_fits(self, mailbox: Mailbox, ticket: Ticket, ben: Agent) -> None:
        mailbox.address = f"{'long' * 14}@desk.example"
        mailbox.save()

        delivery = answer(ticket, ben)

        assert delivery.sender == mailbox.address
        assert parse(bytes(delivery.mime)).reply_to == ()


class TestAServerThatRefusesTheRecipient:
    def test_marks_the_address_as_a_bounce_would(self, ann: Identity) -> None:
        with serve({"RCPT": ["550 5.1.1 no such user"]}) as server:
            delivery = queue(mail_channel(smtp_port=server.port), ticket_state=State.SOLVED)
            deliver_due(datetime(2026, 11, 21, 12, 0, tzinfo=UTC))

        delivery.refresh_from_db()
        assert (delivery.state, Ticket.objects.get().state) == ("failed", State.OPEN)
        assert "5.1.1 no such user" in ann_now().undeliverable_reason

    @pytest.mark.parametrize("script", [{"DOT": ["554 5.1.1 odd"]}, {"RCPT": ["550 5.7.1 not from you"]}])
    def test_marks_nobody_for_what_the_mail_or_the_sender_is_at_fault(
        self, ann: Identity, script: dict[str, list[str]]
    ) -> None:
        with serve(script) as server:
            delivery = queue(mail_channel(smtp_port=server.port))
            deliver_due(datetime(2026, 11, 21, 12, 0, tzinfo=UTC))

        delivery.refresh_from_db()
        assert delivery.state == "failed"
        assert ann_now().undeliverable_at is None


class TestTheMark:
    def test_keeps_its_first_day_and_takes_the_newest_reason(self, ann: Identity) -> None:
        first, second = datetime(2026, 5, 3, tzinfo=UTC), datetime(2026, 5, 9, tzinfo=UTC)

        for at, words in ((first, "550 5.1.1 gone"), (second, "550 5.1.1 still gone")):
            returns.suppress(addresses=[ann.value], reason=Reason(words, "5.1.1"), at=at)

        assert (ann_now().undeliverable_at, ann_now().undeliverable_reason) == (first, "550 5.1.1 still gone")
