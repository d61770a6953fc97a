// All cards of some runs, in sections.

import { go, view } from "../address.js";
import { localFolder } from "../api.js";
import { html } from "../frame.js";
import { FIRST, axesOf, expressionsOf, nameOf, namesWithout, sectionOf, sectionsOf } from "../pure/cards.js";
import { wayOf } from "../pure/grouping.js";
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

/** @param {import("../pure/cards.js").Card} card */
function removalOf(card) {
  if (!card.isExpression) return undefined;
  const { expressions, first } = view.value;
  const name = nameOf(card);
  return () => go({ expressions: namesWithout(expressions, card), first: first.filter((one) => one !== name) });
}

/**
 * How groups of these runs are drawn, as the address says; null: a line a run.
 * @param {readonly string[]} prefixes
 */
export function groupedOf(prefixes) {
  const way = prefixes.length > 1 && !localFolder ? wayOf(view.value.over) : null;
  return way && { way, fields: view.value.group };
}

/** @param {{ statistics: any[], prefixes: string[], parted?: string[] }} props  parted: two runs, or none */
export function Cards({ statistics, prefixes, parted = NONE }) {
  const { find, first, expressions, x } = view.value;
  const sections = sectionsOf(statistics, find, first, expressionsOf(expressions));
  const grouped = groupedOf(prefixes);
  if (statistics.length === 0) {
    return html`<${Notice} kind="empty" title="No metrics yet" text="Charts come by themselves when the first point is logged." />`;
  }
  return html`
    <${ChartOptions} axes=${axesOf(statistics)} statistics=${statistics} prefixes=${prefixes} />
    ${sections.length === 0 && html`<${Notice} kind="empty" title="No chart has such a name" text="The search is a regular expression over metric and field." />`}
    ${sections.map(({ name, cards }) => html`
      <section class="section" key=${name} aria-label=${name}>
        <h2>${name} <small>${cards.length}</small></h2>
        <div class="cards">
          ${cards.map((card) => html`<${Card} key=${nameOf(card)} card=${card} section=${name === FIRST ? sectionOf(card.metric) : name} pin=${pinOf(card)} remove=${removalOf(card)}
            source=${metricSource(card, prefixes, x, grouped)} parted=${card.isExpression || grouped ? NONE : parted} />`)}
        </div>
      </section>`)}
  `;
}
