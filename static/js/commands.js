// @ts-check
/**
 * Commands by name. The list itself (names, keys, where they apply) comes from templates/console/commands.html; modules say here
 * what a command does.
 *
 * @typedef {{do?: string, go?: string, name: string, key: string, where: "" | "list" | "ticket"}} Command
 */

/** @type {Map<string, () => void>} */
const actions = new Map();

/** @type {Command[]} */
export const commands = JSON.parse(document.getElementById("commands")?.textContent ?? "[]");

/**
 * @param {string} name
 * @param {() => void} action
 */
export function register(name, action) {
  actions.set(name, action);
}

/** @param {string} name */
export function run(name) {
  actions.get(name)?.();
}

/**
 * Whether a command makes sense on this page now.
 * @param {Command} command
 */
export function applies(command) {
  if (command.where === "list") return document.getElementById("rows") !== null;
  if (command.where === "ticket") return document.getElementById("ticket") !== null;
  return true;
}

/** @param {Command} command */
export function carryOut(command) {
  if (command.go) location.assign(command.go);
  else if (command.do) run(command.do);
}

document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target).closest("[data-command]");
  if (!(target instanceof HTMLElement) || !target.dataset.command) return;
  event.preventDefault();
  run(target.dataset.command);
});
