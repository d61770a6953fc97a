// A view whose modules are fetched when it is first shown.

import { html, useEffect, useState } from "../frame.js";
import { Notice } from "./notice.js";

/** @param {{ load: () => Promise<any>, isSmall?: boolean, [name: string]: any }} props  isSmall: nothing stands for it until it is there; the others are the view's own */
export function Later({ load, isSmall = false, ...own }) {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    load().then((View) => setFound({ View }), () => setFailed(true));
  }, [load]);
  if (failed) {
    return html`<${Notice} kind="error" title="A part of this page could not be fetched"
      text="The API is away, or has a newer version." action=${{ text: "Load the page again", run: () => location.reload() }} />`;
  }
  if (!found && isSmall) return null;
  return found ? html`<${found.View} ...${own} />` : html`<${Notice} kind="loading" title="Loading …" />`;
}
