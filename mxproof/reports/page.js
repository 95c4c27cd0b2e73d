"use strict";
// Tables that sort and filter, and charts that describe a layer when it is pointed at. Without
// this the page reads the same, in the network's order.

function sortable(table) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.firstChild.textContent;
    const number = Number(text);
    return Number.isNaN(number) ? text : number;
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const before = heading.getAttribute("aria-sort");
      // Large errors are what one looks for: numbers begin with the largest.
      const numeric = typeof value(body.rows[0], column) === "number";
      const first = numeric && column > 0 ? "descending" : "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const order = before === first ? second : first;
      const sign = order === "ascending" ? 1 : -1;
      const rows = [...body.rows].map((row) => [value(row, column), row]);
      rows.sort((a, b) => sign * compare(a[0], b[0]));
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", order);
      body.append(...rows.map((pair) => pair[1]));
    });
  });
}

function filterable(layers) {
  const form = layers.querySelector("form");
  const rows = [...layers.querySelectorAll("tbody tr")];
  const said = layers.querySelector("output");
  const update = () => {
    const wanted = form.elements.name.value.trim().toLowerCase();
    const op = form.elements.op.value;
    const verdict = form.elements.verdict.value;
    let shown = 0;
    for (const row of rows) {
      const fits =
        row.cells[1].firstChild.textContent.toLowerCase().includes(wanted) &&
        (!op || row.cells[2].textContent === op) &&
        (!verdict || row.dataset.verdict.split(" ").includes(verdict));
      row.hidden = !fits;
      shown += fits;
    }
    said.textContent = `${shown} of ${rows.length} layers`;
  };
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  update(); // a browser may keep what was typed before the page was loaded again
}

// Both charts of a target show the same layer; Enter goes to its row.
function readable(plots) {
  const readout = plots.querySelector(".readout");
  const frames = [...plots.querySelectorAll(".chart")];
  const count = Number(plots.dataset.count);
  const marks = frames.map((frame) => {
    const found = [...frame.querySelectorAll("[data-place]")];
    return new Map(found.map((mark) => [Number(mark.dataset.place), mark]));
  });
  const said = (i, place) => marks[i].get(place)?.querySelector("title").textContent;
  let here = -1;
  const show = (place) => {
    marks.forEach((map) => map.get(here)?.classList.remove("here"));
    here = Math.max(0, Math.min(count - 1, place));
    marks.forEach((map) => map.get(here)?.classList.add("here"));
    const lines = frames.map((_, i) => said(i, here)?.split("\n")).filter(Boolean);
    readout.textContent = [lines[0]?.[0], ...lines.map((pair) => pair[1])].join("\n");
    frames.forEach((frame, i) => {
      frame.setAttribute("aria-valuenow", here + 1);
      const words = said(i, here) ?? `layer ${here + 1}: no error to show`;
      frame.setAttribute("aria-valuetext", words);
    });
  };
  const open = () => {
    const row = document.getElementById(`${plots.dataset.layers}-${here}`);
    if (!row) return;
    row.closest("details").open = true;
    row.closest("tbody").querySelector(".here")?.classList.remove("here");
    row.classList.add("here");
    row.scrollIntoView({ block: "center" });
  };
  const steps = {
    ...{ ArrowRight: 1, ArrowUp: 1, PageUp: 10 },
    ...{ ArrowLeft: -1, ArrowDown: -1, PageDown: -10 },
  };
  for (const frame of frames) {
    const svg = frame.querySelector("svg");
    const at = (event) => {
      const box = svg.getBoundingClientRect();
      return Math.floor(((event.clientX - box.left) / box.width) * count);
    };
    const label = svg.getAttribute("aria-label");
    const attributes = { role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": 1 };
    Object.assign(attributes, { "aria-valuemax": count, "aria-valuenow": 1 });
    for (const [name, value] of Object.entries(attributes)) frame.setAttribute(name, value);
    frame.addEventListener("pointermove", (event) => show(at(event)));
    frame.addEventListener("click", (event) => {
      show(at(event));
      if (event.detail > 1) open();
    });
    frame.addEventListener("keydown", (event) => {
      if (event.key in steps) show(here + steps[event.key]);
      else if (event.key === "Home") show(0);
      else if (event.key === "End") show(count - 1);
      else if (event.key === "Enter") open();
      else return;
      event.preventDefault();
    });
  }
}

document.querySelectorAll(".layers table").forEach(sortable);
document.querySelectorAll(".layers").forEach(filterable);
document.querySelectorAll(".plots").forEach(readable);
