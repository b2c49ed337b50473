"""What was typed into the search field, and the terms that the index keeps."""

import pytest

from helpdesk.queries import search_terms
from helpdesk.queries.highlights import Span, spans, window
from helpdesk.queries.search_query import Sought, understand
from helpdesk.queries.search_terms import places, readings, team_term, terms


class TestTerms:
    @pytest.mark.parametrize(
        "words",
        [
            "salasana salasanan salasanani salasanaa salasanoja",
            "lasku laskun laskuja laskussa laskujen",
            "tilaus tilauksen tilaukseni tilausta tilauksia",
            "toimitus toimitusta toimituksen toimituksia",
            "kirjautua kirjaudun kirjautuminen kirjautumisen",
        ],
    )
    def test_are_one_for_all_forms_of_a_finnish_word(self, words: str) -> None:
        assert len(set(terms(words, "fi"))) == 1

    def test_of_endless_words_that_begin_alike_are_one(self) -> None:
        known = search_terms._term.cache_info().currsize

        found = {term for end in "abc" for term in terms("q" * 100 + end * 10_000, "en")}

        assert found == {"q" * 60}
        assert search_terms._term.cache_info().currsize == known + 1

    def test_keep_numbers_and_the_parts_of_addresses(self) -> None:
        assert terms("Order 4488-12, ann@example.com", "") == ["order", "4488", "12", "ann", "example", "com"]

    def test_forgive_marks_above_letters(self) -> None:
        assert terms("Müller Hämäläinen", "") == terms("muller hamalainen", "")

    def test_stand_at_their_places_in_the_text(self) -> None:
        text = "My invoices!"

        assert [(text[begin:end], term) for begin, end, term in places(text, "en")] == [
            ("My", "my"),
            ("invoices", "invoic"),
        ]


class TestReadings:
    def test_are_one_for_each_language_that_reads_differently(self) -> None:
        assert ("invoices",) in readings("invoices")
        assert ("invoic",) in readings("invoices")
        assert len(readings("invoices")) == len(set(readings("invoices")))

    def test_keep_the_words_of_a_phrase_together(self) -> None:
        assert ("wrong", "amount") in readings("wrong amount")


class TestUnderstand:
    def test_takes_words_one_by_one(self) -> None:
        assert [each.readings[0] for each in understand("liisa invoice").sought] == [("liisa",), ("invoice",)]

    def test_takes_quoted_words_as_a_phrase(self) -> None:
        assert [each.readings[0] for each in understand('"wrong amount" paid').sought] == [
            ("wrong", "amount"),
            ("paid",),
        ]

    def test_takes_an_address_as_a_phrase(self) -> None:
        assert [each.readings[0] for each in understand("ann@example.com").sought] == [("ann", "example", "com")]

    def test_takes_a_star_as_the_beginning_of_a_word(self) -> None:
        query = understand("kirjau*")

        assert [each.is_beginning for each in query.sought] == [True]
        assert "kirjau" in query.beginnings()

    def test_reads_all_operators(self) -> None:
        query = understand('from:"Liisa Laine" is:open is:unassigned team:billing owner:me')

        assert query.sought == (Sought((("liisa", "laine"),), is_person=True),)
        assert (query.states, query.is_unassigned) == (frozenset({"open"}), True)
        assert (query.teams, query.owners) == (("billing",), ("me",))

    def test_reads_an_operator_in_any_case(self) -> None:
        assert understand("IS:Open").states == frozenset({"open"})

    @pytest.mark.parametrize("text", ["is:open is:closed", "is:nonsense"])
    def test_knows_when_nothing_can_match(self, text: str) -> None:
        assert understand(text).is_contradictory

    @pytest.mark.parametrize("text", ["", "   ", '""', '"', "*", ":", "!?-", "from:", "from: ''"])
    def test_asks_for_nothing_when_there_is_no_word(self, text: str) -> None:
        assert understand(text).is_empty

    def test_keeps_nobody_from_typing_the_term_of_a_team(self) -> None:
        assert [each.readings for each in understand(team_term(5)).sought] == [(("5",),)]

    @pytest.mark.parametrize("text", ['"' * 999, "a " * 5000, "is:" * 300, "\x00\x00", "((((", "NEAR(a b)", "a AND"])
    def test_never_raises(self, text: str) -> None:
        assert len(understand(text).sought) <= 12


class TestSpans:
    def test_joined_give_the_text_again(self) -> None:
        text = "the invoice of May"

        pieces = spans(text, [(4, 11)])

        assert "".join(piece.text for piece in pieces) == text
        assert [piece.text for piece in pieces if piece.is_hit] == ["invoice"]


class TestWindow:
    def test_shows_the_first_hit_of_a_long_text(self) -> None:
        text = "word " * 200 + "needle " + "word " * 200

        pieces = window(text, [(1000, 1006)], letters=100)

        assert Span("needle", is_hit=True) in pieces
        assert sum(len(piece.text) for piece in pieces) < 120

    @pytest.mark.parametrize("text", ["", "short", "x" * 500])
    def test_shows_the_beginning_without_a_hit(self, text: str) -> None:
        shown = "".join(piece.text for piece in window(text, [], letters=100))

        assert shown.removesuffix(" …") == text[: len(shown.removesuffix(" …"))]
        assert len(shown) <= 110
