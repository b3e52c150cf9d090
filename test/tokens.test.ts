/** Tokens in place of passwords, as IAM of RDS and Aurora gives them: only over TLS, to a server that is verified. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { posted } from "./support/app.ts";
import { certify } from "./support/certificates.ts";
import { run, serve } from "./support/commands.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";
import { ownServer } from "./support/own-server.ts";
import { type Manner, tokenHost } from "./support/token-host.ts";

const folder = await folderOf({ "departments.csv": "1,Fleet\n" });
const at = (name: string) => join(folder, name);
for (const ca of ["ca", "other"]) await certify(folder, ca);
await certify(folder, "server", { ca: "ca", host: "localhost" });
await certify(folder, "attacker", { ca: "ca", host: "attacker.example" });
/** As that of RDS: a bundle of several authorities. */
const read = (name: string) => Bun.file(at(name)).text();
await Bun.write(at("bundle.pem"), `${await read("other.pem")}${await read("ca.pem")}`);

const own = await ownServer();
await (await own.open()).close();
await own.root.query("CREATE USER iam@localhost");
await own.root.query(`GRANT ALL ON ${own.name()}.* TO iam@localhost`);
const keyOf = async (name: string) => ({ cert: await read(`${name}.pem`), key: await read(`${name}.key`) });
const host = await tokenHost(own.socket, await keyOf("server"));
const impostor = await tokenHost(own.socket, await keyOf("attacker"));

const settings = (query: string, { port } = host) => ({
  DATABASE_URL: `mysql://iam@localhost:${port}/${own.name()}${query}`,
  DATABASE_PASSWORD_COMMAND: `cat ${at("token")}`,
});
const trusting = (file: string) => `?ssl=${encodeURIComponent(at(file))}`;

beforeEach(async () => {
  await issue("token-1");
  for (const each of [host, impostor]) {
    each.received.length = 0;
    each.manner = "honest";
  }
});

/** Makes this the only token that is valid, and the one that the command prints. */
async function issue(token: string): Promise<void> {
  for (const each of [host, impostor]) each.token = token;
  await Bun.write(at("token"), `${token}\n`);
}

afterAll(async () => {
  host.close();
  impostor.close();
  await own.stop();
  await removeFolders();
});

test("a service with a bundle of authorities signs in by a token, and by newer ones as they expire", async () => {
  const { url, log, stop } = await serve({ ...settings(trusting("bundle.pem")), LOG_LEVEL: "trace" });
  try {
    expect((await fetch(`${url}jobs`, posted({ job: "Clerk" }))).status).toBe(201);
    await issue("token-2");
    const [rows] = await own.root.query("SELECT id FROM information_schema.processlist WHERE user = 'iam'");
    // KILL fails for a connection that has ended meanwhile.
    for (const { id } of rows as { id: number }[]) await own.root.query("KILL ?", [id]).catch(() => {});
    await until(async () => (await fetch(`${url}jobs`, posted({ job: "Baker" }))).status === 201);
    expect(new Set(host.received)).toEqual(new Set(["token-1", "token-2"]));
    expect(log()).not.toContain("token-");
  } finally {
    await stop();
  }
  const imported = await run(["scripts/import.ts", at("departments.csv")], settings(trusting("bundle.pem")));
  expect(imported).toMatchObject({ code: 0, stdout: expect.stringContaining("succeeded") });
});

test("each of several hosts gets a token", async () => {
  const { DATABASE_URL, ...others } = settings(trusting("ca.pem"));
  const several = { ...others, DATABASE_URL: DATABASE_URL.replace("@", "@localhost:1,") };
  const imported = await run(["scripts/import.ts", at("departments.csv"), "--dry-run"], several);
  expect(imported).toMatchObject({ code: 0 });
  expect(host.received.length).toBeGreaterThan(2);
});

test("drizzle-kit signs in by a token", async () => {
  const migrated = await run(["--bun", "x", "drizzle-kit", "migrate"], settings(trusting("ca.pem")));
  expect([migrated.code, migrated.stdout]).toEqual([0, expect.stringContaining("migrations applied successfully")]);
});

test.each<[string, string, "host" | "impostor", Manner, string]>([
  ["of another authority", trusting("other.pem"), "host", "honest", "signed by an authority that is not known here"],
  ["with the certificate of another host", trusting("ca.pem"), "impostor", "honest", "is for another host name"],
  ["that asks before TLS", trusting("ca.pem"), "host", "hasty", "sends only over TLS"],
  ["of another host that asks before TLS", trusting("ca.pem"), "impostor", "hasty", "the database at localhost"],
  ["of another host that asks by SHA2", trusting("ca.pem"), "impostor", "hasty by SHA2", "the database at localhost"],
  [
    "of another authority that asks by SHA2",
    trusting("other.pem"),
    "host",
    "hasty by SHA2",
    "the database at localhost",
  ],
  ["without TLS", "", "host", "plain", "sends only over TLS: add ?ssl=true"],
])("no token is sent to a server %s", async (_, query, name, manner, line) => {
  const server = name === "host" ? host : impostor;
  server.manner = manner;
  const { code, stderr } = await run(["scripts/import.ts", folder], settings(query, server));
  expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining(line)]);
  expect(code).not.toBe(0);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(server.received).toEqual([]);
});
