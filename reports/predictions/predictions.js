"use strict";
// Draws one page of rows at a time: what the name, the decision and the tick leave, in the order of
// a column. Every text becomes text; an overlay is asked for when its picture is opened.
const { measured_by: measuredBy, speakers, decisions, rows } = JSON.parse(document.getElementById("content").textContent);
const [NAME, CALLED, DISTANCE, SAID, SMALL] = [0, 1, 2, 3, 4];
const ask = (id) => document.getElementById(id);
const [body, state, size] = [ask("rows"), ask("state"), ask("size")];
const heads = [...document.querySelectorAll("th[data-by]")];
const pager = [...document.querySelectorAll(".pager button")];
const whole = (number) => number.toLocaleString("en-US");
const scored = (row, at) => {
  const said = row[SAID][at];
  return said && said[1][said[0]];
};
const values = {
  name: (row) => row[NAME],
  decision: (row) => (row[CALLED] < 0 ? "" : decisions[row[CALLED]]),
  distance: (row) => row[DISTANCE],
};
const value = (by) => values[by] ?? ((row) => scored(row, Number(by)));
const unlike = (row) => row[DISTANCE] > 1;
let by = "0", down = true, at = 0, left = rows;

const make = (tag, text, className) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
};
const digits = (p) => (p >= 0.001 ? p.toFixed(3) : p.toPrecision(2));

const choose = () => {
  const part = ask("name").value.toLowerCase();
  const called = ask("decision")?.value ?? "";
  const onlyUnlike = ask("unlike")?.checked ?? false;
  left = rows.filter(
    (row) =>
      row[NAME].toLowerCase().includes(part) &&
      (called === "" || row[CALLED] === Number(called)) &&
      (!onlyUnlike || unlike(row)),
  );
  const of = value(by), sign = down ? -1 : 1;
  left.sort((a, b) => {
    const [x, y] = [of(a), of(b)];
    if (x === null || y === null) return (x === null) - (y === null) || (a[NAME] < b[NAME] ? -1 : 1);
    return (x < y ? -sign : x > y ? sign : 0) || (a[NAME] < b[NAME] ? -1 : 1);
  });
  at = 0;
  draw();
};

