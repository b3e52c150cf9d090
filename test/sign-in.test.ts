/** Signing in: the session that a token begins, what it counts for, and what other sites cannot do with it. */
import { afterAll, describe, expect, test } from "bun:test";
import { createHash, createHmac } from "node:crypto";
import { connect } from "node:net";
import { readTokens } from "../src/http/auth.ts";
import { GUESSES_PER_MINUTE_MAX } from "../src/http/rate-limit.ts";
import { appOver, posted } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { withoutChromium } from "./support/missing.ts";
import { faultsOf, personAt } from "./support/person.ts";

const database = await freshDatabase();
const tokens = readTokens("reader:read-me,writer:write-me,admin:rule-me");
const guarded = appOver(database, { tokens });
const local = appOver(database);
afterAll(() => database.close());

const HOST = "muster.example";
const signIn = (token: string, headers: Record<string, string> = {}, to?: string) =>
  guarded.request("/sign-in", {
    ...{ method: "POST", body: new URLSearchParams({ token, ...(to !== undefined && { to }) }) },
    headers: { Host: HOST, ...headers },
  });
/** The Cookie header that a browser sends after this answer. */
const cookieOf = (answer: Response) => (answer.headers.get("Set-Cookie") ?? "").replace(/;.*/, "");
const textOf = async (answer: Response | Promise<Response>) => (await answer).text();
/** Where a browser goes after this answer to a request for `path`. */
const placeOf = (answer: Response, path: string) =>
  new URL(answer.headers.get("Location") ?? "", `https://${HOST}${path}`).href;

