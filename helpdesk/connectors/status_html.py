"""The text of a post from a federated server: HTML that any program of any stranger has written, read as plain text.

Only text leaves this module. A link shows where it really leads: its words stay when they are that address (Mastodon
hides the middle of a long one in spans), else the address stands behind them. The scan is linear in the length of the
post, and ends after ``MAX_LENGTH`` characters of it.
"""

import html
import re
from dataclasses import dataclass, field

from helpdesk.text import clean_text

MAX_LENGTH = 200_000
_MAX_LINKS = 100
_MAX_QUOTE_DEPTH = 5
# No part of a tag runs over the next `<` or `>`: no start of a tag can make the scan look far ahead in vain.
_TOKEN = re.compile(r"<!--(?:.*?-->|.*)|<(/?)([a-zA-Z][a-zA-Z0-9:-]*+)([^<>]*+)>|<[!?/][^<>]*+>|[^<]++|<", re.DOTALL)
_ATTRIBUTE = re.compile(r"([a-zA-Z-]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))")
_UNREAD = {
    name: re.compile(rf"</{name}\s*>", re.IGNORECASE)
    for name in ("script", "style", "title", "template", "iframe", "object", "svg", "math", "noscript", "textarea")
}
_SPACES = re.compile(r"[ \t\r\n\f]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_PARAGRAPHS = frozenset("p h1 h2 h3 h4 h5 h6 ul ol dl pre blockquote table hr".split())
_LINES = frozenset("br div li dt dd tr section article header footer figure".split())


@dataclass(frozen=True, slots=True)
class Link:
    """An address in a post, and whether its server marks it as the mention of somebody."""

    url: str
    words: str
    is_mention: bool


@dataclass(frozen=True, slots=True)
class Post:
    """What a post says."""

    text: str
    links: tuple[Link, ...]


@dataclass(slots=True)
class _Reader:
    """Collects pieces of text; a link is held back until its end is known."""

    pieces: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    quote_depth: int = 0
    preformatted: int = 0
    href: str = ""
    is_mention: bool = False
    link_begins_at: int | None = None

    def text(self, value: str) -> None:
        value = html.unescape(value)
        self.pieces.append(value if self.preformatted else _SPACES.sub(" ", value))

    def begin_line(self, breaks: str, *, is_forced: bool = True) -> None:
        """The end of a line, or of a paragraph, and the mark of a quotation before what follows."""
        if is_forced or not self.pieces or not self.pieces[-1].endswith(("\n", "\n" + "> " * self.quote_depth)):
            self.pieces.append(breaks + "> " * self.quote_depth)

    def begin_link(self, attributes: str) -> None:
        self.end_link()
        values = _attributes(attributes)
        self.href, self.link_begins_at = _web_address(values.get("href", "")), len(self.pieces)
        self.is_mention = "mention" in values.get("class", "").split()

    def end_link(self) -> None:
        if self.link_begins_at is None:
            return
        words = " ".join("".join(self.pieces[self.link_begins_at :]).split())
        self.link_begins_at = None
        if not self.href or len(self.links) >= _MAX_LINKS:
            return
        # A tag names no place of its own: `#word` leads to a list of posts on the server of its writer.
        is_named = self.is_mention and words.startswith(("@", "#"))
        self.links.append(Link(self.href, words, is_named and words.startswith("@")))
        if not is_named and not _is_same(words, self.href):
            self.pieces.append(f" ({self.href})" if words else self.href)


def read(markup: str) -> Post:
    """The post in ``markup``: paragraphs with a blank line between them, no control characters, no tags."""
    reader, position, markup = _Reader(), 0, markup[:MAX_LENGTH]
    while (token := _TOKEN.match(markup, position)) is not None:
        position = token.end()
        name, is_end = (token[2] or "").lower(), bool(token[1])
        if name in _UNREAD and not is_end:
            closing = _UNREAD[name].search(markup, position)
            position = closing.end() if closing else len(markup)
        elif name:
            _tag(reader, name, token[3], is_end=is_end)
        elif not token[0].startswith(("<!", "<?", "</")):
            reader.text(token[0])
    reader.end_link()
    lines = ("".join(reader.pieces)).replace("\xa0", " ").split("\n")
    text = "\n".join(_tidy(line) for line in lines)
    return Post(clean_text(_BLANK_LINES.sub("\n\n", text)), tuple(reader.links))


def _tag(reader: _Reader, name: str, attributes: str, *, is_end: bool) -> None:
    if name == "a":
        if is_end:
            reader.end_link()
        else:
            reader.begin_link(attributes)
    elif name == "img" and not is_end:
        reader.text(_attributes(attributes).get("alt", "")[:200])
    elif name in _PARAGRAPHS:
        step = -1 if is_end else 1
        if name == "blockquote":
            reader.quote_depth = max(0, min(_MAX_QUOTE_DEPTH, reader.quote_depth + step))
        elif name == "pre":
            reader.preformatted = max(0, reader.preformatted + step)
        reader.begin_line("\n\n")
    elif name in _LINES and not (is_end and name in {"br", "li"}):
        reader.begin_line("\n", is_forced=name == "br")
        if name == "li":
            reader.pieces.append("- ")


def _attributes(written: str) -> dict[str, str]:
    """The first value of each attribute, names in lower case."""
    values: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(written[:4000]):
        values.setdefault(match[1].lower(), html.unescape(match[2] or match[3] or match[4] or ""))
    return values


def _web_address(href: str) -> str:
    """The address, if a person may be led there; '' for scripts, data and everything else."""
    address = "".join(href.split())
    return address[:2000] if address.lower().startswith(("https://", "http://")) else ""


def _is_same(words: str, href: str) -> bool:
    """Whether the words are the address, but for its scheme and the slash at its end."""
    return _bare(words) == _bare(href)


def _bare(address: str) -> str:
    return re.sub(r"^https?://", "", address, flags=re.IGNORECASE).rstrip("/")


def _tidy(line: str) -> str:
    """A line without what is invisible at its end; a line of quotation marks alone is a blank one."""
    line = line.rstrip()
    return "" if not line.strip("> ") else line.lstrip() if not line.startswith("  ") else line
