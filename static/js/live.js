// @ts-check
/**
 * The socket: hints that something changed, never content. Listeners ask the server for what they show; they are told on each
 * hint, after each (re)connection, when the page becomes visible, and on a slow tick, so a lost hint costs seconds and no message.
 *
 * htmx's own hx-ws is not used: it exists to swap content that comes through the socket, and none does here.
 *
 * @typedef {{ticket: number | null}} Hint ticket null: anything may have changed
 */

const SLOW_TICK_MS = 30_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 20_000;
/** Close code: the login has ended. Asking again would change nothing. */
const NOT_LOGGED_IN = 4401;

/** @type {((hint: Hint) => void)[]} */
const listeners = [];
let retry = FIRST_RETRY_MS;

/** @param {(hint: Hint) => void} listener */
export function onHint(listener) {
  listeners.push(listener);
}

/** @param {Hint} hint */
function tell(hint) {
  for (const listener of listeners) listener(hint);
}

/** @param {"open" | "lost"} state */
function show(state) {
  document.documentElement.dataset.connection = state;
}

function connect() {
  const path = document.body.dataset.socket;
  if (!path) return;
  const socket = new WebSocket(new URL(path, location.href.replace(/^http/, "ws")));
  socket.addEventListener("open", () => {
    retry = FIRST_RETRY_MS;
    show("open");
    tell({ ticket: null });
  });
  socket.addEventListener("message", (event) => tell(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    show("lost");
    if (event.code === NOT_LOGGED_IN) return;
    // Spread out, so that all consoles don't come back in the same instant after a restart.
    setTimeout(connect, retry * (0.5 + Math.random()));
    retry = Math.min(retry * 2, LAST_RETRY_MS);
  });
}

connect();
setInterval(() => document.hidden || tell({ ticket: null }), SLOW_TICK_MS);
document.addEventListener("visibilitychange", () => document.hidden || tell({ ticket: null }));
