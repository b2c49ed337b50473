// @ts-check
/**
 * The open chat: what the visitor types, ticks, where they are, and a composer in which Enter sends. The lines themselves come as
 * every other message does (ticket.js); this socket brings what is not worth keeping.
 */
import { part } from "./keyed.js";

const TYPING_EVERY_MS = 3_000;
const TYPING_FORGOTTEN_MS = 8_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 20_000;
const PING_MS = 25_000;
const NOT_LOGGED_IN = 4401;

/** @type {WebSocket | null} */
let socket = null;
let retry = FIRST_RETRY_MS;
let watched = "";
let lastLine = 0;
let typedAt = 0;
let forget = 0;
let ping = 0;
/** The first lines of a chat are what the page shows already. */
let isShown = false;

const bar = () => document.getElementById("chat-bar");
const composer = () => /** @type {HTMLFormElement | null} */ (document.querySelector("#composer[data-chat-composer]"));

/** @param {Record<string, unknown>} frame */
function say(frame) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
}

function connect() {
  socket = new WebSocket(new URL("/ws/chats/", location.href.replace(/^http/, "ws")));
  socket.addEventListener("open", () => {
    retry = FIRST_RETRY_MS;
    if (watched) say({ type: "watch", conversation: watched, since: lastLine });
    clearInterval(ping);
    ping = setInterval(() => say({ type: "ping" }), PING_MS);
  });
  socket.addEventListener("message", (event) => take(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    clearInterval(ping);
    socket = null;
    if (event.code === NOT_LOGGED_IN || !watched) return;
    setTimeout(() => watched && !socket && connect(), retry * (0.5 + Math.random()));
    retry = Math.min(retry * 2, LAST_RETRY_MS);
  });
}

/** Follow whichever chat the pane shows now. */
function follow() {
  const wanted = bar()?.dataset.chat ?? "";
  if (wanted === watched) return;
  if (watched) say({ type: "unwatch", conversation: watched });
  watched = wanted;
  lastLine = 0;
  isShown = false;
  if (!wanted) return;
  if (!socket) connect();
  else say({ type: "watch", conversation: wanted, since: lastLine });
}

/** @param {any} frame */
function take(frame) {
  if (frame.conversation !== watched) return;
  if (frame.type === "watching") {
    showVisitor(frame.visitor);
    showRead(frame.visitor_read);
  } else if (frame.type === "visitor") showVisitor(frame.visitor);
  else if (frame.type === "typing") showTyping(frame);
  else if (frame.type === "read" && frame.by === "visitor") showRead(frame.seq);
  else if (frame.type === "lines") {
    takeLines(frame.lines);
    showRead(frame.visitor_read ?? 0);
  }
}

/** Somebody has taken the chat, or given it away: what can be done with it is something else now. */
async function refreshBar() {
  const page = await part(location.href);
  const [shown, fresh] = [bar(), page?.getElementById("chat-bar")];
  if (!shown || !fresh || shown.dataset.chat !== fresh.dataset.chat || shown.contains(document.activeElement)) return;
  shown.replaceWith(fresh);
  window.htmx.process(fresh);
}

/** @param {{seq: number, from?: string, event?: string}[]} lines */
function takeLines(lines) {
  lastLine = Math.max(lastLine, ...lines.map((line) => line.seq));
  say({ type: "got", conversation: watched, seq: lastLine });
  if (lines.some((line) => line.from === "visitor")) showTyping({ text: "" });
  if (isShown && lines.some((line) => line.event)) refreshBar();
  isShown = true;
  markRead();
}

/** Only while somebody can be looking. */
function markRead() {
  if (!document.hidden && lastLine) say({ type: "read", conversation: watched, seq: lastLine });
}

/** @param {{text?: string, agent?: {name: string} | null}} frame */
function showTyping(frame) {
  const place = bar()?.querySelector("[data-typing]");
  if (!(place instanceof HTMLElement)) return;
  const name = frame.agent?.name ?? (frame.text ? document.querySelector("#customer h2")?.textContent : "") ?? "";
  place.hidden = !(frame.text || frame.agent);
  const who = place.querySelector("[data-typing-who]");
  const text = place.querySelector("[data-typing-text]");
  if (who) who.textContent = (bar()?.dataset.wordTyping ?? "").replace("{name}", name.trim()) + (frame.text ? ":" : "");
  if (text) text.textContent = frame.text ?? "";
  clearTimeout(forget);
  if (!place.hidden) forget = setTimeout(() => showTyping({ text: "" }), frame.text ? 4 * TYPING_FORGOTTEN_MS : TYPING_FORGOTTEN_MS);
}

