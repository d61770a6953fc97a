// The log of a run: lines come as they are scrolled into view; at the end new ones are followed.

import { go, view } from "../address.js";
import { html, useEffect, useRef, useState } from "../frame.js";
import { counted } from "../pure/numbers.js";
import { pagesOf } from "../pure/windows.js";
import { PAGE, useLines } from "../views/log_data.js";
import { LogLine } from "./log_line.js";
import { Notice, ProblemNotice } from "./notice.js";
import { useVirtual } from "./virtual.js";

const LEVELS = ["debug", "info", "warn", "error", "fatal"];
const LINE = 22;

/** @param {{ prefix: string }} props */
export function Logs({ prefix }) {
  const { level, find } = view.value;
  const { lines, count, problem, need, again } = useLines(prefix, level, find);
  const scroller = useRef(/** @type {HTMLElement | null} */ (null));
  const [isFollowing, setFollowing] = useState(true);
  const virtual = useVirtual({ count: count ?? 0, scroller: () => scroller.current, size: () => LINE, overscan: 20 });
  const items = virtual.getVirtualItems();
  const [first, last] = [items[0]?.index ?? 0, items.at(-1)?.index ?? 0];
  useEffect(() => {
    if (count) need(pagesOf(first, last, PAGE));
  }, [first, last, count, need]);
  useEffect(() => {
    if (isFollowing && count) virtual.scrollToIndex(count - 1, { align: "end" });
  }, [count, isFollowing]);

  const onScroll = () => {
    const { scrollTop, clientHeight, scrollHeight } = /** @type {HTMLElement} */ (scroller.current);
    setFollowing(scrollTop + clientHeight > scrollHeight - LINE * 2);
  };
  const toggle = (/** @type {string} */ name) => go({ level: level.includes(name) ? level.filter((one) => one !== name) : [...level, name] });

  return html`
    <div class="log">
      <div class="options" role="toolbar" aria-label="Of the log">
        <input type="search" data-search aria-label="Find in the log" placeholder="find in messages" value=${find} spellcheck=${false}
          onChange=${(/** @type {any} */ { target }) => go({ find: target.value })} />
        ${LEVELS.map((name) => html`<button type="button" key=${name} class="button level" data-level=${name} aria-pressed=${level.includes(name)} onClick=${() => toggle(name)}>${name}</button>`)}
        <button type="button" class="button" aria-pressed=${isFollowing} onClick=${() => setFollowing(!isFollowing)}>Follow</button>
        <span class="dim" role="status">${count === null ? "…" : counted(count, "line")}</span>
      </div>
      ${body()}
    </div>
  `;

  function body() {
    if (problem) return html`<${ProblemNotice} problem=${problem} again=${again} />`;
    if (count === null) return html`<${Notice} kind="loading" title="Counting lines …" />`;
    if (count === 0) {
      const isAll = level.length === 0 && find === "";
      const action = isAll ? undefined : { text: "Show all lines", run: () => go({ level: [], find: "" }) };
      return html`<${Notice} kind="empty" title=${isAll ? "Nothing is logged yet" : "No line is like that"} action=${action} />`;
    }
    return html`
      <div class="lines" ref=${scroller} tabindex="0" role="log" aria-label="Log lines" onScroll=${onScroll}>
        <div class="all" style=${{ height: `${virtual.getTotalSize()}px` }}>
          ${items.map((/** @type {any} */ { index, start }) => html`<${LogLine} key=${index} line=${lines.get(index)} top=${start} find=${find} />`)}
        </div>
      </div>
    `;
  }
}
