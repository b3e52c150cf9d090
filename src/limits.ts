/** The most that the service accepts, holds in memory, and waits for. */
import { type Config, DEFAULTS } from "./config.ts";

/** The deepest nesting of a JSON body. Rows are flat, so they need little. Much deeper JSON would exhaust the stack. */
export const JSON_DEPTH_MAX = 64;
/** The most keys of one JSON object: more than the 1017 columns that InnoDB allows in a table. */
export const JSON_KEYS_MAX = 1_024;
/** The most values in one JSON body: a thousand rows of a hundred fields. */
export const JSON_VALUES_MAX = 100_000;

/** The limits that the settings set, and those that follow from them. */
export function limitsOf(settings: Config) {
  return {
    bodyBytesMax: settings.BODY_BYTES_MAX,
    /** Milliseconds that a request waits for the database, by kind. After that the answer is 503. */
    answerMsMax: { ready: 2_000, page: 10_000, report: settings.REPORT_MS_MAX, write: settings.WRITE_MS_MAX },
    /** Limits on requests that are not answered yet, all together. A request beyond them gets 503 at once. */
    inFlight: {
      /** Bytes of bodies. */
      bytesMax: settings.BYTES_IN_FLIGHT_MAX,
      requestsMax: settings.REQUESTS_IN_FLIGHT_MAX,
      /** Milliseconds within which a body must arrive. After that the answer is 408. */
      bodyMsMax: settings.BODY_MS_MAX,
      /** Milliseconds that a write may wait for its turn. While one has waited longer, no other is let in. */
      waitMsMax: settings.WRITE_WAIT_MS_MAX,
    },
    /** For POST /imports. */
    imported: {
      /** Bytes of one body, both as sent and as unpacked. */
      bytesMax: settings.IMPORT_BYTES_MAX,
      /** Rejected rows that are kept. One more ends the import. */
      rejectsMax: settings.IMPORT_REJECTS_MAX,
      /** Bodies that are received or imported at once. */
      uploadsMax: settings.UPLOADS_MAX,
      /** Bytes on disk of all bodies together. */
      spooledBytesMax: 2 * settings.IMPORT_BYTES_MAX,
      /** A body that is slower than this on average, after `slowMsMax` milliseconds of waiting for it, gets 408. */
      bytesPerSecondMin: settings.UPLOAD_BYTES_PER_S_MIN,
      slowMsMax: 30_000,
    },
  };
}

export type Limits = ReturnType<typeof limitsOf>;
export type ImportLimits = Limits["imported"];
export type InFlightLimits = Limits["inFlight"];

export const DEFAULT_LIMITS = limitsOf(DEFAULTS);
