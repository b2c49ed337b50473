"""Times as people say them, in two languages, over changes of the clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.spoken_time import LONGEST, BadTime, Choice, Trouble, choices, read

HELSINKI = ZoneInfo("Europe/Helsinki")
#: A Wednesday, ten past one in the afternoon.
NOW = datetime(2026, 11, 25, 13, 10, tzinfo=HELSINKI)


def heard(text: str, now: datetime = NOW, zone: ZoneInfo = HELSINKI) -> str:
    return f"{read(text, now=now, zone=zone).astimezone(zone):%a %d.%m.%Y %H:%M}"


class TestRead:
    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("in 2 hours", "Wed 25.11.2026 15:10"),
            ("2h", "Wed 25.11.2026 15:10"),
            ("2 h 30 min", "Wed 25.11.2026 15:40"),
            ("1h30", "Wed 25.11.2026 14:40"),
            ("in half an hour", "Wed 25.11.2026 13:40"),
            ("tunnin päästä", "Wed 25.11.2026 14:10"),
            ("2 tunnin kuluttua", "Wed 25.11.2026 15:10"),
            ("in 3 days", "Sat 28.11.2026 09:00"),
            ("in 3 days at 10", "Sat 28.11.2026 10:00"),
            ("viikon päästä", "Wed 02.12.2026 09:00"),
            ("in a month", "Fri 25.12.2026 09:00"),
            ("tomorrow", "Thu 26.11.2026 09:00"),
            ("Tomorrow at 9", "Thu 26.11.2026 09:00"),
            ("huomenna 9.30", "Thu 26.11.2026 09:30"),
            ("tomorrow 3 pm", "Thu 26.11.2026 15:00"),
            ("day after tomorrow at 8", "Fri 27.11.2026 08:00"),
            ("tonight", "Wed 25.11.2026 18:00"),
            ("Monday", "Mon 30.11.2026 09:00"),
            ("wednesday", "Wed 02.12.2026 09:00"),
            ("maanantaina klo 9", "Mon 30.11.2026 09:00"),
            ("ma 14:30", "Mon 30.11.2026 14:30"),
            ("next friday", "Fri 04.12.2026 09:00"),
            ("ensi viikolla", "Mon 30.11.2026 09:00"),
            ("14:30", "Wed 25.11.2026 14:30"),
            ("9:00", "Thu 26.11.2026 09:00"),
            ("klo 15", "Wed 25.11.2026 15:00"),
            ("noon", "Thu 26.11.2026 12:00"),
            ("24.12.", "Thu 24.12.2026 09:00"),
            ("24.12. 10:00", "Thu 24.12.2026 10:00"),
            ("1.2.", "Mon 01.02.2027 09:00"),
            ("24 dec", "Thu 24.12.2026 09:00"),
            ("Dec 24, 2027 at 10", "Fri 24.12.2027 10:00"),
            ("24. joulukuuta", "Thu 24.12.2026 09:00"),
            ("2026-12-24T09:30", "Thu 24.12.2026 09:30"),
            ("29.2.", "Tue 29.02.2028 09:00"),
        ],
    )
    def test_understands(self, text: str, moment: str) -> None:
        assert heard(text) == moment

    @pytest.mark.parametrize(
        ("text", "trouble"),
        [
            ("", Trouble.UNCLEAR),
            ("15", Trouble.UNCLEAR),
            ("m", Trouble.UNCLEAR),
            ("soon", Trouble.UNCLEAR),
            ("30.2.", Trouble.UNCLEAR),
            ("tomorrow 25:00", Trouble.UNCLEAR),
            ("in 2 hours at 9", Trouble.UNCLEAR),
            ("x" * 100, Trouble.UNCLEAR),
            ("3/4", Trouble.AMBIGUOUS),
            ("10.12", Trouble.AMBIGUOUS),
            ("today 12", Trouble.PASSED),
            ("2026-11-25 13:10", Trouble.PASSED),
            ("in 0 minutes", Trouble.PASSED),
            ("in 999 weeks", Trouble.TOO_FAR),
            ("in 999999 months", Trouble.TOO_FAR),
        ],
    )
    def test_says_why_it_does_not(self, text: str, trouble: Trouble) -> None:
        with pytest.raises(BadTime) as caught:
            heard(text)

        assert caught.value.trouble is trouble

    @given(st.text(max_size=40))
    def test_never_fails_otherwise_and_never_leads_into_the_past(self, text: str) -> None:
        try:
            at = read(text, now=NOW, zone=HELSINKI)
        except BadTime:
            return
        assert NOW < at <= NOW + LONGEST


class TestAChangeOfClocks:
    def test_keeps_the_time_on_the_wall(self) -> None:
        before = datetime(2026, 10, 24, 12, 0, tzinfo=HELSINKI)  # clocks go back in the night

        assert heard("tomorrow 9:00", before) == "Sun 25.10.2026 09:00"
        assert read("tomorrow 9:00", now=before, zone=HELSINKI) - before == timedelta(hours=22)
        assert heard("in 1 day at 12", before) == "Sun 25.10.2026 12:00"

    def test_does_not_change_how_long_hours_are(self) -> None:
        before = datetime(2026, 3, 28, 12, 0, tzinfo=HELSINKI)  # clocks go forward in the night

        assert heard("in 24 hours", before) == "Sun 29.03.2026 13:00"

    def test_makes_a_time_that_the_wall_skips_as_much_later(self) -> None:
        assert heard("tomorrow 3:30", datetime(2026, 3, 28, 12, 0, tzinfo=HELSINKI)) == "Sun 29.03.2026 04:30"

    def test_takes_the_first_of_a_time_that_comes_twice(self) -> None:
        at = read("tomorrow 3:30", now=datetime(2026, 10, 24, 12, 0, tzinfo=HELSINKI), zone=HELSINKI)

        assert at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    def test_counts_in_the_readers_own_zone(self) -> None:
        auckland = ZoneInfo("Pacific/Auckland")

        assert heard("tomorrow 9:00", NOW, auckland) == "Fri 27.11.2026 09:00"


class TestChoices:
    def test_come_in_their_order_and_none_twice(self) -> None:
        sunday = datetime(2026, 11, 29, 9, 0, tzinfo=HELSINKI)

        offered = choices(now=sunday, zone=HELSINKI)

        assert [name for name, _ in offered] == [Choice.LATER, Choice.TOMORROW, Choice.WEEK, Choice.MONTH]
        assert [at for _, at in offered] == sorted({at for _, at in offered})

    def test_offer_nothing_later_today_in_the_evening(self) -> None:
        offered = choices(now=datetime(2026, 11, 25, 22, 0, tzinfo=HELSINKI), zone=HELSINKI)

        assert offered[0][0] is Choice.TOMORROW

    @given(st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
    def test_are_understood_by_what_they_fill_in(self, now: datetime) -> None:
        for _, at in choices(now=now, zone=HELSINKI):
            assert at > now
            said = f"{at.astimezone(HELSINKI):%Y-%m-%d %H:%M}"
            assert read(said, now=now, zone=HELSINKI) in {at, at - timedelta(hours=1)}
