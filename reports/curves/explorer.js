"use strict";
// Moves numbers and matrix along with the slider: counts lie in the page, and the sums are those
// of metrics/operating.py, in its order, so that both give the same to the last digit.
const SHARES = ["sensitivity", "specificity", "ppv", "npv"];

function ratio(some, whole) {
  return whole > 0 ? some / whole : NaN;
}

function atThreshold(points, at) {
  const [hits, alarms] = [points.tp[at], points.fp[at]];
  return { hits, alarms, missed: points.positives - hits, spared: points.negatives - alarms };
}

function atPrevalence(cells, points, prevalence) {
  const [positive, negative] = [
    (count) => prevalence * ratio(count, points.positives),
    (count) => (1 - prevalence) * ratio(count, points.negatives),
  ];
  return {
    hits: positive(cells.hits), missed: positive(cells.missed),
    alarms: negative(cells.alarms), spared: negative(cells.spared),
  };
}

function valuesOf({ hits, missed, alarms, spared }) {
  const [flagged, passed] = [hits + alarms, missed + spared];
  return {
    ppv: ratio(hits, flagged),
    npv: ratio(spared, passed),
    flagged_per_1000: 1000 * ratio(flagged, flagged + passed),
    biopsies_per_cancer: ratio(flagged, hits),
    missed_per_1000: 1000 * ratio(missed, flagged + passed),
  };
}

function oneDigit(value) { // as the table below has it
  return Number(value.toFixed(1)).toLocaleString("en", { minimumFractionDigits: 1 });
}

function shown(name, value) {
  if (isNaN(value)) return "–";
  if (name === "threshold") return String(Number(value.toPrecision(4)));
  return SHARES.includes(name) ? `${oneDigit(100 * value)}%` : oneDigit(value);
}

function put(data, value, text) {
  data.value = String(value);
  data.textContent = text;
}

function explore(explorer) {
  const points = JSON.parse(explorer.dataset.points);
  const find = (selector) => explorer.querySelector(selector);
  const [slider, common, again] = ["#threshold", "#prevalence", "button"].map(find);
  let prevalence = null; // as in the data

  function show() {
    const at = Number(slider.value);
    const cells = atThreshold(points, at);
    const there = prevalence === null ? cells : atPrevalence(cells, points, prevalence);
    const values = {
      threshold: points.thresholds[at],
      sensitivity: ratio(cells.hits, points.positives),
      specificity: ratio(cells.spared, points.negatives),
      ...valuesOf(there),
    };
    for (const [name, value] of Object.entries(values)) {
      put(find(`[data-name="${name}"]`), value, shown(name, value));
    }
    const whole = there.hits + there.missed + there.alarms + there.spared;
    for (const [name, count] of Object.entries(cells)) {
      const cell = find(`[data-cell="${name}"]`);
      const isPositive = name === "hits" || name === "missed";
      const share = ratio(count, isPositive ? points.positives : points.negatives);
      put(cell.firstChild, count, count.toLocaleString("en"));
      cell.lastChild.textContent = `${shown(name, 1000 * ratio(there[name], whole))} of 1,000`;
      cell.style.setProperty("--share", `${100 * share}%`);
    }
    const words = (name) => shown(name, values[name]);
    slider.setAttribute("aria-valuetext", `${words("threshold")}, finds ${words("sensitivity")}`);
    find(".said-of").textContent =
      `From ${words("threshold")} on, ${words("sensitivity")} of the cancers are found ` +
      `(${cells.hits.toLocaleString("en")} of ${points.positives.toLocaleString("en")}); of 1,000 ` +
      `lesions ${words("flagged_per_1000")} are flagged, and ${words("missed_per_1000")} cancers missed.`;
  }

  function hear() {
    const stated = common.value.trim() === "" ? NaN : Number(common.value) / 1000;
    const isKnown = common.value === common.defaultValue || (stated > 0 && stated < 1);
    common.setAttribute("aria-invalid", String(!isKnown));
    find("#prevalence-said").textContent =
      isKnown ? "" : "Name a number above 0 and below 1,000; the numbers below are of the last one.";
    if (!isKnown) return;
    prevalence = common.value === common.defaultValue ? null : stated;
    show();
  }

  slider.addEventListener("input", show);
  common.addEventListener("input", hear);
  again.addEventListener("click", () => {
    common.value = common.defaultValue;
    hear();
  });
  hear(); // a browser that goes back keeps what was typed
  explorer.hidden = false;
}

document.querySelectorAll(".explorer").forEach(explore);
