"""Partial indexes are used, whatever other index the column has."""

import pytest
from django.db import connection

from helpdesk.models import Delivery
from helpdesk.models.conditions import OneOf
from tests.flows.outgoing import NOW, mail_channel, queue

pytestmark = pytest.mark.django_db


class TestOneOf:
    def test_finds_the_rows(self) -> None:
        channel = mail_channel()
        queued, failed = queue(channel), queue(channel, state="failed")

        found = Delivery.objects.filter(OneOf("state", ["failed", "held"]))

        assert list(found) == [failed]
        assert queued not in found

    def test_uses_the_index_that_was_made_for_it(self) -> None:
        waits = OneOf("state", Delivery.DUE_STATES)
        due = Delivery.objects.filter(waits, next_attempt_at__lte=NOW).order_by("next_attempt_at", "pk")
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL enable_seqscan = off")  # it would read an empty table as a whole

        assert "delivery_queue" in due.explain()

    @pytest.mark.parametrize("values", [["a'b"], [], ["A b"]])
    def test_takes_nothing_that_could_end_the_statement(self, values: list[str]) -> None:
        with pytest.raises(ValueError, match="not fit"):
            OneOf("state", values)
