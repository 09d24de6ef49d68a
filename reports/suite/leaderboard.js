"use strict";
// Rows open at a click on their title; a click on a head sorts by its column, once more turns it.
const board = document.querySelector("table.board");
for (const button of board.querySelectorAll("button.open")) {
  const more = button.closest("tbody").querySelector(".more");
  const turn = (open) => {
    more.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  };
  turn(false);
  button.addEventListener("click", () => turn(more.hidden));
}
const heads = [...board.querySelectorAll("thead th")];
heads.forEach((head, at) => {
  const button = head.querySelector("button");
  button.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") !== "descending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (body) => body.querySelectorAll("tr.one > *")[at].dataset.value;
    const order = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === ""); // what has none stands last
      const apart = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return down ? -apart : apart;
    };
    [...board.tBodies].sort(order).forEach((body) => board.append(body));
  });
});
