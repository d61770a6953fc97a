// A task that is asked for again while it is under way: once more behind it, never beside it and never cut off.

/**
 * @param {() => Promise<unknown>} task  where it fails, what was asked for meanwhile is done all the same
 * @returns {() => Promise<void>}
 */
export function oneAtATime(task) {
  let [isUnderWay, isAskedAgain] = [false, false];
  return async function again() {
    isAskedAgain = isUnderWay;
    if (isUnderWay) return;
    isUnderWay = true;
    try {
      await task();
    } finally {
      isUnderWay = false;
      if (isAskedAgain) again();
    }
  };
}
