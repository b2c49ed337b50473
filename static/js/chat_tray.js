// @ts-check
/** The tray: my open chats and those that wait, on every page; a sound and a notice of the system for who asked for them. */
import { bring, part, remember } from "./keyed.js";
import { onHint } from "./live.js";

const tray = document.getElementById("tray");
const rows = tray?.querySelector("[data-tray-rows]");
const WAIT_MS = 250;
let timer = 0;
let isFirst = true;

/** @param {string} name */
const isOn = (name) => localStorage.getItem(`luotsi.chat.${name}`) === "on";

async function refresh() {
  if (!tray || !rows) return;
  const page = await part(tray.dataset.tray ?? "");
  const fresh = page?.getElementById("tray-rows");
  if (!fresh) return;
  const shown = document.getElementById("tray-rows");
  const before = new Map([...(shown?.children ?? [])].map((row) => [row.id, row.classList.contains("is-unread")]));
  const previews = new Map([...(shown?.children ?? [])].map((row) => [row.id, /** @type {HTMLElement} */ (row).dataset.preview]));
  const news = [...fresh.children].filter(
    (row) => row.classList.contains("is-unread") && (!before.get(row.id) || previews.get(row.id) !== /** @type {HTMLElement} */ (row).dataset.preview),
  );
  if (shown) bring(shown, fresh);
  else {
    rows.replaceChildren(fresh);
    remember(fresh);
  }
  tray.hidden = document.querySelectorAll("#tray-rows > li").length === 0;
  if (!isFirst) for (const row of news) announce(/** @type {HTMLElement} */ (row));
  isFirst = false;
}

/** @param {HTMLElement} row */
function announce(row) {
  const isOpen = !document.hidden && document.getElementById("ticket")?.dataset.reference === row.dataset.chatRow;
  if (isOpen) return;
  if (isOn("sound")) beep();
  if (isOn("notices") && "Notification" in window && Notification.permission === "granted") {
    const title = (tray?.dataset.wordNew ?? "{name}").replace("{name}", row.dataset.title ?? "");
    const notice = new Notification(title, { body: row.dataset.preview, tag: row.id });
    notice.addEventListener("click", () => {
      window.focus();
      row.querySelector("a")?.click();
    });
  }
}

/** Two short tones, made here: no file, no request. */
function beep() {
  const audio = new AudioContext();
  for (const [at, pitch] of [[0, 660], [0.13, 880]]) {
    const [tone, volume] = [audio.createOscillator(), audio.createGain()];
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.08, audio.currentTime + at);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + at + 0.12);
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + at);
    tone.stop(audio.currentTime + at + 0.12);
  }
  setTimeout(() => audio.close(), 600);
}

function showSwitches() {
  for (const each of document.querySelectorAll("[data-tray-switch]")) {
    const button = /** @type {HTMLElement} */ (each);
    button.setAttribute("aria-pressed", String(isOn(button.dataset.traySwitch ?? "")));
  }
}

tray?.addEventListener("click", async (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest("[data-tray-switch]");
  if (!(button instanceof HTMLElement)) return;
  const name = button.dataset.traySwitch ?? "";
  let isWanted = !isOn(name);
  if (isWanted && name === "notices") isWanted = "Notification" in window && (await Notification.requestPermission()) === "granted";
  localStorage.setItem(`luotsi.chat.${name}`, isWanted ? "on" : "off");
  if (isWanted && name === "sound") beep();
  showSwitches();
});

if (tray) {
  showSwitches();
  refresh();
  onHint(() => {
    clearTimeout(timer);
    timer = setTimeout(refresh, WAIT_MS);
  });
}
