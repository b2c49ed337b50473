// @ts-check
/**
 * The order of rules by drag, and by Alt+↑ / Alt+↓ on a rule, which press its arrows. Without scripts the arrows post by
 * themselves. Folders that were closed stay closed; a search opens them all.
 */

const CLOSED = "luotsi.rules.closed";

/** @type {HTMLElement | null} */
let dragged = null;

const list = () => /** @type {HTMLElement | null} */ (document.querySelector("[data-order]"));
const rules = () => /** @type {HTMLElement[]} */ ([...(list()?.querySelectorAll("[data-move]") ?? [])]);

/** @param {HTMLElement} rule @param {number} to @param {string} folder */
async function move(rule, to, folder) {
  const answer = await fetch(rule.dataset.move ?? "", {
    method: "POST",
    headers: { "X-CSRFToken": document.body.dataset.csrf ?? "", "HX-Request": "true" },
    body: new URLSearchParams({ to: `${to}:${folder}`, version: list()?.dataset.version ?? "" }),
  });
  const box = document.getElementById("rules");
  if (!answer.ok || !box) return location.reload();
  // The page's own markup, from the page's own server.
  box.replaceChildren(...new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes);
  // @ts-ignore htmx is a classic script
  window.htmx?.process(box);
  fold();
}

/** @param {HTMLElement} over @param {DragEvent} event */
const isBehind = (over, event) => {
  const box = over.getBoundingClientRect();
  return event.clientY > box.top + box.height / 2;
};

/** What a drop at this place means. @param {DragEvent} event @returns {{place: Element, to: number, folder: string, look: string} | null} */
function aim(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const over = /** @type {HTMLElement | null} */ (target.closest?.("[data-move]"));
  const from = Number(dragged?.dataset.place);
  if (over && over !== dragged) {
    const behind = isBehind(over, event);
    const gap = Number(over.dataset.place) + (behind ? 1 : 0);
    return { place: over, to: gap > from ? gap - 1 : gap, folder: over.dataset.folder ?? "", look: behind ? "is-behind" : "is-before" };
  }
  const folder = /** @type {HTMLElement | null} */ (target.closest?.("summary")?.closest("details[data-folder]"));
  const first = /** @type {HTMLElement | null} */ (folder?.querySelector("[data-move]"));
  if (!folder || !first) return null;
  const gap = Number(first.dataset.place);
  return { place: folder, to: gap > from ? gap - 1 : gap, folder: folder.dataset.folder ?? "", look: "is-into" };
}

function forget() {
  for (const place of document.querySelectorAll(".is-before, .is-behind, .is-into")) place.classList.remove("is-before", "is-behind", "is-into");
}

document.addEventListener("dragstart", (event) => {
  dragged = /** @type {HTMLElement} */ (event.target).closest?.("[data-move][draggable]") ?? null;
  dragged?.classList.add("dragged");
});

document.addEventListener("dragover", (event) => {
  if (!dragged) return;
  forget();
  const goal = aim(event);
  if (!goal) return;
  event.preventDefault();
  goal.place.classList.add(goal.look);
});

document.addEventListener("drop", (event) => {
  const goal = dragged && aim(event);
  if (!dragged || !goal) return;
  event.preventDefault();
  if (goal.to !== Number(dragged.dataset.place) || goal.folder !== (dragged.dataset.folder ?? "")) move(dragged, goal.to, goal.folder);
});

document.addEventListener("dragend", () => {
  forget();
  dragged?.classList.remove("dragged");
  dragged = null;
});

document.addEventListener("keydown", (event) => {
  const rule = /** @type {HTMLElement} */ (event.target).closest?.("[data-move]");
  if (!rule || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  const arrow = document.getElementById(`${event.key === "ArrowUp" ? "up" : "down"}-${rule.id.replace("rule-", "")}`);
  arrow?.click();
});

/** @returns {string[]} */
function closed() {
  try {
    return JSON.parse(localStorage.getItem(CLOSED) ?? "[]");
  } catch {
    return []; // somebody else's words under our key
  }
}

/** Show the folders as the reader left them. */
function fold() {
  const paths = new Set(closed());
  const isSearch = Boolean(/** @type {HTMLInputElement | null} */ (document.querySelector("[data-search]"))?.value);
  for (const folder of /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details[data-folder]"))) {
    folder.open = isSearch || !paths.has(folder.dataset.folder ?? "");
  }
}

document.addEventListener("click", (event) => {
  const folder = /** @type {HTMLElement} */ (event.target).closest?.("summary")?.parentElement;
  if (!(folder instanceof HTMLDetailsElement) || folder.dataset.folder === undefined) return;
  const paths = new Set(closed());
  // The click comes before the folder opens or closes.
  if (folder.open) paths.add(folder.dataset.folder);
  else paths.delete(folder.dataset.folder);
  localStorage.setItem(CLOSED, JSON.stringify([...paths]));
});

document.addEventListener("htmx:after:swap", fold);
fold();