describe("a session", () => {
  test("without a token the page is the sign-in form and no data", async () => {
    const answer = await guarded.request("/");
    const text = await answer.text();
    expect([answer.status, answer.headers.get("Cache-Control")]).toEqual([200, "no-store"]);
    expect(text).toContain('action="sign-in"');
    expect(text).not.toMatch(/Hires|<table|<nav/);
    const headers = { Authorization: "Bearer wrong" };
    expect((await guarded.request("/", { headers })).status).toBe(401);
    expect(await textOf(guarded.request("/", { headers: { Authorization: "Bearer read-me" } }))).toContain("Hires");
  });

  test("a token begins a session of 12 hours that reads with the token's role", async () => {
    const answer = await signIn("rule-me");
    expect([answer.status, answer.headers.get("Location")]).toEqual([303, "./"]);
    expect(answer.headers.get("Set-Cookie")).toMatch(
      /^muster_session=\d+\.[\w%]+%3D; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    );
    const headers = { Cookie: cookieOf(answer) };
    expect(await textOf(guarded.request("/", { headers }))).toContain("Signed in as admin");
    for (const path of ["/jobs", "/runs", "/hired_department"]) {
      const json = await guarded.request(path, { headers });
      expect([json.status, json.headers.get("Cache-Control")]).toEqual([200, "private, no-cache"]);
    }
    expect((await guarded.request("/jobs", { headers, method: "HEAD" })).status).toBe(200);
    const csv = await guarded.request("/jobs", { headers: { ...headers, Accept: "text/csv" } });
    expect([csv.status, csv.headers.get("Cache-Control")]).toEqual([200, "private"]);
    const other = appOver(database, { tokens: readTokens("reader:another,admin:rule-me") });
    expect((await other.request("/jobs", { headers })).status).toBe(200);
  });

  test("the cookie is for https alone if the browser uses https", async () => {
    expect((await signIn("read-me", { Origin: "http://muster.example" })).headers.get("Set-Cookie")).not.toContain(
      "Secure",
    );
    expect((await signIn("read-me", { Origin: "https://muster.example" })).headers.get("Set-Cookie")).toContain(
      "Secure",
    );
  });

  test("a session may not write to the API, and an Authorization header counts before it", async () => {
    const Cookie = cookieOf(await signIn("rule-me"));
    for (const path of ["/jobs", "/insert", "/backup", "/restore", "/rejections/discard", "/hired_department"]) {
      expect([path, (await guarded.request(path, posted({}, { Cookie }))).status]).toEqual([path, 401]);
    }
    expect((await guarded.request("/jobs", { headers: { Cookie, Authorization: "Bearer wrong" } })).status).toBe(401);
    expect((await guarded.request("/backups", { headers: { Cookie, Authorization: "Bearer read-me" } })).status).toBe(
      403,
    );
  });

  test("a cookie that has expired, is forged, or belongs to a removed token is ignored", async () => {
    const now = Math.floor(Date.now() / 1000);
    const sealed = (token: string, expires: number) => {
      const digest = createHash("sha256").update(token).digest();
      return encodeURIComponent(`${expires}.${createHmac("sha256", digest).update(`${expires}`).digest("base64")}`);
    };
    const status = async (value: string) =>
      (await guarded.request("/jobs", { headers: { Cookie: `muster_session=${value}` } })).status;
    const good = sealed("read-me", now + 3600);
    expect(await status(good)).toBe(200);
    const bad = [sealed("read-me", now - 1), sealed("old-one", now + 3600), good.replace(/^\d+/, `${now + 7200}`)];
    for (const value of [...bad, good.slice(0, -1), `${now + 60}.`, "", "x"])
      expect([value, await status(value)]).toEqual([value, 401]);
    // An old cookie is no guess, whichever token signed it: it must not count against its address.
    const app = appOver(database, { tokens, rateLimit: { perMinute: 1000, now: () => 0 } });
    const old = { headers: { Cookie: `muster_session=${sealed("read-me", now - 1)}` } };
    for (let sent = 0; sent <= GUESSES_PER_MINUTE_MAX; sent++)
      expect((await app.request("/jobs", old)).status).toBe(401);
  });

  test("a wrong token gets the form again, with the reason", async () => {
    const answer = await signIn("wrong");
    expect([answer.status, answer.headers.get("Set-Cookie")]).toEqual([401, null]);
    const text = await answer.text();
    for (const part of ["This token is not known.", 'action="sign-in"']) expect(text).toContain(part);
  });

  test("guesses in the form and forged cookies are limited like guesses in Authorization", async () => {
    const now = Math.floor(Date.now() / 1000);
    const form = (app: typeof local, token: string) =>
      app.request("/sign-in", { method: "POST", body: new URLSearchParams({ token }) });
    const forged = { headers: { Cookie: `muster_session=${now + 60}.${"A".repeat(43)}=` } };
    for (const guess of [
      (app: typeof local) => form(app, "wrong"),
      (app: typeof local) => app.request("/jobs", forged),
    ]) {
      const app = appOver(database, { tokens, rateLimit: { perMinute: 1000, now: () => 0 } });
      for (let sent = 0; sent < GUESSES_PER_MINUTE_MAX; sent++) expect((await guess(app)).status).toBe(401);
      expect((await form(app, "read-me")).status).toBe(303);
      expect((await guess(app)).status).toBe(429);
      expect((await form(app, "read-me")).status).toBe(429);
    }
  });

  test("a page of another site can sign a browser neither in nor out", async () => {
    for (const Origin of ["https://evil.example", "null", "https://muster.example.evil.example"]) {
      expect([Origin, (await signIn("read-me", { Origin })).status]).toEqual([Origin, 403]);
      const out = await guarded.request("/sign-out", { method: "POST", headers: { Origin, Host: "muster.example" } });
      expect([Origin, out.status]).toEqual([Origin, 403]);
    }
    // Behind a proxy that changes Host, the browser's own header says that the form is ours.
    const headers = { Origin: "https://muster.example", Host: "10.0.0.7:3000", "Sec-Fetch-Site": "same-origin" };
    expect((await signIn("read-me", headers)).status).toBe(303);
  });
});

