/** What htmx 4 puts on the window, as far as our modules use it. */
interface Window {
  htmx: { process(element: Element): void };
}
