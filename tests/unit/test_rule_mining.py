"""What people do by hand becomes a suggestion when it happens often and nearly always, and not before."""

import pytest

from routing_rules import conditions
from routing_rules.mining import Candidate, Feature, Miner, Moved, as_tests, features_of, wilson_bound, words_of


def mined(moved: list[tuple[dict[str, object], str]], others: list[tuple[dict[str, object], str]]) -> list[Candidate]:
    """Candidates after counting tickets that people moved, and those that stayed where the rules had put them."""
    seen = [(number, features_of(facts), team) for number, (facts, team) in enumerate([*moved, *others])]
    miner = Miner(Moved(*each) for each in seen[: len(moved)])
    for number, features, team in seen:
        miner.count(ticket_id=number, features=features, team=team)
    return miner.best()


def mail(subject: str, domain: str = "shop.example") -> dict[str, object]:
    return {"subject": subject, "sender_domain": domain, "language": "fi", "channel": "support"}


class TestWilson:
    @pytest.mark.parametrize(
        ("hits", "total", "bound"), [(0, 0, 0.0), (3, 3, 0.438), (40, 46, 0.743), (95, 100, 0.888), (0, 20, 0.0)]
    )
    def test_bound(self, hits: int, total: int, bound: float) -> None:
        assert wilson_bound(hits, total) == pytest.approx(bound, abs=0.001)


class TestSuggesting:
    def test_three_of_three_is_no_evidence(self) -> None:
        assert mined([(mail("lasku"), "billing")] * 3, []) == []

    def test_the_word_that_the_moved_tickets_share(self) -> None:
        moved = [(mail(f"Lasku {number}x{number} puuttuu", f"d{number}.example"), "billing") for number in range(20)]
        others = [(mail(f"Tilaus {number}x{number}", f"d{number}.example"), "sales") for number in range(40)]
        (found,) = mined(moved, others)

        assert (found.team, found.matching, found.agreeing, found.moves) == ("billing", 20, 20, 20)
        assert found.features[0][0] == "subject"

    def test_nothing_where_too_many_ended_elsewhere(self) -> None:
        moved = [(mail("lasku", f"d{number}.example"), "billing") for number in range(20)]
        others = [(mail("lasku", f"e{number}.example"), "sales") for number in range(20)]

        assert mined(moved, others) == []

    def test_a_word_together_with_a_sender_where_either_alone_says_nothing(self) -> None:
        moved = [(mail("lasku", "x.example"), "billing")] * 15
        others = [(mail("lasku", f"d{number}.example"), "sales") for number in range(30)]
        others += [(mail(f"tilaus{number}a", "x.example"), "sales") for number in range(30)]
        (found,) = mined(moved, others)

        features: set[Feature] = set(found.features)
        assert features == {("subject", "lasku"), ("sender_domain", "x.example")}

    def test_the_exceptions_are_named(self) -> None:
        moved = [(mail("lasku"), "billing")] * 30
        (found,) = mined(moved, [(mail("lasku"), "sales")] * 2)

        assert found.exceptions == [30, 31]

    def test_a_language_or_a_channel_alone_is_no_habit(self) -> None:
        moved = [(mail(f"a{number}b", f"d{number}.example") | {"channel": ""}, "billing") for number in range(30)]

        assert mined(moved, []) == []


def test_words_are_what_the_operator_sees() -> None:
    assert words_of("RE: Lasku_7, 4417 – Straße!") == {"lasku_7", "strasse"}


def test_features_become_a_condition_that_can_be_read() -> None:
    features = [("subject", "lasku"), ("sender_domain", "x.example"), ("language", "fi"), ("channel", "support")]

    assert len(list(conditions.tests_of(conditions.from_json({"all": as_tests(features)})))) == 4
