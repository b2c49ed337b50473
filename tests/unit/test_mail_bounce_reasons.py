"""Why a mail came back, as the far server said it, and whether the address is at fault."""

from pathlib import Path

import pytest

from mail_gateway.bounce_reasons import Reason, of_refusal, of_report, status_in
from mail_gateway.parse import parse

SAMPLES = Path(__file__).parents[1] / "mail"


class TestOfReport:
    @pytest.mark.parametrize(
        ("sample", "words", "status"),
        [
            ("bounce-rfc3464", "5.1.1", "5.1.1"),
            ("bounce-qmail", "Sorry, no mailbox here by that name. (#5.1.1)", "5.1.1"),
        ],
    )
    def test_reads_the_words_of_the_far_server(self, sample: str, words: str, status: str) -> None:
        found = of_report(parse((SAMPLES / f"{sample}.eml").read_bytes()))

        assert (found.words, found.status, found.is_address_at_fault) == (words, status, True)

    @pytest.mark.parametrize(
        ("fields", "words", "status"),
        [
            ("Status: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 unknown", "550 5.1.1 unknown", "5.1.1"),
            ("Status: 5.2.2\nDiagnostic-Code: smtp; mailbox\n  is full", "5.2.2 mailbox is full", "5.2.2"),
            ("Status: 5.4.4", "5.4.4", "5.4.4"),
            ("Diagnostic-Code: 550 no", "550 no", ""),
        ],
    )
    def test_takes_the_field_that_says_most(self, fields: str, words: str, status: str) -> None:
        raw = (
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n\nSorry.\n--b\n'
            f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\nAction: failed\n{fields}\n\n--b--\n"
        )

        found = of_report(parse(raw.encode()))

        assert (found.words, found.status) == (words, status)

    def test_makes_do_with_the_first_words_of_a_report_without_a_code(self) -> None:
        assert of_report(parse(b"\n\nIt did not work out.\nSorry\n")).words == "It did not work out. Sorry"


class TestIsAddressAtFault:
    @pytest.mark.parametrize("status", ["5.1.1", "5.1.2", "5.2.1", "5.0.0", "5.1.10"])
    def test_holds_for_an_address_that_is_gone(self, status: str) -> None:
        assert Reason("", status).is_address_at_fault

    @pytest.mark.parametrize("status", ["4.4.7", "5.2.2", "5.2.3", "5.3.4", "5.7.1", "5.6.1", "2.0.0"])
    def test_does_not_for_the_moment_the_mail_or_the_sender(self, status: str) -> None:
        assert not Reason("550", status).is_address_at_fault

    def test_goes_by_the_plain_code_where_there_is_no_other(self) -> None:
        assert Reason("550 no such user").is_address_at_fault
        assert not Reason("452 try later").is_address_at_fault
        assert not Reason("no idea, order 5507").is_address_at_fault


class TestOfRefusal:
    def test_is_about_the_address_only_where_a_recipient_was_refused(self) -> None:
        assert of_refusal("The server answered to recipient a@b.example: 550 gone").is_address_at_fault
        assert not of_refusal("The server answered to the mail: 554 5.1.1 odd").is_address_at_fault


class TestStatusIn:
    def test_is_no_part_of_another_number(self) -> None:
        assert [status_in(words) for words in ("at 5.1.1.7", "10.5.1.1", "x 4.2.2 y", "")] == ["", "", "4.2.2", ""]
