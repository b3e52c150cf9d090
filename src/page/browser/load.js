/**
 * The view "Load a file": sends the first part of the chosen file to be inspected, again whenever a field changes, and the whole
 * file to be tried or imported. How a file is read is decided by the service alone.
 */

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const form = /** @type {HTMLFormElement} */ (byId("load"));
const chooser = /** @type {HTMLInputElement} */ (byId("file"));
const drop = /** @type {HTMLElement} */ (form.querySelector(".drop"));

/** @param {string} text read out by a screen reader */
const say = (text) => {
  byId("load-status").textContent = text;
};

/** @param {string} text stands above the view until the next attempt */
const showProblem = (text) => {
  byId("problem").textContent = text;
  if (text !== "") byId("problem").scrollIntoView({ block: "nearest" });
};

const SIGN_IN = "your session has ended: load this page again, and sign in";

/** Takes away the last dry run, so that the next one does not begin under its account. */
const hideTried = () => {
  byId("tried").hidden = true;
  byId("tried-run").replaceChildren();
};

// Inspecting

/** Ends the inspection that is under way: only the newest counts. */
let inspecting = new AbortController();

/** Inspects the chosen file by what the fields say. */
const inspect = async () => {
  const [file] = chooser.files ?? [];
  inspecting.abort();
  inspecting = new AbortController();
  hideTried();
  if (!file) return;
  const { signal } = inspecting;
  say(`Looking at ${file.name}`);
  form.setAttribute("aria-busy", "true");
  try {
    const page = await inspected(file, signal);
    showInspection(page);
    showProblem(page.getElementById("problem")?.textContent ?? "");
    say(byId("summary")?.textContent ?? "");
  } catch (error) {
    if (signal.aborted) return;
    say("");
    showProblem(error instanceof Error ? error.message : String(error));
  }
  form.removeAttribute("aria-busy");
};

/**
 * @param {File} file
 * @param {AbortSignal} signal
 * @returns {Promise<Document>} the page that the service answers
 */
const inspected = async (file, signal) => {
  const part = file.slice(0, bytesToInspect(file));
  // Reading it first tells a folder, and a file that has gone, from a service that does not answer.
  const bytes = await part.arrayBuffer().catch(() => {
    throw new Error(`${file.name} cannot be read: choose a file, and no folder`);
  });
  const body = new FormData(form);
  body.set("name", file.name);
  body.set("complete", String(part.size === file.size));
  body.set("file", new Blob([bytes]));
  const answer = await fetch("page/load/inspection", {
    method: "POST",
    body,
    signal,
    headers: { "HX-Request": "true" },
  }).catch((error) => {
    throw signal.aborted ? error : new Error("the service does not answer: try again");
  });
  if (answer.status === 401) throw new Error(SIGN_IN);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
};

/** @param {File} file */
const bytesToInspect = ({ name, size }) => {
  const { partBytes, wholeBytes, wholeEndings = "" } = form.dataset;
  const isWhole = wholeEndings.split(" ").some((ending) => name.toLowerCase().endsWith(ending));
  return isWhole && size <= Number(wholeBytes) ? size : Number(partBytes);
};

/**
 * Replaces the old inspection. Focus and open parts stay.
 * @param {Document} page
 */
const showInspection = (page) => {
  const next = page.getElementById("inspection");
  if (!next) return;
  const focused = document.activeElement?.id ?? "";
  const open = [...form.querySelectorAll("details[open]")].map(({ id }) => id);
  const isInside = byId("inspection").contains(document.activeElement);
  byId("inspection").replaceWith(next);
  for (const id of open) byId(id)?.setAttribute("open", "");
  if (isInside) (byId(focused)?.checkVisibility() ? byId(focused) : byId("chosen")).focus();
};

chooser.addEventListener("change", () => {
  byId("inspection").replaceChildren();
  void inspect();
});
form.addEventListener("change", ({ target }) => {
  if (target instanceof Element && target.closest("#inspection") && !target.closest("#begin-import")) void inspect();
});
form.addEventListener("submit", (event) => event.preventDefault());

// Dropping

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const files = event.dataTransfer?.files;
  if (!files || files.length === 0) return;
  if (files.length > 1) return showProblem("several files were dropped: load them one after the other");
  chooser.files = files;
  chooser.dispatchEvent(new Event("change"));
});

