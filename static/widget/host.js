// @ts-check
/**
 * The loader on the host's page, as the panel sees it: what is kept there, and words of one line each way.
 *
 * The first word comes by window.postMessage and carries a port; it is believed if it comes from the parent window and
 * from a site of the channel's list. All others go through that port, which nobody else holds.
 *
 * @typedef {{type: string, name?: string, value?: string | null, token?: string, url?: string, title?: string}} Word
 */
import { settings } from "./settings.js";

/** @type {MessagePort | undefined} */
let port;
/** @type {Map<string, string>} */
const kept = new Map();
/** @type {Record<string, ((word: Word) => void)[]>} */
const listeners = {};
/** Whether the visitor sees the panel. */
export let isOpen = false;
/** The site that the panel stands on, once it has said hello. */
export let origin = "";

/** @param {string} type @param {(word: Word) => void} listener */
export function on(type, listener) {
  (listeners[type] ??= []).push(listener);
}

/** @param {object} word */
export function say(word) {
  port?.postMessage(word);
}

/** @param {string} name */
export function read(name) {
  return kept.get(name) ?? "";
}

/** @param {string} name @param {string | null} value null: forget it */
export function keep(name, value) {
  if (value === null) kept.delete(name);
  else kept.set(name, value);
  say({ type: "keep", name, value });
}

/** What is kept under names that begin so. @param {string} prefix */
export function all(prefix) {
  return [...kept].filter(([name]) => name.startsWith(prefix)).map(([name, value]) => ({ name, value }));
}

/** @param {unknown} data @returns {data is Word} */
function isWord(data) {
  return typeof data === "object" && data !== null && typeof (/** @type {Word} */ (data).type) === "string";
}

/** @param {string} site */
function isAllowed(site) {
  return site === location.origin || settings.sites.some((each) => matches(each, site));
}

/** `https://*.shop.example` stands for each host below shop.example. @param {string} pattern @param {string} site */
export function matches(pattern, site) {
  const [scheme, host] = pattern.split("://*.");
  if (host === undefined) return pattern === site;
  return site.startsWith(`${scheme}://`) && site.endsWith(`.${host}`);
}

/** @param {MessageEvent} event */
function hear(event) {
  if (!isWord(event.data)) return;
  const word = event.data;
  if (word.type === "open" || word.type === "shut") isOpen = word.type === "open";
  if (word.type === "kept" && word.name) {
    if (word.value) kept.set(word.name, word.value);
    else kept.delete(word.name);
  }
  for (const listener of listeners[word.type] ?? []) listener(word);
}

/** Resolves when the loader has said hello. */
export const hello = new Promise((resolve) => {
  window.addEventListener("message", (event) => {
    const data = event.data;
    if (event.source !== parent || !isAllowed(event.origin) || !isWord(data) || data.type !== "hello" || !event.ports[0]) return;
    const first = /** @type {Word & {luotsi?: number, kept?: object, open?: boolean, identity?: string}} */ (data);
    if (first.luotsi !== 1 || port) return;
    for (const [name, value] of Object.entries(first.kept ?? {})) if (typeof value === "string") kept.set(name, value);
    origin = event.origin;
    port = event.ports[0];
    port.onmessage = hear;
    isOpen = first.open === true;
    resolve(typeof first.identity === "string" ? first.identity : "");
    say({ type: "ready" });
  });
});
