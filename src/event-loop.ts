/** How much is worked on in one go. */

/** Bytes of a file: enough rows for one look at the database, and few enough that they are soon garbage. */
export const CHUNK_BYTES = 64 * 1024;
/** Rows: a millisecond or two. */
export const ROWS_PER_TURN = 500;
/** Rows that are handed on and judged at once. A chunk of very short rows has more. */
export const ROWS_PER_BATCH = 2_000;

/**
 * Gives the event loop a turn amid a long computation: what waits for its connection is sent, and what has come is taken.
 * Without it a server that loads rows is left without any for 10 ms at a time, and staging takes a third longer.
 */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
