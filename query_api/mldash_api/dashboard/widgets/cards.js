// All cards of some runs, in sections.

import { go, view } from "../address.js";
import { html } from "../frame.js";
import { FIRST, axesOf, nameOf, sectionOf, sectionsOf } from "../pure/cards.js";
import { metricSource } from "../views/grid_data.js";
import { Card } from "./card.js";
import { ChartOptions } from "./chart_options.js";
import { Notice } from "./notice.js";

const NONE = /** @type {string[]} */ ([]);

/** @param {import("../pure/cards.js").Card} card */
function pinOf(card) {
  const { first } = view.value;
  const name = nameOf(card);
  const isPinned = first.includes(name);
  return { isPinned, toggle: () => go({ first: isPinned ? first.filter((one) => one !== name) : [...first, name] }) };
}

/** @param {{ statistics: any[], prefixes: string[], parted?: string[] }} props  parted: two runs, or none */
export function Cards({ statistics, prefixes, parted = NONE }) {
  const sections = sectionsOf(statistics, view.value.find, view.value.first);
  if (statistics.length === 0) {
    return html`<${Notice} kind="empty" title="No metrics yet" text="Charts come by themselves when the first point is logged." />`;
  }
  return html`
    <${ChartOptions} axes=${axesOf(statistics)} />
    ${sections.length === 0 && html`<${Notice} kind="empty" title="No chart has such a name" text="The search is a regular expression over metric and field." />`}
    ${sections.map(({ name, cards }) => html`
      <section class="section" key=${name} aria-label=${name}>
        <h2>${name} <small>${cards.length}</small></h2>
        <div class="cards">
          ${cards.map((card) => html`<${Card} key=${JSON.stringify(card)} card=${card} section=${name === FIRST ? sectionOf(card.metric) : name} pin=${pinOf(card)} source=${metricSource(card, prefixes, view.value.x)} parted=${parted} />`)}
        </div>
      </section>`)}
  `;
}
