/** The time that the database has for an answer. */

/** The error for a database that has not answered in time. */
export const noAnswer = (ms: number): Error =>
  Object.assign(new Error(`no answer within ${ms} ms`), { code: "ETIMEDOUT", fatal: true });

/**
 * What `work` returns.
 * @param giveUp is called when the time is over; the work may go on, and nobody learns how it ends
 * @throws an error of the code ETIMEDOUT if the work takes longer than `ms`
 */
export async function withDeadline<T>(ms: number, work: Promise<T>, giveUp?: (error: Error) => void): Promise<T> {
  const { promise: expiry, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = noAnswer(ms);
    giveUp?.(error);
    reject(error);
  }, ms);
  work.catch(() => {}); // after the expiry nobody awaits it
  try {
    return await Promise.race([work, expiry]);
  } finally {
    clearTimeout(timer);
  }
}
