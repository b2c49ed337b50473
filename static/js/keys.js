// @ts-check
/** The keyboard: single keys (which an agent can turn off), sequences that begin with g, and Ctrl/Cmd chords (always on). */
import { applies, carryOut, commands, register, run } from "./commands.js";

const SEQUENCE_MS = 1200;
let prefix = "";
let prefixAt = 0;

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && target.closest("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable], [role=combobox]") !== null;
}

/**
 * The key as the list of commands writes it: "j", "g m", "?".
 * @param {KeyboardEvent} event
 */
function sequence(event) {
  const key = event.key;
  const combined = prefix && Date.now() - prefixAt < SEQUENCE_MS ? `${prefix} ${key}` : key;
  prefix = key === "g" && combined === "g" ? "g" : "";
  prefixAt = Date.now();
  return combined;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey) {
    if (event.key.toLowerCase() === "k") {
      event.preventDefault();
      run("palette");
    } else if (event.key === "Enter") {
      run("send");
    }
    return;
  }
  if (event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (document.body.dataset.singleKeys !== "on") return;
  const pressed = sequence(event);
  const command = commands.find((each) => each.key === pressed && applies(each));
  if (!command || pressed === "Enter") return; // Enter on a row is the link's own
  event.preventDefault();
  carryOut(command);
});

register("keys", () => {
  const dialog = document.getElementById("keys");
  const list = document.getElementById("key-list");
  if (!(dialog instanceof HTMLDialogElement) || !list) return;
  list.replaceChildren(...commands.filter((command) => command.key).map(line));
  dialog.showModal();
});

/** @param {import("./commands.js").Command} command */
function line(command) {
  const row = document.createElement("div");
  const name = document.createElement("dt");
  const keys = document.createElement("dd");
  name.textContent = command.name;
  keys.append(...caps(command.key));
  row.append(name, keys);
  return row;
}

/** @param {string} key */
export function caps(key) {
  return key.split(" ").map((each) => {
    const cap = document.createElement("kbd");
    cap.className = "key";
    cap.textContent = each;
    return cap;
  });
}

register("search", () => {
  const field = document.querySelector("[data-key='/']");
  if (field instanceof HTMLInputElement && field.offsetParent) field.select();
  else run("palette");
});
