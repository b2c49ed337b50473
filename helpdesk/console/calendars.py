"""Business calendars: a week's hours, holidays of a country, own days, days from a calendar file."""

import json
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from helpdesk import public_holidays
from helpdesk.actions import calendars as actions
from helpdesk.actions.calendars import YEARS_AHEAD, CalendarFields, OwnDay
from helpdesk.business_time import BadHours, Hours, hours_as_text, hours_from_text
from helpdesk.console.access import agent_of
from helpdesk.console.profile import zone_choices
from helpdesk.models import BusinessCalendar, CalendarVersion
from helpdesk.public_holidays import BadFile, Holiday
from helpdesk.queries import calendars

WEEKDAYS = (
    gettext_lazy("Monday"), gettext_lazy("Tuesday"), gettext_lazy("Wednesday"), gettext_lazy("Thursday"),
    gettext_lazy("Friday"), gettext_lazy("Saturday"), gettext_lazy("Sunday"),
)  # fmt: skip
_EMPTY_ROWS = 2
_MOST_DAYS = 400


class HoursField(forms.CharField):
    """Opening hours of a day, as a tuple of Hours."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=120, required=False, **options)

    def clean(self, value: Any) -> Any:
        try:
            return hours_from_text(super().clean(value) or "")
        except BadHours as error:
            raise forms.ValidationError(_("Write hours as 9–17 or 9–12, 13–17; two must not overlap.")) from error

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else hours_as_text(value)


class CalendarForm(forms.Form):
    """A calendar but for its own days, which are rows of the page."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    zone = forms.ChoiceField(label=gettext_lazy("Time zone"))
    country = forms.ChoiceField(label=gettext_lazy("Public holidays of"), required=False)
    subdivision = forms.ChoiceField(label=gettext_lazy("Region"), required=False)
    file = forms.FileField(
        label=gettext_lazy("Calendar file (iCal)"),
        required=False,
        help_text=gettext_lazy("Its all-day events become holidays and replace those of an earlier file."),
        widget=forms.FileInput(attrs={"accept": ".ics,text/calendar"}),
    )
    file_days = forms.CharField(required=False, widget=forms.HiddenInput, max_length=200_000)
    has_no_file = forms.BooleanField(label=gettext_lazy("Leave the days of the file out"), required=False)

    def __init__(
        self, data: Any = None, files: Any = None, *, calendar: BusinessCalendar | None, **options: Any
    ) -> None:
        super().__init__(data, files, **options)
        self.calendar = calendar
        self.left_out = 0
        language = (get_language() or "en").partition("-")[0]
        chosen = str((data or self.initial).get("country") or "")
        for number, day in enumerate(WEEKDAYS):
            self.fields[f"day_{number}"] = HoursField(label=day)
        self._choices("zone", [("UTC", "UTC"), *((value, text) for value, text in zone_choices() if value)])
        countries = public_holidays.country_names(language=language)
        self._choices("country", [("", _("No country")), *countries])
        self._choices("subdivision", [("", _("The whole country")), *public_holidays.regions(country=chosen)])

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    @property
    def week(self) -> list[Any]:
        """The seven fields of the week, Monday first."""
        return [self[f"day_{number}"] for number in range(7)]

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if BusinessCalendar.objects.filter(name=name).exclude(pk=self.calendar.pk if self.calendar else 0).exists():
            raise forms.ValidationError(_("Another calendar has this name."))
        return name

    def clean_file_days(self) -> list[Holiday]:
        try:
            stored = json.loads(self.cleaned_data["file_days"] or "[]")
            return [Holiday(date.fromisoformat(day), str(name)[:120]) for day, name in stored][:1000]
        except (ValueError, TypeError):
            return []

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        file = values.get("file")
        if isinstance(file, UploadedFile):
            values["file_days"] = self._days_of(file)
        if values.get("has_no_file"):
            values["file_days"] = []
        return values

    def _days_of(self, file: Any) -> list[Holiday]:
        today = timezone.localdate()
        first, last = date(today.year - 1, 1, 1), date(today.year + YEARS_AHEAD, 12, 31)
        try:
            content = file.read(public_holidays.MAX_FILE_BYTES + 1)
            read = public_holidays.from_file(content=content, first=first, last=last)
        except BadFile:
            self.add_error("file", _("This can't be read as a calendar file, or it is too large (1 MB, 1,000 days)."))
            return []
        self.left_out = read.left_out
        return list(read.days)


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """All calendars."""
    return render(request, "console/calendars.html", {"lines": calendars.calendar_lines(now=timezone.now())})


@require_safe
def regions(request: HttpRequest) -> HttpResponse:
    """The regions of a country, for the form whose country has changed."""
    form = CalendarForm(calendar=None, initial={"country": request.GET.get("country", "")[:2]})
    return render(request, "console/calendar_regions.html", {"form": form})


