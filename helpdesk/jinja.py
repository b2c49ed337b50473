"""The Jinja environment of every template: autoescaped, strict about names, translated.

Globals (templates need no import for them; macros of ``templates/components`` see them too):

========================  ==============================================================================================
``url(name, *args)``      address of a route of ``helpdesk/urls.py``
``static(path)``          address of a file under ``static/``
``_(text, **values)``     translation; ``ngettext(one, many, n)`` counts. Values are escaped, the texts are ours
``language()``            language code of the page
``desk_name``             what this desk calls itself
``relative(moment)``      "now", "2 m", "3 h", "4 d", then the date
``relative_to(moment)``   "in 2 h", "in 5 d", of a moment to come
``exact(moment)``         date and time in the reader's zone, with the zone's name
``clock(moment)``         time of day in the reader's zone, with the date unless it is today
``day(moment)``           date in the reader's zone
``prose(markdown)``       HTML of a text in Markdown, by helpdesk.text.markdown: the one HTML that isn't escaped
``initials(name)``        one or two letters
``icon(name, label="")``  an icon of ``static/icons/sprite.svg``; with a label an image of that name, else decoration
``flash(request)``        messages of ``django.contrib.messages`` for this reader, each once
``filesize(bytes)``       "34 kB"
``number(count)``         a count with its thousands set apart as the reader's language does
``linked(text)``          plain text, escaped, its web addresses as links (no referrer)
========================  ==============================================================================================

From the request (given by Django's backend): ``request``, ``csrf_input`` (inside each form that posts), ``csrf_token``.
The nonce of the Content Security Policy is ``request.csp_nonce``; it allows no inline style and no inline handler.
"""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.messages import get_messages
from django.template.defaultfilters import filesizeformat
from django.templatetags.static import static
from django.urls import reverse
from django.utils import formats, timezone, translation
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from helpdesk import text

_DATE_AFTER = timedelta(days=7)
# Up to the last character that ends no sentence and closes no bracket or quotation mark.
_ADDRESS = re.compile(r"""https?://[^\s<>"'“”«»]*[^\s<>"'“”«».,;:!?)\]}]""")
_ICON = Markup('<svg class="icon"{}><use href="{}#{}"/></svg>')
_LINK = Markup('<a href="{0}" rel="noopener noreferrer nofollow" target="_blank">{0}</a>')


def environment(**options: Any) -> Environment:
    """The environment that ``settings.TEMPLATES`` names. A name that a view forgot is an error, not an empty string."""
    options |= {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    # Autoescape is among the options: Django's default.
    env = Environment(**options, extensions=["jinja2.ext.i18n", "jinja2.ext.do"])  # noqa: S701
    env.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        translation.gettext, translation.ngettext, newstyle=True, pgettext=translation.pgettext
    )
    env.globals.update(
        url=_url,
        static=static,
        language=translation.get_language,
        desk_name=settings.DESK_NAME,
        relative=relative,
        relative_to=relative_to,
        exact=exact,
        short_day=short_day,
        clock=clock,
        day=day,
        prose=prose,
        initials=initials,
        icon=icon,
        flash=get_messages,
        filesize=filesizeformat,
        number=number,
        linked=linked,
    )
    return env


@lru_cache(maxsize=8192)
def _url(name: str, *args: object) -> str:
    """Routes differ by nothing but name and arguments here, and a long ticket names 200 of them."""
    return reverse(name, args=args or None)


#: Day and month, and with the year, by language.
_SHORT_DATES = {"en": ("j M", "j M Y"), "fi": ("j.n.", "j.n.Y")}


def relative(moment: datetime, *, now: datetime | None = None) -> str:
    """How long ago, as short as a list allows: whole minutes, hours, days; after a week the date."""
    age = (now or timezone.now()) - moment
    if age < timedelta(minutes=1):
        return translation.gettext("now")
    if age < timedelta(hours=1):
        return translation.gettext("{n} m").format(n=int(age.total_seconds() // 60))
    if age < timedelta(days=1):
        return translation.gettext("{n} h").format(n=int(age.total_seconds() // 3600))
    if age < _DATE_AFTER:
        return translation.gettext("{n} d").format(n=age.days)
    return _short(timezone.localtime(moment).date(), translation.get_language())


def relative_to(moment: datetime, *, now: datetime | None = None) -> str:
    """How far away a moment to come is: "in 2 h", "in 5 d"."""
    ahead = moment - (now or timezone.now())
    if ahead < timedelta(hours=1):
        words = translation.gettext("{n} m").format(n=max(1, round(ahead.total_seconds() / 60)))
    elif ahead < timedelta(days=2):
        words = translation.gettext("{n} h").format(n=round(ahead.total_seconds() / 3600))
    else:
        words = translation.gettext("{n} d").format(n=round(ahead.total_seconds() / 86_400))
    return translation.gettext("in %(time)s") % {"time": words}


def exact(moment: datetime) -> str:
    """Date and time in the reader's zone, with the zone's abbreviation: a time without a zone is a guess."""
    local = timezone.localtime(moment)
    return f"{_short(local.date(), translation.get_language())} {local:%H:%M} {local.tzname()}"


def clock(moment: datetime, *, now: datetime | None = None) -> str:
    """Time of day in the reader's zone; with the date when it isn't today."""
    local = timezone.localtime(moment)
    if local.date() == timezone.localtime(now or timezone.now()).date():
        return f"{local:%H:%M}"
    return f"{_short(local.date(), translation.get_language())} {local:%H:%M}"


def short_day(on: date) -> str:
    """A date as short as a list needs it."""
    return _short(on, translation.get_language())


@lru_cache(maxsize=1024)
def _short(on: date, language: str) -> str:
    """A date as short as a list needs it, the year only of other years; a page repeats few of them.

    Not Django's short formats: English readers of 3/4 differ about the month.
    """
    this_year, with_year = _SHORT_DATES.get(language, _SHORT_DATES["en"])
    return formats.date_format(on, this_year if on.year == timezone.localdate().year else with_year)


def day(moment: datetime) -> str:
    """The date in the reader's zone."""
    return formats.date_format(timezone.localtime(moment), "DATE_FORMAT")


def number(count: int) -> str:
    """18402 as "18,402" in English and "18 402" in Finnish."""
    return str(formats.number_format(count, use_l10n=True, force_grouping=True))


def prose(markdown: str) -> Markup:
    """A text in Markdown as HTML."""
    return Markup(text.markdown(markdown))  # noqa: S704 - sanitised by an allow-list in helpdesk.text


def linked(plain: str) -> Markup:
    """``plain`` escaped, its http(s) addresses as links. Jinja's own ``urlize`` takes 20 times as long on mail."""
    if "://" not in plain:
        return escape(plain)
    pieces = []
    end = 0
    for match in _ADDRESS.finditer(plain):
        address = escape(match[0])
        pieces += [escape(plain[end : match.start()]), _LINK.format(address)]
        end = match.end()
    return Markup("").join([*pieces, escape(plain[end:])])


@lru_cache(maxsize=512)
def icon(name: str, label: str = "") -> Markup:
    """An icon of the sprite. A page has hundreds: as a macro they took a fifth of its time."""
    told = Markup(' role="img" aria-label="{}"').format(label) if label else Markup(' aria-hidden="true"')
    return _ICON.format(told, static("icons/sprite.svg"), name)


def initials(name: str) -> str:
    """The first letters of the first and last word of a name; of an address its first letter."""
    words = [word for word in name.replace(".", " ").split("@")[0].split() if word[0].isalnum()]
    letters = [word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words[:1])]
    return "".join(letters).upper() or "?"
