// @ts-check
/**
 * The conversation: lines in the desk's order, and below them what the visitor has said and the desk has not confirmed.
 *
 * @typedef {{name: string, initials: string, picture: string | null}} Person
 * @typedef {{name: string, type: string, size: number, url: string, width?: number, height?: number}} FileOf
 * @typedef {{seq: number, at: string, kind: "message" | "event", id?: string, from?: "visitor" | "agent" | "desk", agent?: Person | null,
 *   text?: string, files?: FileOf[], event?: string, data?: {reference?: string, agent?: Person | string | null, team?: string, by?: string}}} Line
 * @typedef {{reference: string, subject: string, state: string, ended_by: string, last: number, visitor_read: number, agent_read: number,
 *   agent: Person | null, queue: {position: number, wait_seconds: number | null} | null, rating: object | null, opened_at: string}} Conversation
 */
import * as host from "./host.js";
import * as outbox from "./outbox.js";
import { clock, dayName, el, exact, icon, make, now, settings, t } from "./settings.js";
import * as wire from "./wire.js";

const TICKS = { sending: "◌", stored: "✓", read: "✓✓", failed: "↻" };
const ADDRESS = /https?:\/\/[^\s<>"“”«»]*[^\s<>"“”«».,;:!?)\]}]/g;
const PICTURES = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);
const NEAR_THE_END_PX = 80;

/** @type {Conversation | null} */
export let conversation = null;
/** The newest line that has arrived without a gap. */
export let last = 0;
let read = 0;
let news = 0;
let lastDay = "";
let lastSpeaker = "";
let isLive = false;
/** @type {Map<string, HTMLElement>} bubbles of the visitor's words that have no line yet, by client id */
const waiting = new Map();
/** @type {Set<number>} lines of agents that the visitor hasn't seen */
const unread = new Set();
const log = el("log");
const scroll = el("scroll");
const jump = el("jump");

/** @param {Conversation | null} next */
export function show(next) {
  if (next?.reference !== conversation?.reference) clear();
  conversation = next;
  if (next) {
    read = Math.max(read, next.visitor_read);
    for (const seq of [...unread]) if (seq <= read) unread.delete(seq);
    marks();
    count();
  }
}

function clear() {
  for (const bubble of [...log.children]) if (!waiting.has(/** @type {HTMLElement} */ (bubble).dataset.id ?? "")) bubble.remove();
  last = read = news = 0;
  lastDay = lastSpeaker = "";
  unread.clear();
  isLive = false;
  log.setAttribute("aria-live", "off"); // what was said long ago isn't read out line by line
}

/** A text, its web addresses as links. @param {string} text */
function linked(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    parts.push(text.slice(end, match.index), make("a", { href: match[0], target: "_blank", rel: "noopener noreferrer nofollow" }, match[0]));
    end = match.index + match[0].length;
  }
  return [...parts, text.slice(end)];
}

/** @param {FileOf} file */
function fileLink(file) {
  const link = make("a", { href: file.url, target: "_blank", rel: "noopener noreferrer" });
  if (!PICTURES.has(file.type)) link.append(icon("file"), make("bdi", {}, file.name));
  else {
    const size = file.width ? { width: String(file.width), height: String(file.height) } : {};
    link.append(make("img", { src: file.url, ...size, alt: t("image_of", { name: file.name }), decoding: "async" }));
  }
  return link;
}

/** The picture of who speaks, before the name; gone when there is none any more. @param {Person | null} [agent] */
function face(agent) {
  if (!agent?.picture) return [];
  const image = make("img", { class: "face", src: agent.picture, alt: "", width: "20", height: "20" });
  image.addEventListener("error", () => image.remove());
  return [image];
}

/** @param {string} who @param {boolean} isMine @param {string} text @param {Node[]} files @param {string} [id] @param {Person | null} [agent] */
function bubble(who, isMine, text, files, id, agent) {
  const body = make("div", { class: "bubble" });
  if (text) body.append(make("p", { dir: "auto" }, ...linked(text)));
  if (files.length) body.append(make("div", { class: "files" }, ...files));
  const speaker = isMine ? "" : who;
  const said = make("div", { class: `said${isMine ? " mine" : ""}${speaker === lastSpeaker && log.lastElementChild?.matches(".said") ? " again" : ""}`, "data-id": id });
  lastSpeaker = speaker;
  said.append(make("p", { class: "who" }, ...face(agent), isMine ? t("you") : who), body, make("p", { class: "mark" }));
  return said;
}

