// Charts of many runs: those that the address names.

import { follow, go, href, view } from "../address.js";
import { html } from "../frame.js";
import { DEFAULT } from "../pure/view.js";
import { counted } from "../pure/numbers.js";
import { Cards, groupedOf } from "../widgets/cards.js";
import { Later } from "../widgets/later.js";
import { Menu } from "../widgets/menu.js";
import { Notice, ProblemNotice } from "../widgets/notice.js";
import { PartedChoice, partedOf } from "../widgets/parted_choice.js";
import { useCompared } from "./compared.js";

const MOST = 100;

const loadPlane = () => import("../widgets/plane.js").then(({ Plane }) => Plane);
const loadPlaneChoice = () => import("../widgets/plane.js").then(({ PlaneChoice }) => PlaneChoice);

export function Charts() {
  const prefixes = view.value.runs.slice(0, MOST);
  const { found, problem, again } = useCompared(prefixes);
  const choose = { text: "Choose runs", run: () => go({ ...DEFAULT, runs: view.value.runs }) };
  const compare = { ...DEFAULT, page: /** @type {const} */ ("compare"), runs: prefixes };
  if (prefixes.length === 0) {
    return html`<${Notice} kind="empty" title="No runs are chosen" text="Select some in the table, with a click or with Space, and press c." action=${choose} />`;
  }
  if (problem && !found) return html`<${ProblemNotice} problem=${problem} again=${again} />`;
  if (!found) return html`<${Notice} kind="loading" title="Loading charts …" />`;
  const absent = found.absent.map((/** @type {number} */ at) => found.prefixes[at]);
  const there = prefixes.filter((prefix) => !absent.includes(prefix));
  return html`
    <div class="scroll">
      <header class="title"><h1>${counted(there.length, "run")}</h1>
        <button type="button" class="link" onClick=${choose.run}>change</button>
        ${prefixes.length > 1 && html`<a href=${href(compare)} onClick=${(/** @type {MouseEvent} */ event) => follow(event, compare)}>compare</a>`}
        ${there.length > 1 && !groupedOf(there) && html`<${PartedChoice} prefixes=${there} />`}
        ${there.length > 1 && html`<${Menu} label="Params against results" count=${view.value.axes.length}><${Later} load=${loadPlaneChoice} isSmall compared=${found} /><//>`}
        ${absent.length > 0 && html`<span class="bad">${counted(absent.length, "run")} not here: ${absent.join(", ")}</span>`}</header>
      ${view.value.axes.length > 0 && html`<${Later} load=${loadPlane} isSmall compared=${found} />`}
      <${Cards} statistics=${found.statistics} prefixes=${there} parted=${partedOf(there)} />
    </div>
  `;
}
