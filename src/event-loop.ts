/** How much is done in one go, before the event loop gets its turn. */

/** Bytes of a file: enough rows for one query about them, and few enough to be collected soon as garbage. */
export const CHUNK_BYTES = 64 * 1024;
/** Rows that take a millisecond or two. */
export const ROWS_PER_TURN = 500;
/** Rows that are judged together. A chunk of very short rows has more of them. */
export const ROWS_PER_BATCH = 2_000;

/**
 * Lets the event loop run in the middle of a long computation, so that sockets are read and written. Without it the database
 * server gets no rows for 10 ms at a time, and staging takes a third longer.
 */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
