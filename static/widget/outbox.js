// @ts-check
/**
 * What the visitor has said and the desk has not confirmed. Each message is kept on the host's page under its own name,
 * so that it outlives a reload and two tabs can't overwrite each other's; it is sent again until there is an `ack`, and
 * the desk stores the same id once. One at a time: the order of a person's words is part of what they say.
 *
 * @typedef {{id: string, text: string, files: {key: string, name: string, type: string}[], fields?: Record<string, string>,
 *   conversation?: string, refused?: string}} Item refused: the code of a refusal that sending again would not change
 */
import * as host from "./host.js";
import * as wire from "./wire.js";

const FIRST_MS = 1_000;
const LAST_MS = 30_000;
/** Another tab of the same visitor wrote it and is sending it. */
const LEAVE_TO_THE_OTHER_TAB_MS = 10_000;

/** @type {Map<string, Item>} in the order in which they were said */
const items = new Map();
/** @type {(() => void)[]} */
const watchers = [];
let wait = FIRST_MS;
let timer = 0;

/** @param {() => void} watcher called after each change */
export const onChange = (watcher) => void watchers.push(watcher);
export const pending = () => [...items.values()];

const changed = () => watchers.forEach((watcher) => watcher());
const head = () => pending().find((item) => !item.refused);

/** 16 random bytes: nobody guesses it, and no two of them meet. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Omit<Item, "id">} said */
export function put(said) {
  const item = { id: newId(), ...said };
  items.set(item.id, item);
  host.keep(`out:${item.id}`, JSON.stringify(item));
  changed();
  if (head() === item) push();
  return item;
}

/** @param {string} id */
export function drop(id) {
  if (!items.delete(id)) return;
  host.keep(`out:${id}`, null);
  changed();
}

/** The visitor wants it tried once more. @param {string} id */
export function retry(id) {
  const item = items.get(id);
  if (!item) return;
  delete item.refused;
  changed();
  push();
}

/** Sends the oldest now, and again later unless it is confirmed. */
export function push() {
  clearTimeout(timer);
  const item = head();
  if (!item) return;
  const { id, text, files, fields, conversation } = item;
  wire.say({ type: "send", id, text, files: files.map((file) => file.key), ...(fields && { fields }), ...(conversation && { conversation }) });
  timer = setTimeout(push, wait * (0.5 + Math.random()));
  wait = Math.min(wait * 2, LAST_MS);
}

/** @param {string} name @param {string} value */
function take(name, value) {
  const item = parse(value);
  if (item && name === `out:${item.id}` && !items.has(item.id)) items.set(item.id, item);
}

/** What lies in a storage that others may write to. @param {string} value @returns {Item | null} */
function parse(value) {
  try {
    const item = JSON.parse(value);
    return typeof item.id === "string" && typeof item.text === "string" && Array.isArray(item.files) ? item : null;
  } catch {
    return null;
  }
}

/** After the loader's hello: what an earlier page has left behind. */
export function restore() {
  for (const { name, value } of host.all("out:")) take(name, value);
  if (items.size) changed();
}

// Not on each `welcome`: by polling there is one in every answer.
wire.onState((state) => {
  if (state !== "open") return;
  wait = FIRST_MS;
  push();
});
wire.on("ack", (frame) => {
  drop(frame.id);
  wait = FIRST_MS;
  push();
});
wire.on("nack", (frame) => {
  const item = items.get(frame.id);
  if (!item) return;
  if (frame.retry_after === null) {
    item.refused = frame.code;
    changed();
    return push();
  }
  clearTimeout(timer);
  timer = setTimeout(push, Math.max(frame.retry_after * 1_000, 200) * (1 + Math.random() / 2));
});
host.on("kept", (word) => {
  if (!word.name?.startsWith("out:")) return;
  if (!word.value) items.delete(word.name.slice(4));
  else take(word.name, word.value);
  changed();
  clearTimeout(timer);
  timer = setTimeout(push, LEAVE_TO_THE_OTHER_TAB_MS);
});
