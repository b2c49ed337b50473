// @ts-check
/**
 * The connection to the desk (docs/chat-protocol.md): a socket, or long polling where sockets are blocked. It comes back
 * by itself, with growing pauses that are spread out, and says `hello` anew each time; what was missed comes after that.
 *
 * @typedef {Record<string, any> & {type: string}} Frame
 * @typedef {"idle" | "connecting" | "open" | "lost" | "shut"} State shut: coming back would change nothing
 */
import { settings } from "./settings.js";

const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 30_000;
const HANDSHAKE_MS = 8_000;
const PING_MS = 25_000;
const SILENCE_MS = 60_000;
/** Codes after which the desk would only say the same again. */
const FINAL = new Set([4400, 4403, 4426, 1009]);
const BUSY = 4429;

/** @type {Record<string, ((frame: Frame) => void)[]>} */
const listeners = {};
/** @type {((state: State, code: string) => void)[]} */
const watchers = [];
/** @type {() => Frame} */
let hello = () => ({ type: "hello" });
/** @type {WebSocket | undefined} */
let socket;
/** @type {Frame[]} what polling has still to say */
let unsaid = [];
/** @type {State} */
export let state = "idle";
let pause = FIRST_PAUSE_MS;
let failures = 0;
let isPolling = false;
let isSpeaking = false;
/** @type {AbortController | undefined} of the poll that waits */
let waiting;
let heard = 0;
let timer = 0;
let watchdog = 0;

/** @param {string} type @param {(frame: Frame) => void} listener */
export function on(type, listener) {
  (listeners[type] ??= []).push(listener);
}
/** @param {(state: State, code: string) => void} watcher */
export function onState(watcher) {
  watchers.push(watcher);
}

/** @param {State} next */
function become(next, code = "") {
  if (next === state) return;
  state = next;
  for (const watcher of watchers) watcher(state, code);
}

/** @param {Frame} frame */
function hear(frame) {
  heard = performance.now(); // not the clock of the day, which may jump
  if (frame.type === "welcome") {
    pause = FIRST_PAUSE_MS;
    failures = 0;
    become("open");
  }
  for (const listener of listeners[frame.type] ?? []) listener(frame);
}

/** @param {() => Frame} beginning the hello frame, as it is at that moment */
export function start(beginning) {
  hello = beginning;
  if (state !== "idle") return;
  connect();
}

/** Say something, if anybody can hear it now. @param {Frame} frame @returns {boolean} */
export function say(frame) {
  if (state !== "open") return false;
  if (isPolling) {
    unsaid.push(frame);
    queueMicrotask(speak);
    return true;
  }
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(frame));
  return true;
}

/** Come back now instead of after the pause: the network is said to be there, or the visitor is looking. */
export function hurry() {
  if (state === "lost") {
    pause = FIRST_PAUSE_MS;
    clearTimeout(timer);
    connect();
  } else if (state === "open" && !isPolling) {
    // After a sleep the socket may be dead without knowing it.
    say({ type: "ping" });
    clearTimeout(watchdog);
    watchdog = setTimeout(look, 5_000, performance.now());
  }
}

/** Connect anew at once: who the visitor is has changed. */
export function again() {
  if (state === "idle" || state === "shut") return;
  if (isPolling) return refresh();
  const former = socket;
  socket = undefined;
  former?.close();
  clearTimeout(timer);
  become("lost");
  connect();
}

function connect() {
  become(state === "idle" ? "connecting" : state);
  if (isPolling || !("WebSocket" in window)) return void poll();
  const mine = new WebSocket(settings.socket);
  socket = mine;
  const patience = setTimeout(() => mine.close(), HANDSHAKE_MS);
  mine.addEventListener("open", () => mine.send(JSON.stringify(hello())));
  mine.addEventListener("message", (event) => {
    clearTimeout(patience);
    if (mine === socket) hear(JSON.parse(event.data));
  });
  mine.addEventListener("close", (event) => {
    clearTimeout(patience);
    if (mine === socket) lose(event.code);
  });
  clearTimeout(watchdog);
  watchdog = setTimeout(look, PING_MS);
}

/** Whether the desk is still there. @param {number} [since] it must have said something after that moment */
function look(since) {
  const silence = performance.now() - heard;
  if (state === "open" && !isPolling) {
    if (since !== undefined ? heard < since : silence > SILENCE_MS) return drop();
    if (silence > PING_MS - 1_000) say({ type: "ping" });
  }
  watchdog = setTimeout(look, PING_MS);
}

/** A close of a dead network takes minutes to be told: it isn't waited for. */
function drop() {
  const dead = socket;
  socket = undefined;
  dead?.close();
  lose(1006);
}

/** @param {number} code */
function lose(code) {
  socket = undefined;
  if (FINAL.has(code)) return become("shut", String(code));
  // Two handshakes that came to nothing: something on the way blocks sockets, or the channel is gone; polling will tell.
  if (state !== "open" && ++failures >= 2) isPolling = true;
  become("lost");
  later(code === BUSY ? LAST_PAUSE_MS : pause);
}

/** @param {number} ms */
function later(ms) {
  clearTimeout(timer);
  timer = setTimeout(connect, ms * (0.5 + Math.random()));
  pause = Math.min(pause * 2, LAST_PAUSE_MS);
}

// ── Long polling ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param {Frame[]} frames @param {number} wait seconds */
async function exchange(frames, wait) {
  const mine = new AbortController();
  if (wait) waiting = mine;
  const patience = setTimeout(() => mine.abort(), (wait + 20) * 1_000);
  const answer = await fetch(`${settings.base}poll/`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ hello: hello(), frames, wait }),
    credentials: "omit",
    signal: mine.signal,
  }).finally(() => clearTimeout(patience));
  if (answer.ok) {
    for (const frame of (await answer.json()).frames) hear(frame);
    return true;
  }
  const body = await answer.json().catch(() => ({}));
  if (answer.status === 429) pause = Math.max(pause, Number(answer.headers.get("Retry-After")) * 1_000 || LAST_PAUSE_MS);
  else if (answer.status < 500) become("shut", body.code ?? String(answer.status));
  return false;
}

/** Whoever waits in a poll waits as who they were when it began: a visitor of another token or conversation asks anew. */
export function refresh() {
  const former = waiting;
  waiting = undefined;
  former?.abort();
}

/** Listens; the first time without waiting, so that the visitor sees something at once. */
async function poll() {
  let isFirst = true;
  while (isPolling && state !== "shut") {
    try {
      if (!(await exchange([], isFirst ? 0 : 25))) break;
      isFirst = false;
    } catch {
      if (waiting === undefined && !isFirst) continue; // refreshed
      break; // the network is gone, or the answer took too long
    }
  }
  if (state === "shut") return;
  become("lost");
  // The next try may be by socket again: the visitor may have come to another network.
  if (!navigator.onLine) isPolling = false;
  later(pause);
}

/** Says what there is to say, in order, beside the request that listens. */
async function speak() {
  if (isSpeaking || !unsaid.length) return;
  isSpeaking = true;
  const frames = unsaid.splice(0, 20);
  try {
    await exchange(frames, 0);
  } catch {
    // What must arrive is in the outbox, which says it again; a typing mark may get lost.
  }
  isSpeaking = false;
  if (unsaid.length) void speak();
}

window.addEventListener("online", hurry);
document.addEventListener("visibilitychange", () => document.hidden || hurry());
