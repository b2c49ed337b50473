// @ts-check
/**
 * A click that came to nothing says so: the line is down, the desk has made a mistake, or it refuses. Answers that a page puts
 * in a place of its own (409 and 422, by hx-status) speak for themselves.
 */

/** @param {string | undefined} words */
function say(words) {
  const toast = document.createElement("div");
  toast.className = "toast danger";
  toast.dataset.toast = "";
  toast.append(Object.assign(document.createElement("span"), { textContent: words ?? "" }));
  document.getElementById("toasts")?.append(toast);
}

/** @param {any} asked */
const changes = (asked) => (asked?.request?.method ?? "GET").toUpperCase() !== "GET";

document.addEventListener("htmx:error", (event) => {
  const { ctx } = /** @type {CustomEvent} */ (event).detail;
  if (ctx && !ctx.response && changes(ctx)) say(document.body.dataset.wordFailed);
});
document.addEventListener("htmx:response:error", (event) => {
  const { ctx } = /** @type {CustomEvent} */ (event).detail;
  const status = ctx?.response?.status ?? 0;
  if (!changes(ctx) || status === 409 || status === 422) return;
  const { wordFailed, wordOut, wordRefused } = document.body.dataset;
  say(status >= 500 ? wordFailed : status === 401 ? wordOut : wordRefused);
});
