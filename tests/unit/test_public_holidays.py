"""Days on which a desk is closed: of a country, and from a calendar file."""

from datetime import date

import pytest

from helpdesk.public_holidays import BadFile, Holiday, countries, from_file, of_country

FIRST, LAST = date(2026, 1, 1), date(2028, 12, 31)


def calendar_file(*events: str) -> bytes:
    body = "".join(f"BEGIN:VEVENT\r\n{each}\r\nEND:VEVENT\r\n" for each in events).replace(";;", "\r\n")
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n{body}END:VCALENDAR\r\n".encode()


class TestOfCountry:
    def test_knows_midsummer_in_finland(self) -> None:
        found = of_country(country="FI", years=[2026], language="fi")

        assert Holiday(date(2026, 6, 20), "Juhannuspäivä") in found

    def test_names_it_in_the_reader_s_language(self) -> None:
        names = {each.name for each in of_country(country="FI", years=[2026], language="en")}

        assert "Midsummer Day" in names

    def test_knows_parts_of_a_country(self) -> None:
        bavaria = {each.date for each in of_country(country="DE", subdivision="BY", years=[2026])}
        berlin = {each.date for each in of_country(country="DE", subdivision="BE", years=[2026])}

        assert date(2026, 1, 6) in bavaria - berlin

    @pytest.mark.parametrize(("country", "subdivision"), [("XX", ""), ("DE", "XX")])
    def test_refuses_what_it_does_not_know(self, country: str, subdivision: str) -> None:
        with pytest.raises(KeyError):
            of_country(country=country, subdivision=subdivision, years=[2026])

    def test_lists_countries_with_their_parts(self) -> None:
        assert "BY" in countries()["DE"]


class TestFromFile:
    def test_reads_whole_days(self) -> None:
        content = calendar_file("SUMMARY:Company day;;DTSTART;VALUE=DATE:20260803;;DTEND;VALUE=DATE:20260805")

        read = from_file(content=content, first=FIRST, last=LAST)

        assert read.days == (
            Holiday(date(2026, 8, 3), "Company day"),
            Holiday(date(2026, 8, 4), "Company day"),
        )

    def test_repeats_what_repeats(self) -> None:
        content = calendar_file(
            "SUMMARY:Founders;;DTSTART;VALUE=DATE:20200214;;RRULE:FREQ=YEARLY;;EXDATE;VALUE=DATE:20270214"
        )

        read = from_file(content=content, first=FIRST, last=LAST)

        assert [each.date for each in read.days] == [date(2026, 2, 14), date(2028, 2, 14)]

    def test_ends_a_repetition_where_it_ends(self) -> None:
        content = calendar_file("SUMMARY:X;;DTSTART;VALUE=DATE:20250214;;RRULE:FREQ=YEARLY;UNTIL=20260214")

        assert [each.date for each in from_file(content=content, first=FIRST, last=LAST).days] == [date(2026, 2, 14)]

    def test_leaves_meetings_and_cancelled_days_out(self) -> None:
        content = calendar_file(
            "SUMMARY:Meeting;;DTSTART:20260803T090000Z;;DTEND:20260803T100000Z",
            "SUMMARY:Off;;DTSTART;VALUE=DATE:20260804;;STATUS:CANCELLED",
        )

        read = from_file(content=content, first=FIRST, last=LAST)

        assert (read.days, read.left_out) == ((), 1)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"%PDF-1.7 \xff\xfe",
            b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:rubbish\r\nEND:VEVENT\r\n",
            calendar_file("SUMMARY:X;;DTSTART;VALUE=DATE:20260101;;RRULE:FREQ=SECONDLY"),
            calendar_file("SUMMARY:X;;DTSTART;VALUE=DATE:00010101;;RRULE:FREQ=DAILY"),
            calendar_file("SUMMARY:X;;DTSTART;VALUE=DATE:20260101;;DTEND;VALUE=DATE:99990101"),
            calendar_file("SUMMARY:X;;DTSTART;VALUE=DATE:20260101;;RRULE:FREQ=YEARLY;BYDAY=XX"),
            b"x" * (1024 * 1024 + 1),
        ],
    )
    def test_refuses_what_is_no_calendar(self, content: bytes) -> None:
        with pytest.raises(BadFile):
            from_file(content=content, first=FIRST, last=LAST)
