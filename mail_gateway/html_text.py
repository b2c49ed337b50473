"""The text of an HTML mail, for search, rules and reply trimming; never for display of the HTML itself.

A scan over tags, not a tree: lexbor needs 16 s for 100,000 nested `<div>` and cannot be interrupted, a scan is linear.
"""

from __future__ import annotations

import html
import re

_TOKEN = re.compile(
    r"<!--(?:.*?-->|.*)"
    r"|<(/?)([a-zA-Z][\w:-]*+)((?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)>"
    r"|<(/?)([a-zA-Z][\w:-]*+)([^<>]*+)>"
    r"|<[!?/][^<>]*+>"
    r"|[^<]++|<",
    re.DOTALL,
)
_SPACES = re.compile(r"[ \t\r\n\f]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_RAW_ELEMENTS = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("script", "style", "title", "xml")}
_PARAGRAPHS = frozenset("p h1 h2 h3 h4 h5 h6 ul ol dl table pre blockquote hr".split())
_LINES = frozenset(
    "div tr li dt dd article section header footer main nav aside form fieldset address center caption body "
    "figure".split()
)
_RULE = "_" * 32
_MAX_TOKENS, _MAX_QUOTE_DEPTH = 200_000, 5


class _Writer:
    """Collects lines; white space collapses as in a browser, quotes get their `> `."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.quote_depth = 0
        self.pre_depth = 0
        self._owes_blank = False

    def text(self, value: str) -> None:
        value = html.unescape(value) if "&" in value else value
        if self.pre_depth:
            *whole, rest = value.replace("\r\n", "\n").split("\n")
            for piece in whole:
                self.line.append(piece)
                self.end_line(is_forced=True)
            self.line.append(rest)
            return
        value = _SPACES.sub(" ", value)
        if value != " " or self.line:
            self.line.append(value)

    def end_line(self, *, is_forced: bool = False) -> None:
        text = "".join(self.line)
        text = text.rstrip() if self.pre_depth else _SPACES.sub(" ", text).strip(" ")
        self.line.clear()
        if not text and not is_forced:
            return
        prefix = ">" * self.quote_depth + " " if self.quote_depth else ""
        if self._owes_blank and self.lines:
            self.lines.append(prefix.rstrip())
        self._owes_blank = False
        self.lines.append((prefix + text).rstrip())

    def end_paragraph(self) -> None:
        self.end_line()
        self._owes_blank = bool(self.lines) and self.lines[-1] not in ("", ">" * self.quote_depth)


def to_text(markup: str) -> str:
    """Readable text: block elements become lines, list items get a dash, quotes a `> `.

    Linear in `len(markup)`; what follows the first 200,000 tags is left out.
    """
    writer = _Writer()
    position = 0
    for _ in range(_MAX_TOKENS):
        match = _TOKEN.match(markup, position)
        if match is None:
            break
        position = match.end()
        name = (match[2] or match[5] or "").lower()
        if name:
            is_end = bool(match[1] or match[4])
            if not is_end and name in _RAW_ELEMENTS:
                closing = _RAW_ELEMENTS[name].search(markup, position)
                position = closing.end() if closing else len(markup)
                continue
            _tag(writer, name, is_end=is_end)
        elif not match[0].startswith(("<!", "<?", "</")):
            writer.text(match[0])
    writer.end_line()
    return _BLANK_LINES.sub("\n\n", "\n".join(writer.lines)).strip()


def _tag(writer: _Writer, name: str, *, is_end: bool) -> None:
    if name == "br":
        writer.end_line(is_forced=True)
    elif name in _PARAGRAPHS:
        writer.end_paragraph()
        if name == "blockquote":
            writer.quote_depth = max(0, min(_MAX_QUOTE_DEPTH, writer.quote_depth + (-1 if is_end else 1)))
        elif name == "pre":
            writer.pre_depth = max(0, writer.pre_depth + (-1 if is_end else 1))
        elif name == "hr":
            writer.text(_RULE)
            writer.end_line()
    elif name in _LINES:
        writer.end_line()
        if name == "li" and not is_end:
            writer.text("- ")
    elif name in ("td", "th") and is_end:
        writer.text(" ")


def escape(text: str) -> str:
    """Plain text as HTML text."""
    return html.escape(text, quote=False)
