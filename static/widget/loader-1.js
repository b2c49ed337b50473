// @ts-check
/**
 * The launcher on the host's page, all that it costs until somebody opens it (docs/chat-widget.md).
 *
 * It makes a link in a shadow root, and on opening an iframe on the desk's origin. The panel in there has no storage of
 * its own that could be relied on, so this script keeps things for it in the storage of the host's page, under names of
 * a closed list. They talk through a MessageChannel, whose one end is handed to the desk's origin and to nobody else.
 *
 * Settings come from the server, which writes them in place of the last line's `null`, or from data attributes of the
 * script element, where the site pins this file by its hash.
 *
 * @typedef {{desk: string, key: string, fill: string, ink: string, side: string, page: string, words: Record<string, string[]>}} Settings
 *     words: by language [open, unread ("{n} unread"), close, title of the frame]
 */
((/** @type {Settings | null} */ given) => {
  const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);
  const data = script?.dataset ?? {};
  const spoken = () => {
    try {
      return JSON.parse(data.words ?? "");
    } catch {
      return { en: ["Chat with us", "{n} unread", "Close the chat", "Chat"] }; // a line of an earlier desk
    }
  };
  /** @type {Settings} */
  const settings = given ?? {
    desk: new URL(script?.src ?? "", location.href).origin,
    key: data.channel ?? "",
    fill: data.fill ?? "#0b5c7a",
    ink: data.ink ?? "#ffffff",
    side: data.side ?? "end",
    page: data.page ?? "",
    words: spoken(),
  };
  const existing = /** @type {any} */ (window).Luotsi;
  if (existing?.open || !window.customElements || !settings.key) return; // twice on the page, or a browser of long ago: <noscript> and links stay

  const base = `${settings.desk}/chat/${settings.key}/`;
  const prefix = `luotsi:${settings.key}:`;
  const NAMES = /^(token|chat|draft|seen|out:[\w-]{8,64})$/;
  const LONGEST = 20_000;

  /** As the page's language is now: single-page sites change it. */
  const wanted = () => [document.documentElement.lang, ...navigator.languages].map((tag) => tag.toLowerCase().split("-")[0]).filter(Boolean);
  const words = () => settings.words[wanted().find((tag) => tag in settings.words) ?? Object.keys(settings.words)[0]];

  // ── What the panel wants to keep, in the host's storage; in memory where that is shut ──────────────────────────────
  /** @type {Map<string, string>} */
  const memory = new Map();
  /** @template T @param {(storage: Storage) => T} use @returns {T | null} */
  const inStorage = (use) => {
    try {
      return use(localStorage);
    } catch {
      return null; // blocked by the visitor, or full
    }
  };
  const kept = () => {
    const found = Object.fromEntries(memory);
    inStorage((storage) => {
      for (const name of Object.keys(storage))
        if (name.startsWith(prefix) && NAMES.test(name.slice(prefix.length))) found[name.slice(prefix.length)] = storage[name];
    });
    return found;
  };
  /** @param {unknown} name @param {unknown} value null: forget it */
  const keep = (name, value) => {
    if (typeof name !== "string" || !NAMES.test(name)) return;
    memory.delete(name);
    if (value === null) inStorage((storage) => storage.removeItem(prefix + name));
    else if (typeof value === "string" && value.length <= LONGEST && inStorage((storage) => (storage.setItem(prefix + name, value), true)) === null)
      memory.set(name, value);
  };

  // ── What stands on the page ────────────────────────────────────────────────────────────────────────────────────────
  const host = document.createElement("luotsi-chat");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet(); // constructed: no policy for styles stops it; !important inside beats the host's own
  sheet.replaceSync(`
    :host { all: initial !important; position: fixed !important; z-index: 2147483000 !important; inset: auto !important;
      inset-block-end: 0 !important; inset-inline-${settings.side}: 0 !important; font: 16px/1 system-ui, sans-serif !important; }
    @media print { :host { display: none !important } }
    a { position: fixed; inset-block-end: max(20px, env(safe-area-inset-bottom)); inset-inline-${settings.side}: 20px; width: 56px; height: 56px;
      display: grid; place-items: center; border-radius: 50%; background: ${settings.fill}; color: ${settings.ink}; cursor: pointer;
      box-shadow: 0 4px 16px rgb(0 0 0 / 24%), 0 0 0 1px rgb(255 255 255 / 40%); text-decoration: none; -webkit-tap-highlight-color: transparent }
    a:focus-visible { outline: 3px solid ${settings.fill}; outline-offset: 3px; box-shadow: 0 0 0 3px #fff, 0 0 0 7px #000 }
    svg { width: 26px; height: 26px; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round }
    a[aria-expanded=true] .bubble, a[aria-expanded=false] .cross, [hidden] { display: none !important }
    b { position: absolute; inset-block-start: -4px; inset-inline-end: -4px; min-width: 22px; height: 22px; padding: 0 6px; box-sizing: border-box;
      border-radius: 11px; border: 2px solid #fff; background: #b3261e; color: #fff; font: 600 12px/18px system-ui, sans-serif; text-align: center }
    iframe { position: fixed; inset-block-end: 92px; inset-inline-${settings.side}: 20px; width: 380px; height: min(620px, calc(100dvh - 112px));
      border: 0; border-radius: 14px; background: transparent; color-scheme: normal; box-shadow: 0 12px 40px rgb(0 0 0 / 26%), 0 0 0 1px rgb(0 0 0 / 10%);
      visibility: hidden; opacity: 0; transform: translateY(8px); transition: opacity .12s ease-out, transform .12s ease-out }
    iframe.open { visibility: visible; opacity: 1; transform: none }
    @media (max-width: 479px), (max-height: 420px) {
      iframe { inset: 0; width: 100%; height: 100dvh; border-radius: 0; box-shadow: none }
      iframe.open ~ a { display: none } }
    @media (prefers-reduced-motion: reduce) { iframe { transition: none; transform: none } }
    @media (forced-colors: active) { a { border: 2px solid LinkText } iframe { border: 2px solid CanvasText } }`);
  root.adoptedStyleSheets = [sheet];

  const launcher = document.createElement("a");
  launcher.href = `${base}write/?from=launcher`;
  launcher.setAttribute("role", "button");
  launcher.setAttribute("aria-expanded", "false");
  launcher.setAttribute("aria-haspopup", "dialog");
  for (const [name, path] of [["bubble", "M4 5h16v11H11l-5 4v-4H4z M8 9.5h8 M8 12.5h5"], ["cross", "M6 6l12 12 M18 6L6 18"]]) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("class", name);
    svg.setAttribute("aria-hidden", "true");
    svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path")).setAttribute("d", path);
    launcher.append(svg);
  }
  const count = document.createElement("b");
  count.hidden = true;
  count.setAttribute("aria-hidden", "true");
  launcher.append(count);
  root.append(launcher);

  // ── The panel ──────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @type {HTMLIFrameElement | undefined} */ let frame;
  /** @type {MessagePort | undefined} */ let port;
  /** @type {string | undefined} */ let identity;
  /** @type {Element | null} */ let opener = null;
  /** @type {Record<string, ((detail: unknown) => void)[]>} */ const listeners = {};
  let isOpen = false;
  let unread = 0;
  let patience = 0;

  /** @param {string} name @param {unknown} [detail] */
  const emit = (name, detail) => (listeners[name] ?? []).forEach((listener) => listener(detail));
  /** @param {object} message */
  const say = (message) => port?.postMessage(message);

  /** Secrets stand in addresses now and then: their values stay here. */
  const here = () => {
    const url = new URL(location.href);
    for (const name of [...url.searchParams.keys()])
      if (/token|key|code|pass|secret|sess|sig|auth|mail|jwt|hash|otp/i.test(name)) url.searchParams.set(name, "…");
    return (url.origin + url.pathname + url.search).slice(0, 1000);
  };
  const report = () => settings.page && isOpen && say({ type: "page", url: here(), title: document.title.slice(0, 200) });

  const label = () => {
    const [open, news, close] = words();
    const n = unread > 99 ? "99+" : String(unread);
    launcher.setAttribute("aria-label", isOpen ? close : unread ? `${open}, ${news.replace("{n}", n)}` : open);
    launcher.setAttribute("aria-expanded", String(isOpen));
    count.textContent = n;
    count.hidden = !unread || isOpen;
  };

  /** The documents of the panel; it opens no socket and keeps nothing before it is told that it is open. */
  const load = () => {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.title = words()[3];
    frame.allow = "clipboard-write";
    frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-downloads");
    frame.src = `${base}panel/?language=${wanted().slice(0, 6).join()}`;
    frame.addEventListener("load", greet);
    root.insertBefore(frame, launcher);
  };

  /** A new port for each document in the frame. */
  const greet = () => {
    const channel = new MessageChannel();
    port?.close();
    port = channel.port1;
    port.onmessage = (event) => hear(event.data);
    frame?.contentWindow?.postMessage({ luotsi: 1, type: "hello", kept: kept(), open: isOpen, identity }, settings.desk, [channel.port2]);
  };

  /** @param {any} message */
  const hear = (message) => {
    if (typeof message !== "object" || message === null) return;
    if (message.type === "ready") {
      clearTimeout(patience);
      report();
    }
    if (message.type === "keep") keep(message.name, message.value);
    if (message.type === "close") close();
    if (message.type === "unread" && Number.isInteger(message.count) && message.count >= 0) {
      if (message.count > unread) emit("unread", message.count);
      unread = message.count;
      label();
    }
    if (message.type === "event" && /^(started|message|ended|rated)$/.test(message.name)) emit(message.name, message.detail);
  };

  /** A policy of the page or a dead network keeps the panel away: the form is still a way in. */
  const giveUp = () => {
    close();
    launcher.removeEventListener("click", press);
    launcher.target = "_blank";
    launcher.setAttribute("role", "link");
    launcher.removeAttribute("aria-expanded");
    launcher.removeAttribute("aria-haspopup");
    launcher.focus();
    emit("blocked");
  };

  const open = () => {
    if (isOpen) return;
    opener = document.activeElement === host || document.activeElement === document.body ? null : document.activeElement;
    if (!port) patience = setTimeout(giveUp, 15_000);
    load();
    isOpen = true;
    frame?.classList.add("open");
    fit();
    frame?.focus();
    say({ type: "open" });
    label();
    report();
    emit("open");
  };
  const close = () => {
    if (!isOpen) return;
    clearTimeout(patience);
    isOpen = false;
    frame?.classList.remove("open");
    say({ type: "shut" });
    label();
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    else launcher.focus();
    emit("close");
  };
  /** @param {Event} event */
  const press = (event) => {
    const { ctrlKey, metaKey, shiftKey } = /** @type {MouseEvent} */ (event);
    if (ctrlKey || metaKey || shiftKey) return; // somebody wants the form in a window of its own
    event.preventDefault();
    isOpen ? close() : open();
  };

  /** A phone's keyboard shrinks the visual viewport only: the frame follows it, and the composer stays above the keys. */
  const fit = () => {
    const view = window.visualViewport;
    if (!frame || !view) return;
    const isFull = matchMedia("(max-width: 479px), (max-height: 420px)").matches && isOpen && view.scale === 1;
    frame.style.height = isFull ? `${view.height}px` : "";
    frame.style.top = isFull ? `${view.offsetTop}px` : "";
    frame.style.bottom = isFull ? "auto" : "";
  };
  window.visualViewport?.addEventListener("resize", fit);
  window.visualViewport?.addEventListener("scroll", fit);

  launcher.addEventListener("click", press);
  launcher.addEventListener("keydown", (event) => event.key === " " && (event.preventDefault(), launcher.click()));
  for (const kind of ["pointerenter", "focus", "touchstart"]) launcher.addEventListener(kind, load, { passive: true });
  document.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && root.activeElement && close());
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("[data-luotsi-open]") : null;
    if (link && !event.defaultPrevented) press(event);
  });
  window.addEventListener("storage", (event) => {
    if (event.key?.startsWith(prefix) && NAMES.test(event.key.slice(prefix.length)))
      say({ type: "kept", name: event.key.slice(prefix.length), value: event.newValue });
  });
  window.addEventListener("popstate", report);
  /** @type {any} */ (window).navigation?.addEventListener("navigatesuccess", report);
  new MutationObserver(label).observe(document.documentElement, { attributeFilter: ["lang"] });

  const api = {
    open,
    close,
    /** @param {string} token a JWT that the site's server has signed, see docs/chat-widget.md */
    identify(token) {
      identity = String(token);
      say({ type: "identify", token: identity });
    },
    /** @param {string} name @param {(detail: unknown) => void} listener */
    on(name, listener) {
      (listeners[name] ??= []).push(listener);
    },
  };
  /** @type {any} */ (window).Luotsi = api;

  const start = () => {
    label();
    document.documentElement.append(host); // not into the body: a transform or a filter there would move what is fixed
    // Calls that were made before this script was here: window.Luotsi = [["identify", "…"]].
    if (Array.isArray(existing)) for (const [name, ...rest] of existing) /** @type {any} */ (api)[name]?.(...rest);
    // Only whoever has an open chat pays for the panel unasked: its unread count must be true.
    if (kept().chat) setTimeout(load, 500);
    document.dispatchEvent(new CustomEvent("luotsi:ready"));
  };
  document.body ? start() : document.addEventListener("DOMContentLoaded", start);
})(/* settings */ null);
