// Markdown as a tree of what the page draws: no node of it is markup. What a text holds of HTML stays text, images are
// not fetched (nothing comes from elsewhere), and a link leads to the web or to a mailbox, or nowhere.

/**
 * @typedef {{ kind: string, text?: string, level?: number, start?: number, address?: string | null, below: Piece[] }} Piece
 * @typedef {{ type: string, literal: string | null, destination: string | null, level: number, listType: string, listStart: number | null }} Node  of commonmark
 * @typedef {{ walker: () => { next: () => { entering: boolean, node: Node } | null } }} Tree
 */

const LEAVES = ["text", "code", "code_block", "html_inline", "html_block", "softbreak", "linebreak", "thematic_break"];
const DEEPEST = 40; // of what lies in each other; what is deeper is drawn there
const SCHEMES = ["http:", "https:", "mailto:"];

/** @param {Tree} tree as commonmark's parser makes it @returns {Piece[]} */
export function piecesOf(tree) {
  /** @type {Piece} */
  const root = { kind: "document", below: [] };
  const open = [root];
  const walker = tree.walker();
  let level = 0; // of the heading before: no heading is more than one below it, as screen readers expect
  for (let step = walker.next(); step !== null; step = walker.next()) {
    const { entering, node } = step;
    if (node.type === "document") continue;
    if (!entering) {
      open.pop();
      continue;
    }
    const isLeaf = LEAVES.includes(node.type);
    const last = open[open.length - 1];
    const piece = isLeaf || open.length < DEEPEST ? pieceOf(node) : last;
    if (piece !== last) last.below.push(piece);
    if (piece.kind === "heading" && piece !== last) piece.level = level = Math.min(piece.level ?? 1, level + 1);
    if (!isLeaf) open.push(piece);
  }
  return root.below;
}

/** @param {Node} node @returns {Piece} */
function pieceOf(node) {
  if (LEAVES.includes(node.type)) return { kind: node.type, text: node.literal ?? "", below: [] };
  if (node.type === "heading") return { kind: "heading", level: node.level, below: [] };
  if (node.type === "list") return { kind: node.listType === "ordered" ? "ordered" : "list", start: node.listStart ?? 1, below: [] };
  if (node.type === "link" || node.type === "image") return { kind: node.type, address: safeAddress(node.destination ?? ""), below: [] };
  return { kind: node.type, below: [] };
}

/** @param {string} text @returns {string | null} where a link may lead; null: nowhere */
export function safeAddress(text) {
  try {
    const address = new URL(text);
    return SCHEMES.includes(address.protocol) ? address.href : null;
  } catch {
    return null; // of no scheme: this page has no place that it could mean
  }
}
