import { command, readArguments, refuse } from "./run-command.ts";

readArguments("migrate", (_, operands) => {
  if (operands.length > 0) refuse(`migrate takes options only, not ${operands[0]}; see --help`);
});
// Every command applies the pending migrations when it opens the database. So nothing is left to do.
await command("read", async () => ({ status: "succeeded", text: "the database is up to date" }));
