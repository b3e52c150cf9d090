/** In a grid of rejected rows: marks the cells that a new verdict names, and the rows that were edited. */

/**
 * The columns that a verdict names.
 * @param {Element} verdict
 * @returns {string[]}
 */
const faultyIn = (verdict) => JSON.parse(verdict.getAttribute("data-faulty") ?? "[]");

document.addEventListener("htmx:afterSwap", ({ target }) => {
  const row = target instanceof Element ? target.closest(".grid tr") : null;
  const verdict = row?.querySelector(".rehearsed");
  if (!row || !verdict) return;
  const faulty = faultyIn(verdict);
  for (const cell of row.querySelectorAll(".cell")) {
    const column = (cell.getAttribute("name") ?? "").replace(/^cell\.\d+\./, "");
    if (faulty.includes(column)) cell.setAttribute("aria-invalid", "true");
    else cell.removeAttribute("aria-invalid");
  }
});

document.addEventListener("input", ({ target }) => {
  const isCell = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
  if (!isCell || !target.classList.contains("cell")) return;
  const cells = target.closest("tr")?.querySelectorAll(".cell") ?? [];
  const isEdited = [...cells].some(
    (cell) =>
      (cell instanceof HTMLInputElement || cell instanceof HTMLTextAreaElement) && cell.value !== cell.defaultValue,
  );
  target.closest("tr")?.classList.toggle("edited", isEdited);
});
