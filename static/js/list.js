// @ts-check
/** The list: stays up to date by itself, holds still under the pointer, opens tickets beside it. */
import { register } from "./commands.js";
import { bring, part, remember } from "./keyed.js";
import { onHint } from "./live.js";

const BREATH_MS = 400;

register("take-next", () => {
  const form = document.getElementById("take-next");
  if (form instanceof HTMLFormElement) form.requestSubmit();
});

const list = () => document.getElementById("list");
const rows = () => document.getElementById("rows");
const pill = () => /** @type {HTMLButtonElement | null} */ (document.querySelector("[data-pill]"));

let isPointerInside = false;
let isBusy = false;
let isStale = false;

function isHeld() {
  return isPointerInside || (document.querySelector("[data-list-scroll]")?.scrollTop ?? 0) > 40;
}

/** Ask for the list's first page and show what changed; at most one request at a time. */
export async function refresh() {
  const shown = list();
  if (!shown?.dataset.list || shown.dataset.isFirst === "no") return;
  if (isBusy) {
    isStale = true;
    return;
  }
  isBusy = true;
  isStale = false;
  const page = await part(shown.dataset.list);
  const fresh = page?.getElementById("list");
  if (fresh && list() === shown) apply(shown, fresh);
  setTimeout(() => {
    isBusy = false;
    if (isStale) refresh();
  }, BREATH_MS);
}

/**
 * @param {HTMLElement} shown
 * @param {HTMLElement} fresh
 */
function apply(shown, fresh) {
  const [here, there] = [rows(), fresh.querySelector("#rows")];
  if (!here || !there) return;
  const isEmpty = here.children.length === 0;
  const held = isHeld() && !isEmpty;
  const added = bring(here, there, { inPlaceOnly: held });
  showPill(held ? added.length : 0);
  if (!held) {
    shown.querySelectorAll(".list-scroll > .empty, .list-scroll > .pagination").forEach((each) => each.remove());
    const rest = fresh.querySelectorAll(".list-scroll > .empty, .list-scroll > .pagination");
    shown.querySelector(".list-scroll")?.append(...rest);
    if (added.length && !isEmpty) announce(added.length);
  }
  markCurrent();
}

/** @param {number} count */
function words(count) {
  const template = count === 1 ? pill()?.dataset.one : pill()?.dataset.many;
  return (template ?? "").replace("{n}", String(count));
}

/** @param {number} count */
function showPill(count) {
  const button = pill();
  if (!button) return;
  button.hidden = count === 0;
  if (count) button.textContent = words(count);
}

/** @param {number} count */
function announce(count) {
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = words(count);
}

function release() {
  if (pill()?.hidden === false) refresh();
}

/** Show which row's ticket is open. */
export function markCurrent() {
  const id = document.getElementById("ticket")?.dataset.ticket;
  for (const row of rows()?.children ?? []) {
    const isCurrent = row.id === `t${id}`;
    row.classList.toggle("is-current", isCurrent);
    row.querySelector("a")?.toggleAttribute("aria-current", isCurrent);
    if (isCurrent) row.querySelector("a")?.setAttribute("aria-current", "true");
  }
}

/** @param {number} step */
function move(step) {
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#rows a")]);
  const at = links.findIndex((link) => link === document.activeElement);
  const current = links.findIndex((link) => link.closest(".is-current"));
  const from = at >= 0 ? at : current;
  const next = links[Math.max(0, Math.min(links.length - 1, from + step))] ?? links[0];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  if (document.getElementById("ticket")) next?.click();
}

register("next", () => move(1));
register("previous", () => move(-1));
register("open", () => document.querySelector("#rows a:focus")?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true })));

document.addEventListener("pointerover", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const isInside = event.pointerType === "mouse" && target.closest("#rows") !== null;
  if (isPointerInside && !isInside) {
    isPointerInside = false;
    release();
  }
  isPointerInside = isInside;
});
document.documentElement.addEventListener("pointerleave", () => {
  isPointerInside = false;
  release();
});
document.addEventListener("click", (event) => {
  if (!(/** @type {HTMLElement} */ (event.target).closest("[data-pill]"))) return;
  isPointerInside = false;
  document.querySelector("[data-list-scroll]")?.scrollTo({ top: 0 });
  refresh();
});
document.addEventListener("htmx:after:swap", () => {
  const shown = rows();
  if (shown) remember(shown);
  markCurrent();
});

const shown = rows();
if (shown) remember(shown);
onHint(refresh);
document.addEventListener("luotsi:later", () => refresh());