/** @param {HTMLElement} said @param {keyof typeof TICKS | ""} tick @param {string} words @param {Date} [at] */
function mark(said, tick, words, at) {
  const place = /** @type {HTMLElement} */ (said.querySelector(".mark"));
  place.replaceChildren();
  place.classList.toggle("read", tick === "read");
  said.classList.toggle("failed", tick === "failed");
  said.classList.toggle("is-sending", tick === "sending");
  if (at) place.append(make("time", { datetime: at.toISOString(), title: exact(at) }, clock(at)));
  if (tick && tick !== "failed") place.append(make("span", { class: "tick", "aria-hidden": "true" }, TICKS[tick]), make("span", { class: "unseen" }, words));
  if (tick === "failed") place.append(words);
}

/** Ticks of what the visitor has said. */
function marks() {
  const mine = [.../** @type {NodeListOf<HTMLElement>} */ (log.querySelectorAll(".mine[data-seq]"))];
  for (const said of mine) {
    const isRead = Number(said.dataset.seq) <= (conversation?.agent_read ?? 0);
    mark(said, isRead ? "read" : "stored", t(isRead ? "read" : "stored"), new Date(said.dataset.at ?? ""));
  }
  log.querySelector(".said.last")?.classList.remove("last");
  [...log.querySelectorAll(".said")].at(-1)?.classList.add("last");
}

/** @param {Date} at @param {Node} before */
function separate(at, before) {
  const day = at.toDateString();
  if (day === lastDay) return;
  lastDay = day;
  lastSpeaker = "";
  log.insertBefore(make("p", { class: "day" }, make("time", { datetime: at.toISOString() }, dayName(at))), before);
}

/** The first bubble that has no line yet: lines stand before it. */
const firstWaiting = () => [...waiting.values()].find((said) => said.isConnected) ?? null;

/** @param {Line} line */
function messageOf(line) {
  const isMine = line.from === "visitor";
  const who = line.agent?.name ?? settings.name;
  const known = line.id ? waiting.get(line.id) : undefined;
  if (line.id) waiting.delete(line.id);
  const files = (line.files ?? []).map(fileLink);
  const said = known ?? bubble(who, isMine, line.text ?? "", files, line.id, line.agent);
  if (known && files.length) known.querySelector(".files")?.replaceChildren(...files);
  said.dataset.seq = String(line.seq);
  said.dataset.at = line.at;
  if (!isMine) mark(said, "", "", new Date(line.at));
  return said;
}

/** @param {Line} line */
function eventOf(line) {
  const data = line.data ?? {};
  if (line.event === "opened") return referenceCard(data.reference ?? conversation?.reference ?? "");
  const name = (typeof data.agent === "object" ? data.agent?.name : data.agent) || data.team || settings.name;
  const key = line.event === "ended" ? (data.by === "visitor" ? "ended_visitor" : "ended_agent") : (line.event ?? "");
  return key in settings.words ? make("p", { class: "event", dir: "auto" }, t(key, { name })) : null; // an event of a later desk
}

/** @param {string} reference */
function referenceCard(reference) {
  const copy = make("button", { type: "button", class: "button small" }, t("copy"));
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(reference).catch(() => select(number));
    copy.textContent = t("copied");
  });
  const number = make("span", {}, reference);
  return make("div", { class: "card" }, make("p", { class: "label" }, t("reference")), make("p", { class: "reference" }, number, copy), make("p", { class: "muted small" }, t("reference_why")));
}

/** Where the clipboard is shut: the reader copies it by hand. @param {Node} node */
function select(node) {
  getSelection()?.selectAllChildren(node);
}

/** @param {Line} line */
function apply(line) {
  const before = firstWaiting();
  separate(new Date(line.at), /** @type {Node} */ (line.id && waiting.has(line.id) ? waiting.get(line.id) : before));
  const element = line.kind === "message" ? messageOf(line) : eventOf(line);
  if (!element) return;
  if (!element.isConnected) log.insertBefore(element, before);
  if (line.from === "agent" && line.seq > read) {
    unread.add(line.seq);
    host.say({ type: "event", name: "message", detail: { from: "agent" } });
  }
}

const isAtEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_THE_END_PX;

