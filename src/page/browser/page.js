/** Runs on every page: parts that need JavaScript are shown, and parts for browsers without it are hidden (style/base.css). */
document.documentElement.classList.add("js");

/** A problem that htmx has shown is over once the person does something else. Requests that a timer sends leave it. */
document.addEventListener("htmx:beforeRequest", (event) => {
  const problem = document.getElementById("problem");
  if (problem && event instanceof CustomEvent && event.detail.requestConfig.triggeringEvent) problem.textContent = "";
});
