// @ts-check
/**
 * A second click on a button whose first one is still on its way is no second order. Forms that carry a `client_id` are left
 * alone: the desk itself knows their second copy, and a chat's next line may be sent before the last one is confirmed.
 */

/** How long a page is waited for; a download leaves the page where it is, and nothing tells that it came. */
const PAGE_MS = 5000;

/** @type {WeakMap<HTMLFormElement, HTMLElement | null>} the button that each form was sent by last */
const sentBy = new WeakMap();
/** @type {WeakSet<HTMLFormElement>} */
const underway = new WeakSet();

/** @param {Event} event */
const formOf = (event) => {
  const asked = /** @type {Element | null} */ (event.target);
  return asked?.closest?.("form") ?? null;
};

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const button = event.submitter;
  if (underway.has(form) && sentBy.get(form) === button) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  sentBy.set(form, button);
}, { capture: true });

// Nobody has taken the form over: the browser sends it and leaves the page.
window.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (event.defaultPrevented || form.getAttribute("method") !== "post" || form.querySelector("[name=client_id]")) return;
  underway.add(form);
  setTimeout(() => underway.delete(form), PAGE_MS);
});
document.addEventListener("htmx:before:request", (event) => {
  const form = formOf(event);
  if (form && !form.querySelector("[name=client_id]")) underway.add(form);
});
document.addEventListener("htmx:finally:request", (event) => {
  const form = formOf(event);
  if (form) underway.delete(form);
});
