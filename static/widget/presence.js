// @ts-check
/**
 * Who is there, how long it takes, whether the desk can be reached.
 *
 * @typedef {{is_open: boolean, is_anyone_there: boolean, opens_at?: string | null, queue?: {position: number, wait_seconds: number | null} | null}} Presence
 */
import { el, make, settings, t, upcoming } from "./settings.js";
import * as thread from "./thread.js";
import * as wire from "./wire.js";

/** @type {Presence} */
export let presence = settings.presence;
/** Until the desk has answered nobody knows who is there, and nothing is claimed. */
let isKnown = false;
/** What the desk knows of the visitor. */
export let identity = { is_verified: false, name: "", address: "" };
/** @type {(() => void)[]} */
const watchers = [];
const CONNECTING_SHOWS_AFTER_MS = 1_500;
let timer = 0;

/** @param {() => void} watcher */
export const onChange = (watcher) => void watchers.push(watcher);
/** What is asked before anybody can be expected to answer. */
export const isAway = () => !presence.is_anyone_there;

export function backAt() {
  const at = presence.opens_at ?? settings.presence.opens_at;
  return at && !presence.is_open ? t("back_at", { when: upcoming(new Date(at)) }) : "";
}

/** @param {{position: number, wait_seconds: number | null} | null | undefined} queue */
function queueWords(queue) {
  if (!queue) return "";
  const place = queue.position === 1 ? t("place_first") : t("place", { n: queue.position });
  if (queue.wait_seconds === null) return `${place} ${t("wait_unknown")}`;
  const minutes = Math.round(queue.wait_seconds / 60);
  return `${place} ${minutes <= 1 ? t("wait_short") : t("wait", { n: minutes })}`;
}

/** @param {HTMLElement} element @param {string} words a live region is changed only when there is something new to say */
function tell(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** Addresses of pictures that are gone: initials stand for them. @type {Set<string>} */
const lost = new Set();

/** @param {HTMLImageElement} image @param {string | null | undefined} address @returns {boolean} whether there is a face to show */
function showFace(image, address) {
  const isShown = Boolean(address && !lost.has(address));
  if (isShown && image.getAttribute("src") !== address) image.src = address ?? "";
  image.hidden = !isShown;
  return isShown;
}
el("picture").addEventListener("error", () => {
  lost.add(el("picture").getAttribute("src") ?? "");
  draw();
});

export function draw() {
  const { agent, queue = null, state } = thread.conversation ?? { agent: null, queue: null, state: "" };
  tell(el("title"), agent?.name ?? settings.name);
  tell(el("avatar"), agent?.initials ?? "");
  el("mark").toggleAttribute("hidden", Boolean(agent));
  const isPictured = showFace(/** @type {HTMLImageElement} */ (el("picture")), agent?.picture);
  el("avatar").hidden = !agent || isPictured;
  el("presence").classList.toggle("is-there", !isAway());
  el("presence").hidden = !isKnown;
  tell(el("presence-words"), isAway() ? backAt() || t("away") : agent ? settings.name : t("there"));
  const words = state === "queued" && !isAway() ? queueWords(presence.queue ?? queue) : "";
  tell(el("queue"), words);
  el("queue").hidden = !words;
  for (const watcher of watchers) watcher();
}

/** @param {Presence} next */
function take(next) {
  presence = { ...next };
  isKnown = true;
  draw();
}

wire.on("welcome", (frame) => {
  identity = frame.identity ?? identity;
  thread.show(frame.conversation);
  take(frame.presence);
});
wire.on("conversation", (frame) => {
  thread.show(frame.conversation);
  draw();
});
wire.on("presence", (frame) => take(/** @type {any} */ (frame.presence ?? frame)));
/** What the visitor has just said of themselves. @param {Record<string, string>} fields */
export function claim(fields) {
  identity = { ...identity, name: fields.name ?? identity.name, address: fields.email ?? identity.address };
}
wire.on("contact", (frame) => {
  identity = { ...identity, name: frame.name, address: frame.address };
  draw();
});

wire.onState((state, code) => {
  clearTimeout(timer);
  const bar = el("connection");
  if (state === "open") {
    bar.hidden = true;
    bar.textContent = "";
  } else {
    // A blink of the network isn't worth a word.
    const show = () => {
      tell(bar, state === "shut" ? t(code.includes("identity") ? "identity_needed" : "gone") : navigator.onLine ? t("connecting") : t("offline"));
      if (state === "shut") bar.append(" ", make("a", { href: `${settings.base}write/`, target: "_blank", rel: "noopener" }, t("write_instead")));
      bar.hidden = false;
    };
    timer = setTimeout(show, state === "shut" ? 0 : CONNECTING_SHOWS_AFTER_MS);
  }
  document.documentElement.dataset.connection = state;
});
