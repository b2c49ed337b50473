// @ts-check
/** Menus (<details data-menu>), dialogs opened by a button, and toasts: the small manners that HTML doesn't have by itself. */
import { register } from "./commands.js";

for (const button of document.querySelectorAll("[data-presence]")) {
  if (button instanceof HTMLButtonElement) register(`presence-${button.dataset.presence}`, () => button.click());
}

/** @param {Element | null} [except] */
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (menu !== except) menu.removeAttribute("open");
  }
}

document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  closeMenus(target.closest("details[data-menu]"));
  const opener = target.closest("[data-open-dialog]");
  if (opener instanceof HTMLElement) {
    const dialog = document.getElementById(opener.dataset.openDialog ?? "");
    if (dialog instanceof HTMLDialogElement) dialog.showModal();
  }
  if (target instanceof HTMLDialogElement) target.close(); // a click on the backdrop
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details[data-menu][open]");
  if (!open) return;
  closeMenus();
  open.querySelector("summary")?.focus();
  event.preventDefault();
});

const TOAST_MS = 8000;

/** Toasts leave by themselves, unless the pointer or the focus is on them or they hold a button of their own (an undo leaves with its time). */
function watchToasts() {
  const shelf = document.getElementById("toasts");
  if (!shelf) return;
  const arm = () => {
    for (const toast of shelf.querySelectorAll("[data-toast]:not([data-armed])")) {
      toast.setAttribute("data-armed", "");
      const seconds = Number(toast.getAttribute("data-leaves-after"));
      if (toast.querySelector("button, a") && !seconds) continue;
      const leave = () => (!seconds && toast.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : toast.remove());
      setTimeout(leave, seconds ? seconds * 1000 : TOAST_MS);
    }
  };
  new MutationObserver(arm).observe(shelf, { childList: true });
  arm();
}

watchToasts();
