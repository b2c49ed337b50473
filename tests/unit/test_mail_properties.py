"""Any bytes become a mail that can be shown and stored, and nothing that a mail carries is lost."""

from __future__ import annotations

import itertools
import time
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from mail_gateway.parse import parse
from tests.mail_properties import complaints
from tests.unit.mail_samples import QUIRKS, raw
from tests.unit.mail_strategies import BODIES, HEADERS, TREES, Leaf, Node


class TestAnyMail:
    @settings(deadline=None)
    @given(st.binary(max_size=3_000))
    def test_of_random_bytes_is_read(self, data: bytes) -> None:
        assert complaints(data, parse(data)) == []

    @settings(deadline=None)
    @given(HEADERS, BODIES)
    def test_of_hostile_pieces_is_read(self, headers: bytes, body: bytes) -> None:
        assert complaints(headers + b"\n" + body, parse(headers + b"\n" + body)) == []

    @settings(deadline=None)
    @given(st.sampled_from(QUIRKS), st.integers(0, 10_000), st.binary(max_size=20), st.integers(0, 100))
    def test_with_damage_is_read(self, quirk: str, position: int, junk: bytes, lost: int) -> None:
        whole = raw(quirk)
        position %= len(whole) + 1
        damaged = whole[:position] + junk + whole[position + lost :]

        assert complaints(damaged, parse(damaged)) == []

    @settings(deadline=None)
    @given(HEADERS, BODIES, st.integers(1, 2_000))
    def test_of_one_piece_over_and_over_takes_no_time(self, headers: bytes, body: bytes, times: int) -> None:
        data = headers + b"\n" + (body * times)[:40_000]
        began = time.process_time()

        parse(data)

        assert time.process_time() - began < 2


class TestWellFormedMail:
    @settings(deadline=None)
    @given(TREES)
    def test_is_read_without_a_problem(self, tree: Leaf | Node) -> None:
        assert parse(in_a_mail(tree)).problems == ()

    @settings(deadline=None)
    @given(TREES)
    def test_gives_its_files_byte_for_byte_and_in_order(self, tree: Leaf | Node) -> None:
        mail = parse(in_a_mail(tree))

        found = [(each.filename, each.content) for each in mail.attachments if each.filename]
        assert found == [(leaf.name, leaf.content) for leaf in tree.leaves() if leaf.name]

    @settings(deadline=None)
    @given(TREES)
    def test_shows_or_attaches_every_text(self, tree: Leaf | Node) -> None:
        mail = parse(in_a_mail(tree))

        files = "".join(each.content.decode("utf-8", "replace") for each in mail.attachments)
        # Texts are shown in their composed form (MAIL.md 9), files are kept as they came.
        shown = mail.text + mail.html + unicodedata.normalize("NFC", files)
        words = (unicodedata.normalize("NFC", leaf.content.decode()) for leaf in tree.leaves() if not leaf.name)
        assert [word for word in words if word.removeprefix("<p>").removesuffix("</p>") not in shown] == []


def in_a_mail(tree: Leaf | Node) -> bytes:
    return b"From: ann@customer.example\nSubject: Files\n" + tree.render(itertools.count())
