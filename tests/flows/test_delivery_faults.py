"""What becomes of a delivery when the mail server, or the line to it, has a fault; the server is real and scripted."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from helpdesk.models import Delivery, State
from helpdesk.outbox import BACKOFF, deliver_due
from mail_gateway import smtp
from tests.flows.outgoing import NOW, RAW, mail_channel, queue
from tests.servers.smtp_server import Act, Answer, serve

pytestmark = pytest.mark.django_db
TWO = ["ann@customer.example", "ben@customer.example"]


@dataclass(frozen=True)
class Fault:
    """What a server does; `server` are more arguments of `serve`, `says` is a part of the error that people read."""

    answers: dict[str, list[Answer]]
    state: str
    says: str
    server: dict[str, Any] = field(default_factory=dict)
    recipients: tuple[str, ...] = ("ann@customer.example",)
    raw: bytes = RAW


LARGE = RAW + b"x" * 16_000_000
FAULTS = {
    "421 instead of a greeting": Fault({"GREETING": ["421 too busy"]}, "retry", "421 too busy"),
    "hangs up at once": Fault({"GREETING": [Act.HANG_UP]}, "retry", "cannot connect"),
    "hangs up in the middle of the mail": Fault(
        {}, "retry", "before the mail was handed over", server={"cuts_mail_after": 10_000}, raw=LARGE
    ),
    "452 for one of two": Fault({"RCPT": ["250 fine", "452 full"]}, "retry", "452 full", recipients=tuple(TWO)),
    "550 for one of two": Fault({"RCPT": ["250 fine", "550 gone"]}, "failed", "550 gone", recipients=tuple(TWO)),
    "552 after the mail": Fault({"DOT": ["552 message too large"]}, "failed", "552 message too large"),
    "announces a limit that is too small": Fault({"EHLO": ["SIZE 20"]}, "failed", "20 at most"),
}


class TestAReply:
    @pytest.mark.parametrize("name", FAULTS)
    def test_waits_or_fails_and_reaches_nobody_in_part(self, name: str) -> None:
        fault = FAULTS[name]
        with serve(fault.answers, **fault.server) as server:
            delivery = queue(mail_channel(smtp_port=server.port), recipients=list(fault.recipients), mime=fault.raw)
            deliver_due(NOW)

        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts, delivery.open_hand_overs) == (fault.state, 1, 0)
        assert fault.says in delivery.error
        assert server.taken == []
        assert delivery.message is not None
        assert delivery.message.ticket.state == (State.OPEN if fault.state == "failed" else State.WAITING)

    def test_goes_to_both_when_the_second_has_room_again(self) -> None:
        with serve({"RCPT": ["250 fine", "452 full", "250 fine"]}) as server:
            delivery = queue(mail_channel(smtp_port=server.port), recipients=TWO)
            deliver_due(NOW)
            deliver_due(NOW + BACKOFF[0])

        delivery.refresh_from_db()
        assert delivery.state == "sent"
        assert [mail.recipients for mail in server.taken] == [tuple(TWO)]

    def test_gives_up_on_a_server_that_thinks_too_long_about_its_recipients(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(smtp, "RECIPIENTS_SECONDS", -1.0)
        with serve() as server:
            delivery = queue(mail_channel(smtp_port=server.port), recipients=TWO)
            deliver_due(NOW)

        delivery.refresh_from_db()
        assert (delivery.state, delivery.open_hand_overs) == ("retry", 0)
        assert "over the recipients" in delivery.error
        assert server.taken == []


class TestAServerThatIsNotProtectedAsAgreed:
    @pytest.mark.parametrize("offers", ["AUTH PLAIN", "SIZE 1000"])
    def test_gets_neither_password_nor_mail(self, offers: str) -> None:
        with serve({"EHLO": [offers]}) as server:
            delivery = queue(
                mail_channel(
                    smtp_port=server.port, smtp_security="starttls", smtp_username="desk", smtp_password="secret"
                )
            )
            deliver_due(NOW)

        delivery.refresh_from_db()
        assert delivery.state == "retry"
        assert "does not offer STARTTLS" in delivery.error
        assert {"AUTH", "MAIL"}.isdisjoint(server.verbs())


class TestAnAcknowledgement:
    @pytest.mark.parametrize(
        ("answers", "state"), [({"DATA": [Act.HANG_UP]}, "retry"), ({"DOT": [Act.HANG_UP]}, "unknown")]
    )
    def test_is_tried_again_only_if_it_is_certainly_not_out(self, answers: dict[str, list[Answer]], state: str) -> None:
        with serve(answers) as server:
            delivery = queue(mail_channel(smtp_port=server.port), is_automatic=True)
            deliver_due(NOW)

        assert Delivery.objects.get(pk=delivery.pk).state == state
