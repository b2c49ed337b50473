"""The real mails of tests/mail/<corpus>: everything that was decided about them is read out of them."""

from __future__ import annotations

import pytest

from tests.mail_corpus import CORPORA, misread, samples


class TestEveryMail:
    @pytest.mark.parametrize("corpus", CORPORA)
    def test_is_read_as_it_was_meant(self, corpus: str) -> None:
        assert misread(samples(corpus)) == {}
