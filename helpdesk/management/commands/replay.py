"""`manage.py replay`: stored mail through today's reader, and what differs from what its message has (MAIL.md 10)."""

import json
import re
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from helpdesk.actions.rereading import Renewal, renew
from helpdesk.intake.compared_lines import Row, compared
from helpdesk.intake.reader import Reader
from helpdesk.intake.rereading import Difference, Outcome, Rereading, events_of, renewal_of, reread, stored_events
from helpdesk.models import Channel, InboundEvent

_DURATION = re.compile(r"([1-9]\d{0,5})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
#: A word on stderr after so many mails.
_PROGRESS = 500
#: Messages that change in one transaction.
_BATCH = 20


def since(duration: str, *, now: datetime) -> datetime:
    """The moment ``30d``, ``12h`` or ``4w`` before ``now``. Raises CommandError for anything else."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise CommandError(f"{duration!r} is no duration: say 12h, 30d or 4w.")
    try:
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError as error:
        raise CommandError(f"{duration!r} is longer ago than any mail.") from error


class Command(BaseCommand):
    """Exit status 1 with --check when something differs or can't be read, else 0."""

    help = "Read stored mail again with today's reader and say what differs. Writes nothing unless --apply is given."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", metavar="30d", help="only mail that arrived since then: 12h, 30d, 4w; else all")
        parser.add_argument("--channel", metavar="SLUG", help="only mail of this channel")
        parser.add_argument("--event", type=int, metavar="N", help="only this mail, by its number in the ledger")
        parser.add_argument("--diff", action="store_true", help="print the lines that differ, not only what differs")
        parser.add_argument("--json", action="store_true", help="for machines: a line for each mail, then the totals")
        parser.add_argument("--check", action="store_true", help="exit status 1 if anything differs or is unreadable")
        parser.add_argument("--apply", action="store_true", help="use today's reading where it differs, after asking")
        parser.add_argument("--yes", action="store_true", help="with --apply: don't ask")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["json"] and options["apply"] and not options["yes"]:
            raise CommandError("--json can't ask: say --yes too.")
        reader, totals, renewable = Reader(), Counter[Outcome](), []
        try:
            for each in self._counted(reread(reader, _wanted(options)), totals):
                if each.can_be_applied:
                    renewable.append(each.event.pk)
                self._tell(each, options)
            self._sum_up(totals, as_json=options["json"])
            if options["apply"] and renewable and (options["yes"] or self._agrees(len(renewable))):
                changed = self._apply(reader, renewable)
                self._say({"changed": changed}, f"{changed:,} messages changed", as_json=options["json"])
        finally:
            reader.close()
        if options["check"] and (totals[Outcome.DIFFERS] or totals[Outcome.UNREADABLE]):
            raise SystemExit(1)

    def _counted(self, mails: Iterator[Rereading], totals: Counter[Outcome]) -> Iterator[Rereading]:
        for number, each in enumerate(mails, start=1):
            totals[each.outcome] += 1
            if number % _PROGRESS == 0:
                self.stderr.write(f"{number:,} mails read, {totals[Outcome.DIFFERS]:,} differ")
            yield each

    def _tell(self, each: Rereading, options: dict[str, Any]) -> None:
        if each.outcome is Outcome.SAME:
            return
        if options["json"]:
            self.stdout.write(json.dumps(_as_data(each, has_lines=options["diff"]), ensure_ascii=False))
            return
        self.stdout.write(f"#{each.event.pk} {_whose(each)}: {_verdict(each)}")
        if options["diff"]:
            for difference in each.differences:
                self.stdout.write(f"  {difference.field}")
                for line in _lines(difference):
                    self.stdout.write(f"  {line}")

    def _sum_up(self, totals: Counter[Outcome], *, as_json: bool) -> None:
        read = sum(totals.values())
        counts = {"read": read, **{outcome.value: totals[outcome] for outcome in Outcome}}
        text = (
            f"{read:,} mails read, {totals[Outcome.SAME]:,} the same, {totals[Outcome.DIFFERS]:,} differ, "
            f"{totals[Outcome.UNREADABLE]:,} unreadable"
        )
        if totals[Outcome.READABLE]:
            text += f", {totals[Outcome.READABLE]:,} in quarantine can be read now"
        self._say({"totals": counts}, text, as_json=as_json)

    def _say(self, data: dict[str, Any], text: str, *, as_json: bool) -> None:
        self.stdout.write(json.dumps(data) if as_json else text)

    def _agrees(self, number: int) -> bool:
        self.stdout.write(
            f"Use today's reading for {number:,} messages? What they show now can't be brought back. [y/N]"
        )
        return input().strip().lower() in {"y", "yes"}

    def _apply(self, reader: Reader, numbers: list[int]) -> int:
        """Read them once more and change them, some at a time: each transaction is short."""
        changed, waiting = 0, list[Renewal]()
        for each in reread(reader, events_of(numbers)):
            if each.message is None or each.mail is None or not each.can_be_applied:
                continue
            try:
                waiting.append(renewal_of(each.message, each.mail))
            except OSError as error:
                self.stderr.write(f"#{each.event.pk}: a file could not be stored: {error.strerror}")
            if len(waiting) >= _BATCH:
                changed += renew(renewals=waiting, by=None)
                waiting = []
        return changed + renew(renewals=waiting, by=None)


def _wanted(options: dict[str, Any]) -> Iterator[InboundEvent]:
    channel = None
    if options["channel"] is not None:
        channel = Channel.objects.filter(slug=options["channel"]).first()
        if channel is None:
            known = ", ".join(Channel.objects.order_by("slug").values_list("slug", flat=True))
            raise CommandError(f"There is no channel {options['channel']!r}. There are: {known or 'none'}.")
    begin = since(options["since"], now=timezone.now()) if options["since"] is not None else None
    return stored_events(since=begin, channel=channel, event_id=options["event"])


def _whose(each: Rereading) -> str:
    return each.message.ticket.reference if each.message is not None else "in quarantine"


def _verdict(each: Rereading) -> str:
    match each.outcome:
        case Outcome.UNREADABLE:
            return f"unreadable: {each.problem}"
        case Outcome.READABLE:
            return "can be read now"
    return ", ".join(difference.field for difference in each.differences)


def _lines(difference: Difference) -> Iterator[str]:
    """The lines as a diff shows them: those that are gone, then those that are new."""
    gone: list[str] = []
    new: list[str] = []
    for row in compared(difference.before, difference.after):
        if row.is_changed:
            gone += [f"-{row.before}"] if row.before is not None else []
            new += [f"+{row.after}"] if row.after is not None else []
            continue
        yield from (*gone, *new, _unchanged(row))
        gone, new = [], []
    yield from (*gone, *new)


def _unchanged(row: Row) -> str:
    return "…" if row.is_gap else f" {row.before}"


def _as_data(each: Rereading, *, has_lines: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "event": each.event.pk,
        "ticket": each.message.ticket.reference if each.message is not None else None,
        "outcome": each.outcome.value,
        "differs": [difference.field for difference in each.differences],
    }
    if each.problem:
        data["problem"] = each.problem
    if has_lines:
        data["lines"] = {difference.field: list(_lines(difference)) for difference in each.differences}
    return data
