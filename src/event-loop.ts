/** How much work is done at once, before the event loop handles other events. */

/**
 * Bytes of a file that are worked on at once. They hold enough rows for one query about all of them, and are so few that they
 * soon become garbage.
 */
export const CHUNK_BYTES = 64 * 1024;
/** Rows that are worked on before the event loop gets a turn. They take a millisecond or two. */
export const ROWS_PER_TURN = 500;
/** Rows that are judged together. A chunk of very short rows may have more rows than this. */
export const ROWS_PER_BATCH = 2_000;

/**
 * Lets the event loop run in the middle of a long computation, so that sockets are read and written. Without it the database
 * server gets no rows for 10 ms at a time, and staging takes a third longer.
 */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
