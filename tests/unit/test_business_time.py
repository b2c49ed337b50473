"""Opening hours: against a wall clock read second by second, over the days on which clocks are changed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.business_time import (
    ALWAYS,
    WHOLE_DAY,
    BadHours,
    Calendar,
    Day,
    Hours,
    NeverOpen,
    add_open_time,
    calendar_from_data,
    hours_as_text,
    hours_from_text,
    hours_to_data,
    is_open,
    next_opening,
    open_between,
    segments_between,
    spans_between,
)

NINE_TO_FIVE = (Hours(540, 1020),)
OFFICE = ((NINE_TO_FIVE,) * 5) + ((), ())
#: Zone and the local dates on which its clocks go forward and back; Lord Howe's go by half an hour, Apia left out a
#: whole day, Cairo's change at midnight.
CHANGES = [
    ("Europe/Helsinki", date(2026, 3, 29)),
    ("Europe/Helsinki", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Africa/Cairo", date(2026, 4, 24)),
    ("America/St_Johns", date(2010, 11, 7)),
]


def local(zone: str, *parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone), fold=fold)  # type: ignore[misc,arg-type]


@st.composite
def hours(draw: st.DrawFn) -> tuple[Hours, ...]:
    edges = sorted(draw(st.sets(st.integers(0, 96), max_size=6)))
    return tuple(Hours(a * 15, b * 15) for a, b in zip(edges[::2], edges[1::2], strict=False))


@st.composite
def windows(draw: st.DrawFn) -> tuple[Calendar, datetime, datetime]:
    """A calendar, and a window of some days around a change of its clocks."""
    zone, day = draw(st.sampled_from(CHANGES))
    week = tuple(draw(st.sampled_from([(), WHOLE_DAY, NINE_TO_FIVE]) | hours()) for _ in range(7))
    own = draw(st.dictionaries(st.integers(-3, 3), hours(), max_size=2))
    days = {day + timedelta(offset): Day("Own", each) for offset, each in own.items()}
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    start = noon + timedelta(seconds=draw(st.integers(-3 * 86400, 86400)))
    return Calendar(zone, week, days), start, start + timedelta(seconds=draw(st.integers(0, 3 * 86400)))


class TestProperties:
    @settings(max_examples=60, deadline=None)
    @given(windows())
    def test_open_time_is_what_a_wall_clock_shows(self, window: tuple[Calendar, datetime, datetime]) -> None:
        calendar, start, _end = window
        begin = start.replace(second=0)
        length = 36 * 60  # hours begin and end on whole minutes, and clocks change on them

        shown = sum(is_open(calendar, begin + timedelta(minutes=each)) for each in range(length))

        assert open_between(calendar, begin, begin + timedelta(minutes=length)) == timedelta(minutes=shown)

    @settings(max_examples=150, deadline=None)
    @given(windows())
    def test_segments_add_up_to_elapsed_time(self, window: tuple[Calendar, datetime, datetime]) -> None:
        calendar, start, end = window

        segments = segments_between(calendar, start, end)

        assert sum((each.length for each in segments), timedelta()) == end - start
        assert [each.end for each in segments[:-1]] == [each.start for each in segments[1:]]
        assert [each.is_open for each in segments[1:]] == [not each.is_open for each in segments[:-1]]
        open_time = sum((each.length for each in segments if each.is_open), timedelta())
        assert open_time == open_between(calendar, start, end)
        for each in segments:
            assert is_open(calendar, each.start) is each.is_open
            assert is_open(calendar, each.end - timedelta(microseconds=1)) is each.is_open

    @settings(max_examples=150, deadline=None)
    @given(windows(), st.integers(1, 400_000))
    def test_adding_is_the_inverse_of_measuring(
        self, window: tuple[Calendar, datetime, datetime], seconds: int
    ) -> None:
        calendar, start, end = window
        amount = timedelta(seconds=seconds)
        try:
            due = add_open_time(calendar, start, amount)
        except NeverOpen:
            assert not any(calendar.week)
            return

        assert open_between(calendar, start, due) == amount
        assert add_open_time(calendar, start, open_between(calendar, start, end)) <= end

    @settings(max_examples=100, deadline=None)
    @given(windows(), st.floats(0, 1))
    def test_a_window_may_be_measured_in_parts(self, window: tuple[Calendar, datetime, datetime], part: float) -> None:
        calendar, start, end = window
        middle = start + (end - start) * part

        parts = open_between(calendar, start, middle) + open_between(calendar, middle, end)

        assert parts == open_between(calendar, start, end)


class TestDaysOnWhichClocksChange:
    @pytest.mark.parametrize(
        ("zone", "day", "hours_of_day"),
        [
            ("Europe/Helsinki", (2026, 3, 29), 23),
            ("Europe/Helsinki", (2026, 10, 25), 25),
            ("America/New_York", (2026, 3, 8), 23),
            ("America/New_York", (2026, 11, 1), 25),
            ("Australia/Lord_Howe", (2026, 10, 4), 23.5),
            ("Australia/Lord_Howe", (2026, 4, 5), 24.5),
        ],
    )
    def test_have_as_many_hours_as_they_have(self, zone: str, day: tuple[int, int, int], hours_of_day: float) -> None:
        calendar = Calendar(zone)
        midnight = local(zone, *day)

        length = open_between(calendar, midnight, midnight + timedelta(days=1))  # wall time: the next midnight

        assert length == timedelta(hours=hours_of_day)

    def test_a_target_over_the_night_of_the_change_is_due_by_elapsed_time(self) -> None:
        calendar = Calendar("Europe/Helsinki")
        start = local("Europe/Helsinki", 2026, 10, 24, 22)

        due = add_open_time(calendar, start, timedelta(hours=8))

        assert due.astimezone(ZoneInfo("Europe/Helsinki")) == local("Europe/Helsinki", 2026, 10, 25, 5)

    def test_office_hours_stay_where_the_wall_clock_shows_them(self) -> None:
        calendar = Calendar("Europe/Helsinki", OFFICE)
        friday = local("Europe/Helsinki", 2026, 3, 27, 16)

        due = add_open_time(calendar, friday, timedelta(hours=2))

        assert due == local("Europe/Helsinki", 2026, 3, 30, 10)

    def test_an_hour_that_is_left_out_does_not_count(self) -> None:
        calendar = Calendar("Europe/Helsinki", ((Hours(150, 270),),) * 7)  # 2:30 to 4:30; 3:00 to 4:00 doesn't exist
        day = local("Europe/Helsinki", 2026, 3, 29)

        assert open_between(calendar, day, day + timedelta(days=1)) == timedelta(hours=1)


class TestDays:
    def test_a_holiday_is_passed_over_and_named(self) -> None:
        eve = date(2026, 6, 19)
        calendar = Calendar("Europe/Helsinki", OFFICE, {eve: Day("Midsummer Eve")})
        thursday = local("Europe/Helsinki", 2026, 6, 18, 16)
        due = add_open_time(calendar, thursday, timedelta(hours=2))

        closed = [each for each in segments_between(calendar, thursday, due) if not each.is_open]

        assert due == local("Europe/Helsinki", 2026, 6, 22, 10)
        assert [each.days for each in closed] == [("Midsummer Eve",)]

    def test_a_day_has_hours_of_its_own(self) -> None:
        saturday = date(2026, 12, 19)
        calendar = Calendar("UTC", OFFICE, {saturday: Day("Open Saturday", (Hours(600, 840),))})

        assert open_between(calendar, local("UTC", 2026, 12, 19), local("UTC", 2026, 12, 21)) == timedelta(hours=4)

    def test_a_night_shift_is_one_span(self) -> None:
        calendar = Calendar("UTC", ((Hours(0, 360), Hours(1320, 1440)),) * 7)

        spans = list(spans_between(calendar, local("UTC", 2026, 1, 1, 12), local("UTC", 2026, 1, 2, 12)))

        assert [each.length for each in spans] == [timedelta(hours=8)]


class TestNever:
    def test_a_calendar_without_hours_says_so(self) -> None:
        never = Calendar("UTC", ((),) * 7)
        now = local("UTC", 2026, 1, 1)

        assert next_opening(never, now) is None
        assert open_between(never, now, now + timedelta(days=900)) == timedelta()
        with pytest.raises(NeverOpen):
            add_open_time(never, now, timedelta(seconds=1))

    def test_a_calendar_that_was_open_once_says_so(self) -> None:
        once = Calendar("UTC", ((),) * 7, {date(2026, 1, 2): Day("Fair", (Hours(600, 660),))})
        now = local("UTC", 2026, 1, 1)

        assert next_opening(once, now) == local("UTC", 2026, 1, 2, 10)
        assert add_open_time(once, now, timedelta(hours=1)) == local("UTC", 2026, 1, 2, 11)
        with pytest.raises(NeverOpen):
            add_open_time(once, now, timedelta(hours=2))

    def test_no_amount_is_due_at_once(self) -> None:
        now = local("UTC", 2026, 1, 1)

        assert add_open_time(Calendar("UTC", ((),) * 7), now, timedelta()) == now


class TestRoundTheClock:
    def test_is_elapsed_time(self) -> None:
        now = local("Europe/Helsinki", 2026, 3, 28, 12)

        assert add_open_time(ALWAYS, now, timedelta(days=2)) == now.astimezone(UTC) + timedelta(days=2)
        assert next_opening(ALWAYS, now) == now


class TestHoursFromText:
    def test_reads_several_stretches_in_any_order(self) -> None:
        assert hours_from_text("13.00–17:30, 9-12") == (Hours(540, 720), Hours(780, 1050))

    def test_reads_nothing_as_closed(self) -> None:
        assert hours_from_text("  ") == ()

    def test_reads_what_it_writes(self) -> None:
        read = hours_from_text("0-24")

        assert hours_as_text(read) == "00:00–24:00"
        assert hours_from_text(hours_as_text(read)) == read

    @pytest.mark.parametrize("text", ["nine to five", "17-9", "9-9", "9-25", "9:60-10", "9-12, 11-13", "9"])
    def test_refuses_what_is_no_hours(self, text: str) -> None:
        with pytest.raises(BadHours):
            hours_from_text(text)

    def test_a_calendar_is_read_as_it_was_stored(self) -> None:
        days = [{"date": "2026-12-24", "name": "Eve", "hours": hours_to_data(hours_from_text("9-12")), "source": "own"}]

        read = calendar_from_data(zone="UTC", week=[hours_to_data(each) for each in OFFICE], days=days)

        assert read == Calendar("UTC", OFFICE, {date(2026, 12, 24): Day("Eve", (Hours(540, 720),))})
