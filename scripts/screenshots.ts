/**
 * Takes the pictures of the page for README and docs: one of each view, over a fresh private server that has imported the
 * sample from a bucket.
 *   usage: bun scripts/screenshots.ts [FOLDER]   (docs/images by default; it needs Chromium)
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFauxqs } from "fauxqs";
import { type Browser, chromium, type Page } from "playwright-core";
import { DEFAULT_SAMPLE, writeSample } from "../src/ingest/sample.ts";

const ROOT = join(import.meta.dir, "..");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const BUCKET = "historic";
const SIZE = { width: 1280, height: 860 };

/** A view, and what a person does there before the picture is taken. */
interface Shot {
  name: string;
  address: string;
  act?(page: Page): Promise<unknown>;
  /** Pixels from the top. */
  height?: number;
}

/** Follows a link of the page's content. */
const follow = (page: Page, name: string | RegExp) =>
  page.getByRole("main").getByRole("link", { name }).first().click();

const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();

/** A file of a spreadsheet program, with dates of which both readings are possible. */
const DOUBTFUL = {
  name: "hires-2022.csv",
  mimeType: "text/csv",
  buffer: Buffer.from(
    "id;name;datetime;department_id;job_id\n90001;Ana Muñoz;03/04/2022;1;2\n90002;Li Wei;05/06/2022;3;4\n90003;Noa Levy;07/08/2022;99;4\n",
  ),
};

/** In this order: a later view shows what an earlier one has done. */
const SHOTS: Shot[] = [
  { name: "reports", address: "page/reports?year=2022", height: 1180 },
  { name: "rejected-rows", address: "page/rejections", act: (page) => follow(page, /unknown_reference/) },
  {
    ...{ name: "load", address: "page/load", height: 1180 },
    async act(page) {
      await page.locator("input[type=file]").setInputFiles(DOUBTFUL);
      await page.getByRole("heading", { name: "The first rows" }).waitFor();
    },
  },
  {
    ...{ name: "run", address: "page/runs", height: 720 },
    act: (page) => follow(page, "Import"),
  },
  {
    ...{ name: "backup", address: "page/backups", height: 900 },
    async act(page) {
      await press(page, "Back up");
      await page.getByText("succeeded", { exact: true }).waitFor();
      await page.goBack();
      await page.reload();
      await follow(page, /just now|ago/);
      await press(page, "Prove this backup");
      await page.getByText("succeeded", { exact: true }).waitFor();
      await page.goBack();
      await page.reload();
    },
  },
  { name: "table", address: "page/tables/hired_employees" },
  { name: "overview", address: "./", height: 1000 },
];

const folder = process.argv[2] ?? join(ROOT, "docs/images");
const data = await mkdtemp(join(tmpdir(), "muster-screenshots-"));
const s3 = await bucketWithSample();
const service = Bun.spawn([process.execPath, join(ROOT, "src/main.ts")], {
  ...{ cwd: data, stdout: "pipe", stderr: "inherit" },
  env: {
    ...{ PATH: process.env.PATH, PORT: "0", IMPORT_SOURCE: `s3://${BUCKET}/csv/`, AWS_REGION: "us-east-1" },
    ...{ AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_ENDPOINT_URL: `http://127.0.0.1:${s3.port}` },
  },
});
try {
  const root = await addressOf(service.stdout);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  for (const shot of SHOTS) await take(browser, root, shot);
  await browser.close();
} finally {
  service.kill();
  await service.exited;
  await s3.stop();
  await rm(data, { recursive: true });
}

async function take(browser: Browser, root: string, { name, address, act, height = SIZE.height }: Shot): Promise<void> {
  const page = await browser.newPage({ viewport: { ...SIZE, height } });
  await page.goto(root + address);
  await act?.(page);
  // An import's live part ends by itself, and a person sees its account.
  await page.getByRole("main").waitFor();
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.close();
  console.log(`${name}.png`);
}

async function bucketWithSample() {
  const files = join(data, "csv");
  await writeSample(files, DEFAULT_SAMPLE);
  const server = await startFauxqs({ port: 0, logger: false });
  server.createBucket(BUCKET);
  const to = `http://127.0.0.1:${server.port}/${BUCKET}/csv/`;
  for (const name of new Bun.Glob("*.csv").scanSync(files)) {
    const stored = await fetch(to + name, { method: "PUT", body: Bun.file(join(files, name)) });
    if (!stored.ok) throw new Error(`the bucket does not take ${name}: ${stored.status}`);
  }
  return server;
}

/** The address that the service logs when it begins to serve. The rest of its log is read too: it would block otherwise. */
async function addressOf(log: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const found = Promise.withResolvers<string>();
  const read = async () => {
    let text = "";
    for await (const part of log.pipeThrough(new TextDecoderStream())) {
      text += part;
      const address = /Muster serves (http:[^"\s]+)/.exec(text)?.[1];
      if (address !== undefined) found.resolve(address);
    }
    found.reject(new Error(`the service did not start: ${text}`));
  };
  void read();
  return await found.promise;
}