export function toEnd() {
  scroll.scrollTop = scroll.scrollHeight;
  wasAtEnd = true;
  news = 0;
  jump.hidden = true;
}

/** The visitor has the panel open, on a visible page, at the end of the log: now it counts as read. */
export function see() {
  if (!conversation || document.hidden || !host.isOpen || !isAtEnd()) return;
  news = 0;
  jump.hidden = true;
  if (last > read && wire.say({ type: "read", seq: last })) {
    read = last;
    unread.clear();
  }
  count();
}

const count = () => host.say({ type: "unread", count: unread.size });

wire.on("lines", (frame) => {
  if (!conversation || frame.conversation !== conversation.reference) return;
  const isFollowing = isAtEnd();
  for (const line of /** @type {Line[]} */ (frame.lines)) {
    if (line.seq <= last) continue;
    if (line.seq > last + 1) {
      wire.say({ type: "resume", conversation: conversation.reference, since: last });
      break;
    }
    last = line.seq;
    apply(line);
    if (isLive && line.from !== "visitor" && line.kind === "message") news += 1;
  }
  wire.say({ type: "got", seq: last });
  noteRead(frame.visitor_read ?? 0, frame.agent_read ?? 0);
  marks();
  if (isFollowing || !isLive) toEnd();
  else if (news) {
    jump.textContent = t("new_messages", { n: news });
    jump.hidden = false;
  }
  if (last >= conversation.last && !isLive) {
    isLive = true;
    setTimeout(() => log.setAttribute("aria-live", "polite"), 100); // not in the same breath as what was filled in
  }
  see();
  count();
});
wire.on("read", (frame) => {
  if (!conversation || frame.conversation !== conversation.reference) return;
  if (frame.by === "agent") noteRead(0, frame.seq);
  else noteRead(frame.seq, 0);
  count();
  marks();
});

/** How far it is read. @param {number} byVisitor here or in another tab @param {number} byAgent */
function noteRead(byVisitor, byAgent) {
  if (conversation) conversation.agent_read = Math.max(conversation.agent_read, byAgent);
  read = Math.max(read, byVisitor);
  for (const seq of [...unread]) if (seq <= read) unread.delete(seq);
}

/** What is on its way, below the lines. */
outbox.onChange(() => {
  for (const item of outbox.pending()) {
    let said = waiting.get(item.id);
    if (!said) {
      said = bubble("", true, item.text, item.files.map((file) => make("span", {}, icon("file"), " ", make("bdi", {}, file.name))), item.id);
      waiting.set(item.id, said);
      log.append(said);
      marks();
      toEnd();
    }
    if (item.refused) fail(said, item);
    else mark(said, "sending", t("sending"), now());
  }
  const still = new Set(outbox.pending().map((item) => item.id));
  for (const [id, said] of waiting) if (!still.has(id)) mark(said, "stored", t("stored"), now()); // confirmed; its line is coming
});

/** @param {HTMLElement} said @param {outbox.Item} item */
function fail(said, item) {
  const key = { too_long: "too_long", slow_down: "too_fast" }[item.refused ?? ""] ?? "refused";
  mark(said, "failed", t("not_sent_why", { why: t(key, { n: 8000 }) }));
  const again = make("button", { type: "button", class: "button small" }, `${TICKS.failed} ${t("try_again")}`);
  again.addEventListener("click", () => outbox.retry(item.id));
  const away = make("button", { type: "button", class: "button small" }, t("discard"));
  away.addEventListener("click", () => {
    waiting.delete(item.id);
    said.remove();
    outbox.drop(item.id);
  });
  said.querySelector(".mark")?.append(again, away);
}

// A picture has its height only now: whoever was at the end stays there.
let wasAtEnd = true;
scroll.addEventListener("scroll", () => (wasAtEnd = isAtEnd()), { passive: true });
log.addEventListener("load", () => wasAtEnd && toEnd(), { capture: true });
// The same when files or a warning below leave less of the log to see, or a message gets a reason why it wasn't sent.
const growth = new ResizeObserver(() => wasAtEnd && !log.hidden && toEnd());
for (const element of [scroll, log]) growth.observe(element);
jump.addEventListener("click", () => {
  toEnd();
  see();
});
scroll.addEventListener("scroll", see, { passive: true });
document.addEventListener("visibilitychange", see);
