// @ts-check
/** The composer: reply or note, drafts kept on the server while one types, files by drop and paste, send by Ctrl+Enter. */
import { register } from "./commands.js";

const SAVE_AFTER_MS = 600;
let timer = 0;

const composer = () => /** @type {HTMLFormElement | null} */ (document.getElementById("composer"));

/** @param {"reply" | "note"} kind */
function write(kind) {
  const form = composer();
  const radio = form?.querySelector(`[name=kind][value=${kind}]`);
  if (radio instanceof HTMLInputElement) radio.checked = true;
  /** @type {HTMLTextAreaElement | null | undefined} */ (form?.querySelector(`[data-text=${kind}]`))?.focus();
}

register("reply", () => write("reply"));
register("note", () => write("note"));
register("send", () => {
  const form = composer();
  if (!form?.contains(document.activeElement)) return;
  const button = [...form.querySelectorAll("[data-send]")].find((each) => /** @type {HTMLElement} */ (each).offsetParent !== null);
  if (button instanceof HTMLButtonElement) form.requestSubmit(button);
});

/**
 * @param {HTMLFormElement} form
 * @param {boolean} isLeaving the page goes away: the request must outlive it
 */
async function save(form, isLeaving = false) {
  clearTimeout(timer);
  timer = 0;
  const body = new URLSearchParams();
  for (const field of form.querySelectorAll("[data-text]")) {
    const area = /** @type {HTMLTextAreaElement} */ (field);
    body.set(area.name, area.value);
  }
  const saved = form.querySelector("[data-saved]");
  const response = await fetch(form.dataset.draft ?? "", {
    method: "POST",
    headers: { "X-CSRFToken": document.body.dataset.csrf ?? "" },
    body,
    keepalive: isLeaving,
  }).catch(() => null); // offline: the text is still on the page, and the next key tries again
  if (response?.ok && saved instanceof HTMLElement) saved.textContent = saved.dataset.word ?? "";
}

document.addEventListener("input", (event) => {
  const area = /** @type {HTMLElement} */ (event.target);
  const form = composer();
  if (!form || !area.matches("[data-text]")) return;
  const saved = form.querySelector("[data-saved]");
  if (saved) saved.textContent = "";
  clearTimeout(timer);
  timer = setTimeout(() => save(form), SAVE_AFTER_MS);
});
window.addEventListener("pagehide", () => {
  const form = composer();
  if (form && timer) save(form, true);
});
document.addEventListener("submit", () => clearTimeout(timer), { capture: true });
document.addEventListener("change", (event) => {
  const field = /** @type {HTMLInputElement} */ (event.target);
  if (field.name === "files") showFiles(field);
  if (field.name === "kind" && composer()?.contains(field)) write(/** @type {"reply" | "note"} */ (field.value));
});

document.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest("[data-insert]");
  const area = composer()?.querySelector("[data-text=reply]");
  if (!(button instanceof HTMLElement) || !(area instanceof HTMLTextAreaElement)) return;
  area.setRangeText(button.dataset.insert ?? "", area.selectionStart, area.selectionEnd, "end");
  area.dispatchEvent(new Event("input", { bubbles: true })); // the draft is saved
  button.closest("details")?.removeAttribute("open");
  area.focus();
});

/** What is written when something else than sending brings the ticket anew: nobody's words may go with the old composer. */
let kept = { ticket: "", texts: /** @type {[string, string][]} */ ([]) };

const areas = () => /** @type {HTMLTextAreaElement[]} */ ([...(composer()?.querySelectorAll("[data-text]") ?? [])]);
const openTicket = () => document.getElementById("ticket")?.dataset.ticket ?? "";

document.addEventListener("htmx:before:swap", (event) => {
  const isSending = composer()?.contains(/** @type {Node} */ (event.target)) || areas().some((area) => area.readOnly);
  kept = { ticket: isSending ? "" : openTicket(), texts: areas().map((area) => [area.name, area.value]) };
});
document.addEventListener("htmx:after:swap", () => {
  if (!kept.ticket || kept.ticket !== openTicket()) return;
  const texts = new Map(kept.texts);
  for (const area of areas()) {
    const text = texts.get(area.name);
    if (text && area.value !== text) area.value = text;
  }
});

/** @param {HTMLInputElement} field */
function showFiles(field) {
  const place = document.querySelector("[data-chosen-files]");
  if (place) place.textContent = [...(field.files ?? [])].map((file) => file.name).join(", ");
}

/** @param {FileList} files */
function attach(files) {
  const field = composer()?.querySelector("[name=files]");
  if (!(field instanceof HTMLInputElement) || !files.length) return;
  const all = new DataTransfer();
  for (const file of [...(field.files ?? []), ...files]) all.items.add(file);
  field.files = all.files;
  showFiles(field);
}

document.addEventListener("dragover", (event) => {
  const form = /** @type {HTMLElement} */ (event.target).closest("#composer");
  if (!form || !event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  form.classList.add("is-dropping");
});
document.addEventListener("dragleave", (event) => {
  /** @type {HTMLElement} */ (event.target).closest("#composer")?.classList.remove("is-dropping");
});
document.addEventListener("drop", (event) => {
  const form = /** @type {HTMLElement} */ (event.target).closest("#composer");
  if (!form || !event.dataTransfer?.files.length) return;
  event.preventDefault();
  form.classList.remove("is-dropping");
  attach(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (/** @type {HTMLElement} */ (event.target).closest("#composer") && event.clipboardData?.files.length) attach(event.clipboardData.files);
});
