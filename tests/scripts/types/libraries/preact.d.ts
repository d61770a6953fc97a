// What the page uses of preact.
export interface VNode {}
export function h(type: unknown, props: unknown, ...children: unknown[]): VNode;
export function render(node: VNode, into: Element): void;
export const Fragment: unknown;
