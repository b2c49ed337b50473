"""Rich text of the AT Protocol, in both directions: places are bytes, not characters."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.connectors import facets


def link(start: Any, end: Any, uri: str = "https://shop.example/orders/4711") -> dict[str, Any]:
    feature = {"$type": "app.bsky.richtext.facet#link", "uri": uri}
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}


def nobody(handle: str) -> None:
    """No handle is anybody's."""


def parts(text: str, found: list[dict[str, Any]]) -> list[tuple[str, dict[str, str]]]:
    """What each facet marks, by its bytes."""
    raw = text.encode()
    return [
        (raw[each["index"]["byteStart"] : each["index"]["byteEnd"]].decode(), each["features"][0]) for each in found
    ]


class TestReading:
    def test_writes_a_shortened_link_out(self) -> None:
        text = "Où est 📦? shop.example/ord... Merci"
        start = len("Où est 📦? ".encode())
        rich = facets.read(text, [link(start, start + len("shop.example/ord..."))])

        assert rich.text == "Où est 📦? https://shop.example/orders/4711 Merci"
        assert rich.links == ("https://shop.example/orders/4711",)

    def test_shows_where_a_link_really_leads(self) -> None:
        rich = facets.read("see bank.example now", [link(4, 16, "https://evil.example/")])

        assert rich.text == "see bank.example (https://evil.example/) now"

    def test_knows_who_is_mentioned(self) -> None:
        mention = {
            "index": {"byteStart": 0, "byteEnd": 5},
            "features": [{"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:abc"}],
        }

        rich = facets.read("@desk hello", [mention])

        assert rich.text == "@desk hello"
        assert rich.mentioned == ("did:plc:abc",)

    @pytest.mark.parametrize(
        "broken",
        [
            link(-1, 4),
            link(0, 400),
            link(5, 5),
            link(6, 2),
            link("0", 4),
            link(True, 4),
            link(1.5, 4),
            link(None, None),
            link(5, 8),  # the middle of a character
            link(0, 4, "javascript:alert(1)"),
            {"index": {"byteStart": 0, "byteEnd": 4}, "features": []},
            {"index": {"byteStart": 0, "byteEnd": 4}, "features": ["x"]},
            {"index": [], "features": {}},
            {},
            None,
            7,
        ],
    )
    def test_leaves_out_what_is_broken(self, broken: object) -> None:
        assert facets.read("four📦bytes", [broken]) == facets.Rich("four📦bytes")

    def test_takes_the_first_of_two_that_overlap(self) -> None:
        overlapping = [link(2, 8, "https://b.example/"), link(0, 4, "https://a.example/")]

        assert facets.read("one two three", overlapping).text == "one  (https://a.example/)two three"

    @pytest.mark.parametrize("strange", [None, "x", {}, 5, [[]], [None] * 100_000])
    def test_takes_anything_for_facets(self, strange: object) -> None:
        assert facets.read("text", strange).text == "text"

    @given(st.text(max_size=60), st.lists(st.tuples(st.integers(-5, 80), st.integers(-5, 80)), max_size=6))
    def test_never_loses_a_word(self, text: str, places: list[tuple[int, int]]) -> None:
        rich = facets.read(text, [link(start, end, "https://a.example/") for start, end in places])

        without = rich.text.replace(" (https://a.example/)", "").replace("https://a.example/", "")
        assert "".join(without.split()) == "".join(facets.read(text, []).text.split())


class TestMarking:
    def test_counts_bytes(self) -> None:
        text = "Ä📦 https://a.example/ä (see #Hilfe)"

        found = parts(text, facets.marks(text, did_of=nobody))

        assert [(words, feature.get("uri") or feature.get("tag")) for words, feature in found] == [
            ("https://a.example/ä", "https://a.example/ä"),
            ("#Hilfe", "Hilfe"),
        ]

    def test_marks_a_handle_that_is_somebody(self) -> None:
        text = "Hello @ann.example and @nobody.example, or ben@mail.example"
        dids = {"ann.example": "did:plc:ann"}

        found = parts(text, facets.marks(text, did_of=dids.get))

        assert found == [("@ann.example", {"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:ann"})]

    @pytest.mark.parametrize(
        ("text", "url"),
        [
            ("see https://a.example/b.", "https://a.example/b"),
            ("(https://a.example/b)", "https://a.example/b"),
            ("https://a.example/b_(c) is it", "https://a.example/b_(c)"),
            ("“https://a.example/b?c=d,”", "https://a.example/b?c=d"),
            ("https://a.example/@ann.example/#part", "https://a.example/@ann.example/#part"),
        ],
    )
    def test_leaves_the_sentence_out_of_a_link(self, text: str, url: str) -> None:
        found = parts(text, facets.marks(text, did_of={"ann.example": "did:plc:ann"}.get))

        assert [words for words, _ in found] == [url]

    @given(st.text(alphabet=st.sampled_from("ab.ä📦 @#:/()https,"), max_size=80))
    def test_marks_whole_characters_that_do_not_overlap(self, text: str) -> None:
        found = facets.marks(text, did_of=lambda handle: "did:plc:x")

        places = [(each["index"]["byteStart"], each["index"]["byteEnd"]) for each in found]
        assert all(words for words, _ in parts(text, found))
        assert all(end <= start for (_, end), (start, _) in pairwise(places))


class TestLength:
    @pytest.mark.parametrize(
        ("text", "count"),
        [("abc", 3), ("ä", 1), ("a\u0308", 1), ("👩‍👩‍👧", 1), ("🇫🇮🇸🇪", 2), ("👍🏽", 1), ("❤️", 1), ("a\r\nb", 3)],
    )
    def test_counts_what_a_person_sees(self, text: str, count: int) -> None:
        assert facets.length(text) == count
