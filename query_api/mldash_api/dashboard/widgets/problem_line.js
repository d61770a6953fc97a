// A problem in one line, beside what was asked for: in words, with what is missing and whom to ask.

import { Problem } from "../api.js";
import { html } from "../frame.js";
import { missingWords } from "../pure/rights.js";

/** @param {{ problem: unknown }} props */
export function ProblemLine({ problem }) {
  return problem ? html`<p class="bad" role="alert">${problemWords(problem)}</p>` : null;
}

/** @param {unknown} problem */
export function problemWords(problem) {
  if (!(problem instanceof Problem)) return String(problem);
  const { status, told, message } = problem;
  if (status === 403 && told.right) return missingWords(told.right, told.scope ?? "");
  if (status === 401) return `${message}. Sign in again.`;
  return message;
}
