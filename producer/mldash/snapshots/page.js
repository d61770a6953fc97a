// The page of a snapshot (page.py): a classic script, for browsers load no modules from a disk. What users logged is set
// as text alone. The data are those of gathered.py.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const WIDTH = 640;
  const PLOT = { left: 64, top: 10, width: 566, height: 210 };
  const MOST_BANDS = 10; // of more lines each goes through its extremes itself
  const DASHES = ["", "7 4", "2 3", "9 3 2 3"]; // runs of one colour differ in them
  const data = JSON.parse(document.getElementById("data").textContent);
  const hidden = new Set();
  const before = new Map();
  for (const run of data.runs) {
    const same = before.get(run.colour) ?? 0;
    run.dashes = DASHES[same % DASHES.length];
    before.set(run.colour, same + 1);
  }

  function element(name, attributes = {}, ...inside) {
    return filled(document.createElement(name), attributes, inside);
  }

  function drawn(name, attributes = {}, ...inside) {
    return filled(document.createElementNS(SVG, name), attributes, inside);
  }

  function filled(made, attributes, inside) {
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
    made.append(...inside);
    return made;
  }

  function numbered(value) {
    if (value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-4)) return value.toExponential(3).replace("e+", "e");
    return String(Number(value.toPrecision(4)));
  }

  function swatch(run) {
    const line = drawn("path", { class: "line", d: "M1 5H27", "stroke-dasharray": run.dashes });
    return drawn("svg", { class: `swatch run-${run.colour}`, viewBox: "0 0 28 10", "aria-hidden": "true" }, line);
  }

  // -- runs

  function table(redraw) {
    const rows = data.runs.map((run, at) => {
      const shown = element("input", { type: "checkbox", "aria-label": `Draw ${run.prefix}` });
      shown.checked = true;
      shown.addEventListener("change", () => {
        if (shown.checked) hidden.delete(at);
        else hidden.add(at);
        redraw();
      });
      const look = run.status === "COMPLETED" ? "good" : ["CREATED", "RUNNING"].includes(run.status) ? "dim" : "bad";
      const created = run.facts.find(([name]) => name === "created")?.[1] ?? "";
      const cells = [[shown], [swatch(run)], [run.prefix], [element("span", { class: look }, run.status)], [created]];
      return element("tr", {}, ...cells.map((inside) => element("td", {}, ...inside)));
    });
    const heads = ["drawn", "line", "run", "status", "created"].map((name) => element("th", { scope: "col" }, name));
    return element("table", {}, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
  }

  function names(pairs) {
    return element("dl", {}, ...pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  }

  function told(run) {
    const parts = [element("summary", {}, run.prefix), names(run.facts)];
    if (run.params.length > 0) parts.push(element("h2", {}, "Parameters"), names(run.params));
    if (run.readme !== null) parts.push(element("h2", {}, "Readme"), element("pre", {}, run.readme));
    if (run.lines.length > 0) {
      const title = run.lineCount > run.lines.length ? `The last ${run.lines.length} of ${run.lineCount} log lines` : "Log";
      const lines = run.lines.map(([time, level, message]) => `${time.slice(0, 19).replace("T", " ")} [${level.toUpperCase()}] ${message}`);
      parts.push(element("h2", {}, title), element("pre", { tabindex: "0" }, lines.join("\n")));
    }
    return element("details", {}, ...parts);
  }

  // -- charts

  function chart({ title, series }) {
    const whole = [Math.min(...series.map(({ start }) => start)), Math.max(...series.map(({ end }) => end))];
    let shown = whole;
    const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} 250`, tabindex: "0", role: "img" });
    const says = element("output", {});
    const points = series.reduce((sum, one) => sum + one.points, 0);
    const without = series.reduce((sum, one) => sum + one.without, 0);

    function show([low, high]) {
      const width = Math.min(Math.max(high - low, (whole[1] - whole[0]) / 1e4), whole[1] - whole[0]);
      const from = Math.min(Math.max(low, whole[0]), whole[1] - width);
      shown = [from, from + width];
      redraw();
    }

    function redraw() {
      const lines = series.filter(({ run }) => !hidden.has(run));
      svg.setAttribute("aria-label", `${title}, index ${numbered(shown[0])} to ${numbered(shown[1])}`);
      svg.replaceChildren(...picture(lines, shown));
    }

    function zoom(factor) {
      const middle = (shown[0] + shown[1]) / 2;
      const half = ((shown[1] - shown[0]) / 2) * factor;
      show([middle - half, middle + half]);
    }

    function move(share) {
      const step = (shown[1] - shown[0]) * share;
      show([shown[0] + step, shown[1] + step]);
    }

    const KEYS = { "+": () => zoom(0.5), "-": () => zoom(2), 0: () => show(whole), ArrowLeft: () => move(-0.25), ArrowRight: () => move(0.25) };
    svg.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
      event.preventDefault();
      KEYS[event.key]();
    });
    svg.addEventListener("dblclick", () => show(whole));

    const placeOf = (event) => {
      const { left, width } = svg.getBoundingClientRect();
      const share = (((event.clientX - left) / width) * WIDTH - PLOT.left) / PLOT.width;
      return shown[0] + Math.min(1, Math.max(0, share)) * (shown[1] - shown[0]);
    };
    let grabbed = null;
    svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      grabbed = placeOf(event);
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => {
      const here = placeOf(event);
      says.textContent = valuesAt(series.filter(({ run }) => !hidden.has(run)), here);
      svg.querySelector(".chosen")?.remove();
      if (grabbed === null) return;
      const [from, to] = [grabbed, here].sort((a, b) => a - b).map((x) => across(x, shown));
      svg.append(drawn("rect", { class: "chosen", x: from, y: PLOT.top, width: to - from, height: PLOT.height }));
    });
    svg.addEventListener("pointerup", (event) => {
      if (grabbed === null) return;
      const range = [grabbed, placeOf(event)].sort((a, b) => a - b);
      grabbed = null;
      if (range[1] - range[0] > (shown[1] - shown[0]) / 100) show(range);
      else redraw();
    });
    svg.addEventListener("pointercancel", () => {
      grabbed = null;
      redraw();
    });

    const buttons = [["+", "Zoom in", () => zoom(0.5)], ["−", "Zoom out", () => zoom(2)], ["all", "Show all", () => show(whole)]].map(([text, label, act]) => {
      const button = element("button", { type: "button", "aria-label": `${label}: ${title}` }, text);
      button.addEventListener("click", act);
      return button;
    });
    const counts = `${points} point${points === 1 ? "" : "s"}${without > 0 ? `, ${without} without a number` : ""}`;
    const caption = element("figcaption", {}, element("b", {}, title), element("span", {}, counts), ...buttons);
    redraw();
    return { figure: element("figure", {}, caption, svg, says), redraw };
  }

  function across(x, [low, high]) {
    return PLOT.left + (high > low ? (x - low) / (high - low) : 0.5) * PLOT.width;
  }

  function picture(lines, range) {
    const parts = lines.map((one) => ({ ...one, stretches: one.stretches.map((stretch) => within(stretch, range)) }));
    let [least, greatest] = [Infinity, -Infinity];
    for (const { stretches } of parts) {
      for (const stretch of stretches) {
        for (let at = 1; at < stretch.length; at += 2) {
          least = Math.min(least, stretch[at]);
          greatest = Math.max(greatest, stretch[at]);
        }
      }
    }
    const height = greatest / 2 - least / 2; // halves: the distance need not be a number
    const place = {
      x: (x) => across(x, range) - PLOT.left,
      y: (y) => (height > 0 ? 1 - (y / 2 - least / 2) / height : 0.5) * PLOT.height,
    };
    const bottom = PLOT.top + PLOT.height;
    const label = (x, y, text, anchor) => drawn("text", { x, y, "text-anchor": anchor }, text);
    const made = [drawn("path", { class: "grid", d: `M${PLOT.left} ${PLOT.top}h${PLOT.width}M${PLOT.left} ${bottom}h${PLOT.width}` })];
    if (height > 0) made.push(label(PLOT.left - 6, PLOT.top + 8, numbered(greatest), "end"), label(PLOT.left - 6, bottom, numbered(least), "end"));
    else if (least === greatest) made.push(label(PLOT.left - 6, PLOT.top + PLOT.height / 2 + 4, numbered(least), "end"));
    made.push(label(PLOT.left, bottom + 16, numbered(range[0]), "start"), label(PLOT.left + PLOT.width, bottom + 16, numbered(range[1]), "end"));
    const inside = parts.flatMap((one) => lineOf(one, place, lines.length <= MOST_BANDS, range));
    made.push(drawn("svg", { x: PLOT.left, y: PLOT.top, width: PLOT.width, height: PLOT.height, overflow: "hidden" }, ...inside));
    return made;
  }

  /** The points in a range of x, and one on either side, so that lines go on beyond it. */
  function within(stretch, [low, high]) {
    let [first, last] = [0, stretch.length];
    while (first + 2 < stretch.length && stretch[first + 2] < low) first += 2;
    while (last - 4 >= first && stretch[last - 4] > high) last -= 2;
    return stretch.slice(first, last);
  }

  function lineOf({ run, stretches, above, below }, place, hasBand, [low, high]) {
    const { colour, dashes } = data.runs[run];
    const [curve, dots, bands] = [[], [], []];
    for (const stretch of stretches) {
      if (stretch.length === 0) continue;
      if (stretch.length === 2) {
        dots.push(`M${dot(place.x(stretch[0]))} ${dot(place.y(stretch[1]))}h0`);
        continue;
      }
      const columns = hasBand ? columnsOf(stretch, place) : null;
      if (columns !== null) {
        bands.push(`M${[...columns.map(({ x, greatest }) => `${x} ${dot(greatest)}`), ...columns.toReversed().map(({ x, least }) => `${x} ${dot(least)}`)].join("L")}Z`);
        curve.push(`M${columns.map(({ x, last }) => `${x} ${dot(last)}`).join("L")}`);
        continue;
      }
      const places = [];
      for (let at = 0; at < stretch.length; at += 2) places.push(`${dot(place.x(stretch[at]))} ${dot(place.y(stretch[at + 1]))}`);
      curve.push(`M${places.join("L")}`);
    }
    const marks = [
      ...above.filter((x) => x >= low && x <= high).map((x) => `M${dot(place.x(x) - 4)} 7h8l-4 -7z`),
      ...below.filter((x) => x >= low && x <= high).map((x) => `M${dot(place.x(x) - 4)} ${PLOT.height - 7}h8l-4 7z`),
    ];
    const paths = [["band", bands], ["line", curve], ["dots", dots], ["mark", marks]].filter(([, parts]) => parts.length > 0);
    return paths.map(([look, parts]) => drawn("path", { class: `${look} run-${colour}`, d: parts.join(""), ...(look === "line" && dashes ? { "stroke-dasharray": dashes } : {}) }));
  }

  /** By pixel, where there are many points a pixel: least, greatest and last. Null: there are few. */
  function columnsOf(stretch, place) {
    const first = place.x(stretch[0]);
    if (stretch.length / 2 < 2 * Math.max(2, place.x(stretch.at(-2)) - first)) return null;
    const found = [];
    for (let at = 0; at < stretch.length; at += 2) {
      const [x, y] = [Math.round(place.x(stretch[at])), place.y(stretch[at + 1])];
      const here = found.at(-1);
      if (here?.x !== x) found.push({ x, least: y, greatest: y, last: y });
      else Object.assign(here, { least: Math.max(here.least, y), greatest: Math.min(here.greatest, y), last: y });
    }
    return found;
  }

  function dot(value) {
    return Math.round(value * 10) / 10;
  }

  /** Of each run the point that is nearest to a place on x. */
  function valuesAt(lines, here) {
    return lines.slice(0, MOST_BANDS).flatMap(({ run, stretches }) => {
      let best = null;
      for (const stretch of stretches) {
        for (let at = 0; at < stretch.length; at += 2) {
          const far = Math.abs(stretch[at] - here);
          if (best === null || far < best.far) best = { far, x: stretch[at], y: stretch[at + 1] };
        }
      }
      return best === null ? [] : [`${data.runs[run].prefix}: ${numbered(best.y)} at ${numbered(best.x)}`];
    }).join(" · ");
  }

  // -- the page

  const charts = data.charts.map(chart);
  const redraw = () => charts.forEach((one) => one.redraw());
  const made = element("p", { class: "dim" }, `ML-Dash snapshot of ${data.made.replace("T", " ")}. Drag over a chart to zoom; + − 0 and the arrow keys do too.`);
  const left = data.left > 0 ? [element("p", { class: "dim" }, `${data.left} more metrics or fields have no chart here.`)] : [];
  document.title = `${data.runs[0].prefix}${data.runs.length > 1 ? ` and ${data.runs.length - 1} more` : ""} · ML-Dash snapshot`;
  const heading = element("h1", {}, data.runs.length === 1 ? data.runs[0].prefix : `${data.runs.length} runs`);
  const page = element("main", {}, heading, made, table(redraw), element("h2", {}, "Charts"), element("div", { class: "charts" }, ...charts.map(({ figure }) => figure)), ...left, element("h2", {}, "Runs"), ...data.runs.map(told));
  document.body.append(page);
})();
