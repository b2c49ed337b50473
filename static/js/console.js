// @ts-check
/** The console's entry: what every agent page needs. The list and the ticket bring desk.js. */
import "./chat_tray.js";
import "./failed.js";
import "./fresh.js";
import "./keys.js";
import "./later.js";
import "./menus.js";
import "./once.js";
import "./palette.js";
import "./times.js";
