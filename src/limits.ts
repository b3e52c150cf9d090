/** How much of anything is taken, held or waited for, if the environment (config.ts) does not say otherwise. */

/** A thousand rows of the dictionary have about a hundred thousand bytes. */
export const BODY_BYTES_MAX = 8 * 1024 * 1024;
/** Bytes of bodies that are held at once: a body takes up to eight times its size until it is answered. */
export const BYTES_IN_FLIGHT_MAX = 24 * 1024 * 1024;
/** Requests that are worked on at once. */
export const REQUESTS_IN_FLIGHT_MAX = 1_000;
/** A body must have come by then, or it holds memory for ever. */
export const BODY_MS_MAX = 60_000;
/** If a write has waited so long for its turn, more of them would wait longer than clients do. */
export const WRITE_WAIT_MS_MAX = 3_000;
/** Rows are flat. Deeper than this is no row, and would exhaust the stack. */
export const JSON_DEPTH_MAX = 64;
/** Keys of one object: more than the 1017 columns that InnoDB allows a table. */
export const JSON_KEYS_MAX = 1_024;
/** Values of one JSON body: a thousand rows of a hundred fields. */
export const JSON_VALUES_MAX = 100_000;
/** More than a hundred million rows of the dictionary. It is room on a disk, not memory. */
export const IMPORT_BYTES_MAX = 8 * 1024 * 1024 * 1024;
/** Rejected rows of one import over HTTP that are kept. Nobody mends more, and a small file can have a billion. */
export const IMPORT_REJECTS_MAX = 100_000;
/** Bodies that are received or imported at once by one process: each is a file, and a chunk of up to 2 MB. */
export const UPLOADS_MAX = 32;
/** Bytes a second, on average, of a body that is imported: a slow modem has more. It is judged after the first 30 s. */
export const UPLOAD_BYTES_PER_S_MIN = 16 * 1024;
const UPLOAD_SLOW_MS_MAX = 30_000;
/** Longer than any wait for a lock, and a retry or two after it. */
export const WRITE_MS_MAX = 60_000;
/** A report reads every hire of its year. */
export const REPORT_MS_MAX = 30_000;
/** Requests a minute of one token: more than one client that pages through a table sends. */
export const RATE_LIMIT = 30_000;

/** Limits of POST /imports. */
export interface ImportLimits {
  /** Bytes of one body, as it is sent and as it unpacks. */
  bytesMax: number;
  /** Rejected rows that are kept; one more ends the import. */
  rejectsMax: number;
  /** Bodies that are received or imported at once. */
  uploadsMax: number;
  /** Bytes on the disk of all bodies together. */
  spooledBytesMax: number;
  /** After so many milliseconds of waiting for a body it must have come as fast as this: 408 if not. */
  bytesPerSecondMin: number;
  slowMsMax: number;
}

/** The limits that are given, and the defaults of the others. */
export function importLimits(given: Partial<ImportLimits>): ImportLimits {
  const bytesMax = given.bytesMax ?? IMPORT_BYTES_MAX;
  return {
    rejectsMax: IMPORT_REJECTS_MAX,
    uploadsMax: UPLOADS_MAX,
    spooledBytesMax: 2 * bytesMax,
    bytesPerSecondMin: UPLOAD_BYTES_PER_S_MIN,
    slowMsMax: UPLOAD_SLOW_MS_MAX,
    ...given,
    bytesMax,
  };
}

/** What is held at once for requests that are not answered yet. Beyond it a request is refused with 503 at once. */
export interface InFlightLimits {
  /** Bytes of bodies. */
  bytesMax: number;
  requestsMax: number;
  /** Milliseconds in which a body must have come: 408 after that. */
  bodyMsMax: number;
  /** Milliseconds that a write may have waited for its turn: while one has waited longer, no other is let in. */
  waitMsMax: number;
}

export const IN_FLIGHT_LIMITS: InFlightLimits = {
  bytesMax: BYTES_IN_FLIGHT_MAX,
  requestsMax: REQUESTS_IN_FLIGHT_MAX,
  bodyMsMax: BODY_MS_MAX,
  waitMsMax: WRITE_WAIT_MS_MAX,
};
