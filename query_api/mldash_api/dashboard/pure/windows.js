// How many lines there are, found by asking for single ones; and which pages cover what is in view.

/**
 * The number of lines, by doubling and halving: some 40 questions for a billion, one where there are no more than known.
 * @param {(offset: number) => Promise<boolean>} has  whether there is a line at this place
 * @param {number} [known]  so many there are
 * @returns {Promise<number>}
 */
export async function countBy(has, known = 0) {
  if (!(await has(known))) return known;
  let [there, more] = [known, 1];
  while (await has(known + more)) [there, more] = [known + more, more * 4];
  let gone = known + more;
  while (gone - there > 1) {
    const middle = Math.floor((there + gone) / 2);
    if (await has(middle)) there = middle;
    else gone = middle;
  }
  return gone;
}

/**
 * @param {number} first @param {number} last of what is in view @param {number} size of a page
 * @returns {number[]} the numbers of pages
 */
export function pagesOf(first, last, size) {
  const pages = [];
  for (let page = Math.floor(first / size); page <= Math.floor(last / size); page++) pages.push(page);
  return pages;
}
