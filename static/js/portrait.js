// @ts-check
/**
 * The picture on the profile page: what an agent chooses is read here and sent as a small square of bare pixels.
 *
 * Camera, place and whatever else the file tells stay on this machine. The desk believes none of it and looks at each
 * pixel itself (helpdesk/portraits.py).
 */
const SIDE = 128; // portraits.SIDE
const MOST_BYTES = 20 * 1024 * 1024;
const MOST_PIXELS = 50_000_000;
const form = /** @type {HTMLFormElement} */ (document.getElementById("portrait"));
const input = /** @type {HTMLInputElement} */ (document.getElementById("picture"));

/** Width times height as the file's beginning says; 0: none of the kinds that are wanted. @param {DataView} data */
function pixelsOf(data) {
  const word = (/** @type {number} */ place) => data.getUint32(place);
  if (word(0) === 0x89504e47) return word(16) * word(20);
  if (word(0) === 0x52494646 && word(8) === 0x57454250) return pixelsOfWebp(data);
  if (data.getUint16(0) !== 0xffd8) return 0;
  for (let place = 2; ; place += 2 + data.getUint16(place + 2)) {
    while (data.getUint8(place) === 0xff && data.getUint8(place + 1) === 0xff) place += 1;
    const marker = data.getUint8(place + 1);
    if (data.getUint8(place) !== 0xff || marker === 0xda) return 0;
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return data.getUint16(place + 5) * data.getUint16(place + 7);
  }
}

/** @param {DataView} data */
function pixelsOfWebp(data) {
  const small = (/** @type {number} */ place) => data.getUint16(place, true);
  const kind = String.fromCharCode(...new Uint8Array(data.buffer, 12, 4));
  if (kind === "VP8X") return (1 + small(24) + (data.getUint8(26) << 16)) * (1 + small(27) + (data.getUint8(29) << 16));
  if (kind === "VP8 ") return (small(26) & 0x3fff) * (small(28) & 0x3fff);
  const bits = data.getUint32(21, true);
  return kind === "VP8L" ? (1 + (bits & 0x3fff)) * (1 + ((bits >> 14) & 0x3fff)) : 0;
}

/** The middle of the picture, upright, on white. @param {ImageBitmap} picture @returns {Promise<Blob | null>} */
function square(picture) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const edge = Math.min(picture.width, picture.height);
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, SIDE, SIDE);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, (picture.width - edge) / 2, (picture.height - edge) / 2, edge, edge, 0, 0, SIDE, SIDE);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** Puts the small picture in the place of the chosen file. Returns the name of what is wrong, '' when nothing is. */
async function shrink() {
  const file = input.files?.[0];
  if (!file) return ""; // the desk says so
  if (file.size > MOST_BYTES) return "tooLarge";
  try {
    const pixels = pixelsOf(new DataView(await file.arrayBuffer()));
    if (pixels > MOST_PIXELS) return "tooWide";
    if (!pixels) return "noPicture";
    const small = await square(await createImageBitmap(file));
    if (!small) return "noPicture";
    const chosen = new DataTransfer();
    chosen.items.add(new File([small], "picture.png", { type: "image/png" }));
    input.files = chosen.files;
    return "";
  } catch (error) {
    console.warn("The picture can't be read:", error); // it ends early, or the browser can't decode it
    return "noPicture";
  }
}

/** @param {string} words */
function complain(words) {
  const list = document.createElement("ul");
  list.className = "errorlist";
  list.append(Object.assign(document.createElement("li"), { textContent: words }));
  document.getElementById("picture-problem")?.replaceChildren(...(words ? [list] : []));
  if (words) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

form.addEventListener("submit", async (event) => {
  if (event.submitter?.getAttribute("name") === "remove") return;
  event.preventDefault();
  const wrong = await shrink();
  complain(form.dataset[wrong] ?? "");
  if (wrong) input.focus();
  else form.submit();
});