const draw = () => {
  const most = Number(size.value), last = Math.max(0, Math.ceil(left.length / most) - 1);
  at = Math.min(Math.max(at, 0), last);
  const shown = left.slice(at * most, (at + 1) * most);
  body.replaceChildren(...shown.flatMap(drawn));
  const from = at * most;
  state.textContent = left.length
    ? `Rows ${whole(from + 1)} to ${whole(from + shown.length)} of ${whole(left.length)}` +
      (left.length < rows.length ? `, chosen from ${whole(rows.length)} pictures.` : ".")
    : `None of ${whole(rows.length)} pictures is so.`;
  for (const head of heads) {
    if (head.dataset.by === by) head.setAttribute("aria-sort", down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  for (const button of pager) {
    const back = ["first", "before"].includes(button.dataset.go);
    button.disabled = back ? at === 0 : at === last;
  }
};

const small = (row) => {
  const image = make("img", undefined, "small");
  if (row[SMALL]) image.src = `data:image/webp;base64,${row[SMALL]}`;
  image.alt = "";
  return image;
};

const drawn = (row) => {
  const line = make("tr"), name = make("td", undefined, "name"), open = make("button", row[NAME], "open");
  const picture = make("td");
  if (row[SMALL]) picture.append(small(row));
  open.type = "button";
  open.setAttribute("aria-expanded", "false");
  name.append(open, make("span", under(row), "under"));
  line.append(picture, name);
  speakers.forEach((one, number) => {
    const cell = make("td", row[SAID][number] ? digits(scored(row, number)) : "–");
    if (one.classes.length > 2 && row[SAID][number]) cell.prepend(`${one.classes[row[SAID][number][0]]} `);
    line.append(cell);
  });
  if (decisions.length) line.append(make("td", values.decision(row) || "–", "wide"));
  if (measuredBy) line.append(make("td", far(row), unlike(row) ? "wide unlike" : "wide"));
  const more = make("tr", undefined, "more");
  more.hidden = true;
  open.addEventListener("click", () => {
    if (!more.firstChild) more.append(details(row, line.children.length));
    more.hidden = !more.hidden;
    open.setAttribute("aria-expanded", String(!more.hidden));
  });
  return [line, more];
};

const far = (row) => (row[DISTANCE] === null ? "–" : `${row[DISTANCE].toFixed(2)}${unlike(row) ? " unlike" : ""}`);

const under = (row) => [values.decision(row), row[DISTANCE] !== null && `distance ${far(row)}`].filter(Boolean).join(", ");

const details = (row, width) => {
  const cell = make("td"), stages = make("div", undefined, "stages");
  cell.colSpan = width;
  speakers.forEach((one, number) => {
    if (row[SAID][number]) stages.append(stage(one, row[SAID][number], row));
  });
  if (unlike(row)) {
    cell.append(make("p", `Unlike the pictures that ${measuredBy} learnt from (distance ${row[DISTANCE].toFixed(2)}, from 1 on): what is said of it says little.`, "unlike"));
  }
  cell.append(stages);
  return cell;
};

const stage = (one, [shown, shares, overlay], row) => {
  const box = make("div"), two = one.classes.length === 2;
  box.append(make("h3", one.name));
  const list = one.classes.map((name, code) => [name, shares[code], code]).filter(([, , code]) => !two || code === 1);
  list.sort((a, b) => b[1] - a[1]);
  for (const [name, p] of list) box.append(make("p", `${name} ${digits(p)}`));
  if (two && one.limit !== null && !unlike(row)) {
    const is = shares[1] >= one.limit ? "at or above" : "below";
    box.append(make("p", `${is} the run's threshold of ${digits(one.limit)}: ${one.classes[Number(shares[1] >= one.limit)]}`));
  }
  if (!unlike(row)) box.append(make("p", meaning(one, shown, shares[shown])));
  if (overlay) {
    const image = make("img");
    image.src = overlay.split("/").map(encodeURIComponent).join("/");
    image.alt = `Where ${one.name} saw ${one.classes[shown]} in ${row[NAME]}`;
    box.append(image, make("p", `The picture, and where it saw ${one.classes[shown]}: colours tell where, not how much.`));
  }
  return box;
};

const meaning = (one, code, p) => {
  const bins = one.meaning[code];
  if (typeof bins === "string") return bins;
  const last = bins[bins.length - 1], above = p > last[1], below = p < bins[0][0];
  const [low, high, n, positives, ...between] = bins.find((bin) => p <= bin[1]) ?? last;
  const beyond = above ? "Higher than any that the run held out. " : below ? "Lower than any that the run held out. " : "";
  const like = above ? "highest" : below ? "lowest" : "like this";
  const [about, from, to] = [positives / n, ...between].map((share) => whole(Math.round(1000 * share)));
  return (
    `${beyond}Of ${whole(n)} rows that the run held out and scored ${like} (${digits(low)} to ${digits(high)}), ` +
    `${whole(positives)} were ${one.classes[code]}: about ${about} of 1,000 (${from} to ${to}).`
  );
};

for (const head of heads) {
  head.querySelector("button").addEventListener("click", () => {
    down = head.dataset.by === by ? !down : !["name", "decision"].includes(head.dataset.by);
    by = head.dataset.by;
    choose();
  });
}
const steps = { first: () => 0, before: () => at - 1, next: () => at + 1, last: () => rows.length };
for (const button of pager) {
  button.addEventListener("click", () => {
    at = steps[button.dataset.go]();
    draw();
  });
}
for (const id of ["name", "decision", "unlike"]) ask(id)?.addEventListener("input", choose);
size.addEventListener("input", () => { at = 0; draw(); });
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
if (!speakers.length) by = "name";
choose();
document.body.dataset.ready = "true";
