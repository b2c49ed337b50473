// @ts-check
/** Before the first message: the greeting, answers of the FAQ while one types, what the site wants to know. */
import { backAt, identity, isAway, onChange } from "./presence.js";
import { el, make, settings, t } from "./settings.js";
import * as wire from "./wire.js";

const ASK_AFTER_MS = 250;
const SHORTEST = 3;
const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]{2,}$/;
/** What an article may consist of; anything else becomes its text. */
const TAGS = new Set(["P", "UL", "OL", "LI", "STRONG", "EM", "B", "I", "CODE", "PRE", "BLOCKQUOTE", "H2", "H3", "H4", "BR", "HR", "A"]);

let timer = 0;
let asked = "";
let isAskingPerson = !settings.faq_first;
const fields = el("fields");
const answers = el("answers");

/** @typedef {import("./settings.js").Field} Field */

/** Fields of the channel; without an agent an address belongs to them. @returns {Field[]} */
function wanted() {
  const known = identity.address !== "";
  const asked = settings.fields.filter((field) => !(known && ["name", "email"].includes(field.name)));
  if (!isAway() || known || asked.some((field) => field.name === "email" && field.required)) return asked;
  return [...asked.filter((field) => field.name !== "email"), { name: "email", label: "", kind: "email", required: true, choices: [] }];
}

/** @param {Field} field */
function labelOf(field) {
  const label = field.label || (["name", "email", "phone"].includes(field.name) ? t(field.name) : field.name);
  return field.required ? label : `${label} (${t("optional")})`;
}

/** @param {Field} field */
function inputOf(field) {
  const id = `field-${field.name}`;
  const auto = /** @type {Record<string, string>} */ ({ name: "name", email: "email", phone: "tel" })[field.name] ?? "off";
  const common = { id, name: field.name, class: "input", dir: field.kind === "text" || field.kind === "long" ? "auto" : undefined, required: field.required, maxlength: "500", autocomplete: auto, "aria-describedby": `${id}-hint ${id}-wrong` };
  if (field.kind === "choice") return make("select", common, make("option", { value: "" }, t("choose")), ...field.choices.map((choice) => make("option", {}, choice)));
  if (field.kind === "long") return make("textarea", { ...common, rows: "2" });
  return make("input", { ...common, type: field.kind === "email" ? "email" : field.kind === "tel" ? "tel" : "text" });
}

/** Draws the fields anew when other ones are wanted; what is typed stays. */
function draw() {
  el("away").hidden = !isAway();
  const back = backAt();
  el("back").textContent = isAway() ? back : "";
  const now = wanted();
  const key = JSON.stringify(now);
  fields.hidden = !now.length || !isAskingPerson;
  if (fields.dataset.key === key) return;
  fields.dataset.key = key;
  const typed = typedValues();
  fields.replaceChildren(
    ...now.map((field) => {
      const input = /** @type {HTMLInputElement} */ (inputOf(field));
      input.value = typed[field.name] ?? (field.name === "name" ? identity.name : "");
      const hint = field.name === "email" ? t(isAway() ? "email_why_away" : "email_why") : "";
      return make("div", { class: "field" }, make("label", { for: input.id }, labelOf(field)), input, make("p", { class: "hint", id: `${input.id}-hint` }, hint), make("p", { class: "wrong", id: `${input.id}-wrong`, hidden: true }));
    }),
  );
}

const inputs = () => /** @type {HTMLInputElement[]} */ ([...fields.querySelectorAll(".input")]);

/** @returns {Record<string, string>} */
function typedValues() {
  return Object.fromEntries(inputs().map((input) => [input.name, input.value.trim()]).filter(([, value]) => value));
}

/** @param {HTMLInputElement} input */
function complaintOf(input) {
  if (input.required && !input.value.trim()) return t(input.type === "email" ? "bad_address" : "required");
  return input.type === "email" && input.value.trim() && !ADDRESS.test(input.value.trim()) ? t("bad_address") : "";
}

