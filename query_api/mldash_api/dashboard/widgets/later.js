// A view whose modules are fetched when it is first shown.

import { html, useEffect, useState } from "../frame.js";
import { Notice } from "./notice.js";

/** @param {{ load: () => Promise<any> }} props */
export function Later({ load }) {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    load().then((View) => setFound({ View }), () => setFailed(true));
  }, [load]);
  if (failed) {
    return html`<${Notice} kind="error" title="A part of this page could not be fetched"
      text="The API is away, or has a newer version." action=${{ text: "Load the page again", run: () => location.reload() }} />`;
  }
  return found ? html`<${found.View} />` : html`<${Notice} kind="loading" title="Loading …" />`;
}
