// @ts-check
/**
 * What is to happen later: the dialogs behind z, b and p, the sentence that says how a time was understood, and the cards of
 * reminders. Without scripts the same forms are pages.
 */
import { register } from "./commands.js";
import { part } from "./keyed.js";

const READ_AFTER_MS = 150;
let timer = 0;

for (const what of ["snooze", "remind", "promise"]) register(what, () => open(what));

/** @param {string} what */
function open(what) {
  const dialog = document.getElementById(`later-${what}`);
  if (!(dialog instanceof HTMLDialogElement)) {
    const link = document.querySelector(`[data-command="${what}"]`);
    if (link instanceof HTMLAnchorElement) location.assign(link.href);
    return;
  }
  const seen = dialog.querySelector("[data-later-seen]");
  const cursor = document.getElementById("timeline")?.dataset.cursor;
  if (seen instanceof HTMLInputElement && cursor) seen.value = cursor;
  dialog.showModal();
  /** @type {HTMLElement | null} */ (dialog.querySelector("input:not([type=hidden])"))?.focus();
}

/** @param {HTMLInputElement} field */
async function understand(field) {
  const form = field.form;
  const place = form?.querySelector("[data-understood]");
  const text = field.value;
  const page = text.trim() ? await part(`/when/?${new URLSearchParams({ when: text })}`) : null;
  if (place && field.value === text) place.replaceChildren(...(page?.body.childNodes ?? []));
}

document.addEventListener("input", (event) => {
  const field = event.target;
  if (!(field instanceof HTMLInputElement) || !field.matches("[data-when]")) return;
  clearTimeout(timer);
  timer = setTimeout(() => understand(field), READ_AFTER_MS);
});

document.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest("[data-fill]");
  if (!(button instanceof HTMLButtonElement)) return;
  const field = button.form?.querySelector("[data-when]");
  if (!(field instanceof HTMLInputElement)) return;
  field.value = button.dataset.fill ?? "";
  understand(field);
  const isAllSaid = button.form?.querySelector("[name=what]")?.getAttribute("value") !== "promise";
  if (isAllSaid) button.form?.requestSubmit();
});

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 */
async function send(form, submitter) {
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form, submitter)));
  try {
    return await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
  } catch {
    return null;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.matches("[data-later], [data-card]")) return;
  event.preventDefault();
  if (form.matches("[data-card]")) putAway(form, event.submitter);
  else carryOut(form, event.submitter);
});

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 */
async function carryOut(form, submitter) {
  const buttons = /** @type {NodeListOf<HTMLButtonElement>} */ (form.querySelectorAll("button"));
  const answer = await send(form, submitter);
  if (answer?.ok) {
    form.closest("dialog")?.close();
    if (form.closest("dialog")) form.reset();
    form.querySelector("[data-understood]")?.replaceChildren();
    if (answer.status === 204) return location.reload();
    return show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  }
  const place = form.querySelector("[data-problem]");
  const said = answer?.status === 422 ? new DOMParser().parseFromString(await answer.text(), "text/html").body.textContent : "";
  const words = (said ?? "").trim() || document.body.dataset.wordFailed || "";
  if (place instanceof HTMLElement) {
    place.hidden = false;
    place.textContent = words;
  } else announce(words);
  for (const button of buttons) button.disabled = false;
  /** @type {HTMLElement | null} */ (form.querySelector("[data-when]"))?.focus();
}

/** @param {Document} page */
function show(page) {
  for (const id of ["ticket-head", "promised"]) {
    const [shown, fresh] = [document.getElementById(id), page.getElementById(id)];
    if (!shown || !fresh) continue;
    const hadFocus = shown.contains(document.activeElement);
    shown.replaceWith(fresh);
    window.htmx.process(fresh);
    if (hadFocus) document.getElementById("conversation")?.focus({ preventScroll: true });
  }
  announce(page.getElementById("done")?.textContent ?? "");
  document.dispatchEvent(new CustomEvent("luotsi:later"));
}

/** @param {string} words */
function announce(words) {
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = words;
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 */
async function putAway(form, submitter) {
  const card = form.closest(".reminder");
  const answer = await send(form, submitter);
  if (answer?.ok) card?.remove();
  else announce(document.body.dataset.wordFailed ?? "");
}
