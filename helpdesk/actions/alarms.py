"""Alarms: what stays red for a quarter of an hour reaches every admin, once, and so does its end.

Guarantee: however many processes look, one of them a minute counts (a row's time is moved in the transaction that
writes the outcome), and a mail is queued in that same transaction: an alarm is mailed once, also across a crash.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk import live
from helpdesk.actions import changes, notices
from helpdesk.jinja import exact
from helpdesk.models import Agent, Alarm, Mailbox, Role, Watch
from helpdesk.queries import trouble_words
from helpdesk.queries.alarms import raised, ways_out
from helpdesk.queries.troubles import Trouble
from mail_gateway.addresses import ascii_address

EVERY = timedelta(minutes=1)
RAISE_AFTER = timedelta(minutes=15)
CLEAR_AFTER = timedelta(minutes=5)
#: Between two looks; after a longer pause (the desk was down) nobody knows what was between them: counting begins anew.
LONGEST_GAP = timedelta(minutes=3)
#: What comes up within this time of a mail is told together in the next one.
DIGEST_PAUSE = timedelta(minutes=10)

_WATCH = "alarms"


def is_due(*, now: datetime) -> bool:
    """Whether nobody has looked within the last minute: saves all processes but one the look itself."""
    return not Watch.objects.filter(name=_WATCH, looked_at__gt=now - EVERY, looked_at__lte=now + EVERY).exists()


@transaction.atomic
def note(*, troubles: Sequence[Trouble], now: datetime) -> bool:
    """Write down what is red at ``now``, raise and clear alarms, and tell the admins. False: somebody else just did."""
    if not _take_turn(now):
        return False
    known = {alarm.key: alarm for alarm in Alarm.objects.filter(cleared_at=None)}
    changed = [_note_red(known.pop(trouble.key, None), trouble, now) for trouble in troubles]
    changed += [_note_well(alarm, now) for alarm in known.values()]
    if any(changed):
        _hint()
    _tell_raised(troubles, now)
    _tell_well(troubles, now)
    return True


def _take_turn(now: datetime) -> bool:
    Watch.objects.get_or_create(name=_WATCH, defaults={"looked_at": now - 2 * EVERY})
    # A time in the future was written by a clock that has been set right since.
    due = Q(looked_at__lte=now - EVERY) | Q(looked_at__gt=now + EVERY)
    return Watch.objects.filter(due, name=_WATCH).update(looked_at=now) == 1


def _note_red(alarm: Alarm | None, trouble: Trouble, now: datetime) -> bool:
    """Whether this raised an alarm."""
    if alarm is None:
        alarm = Alarm(code=trouble.code, about=trouble.about, since=trouble.since or now, red_at=now)
    elif alarm.raised_at is None and now - alarm.looked_at > LONGEST_GAP:
        alarm.red_at = now
    alarm.values, alarm.looked_at, alarm.well_at = dict(trouble.values), now, None
    is_raised_now = alarm.raised_at is None and now - alarm.red_at >= RAISE_AFTER
    if is_raised_now:
        alarm.raised_at = now
        changes.record(what="alarm", name=_name(alarm), change="raised", by=None, at=now)
    alarm.save()
    return is_raised_now


def _note_well(alarm: Alarm, now: datetime) -> bool:
    """Whether this ended an alarm. One that was never raised is forgotten."""
    if alarm.raised_at is None:
        alarm.delete()
        return False
    if alarm.well_at is None or now - alarm.looked_at > LONGEST_GAP:
        alarm.well_at = now
    alarm.looked_at = now
    is_over = now - alarm.well_at >= CLEAR_AFTER
    if is_over:
        alarm.cleared_at = now
        changes.record(what="alarm", name=_name(alarm), change="cleared", by=None, at=now)
    alarm.save()
    return is_over


def _name(alarm: Alarm) -> str:
    return f"{alarm.code} {alarm.about}".strip()


def _tell_raised(troubles: Sequence[Trouble], now: datetime) -> None:
    """One mail about everything that nobody was told yet, unless the last one is too fresh."""
    last = raised().aggregate(last=Max("mailed_at"))["last"]
    untold = list(raised().filter(mailed_at=None))
    if not untold or (last is not None and now - last < DIGEST_PAUSE):
        return
    mailbox = next(iter(ways_out(troubles=troubles)), None)
    if mailbox is None:
        return  # the page says so; it is looked for again each minute
    for admin in _admins():
        with notices.eyes_of(admin):
            title = trouble_words.title(untold[0].code)
            count = len(untold)
            subject = title if count == 1 else ngettext("%(count)d alarm", "%(count)d alarms", count) % {"count": count}
            text = "\n\n".join([_("Something has been wrong for a while."), *map(_paragraph, untold), *_end()])
            notices.post(to=admin, mailbox=mailbox, subject=f"[{settings.DESK_NAME}] {subject}", text=text, at=now)
    raised().filter(pk__in=[alarm.pk for alarm in untold]).update(mailed_at=now, mailed_by=mailbox.channel_id)


def _tell_well(troubles: Sequence[Trouble], now: datetime) -> None:
    """When the last alarm is over, one mail to say so."""
    if raised().exists():
        return
    over = Alarm.objects.filter(cleared_at__isnull=False, mailed_at__isnull=False, well_mailed_at=None)
    ended = list(over.order_by("id"))
    mailbox = next(iter(ways_out(troubles=troubles)), None) if ended else None
    if mailbox is None:
        return
    for admin in _admins():
        with notices.eyes_of(admin):
            lines = [
                _("%(what)s Well again since %(when)s.")
                % {"what": trouble_words.told(alarm.code, alarm.values), "when": exact(alarm.well_at or now)}
                for alarm in ended
            ]
            text = "\n\n".join([_("All is well again."), *lines, *_end()])
            subject = f"[{settings.DESK_NAME}] {_('All is well again')}"
            notices.post(to=admin, mailbox=mailbox, subject=subject, text=text, at=now)
    over.filter(pk__in=[alarm.pk for alarm in ended]).update(well_mailed_at=now)


def _paragraph(alarm: Alarm) -> str:
    what = trouble_words.told(alarm.code, alarm.values)
    since = _("Since %(when)s.") % {"when": exact(alarm.since)}
    error = str(alarm.values.get("error", ""))
    path, _label = trouble_words.link(alarm.code, alarm.values)
    return "\n".join(
        filter(None, [f"{what} {since}", error, trouble_words.advice(alarm.code), trouble_words.address(path)])
    )


def _end() -> Iterator[str]:
    yield _(
        "This mail was sent automatically to every admin of the desk; answers to it are read by nobody. You hear again "
        "when something else goes wrong, or when all is well."
    )
    yield settings.DESK_NAME


def _admins() -> Collection[Agent]:
    """Everybody who is to be told. A login that is one of the desk's own mailboxes would send the notice to itself."""
    ours = frozenset().union(*(mailbox.addresses for mailbox in Mailbox.objects.all()))
    return [
        admin
        for admin in Agent.objects.filter(role=Role.ADMIN, is_active=True).order_by("id")
        if ascii_address(admin.email) and admin.email not in ours
    ]


def _hint() -> None:
    """Every open page of an admin shows the change within the second."""
    groups = [f"agent.{pk}" for pk in Agent.objects.filter(role=Role.ADMIN).values_list("pk", flat=True)]
    live.publish(groups=groups, cursor=0)
