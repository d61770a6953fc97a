// How wide a text is at most, without asking a browser: a column's width has to be known before anything is drawn.

// Pixels at 13 px in a bold and wide face (DejaVu Sans Bold); others are narrower.
const NARROW = 6.7;
const USUAL = 9.4;
const CAPITAL = 11;
const WIDE = 14.4;

/** @param {string} text @returns {number} pixels */
export function widthOf(text) {
  let width = 0;
  for (const letter of text) width += widthOfLetter(letter);
  return width;
}

/** @param {string} letter */
function widthOfLetter(letter) {
  if (/[fijlrtI .,:;'|!()[\]·_-]/.test(letter)) return NARROW;
  if (/[mwMW@%&+<>=~]/.test(letter) || letter > "\u024f") return WIDE;
  return /[A-Z]/.test(letter) ? CAPITAL : USUAL;
}
