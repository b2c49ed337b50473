// @ts-check
/** Files ahead of the message that names them: chosen, dropped or pasted; with progress, cancel and another try. */
import { el, icon, make, settings, t } from "./settings.js";

const AT_MOST = 5;
/** @typedef {{file: File, row: HTMLElement, request?: XMLHttpRequest, key: string, type: string}} Upload */

/** @type {Upload[]} */
let uploads = [];
/** @type {() => string} */
let token = () => "";
/** @type {() => void} */
let changed = () => {};
const list = el("chosen");

/** @param {() => string} showToken @param {() => void} onChange */
export function begin(showToken, onChange) {
  token = showToken;
  changed = onChange;
}
export const isBusy = () => uploads.some((upload) => upload.request && !upload.key);

/** The files that have arrived; they belong to the message from now on. */
export function take() {
  const arrived = uploads.filter((upload) => upload.key);
  for (const upload of arrived) upload.row.remove();
  uploads = uploads.filter((upload) => !upload.key);
  return arrived.map(({ key, file, type }) => ({ key, name: file.name, type }));
}
export const hasAny = () => uploads.some((upload) => upload.key);

const size = () => `${Math.round(settings.max_bytes / 1024 / 1024)} MB`;

/** @param {Iterable<File>} files */
export function add(files) {
  for (const file of files) {
    if (uploads.length >= AT_MOST) break;
    /** @type {Upload} */
    const upload = { file, row: make("li"), key: "", type: file.type };
    uploads.push(upload);
    list.append(upload.row);
    if (file.size > settings.max_bytes) say(upload, t("upload_too_big", { name: file.name, size: size() }), false);
    else send(upload);
  }
  changed();
}

/** @param {Upload} upload */
function remove(upload) {
  upload.request?.abort();
  upload.row.remove();
  uploads = uploads.filter((each) => each !== upload);
  changed();
}

/** @param {Upload} upload @param {string} label */
function removal(upload, label) {
  const button = make("button", { type: "button", class: "round", "aria-label": label, title: label }, icon("cross"));
  button.addEventListener("click", () => {
    remove(upload);
    el("text").focus();
  });
  return button;
}

/** What went wrong, and another try where that could help. @param {Upload} upload @param {string} words @param {boolean} isWorthIt */
function say(upload, words, isWorthIt) {
  upload.request = undefined;
  upload.row.replaceChildren(icon("alert"), make("span", { class: "wrong", role: "alert" }, words), removal(upload, t("remove", { name: upload.file.name })));
  if (!isWorthIt) return;
  const again = make("button", { type: "button", class: "button small" }, t("try_again"));
  again.addEventListener("click", () => send(upload));
  upload.row.append(again);
}

/** @param {Upload} upload */
function send(upload) {
  const { name } = upload.file;
  const bar = /** @type {HTMLProgressElement} */ (make("progress", { max: "100", value: "0", "aria-label": name }));
  upload.row.replaceChildren(icon("file"), make("bdi", {}, name), removal(upload, t("cancel_upload", { name })), bar);
  const request = new XMLHttpRequest(); // fetch can't say how far it is
  upload.request = request;
  request.open("POST", `${settings.base}upload/`);
  request.setRequestHeader("Authorization", `Bearer ${token()}`);
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => {
    bar.value = event.total ? (100 * event.loaded) / event.total : 0;
  });
  request.addEventListener("load", () => {
    if (request.status === 201) return arrive(upload, request.response);
    const code = request.response?.code ?? "";
    if (code === "type_not_allowed" || code === "unreadable") return say(upload, t("upload_kind", { name }), false);
    if (code === "too_large") return say(upload, t("upload_too_big", { name, size: size() }), false);
    say(upload, t("upload_failed", { name }), true);
  });
  request.addEventListener("error", () => say(upload, t("upload_failed", { name }), true));
  request.addEventListener("loadend", changed);
  const body = new FormData();
  body.append("file", upload.file);
  request.send(body);
}

/** @param {Upload} upload @param {{key: string, type: string}} answer */
function arrive(upload, answer) {
  upload.key = answer.key;
  upload.type = answer.type;
  const { name } = upload.file;
  upload.row.replaceChildren(icon("check"), make("bdi", {}, name), removal(upload, t("remove", { name })));
}
