// Which of many rows, or columns, are in view: @tanstack/virtual-core as a hook.

import { useLayoutEffect, useReducer, useRef } from "../frame.js";
import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from "../libraries/virtual/index.js";

/**
 * @param {object} options
 * @param {number} options.count
 * @param {() => Element | null} options.scroller
 * @param {(index: number) => number} options.size   in pixels
 * @param {boolean} [options.horizontal]
 * @param {number} [options.overscan]                 drawn beside what is in view
 * @param {number} [options.before]                   pixels that stay in front: a sticky head
 */
export function useVirtual({ count, scroller, size, horizontal = false, overscan = 6, before = 0 }) {
  const [, draw] = useReducer((/** @type {number} */ times) => times + 1, 0);
  const options = {
    count,
    horizontal,
    overscan,
    getScrollElement: scroller,
    estimateSize: size,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    scrollPaddingStart: before,
    onChange: () => draw(0),
  };
  const kept = useRef(/** @type {any} */ (null));
  kept.current ??= new Virtualizer(options);
  const virtual = kept.current;
  virtual.setOptions(options);
  useLayoutEffect(() => virtual._didMount(), [virtual]);
  useLayoutEffect(() => virtual._willUpdate());
  return virtual;
}
