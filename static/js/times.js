// @ts-check
/** Keeps <time data-ago> fresh with the same words as helpdesk.jinja.relative; the exact time stays in the title. */

const [NOW, MINUTES, HOURS, DAYS] = (document.documentElement.dataset.units ?? "now|{n} m|{n} h|{n} d").split("|");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * @param {number} age milliseconds
 * @returns {string | null} null: older than a week, where the server's date stands
 */
export function relative(age) {
  if (age < MINUTE) return NOW;
  if (age < HOUR) return MINUTES.replace("{n}", String(Math.floor(age / MINUTE)));
  if (age < DAY) return HOURS.replace("{n}", String(Math.floor(age / HOUR)));
  if (age < 7 * DAY) return DAYS.replace("{n}", String(Math.floor(age / DAY)));
  return null;
}

function refresh() {
  const now = Date.now();
  for (const element of document.querySelectorAll("time[data-ago]")) {
    const word = relative(now - Date.parse(/** @type {HTMLTimeElement} */ (element).dateTime));
    if (word !== null && element.textContent !== word) element.textContent = word;
  }
}

setInterval(refresh, 20_000);
