"""A brand colour made readable: text on it, and it as text, reach the contrast that WCAG 2.2 AA asks for. Pure."""

import colorsys
from dataclasses import dataclass

#: Of text (1.4.3).
ENOUGH = 4.5
WHITE, BLACK = "#ffffff", "#111111"
#: The panel's paper in the light and in the dark scheme, as in static/widget/panel.css, with what is sunken into it.
LIGHT_PAPER, DARK_PAPER = ("#ffffff", "#f3f2ef"), ("#1a1f23", "#252b30")
_STEP = 0.01


@dataclass(frozen=True, slots=True)
class Palette:
    """``ink`` is read on ``fill``; ``light`` and ``dark`` are read on the panel's paper.

    ``is_corrected``: ``fill`` isn't the brand's own colour.
    """

    fill: str
    ink: str
    light: str
    dark: str
    is_corrected: bool


def palette_of(brand: str) -> Palette:
    """The colours for a brand colour ``#rrggbb``: as near to it as contrast allows."""
    ink = WHITE if contrast(brand, WHITE) >= min(contrast(brand, BLACK), ENOUGH) else BLACK
    fill = _moved(brand, against=(ink,), is_darker=ink == WHITE)
    return Palette(
        fill=fill,
        ink=ink,
        light=_moved(brand, against=LIGHT_PAPER, is_darker=True),
        dark=_moved(brand, against=DARK_PAPER, is_darker=False),
        is_corrected=fill != brand.lower(),
    )


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _moved(colour: str, *, against: tuple[str, ...], is_darker: bool) -> str:
    """``colour``, darker or lighter until it is readable with all of ``against``; its hue stays."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(value / 255 for value in _rgb(colour)))
    moved = colour.lower()
    while min(contrast(moved, each) for each in against) < ENOUGH and 0 < lightness < 1:
        lightness = max(0.0, lightness - _STEP) if is_darker else min(1.0, lightness + _STEP)
        moved = "#" + "".join(f"{round(value * 255):02x}" for value in colorsys.hls_to_rgb(hue, lightness, saturation))
    if min(contrast(moved, each) for each in against) >= ENOUGH:
        return moved
    return BLACK if is_darker else WHITE


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (part / 255 for part in _rgb(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
