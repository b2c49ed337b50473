// @ts-check
/**
 * What the server wrote into the document for this channel and language, and the words on the screen.
 *
 * @typedef {{name: string, label: string, kind: "text" | "email" | "tel" | "choice" | "long", required: boolean, choices: string[]}} Field
 * @typedef {{key: string, name: string, language: string, sites: string[], faq_first: boolean, asks_rating: boolean, articles: {title: string, url: string, summary: string}[], fields: Field[], now: string,
 *   max_bytes: number, accept: string, base: string, socket: string, words: Record<string, string | Record<string, string>>,
 *   presence: import("./presence.js").Presence}} Settings
 */

/** @type {Settings} */
export const settings = JSON.parse(document.getElementById("settings")?.textContent ?? "{}");
const plural = new Intl.PluralRules(settings.language);

/**
 * A text in the reader's language. Texts with several forms are chosen by `n`.
 * @param {string} key @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const found = settings.words[key] ?? key;
  const text = typeof found === "string" ? found : (found[plural.select(Number(values.n))] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** @template {HTMLElement} T @param {string} id @returns {T} */
export function el(id) {
  return /** @type {T} */ (document.getElementById(id));
}

/**
 * An element; `parts` are texts and other elements, never HTML: what people wrote can't become anything else.
 * @param {string} name @param {Record<string, string | boolean | undefined>} [attributes] @param {(Node | string)[]} parts
 */
export function make(name, attributes = {}, ...parts) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  element.append(...parts);
  return element;
}

/** An icon that the document holds as a <symbol>. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "use")).setAttribute("href", `#i-${name}`);
  return svg;
}

// The visitor's clock may be a day off: what is "today" is the server's to say.
let ahead = 0;
/** @param {string} serverNow ISO */
export function setClock(serverNow) {
  const then = Date.parse(serverNow);
  if (Number.isFinite(then)) ahead = then - Date.now();
}
setClock(settings.now);
export const now = () => new Date(Date.now() + ahead);

/** @param {Intl.DateTimeFormatOptions} options */
const format = (options) => new Intl.DateTimeFormat(settings.language, options);
const time = format({ timeStyle: "short" });
const weekday = format({ weekday: "long" });
const date = format({ weekday: "short", day: "numeric", month: "long" });
const full = format({ dateStyle: "medium", timeStyle: "short" });

/** @param {Date} moment */
export const clock = (moment) => time.format(moment);
/** @param {Date} moment */
export const exact = (moment) => full.format(moment);

/** Whole days between two moments, by the visitor's calendar. @param {Date} a @param {Date} b */
const daysBetween = (a, b) => Math.round((new Date(a).setHours(12, 0, 0, 0) - new Date(b).setHours(12, 0, 0, 0)) / 86_400_000);

/** "Today", "Yesterday", "Thursday", "Thu 12 March". @param {Date} moment */
export function dayName(moment) {
  const days = daysBetween(now(), moment);
  if (days === 0) return t("today");
  if (days === 1) return t("yesterday");
  return days > 1 && days < 6 ? weekday.format(moment) : date.format(moment);
}

/** When somebody is back, as one says it: "at 09:00", "tomorrow at 09:00", "on Monday at 09:00". @param {Date} moment */
export function upcoming(moment) {
  const days = daysBetween(moment, now());
  const at = clock(moment);
  if (days <= 0) return t("at_time", { time: at });
  if (days === 1) return t("tomorrow_at", { time: at });
  return t("on_day_at", { day: (days < 7 ? weekday : date).format(moment), time: at });
}
