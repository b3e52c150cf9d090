import { afterAll, expect, test } from "bun:test";
import { type Browser, chromium } from "playwright-core";
import { readTokens } from "../src/http/auth.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { CHROMIUM, withoutChromium } from "./support/missing.ts";

const database = await freshDatabase();
await database.pool.query("INSERT INTO departments VALUES (7, 'Legal')");
const tokens = readTokens("reader:read-me");
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: appOver(database, { tokens }).fetch });
let browser: Browser | undefined;
afterAll(async () => {
  await browser?.close();
  await server.stop(true);
  await database.close();
});

test("/docs serves the page's own files and nothing else", async () => {
  for (const path of ["/docs/index.html", "/docs/package.json", "/docs/%2e%2e%2fpackage.json", "/docs/swagger-ui.js"]) {
    expect([path, (await fetch(server.url.origin + path)).status]).toEqual([path, 404]);
  }
});

test.skipIf(withoutChromium !== "")(
  `in a browser, /docs shows the operations, tries them with a token, and loads nothing from other hosts${withoutChromium}`,
  async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"], timeout: 0 });
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    const asked: string[] = [];
    const complaints: string[] = [];
    page.on("request", (request) => void asked.push(request.url()));
    page.on(
      "console",
      (message) => void (["error", "warning"].includes(message.type()) && complaints.push(message.text())),
    );
    page.on("pageerror", (error) => void complaints.push(error.message));
    await page.goto(`${server.url.origin}/docs`);

    await page.getByRole("button", { name: "Authorize" }).first().click();
    await page.locator("#auth-bearer-value").fill("read-me");
    await page.getByRole("button", { name: "Apply credentials" }).click();
    await page.getByRole("button", { name: "Close" }).first().click();
    const operation = page.locator("#operations-departments-getDepartments");
    await operation.getByText("Rows of departments, by id").click();
    await operation.getByRole("button", { name: "Try it out" }).click();
    await operation.getByRole("button", { name: "Execute" }).click();
    const answer = operation.locator(".live-responses-table .response");
    await answer.getByText('"Legal"').waitFor();
    expect(await answer.locator(".response-col_status").first().textContent()).toBe("200");

    const dark = page.locator("html.dark-mode");
    expect(await dark.count()).toBe(0);
    await page.emulateMedia({ colorScheme: "dark" });
    await dark.waitFor();
    await page.getByRole("link", { name: "Muster", exact: true }).click();
    await page.getByLabel("Token").waitFor();

    expect(asked.filter((url) => new URL(url).origin !== server.url.origin && !url.startsWith("data:"))).toEqual([]);
    expect(asked).toContain(`${server.url.origin}/departments`);
    expect(complaints).toEqual([]);
  },
);
