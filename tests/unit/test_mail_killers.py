"""Time and answers stay small whatever is repeated, since one mail must not stop the next (MAIL.md 6)."""

from __future__ import annotations

import time

import pytest

from mail_gateway.parse import parse
from tests.mail_properties import complaints
from tests.unit.mail_killers import REPEATED, packed_mails, repeated

# At this size anything quadratic takes far longer, on any machine; linear work takes some hundredths of a second.
SIZE, SECONDS = 60_000, 1.5


class TestParse:
    @pytest.mark.parametrize("name", REPEATED)
    def test_takes_little_time_for(self, name: str) -> None:
        raw = repeated(name, size=SIZE)
        began = time.process_time()

        mail = parse(raw)

        assert time.process_time() - began < SECONDS
        assert complaints(raw, mail) == []

    def test_takes_little_time_for_mails_packed_in_mails(self) -> None:
        raw = packed_mails(depth=10)
        began = time.process_time()

        mail = parse(raw)

        assert time.process_time() - began < SECONDS
        assert complaints(raw, mail) == []
