/** What can go wrong for a reason the user can act on. The message is one line that says what to do; nothing here knows HTTP. */
export const ERROR_CODES = [
  "invalid", // the request or the arguments are wrong
  "too_large", // more than one request or command takes
  "not_found",
  "conflict", // something else stands against it now
  "refused", // understood and judged, and nothing was changed
  "backup_damaged", // a backup is not what its manifest says, and nothing was changed
  "unavailable", // the database or the store is away; trying again later may help
  "interrupted", // the user stopped it
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface MusterErrorOptions extends ErrorOptions {
  /** The message with the path or address at fault, which only the operator may see: it is never in an answer or a log. */
  located?: string;
}

export class MusterError extends Error {
  readonly located: string | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: MusterErrorOptions,
  ) {
    super(message, options);
    this.name = "MusterError";
    this.located = options?.located;
  }
}