/** @param {number} upTo */
function showRead(upTo) {
  for (const each of document.querySelectorAll(".ticks[data-line]")) {
    const ticks = /** @type {HTMLElement} */ (each);
    if (Number(ticks.dataset.line) > upTo || ticks.classList.contains("is-read")) continue;
    ticks.classList.add("is-read");
    const word = ticks.querySelector("[data-tick]");
    if (word) word.textContent = bar()?.dataset.wordRead ?? "";
  }
}

/** @param {{is_online: boolean, page: {url?: string, title?: string}}} visitor */
function showVisitor(visitor) {
  const presence = bar()?.querySelector("[data-presence]");
  const word = presence?.querySelector("[data-presence-word]");
  presence?.classList.toggle("is-online", visitor.is_online);
  if (word) word.textContent = (visitor.is_online ? bar()?.dataset.wordOnline : bar()?.dataset.wordGone) ?? "";
  const more = presence?.querySelector("[data-presence-more]");
  if (more instanceof HTMLElement) more.hidden = visitor.is_online;
  const page = document.querySelector("#visitor [data-page]");
  const link = page?.querySelector("[data-page-link]");
  if (!(page instanceof HTMLElement) || !(link instanceof HTMLAnchorElement) || !visitor.page.url) return;
  page.hidden = false;
  if (/^https?:/.test(visitor.page.url)) link.href = visitor.page.url;
  link.textContent = visitor.page.title || visitor.page.url;
}

/** @type {{body: FormData, address: string, area: HTMLTextAreaElement, form: HTMLFormElement} | null} */
let sending = null;
let sendRetry = FIRST_RETRY_MS;

/**
 * Send what is written and keep the place; the same words go again until the desk has them, and are stored once.
 * @param {HTMLFormElement} form
 */
function send(form) {
  const area = form.querySelector("[data-text=reply]");
  const files = form.querySelector("[name=files]");
  const hasFiles = files instanceof HTMLInputElement && (files.files?.length ?? 0) > 0;
  if (sending || !(area instanceof HTMLTextAreaElement) || (!area.value.trim() && !hasFiles)) return;
  const body = new FormData(form);
  body.set("then", "");
  sending = { body, address: form.action, area, form };
  area.readOnly = true;
  deliver();
}

async function deliver() {
  if (!sending) return;
  const { body, address, area, form } = sending;
  const headers = { "HX-Request": "true", "X-Chat": "1", "X-CSRFToken": document.body.dataset.csrf ?? "" };
  const response = await fetch(address, { method: "POST", headers, body }).catch(() => null);
  const problem = form.querySelector("[data-chat-problem]");
  if (!response || response.status >= 500) {
    if (problem instanceof HTMLElement) problem.hidden = false;
    setTimeout(deliver, sendRetry * (0.5 + Math.random()));
    sendRetry = Math.min(sendRetry * 2, LAST_RETRY_MS);
    return;
  }
  sendRetry = FIRST_RETRY_MS;
  sending = null;
  area.readOnly = false;
  if (problem instanceof HTMLElement) problem.hidden = true;
  if (response.status !== 204) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("composer");
    if (fresh && form.isConnected) {
      form.replaceWith(fresh);
      window.htmx.process(fresh);
    }
    return;
  }
  area.value = "";
  const id = form.elements.namedItem("client_id");
  if (id instanceof HTMLInputElement) id.value = crypto.randomUUID?.() ?? String(Math.random()).slice(2) + Date.now();
  const files = form.querySelector("[name=files]");
  if (files instanceof HTMLInputElement && files.files?.length) {
    files.value = "";
    files.dispatchEvent(new Event("change", { bubbles: true }));
  }
  say({ type: "typing", conversation: watched, is_typing: false });
  typedAt = 0;
  area.focus();
}

document.addEventListener("keydown", (event) => {
  const area = /** @type {HTMLElement} */ (event.target);
  const form = composer();
  if (event.key !== "Enter" || event.isComposing || !form || !area.matches("[data-text=reply]") || !form.contains(area)) return;
  if (event.shiftKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  send(form);
});
document.addEventListener(
  "click",
  (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("[data-chat-composer] button[data-send].only-reply");
    const form = composer();
    if (!button || !form) return;
    event.preventDefault();
    event.stopPropagation();
    send(form);
  },
  { capture: true },
);
document.addEventListener("input", (event) => {
  const area = /** @type {HTMLElement} */ (event.target);
  if (!composer()?.contains(area) || !area.matches("[data-text=reply]") || Date.now() - typedAt < TYPING_EVERY_MS) return;
  typedAt = Date.now();
  say({ type: "typing", conversation: watched, is_typing: true });
});
document.addEventListener("visibilitychange", markRead);

const pane = document.getElementById("pane") ?? document.body;
new MutationObserver(follow).observe(pane, { childList: true, subtree: true });
follow();
