"""Words of a text, stems, and what counts as the same word."""

import pytest

from helpdesk.queries.lexicon import Lexicon
from helpdesk.queries.words import are_kin, words
from routing_rules.stems import base_language, stem


class TestWords:
    def test_are_case_folded_letters_without_numbers_addresses_and_links(self) -> None:
        text = "My ORDER 448812, see https://shop.example/order or ann@example.com. Straße!"

        assert list(words(text)) == ["my", "order", "see", "or", "strasse"]

    def test_of_decomposed_text_are_those_of_composed_text(self) -> None:
        assert list(words("pa\u0308iva\u0308")) == ["päivä"]


class TestStem:
    @pytest.mark.parametrize(
        ("one", "other"),
        [("unohdin", "unohta"), ("tilaus", "tilauksen"), ("osoite", "osoitteen"), ("vaihdan", "vaihtaa")],
    )
    def test_evens_out_finnish_consonant_gradation(self, one: str, other: str) -> None:
        first, second = stem(one, "fi"), stem(other, "fi")

        assert first == second or are_kin(first, second)

    def test_leaves_a_word_of_an_unknown_language_alone(self) -> None:
        assert stem("words", "tlh") == "words"


class TestAreKin:
    @pytest.mark.parametrize(("one", "other"), [("salas", "salasan"), ("tilas", "tilau"), ("palaut", "palautus")])
    def test_holds_for_forms_of_one_word(self, one: str, other: str) -> None:
        assert are_kin(one, other)

    @pytest.mark.parametrize(("one", "other"), [("toimi", "toimitus"), ("kort", "korkea"), ("lasku", "lahja")])
    def test_fails_for_words_that_only_begin_alike(self, one: str, other: str) -> None:
        assert not are_kin(one, other)


class TestBaseLanguage:
    @pytest.mark.parametrize(("code", "base"), [("en-GB", "en"), ("pt_BR", "pt"), ("FI", "fi"), ("", "")])
    def test_drops_the_region(self, code: str, base: str) -> None:
        assert base_language(code) == base


class TestLexicon:
    @pytest.mark.parametrize("word", ["salasana", "salasanan", "salasanani", "salasanoja", "salasanansa"])
    def test_finds_each_form_of_a_finnish_word(self, word: str) -> None:
        lexicon = Lexicon(["salasanan", "kirjautuminen"], language="fi")

        assert [hit.term for hit in lexicon.hits(word)] == [hit.term for hit in lexicon.hits("salasanan")]

    def test_finds_both_parts_of_a_compound(self) -> None:
        lexicon = Lexicon(["salasanan", "vaihto"], language="fi")

        assert {hit.term for hit in lexicon.hits("salasananvaihto")} == {stem("salasanan", "fi"), stem("vaihto", "fi")}

    def test_finds_no_parts_in_english(self) -> None:
        assert Lexicon(["port", "sport"], language="en").hits("sportport") == ()

    @pytest.mark.parametrize("word", ["pasword", "passwort", "passwordd", "passowrd"])
    def test_forgives_one_wrong_letter(self, word: str) -> None:
        assert [hit.term for hit in Lexicon(["password"], language="en").hits(word)] == ["password"]

    @pytest.mark.parametrize("word", ["bassword", "paswort", "word", "the"])
    def test_does_not_guess_further(self, word: str) -> None:
        assert Lexicon(["password"], language="en").hits(word) == ()

    def test_finds_words_by_their_beginning(self) -> None:
        lexicon = Lexicon(["password", "parcel", "passport"], language="en")

        assert {hit.term for hit in lexicon.hits_of_beginning("passw")} == {"password"}
