// @ts-check
/** The desk's entry: list and ticket, live. */
import "./chat.js";
import "./composer.js";
import "./list.js";
import "./ticket.js";