describe("the form", () => {
  test("leads back to the view that was asked for", async () => {
    const form = await textOf(guarded.request("/page/tables/jobs?job=O%27Neil&limit=25"));
    const to = /name="to" value="([^"]*)"/.exec(form)?.[1]?.replaceAll("&amp;", "&");
    expect(to).toBe("./page/tables/jobs?job=O%27Neil&limit=25");
    const answer = await signIn("read-me", {}, to);
    expect(placeOf(answer, "/sign-in")).toBe(`https://${HOST}/page/tables/jobs?job=O%27Neil&limit=25`);
    expect(placeOf(answer, "/muster/sign-in")).toBe(`https://${HOST}/muster/page/tables/jobs?job=O%27Neil&limit=25`);
    const again = await textOf(signIn("wrong", {}, to));
    expect(again).toContain('name="to" value="./page/tables/jobs?job=O%27Neil&amp;limit=25"');
    expect(placeOf(await signIn("read-me", {}, "./?year=2022"), "/sign-in")).toBe(`https://${HOST}/?year=2022`);
  });

  test.each([
    "//evil.example/",
    "https://evil.example/page/",
    "http:evil.example",
    "\\\\evil.example",
    "/\\evil.example",
    "page/../..//evil.example",
    "page/%2e%2e/%2E%2e//evil.example/page/",
    "page/..\\..\\\\evil.example",
    "page/\t../\n..//evil.example",
    "./page/../sign-out",
    "page/../restore",
    "javascript:alert(1)",
    "data:text/html,x",
    "page",
    "jobs",
    "http://[",
    "\0",
  ])("leads to the overview if the address is %p", async (to) => {
    const answer = await signIn("read-me", {}, to);
    expect([answer.status, placeOf(answer, "/sign-in")]).toEqual([303, `https://${HOST}/`]);
    expect(placeOf(answer, "/muster/sign-in")).toBe(`https://${HOST}/muster/`);
  });

  test("never leads out of the service, whatever the rest of the address is", async () => {
    for (const to of [
      "page//evil.example",
      "page/https://evil.example",
      "page/@evil.example",
      "page/x\r\nSet-Cookie:a=b",
    ]) {
      const place = new URL(placeOf(await signIn("read-me", {}, to), "/sign-in"));
      expect([to, place.host, place.pathname.slice(0, 6)]).toEqual([to, HOST, "/page/"]);
    }
  });

  test("is no link to another site on a page with a strange path", async () => {
    for (const path of ["///evil.example/x", "/javascript:alert(1)", "/page//evil.example"]) {
      const text = await textOf(guarded.request(`http://${HOST}${path}`, { headers: { Accept: "text/html" } }));
      for (const [, href = ""] of text.matchAll(/(?:href|value)="([^"#?]*)/g)) {
        const url = new URL(href.replaceAll("&amp;", "&"), `http://${HOST}/`);
        if (url.protocol !== "data:") expect([path, url.origin]).toEqual([path, `http://${HOST}`]);
      }
    }
  });
});

