/** What middleware leaves on a request for handlers. */
import type { Logger } from "pino";
import type { JsonText } from "../codecs/json-text.ts";

/** Each role may do everything that the roles before it may do. */
const ROLES = ["reader", "writer", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Whether a caller with this role may do what needs the other one. */
export const has = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);

export interface Env {
  /** Bun's server. It is missing in tests that call the app directly. */
  Bindings: {
    timeout?(request: Request, seconds: number): void;
    requestIP?(request: Request): { address: string } | null;
  };
  Variables: {
    requestId: string;
    /** Undefined if no token was accepted. */
    role: Role | undefined;
    /** The index of the accepted token among the configured ones. */
    token: number | undefined;
    /** True if an unknown token was sent. */
    guessed: boolean | undefined;
    /** The id of the run that the request began. */
    run: string | undefined;
    /** True if no route has the path. */
    isNowhere: boolean | undefined;
    log: Logger;
    /** The body's bytes, set by takeBody. */
    body: Uint8Array;
    /** When the whole body had arrived, by performance.now(). */
    arrived: number | undefined;
    /** The body as JSON, set by jsonBody. */
    json: JsonText;
  };
}
