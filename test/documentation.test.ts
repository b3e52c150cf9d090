/** README, CONTRIBUTING and docs/: what they must name, where their links lead, and that their commands answer what they show. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import packageJson from "../package.json";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { REASON_CODES } from "../src/db/ledger.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { SAMPLE_TABLES } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { folderForPage } from "./support/page-folder.ts";
import { anchorOf, difference, fencesOf, pages, ROOT, stepsOf, textOf } from "./support/pages.ts";

const database = await freshDatabase();
const app = appOver(database, { store: new DirectoryStore(await folderOf({})) });
afterAll(async () => {
  await database.close();
  await removeFolders();
});
const routes = app.routes.filter(({ method, path }) => method !== "ALL" && !/^\/(docs|page)\//.test(path));
const commands = pages.flatMap((page) => stepsOf(page).map(({ command }) => command));

describe("the pages", () => {
  test("docs/http.md has every route", () => {
    const text = textOf("docs/http.md");
    const spelled = routes.map(({ path }) =>
      path
        .replace("/:table/:id", "/TABLE/KEY")
        .replace("/:table", "/TABLE")
        .replace(":id", "ID")
        .replace(":file", "TABLE.avro"),
    );
    expect(spelled.length).toBeGreaterThan(15);
    expect(spelled.filter((path) => !text.includes(path))).toEqual([]);
  });

  test("every route is asked by a curl line of some page", () => {
    const asked = commands.flatMap((command) =>
      [...command.matchAll(/curl [^|]*?127\.0\.0\.1:3000([^ ?'\n]*)[^|]*/g)].map(([line, path = ""]) => ({
        method: /-X (\w+)/.exec(line)?.[1] ?? (/ (-d|--data-binary|-T) /.test(line) ? "POST" : "GET"),
        path: path === "" ? "/" : path,
      })),
    );
    const missing = routes.filter(({ method, path }) => {
      const pattern = new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/:\w+/g, "[^/]+")}$`);
      const same = (each: string) => each === method || path.startsWith("/hired_"); // a report by POST is the same
      return !asked.some((each) => same(each.method) && pattern.test(each.path));
    });
    expect(missing.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });

  test("docs/rules.md has every reason and each table of the sample, and CONTRIBUTING.md every dependency", () => {
    const rules = textOf("docs/rules.md");
    expect([...REASON_CODES, ...SAMPLE_TABLES].filter((name) => !rules.includes(`\`${name}\``))).toEqual([]);
    const { dependencies, devDependencies } = packageJson;
    const contributing = textOf("CONTRIBUTING.md");
    const packages = Object.keys({ ...dependencies, ...devDependencies });
    expect(packages.filter((name) => !contributing.includes(name))).toEqual([]);
  });

  test("every link leads to a file and a heading, and README or another page leads to every page", () => {
    const links = pages.flatMap(({ name, text }) =>
      [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].map(([, path = "", anchor]) => ({
        from: name,
        to: path === "" ? name : join(dirname(name), path),
        anchor,
      })),
    );
    expect(links.length).toBeGreaterThan(20);
    const broken = links.filter(({ to, anchor }) => {
      const anchors = pages.find((page) => page.name === to)?.headings.map(anchorOf);
      return !existsSync(join(ROOT, to)) || (anchor !== undefined && !anchors?.includes(anchor));
    });
    expect(broken).toEqual([]);
    const reached = new Set(["README.md", ...links.map(({ to }) => to)]);
    expect(pages.map(({ name }) => name).filter((name) => !reached.has(name))).toEqual([]);
  });

  test("every file of the source that a page names is there", () => {
    const files = [...new Bun.Glob("{src,scripts,test,client,drizzle}/**/*").scanSync(ROOT)];
    const isThere = (name: string) => files.some((file) => file === name || file.endsWith(`/${name}`));
    const named = pages.flatMap(({ name: page, text }) =>
      [...text.matchAll(/`((?:[\w-]+\/)*[\w-]+\.(?:test\.)?ts)`/g)].map(([, file = ""]) => ({ page, file })),
    );
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter(({ file }) => !isThere(file) && !existsSync(join(ROOT, file)))).toEqual([]);
  });

  test("comments and messages of the source cite pages and headings that exist", () => {
    const cited = [...new Bun.Glob("{src,scripts,test,client}/**/*.{ts,js}").scanSync(ROOT)].flatMap((file) =>
      [...readFileSync(join(ROOT, file), "utf8").matchAll(/(docs\/[\w-]+\.md|README\.md)(?:,? "([^"]+)")?/g)].map(
        ([, page = "", heading]) => ({ file, page, heading }),
      ),
    );
    const wrong = cited.filter(({ page, heading }) => {
      const headings = pages.find(({ name }) => name === page)?.headings;
      return !headings || (heading !== undefined && !headings.includes(heading));
    });
    expect(wrong).toEqual([]);
  });

  test("their commands can be pasted into zsh, which takes ? and * for names of files and no comments", () => {
    const bare = commands.map((command) => command.replaceAll(/'[^']*'|"[^"]*"/g, ""));
    expect(bare.length).toBeGreaterThan(25);
    expect(bare.filter((command) => /[?*[\]{}#&~]/.test(command))).toEqual([]);
  });

  test("a block that is not run says why", () => {
    const fences = pages.flatMap((page) => fencesOf(page).filter((info) => /^(sh|console)\b/.test(info)));
    expect(fences.filter((info) => !/^(sh|console)( norun: \S.*)?$/.test(info))).toEqual([]);
  });
});

/** Characters of an output that a failure shows. */
const LONG = 3_000;
const START = /^(\w+=\S+ )*npm start$/;

describe("the commands of each page, in a fresh folder beside a fresh service, answer what the page shows:", () => {
  const runnable = pages.map((page) => [page.name, stepsOf(page)] as const).filter(([, steps]) => steps.length > 0);
  test.each(runnable)("%s", async (_, steps) => {
    const folder = await folderForPage();
    const wrong: unknown[] = [];
    try {
      if (!steps.some(({ command }) => START.test(command))) await folder.serve("npm start");
      for (const { command, shown } of steps) {
        if (START.test(command)) {
          await folder.serve(command);
          continue;
        }
        const { code, output } = await folder.run(command);
        const differs = difference(output, shown ?? "");
        if (differs) {
          const { output: answered, shown: expected } = differs;
          wrong.push({ command, answered: answered.slice(0, LONG), expected: expected.slice(0, LONG) });
        }
        if (shown === undefined && code !== 0) wrong.push({ command, code });
      }
    } finally {
      await folder.stop();
    }
    expect(wrong).toEqual([]);
  });
});
