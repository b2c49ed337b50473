"""Text in, text out. Pure: no Django, no database, so that the mail reader's child process can import it."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import SequenceMatcher
from typing import Any, NoReturn

import nh3
from markdown_it import MarkdownIt

_CONTROL = re.compile(
    # C0 and C1 but tab and newline, bidirectional overrides and isolates, byte order mark, halves of a character
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_ESCAPES = re.compile(r"\\u(?:0000|d[89a-f])", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_PLACE = re.compile(r"\{\{\s*([a-z_]{1,40})\s*\}\}")

_TAGS = frozenset(
    "a abbr b big blockquote br caption center cite code col colgroup dd del div dl dt em font h1 h2 h3 h4 h5 h6 "
    "hr i img ins li ol p pre q s small span strike strong sub sup table tbody td tfoot th thead tr tt u ul".split()
)
_ATTRIBUTES = {
    "*": {"dir", "lang", "title", "align", "valign"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "width", "height", "bgcolor"},
    "th": {"colspan", "rowspan", "width", "height", "bgcolor"},
    "table": {"width", "cellpadding", "cellspacing", "border", "bgcolor"},
    "font": {"color", "size"},
    "ol": {"start", "type"},
}
# No url() can be written in any of these, so a style can't phone home.
_STYLE_PROPERTIES = frozenset(
    "color background-color font-weight font-style font-size text-align text-decoration padding padding-left "
    "padding-right padding-top padding-bottom margin margin-left margin-right margin-top margin-bottom border "
    "border-left border-right border-top border-bottom border-color border-collapse width white-space "
    "vertical-align".split()
)
_DROPPED_WITH_CONTENT = frozenset("script style head title noscript template iframe object embed svg math".split())

_SANITISER = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags=set(_DROPPED_WITH_CONTENT),
    attributes={tag: names | {"style"} if tag == "*" else names for tag, names in _ATTRIBUTES.items()},
    filter_style_properties=set(_STYLE_PROPERTIES),
    url_schemes={"http", "https", "mailto", "cid"},
    link_rel="noopener noreferrer nofollow",
    strip_comments=True,
)
#: What stands before the address of a remote image in stored HTML: no browser knows such a scheme, so none loads it.
REMOTE = "remote:"
# As the sanitiser writes them: no quotation mark, < or > stands bare in an attribute.
_IMAGE, _SOURCE = re.compile(r"<img [^<>]*>"), re.compile(r' src="([^"]*)"')


def sanitise(html: str) -> str:
    """HTML from outside, reduced to what can only be read: an allow-list of tags, attributes, styles and schemes.

    Remote images keep their address behind `REMOTE`, since a reader may ask for them; nothing loads it by itself
    (MAIL.md 28). Run it in the mail reader's child: nested elements can make it take minutes (MAIL.md 6).
    """
    return _IMAGE.sub(_inert, _SANITISER.clean(html)) if html else ""


def _inert(image: re.Match[str]) -> str:
    return _SOURCE.sub(lambda source: _source_of(_SPACE.sub("", source[1])), image[0])


def _source_of(address: str) -> str:
    """A part of the same mail as it is, a remote address marked, nothing else."""
    if address.lower().startswith("cid:"):
        return f' src="{address}"'
    address = f"https:{address}" if address.startswith("//") else address
    return f' src="{REMOTE}{address}"' if address.lower().startswith(("https://", "http://")) else ""


def read_json(raw: str | bytes) -> Any:
    """What JSON from outside says, in strings that every database and every socket can take.

    JSON can spell what UTF-8 can't: half of a character (a text that was cut within an emoji) becomes U+FFFD, a NUL
    goes. NaN and Infinity are no JSON. Raises ValueError, also for what is nested too deeply.
    """
    text = raw.decode() if isinstance(raw, bytes) else raw
    try:
        found = json.loads(text, parse_constant=_no_number)
        return _whole(found) if _ESCAPES.search(text) else found
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "")
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(each) for name, each in value.items()}
    return value


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def markdown(body: str) -> str:
    """HTML of a text that our own people wrote in Markdown. HTML written in it stays text; sanitised all the same."""
    return _SANITISER.clean(_MARKDOWN.render(body))


def clean(value: str, *, max_length: int) -> str:
    """One line without control characters, runs of space folded, at most ``max_length`` characters, NFC."""
    return _SPACE.sub(" ", _CONTROL.sub("", unicodedata.normalize("NFC", value))).strip()[:max_length]


def clean_text(value: str, *, max_length: int = 1_000_000) -> str:
    """Text of several lines without control characters; line ends become ``\\n``."""
    return _CONTROL.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))[:max_length].strip()


def excerpt(value: str, *, max_length: int) -> str:
    """The first words of ``value`` on one line, cut between words with an ellipsis."""
    line = clean(value[: max_length * 4], max_length=max_length + 1)
    if len(line) <= max_length:
        return line
    cut = line[: max_length - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[max_length // 2 :] else cut) + "…"


def fill(template: str, values: Mapping[str, str]) -> str:
    """``{{name}}`` replaced from a flat dictionary, once: a value that holds ``{{…}}`` stays as it is.

    Unknown names become empty. This is all the logic that stored texts get; no template engine ever sees them.
    """
    return _PLACE.sub(lambda match: values.get(match[1], ""), template)


def places(template: str) -> set[str]:
    """The names that ``template`` asks for."""
    return set(_PLACE.findall(template))


_ANSWER_MARKS = re.compile(
    r"^(?:\s*(?:re|vs|sv|aw|antw|fwd?|wg|vl|vb|tr|rv|rif|odp|ynt)\s*(?:\[\d+\])?\s*:)+", re.IGNORECASE
)
_WORD = re.compile(r"\w{3,}")


def shares_no_word(subject: str, other: str) -> bool:
    """Whether two subjects are about different things: each has words, and they have none in common."""
    words, others = ({*_WORD.findall(_ANSWER_MARKS.sub("", each).casefold())} for each in (subject, other))
    return bool(words) and bool(others) and words.isdisjoint(others)


def one_address(value: str) -> str:
    """The address in lower case; raises ValueError when it is none that mail could be sent to."""
    address = value.strip().lower()
    local, at, domain = address.rpartition("@")
    has_shape = at and local and ("." in domain.strip(".") or domain == "localhost")
    if not has_shape or len(address) > 320 or re.search(r"[\s<>,;:\"()\[\]\x00-\x1f]", address):
        raise ValueError(f"not a mail address: {value[:60]!r}")
    return address


def without_detail(address: str) -> str:
    """``support@x.example`` for ``Support+anything@x.example`` (RFC 5233), in lower case."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def counted_as(address: str) -> str:
    """The mailbox that caps count mail to ``address`` by: one name for what arrives at the same person.

    ``Victim+1@x.example``, ``"victim"@x.example`` and ``victim@X.example`` are one; so are the dots of Gmail's
    addresses, which Google ignores, and the two ways to write a domain beyond ASCII.
    """
    local, _, domain = address.lower().rpartition("@")
    local = local.replace('"', "").replace("\\", "").partition("+")[0]
    if not domain.isascii():
        with suppress(UnicodeError):  # a domain that can't exist has one spelling anyway
            domain = domain.encode("idna").decode("ascii")
    if domain in {"gmail.com", "googlemail.com"}:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


