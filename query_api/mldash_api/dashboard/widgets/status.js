// A run's status: a mark of a shape of its own beside the word, so that no colour is needed.

import { html } from "../frame.js";

const SHAPES = {
  RUNNING: "M3 2.2 8.4 5 3 7.8z",
  COMPLETED: "M1.8 5.2 4.1 7.6 8.3 2.6",
  FAILED: "M2.4 2.4 7.6 7.6M7.6 2.4 2.4 7.6",
  CANCELLED: "M2.2 5H7.8",
  PREEMPTED: "M3.4 2.4V7.6M6.6 2.4V7.6",
  LOST: "M3 3.6C3 1.8 7 1.8 7 3.7 7 5 5 5 5 6.4M5 8.1V8.2",
  CREATED: "M5 5h.01",
};

/** @param {{ status: string }} props */
export function Status({ status }) {
  return html`<span class="status" data-status=${status}>
    <svg viewBox="0 0 10 10" width="11" height="11" aria-hidden="true"><path d=${SHAPES[/** @type {keyof typeof SHAPES} */ (status)] ?? SHAPES.LOST} /></svg>
    ${String(status).toLowerCase()}
  </span>`;
}
