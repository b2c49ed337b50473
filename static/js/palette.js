// @ts-check
/** The command palette: every command by name, with its key; a ticket by reference, words or customer. */
import { applies, carryOut, commands, register } from "./commands.js";
import { caps } from "./keys.js";

/** @typedef {{name: string, keys: string, hint: string, choose: () => void}} Option */

const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("palette"));
const input = /** @type {HTMLInputElement | null} */ (dialog?.querySelector("input") ?? null);
const list = document.getElementById("palette-options");
const none = dialog?.querySelector(".none");
const FIND_AFTER_MS = 150;

/** @type {Option[]} */
let options = [];
let chosen = 0;
let asked = 0;
let timer = 0;

/** @param {string} text */
function matching(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return commands
    .filter((command) => applies(command) && words.every((word) => command.name.toLowerCase().includes(word)))
    .map((command) => ({ name: command.name, keys: command.key, hint: "", choose: () => carryOut(command) }));
}

/** @param {string} text */
async function found(text) {
  const response = await fetch(`/find/?${new URLSearchParams({ q: text })}`);
  if (!response.ok) return [];
  /** @type {{found: {name: string, hint: string, go: string}[]}} */
  const answer = await response.json();
  return answer.found.map((each) => ({ name: each.name, keys: "", hint: each.hint, choose: () => location.assign(each.go) }));
}

function draw() {
  if (!list || !input) return;
  chosen = Math.max(0, Math.min(chosen, options.length - 1));
  list.replaceChildren(...options.map((option, index) => entry(option, index)));
  none?.toggleAttribute("hidden", options.length > 0);
  if (options.length) input.setAttribute("aria-activedescendant", `option-${chosen}`);
  else input.removeAttribute("aria-activedescendant");
  list.children[chosen]?.scrollIntoView({ block: "nearest" });
}

/**
 * @param {Option} option
 * @param {number} index
 */
function entry(option, index) {
  const row = document.createElement("li");
  row.id = `option-${index}`;
  row.role = "option";
  row.ariaSelected = String(index === chosen);
  const name = document.createElement("span");
  name.className = "truncate";
  name.textContent = option.name;
  const side = document.createElement("span");
  side.className = "keys muted small";
  side.append(...(option.keys ? caps(option.keys) : [option.hint]));
  row.append(name, side);
  row.addEventListener("click", () => choose(index));
  return row;
}

/** @param {number} index */
function choose(index) {
  const option = options[index];
  dialog?.close();
  option?.choose();
}

function ask() {
  if (!input) return;
  const text = input.value.trim();
  const number = ++asked;
  options = matching(text);
  chosen = 0;
  draw();
  clearTimeout(timer);
  if (text.length < 2) return;
  timer = setTimeout(async () => {
    const tickets = await found(text);
    if (number !== asked) return; // a later word was typed meanwhile
    options = [...matching(text), ...tickets];
    draw();
  }, FIND_AFTER_MS);
}

register("palette", () => {
  if (!dialog || !input || dialog.open) return;
  input.value = "";
  dialog.showModal();
  ask();
});

input?.addEventListener("input", ask);
input?.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    chosen = (chosen + step + options.length) % Math.max(1, options.length);
    draw();
  } else if (event.key === "Enter") {
    event.preventDefault();
    choose(chosen);
  }
});