@require_http_methods(["GET", "POST"])
def calendar(request: HttpRequest, calendar_id: int | None = None) -> HttpResponse:
    """Make or change a calendar. ``do=preview`` shows what it would do to running clocks, and stores nothing."""
    stored = _calendar_or_404(calendar_id)
    form = CalendarForm(request.POST or None, request.FILES or None, calendar=stored, initial=_initial(stored))
    rows, errors = _own_days(request) if request.method == "POST" else (_rows_of(stored), [])
    context: dict[str, Any] = {"effect": None, "coming": _coming(stored.current if stored else None)}
    if request.method == "POST" and form.is_valid() and not errors:
        fields = _fields(form, rows)
        if request.POST.get("do") != "preview":
            actions.save_calendar(calendar=stored, fields=fields, by=agent_of(request))
            messages.success(request, _("Saved."))
            return redirect("calendars")
        context |= _preview(request, stored, fields)
    days = form.cleaned_data.get("file_days", []) if form.is_bound and form.is_valid() else _file_days(stored)
    context |= {"form": form, "calendar": stored, "rows": _with_empty_rows(rows), "errors": errors, "file_days": days}
    context["file_days_json"] = json.dumps([[day.date.isoformat(), day.name] for day in days])
    status = 422 if request.method == "POST" and (errors or not form.is_valid()) else 200
    return render(request, "console/calendar.html", context, status=status)


def _preview(request: HttpRequest, stored: BusinessCalendar | None, fields: CalendarFields) -> dict[str, Any]:
    now = timezone.now()
    row = stored or BusinessCalendar(name=fields.name)
    version = actions.draft(calendar=row, fields=fields, by=agent_of(request), at=now)
    effect = actions.effect_of(calendar=row, version=version, at=now) if stored else None
    return {"effect": effect, "coming": _coming(version), "is_preview": True}


def _fields(form: CalendarForm, rows: list[dict[str, Any]]) -> CalendarFields:
    values = form.cleaned_data
    return CalendarFields(
        name=values["name"],
        zone=values["zone"],
        week=tuple(values[f"day_{number}"] for number in range(7)),
        country=values["country"],
        subdivision=values["subdivision"] if values["country"] else "",
        own_days=[OwnDay(row["on"], row["name"], row["read"]) for row in rows],
        file_days=values["file_days"],
        language=settings.LANGUAGE_CODE.partition("-")[0],
    )


def _own_days(request: HttpRequest) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of own days as they were filled in, and what is wrong with them; empty rows are left out."""
    columns = [request.POST.getlist(f"own_{name}")[:_MOST_DAYS] for name in ("date", "name", "hours")]
    rows, errors = [], []
    for day, name, text in zip(*columns, strict=False):
        if not (day.strip() or name.strip() or text.strip()):
            continue
        row: dict[str, Any] = {"date": day.strip(), "name": name.strip()[:120], "hours": text.strip()[:120]}
        try:
            row |= {"on": date.fromisoformat(row["date"]), "read": hours_from_text(row["hours"])}
        except BadHours:
            errors.append(_("Write hours as 9–17 or 9–12, 13–17; two must not overlap.") + f" ({row['hours']})")
        except ValueError:
            errors.append(_("Each own day needs a date.") + f" ({row['name'] or row['date']})")
        rows.append(row)
    return rows, errors


def _rows_of(stored: BusinessCalendar | None) -> list[dict[str, Any]]:
    own = actions.fields_of(stored).own_days if stored else ()
    return [{"date": day.date.isoformat(), "name": day.name, "hours": hours_as_text(day.hours)} for day in own]


def _with_empty_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*rows, *({"date": "", "name": "", "hours": ""} for _row in range(_EMPTY_ROWS))]


def _initial(stored: BusinessCalendar | None) -> dict[str, Any]:
    if stored is None:
        week: Any = ((Hours(540, 1020),),) * 5 + ((), ())
        return {"zone": settings.TIME_ZONE, **_week(week)}
    fields = actions.fields_of(stored)
    named = {"name": fields.name, "zone": fields.zone, "country": fields.country, "subdivision": fields.subdivision}
    return {**named, **_week(fields.week)}


def _week(week: Any) -> dict[str, Any]:
    return {f"day_{number}": hours_as_text(hours) for number, hours in enumerate(week)}


def _file_days(stored: BusinessCalendar | None) -> list[Holiday]:
    return list(actions.fields_of(stored).file_days) if stored else []


def _coming(version: CalendarVersion | None) -> list[tuple[date, str, str]]:
    """The next days with hours of their own: date, name, hours."""
    if version is None:
        return []
    hours = version.hours
    today = timezone.now().astimezone(ZoneInfo(hours.zone)).date()
    names = {day: own.name for day, own in hours.days.items()}
    ahead = calendars.days_ahead(days=names, today=today)
    return [(day, name, hours_as_text(hours.days[day].hours)) for day, name in ahead]


def _calendar_or_404(number: int | None) -> BusinessCalendar | None:
    if number is None:
        return None
    try:
        return calendars.calendar_by_id(number=number)
    except BusinessCalendar.DoesNotExist as error:
        raise Http404 from error
