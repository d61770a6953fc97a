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
  if (page === "access") return html`<${Shell}><${Later} key="access" load=${loadAccess} /><//>`;
  if (page === "status") return html`<${Shell}><${Later} key="status" load=${loadStatus} /><//>`;
  return html`<${Shell}><${Runs} /><//>`;
}

const loadRun = () => import("./views/run.js").then(({ Run }) => Run);
const loadCharts = () => import("./views/charts.js").then(({ Charts }) => Charts);
const loadCompare = () => import("./views/compare.js").then(({ Compare }) => Compare);
const loadAccess = () => import("./views/access/access.js").then(({ Access }) => Access);
const loadStatus = () => import("./views/status/status.js").then(({ PipelineStatus }) => PipelineStatus);

render(html`<${Page} />`, /** @type {Element} */ (document.getElementById("page")));
