// The frame that widgets are written in: templates, hooks and signals, from one place.

import { Fragment, h, render } from "./libraries/preact.js";
import { useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "./libraries/hooks.js";
import { batch, computed, effect, signal, untracked } from "./libraries/signals-core.js";
import "./libraries/signals.js"; // makes components draw anew when a signal that they read changes
import htm from "./libraries/htm.js";

const html = htm.bind(h);

export { Fragment, batch, computed, effect, html, render, signal, untracked };
export { useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState };
