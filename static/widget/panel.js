// @ts-check
/** The panel: puts the parts together. Before it is opened it does nothing at all. */
import * as after from "./after.js";
import * as host from "./host.js";
import * as outbox from "./outbox.js";
import * as presence from "./presence.js";
import { el, make, setClock, settings, t } from "./settings.js";
import * as start from "./start.js";
import * as thread from "./thread.js";
import * as uploads from "./uploads.js";
import * as wire from "./wire.js";

const TYPING_EVERY_MS = 1_000;
const TYPING_LASTS_MS = 8_000;
const LONGEST = 8_000;
const ENDS = new Set(["ended", "by_mail"]);

let token = "";
let identity = "";
/** The conversation that a waiting poll knows of. */
let polled = "";
let typedAt = 0;
let typingTimer = 0;
/** @type {{url: string, title: string, at: string}[]} newest first */
const pages = [];
const text = /** @type {HTMLTextAreaElement} */ (el("text"));

/** @returns {import("./wire.js").Frame} */
function hello() {
  const [page, ...before] = pages;
  return {
    type: "hello",
    v: 1,
    ...(token && { token }),
    ...(identity && { identity }),
    ...(thread.conversation && { conversation: thread.conversation.reference }),
    since: thread.last,
    origin: host.origin,
    language: settings.language,
    ...(page && { page: { url: page.url, title: page.title } }),
    pages: before.slice(0, 10),
  };
}

/** The first view or the conversation. */
function draw() {
  const isTalking = Boolean(thread.conversation) || outbox.pending().length > 0;
  el("start").hidden = isTalking;
  el("log").hidden = !isTalking;
  el("text-label").textContent = text.placeholder = isTalking ? t("write") : t("question_hint");
  el("seen-typing").hidden = !thread.conversation || thread.conversation.state === "ended";
  after.draw();
}

// ── Writing ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function say() {
  const words = text.value.trim();
  if ((!words && !uploads.hasAny()) || uploads.isBusy()) return text.focus();
  if (words.length > LONGEST) return warn(t("too_long", { n: LONGEST }));
  const isFirst = !thread.conversation && !outbox.pending().length;
  const fields = isFirst ? start.answered() : undefined;
  if (fields === null) return;
  const isOver = thread.conversation?.state === "ended";
  outbox.put({ text: words, files: uploads.take(), ...(fields && { fields }), ...(thread.conversation && !isOver && { conversation: thread.conversation.reference }) });
  if (fields) presence.claim(fields);
  after.begun();
  text.value = "";
  host.keep("draft", null);
  warn("");
  if (isFirst) host.say({ type: "event", name: "started" });
  start.suggest("");
  draw();
  thread.toEnd();
  text.focus();
}

/** @param {string} words */
function warn(words) {
  el("warning").textContent = words;
  el("warning").hidden = !words;
}

function tellTyping() {
  if (!thread.conversation) return;
  const now = performance.now();
  clearTimeout(typingTimer);
  const isDue = now - typedAt >= TYPING_EVERY_MS || !text.value;
  if (!isDue) return void (typingTimer = setTimeout(tellTyping, TYPING_EVERY_MS));
  typedAt = now;
  wire.say({ type: "typing", text: text.value.slice(0, 500) });
}

text.addEventListener("input", () => {
  if (thread.conversation) {
    tellTyping();
    host.keep("draft", text.value || null);
  } else start.suggest(text.value);
});
text.addEventListener("keydown", (event) => {
  const isTouch = matchMedia("(pointer: coarse)").matches;
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || isTouch) return;
  event.preventDefault();
  say();
});
el("fields").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.isComposing && event.target instanceof HTMLInputElement) say();
});
el("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  say();
});

const chooser = /** @type {HTMLInputElement} */ (el("files"));
el("attach").addEventListener("click", () => chooser.click());
chooser.addEventListener("change", () => {
  uploads.add(chooser.files ?? []);
  chooser.value = "";
});
document.addEventListener("paste", (event) => {
  const files = event.clipboardData?.files;
  if (!files?.length) return;
  event.preventDefault();
  uploads.add(files);
});
document.addEventListener("dragover", (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  document.body.classList.add("is-dropping");
});
document.addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("is-dropping"));
document.addEventListener("drop", (event) => {
  document.body.classList.remove("is-dropping");
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  uploads.add(event.dataTransfer.files);
});

// ── What the desk says ────────────────────────────────────────────────────────────────────────────────────────────────

