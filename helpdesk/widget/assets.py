"""The widget's files as they travel: without comments, compressed, under an address that names their content.

There is no build step. The files in ``static/widget`` are what the browser runs; only what a browser never needs is
left out, and every file is compressed once a process.
"""

import base64
import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

FOLDER = settings.BASE_DIR / "static" / "widget"
#: Alters its name when it stops being compatible with the panel: sites may pin it by its hash (docs/chat-widget.md).
LOADER = "loader-1.js"
MODULES = (
    "settings.js",
    "host.js",
    "wire.js",
    "outbox.js",
    "thread.js",
    "presence.js",
    "start.js",
    "after.js",
    "uploads.js",
    "panel.js",
)
STYLE = "panel.css"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_FOREVER = "public, max-age=31536000, immutable"
_DAY = "public, max-age=86400"
_BLOCK_COMMENT = {".js": re.compile(r"/\*\*.*?\*/", re.DOTALL), ".css": re.compile(r"/\*.*?\*/", re.DOTALL)}
_LINE_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: as it is sent, and the same compressed."""

    plain: bytes
    packed: bytes
    content_type: str

    @property
    def integrity(self) -> str:
        """Its hash for a script element (SRI)."""
        return "sha384-" + base64.b64encode(hashlib.sha384(self.plain).digest()).decode()


@cache
def asset_of(name: str) -> Asset:
    """A file of the widget. Raises KeyError for a name that is none."""
    if name not in {LOADER, STYLE, *MODULES}:
        raise KeyError(name)
    plain = lean((FOLDER / name).read_text(encoding="utf-8"), name[name.rindex(".") :]).encode()
    return Asset(plain=plain, packed=packed(plain), content_type=_TYPES[name[name.rindex(".") :]])


@cache
def version() -> str:
    """A word that changes when any of the panel's files does."""
    return hashlib.sha256(b"".join(asset_of(name).plain for name in (*MODULES, STYLE))).hexdigest()[:12]


def lean(source: str, suffix: str) -> str:
    """A script or a style sheet without its comments and its indentation; each line stays a line."""
    text = _BLOCK_COMMENT[suffix].sub("", source)
    if suffix == ".js":
        text = _LINE_COMMENT.sub("", text)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip()) + "\n"


def packed(plain: bytes) -> bytes:
    """Compressed; without a time in it, so that the same content is the same bytes."""
    return gzip.compress(plain, compresslevel=9, mtime=0)


def address_of(name: str) -> str:
    """Where a file of the panel is served."""
    return reverse("widget-asset", args=[version(), name])


@require_safe
def asset(request: HttpRequest, edition: str, name: str) -> HttpResponse:
    """``/widget/<edition>/<name>``. An address of an older desk shows the file of this one, but isn't kept for long."""
    try:
        found = asset_of(name)
    except KeyError as error:
        raise Http404 from error
    response = answer(request, found.plain, found.packed, found.content_type)
    response["Cache-Control"] = _FOREVER if edition == version() else _DAY
    response["Access-Control-Allow-Origin"] = "*"  # a pinned script is fetched by CORS; there is nothing secret in it
    return response


def answer(request: HttpRequest, plain: bytes, compressed: bytes, content_type: str) -> HttpResponse:
    """Whichever of the two the browser takes."""
    takes_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(compressed if takes_gzip else plain, content_type=content_type)
    if takes_gzip:
        response["Content-Encoding"] = "gzip"
    response["Vary"] = "Accept-Encoding"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["X-Content-Type-Options"] = "nosniff"
    return response
