"""Sessions that store a mail at the same moment share a commit, and none hears "stored" before it."""

import threading

import pytest
from django.conf import settings as django_settings
from django.db import DatabaseError, close_old_connections, connection, connections, transaction

from helpdesk.intake import accept as accepting
from helpdesk.models import Channel, InboundEvent, Receipt
from tests import make
from tests.servers.desk_process import until

PATIENCE_S = 60.0

pytestmark = pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)


def _together(channel: Channel, arrivals: list[tuple[str, bytes]]) -> list[InboundEvent | BaseException]:
    """Accept all in one group: nobody may begin before all of them wait."""
    results: list[InboundEvent | BaseException] = [DatabaseError("nothing came back")] * len(arrivals)

    def session(place: int) -> None:
        external_id, raw = arrivals[place]
        try:
            results[place] = make.arrive(channel, raw, external_id=external_id)
        except Exception as error:  # noqa: BLE001  # the test looks at it
            results[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=session, args=(place,)) for place in range(len(arrivals))]
    group = accepting._in_one_commit
    with group._turn:
        for thread in threads:
            thread.start()
        until(lambda: len(group._waiting) == len(arrivals))
    for thread in threads:
        thread.join(PATIENCE_S)
    return results


class TestSessionsAtTheSameMoment:
    def test_store_a_mail_each(self, channel: Channel) -> None:
        mails = [make.mail(message_id=f"m{number}@customer.example") for number in range(4)]

        results = _together(channel, [(f"smtp:{number}", raw) for number, raw in enumerate(mails)])

        events = [each for each in results if isinstance(each, InboundEvent)]
        assert len({event.pk for event in events}) == 4
        assert {receipt.external_id: receipt.event_id for receipt in Receipt.objects.all()} == {
            f"smtp:{number}": event.pk for number, event in enumerate(events)
        }

    def test_store_what_comes_twice_once(self, channel: Channel) -> None:
        known = make.arrive(channel, make.mail(message_id="known@customer.example"), external_id="smtp:0")
        twice = make.mail(message_id="twice@customer.example")
        again = make.mail(message_id="known@customer.example")

        results = _together(channel, [("smtp:1", twice), ("smtp:2", twice), ("smtp:3", again)])

        first, second, third = [each for each in results if isinstance(each, InboundEvent)]
        assert first.pk == second.pk
        assert third.pk == known.pk
        assert InboundEvent.objects.count() == 2
        assert Receipt.objects.count() == 4

    def test_hear_a_refusal_when_the_database_takes_none(self, channel: Channel) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE helpdesk_receipt RENAME TO helpdesk_receipt_away")
        try:
            results = _together(
                channel,
                [(f"smtp:{number}", make.mail(message_id=f"m{number}@customer.example")) for number in range(3)],
            )
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE helpdesk_receipt_away RENAME TO helpdesk_receipt")

        assert [type(each).__name__ for each in results] == ["Temporary"] * 3
        assert InboundEvent.objects.count() == 0


class TestTheTurnToWrite:
    """SQLite has one writer at a time; on PostgreSQL this holds by itself."""

    def test_ends_with_the_transaction_however_it_ends(self) -> None:
        with transaction.atomic():
            pass
        with pytest.raises(RuntimeError), transaction.atomic():
            raise RuntimeError
        connection.ensure_connection()
        connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        connection.close()
        close_old_connections()
        done = threading.Event()

        def other() -> None:
            with transaction.atomic():
                done.set()
            connections.close_all()

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(PATIENCE_S)
        assert done.is_set()
