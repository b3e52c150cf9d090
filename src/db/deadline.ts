/** A time limit on the database's answers. */

/** The error for a database that has not answered in time. */
export const noAnswer = (ms: number): Error =>
  Object.assign(new Error(`no answer within ${ms} ms`), { code: "ETIMEDOUT", fatal: true });

/**
 * Returns what `work` returns, if that takes no longer than `ms`.
 * @param giveUp called when the time is over. The work may go on, but its result is ignored
 * @throws an error with the code ETIMEDOUT if the work takes longer than `ms`
 */
export async function withDeadline<T>(ms: number, work: Promise<T>, giveUp?: (error: Error) => void): Promise<T> {
  const { promise: expiry, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = noAnswer(ms);
    giveUp?.(error);
    reject(error);
  }, ms);
  work.catch(() => {}); // after the time limit nothing else handles an error of the work
  try {
    return await Promise.race([work, expiry]);
  } finally {
    clearTimeout(timer);
  }
}
