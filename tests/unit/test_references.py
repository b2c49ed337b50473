"""References: a mistyped number never finds another ticket."""

import pytest

from helpdesk import references


class TestReference:
    def test_reads_back_to_its_ticket(self) -> None:
        for ticket_id in (1, 9, 423, 99_999, 1_000_000):
            assert references.ticket_id(references.reference_of(ticket_id, prefix="LU"), prefix="LU") == ticket_id

    @pytest.mark.parametrize(("number", "digit"), [(100423, 8), (100001, 2), (123456, 1)])
    def test_has_the_digit_that_the_weights_7_3_1_give(self, number: int, digit: int) -> None:
        assert references.check_digit(number) == digit

    def test_changes_its_digit_with_every_single_digit(self) -> None:
        for place in range(6):
            for digit in "123456789":
                wrong = "100423"[:place] + digit + "100423"[place + 1 :]
                if wrong != "100423":
                    assert references.check_digit(int(wrong)) != references.check_digit(100423)

    def test_with_a_wrong_check_digit_finds_nothing(self) -> None:
        found = [d for d in range(10) if references.ticket_id(f"LU-100423-{d}", prefix="LU") is not None]

        assert found == [8]


class TestTicketIds:
    def test_finds_references_anywhere_in_a_subject(self) -> None:
        subject = "VS: Re: [LU-100423-8] lasku, lu 100001 - 2"

        assert references.ticket_ids(subject, prefix="LU") == [423, 1]

    @pytest.mark.parametrize(
        "subject", ["", "LU-100423", "100423-8", "XLU-100423-8", "LU-100423-88", "LU-000423-1", "LU-" + "9" * 40 + "-1"]
    )
    def test_finds_none_where_none_is(self, subject: str) -> None:
        assert references.ticket_ids(subject, prefix="LU") == []


class TestWithout:
    def test_takes_the_reference_and_its_brackets_out(self) -> None:
        reference = references.reference_of(423, prefix="LU")

        assert references.without(f"Re: Kettle [{reference}] now", reference=reference) == "Re: Kettle now"
        assert references.without(reference.lower(), reference=reference) == ""
        assert references.without("Re: Kettle", reference=reference) == "Re: Kettle"