describe("a request that would write below /page/", () => {
  const ask = async (path: string, headers: Record<string, string>, method = "POST") => {
    const answer = await guarded.request(`http://${HOST}${path}`, { method, headers: { Host: HOST, ...headers } });
    return answer.status;
  };
  const Origin = `https://${HOST}`;
  const session = async () => ({ Cookie: cookieOf(await signIn("rule-me")) });

  test("counts for the session if a page of the service sends it", async () => {
    const cookie = await session();
    // There is no such view. 405 means that the session was let through.
    for (const sender of [
      { "Sec-Fetch-Site": "same-origin", Origin },
      { "Sec-Fetch-Site": "same-origin" },
      { Origin },
      { Origin: `http://${HOST}` },
    ])
      expect([sender, await ask("/page/no-view", { ...cookie, ...sender })]).toEqual([sender, 405]);
  });

  test.each([
    [403, { Origin: "https://evil.example" }],
    [403, { Origin: "null" }],
    [403, { Origin: `https://${HOST}.evil.example` }],
    [403, { Origin: `https://evil.${HOST}` }],
    [403, { Origin: `https://${HOST}:8443` }],
    [403, { Origin: `https://${HOST}@evil.example` }],
    [403, { Origin: "" }],
    [403, { "Sec-Fetch-Site": "cross-site" }],
    [403, { "Sec-Fetch-Site": "same-site" }],
    [403, { "Sec-Fetch-Site": "none" }],
    // A page over http of the same host, or of another port behind a proxy that leaves the port out of Host.
    [403, { "Sec-Fetch-Site": "cross-site", Origin: `http://${HOST}` }],
    [403, { "Sec-Fetch-Site": "same-site", Origin }],
    [403, { "Sec-Fetch-Site": "same-origin, cross-site", Origin }],
    [401, {}],
  ] as [number, Record<string, string>][])("is answered %i with the cookie and %p", async (status, sender) => {
    expect(await ask("/page/no-view", { ...(await session()), ...sender })).toBe(status);
  });

  test("never counts for the session at another path, or by another method", async () => {
    const own = { ...(await session()), Origin, "Sec-Fetch-Site": "same-origin" };
    for (const path of [
      ...["/page/../insert", "/page/%2e%2e/insert", "/page/..%2finsert", "/page\\..\\insert", "//page/insert"],
      ...["/PAGE/insert", "/Page/insert", "/%70age/../insert", "/page", "/page%2finsert", "/page;/insert"],
      ...["/pages/insert", "/insert?/page/", "/insert#/page/", "/jobs", "/restore", "/./insert", "/x/../insert"],
    ])
      expect([path, [401, 404, 405].includes(await ask(path, own))]).toEqual([path, true]);
    for (const method of ["PUT", "DELETE", "PATCH"])
      expect([method, await ask("/page/no-view", own, method)]).toEqual([method, 401]);
    for (const table of database.dictionary.names) {
      const [rows] = await database.pool.query("SELECT * FROM ??", [table]);
      expect([table, rows]).toEqual([table, []]);
    }
  });

  test("never counts for the session at a path that leads elsewhere, as bytes on the wire", async () => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: guarded.fetch });
    const { host, port } = server.url;
    const { Cookie } = await session();
    const send = (path: string) =>
      new Promise<string>((resolve, reject) => {
        const fields = `Origin: http://${host}\r\nCookie: ${Cookie}\r\nContent-Type: application/json`;
        let text = "";
        const socket = connect(Number(port), "127.0.0.1", () => {
          socket.end(
            `POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{"job":"x"}`,
          );
        });
        socket.on("data", (part) => {
          text += part;
        });
        socket.on("close", () => resolve(text.slice(9, 12)));
        socket.on("error", reject);
      });
    for (const path of [
      "/page/../jobs",
      "//page/jobs",
      "/page/%2e%2e/jobs",
      `http://${host}/page/../jobs`,
      "/page\\..\\jobs",
      "/jobs",
    ])
      expect([path, ["401", "404"].includes(await send(path))]).toEqual([path, true]);
    expect((await database.pool.query("SELECT * FROM jobs"))[0]).toEqual([]);
    await server.stop(true);
  });

  test("of a session that has ended says so, and htmx loads a view again to show the form", async () => {
    const headers = { Origin: `http://${HOST}`, Host: HOST, Accept: "text/html" };
    const sent = await guarded.request("/page/no-view", { method: "POST", headers });
    expect([sent.status, sent.headers.get("WWW-Authenticate")]).toEqual([401, 'Bearer realm="muster"']);
    expect(await sent.text()).toContain("the session has ended: sign in");
    const part = await guarded.request("/page/no-view", { headers: { "HX-Request": "true" } });
    expect([part.status, part.headers.get("HX-Refresh"), await part.text()]).toEqual([401, "true", ""]);
  });

  test("is refused to pages of other ports of this machine if there are no tokens", async () => {
    const post = async (path: string, headers: Record<string, string>) =>
      (await local.request(path, { method: "POST", headers: { Host: "localhost:3000", ...headers } })).status;
    for (const path of ["/page/no-view", "/sign-in", "/sign-out"]) {
      for (const origin of ["http://localhost:9999", "http://127.0.0.1:3000", "https://evil.example", "null"])
        expect([path, origin, await post(path, { Origin: origin })]).toEqual([path, origin, 403]);
      expect(await post(path, { Origin: "http://localhost:3000", "Sec-Fetch-Site": "same-site" })).toBe(403);
    }
    expect(await post("/page/no-view", { Origin: "http://localhost:3000" })).toBe(405);
  });
});

