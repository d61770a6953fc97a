// Light or dark: what the person chose here, else what the system says.

import { signal } from "./frame.js";

const KEY = "mldash.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

/** "light" or "dark", as shown. */
export const theme = signal(shown());

system.addEventListener("change", apply);
apply();

export function toggleTheme() {
  const next = theme.value === "dark" ? "light" : "dark";
  keep(next === (system.matches ? "dark" : "light") ? null : next);
  apply();
}

function apply() {
  theme.value = shown();
  document.documentElement.dataset.theme = theme.value;
}

function shown() {
  return kept() ?? (system.matches ? "dark" : "light");
}

function kept() {
  try {
    const found = localStorage.getItem(KEY);
    return found === "light" || found === "dark" ? found : null;
  } catch {
    return null; // storage may be off: then it is the system's choice
  }
}

/** @param {string | null} value */
function keep(value) {
  try {
    if (value === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, value);
  } catch {
    document.documentElement.dataset.kept = "no"; // for this page alone
  }
}
