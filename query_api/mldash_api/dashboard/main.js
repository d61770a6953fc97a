// The entry: the shell around the view that the address names.

import { view } from "./address.js";
import { html, render } from "./frame.js";
import "./theme.js";
import { Shell } from "./widgets/shell.js";
import { Runs } from "./views/runs.js";
import { Later } from "./widgets/later.js";

function Page() {
  const { page, prefix } = view.value;
  if (page === "run") return html`<${Shell}><${Later} key=${prefix} load=${loadRun} /><//>`;
  if (page === "charts") return html`<${Shell}><${Later} key="charts" load=${loadCharts} /><//>`;
  if (page === "compare") return html`<${Shell}><${Later} key="compare" load=${loadCompare} /><//>`;
  return html`<${Shell}><${Runs} /><//>`;
}

const loadRun = () => import("./views/run.js").then(({ Run }) => Run);
const loadCharts = () => import("./views/charts.js").then(({ Charts }) => Charts);
const loadCompare = () => import("./views/compare.js").then(({ Compare }) => Compare);

render(html`<${Page} />`, /** @type {Element} */ (document.getElementById("page")));
