// The search box: one line in the API's grammar, completed from what was really logged, with errors at their character.

import { Problem, ask, wasCancelled } from "../api.js";
import { html, useEffect, useRef, useState } from "../frame.js";
import { completed, isBegun, nameAt, suggestions } from "../pure/completing.js";

const TYPING_MS = 140;

/** @param {{ value: string, apply: (filter: string) => void, problem: Problem | null }} props */
export function Search({ value, apply, problem }) {
  const [text, setText] = useState(value);
  const [offers, setOffers] = useState(/** @type {{ value: string, detail: string }[]} */ ([]));
  const [at, setAt] = useState(-1);
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const typing = useRef(/** @type {AbortController | null} */ (null));
  const [wrong, setWrong] = useState(/** @type {Problem | null} */ (null));
  // What is being typed keeps its spaces when its own filter comes back.
  useEffect(() => setText((before) => (before.trim() === value ? before : value)), [value]);
  useEffect(() => setWrong(problem?.type === "wrong-filter" ? problem : null), [problem]);

  const hide = () => {
    setOffers([]);
    setAt(-1);
  };

  const close = () => {
    typing.current?.abort();
    hide();
  };

  /** @param {string} now @param {boolean} offer */
  const changed = async (now, offer = true) => {
    setText(now);
    typing.current?.abort();
    const stop = (typing.current = new AbortController());
    await new Promise((done) => setTimeout(done, TYPING_MS));
    if (stop.signal.aborted) return;
    const caret = input.current?.selectionStart ?? now.length;
    const { name, isField } = nameAt(now, caret);
    try {
      const known = isField && offer ? await ask("v1/fields", { prefix: name, limit: 12 }, stop.signal) : { fields: [] };
      if (!stop.signal.aborted && offer && document.activeElement === input.current) setOffers(suggestions(now, caret, known.fields));
      // A name that is still being typed asks for nothing yet: its runs would go away and come back with each letter.
      if (offer && isBegun(name, known.fields)) return setWrong(null);
      if (now.trim()) await ask("v1/explain", { filter: now }, stop.signal);
      setWrong(null);
      apply(now.trim());
    } catch (error) {
      if (wasCancelled(error) || stop.signal.aborted) return;
      if (error instanceof Problem) setWrong(error.type === "wrong-filter" ? error : null);
      else throw error;
    }
  };

  /** @param {string} offer */
  const take = (offer) => {
    const next = completed(text, input.current?.selectionStart ?? text.length, offer);
    close();
    setText(next.text); // a name alone asks whether it is true: wait for the rest of the condition, or Enter
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(next.caret, next.caret);
    });
  };

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    const { key } = event;
    if (key === "ArrowDown" && offers.length) setAt((at + 1) % offers.length);
    else if (key === "ArrowUp" && offers.length) setAt((at + offers.length - (at < 0 ? 0 : 1)) % offers.length);
    else if ((key === "Enter" || key === "Tab") && at >= 0) take(offers[at].value);
    else if (key === "Enter") {
      close();
      changed(text, false);
    } else if (key === "Escape" && offers.length) close();
    else if (key === "Escape") input.current?.blur();
    else return;
    if (key !== "Tab" || at >= 0) event.preventDefault();
  };

  const position = wrong?.told.position;
  return html`
    <div class="search" role="search" data-wrong=${wrong !== null}>
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><circle cx="6.8" cy="6.8" r="4.6" /><path d="m10.4 10.4 4 4" /></svg>
      <input ref=${input} data-search type="text" spellcheck=${false} autocomplete="off" autocapitalize="off" role="combobox"
        aria-label="Filter runs" aria-expanded=${offers.length > 0} aria-controls="offers" aria-autocomplete="list"
        aria-activedescendant=${at >= 0 ? `offer-${at}` : null} aria-invalid=${wrong !== null}
        aria-describedby=${wrong ? "search-wrong" : null}
        placeholder='status = "RUNNING" and params.lr < 1e-3' value=${text}
        onInput=${(/** @type {any} */ event) => changed(event.target.value)} onKeyDown=${onKey} onBlur=${hide} />
      ${text && html`<button type="button" class="quiet" aria-label="Clear the filter" onClick=${() => changed("", false)}>×</button>`}
      ${offers.length > 0 && html`
        <ul id="offers" role="listbox" aria-label="Suggestions">
          ${offers.map((offer, index) => html`
            <li id=${`offer-${index}`} role="option" aria-selected=${index === at} key=${offer.value}
              onMouseDown=${(/** @type {Event} */ event) => { event.preventDefault(); take(offer.value); }}>
              <span>${offer.value}</span><small>${offer.detail}</small>
            </li>`)}
        </ul>`}
      ${wrong && html`
        <p id="search-wrong" class="wrong" role="alert">
          ${typeof position === "number" && html`<code>${text.slice(0, position)}<mark>${text.slice(position, position + 1) || " "}</mark>${text.slice(position + 1)}</code>`}
          <span>${expected(wrong)}</span>
        </p>`}
    </div>
  `;
}

/** @param {Problem} wrong */
function expected({ told, message }) {
  if (!Array.isArray(told.expected)) return message;
  const wanted = told.expected.slice(0, 6).join(", ");
  return `Character ${told.position + 1}: ${told.found ? `“${told.found}” stands` : "the filter ends"} where ${wanted} was expected.`;
}
