// What stands around every view: where one can go, whether the page is live, the theme, the help.

import { follow, href, view } from "../address.js";
import { html, signal, useEffect } from "../frame.js";
import { theme, toggleTheme } from "../theme.js";
import { DEFAULT } from "../pure/view.js";
import { Dialog } from "./dialog.js";
import { Help } from "./help.js";
import { Later } from "./later.js";
import { Menu } from "./menu.js";
import { Pulse } from "./pulse.js";

const TITLES = { runs: "Runs", charts: "Charts", compare: "Compare", access: "Access", status: "Status" };
const isHelpOpen = signal(false);
const isViewsOpen = signal(false);

const loadViews = () => import("./saving/views.js").then(({ SavedViews }) => SavedViews);
const loadStrip = () => import("./saving/strip.js").then(({ SavedStrip }) => SavedStrip);
const loadWho = () => import("./who.js").then(({ Who }) => Who);

/** @param {{ children: any }} props */
export function Shell({ children }) {
  useEffect(() => {
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  const { page, prefix, runs, saved } = view.value;
  useEffect(() => {
    document.title = `${page === "run" ? prefix : TITLES[page]} · ML-Dash`;
  }, [page, prefix]);
  const chosen = page === "run" ? [prefix] : runs;
  const charts = { ...DEFAULT, page: /** @type {const} */ ("charts"), runs: chosen };
  const compare = { ...DEFAULT, page: /** @type {const} */ ("compare"), runs: chosen };
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the data</a>
    <header class="bar">
      <a class="brand" aria-label="ML-Dash" href=${href(DEFAULT)} onClick=${(/** @type {MouseEvent} */ event) => follow(event, DEFAULT)}>
        <${Mark} /><span>ML-Dash</span>
      </a>
      <nav aria-label="Views">
        <${Tab} to=${{ ...DEFAULT, runs: page === "charts" || page === "compare" ? runs : [] }} isHere=${page === "runs"} text="Runs" />
        <${Tab} to=${charts} isHere=${page === "charts"} text="Charts" />
        <${Tab} to=${page === "compare" ? view.value : compare} isHere=${page === "compare"} text="Compare" />
        ${page === "run" && html`<${Tab} to=${view.value} isHere isOfRun text=${prefix.split("/").at(-1)} />`}
      </nav>
      <${Pulse} />
      <button type="button" class="quiet" onClick=${() => (isViewsOpen.value = true)} title="Saved views (press w)" aria-label="Saved views"><${Ribbon} /></button>
      <${Menu} label="Access and status" face=${html`<${Person} />`}><${Later} load=${loadWho} isSmall /><//>
      <button type="button" class="quiet" onClick=${toggleTheme} title="Light or dark (press d)"
        aria-label=${theme.value === "dark" ? "Light colours" : "Dark colours"}><${Moon} /></button>
      <button type="button" class="quiet" onClick=${() => (isHelpOpen.value = true)} title="Keys (press ?)"
        aria-label="Keys">?</button>
    </header>
    ${saved && html`<${Later} load=${loadStrip} isSmall />`}
    <main id="main" tabindex="-1">${children}</main>
    ${isViewsOpen.value && html`<${Dialog} title="Saved views" close=${closeViews}><${Later} load=${loadViews} isSmall close=${closeViews} /><//>`}
    ${isHelpOpen.value && html`<${Help} close=${() => (isHelpOpen.value = false)} />`}
  `;
}

/** @param {{ to: import("../pure/view.js").View, isHere: boolean, text: string, isOfRun?: boolean }} props  isOfRun: the view says it too */
function Tab({ to, isHere, text, isOfRun = false }) {
  const onClick = (/** @type {MouseEvent} */ event) => follow(event, to);
  return html`<a class=${isOfRun ? "of-run" : null} href=${href(to)} aria-current=${isHere ? "page" : null} onClick=${onClick}>${text}</a>`;
}

function Mark() {
  return html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <path d="M3 7c5 14 10 17 26 17" /><path d="M3 12c7 10 12 3 26 6" />
  </svg>`;
}

function Moon() {
  return html`<svg viewBox="0 0 16 16" width="15" height="15" aria-hidden="true">
    <circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.5" />
    <path d="M8 1.8a6.2 6.2 0 0 1 0 12.4z" fill="currentColor" />
  </svg>`;
}

function Ribbon() {
  return html`<svg class="stroked" viewBox="0 0 16 16" width="15" height="15" aria-hidden="true"><path d="M4 2.2h8v11.6L8 10.6l-4 3.2z" /></svg>`;
}

function Person() {
  return html`<svg class="stroked" viewBox="0 0 16 16" width="15" height="15" aria-hidden="true"><circle cx="8" cy="5.4" r="2.9" /><path d="M2.4 14c.6-3.4 2.8-4.6 5.6-4.6s5 1.2 5.6 4.6" /></svg>`;
}

function closeViews() {
  isViewsOpen.value = false;
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (target.closest("input, textarea, select, dialog")) return;
  if (event.key === "?") isHelpOpen.value = true;
  else if (event.key === "d") toggleTheme();
  else if (event.key === "w") isViewsOpen.value = true;
  else if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (!(search instanceof HTMLElement)) return;
    search.focus();
  } else return;
  event.preventDefault();
}
