// @ts-check
/**
 * Brings a list of elements with ids up to date: what is unchanged stays the very same node, with its open menus, its scrolled
 * frames and its focus; what changed is replaced; the rest comes and goes.
 */

/** @type {WeakMap<Element, string>} */
const seen = new WeakMap();

/**
 * What an element looked like when the server sent it, without the parts that differ each time or that the page itself changes.
 * @param {Element} element
 */
function signature(element) {
  let known = seen.get(element);
  if (known === undefined) {
    known = element.outerHTML
      .replace(/ (data-htmx-powered|open|aria-current)="[^"]*"/g, "")
      .replace(/(name="csrfmiddlewaretoken" value=")[^"]*/g, "$1")
      .replace(/(<time[^>]*>)[^<]*/g, "$1")
      .replace(/ is-current\b/g, "");
    seen.set(element, known);
  }
  return known;
}

/**
 * Remember the present look of the children, before the reader changes anything.
 * @param {Element} container
 */
export function remember(container) {
  for (const child of container.children) signature(child);
}

/**
 * @param {Element} container
 * @param {Element} fresh the container as the server sees it now
 * @param {{inPlaceOnly?: boolean}} [options] inPlaceOnly: nothing comes, goes or moves
 * @returns {Element[]} the elements that are new
 */
export function bring(container, fresh, { inPlaceOnly = false } = {}) {
  const old = new Map([...container.children].map((child) => [child.id, child]));
  const added = [];
  let place = container.firstElementChild;
  for (const wanted of [...fresh.children]) {
    const present = old.get(wanted.id);
    old.delete(wanted.id);
    if (present && signature(present) !== signature(wanted)) {
      if (place === present) place = wanted;
      replace(present, wanted);
    }
    if (!present) added.push(wanted);
    if (inPlaceOnly) continue;
    const node = present?.isConnected ? present : wanted;
    if (node === place) place = place.nextElementSibling;
    else container.insertBefore(node, place);
  }
  if (!inPlaceOnly) for (const gone of old.values()) gone.remove();
  return added;
}

/**
 * @param {Element} present
 * @param {Element} wanted
 */
function replace(present, wanted) {
  const hadFocus = present.contains(document.activeElement);
  if (present.classList.contains("is-current")) wanted.classList.add("is-current");
  present.replaceWith(wanted);
  if (hadFocus) /** @type {HTMLElement | null} */ (wanted.querySelector("a, button"))?.focus();
}

/**
 * Fetch a part of a page.
 * @param {string} address
 * @returns {Promise<Document | null>} null when it can't be had (logged out, gone, offline)
 */
export async function part(address) {
  try {
    const response = await fetch(address, { headers: { "HX-Request": "true" } });
    if (!response.ok || response.redirected) return null;
    return new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    return null; // offline: the next hint or tick asks again
  }
}