wire.on("welcome", (frame) => {
  setClock(frame.now);
  const isOther = token !== "" && frame.token !== token;
  token = frame.token;
  if (isOther && host.read("token")) host.keep("token", token);
  if (isOther) wire.refresh();
  if (frame.conversation) keepChat(frame.conversation);
});
wire.on("ack", (frame) => {
  host.keep("token", token); // now there is something to come back to
  if (thread.conversation && frame.conversation !== thread.conversation.reference) wire.say({ type: "open", conversation: frame.conversation, since: 0 });
});
wire.on("conversation", (frame) => {
  keepChat(frame.conversation);
  if (frame.conversation.reference !== polled) wire.refresh();
  polled = frame.conversation.reference;
});

/** The loader loads the panel by itself only while a chat goes on. @param {import("./thread.js").Conversation} conversation */
function keepChat(conversation) {
  const value = conversation.state === "ended" ? null : conversation.reference;
  if (host.read("chat") !== (value ?? "")) host.keep("chat", value);
  if (!host.read("token")) host.keep("token", token);
}
wire.on("lines", (frame) => {
  const talk = thread.conversation;
  if (talk && frame.conversation === talk.reference) {
    // The last word counts: after an end, what is written goes on with the same conversation.
    const turns = frame.lines.filter((/** @type {import("./thread.js").Line} */ line) => line.kind === "message" || ENDS.has(line.event ?? ""));
    const isOver = ENDS.has(turns.at(-1)?.event ?? "");
    if (turns.length && isOver !== (talk.state === "ended")) {
      talk.state = isOver ? "ended" : "waiting";
      if (isOver) host.say({ type: "event", name: "ended" });
      keepChat(talk);
    }
    for (const line of /** @type {import("./thread.js").Line[]} */ (frame.lines)) follow(talk, line);
    if (isOver || frame.lines.some((/** @type {import("./thread.js").Line} */ line) => line.from === "agent")) showTyping(null);
    presence.draw();
  }
  draw();
});

/** Who helps now stands in the lines before the desk says it by itself. @param {import("./thread.js").Conversation} talk @param {import("./thread.js").Line} line */
function follow(talk, line) {
  const named = line.from === "agent" ? line.agent : line.event === "joined" || line.event === "handed_over" ? line.data?.agent : null;
  // An event names the person alone; the picture of the same person stays until the desk's own word, right behind it.
  if (named && typeof named === "object") talk.agent = named.name === talk.agent?.name ? { ...named, picture: named.picture ?? talk.agent.picture } : named;
  if (named && talk.state === "queued") talk.state = "open";
  if (line.event === "returned") Object.assign(talk, { agent: null, state: "queued" });
}

/** @param {{name: string} | null} agent */
function showTyping(agent) {
  clearTimeout(Number(el("typing").dataset.timer));
  el("typing").hidden = !agent;
  el("typing-words").textContent = agent ? t("typing", { name: agent.name }) : "";
  if (agent) el("typing").dataset.timer = String(setTimeout(showTyping, TYPING_LASTS_MS, null));
}
wire.on("typing", (frame) => showTyping(thread.conversation?.state === "ended" ? null : frame.agent));

// ── What the loader says ──────────────────────────────────────────────────────────────────────────────────────────────

host.on("open", () => {
  wire.start(hello);
  wire.hurry();
  focus();
  thread.see();
});
host.on("kept", (word) => {
  if (word.name !== "token" || !word.value || word.value === token) return;
  // Another tab of this visitor was the first to write: the same conversation is to be here.
  if (!thread.conversation) token = word.value;
  wire.again();
});
host.on("page", (word) => {
  if (!word.url || pages[0]?.url === word.url) return;
  pages.unshift({ url: word.url, title: word.title ?? "", at: new Date().toISOString() });
  pages.length = Math.min(pages.length, 11);
  wire.say({ type: "page", url: word.url, title: word.title ?? "" });
});
host.on("identify", (word) => {
  identity = word.token ?? "";
  if (!wire.say({ type: "identify", identity })) wire.hurry();
});

function focus() {
  if (matchMedia("(pointer: coarse)").matches && !thread.conversation) el("title").focus(); // a keyboard that jumps up hides the greeting
  else (el("composer").hidden ? el("title") : text).focus();
}

const close = () => host.say({ type: "close" });
el("close").addEventListener("click", close);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  const menu = /** @type {HTMLDetailsElement} */ (el("menu"));
  if (menu.open) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  } else if (!start.closeArticle()) close();
});
document.addEventListener("click", (event) => {
  const menu = /** @type {HTMLDetailsElement} */ (el("menu"));
  if (menu.open && event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
});

presence.onChange(draw);
outbox.onChange(draw);
uploads.begin(() => token, () => {
  const isBusy = uploads.isBusy();
  el("send").toggleAttribute("disabled", isBusy);
});

host.hello.then((given) => {
  identity = given;
  token = host.read("token");
  text.value = host.read("draft");
  outbox.restore();
  draw();
  if (host.isOpen || token) wire.start(hello);
  if (host.isOpen) focus();
});
