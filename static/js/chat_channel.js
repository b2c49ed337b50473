// @ts-check
/** The page of a chat channel: copies its lines, and shows the chat as it would be with what is typed. */
const AFTER_MS = 400;
const form = /** @type {HTMLFormElement | null} */ (document.getElementById("chat-form"));
const frame = /** @type {HTMLIFrameElement | null} */ (document.getElementById("chat-preview"));
const button = /** @type {HTMLButtonElement | null} */ (document.querySelector("[data-preview]"));
let timer = 0;

const show = () => button && form?.requestSubmit(button);

/** The button on the page in the colours that the server has made readable. */
function paint() {
  const root = frame?.contentDocument?.documentElement;
  const shop = document.querySelector(".shop");
  if (!root || !shop || !form) return;
  const style = getComputedStyle(root);
  if (style.getPropertyValue("--fill")) {
    shop.querySelector("circle")?.setAttribute("fill", style.getPropertyValue("--fill").trim());
    shop.querySelector("g")?.setAttribute("stroke", style.getPropertyValue("--ink").trim());
  }
  shop.setAttribute("data-side", String(new FormData(form).get("side")));
}

frame?.addEventListener("load", paint);
const later = () => {
  clearTimeout(timer);
  timer = setTimeout(show, AFTER_MS);
};
form?.addEventListener("input", later);
document.querySelector("[data-preview-language]")?.addEventListener("change", show);
if (button) button.hidden = true; // without scripts it is the way to look
show();

document.addEventListener("click", async (event) => {
  const copy = /** @type {HTMLElement} */ (event.target).closest("[data-copy]");
  if (!(copy instanceof HTMLElement)) return;
  const source = document.getElementById(copy.dataset.copy ?? "");
  if (!source) return;
  await navigator.clipboard.writeText(source.textContent ?? "").catch(() => getSelection()?.selectAllChildren(source));
  copy.textContent = copy.dataset.done ?? "";
});
