// @ts-check
/** What there is to do besides talking: an address to leave, the transcript, the end, the rating. */
import { identity, isAway } from "./presence.js";
import { el, make, icon, settings, t } from "./settings.js";
import * as thread from "./thread.js";
import * as wire from "./wire.js";

const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]{2,}$/;
/** @type {string} of which conversation the visitor has rated, or is rating */
let rated = "";
let isOtherQuestion = false;

const field = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (el(id));

/** @param {string} id @param {string} words */
function complain(id, words) {
  el(`${id}-wrong`).textContent = words;
  el(`${id}-wrong`).hidden = !words;
  field(id).setAttribute("aria-invalid", String(Boolean(words)));
  if (words) field(id).focus();
}

/** A form that asks for an address and sends it. @param {string} form @param {string} input @param {(address: string) => boolean} send */
function asksAddress(form, input, send) {
  el(form).addEventListener("submit", (event) => {
    event.preventDefault();
    const address = field(input).value.trim();
    if (!ADDRESS.test(address)) return complain(input, t("bad_address"));
    complain(input, send(address) ? "" : t("failed"));
  });
}

asksAddress("contact", "contact-address", (address) => wire.say({ type: "contact", name: identity.name, address }));
asksAddress("transcript", "transcript-address", (address) => wire.say({ type: "transcript", conversation: thread.conversation?.reference, address }));
wire.on("contact", (frame) => {
  el("contact-done").textContent = t("address_saved", { address: frame.address });
});
wire.on("transcript", (frame) => {
  el("transcript-fields").hidden = true;
  el("transcript-done").textContent = t("transcript_sent", { address: frame.address });
});
wire.on("error", (frame) => {
  const words = { bad_address: t("bad_address"), no_address: t("bad_address"), too_many: t("transcript_limit"), not_yet: t("transcript_not_yet") }[/** @type {string} */ (frame.code)];
  if (words && frame.about === "contact") complain("contact-address", words);
  if (words && frame.about === "transcript") complain("transcript-address", words);
});

/** What stands below the log: the composer, or what comes after the chat. */
export function draw() {
  const talk = thread.conversation;
  const isOver = talk?.state === "ended" && !isOtherQuestion;
  el("composer").hidden = Boolean(isOver);
  if (isOver && el("over").hidden) requestAnimationFrame(thread.toEnd); // less of the log is left to see
  el("over").hidden = !isOver;
  el("rating").hidden = !settings.asks_rating || rated === `${talk?.reference} sent` || Boolean(talk?.rating);
  el("rated").hidden = rated !== `${talk?.reference} sent`;
  el("contact").hidden = !talk || isOver || !isAway() || Boolean(identity.address) || talk.state === "open";
  el("menu").hidden = !talk || talk.state === "ended";
  const transcript = field("transcript-address");
  if (!transcript.value && identity.address) transcript.value = identity.address;
}

// ── The end ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param {string} id */
const dialog = (id) => /** @type {HTMLDialogElement} */ (el(id));
for (const [button, id] of [["menu-transcript", "transcript-dialog"], ["over-transcript", "transcript-dialog"], ["menu-end", "end-dialog"]])
  el(button).addEventListener("click", () => {
    el("menu").removeAttribute("open");
    el("transcript-fields").hidden = false;
    el("transcript-done").textContent = "";
    dialog(id).showModal();
  });
for (const button of document.querySelectorAll("[data-shut]")) button.addEventListener("click", () => button.closest("dialog")?.close());
el("end-yes").addEventListener("click", () => {
  wire.say({ type: "end", conversation: thread.conversation?.reference });
  dialog("end-dialog").close();
});
el("again").addEventListener("click", () => {
  isOtherQuestion = true;
  draw();
  el("text").focus();
});
/** The next question has been sent. */
export function begun() {
  isOtherQuestion = false;
}

// ── The rating ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param {string} name @param {number} n @param {(value: number) => (Node | string)[]} face */
function choices(name, n, face) {
  return Array.from({ length: n }, (_, index) => make("label", {}, make("input", { type: "radio", name, value: String(index + 1), required: name === "score" }), ...face(index + 1)));
}
el("stars").append(...choices("score", 5, (value) => [icon("star"), make("span", { class: "unseen" }, t(`rate_${value}`))]));
el("scale").append(...choices("effort", 7, (value) => [String(value)]));

el("rating").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = new FormData(/** @type {HTMLFormElement} */ (el("rating")));
  const score = Number(given.get("score"));
  if (!score) return;
  const effort = Number(given.get("effort")) || null;
  wire.say({ type: "rate", conversation: thread.conversation?.reference, score, effort, comment: String(given.get("comment") ?? "") });
});
wire.on("rated", (frame) => {
  rated = `${frame.conversation} sent`;
  draw();
  el("rated").focus();
});
