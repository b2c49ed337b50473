"""The chat on a web site: what it weighs, and how long it takes to open on a slow phone's network.

Slow 4G is that of Lighthouse: 150 ms there and back, 1.6 Mbit/s; the loader is there already. ``widget_open_ms`` is
the time from the click to the greeting on the screen when nothing was fetched ahead; with a pointer that rests on the
button first, ``widget_open_hover_ms``.
"""

from __future__ import annotations

import statistics
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.desk import Desk
from benchmarks.place import Place
from benchmarks.progress import say

CHROMIUM = "/usr/bin/chromium"
SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
ROUNDS = 5
HOVER_MS = 1_500
_PAGE = "<!doctype html><html lang=en><title>Shop</title><h1>Shop</h1><script async src={source}></script></html>"
#: Resolves with the milliseconds from now to the greeting's first frame; the panel says so itself.
_OPEN = """() => new Promise((resolve) => {
  const began = performance.now();
  const wait = () => performance.now() - began > 20000 ? resolve(20000) : window.__painted
    ? resolve(window.__painted - performance.timeOrigin - began) : setTimeout(wait, 5);
  window.addEventListener("message", (event) => { if (event.data?.painted) window.__painted = event.data.painted; });
  Luotsi.open();
  wait();
})"""
#: The same where the panel is there already, hidden: until the next frame has been drawn.
_SHOW = """() => new Promise((resolve) => {
  const began = performance.now();
  Luotsi.open();
  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
})"""
_PAINTED = """if (location.pathname.endsWith("/panel/")) {
  new PerformanceObserver((list) => {
    for (const entry of list.getEntriesByName("first-contentful-paint"))
      parent.postMessage({ painted: performance.timeOrigin + entry.startTime }, "*");
  }).observe({ type: "paint", buffered: true });
}"""


def measure(place: Place) -> dict[str, float | int]:
    with Desk(place, has_demo=True), sync_playwright() as playwright:
        from helpdesk.widget import assets

        loader = len(assets.asset_of(assets.LOADER).packed)
        script = sum(len(assets.asset_of(name).packed) for name in assets.MODULES)
        style = len(assets.asset_of(assets.STYLE).packed)
        say(f"compressed: loader {loader}, panel's script {script}, its style {style} bytes")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        cold = statistics.median(_opening(browser, place, hovers=False) for _round in range(ROUNDS))
        warm = statistics.median(_opening(browser, place, hovers=True) for _round in range(ROUNDS))
        browser.close()
    say(f"opening on slow 4G: {cold:.0f} ms, after a pointer rested on the button {warm:.0f} ms")
    return {
        "widget_loader_gz": loader,
        "widget_panel_gz": script,
        "widget_style_gz": style,
        "widget_open_ms": round(cold),
        "widget_open_hover_ms": round(warm),
    }


def _opening(browser: Any, place: Place, *, hovers: bool) -> float:
    """Milliseconds from opening to the greeting, in a browser that has only the loader."""
    context = browser.new_context()
    context.add_init_script(_PAINTED)
    page = context.new_page()
    body = _PAGE.format(source="/chat/shop/widget.js")
    page.route(f"{place.url}/bench/", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(f"{place.url}/bench/")
    launcher = page.get_by_role("button", name="Chat with us")
    launcher.wait_for()
    context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW_4G)
    if hovers:
        launcher.hover()
        page.wait_for_timeout(HOVER_MS)
    took = page.evaluate(_SHOW if hovers else _OPEN)
    context.close()
    return float(took)