_WORDS = re.compile(r"\w+\s*|[^\w\s]\s*|\s+")
_WORDS_MAX = 600
_ISLAND = 3


def word_differences(before: str, after: str) -> list[tuple[str, str]]:
    """What differs between two texts, word by word: ("same" | "gone" | "new", piece) pairs in reading order.

    Very long texts differ as a whole: comparing takes time that grows with the square of their length.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) > _WORDS_MAX or len(new) > _WORDS_MAX:
        return [("same", before)] if before == after else [("gone", before), ("new", after)]
    pieces: list[tuple[str, str]] = []
    for gone, came, same in _stretches(old, new):
        pieces += [(kind, piece) for kind, piece in (("gone", gone), ("new", came), ("same", same)) if piece]
    return pieces


def _stretches(old: list[str], new: list[str]) -> Iterator[tuple[str, str, str]]:
    """What goes, what comes, and what stays behind it. A word that stays alone between two changes is part of them."""
    gone = came = ""
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    at_old = at_new = 0
    for number, (start_old, start_new, size) in enumerate(blocks):
        gone += "".join(old[at_old:start_old])
        came += "".join(new[at_new:start_new])
        at_old, at_new = start_old + size, start_new + size
        same = "".join(old[start_old:at_old])
        is_island = 0 < size < _ISLAND and (gone or came) and number < len(blocks) - 2
        if is_island:
            gone, came = gone + same, came + "".join(new[start_new:at_new])
            continue
        yield gone, came, same
        gone = came = ""