// Sending

/** What is taken from the page of a run: all but its heading and its way back. */
const RUN = "#main > :is(section, div:not(#problem), [role=status])";

/** Counts the dry runs, so that each is a request of its own. */
let dryRuns = 0;

/** @param {boolean} isDryRun */
const send = (isDryRun) => {
  const [file] = chooser.files ?? [];
  const { address, type = "", coding, key = "" } = byId("begin-import").dataset;
  if (!file || address === undefined) return;
  const fields = new FormData(form);
  const rejects = String(fields.get("max_rejects")).trim();
  const request = new XMLHttpRequest();
  const more = `${isDryRun ? "&dry_run=true" : ""}${rejects === "" ? "" : `&max_rejects=${encodeURIComponent(rejects)}`}`;
  request.open("POST", address + more);
  request.setRequestHeader("Content-Type", type);
  if (coding !== undefined) request.setRequestHeader("Content-Encoding", coding);
  request.setRequestHeader("Prefer", `handling=${fields.get("strict") === "true" ? "strict" : "lenient"}`);
  // A file that is sent again after a lost answer is not imported twice.
  request.setRequestHeader("Idempotency-Key", isDryRun ? `${key} dry run ${dryRuns}` : key);
  request.upload.addEventListener("progress", ({ loaded, total }) => showSent(loaded, total));
  request.addEventListener("load", () => {
    if (request.status === 202) return begun(JSON.parse(request.responseText), isDryRun);
    ended(`${detailOf(request)}`);
  });
  request.addEventListener("error", () =>
    ended("the connection was lost: send the file again; if its import has begun already, it is not imported twice"),
  );
  request.addEventListener("abort", () => ended("Cancelled: nothing was stored."));
  byId("stop-sending").onclick = () => request.abort();
  showProblem("");
  hideTried();
  showSent(0, file.size);
  setSending(true);
  say(`Sending ${file.name}`);
  byId("sending").scrollIntoView({ block: "nearest" });
  request.send(file);
};

/** @param {boolean} is */
const setSending = (is) => {
  byId("sending").hidden = !is;
  for (const button of document.querySelectorAll("button[data-send]"))
    if (button instanceof HTMLButtonElement) button.disabled = is;
};

/**
 * @param {number} loaded
 * @param {number} total
 */
const showSent = (loaded, total) => {
  const share = total === 0 ? 1 : loaded / total;
  /** @type {HTMLProgressElement} */ (byId("sent")).value = share;
  const megabytes = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(1);
  byId("sent-text").textContent =
    share < 1
      ? `${megabytes(loaded)} of ${megabytes(total)} MB, ${Math.floor(share * 100)} %`
      : "All of it is sent: the run begins.";
};

/** @param {string} why the file is not imported */
const ended = (why) => {
  setSending(false);
  say("");
  showProblem(why);
};

/** @param {XMLHttpRequest} request */
const detailOf = ({ status, responseText }) => {
  if (status === 401) return SIGN_IN;
  try {
    return /** @type {{ detail: string }} */ (JSON.parse(responseText)).detail;
  } catch {
    return `the service answered ${status}: try again`;
  }
};

/**
 * @param {{ id: string }} run
 * @param {boolean} isDryRun
 */
const begun = ({ id }, isDryRun) => {
  if (!isDryRun) return window.location.assign(`page/runs/${id}`);
  dryRuns++;
  setSending(false);
  say("The dry run has begun");
  byId("tried").hidden = false;
  const htmx = /** @type {{ ajax(verb: string, path: string, context: object): Promise<void> }} */ (
    Reflect.get(window, "htmx")
  );
  const shown = htmx.ajax("GET", `page/runs/${id}`, { target: "#tried-run", swap: "innerHTML", select: RUN });
  return void shown.then(() => byId("tried").scrollIntoView({ block: "nearest" }));
};

document.addEventListener("click", ({ target }) => {
  const what = target instanceof HTMLButtonElement ? target.dataset.send : undefined;
  if (what !== undefined) send(what === "dry-run");
});

// A browser may keep the chosen file when a person comes back to the view.
if (chooser.files?.length) void inspect();
