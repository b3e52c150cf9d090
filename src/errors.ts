/** The kinds of error that a user can act on. HTTP statuses and exit codes are chosen elsewhere. */
export const ERROR_CODES = [
  "invalid", // the request, the arguments or the configuration are wrong
  "too_large", // more than a request or a command may contain
  "not_found",
  "conflict", // the present state of the database or of a run does not allow it
  "refused", // the input was judged and refused; nothing was changed
  "backup_damaged", // a backup is not what its manifest says; nothing was changed
  "unavailable", // the database or the store cannot be reached; trying again later may help
  "interrupted", // the user stopped it
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface MusterErrorOptions extends ErrorOptions {
  /** The message with the path or address at fault, for the operator of a command. It is never in an answer or a log. */
  located?: string;
}

/** Its message is one line: what is wrong, where, what to do. */
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
