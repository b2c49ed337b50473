// @ts-check
/** A box that ticks all boxes of a name in its form, and shows by its own state whether all, some or none are ticked. */

for (const all of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("[data-selects]"))) {
  const boxes = /** @type {HTMLInputElement[]} */ (
    [...(all.form?.elements ?? [])].filter((each) => each instanceof HTMLInputElement && each.name === all.dataset.selects)
  );
  const show = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  for (const box of boxes) box.addEventListener("change", show);
  show();
}
