"""What a visitor's browser loads: the loader for the host's page, and the panel's document for the frame in it."""

import json
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.html import escape
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from markupsafe import Markup

from helpdesk.business_time import is_open, next_opening
from helpdesk.models import ChatSite, LauncherSide
from helpdesk.queries import articles, chat_sites, knowledge
from helpdesk.widget import assets, words
from helpdesk.widget.palette import palette_of

#: Of an upload, as docs/chat-protocol.md promises.
MAX_UPLOAD_BYTES = 10 * 1024 * 1024
ACCEPT = "image/jpeg,image/png,image/gif,image/webp,.pdf,.txt,.csv,.doc,.docx,.xls,.xlsx,.ppt,.pptx,.odt,.ods,.odp"
#: Of the FAQ, before anything is typed.
FIRST_ARTICLES = 4
#: How long a site shows a launcher of yesterday's colour.
_LOADER_SECONDS = 300
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; "
    "connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'self' {ancestors}"
)
_PLACE_OF_SETTINGS = b"/* settings */ null"


@require_safe
def loader(request: HttpRequest, slug: str) -> HttpResponse:
    """The script of the one line that a site carries, with the channel's settings in it."""
    site = _site(slug)
    colours = palette_of(site.colour)
    given = {
        "desk": desk_origin(request),
        "key": slug,
        "fill": colours.fill,
        "ink": colours.ink,
        "side": _side(site),
        "page": "yes" if site.reports_page else "",
        "words": words.launcher(site.languages),
    }
    # "<" can't end a script element from inside a file of its own, but somebody may paste it into a page.
    text = json.dumps(given, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    plain = assets.asset_of(assets.LOADER).plain.replace(_PLACE_OF_SETTINGS, text.encode())
    response = assets.answer(request, plain, assets.packed(plain), "text/javascript; charset=utf-8")
    patch_cache_control(response, public=True, max_age=_LOADER_SECONDS)
    return response


@gzip_page
@xframe_options_exempt
@require_safe
def panel(request: HttpRequest, slug: str) -> HttpResponse:
    """The document of the frame. It sets no cookie, and only sites of the channel's list may show it."""
    return document(request, _site(slug), language=request.GET.get("language", ""))


def document(request: HttpRequest, site: ChatSite, *, language: str) -> HttpResponse:
    """The panel of a chat, which needn't be stored: its settings page shows what is typed there."""
    language = words.chosen(language, languages=site.languages)
    texts = words.catalogue(language)
    context = {
        "site": site,
        "language_code": language,
        "direction": "rtl" if language in _RIGHT_TO_LEFT else "ltr",
        "words": texts,
        "greeting": site.greetings.get(language) or texts["greeting"],
        "away_text": site.away_texts.get(language) or texts["away_text"],
        "palette": palette_of(site.colour),
        "modules": [assets.address_of(name) for name in assets.MODULES],
        "entry": assets.address_of("panel.js"),
        # In the document itself: on a slow network a sheet of its own comes one round trip later.
        "style": Markup(assets.asset_of(assets.STYLE).plain.decode()),  # noqa: S704  # a file of ours
        "settings_json": settings_of(site, language=language, request=request),
        "accept": ACCEPT,
    }
    response = render(request, "widget/panel.html", context)
    response["Content-Language"] = language
    response["Content-Security-Policy"] = _POLICY.format(
        nonce=request.csp_nonce,  # type: ignore[attr-defined]
        sockets=socket_origin(request),
        ancestors=" ".join(site.allowed_origins),
    )
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def settings_of(site: ChatSite, *, language: str, request: HttpRequest) -> dict[str, Any]:
    """What static/widget/settings.js takes."""
    now, calendar = timezone.now(), site.hours
    opening = next_opening(calendar, now)
    slug = site.channel.slug
    return {
        "key": slug,
        "name": str(site),
        "language": language,
        "sites": site.allowed_origins,
        "faq_first": site.is_faq_first,
        "asks_rating": site.asks_rating,
        "fields": fields_of(site, language),
        "now": now.isoformat(),
        "max_bytes": MAX_UPLOAD_BYTES,
        "base": f"/chat/{slug}/",
        "socket": f"{socket_origin(request)}/ws/chat/{slug}/",
        "words": words.catalogue(language),
        "articles": _first_articles(language) if site.is_faq_first else [],
        "presence": {
            "is_open": is_open(calendar, now),
            "is_anyone_there": True,
            "opens_at": opening.isoformat() if opening else None,
        },
    }


def desk_origin(request: HttpRequest) -> str:
    """Where this desk is, as the visitor's browser reached it."""
    return f"{request.scheme}://{request.get_host()}"


def socket_origin(request: HttpRequest) -> str:
    """The same for sockets."""
    return desk_origin(request).replace("http", "ws", 1)


def script_line(site: ChatSite) -> str:
    """The line that goes into the pages of a site."""
    source = f"{settings.SITE_URL}{reverse('chat-loader', args=[site.channel.slug])}"
    return f'<script async src="{source}"></script>{_without_scripts(site)}'


def pinned_line(site: ChatSite) -> str:
    """The same for sites that pin what they load by its hash; colour and corner are then in the line itself."""
    colours = palette_of(site.colour)
    data = {
        "channel": site.channel.slug,
        "fill": colours.fill,
        "ink": colours.ink,
        "side": _side(site),
        "page": "yes" if site.reports_page else "",
        "words": json.dumps(words.launcher(site.languages), ensure_ascii=False, separators=(",", ":")),
    }
    attributes = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items() if value)
    source = f"{settings.SITE_URL}{assets.address_of(assets.LOADER)}"
    integrity = assets.asset_of(assets.LOADER).integrity
    return (
        f'<script async src="{source}" integrity="{integrity}" crossorigin="anonymous" {attributes}></script>'
        f"{_without_scripts(site)}"
    )


def _without_scripts(site: ChatSite) -> str:
    label = words.launcher(site.languages)[words.chosen("", languages=site.languages)][0]
    form = settings.SITE_URL + reverse("chat-write", args=[site.channel.slug])
    return f'<noscript><a href="{form}">{label}</a></noscript>'


def _side(site: ChatSite) -> str:
    return "start" if site.side == LauncherSide.LEFT else "end"


def _first_articles(language: str) -> list[dict[str, str]]:
    """What is shown before anything is typed."""
    return [
        {
            "title": article.title,
            "summary": article.summary,
            "url": knowledge.url_path(language=language, slug=article.slug),
        }
        for article in articles.published(language=language)[:FIRST_ARTICLES]
    ]


def fields_of(site: ChatSite, language: str) -> list[dict[str, Any]]:
    """What visitors are asked, with labels in one language."""
    return [_field(field, language) for field in site.pre_chat_fields]


def _field(stored: dict[str, Any], language: str) -> dict[str, Any]:
    """A pre-chat field in one language."""
    label = stored.get("label") or {}
    return {
        "name": stored["name"],
        "label": label.get(language) or next(iter(label.values()), ""),
        "kind": stored.get("kind", "text"),
        "required": bool(stored.get("required")),
        "choices": list(stored.get("choices", ())),
    }


def _site(slug: str) -> ChatSite:
    try:
        return chat_sites.open_site(slug=slug)
    except ChatSite.DoesNotExist as error:
        raise Http404 from error
