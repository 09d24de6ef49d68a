"use strict";
// A click on a head sorts its table by that column, a second one turns it, a third undoes it.
const NONE = new Set(["", "–", "undefined"]); // cells that say so stand last, whichever way

function valueOf(cell) {
  const said = cell.dataset.value ?? cell.querySelector("data")?.value;
  const words = said ?? cell.firstChild?.textContent.trim() ?? ""; // without what is in small below
  return NONE.has(words) ? "" : words;
}

function sortable(table) {
  // What moves: rows of the first body, for sums stand in a second; or bodies of several rows.
  const moves = () => [...(table.matches(".board") ? table.tBodies : table.tBodies[0].rows)];
  const first = moves();
  const home = first[0].parentNode;
  const end = home.tagName === "TBODY" ? null : first.at(-1).nextSibling;
  const heads = [...table.tHead.rows[0].cells];
  const cellOf = (one, at) => (one.rows?.[0] ?? one).cells[at];
  heads.forEach((head, at) => {
    if (head.tagName !== "TH") return; // it has no title to click on
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const known = new Map(first.map((one) => [one, valueOf(cellOf(one, at))]));
      const numbers = [...known.values()].every((value) => value === "" || !isNaN(value));
      const ways = numbers ? ["descending", "ascending", null] : ["ascending", "descending", null];
      const way = ways[(ways.indexOf(head.getAttribute("aria-sort")) + 1) % ways.length];
      const order = (one, other) => {
        const [x, y] = [known.get(one), known.get(other)];
        if (x === "" || y === "") return (x === "") - (y === "");
        const apart = numbers ? x - y : x.localeCompare(y, "en", { numeric: true });
        return way === "descending" ? -apart : apart;
      };
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      if (way) head.setAttribute("aria-sort", way);
      (way ? [...first].sort(order) : first).forEach((one) => home.insertBefore(one, end));
    });
  });
}

document.querySelectorAll("table.sortable").forEach(sortable);
