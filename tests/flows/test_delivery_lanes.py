"""Channels that send side by side, in threads of their own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import DatabaseError, connections
from django.utils import timezone

from helpdesk import delivery_lanes, live
from helpdesk.models import Delivery
from tests.flows.outgoing import mail_channel, queue
from tests.servers.desk_process import until
from tests.servers.smtp_server import Act, serve

pytestmark = pytest.mark.django_db(transaction=True, available_apps=settings.INSTALLED_APPS)


@contextmanager
def delivering() -> Iterator[list[Exception]]:
    """The outbox's loop in a thread; the list holds what ended it before its time."""
    stop, ends = threading.Event(), list[Exception]()

    def work() -> None:
        try:
            delivery_lanes.run(stop)
        except DatabaseError as error:
            ends.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield ends
    finally:
        stop.set()
        live.bell(live.OUTBOX).set()
        thread.join(20)
        assert not thread.is_alive()


def states() -> dict[str, str]:
    return dict(Delivery.objects.values_list("channel__slug", "state"))


class TestAServerThatHangs:
    def test_keeps_the_mail_of_no_other_channel_waiting(self) -> None:
        now = timezone.now()
        with serve({"DATA": [Act.SILENCE]}) as silent, serve() as server:
            queue(mail_channel(slug="first", smtp_port=silent.port), next_attempt_at=now, created_at=now)
            queue(mail_channel(slug="second", smtp_port=server.port), next_attempt_at=now, created_at=now)
            with delivering():
                until(lambda: "DATA" in silent.verbs())
                until(lambda: states()["second"] == "sent")
                assert states()["first"] == "sending"

                # And it still doesn't, with a lane that has been busy all the time.
                other = Delivery.objects.get(channel__slug="second")
                Delivery.objects.filter(pk=other.pk).update(state="queued", sent_at=None, next_attempt_at=now)
                live.bell(live.OUTBOX).set()
                until(lambda: len(server.taken) == 2)
                silent.is_closing.set()  # it hangs up, so that the lane comes to its end


class TestALane:
    def test_takes_what_comes_while_it_is_busy_or_idle(self) -> None:
        now = timezone.now()
        with serve() as server:
            channel = mail_channel(smtp_port=server.port)
            with delivering():
                for number in range(1, 4):
                    queue(channel, next_attempt_at=now, created_at=now)
                    live.bell(live.OUTBOX).set()
                    until(lambda number=number: len(server.taken) == number)  # type: ignore[misc]

    def test_that_dies_takes_the_loop_with_it_which_its_supervisor_starts_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_args: object, **_fields: object) -> int:
            raise DatabaseError("the database is away")

        monkeypatch.setattr(delivery_lanes, "deliver", broken)
        now = timezone.now()
        queue(mail_channel(), next_attempt_at=now, created_at=now)
        with delivering() as ends:
            until(lambda: ends)

        assert str(ends[0]) == "the database is away"
