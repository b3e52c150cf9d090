/** A command that joins the embedded server of FOLDER, prints the server's process id, and leaves when its input ends. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { joinServer } from "../../src/embedded/server.ts";

const [folder = "", mysqld] = process.argv.slice(2);
const server = await joinServer(folder, { mysqld, say: () => {} });
console.log(JSON.parse(readFileSync(join(folder, "mysql/muster.json"), "utf8")).pid);
await Bun.stdin.text();
await server.stop();
