"""Returned mail that is no mail of ours: of a storm all but the beginning goes into one ticket (docs/adr/0012)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from helpdesk.intake.matching import Match
from helpdesk.intake.passage import ReadMail
from helpdesk.models import Message, Ticket
from mail_gateway.mail import Kind

#: So many a day have a ticket each, as any mail; what comes then is a storm.
FEW = 30

_RETURNED = frozenset({Kind.BOUNCE, Kind.DELAY})


class ReturnedMail:
    """The tickets that gather the returned mail among some mails. Whoever asks holds the turn of returned mail."""

    def __init__(self, mails: Iterable[ReadMail]) -> None:
        keys = {_key(each) for each in mails if each.mail.automatic.kind in _RETURNED}
        rows = Ticket.objects.select_related("contact__organisation", "team", "owner", "merged_into")
        known = rows.filter(
            channel__in={channel for channel, _day in keys}, collects_on__in={day for _channel, day in keys}
        )
        self._tickets = (
            {(each.channel_id, each.collects_on): each.merged_into or each for each in known} if keys else {}
        )
        self._alone = {key: _alone_on(*key) for key in keys - self._tickets.keys()}

    def found(self, read: ReadMail, found: Match) -> Match:
        """``found``, or the day's ticket if there is one for a returned mail that belongs nowhere."""
        if not _is_collected(read, found):
            return found
        ticket = self._tickets.get(_key(read))
        return replace(found, ticket=ticket, threading=Message.Threading.COLLECTED) if ticket is not None else found

    def opened(self, read: ReadMail, found: Match, ticket: Ticket) -> None:
        """``ticket`` is a draft for ``read``: if that is one too many of returned mail, the day's others follow it."""
        if not _is_collected(read, found):
            return
        self._alone[_key(read)] += 1
        if self._alone[_key(read)] <= FEW:
            return
        ticket.collects_on = _key(read)[1]
        with translation.override(settings.LANGUAGE_CODE):
            ticket.subject = _("Returned mail that belongs to no ticket, %(day)s") % {"day": ticket.collects_on}
        self._tickets[_key(read)] = ticket


def _is_collected(read: ReadMail, found: Match) -> bool:
    return found.ticket is None and read.mail.automatic.kind in _RETURNED and not read.event.is_silent


def _alone_on(channel_id: int, day: date) -> int:
    """How many tickets of a day have nobody behind them, up to FEW: nearly all are returned mail."""
    begins = timezone.make_aware(datetime.combine(day, time.min))
    rows = Ticket.objects.filter(contact=None, last_activity_at__gte=begins, channel=channel_id)
    return rows.filter(last_activity_at__lt=begins + timedelta(days=1))[:FEW].count()


def _key(read: ReadMail) -> tuple[int, date]:
    return read.event.channel_id, timezone.localdate(read.event.received_at)
