/** TLS to the database, with certificates made here: which are trusted, and what is said of the others. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import { connect, connectOnce } from "../src/db/database.ts";
import { lineOf } from "../src/db/driver-errors.ts";
import { migrate } from "../src/db/migrate.ts";
import { run } from "./support/commands.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { freePort } from "./support/free-port.ts";
import { ownServer } from "./support/own-server.ts";
import { program } from "./support/server.ts";

const isMariaDB = program.kind === "MariaDB";
const folder = await folderOf({
  "ca.cnf": `[ca]\ndefault_ca = all\n[all]\ndatabase = index.txt\nnew_certs_dir = .\ncertificate = ca.pem
private_key = ca.key\nserial = serial\ndefault_md = sha256\npolicy = any\nunique_subject = no\ncopy_extensions = copy\n[any]\ncommonName = supplied\n`,
  "index.txt": "",
  serial: "1000\n",
});
const at = (name: string) => join(folder, name);

/** Runs openssl in the folder. */
async function openssl(...words: string[]): Promise<void> {
  const child = Bun.spawn(["openssl", ...words], { cwd: folder, stdout: "ignore", stderr: "pipe" });
  if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text());
}

const key = (name: string) => ["-newkey", "rsa:2048", "-nodes", "-keyout", `${name}.key`];
const names = (name: string) => [
  "-subj",
  `/CN=${name}`,
  "-addext",
  `subjectAltName=${name === "127.0.0.1" ? "IP" : "DNS"}:${name}`,
];

/** Makes NAME.pem and NAME.key: a certificate for a host, signed by the CA. */
async function certify(name: string, host: string, days?: { from: string; to: string }): Promise<void> {
  await openssl("req", ...key(name), ...names(host), "-out", `${name}.csr`);
  const { from, to } = days ?? { from: "20200101000000Z", to: "20990101000000Z" };
  const valid = ["-startdate", from, "-enddate", to];
  await openssl("ca", "-batch", "-config", "ca.cnf", "-in", `${name}.csr`, "-out", `${name}.pem`, "-notext", ...valid);
}

await openssl("req", "-x509", ...key("ca"), "-subj", "/CN=Muster's test CA", "-days", "9", "-out", "ca.pem");
await certify("good", "localhost");
await certify("address", "127.0.0.1");
await certify("attacker", "attacker.example");
await certify("expired", "localhost", { from: "20200101000000Z", to: "20200201000000Z" });
await openssl("req", "-x509", ...key("self"), ...names("localhost"), "-days", "9", "-out", "self.pem");

const port = await freePort();
for (const kind of ["pem", "key"]) await copyFile(at(`good.${kind}`), at(`server.${kind}`));
const own = await ownServer([
  ...["--skip-networking=0", `--port=${port}`, "--bind-address=127.0.0.1", "--require-secure-transport=ON"],
  ...[`--ssl-ca=${at("ca.pem")}`, `--ssl-cert=${at("server.pem")}`, `--ssl-key=${at("server.key")}`],
]);
await (await own.open()).close();

afterAll(async () => {
  await own.stop();
  await removeFolders();
});

const file = (name: string) => Bun.file(at(name)).text();

/** Makes the server use this certificate from now on. */
async function show(name: string): Promise<void> {
  for (const kind of ["pem", "key"]) await copyFile(at(`${name}.${kind}`), at(`server.${kind}`));
  await own.root.query(isMariaDB ? "FLUSH SSL" : "ALTER INSTANCE RELOAD TLS");
}

beforeEach(() => show("good"));

const url = (query: string, hosts = `localhost:${port}`) => own.url(`${hosts}/${own.name()}${query}`);
const byCa = `?ssl=${encodeURIComponent(at("ca.pem"))}`;

/** Connects. @returns the cipher, or the line that says why there is no connection */
async function secured(query: string, hosts?: string): Promise<string> {
  try {
    const connection = await connectOnce(url(query, hosts));
    const [rows] = await connection.query<RowDataPacket[]>("SHOW STATUS LIKE 'Ssl_version'");
    await connection.end();
    return rows[0]?.Value;
  } catch (error) {
    return lineOf(error);
  }
}

test("a certificate for the host, name or address, signed by the CA of ?ssl=FILE, is trusted", async () => {
  expect(await secured(byCa)).toMatch(/^TLSv1\.[23]$/);
  await show("address");
  expect(await secured(byCa, `127.0.0.1:${port}`)).toMatch(/^TLSv1\.[23]$/);
});