describe("what a role may not do", () => {
  const sessionOf = async (token: string) => ({ Cookie: cookieOf(await signIn(token)) });
  const own = { Host: HOST, Origin: `https://${HOST}` };

  test.each([
    ["read-me", ["Overview", "Reports", "Rejections", "Runs", "Tables", "API"]],
    ["write-me", ["Overview", "Reports", "Load a file", "Rejections", "Runs", "Tables", "API"]],
    ["rule-me", ["Overview", "Reports", "Load a file", "Rejections", "Runs", "Backups", "Tables", "API"]],
  ])("is not in the navigation of %s", async (token, views) => {
    const text = await textOf(guarded.request("/page/tables", { headers: await sessionOf(token) }));
    const [nav = ""] = /<nav aria-label="Views">.*?<\/nav>/s.exec(text) ?? [];
    expect([...nav.matchAll(/>([^<]+)<\/a>/g)].map(([, name]) => name)).toEqual(views);
  });

  test("is refused if a form is sent anyway, and so is every form without a session or from elsewhere", async () => {
    const routes = new Set(guarded.routes.filter(({ method }) => method === "POST").map(({ path }) => path));
    const forms = [...routes].filter((path) => path.startsWith("/page/"));
    expect(forms).toContain("/page/backups");
    const [reader, writer, admin] = [
      await sessionOf("read-me"),
      await sessionOf("write-me"),
      await sessionOf("rule-me"),
    ];
    for (const form of forms) {
      const path = form.replaceAll(/:\w+/g, "019aadc4-5f00-7000-8000-000000000001");
      const status = async (headers: Record<string, string>) =>
        (await guarded.request(`https://${HOST}${path}`, { method: "POST", headers: { ...own, ...headers } })).status;
      expect([form, await status(reader)]).toEqual([form, 403]);
      expect([form, (await status(writer)) === 403]).toEqual([form, form.startsWith("/page/backups")]);
      expect([form, await status(admin)]).not.toEqual([form, 403]);
      expect([form, await status({})]).toEqual([form, 401]);
      expect([form, await status({ ...admin, Origin: "https://evil.example" })]).toEqual([form, 403]);
    }
  });

  test("is refused as a view, and everything else is readable", async () => {
    const reader = await sessionOf("read-me");
    for (const view of [
      "load",
      "backups",
      "reports",
      "rejections",
      "runs",
      "tables",
      "tables/jobs",
      "tables/jobs/as/csv",
    ]) {
      const { status } = await guarded.request(`/page/${view}`, { headers: reader });
      expect([view, status]).toEqual([view, view === "load" || view === "backups" ? 403 : 200]);
    }
  });
});

describe.skipIf(withoutChromium !== "")(`in a browser${withoutChromium}`, () => {
  test.each([true, false])(
    "a person signs in, sees the role, and signs out, with JavaScript: %p",
    async (javaScriptEnabled) => {
      const person = await personAt(guarded, { javaScriptEnabled });
      const { page, root, complaints } = person;
      await page.goto(`${root}page/tables/jobs?job=a%26b`);
      await person.signIn("wrong");
      await page.getByRole("alert").getByText("This token is not known.").waitFor();
      expect(complaints()).toEqual([expect.stringContaining("401")]);
      if (javaScriptEnabled) expect(await faultsOf(person)).toEqual([]);
      await person.signIn("read-me");
      await page.getByText("Signed in as reader").waitFor();
      expect(page.url()).toBe(`${root}page/tables/jobs?job=a%26b`);
      expect(await page.getByRole("link", { name: "Load a file" }).count()).toBe(0);
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByLabel("Token").waitFor();
      expect([page.url(), await page.context().cookies()]).toEqual([root, []]);
      await page.goBack();
      await page.reload();
      await page.getByLabel("Token").waitFor();
      expect(complaints()).toEqual([]);
      await person.close();
    },
  );

  test("a page of another port of this machine can post nothing, even with the session", async () => {
    const person = await personAt(guarded);
    const { page, root } = person;
    const other = Bun.serve({
      ...{ hostname: "127.0.0.1", port: 0 },
      fetch: () =>
        new Response(
          `<form method="post" action="${root}page/backups"><input name="table" value="jobs"><button>Win</button></form>`,
          { headers: { "Content-Type": "text/html" } },
        ),
    });
    await page.goto(root);
    await person.signIn("rule-me");
    await page.getByText("Signed in as admin").waitFor();
    await page.goto(other.url.href);
    await page.getByRole("button", { name: "Win" }).click();
    await page.getByText("the form was sent by a page of another site").waitFor();
    expect(await (await guarded.request("/runs", { headers: { Authorization: "Bearer rule-me" } })).json()).toEqual([]);
    await other.stop(true);
    await person.close();
  });
});

test("without API_TOKENS there is nothing to sign in to", async () => {
  const answer = await local.request("/sign-in", { method: "POST", body: new URLSearchParams({ token: "x" }) });
  expect([answer.status, answer.headers.get("Location"), answer.headers.get("Set-Cookie")]).toEqual([303, "./", null]);
});
