// @ts-check
/**
 * Keeps parts of a page as the server sees them now: each element with data-fresh="address" is compared with the element of the
 * same id at that address, on hints that anything may have changed, and each data-every seconds where that is said.
 */
import { bring, part, remember } from "./keyed.js";

const parts = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-fresh]")]);

/** @param {HTMLElement} shown */
async function refresh(shown) {
  const page = document.hidden ? null : await part(shown.dataset.fresh ?? "");
  const fresh = page?.getElementById(shown.id);
  if (fresh && !shown.contains(document.activeElement)) bring(shown, fresh);
}

for (const shown of parts) {
  remember(shown);
  if (shown.dataset.every) setInterval(() => refresh(shown), Number(shown.dataset.every) * 1000);
}
// Only pages that show something of the kind need the socket for it.
if (parts.length) {
  import("./live.js").then(({ onHint }) =>
    onHint((hint) => {
      if (hint.ticket === null) for (const shown of parts) refresh(shown);
    }),
  );
}
