// Cards of one run with its band each, redrawn so often a second: by the dashboard's own modules, with data of its own.
async ([count, rate]) => {
  const base = document.querySelector('script[type="module"]').src;
  const { Plot } = await import(new URL("widgets/plot.js", base));
  const { linesOf } = await import(new URL("pure/lines.js", base));
  const COLUMNS = 390;

  const grid = (/** @type {number} */ turn, /** @type {number} */ card) => {
    const mean = Float64Array.from({ length: COLUMNS }, (_, at) => Math.exp(-at / COLUMNS) + Math.sin((at + turn) / (9 + card)) / 20);
    const statistics = {
      mean,
      count: new Float64Array(COLUMNS).fill(12),
      missing: new Float64Array(COLUMNS),
      least: mean.map((value) => value - 0.05),
      greatest: mean.map((value) => value + 0.05),
    };
    const edges = Float64Array.from({ length: COLUMNS + 1 }, (_, at) => at * 12);
    return { edges, isFine: false, runs: [{ prefix: `bench/driven/${card}`, statistics, hides: [] }] };
  };
  const picture = (/** @type {number} */ turn, /** @type {number} */ card) => ({
    ...linesOf(grid(turn, card), { isLog: false, halfLife: 0 }), isLog: false, isTime: false, shown: null, parted: null,
  });
  const reports = { zoomed: () => {}, whole: () => {}, pointed: () => {} };

  const cards = document.createElement("div");
  cards.className = "cards";
  document.body.replaceChildren(cards);
  const plots = Array.from({ length: count }, (_, card) => {
    const figure = document.createElement("figure");
    const root = document.createElement("div");
    figure.className = "card";
    root.className = "plot";
    figure.append(root);
    cards.append(figure);
    return new Plot(root, picture(0, card), reports);
  });
  let turn = 0;
  setInterval(() => {
    turn++;
    plots.forEach((plot, card) => plot.show(picture(turn, card), reports));
  }, 1_000 / rate);
};
