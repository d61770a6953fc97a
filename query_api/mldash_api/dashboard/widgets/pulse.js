// How live the page is, in words and by a mark whose shape changes with it.

import { html, useEffect, useState } from "../frame.js";
import { heardAt, state, why } from "../live.js";

const WORDS = { idle: "", joining: "joining …", live: "live", lost: "connection lost, trying again", ended: "no longer live" };
const QUIET_S = 20;

export function Pulse() {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const silent = heardAt.value ? Math.max(0, Math.round((now - heardAt.value) / 1000)) : 0;
  const since = state.value !== "live" && silent > 0 ? `, ${silent} s behind` : "";
  const words = state.value === "ended" ? `${WORDS.ended} (${why.value})` : WORDS[state.value] + since;
  const title = state.value === "live" && silent > QUIET_S ? `Nothing new for ${silent} s` : "";
  return html`<p class="pulse" data-state=${state.value} role="status" title=${title}>
    <svg viewBox="0 0 10 10" aria-hidden="true"><circle cx="5" cy="5" r="3.4" /></svg><span>${words}</span>
  </p>`;
}