/** What was answered, or null after the first complaint got the focus. @returns {Record<string, string> | null} */
export function answered() {
  if (!isAskingPerson) {
    isAskingPerson = true;
    draw();
    const first = inputs().find((input) => !input.value);
    if (first) {
      first.focus(); // they have not been seen yet: no complaints
      return null;
    }
  }
  let wrong = null;
  for (const input of inputs()) {
    const complaint = complaintOf(input);
    const place = el(`${input.id}-wrong`);
    place.textContent = complaint;
    place.hidden = !complaint;
    input.setAttribute("aria-invalid", String(Boolean(complaint)));
    if (complaint) wrong ??= input;
  }
  wrong?.focus();
  return wrong ? null : typedValues();
}

/** The question as far as it is typed. @param {string} text */
export function suggest(text) {
  clearTimeout(timer);
  const question = text.trim();
  if (question.length < SHORTEST) return showAnswers(settings.articles);
  timer = setTimeout(() => {
    asked = String(Number(asked) + 1);
    wire.say({ type: "suggest", id: asked, text: question.slice(0, 300) });
  }, ASK_AFTER_MS);
}

/** @param {{title: string, url: string, summary?: string}[]} articles */
function showAnswers(articles) {
  el("suggestions").hidden = !articles.length;
  const isFound = articles !== settings.articles && articles.length > 0;
  el("found").textContent = isFound ? t("suggestions_found", { n: articles.length }) : t("suggestions");
  el("found-told").textContent = isFound ? t("suggestions_found", { n: articles.length }) : "";
  answers.replaceChildren(
    ...articles.map((article) => {
      const button = make("button", { type: "button" }, make("strong", { dir: "auto" }, article.title), ...(article.summary ? [make("span", { dir: "auto" }, article.summary)] : []));
      button.addEventListener("click", () => openArticle(article, button));
      return make("li", {}, button);
    }),
  );
}

wire.on("suggestions", (frame) => {
  if (frame.id === asked) showAnswers(frame.articles.length ? frame.articles : settings.articles);
});

// ── One answer, read in the panel ─────────────────────────────────────────────────────────────────────────────────────

/** @type {HTMLElement | null} */
let cameFrom = null;

/** @param {{title: string, url: string}} article @param {HTMLElement} from */
async function openArticle(article, from) {
  const url = new URL(article.url, location.href);
  cameFrom = from;
  el("article-title").textContent = article.title;
  el("article-body").replaceChildren();
  /** @type {HTMLAnchorElement} */ (el("article-link")).href = url.href;
  place("article");
  el("article-title").focus();
  if (url.origin !== location.origin) return;
  const page = await fetch(url, { credentials: "omit" }).then((answer) => (answer.ok ? answer.text() : ""), () => "");
  const prose = new DOMParser().parseFromString(page, "text/html").querySelector("article .prose");
  if (prose) el("article-body").replaceChildren(...[...prose.childNodes].flatMap(copied));
}

/** A copy made of what is allowed: nothing of the page itself comes into this document. @param {Node} node @returns {Node[]} */
function copied(node) {
  if (node.nodeType === Node.TEXT_NODE) return [document.createTextNode(node.textContent ?? "")];
  if (!(node instanceof Element)) return [];
  const children = [...node.childNodes].flatMap(copied);
  if (!TAGS.has(node.tagName)) return children;
  const href = node.getAttribute("href") ?? "";
  if (node.tagName !== "A") return [make(node.tagName, {}, ...children)];
  if (!/^(https?:|mailto:|\/)/.test(href)) return children;
  return [make("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children)];
}

/** Which of the places is shown. @param {"talk" | "article"} name */
export function place(name) {
  el("talk").hidden = name !== "talk";
  el("article").hidden = name !== "article";
}

export function closeArticle() {
  if (el("article").hidden) return false;
  place("talk");
  (cameFrom?.isConnected ? cameFrom : el("text")).focus();
  return true;
}
el("article-back").addEventListener("click", closeArticle);
el("article-ask").addEventListener("click", () => {
  isAskingPerson = true;
  draw();
  place("talk");
  el("text").focus();
});

onChange(draw);
draw();
showAnswers(settings.articles);
