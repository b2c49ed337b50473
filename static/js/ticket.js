// @ts-check
/** The open ticket: opened beside the list without leaving it, kept up to date, read up to where the reader is. */
import { register } from "./commands.js";
import { bring, part, remember } from "./keyed.js";
import { markCurrent, refresh as refreshList } from "./list.js";
import { onHint } from "./live.js";

const PREFETCH_MS = 8_000;
const NEAR_BOTTOM_PX = 120;

const ticket = () => document.getElementById("ticket");
const timeline = () => document.getElementById("timeline");
const conversation = () => document.getElementById("conversation");

/** @type {Map<string, {at: number, page: Promise<Document | null>}>} */
const ahead = new Map();

/** @param {string} address */
function fetched(address) {
  const known = ahead.get(address);
  if (known && Date.now() - known.at < PREFETCH_MS) return known.page;
  const page = part(address);
  ahead.clear();
  ahead.set(address, { at: Date.now(), page });
  return page;
}

/**
 * Show the ticket at `address` in the pane.
 * @param {string} address
 * @param {{isNew?: boolean}} [options] isNew: a step in the browser's history
 */
async function open(address, { isNew = true } = {}) {
  const page = await fetched(address);
  ahead.clear();
  const pane = document.getElementById("pane");
  if (!page?.getElementById("ticket") || !pane) return location.assign(address);
  if (isNew) history.pushState({ ticket: true }, "", address);
  pane.replaceChildren(...page.body.childNodes);
  window.htmx.process(pane);
  settle();
  ticket()?.querySelector("h1")?.closest("article")?.setAttribute("tabindex", "-1");
}

/** After a ticket has come into the pane: where to look, what is read, which row is its. */
function settle() {
  const shown = timeline();
  if (!shown) return;
  remember(shown);
  const box = conversation();
  const unread = shown.querySelector(".is-first-unread");
  if (unread) unread.scrollIntoView({ block: "start" });
  else if (box) box.scrollTop = box.scrollHeight;
  document.title = ticket()?.dataset.title ?? document.title;
  markCurrent();
  markRead();
}

/** @param {HTMLElement} article */
const rowOf = (article) => document.getElementById(`t${article.dataset.ticket}`);

/**
 * Whether the list shows the open ticket as unread, or may do so in a moment: a list that was on its way before the server had
 * heard of the reading comes with the old mark.
 * @param {HTMLElement} article
 */
const isUnread = (article) => rowOf(article)?.classList.contains("is-unread") ?? true;

/** Tell the server how far it has been read; only while somebody can be looking. */
function markRead() {
  const [article, shown] = [ticket(), timeline()];
  if (document.hidden || !article?.dataset.read || !shown?.dataset.cursor) return;
  rowOf(article)?.classList.remove("is-unread");
  rowOf(article)?.querySelector(".dot")?.replaceChildren();
  fetch(article.dataset.read, {
    method: "POST",
    headers: { "X-CSRFToken": document.body.dataset.csrf ?? "" },
    body: new URLSearchParams({ cursor: shown.dataset.cursor }),
  })
    .then(() => isUnread(article) && refreshList())
    .catch(() => {}); // the next look says it again
}

let isBusy = false;
let isStale = false;

/** Bring head and timeline up to date; the composer and whatever the reader has opened stay as they are. */
async function refresh() {
  const article = ticket();
  if (!article?.dataset.live) return;
  if (isBusy) {
    isStale = true;
    return;
  }
  isBusy = true;
  isStale = false;
  const page = await part(article.dataset.live + location.search);
  if (page && ticket() === article) apply(page);
  isBusy = false;
  if (isStale) refresh();
}

/** @param {Document} page */
function apply(page) {
  const [shown, fresh, box] = [timeline(), page.getElementById("timeline"), conversation()];
  if (!shown || !fresh || !box) return;
  const wasAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_BOTTOM_PX;
  // Also without a new line in the journal: that a mail has left is said by the message alone.
  const added = bring(shown, fresh);
  window.htmx.process(shown);
  if (shown.dataset.cursor === fresh.dataset.cursor) return;
  shown.dataset.cursor = fresh.dataset.cursor;
  const head = document.getElementById("ticket-head");
  const newHead = page.getElementById("ticket-head");
  if (head && newHead && !head.contains(document.activeElement)) {
    head.replaceWith(newHead);
    window.htmx.process(newHead);
  }
  renew(page.getElementById("service"));
  renew(page.getElementById("promised"));
  if (added.length && wasAtEnd) box.scrollTop = box.scrollHeight;
  noteSeen(fresh.dataset.cursor ?? "");
  markRead();
}

