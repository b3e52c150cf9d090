/** What the forms check that write: that a page of this service sends them, and that the person may write. */
import { requires } from "../../http/auth.ts";
import { databaseAllows } from "../../http/database-allows.ts";
import { formBody } from "../form.ts";
import type { PageDependencies } from "../page-routes.ts";

export const checksToWrite = ({ database, inFlight, bodyBytesMax }: PageDependencies) =>
  [
    inFlight.admitted(database.writers),
    ...formBody(inFlight, bodyBytesMax),
    requires("writer"),
    databaseAllows(database, "insert"),
  ] as const;
