/**
 * Builds the image by buildah, and tries it as docs/operating.md "Containers" says:
 *   usage: bun test --timeout 600000 ./test/image/image.ts
 * It needs Linux, root, the network, and Debian's buildah, mmdebstrap, uidmap and python3-pip.
 */
import { afterAll, expect, test } from "bun:test";
import { chownSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { folderOf, removeFolders } from "../support/files.ts";
import { freePort } from "../support/free-port.ts";
import { ownServer } from "../support/own-server.ts";
import { startS3 } from "../support/s3.ts";
import { buildImage, cannotBuild, removeImage } from "./build.ts";
import { interpolated, readCompose } from "./compose.ts";
import { containers } from "./container.ts";

/** What Muster may add to the base. */
const ADDED_BYTES_MAX = 150_000_000;
const BUN_USER = 1000;
const TOKENS = { API_TOKENS: "reader:r-token-of-test,writer:w-token-of-test,admin:a-token-of-test" };
const ADMIN = { Authorization: "Bearer a-token-of-test" };

if (cannotBuild) throw new Error(`the image cannot be built here: ${cannotBuild}`);
const compose = await readCompose();
const image = await buildImage();
console.log(`built on ${image.base}; ${Math.round(image.addedBytes / 1e6)} MB added to it`);
const backups = await folderOf({});
chownSync(backups, BUN_USER, BUN_USER);
const container = containers(image, backups);
const [port, databasePort] = [await freePort(), await freePort()];
const server = await ownServer(["--skip-networking=0", "--bind-address=127.0.0.1", `--port=${databasePort}`]);
const s3 = await startS3();
afterAll(async () => {
  await s3.stop();
  await server.stop();
  await removeImage();
  await removeFolders();
});

test("only what the service needs is in it", async () => {
  expect(readdirSync(join(image.root, "app")).sort()).toEqual([
    ...["LICENSE", "drizzle", "node_modules", "package.json", "scripts", "src"],
  ]);
  const modules = readdirSync(join(image.root, "app/node_modules"));
  for (const name of ["typescript", "@biomejs", "playwright-core", "drizzle-kit", "fauxqs"])
    expect(modules).not.toContain(name);
  expect(image.addedBytes).toBeLessThan(ADDED_BYTES_MAX);
});

test("the label has the commit", async () => {
  expect(image.config.Labels["org.opencontainers.image.revision"]).toBe(image.commit);
});

test("it runs as the user bun, and writes to /tmp and /backups alone", async () => {
  const script = "id -u; touch /tmp/x /backups/x && rm /backups/x; touch /app/x || touch /x || echo read-only";
  expect((await container.run(["sh", "-c", script])).stdout).toBe(`${BUN_USER}\nread-only\n`);
});

/** A new database, and its address. */
async function freshDatabase(): Promise<string> {
  await (await server.open()).close();
  return server.url(`127.0.0.1:${databasePort}/${server.name()}`);
}

test("it imports, backs up, proves and restores", async () => {
  const kept = { DATABASE_URL: await freshDatabase() };
  const load = "bun scripts/sample.ts /tmp/csv --rows 2000 && exec bun scripts/import.ts /tmp/csv --json";
  const imported = await container.run(["sh", "-c", load], kept);
  expect(imported).toMatchObject({ code: 0 });
  const stored = await hires();
  expect(stored).toBeGreaterThan(1900);
  for (const args of [["backup"], ["backup", "--verify"]]) await muster(args, kept);
  await server.root.query(`DELETE FROM \`${server.name()}\`.hired_employees`);
  await muster(["restore", "hired_employees"], kept);
  expect(await hires()).toEqual(stored);
});

test("it serves the page, /docs and the API, and its health is seen; SIGTERM ends it with 0", async () => {
  const settings = { DATABASE_URL: await freshDatabase(), ...TOKENS, PORT: `${port}` };
  const health = image.config.Healthcheck.Test.slice(1);
  expect((await container.run(health, settings)).code).toBe(1);
  const service = await container.serve(settings);
  const status = readFileSync(`/proc/${service.pid}/status`, "utf8");
  expect(status).toMatch(/^NSpid:.*\s1$/m);
  expect(status).toMatch(/^Uid:\s+1000\s/m);
  expect((await container.run(health, settings)).code).toBe(0);
  for (const path of ["/page/reports", "/docs", "/openapi.json", "/hired_department", "/backups"]) {
    const answer = await fetch(`${service.address}${path}`, { headers: ADMIN });
    expect([path, answer.status]).toEqual([path, 200]);
  }
  const { info } = (await (await fetch(`${service.address}/openapi.json`, { headers: ADMIN })).json()) as Document;
  const packageJson = await Bun.file(join(image.root, "app/package.json")).json();
  expect(info.version).toBe(packageJson.version);
  const body = new Blob(["901,Baker\n"]).stream().pipeThrough(new CompressionStream("gzip"));
  const headers = { ...ADMIN, "Content-Type": "text/csv", "Content-Encoding": "gzip" };
  const sent = await fetch(`${service.address}/imports?table=jobs`, { method: "POST", headers, body });
  expect([sent.ok, await sent.text()]).toEqual([true, expect.any(String)]);
  expect(await service.stop()).toEqual(0);
});

test("compose's profile `sample` loads the sample through the bucket, once", async () => {
  const { command = [], environment = {} } = compose.services.sample ?? {};
  const set = Object.entries(environment).map(([name, value]) => [name, interpolated(value, TOKENS)]);
  const here = {
    DATABASE_URL: await freshDatabase(),
    AWS_ENDPOINT_URL_S3: s3.endpoint,
  };
  const settings = { ...Object.fromEntries(set), ...here };
  const bucket = s3.locate("").bucket;
  const inOurs = command.map((each) => each.replaceAll("s3://muster/", `s3://${bucket}/`));
  const first = await container.run(inOurs, settings);
  expect(first).toMatchObject({ code: 0 });
  const stored = await hires();
  const again = await container.run(inOurs, settings);
  expect(again).toMatchObject({ code: 0 });
  expect(await hires()).toEqual(stored);
  expect(stored).toBeGreaterThan(7000);
  await muster(["backup"], { ...settings, BACKUP_STORE: `s3://${bucket}/backups` });
});

interface Document {
  info: { version: string };
}

async function muster([name, ...args]: string[], environment: Record<string, string>): Promise<void> {
  const { code, stderr } = await container.run(["bun", `scripts/${name}.ts`, ...args], environment);
  expect([name, code, code === 0 ? "" : stderr]).toEqual([name, 0, ""]);
}

async function hires(): Promise<number> {
  const [rows] = await server.root.query(`SELECT COUNT(*) AS n FROM \`${server.name()}\`.hired_employees`);
  return Number((rows as { n: number }[])[0]?.n);
}
