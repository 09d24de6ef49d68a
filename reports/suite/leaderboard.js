"use strict";
// Rows open at a click on their title; page.js sorts them.
for (const button of document.querySelectorAll("table.board button.open")) {
  const more = button.closest("tbody").querySelector(".more");
  const turn = (open) => {
    more.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  };
  turn(false);
  button.addEventListener("click", () => turn(more.hidden));
}
