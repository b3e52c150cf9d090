/** A person at the page: a real Chromium over an app, and what each of its pages must keep to. */
import { readFileSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";
import { CHROMIUM } from "./missing.ts";

const AXE = readFileSync(Bun.fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");
const PHONE = { width: 390, height: 800 };
const DESK = { width: 1280, height: 900 };

export interface Person {
  page: Page;
  /** Where the service is, with the path that a proxy adds, ending with `/`. */
  root: string;
  /** What the browser complained about since the last look: errors of the console and of scripts. */
  complaints(): string[];
  signIn(token: string): Promise<void>;
  close(): Promise<void>;
}

interface App {
  fetch(request: Request): Response | Promise<Response>;
}

interface Options extends BrowserContextOptions {
  /** The path under which a proxy serves the app, such as `/muster`. */
  prefix?: string;
}

/** One browser for everybody. It ends with the last person, so a file that closes them in afterAll starts it once. */
let browser: Promise<Browser> | undefined;
let people = 0;

async function enter(): Promise<Browser> {
  people++;
  browser ??= chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"], timeout: 0 });
  return browser;
}

async function leave(): Promise<void> {
  people--;
  if (people > 0) return;
  const last = browser;
  browser = undefined;
  await (await last)?.close();
}

/** Starts a server over the app, and a person at it, who shares nothing with others but the browser. Close it in afterAll. */
export async function personAt(app: App, { prefix = "", ...options }: Options = {}): Promise<Person> {
  const server = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0, idleTimeout: 0, maxRequestBodySize: Number.MAX_SAFE_INTEGER },
    fetch: (request) => (prefix === "" ? app.fetch(request) : behindProxy(app, request, prefix)),
  });
  const person = await visitorOf(`${server.url.origin}${prefix}/`, options);
  const close = async () => {
    await person.close();
    await server.stop(true);
  };
  return { ...person, close };
}

/** A person at a service that runs already. Close it in afterAll. @param root its address, ending with `/` */
export async function visitorOf(root: string, options: BrowserContextOptions = {}): Promise<Person> {
  const { origin } = new URL(root);
  const context = await (await enter()).newContext({ viewport: DESK, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const found: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) found.push(message.text());
  });
  page.on("pageerror", (error) => void found.push(error.message));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith("data:") && !url.startsWith("blob:") && new URL(url).origin !== origin)
      found.push(`a request to another host: ${url}`);
  });
  return {
    ...{ page, root, complaints: () => found.splice(0) },
    async signIn(token) {
      await page.getByLabel("Token").fill(token);
      await page.getByRole("button", { name: "Sign in" }).click();
    },
    async close() {
      await context.close();
      await leave();
    },
  };
}

/** Waits until the page is whole, its scripts have run, and what htmx put there works: htmx takes 20 ms for that. */
export async function settled(page: Page): Promise<void> {
  await page.waitForLoadState();
  const busy = ".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added";
  await page.locator(busy).first().waitFor({ state: "detached" });
}

/** Waits until the page shows this, and is settled. */
export async function settledWith(shown: Locator): Promise<void> {
  await shown.waitFor();
  await settled(shown.page());
}

/** What nginx does with `location PREFIX/ { proxy_pass http://APP/; }`: the path without its last slash is redirected. */
function behindProxy(app: App, request: Request, prefix: string): Response | Promise<Response> {
  const url = new URL(request.url);
  if (url.pathname === prefix) return Response.redirect(`${prefix}/${url.search}`, 301);
  if (!url.pathname.startsWith(`${prefix}/`)) return new Response("another program", { status: 404 });
  return app.fetch(new Request(`${url.origin}${url.pathname.slice(prefix.length)}${url.search}`, request));
}

/**
 * What is wrong with the page that is shown: serious findings of axe in light and dark, what the browser complained about, and
 * whether it must be scrolled sideways on a phone. A good page has an empty list.
 */
export async function faultsOf({ page, complaints }: Person): Promise<string[]> {
  const size = page.viewportSize();
  const faults: string[] = [];
  // While a part of the page waits for its answer, it is shown pale.
  await settled(page);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const found of await seriousFindings(page)) faults.push(`${colorScheme}: ${found}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(PHONE);
  const width = await page.evaluate<number>("document.documentElement.scrollWidth");
  if (width > PHONE.width) faults.push(`the page is ${width} px wide on a phone of ${PHONE.width}`);
  if (size) await page.setViewportSize(size);
  return [...faults, ...complaints()];
}

interface Finding {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  // A browser applies a colour scheme at its next frame.
  const findings = await page.evaluate<Finding[]>(
    "new Promise(requestAnimationFrame).then(() => axe.run()).then(({ violations }) => violations)",
  );
  return findings
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}
