"""What both networks need for sending: when to come back, and how a long text becomes several posts."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.connectors import facets, pieces, rate_limits

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class TestWaiting:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, None),
            ({"retry-after": "30"}, 30),
            ({"retry-after": "Sun, 22 Nov 2026 10:01:00 GMT"}, 60),
            ({"x-ratelimit-reset": "2026-11-22T10:05:00.123456Z"}, 300.123456),
            ({"ratelimit-reset": str(int(NOW.timestamp()) + 90)}, 90),
            ({"retry-after": "5", "x-ratelimit-reset": "2026-11-22T10:05:00Z"}, 5),
            ({"retry-after": "soon", "ratelimit-reset": "12"}, 12),
            ({"retry-after": "-4"}, None),
            ({"x-ratelimit-reset": "2026-11-22T09:00:00Z"}, 0),
            ({"retry-after": "99999999"}, rate_limits.LONGEST_SECONDS),
            ({"x-ratelimit-reset": "9999-12-31T23:59:59Z"}, rate_limits.LONGEST_SECONDS),
            ({"retry-after": "²"}, None),
        ],
    )
    def test_takes_what_the_platform_says(self, headers: dict[str, str], seconds: float | None) -> None:
        assert rate_limits.seconds_to_wait(headers, now=NOW) == seconds


class TestCutting:
    def test_leaves_a_short_text_alone(self) -> None:
        assert pieces.cut(" short ", limit=10) == ["short"]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("one two\n\nthree four", ["one two", "three four"]),
            ("one two\nthree four", ["one two", "three four"]),
            ("One two. Three four", ["One two.", "Three four"]),
            ("one two three four", ["one two", "three four"]),
            ("onetwothreefour", ["onetwothre", "efour"]),
        ],
    )
    def test_cuts_where_it_hurts_least(self, text: str, expected: list[str]) -> None:
        assert pieces.cut(text, limit=10) == expected

    def test_gives_up_on_a_novel(self) -> None:
        assert pieces.cut("word " * 1000, limit=300) is None

    @given(st.text(alphabet=st.sampled_from("ab .\n📦"), max_size=200), st.integers(40, 80))
    def test_loses_no_word_and_keeps_the_limit(self, text: str, limit: int) -> None:
        found = pieces.cut(text, limit=limit, length=facets.length)

        assert found is not None
        assert all(0 < facets.length(piece) <= limit for piece in found)
        assert "".join("".join(found).split()) == "".join(text.split())
