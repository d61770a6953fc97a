// Flat dotted keys as a tree.

/**
 * @typedef {{ key: string, path: string, value?: unknown, below: Node[] }} Node
 */

/**
 * @param {readonly { name: string, value: unknown }[]} rows
 * @param {string} find  a part of a key or of a value
 * @returns {Node[]}
 */
export function treeOf(rows, find) {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  /** @type {Node} */
  const root = { key: "", path: "", below: [] };
  for (const { name, value } of rows) {
    const text = `${name} ${textOf(value)}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) continue;
    let node = root;
    for (const key of name.split(".")) {
      const path = node.path ? `${node.path}.${key}` : key;
      let next = node.below.find((one) => one.path === path);
      if (!next) node.below.push((next = { key, path, below: [] }));
      node = next;
    }
    node.value = value;
  }
  return root.below;
}

/** @param {unknown} value */
export function textOf(value) {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