/**
 * Service clocks and promises as they are now; a timeline that the reader has unfolded stays so.
 * @param {HTMLElement | null} fresh
 */
function renew(fresh) {
  const shown = fresh && document.getElementById(fresh.id);
  if (!shown || shown.contains(document.activeElement)) return;
  const open = new Set([...shown.querySelectorAll("details[open]")].map((each) => each.id));
  for (const each of fresh.querySelectorAll("details")) each.toggleAttribute("open", open.has(each.id));
  shown.replaceWith(fresh);
  window.htmx.process(fresh);
}

/**
 * What arrives before the agent has begun to write counts as seen; what arrives while they write stops the send.
 * @param {string} cursor
 */
function noteSeen(cursor) {
  const seen = document.querySelector("[data-seen]");
  const hasBegun = [...document.querySelectorAll("[data-text]")].some((each) => /** @type {HTMLTextAreaElement} */ (each).value.trim());
  if (seen instanceof HTMLInputElement && !hasBegun) seen.value = cursor;
}

/** @param {string} id */
function choose(id) {
  const select = document.getElementById(id);
  if (!(select instanceof HTMLSelectElement)) return;
  select.focus();
  try {
    select.showPicker();
  } catch {
    // Not every browser opens a select by script; it has the focus, and arrow keys work.
  }
}

register("assign", () => choose("choose-owner"));
register("team", () => choose("choose-team"));
register("state", () => choose("choose-state"));
register("tag", () => document.getElementById("add-tag")?.focus());
/** @param {string} state */
function setState(state) {
  const select = document.getElementById("choose-state");
  if (!(select instanceof HTMLSelectElement)) return;
  select.value = state;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}
register("solve", () => setState("solved"));
register("spam", () => setState("spam"));
register("customer", () => {
  const column = document.getElementById("customer");
  const isOpen = column?.classList.toggle("is-open");
  if (isOpen) column?.focus();
  else /** @type {HTMLElement | null} */ (document.querySelector(".open-customer"))?.focus();
});

/** @param {Event} event */
function rowLink(event) {
  const link = /** @type {HTMLElement} */ (event.target).closest("#rows a, .earlier a");
  return link instanceof HTMLAnchorElement ? link : null;
}

document.addEventListener("click", (event) => {
  const link = rowLink(event);
  if (link && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey && document.getElementById("pane")) {
    event.preventDefault();
    open(link.href);
  }
  const copy = /** @type {HTMLElement} */ (event.target).closest("[data-copy]");
  if (copy instanceof HTMLElement) {
    navigator.clipboard?.writeText(copy.dataset.copy ?? "");
    const announcer = document.getElementById("announcer");
    if (announcer) announcer.textContent = copy.dataset.copied ?? "";
  }
});
for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    const link = rowLink(event);
    if (link && !link.closest(".is-current")) fetched(link.href);
  });
}
window.addEventListener("popstate", () => {
  if (/^\/tickets\//.test(location.pathname)) open(location.href, { isNew: false });
  else location.reload();
});
document.addEventListener("htmx:after:swap", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.id === "pane") settle();
  const article = ticket();
  if (target.id === "list" && article && isUnread(article)) refreshList();
  // What held the focus is gone with the old content: reading goes on where it was, not at the top of the page.
  if (document.activeElement !== document.body) return;
  const place = target.id === "pane" ? conversation() : target.querySelector("[data-takes-focus]");
  if (place instanceof HTMLElement) place.focus({ preventScroll: true });
});
document.addEventListener("keydown", (event) => {
  const column = document.getElementById("customer");
  if (event.key === "Escape" && column?.classList.contains("is-open")) column.classList.remove("is-open");
});

settle();
onHint((hint) => {
  ahead.clear();
  if (hint.ticket === null || String(hint.ticket) === ticket()?.dataset.ticket) refresh();
});
