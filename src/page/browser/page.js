/** Runs on every page: parts that need JavaScript are shown, and parts for browsers without it are hidden (style/base.css). */
document.documentElement.classList.add("js");

/** A problem that htmx has shown is over once the person does something else. Requests that a timer sends leave it. */
document.addEventListener("htmx:beforeRequest", (event) => {
  const problem = document.getElementById("problem");
  if (problem && event instanceof CustomEvent && event.detail.requestConfig.triggeringEvent) problem.textContent = "";
});

/** htmx got no answer from the service, so it has no problem to show. */
for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => {
    const problem = document.getElementById("problem");
    if (problem) problem.textContent = "The service did not answer: check the connection, and try again.";
    problem?.scrollIntoView({ block: "nearest" });
  });
}

/** The part of the page that is about to be replaced has the focus. */
let hadFocus = false;

document.addEventListener("htmx:beforeSwap", (event) => {
  const target = event instanceof CustomEvent ? event.detail.target : null;
  hadFocus = target instanceof Element && target !== document.activeElement && target.contains(document.activeElement);
});

/** If what had the focus is gone, the new part gets it: people who use the keyboard go on from there, not from the top. */
document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (!(target instanceof HTMLElement)) return;
  if (target.id === "problem") target.scrollIntoView({ block: "nearest" });
  else if (hadFocus && document.activeElement === document.body) {
    if (!target.hasAttribute("tabindex")) target.tabIndex = -1;
    target.focus({ preventScroll: true });
  }
});
