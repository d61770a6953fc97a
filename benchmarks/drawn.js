// In every page of a benchmark, before its own scripts: when what one waits for was drawn, and how long the page stood still.
(() => {
  const PATIENCE_MS = 240_000;
  const seen = (window.seen = { actedAt: 0, redraws: 0, told: [] });
  const { stroke, clearRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.stroke = function (...path) {
    stroke.apply(this, path);
    this.canvas.strokedAt = performance.now();
  };
  CanvasRenderingContext2D.prototype.clearRect = function (...where) {
    clearRect.apply(this, where);
    seen.redraws++; // uPlot clears its canvas once for each picture
  };
  for (const kind of ["keydown", "pointerup"]) {
    addEventListener(kind, ({ timeStamp }) => (seen.actedAt = timeStamp), true);
  }

  // A card says of how many points its picture is made before it draws them.
  new MutationObserver((changes) => {
    for (const { target, attributeName } of changes) {
      if (!target.classList?.contains("card")) continue;
      target.freshAt = performance.now();
      if (attributeName === "data-points") seen.heard?.(target);
    }
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-stale", "data-points"] });

  // The time at which the frame has been painted in which it is true.
  seen.until = (isThere) =>
    new Promise((done, failed) => {
      const last = performance.now() + PATIENCE_MS;
      const look = () => {
        if (performance.now() > last) return failed(new Error(`never came: ${isThere}`));
        if (!isThere()) return requestAnimationFrame(look);
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => done(performance.now());
        requestAnimationFrame(() => port2.postMessage(0));
      };
      look();
    });

  // Whether the canvas holds a colour: axes and their numbers are grey.
  seen.isColoured = (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] > 0 && Math.max(data[at], data[at + 1], data[at + 2]) - Math.min(data[at], data[at + 1], data[at + 2]) > 60) return true;
    }
    return false;
  };

  seen.isDrawn = (card) => {
    const canvas = card.querySelector("canvas");
    return card.dataset.stale === "false" && canvas?.strokedAt > card.freshAt && seen.isColoured(canvas);
  };

  seen.inView = (selector) =>
    [...document.querySelectorAll(selector)].filter((one) => {
      const { top, bottom } = one.getBoundingClientRect();
      return bottom > 0 && top < innerHeight;
    });

  // The longest time between two frames while `move` is called before each, in milliseconds.
  seen.scrolled = (steps, move) =>
    new Promise((done) => {
      let [step, before, longest] = [0, 0, 0];
      const frame = (now) => {
        if (before > 0) longest = Math.max(longest, now - before);
        before = now;
        if (step === steps) return done(longest);
        move(step++);
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });

  // From here on: when (Date.now) each card has drawn so many points.
  seen.follow = () => {
    seen.heard = (card) => {
      const total = Number(card.dataset.points);
      seen.until(() => seen.isDrawn(card)).then(() => seen.told.push([total, Date.now()]));
    };
  };
})();