test.each<string[]>([
  ["attacker", byCa, "its certificate is for another host name", "connect by the name that the certificate has"],
  ["address", byCa, "its certificate is for another host name", "connect by the name that the certificate has"],
  // MySQL does not load an expired certificate while it runs.
  ...(isMariaDB ? [["expired", byCa, "its certificate has expired", "renew it there"]] : []),
  ["self", byCa, "its certificate is signed by an authority that is not known here", "as ?ssl=FILE in DATABASE_URL"],
  [
    "good",
    "?ssl=true",
    "its certificate is signed by an authority that is not known here",
    "as ?ssl=FILE in DATABASE_URL",
  ],
  // MariaDB reports a connection without TLS as a wrong password.
  ["good", "", isMariaDB ? "(ER_ACCESS_DENIED_ERROR)" : "accepts only TLS connections", "add ?ssl=true"],
])(
  "the certificate %s with %s gives one line that says what to do",
  async (certificate = "", query = "", why, advice) => {
    await show(certificate);
    const line = await secured(query);
    expect(line).toStartWith(`the database at localhost:${port} `);
    expect(line).toContain(why);
    expect(line).toContain(advice);
  },
);

test("the host name is checked also for CAs that the system trusts, and a command ends with code 2 and one line", async () => {
  await show("attacker");
  const trusting = { DATABASE_URL: url("?ssl=true"), NODE_EXTRA_CA_CERTS: at("ca.pem") };
  const refused = await run(["scripts/import.ts", folder], trusting);
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining("its certificate is for another host name"),
  ]);
  expect(refused.stderr.trim().split("\n")).toHaveLength(1);
  await show("good");
  const { code, stderr } = await run(["scripts/import.ts", folder], trusting);
  expect([code, stderr]).not.toEqual([2, expect.stringContaining("certificate")]);
});

test("each of several hosts must have a certificate for its own name", async () => {
  await show("address");
  const hosts = `localhost:${port},127.0.0.1:${port}`;
  await migrate(url(byCa, hosts));
  const database = await connect(url(byCa, hosts));
  const select = async () => (await database.pool.query<RowDataPacket[]>("SELECT 1 AS one"))[0][0]?.one;
  expect(await select()).toBe(1);
  await show("good");
  database.renewConnections(); // its connections are closed, and the next one tries all hosts again
  expect(await select()).toBe(1);
  await database.close();
});

test("a bundle of authorities is trusted, with text between them", async () => {
  await Bun.write(at("bundle.pem"), `# other\n${await file("self.pem")}\n# Muster's\r\n${await file("ca.pem")}`);
  expect(await secured(`?ssl=${encodeURIComponent(at("bundle.pem"))}`)).toMatch(/^TLSv1\.[23]$/);
});

test.each<[string, () => Promise<string>, string]>([
  ["without a certificate", () => file("ca.key"), "holds no certificate: name the PEM file of the CA"],
  ["that is cut", async () => (await file("ca.pem")).slice(0, 400), "holds no certificate"],
  [
    "with a damaged certificate",
    async () => (await file("self.pem")) + (await file("ca.pem")).replace(/^MII/m, "MXX"),
    "is damaged: certificate 2 of 2 cannot be read. Get the file anew",
  ],
])("a CA file %s is refused by its name", async (_, content, message) => {
  await Bun.write(at("wrong.pem"), await content());
  const line = await secured(`?ssl=${encodeURIComponent(at("wrong.pem"))}`);
  expect(line).toStartWith(`the CA file ${at("wrong.pem")} of DATABASE_URL's ?ssl= `);
  expect(line).toContain(message);
});

test("a server without TLS is not reported as one that cannot be reached", async () => {
  if (isMariaDB) {
    const without = await ownServer();
    await (await without.open()).close();
    await expect(connectOnce(`${without.url()}&ssl=true`).catch(lineOf)).resolves.toContain("does not speak TLS");
    await without.stop();
  } else {
    await own.root.query("SET GLOBAL require_secure_transport = OFF");
    await Bun.write(at("server.pem"), "");
    await own.root.query("ALTER INSTANCE RELOAD TLS NO ROLLBACK ON ERROR");
    expect(await secured(byCa)).toContain("does not speak TLS");
  }
});
