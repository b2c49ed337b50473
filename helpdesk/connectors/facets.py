"""Rich text of the AT Protocol: a text, and facets that mark bytes of its UTF-8 form (app.bsky.richtext.facet).

In: a link shows where it leads, however its writer has shortened it. Out: addresses, @handles and #tags of a text are
marked, since nothing becomes a link by itself. Facets of strangers may overlap, lie outside the text or in the middle
of a character: such are left out, the text stays.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from helpdesk.text import clean_text

_MAX_FACETS = 100
_LINK, _MENTION, _TAG = (f"app.bsky.richtext.facet#{name}" for name in ("link", "mention", "tag"))
_URL = re.compile(r"(?<![\w@/])https?://[^\s<>\"']+", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w@./])@((?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z][a-zA-Z0-9-]{0,61})")
_HASHTAG = re.compile(r"(?<![\w#&/])#([^\W\d_][\w-]{0,63})")
_AFTER_A_LINK = ".,;:!?»”’'\""
_PAIRS = {")": "(", "]": "[", "}": "{"}
_EXTENDERS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
_JOINED = re.compile("\u200d.")
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")


@dataclass(frozen=True, slots=True)
class Rich:
    """What a text with facets says; ``mentioned`` are DIDs."""

    text: str
    links: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Mark:
    """One feature of one facet, its place in bytes."""

    start: int
    end: int
    feature: dict[str, Any]


def read(text: str, facets: object) -> Rich:
    """The text with each link written out in full behind its words, and what it links to and mentions."""
    raw, pieces, position = text.encode("utf-8", "replace"), [], 0
    links: list[str] = []
    mentioned: list[str] = []
    for mark in _good_marks(raw, facets):
        kind, words = mark.feature.get("$type"), raw[mark.start : mark.end].decode("utf-8")
        if kind == _MENTION and str(mark.feature.get("did", "")).startswith("did:"):
            mentioned.append(str(mark.feature["did"]))
        uri = str(mark.feature.get("uri", "")) if kind == _LINK else ""
        if not uri.lower().startswith(("https://", "http://")):
            continue
        links.append(uri)
        pieces.append(raw[position : mark.start].decode("utf-8", "replace"))
        pieces.append(_written_out(words, uri))
        position = mark.end
    pieces.append(raw[position:].decode("utf-8", "replace"))
    return Rich(clean_text("".join(pieces)), tuple(dict.fromkeys(links)), tuple(dict.fromkeys(mentioned)))


def _good_marks(raw: bytes, facets: object) -> list[_Mark]:
    """The facets that can be believed, in order, none over another."""
    found = [
        mark for facet in (facets if isinstance(facets, list) else [])[:_MAX_FACETS] for mark in _marks_of(facet, raw)
    ]
    good: list[_Mark] = []
    for mark in sorted(found, key=lambda mark: (mark.start, mark.end)):
        if not good or mark.start >= good[-1].end:
            good.append(mark)
    return good


def _marks_of(facet: object, raw: bytes) -> list[_Mark]:
    index, features = (facet.get("index"), facet.get("features")) if isinstance(facet, dict) else (None, None)
    if not isinstance(index, dict) or not isinstance(features, list) or not features:
        return []
    start, end, feature = index.get("byteStart"), index.get("byteEnd"), features[0]
    if type(start) is not int or type(end) is not int or not isinstance(feature, dict):
        return []
    if not 0 <= start < end <= len(raw) or _is_inside(raw, start) or _is_inside(raw, end):
        return []
    return [_Mark(start, end, feature)]


def _is_inside(raw: bytes, place: int) -> bool:
    """Whether a place is in the middle of a character."""
    return place < len(raw) and raw[place] & 0xC0 == 0x80


def _written_out(words: str, uri: str) -> str:
    shown = re.sub(r"^https?://", "", words.strip(), flags=re.IGNORECASE).rstrip("/")
    real = re.sub(r"^https?://", "", uri, flags=re.IGNORECASE).rstrip("/")
    if shown == real:
        return uri
    for ellipsis in ("...", "…"):  # as the apps shorten an address
        if shown.endswith(ellipsis) and len(shown) > 8 and real.startswith(shown.removesuffix(ellipsis)):
            return uri
    return f"{words} ({uri})"


def marks(text: str, *, did_of: Callable[[str], str | None]) -> list[dict[str, Any]]:
    """Facets for the addresses, handles and tags in a text of ours. ``did_of``: who a handle is, None if nobody is."""
    found: list[tuple[int, int, dict[str, str]]] = []
    for match in _URL.finditer(text):
        url = _without_tail(match[0])
        found.append((match.start(), match.start() + len(url), {"$type": _LINK, "uri": url}))
    for match in _HANDLE.finditer(text):
        if not _overlaps(match, found) and (did := did_of(match[1].lower())):
            found.append((match.start(), match.end(), {"$type": _MENTION, "did": did}))
    for match in _HASHTAG.finditer(text):
        if not _overlaps(match, found):
            found.append((match.start(), match.end(), {"$type": _TAG, "tag": match[1]}))
    return [
        {
            "$type": "app.bsky.richtext.facet",
            "index": {"byteStart": len(text[:start].encode()), "byteEnd": len(text[:end].encode())},
            "features": [feature],
        }
        for start, end, feature in sorted(found, key=lambda each: each[0])[:_MAX_FACETS]
    ]


def _overlaps(match: re.Match[str], found: list[tuple[int, int, dict[str, str]]]) -> bool:
    return any(match.start() < end and start < match.end() for start, end, _ in found)


def _without_tail(url: str) -> str:
    """An address without the full stop or bracket that belongs to the sentence around it."""
    while url:
        last = url[-1]
        if last in _AFTER_A_LINK or (last in _PAIRS and url.count(last) > url.count(_PAIRS[last])):
            url = url[:-1]
        else:
            break
    return url


def length(text: str) -> int:
    """How many characters a person sees in ``text``, or a few more: what posts are limited by."""
    return len(_EXTENDERS.sub("", _FLAG.sub("f", _JOINED.sub("", text)))) - text.count("\r\n")
