/** What a request carries with it inside the service. */
import type { Logger } from "pino";
import type { JsonText } from "../codecs/json-text.ts";

/** Each role may do what those before it may. */
export const ROLES = ["reader", "writer", "admin"] as const;
export type Role = (typeof ROLES)[number];

export interface Env {
  /** Bun's server, which an app that is called without one lacks. */
  Bindings: {
    timeout?(request: Request, seconds: number): void;
    requestIP?(request: Request): { address: string } | null;
  };
  /**
   * What middleware leaves; `role`, and which of the configured tokens was sent, are undefined where none was accepted;
   * `guessed` is true where one was sent that is not known; `run` is undefined where the request made none.
   */
  Variables: {
    requestId: string;
    role: Role | undefined;
    token: number | undefined;
    guessed: boolean | undefined;
    run: string | undefined;
    /** Nothing is at the path. */
    isNowhere: boolean | undefined;
    log: Logger;
    /** Only for routes that take a body: its bytes, when all of them had come, and its text if it is always JSON. */
    body: Uint8Array;
    arrived: number | undefined;
    json: JsonText;
  };
}
