// Unpacks runtime and network out of the page, and asks it of one picture after another.
const find = (id) => document.getElementById(id);
const labels = JSON.parse(find("labels").textContent);
const inputs = [find("choose"), find("photograph")];

async function unpacked(id) {
  const text = find(id).textContent;
  const letters = atob(text);
  const packed = new Uint8Array(letters.length);
  for (let at = 0; at < packed.length; at++) packed[at] = letters.charCodeAt(at); // not by a callback
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function opened() {
  const [module, wasm, model] = await Promise.all(["module", "wasm", "model"].map(unpacked));
  const address = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
  const ort = await import(address);
  URL.revokeObjectURL(address);
  ort.env.wasm.wasmBinary = wasm;
  ort.env.wasm.numThreads = 1; // a page from disk may have no more
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  return { ort, session };
}

// uint8 RGB (height, width, 3), upright, in the file's own colours; and as it is shown. What a
// canvas would change, and every reader of files in its own way, is refused.
async function pixelsOf(file) {
  const head = new Uint8Array(await file.slice(0, 25).arrayBuffer());
  const isPng = String.fromCharCode(...head.slice(1, 4)) === "PNG"; // byte 24: bits a colour
  if (isPng && head[24] > 8) throw new Error("it has more than 8 bits a colour; save it with 8");
  const bitmap = await createImageBitmap(file, {
    imageOrientation: "from-image", colorSpaceConversion: "none", premultiplyAlpha: "none",
  });
  const canvas = find("shown");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const rgb = new Uint8Array(bitmap.width * bitmap.height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    rgb[to++] = data[from];
    rgb[to++] = data[from + 1];
    rgb[to++] = data[from + 2];
    if (data[from + 3] < 255) throw new Error("it is transparent; save it without transparency");
  }
  return { rgb, shape: [bitmap.height, bitmap.width, 3] };
}

function percent(share, digits = 1) {
  return `${(100 * share).toFixed(digits)} %`;
}

function show(name, said, milliseconds) {
  const { value, sensitivity } = labels.threshold;
  const target = labels.target.join(" or ");
  const isFlagged = said.probability >= value;
  find("name").textContent = name;
  find("probability").textContent = percent(said.probability);
  find("bar").style.width = `${100 * said.probability}%`;
  find("mark").style.left = `${100 * value}%`;
  find("decision").textContent =
    `${isFlagged ? "Flagged: at or above" : "Not flagged: below"} ${percent(value)}, the threshold ` +
    `that was chosen to find ${percent(sensitivity, 0)} of those that are ${target}.`;
  find("unlike").hidden = said.distance <= labels.distance.limit;
  find("unlike").textContent =
    "Unlike the pictures that it learnt from: what it says of this one is to be doubted.";
  if (labels.classes.length > 2) {
    find("shares").hidden = false;
    find("shares").replaceChildren(...labels.classes.map((one, at) => {
      const row = document.createElement("div");
      row.append(document.createElement("dt"), document.createElement("dd"));
      row.firstChild.textContent = one;
      row.lastChild.textContent = percent(said.shares[at]);
      return row;
    }));
  }
  find("took").textContent = `Answered in ${Math.round(milliseconds)} ms.`;
  const answer = find("answer");
  answer.hidden = false;
  Object.assign(answer.dataset, {
    name, probability: said.probability, distance: said.distance, flagged: isFlagged,
    milliseconds,
  });
}

async function ask({ ort, session }, file) {
  find("state").textContent = "Looking …";
  await new Promise((drawn) => setTimeout(drawn)); // or the words would come after the answer
  try {
    const { rgb, shape } = await pixelsOf(file);
    const begun = performance.now();
    const found = await session.run({ picture: new ort.Tensor("uint8", rgb, shape) });
    const took = performance.now() - begun;
    const [probability, distance] = [found.probability.data[0], found.distance.data[0]];
    if (![probability, distance].every(Number.isFinite)) {
      throw new Error("what the network says of it is no number");
    }
    show(file.name, { probability, distance, shares: [...found.shares.data] }, took);
    find("state").textContent = "Ready for another picture.";
  } catch (error) {
    find("answer").hidden = true;
    find("state").textContent = `${file.name} gets no answer (${error.message}).`;
  }
}

try {
  const network = await opened();
  const drop = find("drop");
  let last = Promise.resolve();
  const next = (files) => {
    if (files.length) last = last.then(() => ask(network, files[0]));
  };
  for (const input of inputs) {
    input.disabled = false;
    input.addEventListener("change", () => {
      next([...input.files]);
      input.value = ""; // so that the same picture may be chosen again
    });
  }
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over-it");
  });
  addEventListener("dragleave", () => drop.classList.remove("over-it"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over-it");
    next([...event.dataTransfer.files]);
  });
  find("state").textContent = "Ready.";
  document.body.dataset.ready = Math.round(performance.now()); // ms after it was opened
} catch (error) {
  find("state").textContent = `This browser cannot run the network: ${error.message}`;
}
