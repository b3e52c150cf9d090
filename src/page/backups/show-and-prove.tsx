/** @jsxImportSource hono/jsx */
/** `/page/backups/ID`: what a backup holds, its files, and forms that prove it and plan its restore. */
import { type Context, Hono } from "hono";
import { provenManifest } from "../../backups/catalog.ts";
import type { ManifestEntry } from "../../backups/manifest.ts";
import { beginRestore } from "../../backups/restore.ts";
import { beginVerify } from "../../backups/verify.ts";
import type { TableName } from "../../codecs/tables.ts";
import { MusterError } from "../../errors.ts";
import type { Env } from "../../http/env.ts";
import { validate } from "../../http/validate.ts";
import { findVerifications } from "../../repositories/backup-runs.ts";
import { BackupPath } from "../../routes/stored-backups.ts";
import { readForm } from "../form.ts";
import type { PageDependencies } from "../page-routes.ts";
import { part } from "../part.ts";
import { Facts } from "../parts/facts.tsx";
import { Age, Instant } from "../parts/instant.tsx";
import { bytesText, count, counted } from "../parts/quantities.ts";
import { Rows, Table } from "../parts/table.tsx";
import { checksOf, followed } from "./begin-run.ts";
import { sizeOf } from "./contents.ts";
import { type Checked, Proof } from "./proof.tsx";
import { ChosenTables, NO_TABLE, TableChoice, tablesNamed } from "./table-choice.tsx";

export function showAndProve(dependencies: PageDependencies) {
  const { frame, database, pages, store } = dependencies;
  const { readiness } = database;
  const path = validate("param", BackupPath);

  async function show(c: Context<Env>, id: string, problem?: string) {
    const backup = await provenManifest(store, id).catch((error) => {
      if (error instanceof MusterError && error.code === "backup_damaged")
        return { id, damaged: error.message } as const;
      throw error;
    });
    const head = { title: `Backup ${backup.id}`, view: "Backups" } as const;
    if ("damaged" in backup) return frame.answer(c, { ...head, status: 422 }, <Damaged {...backup} />);
    const verification = (await part(findVerifications(pages.db, [backup.id]))).value?.get(backup.id);
    const known = tablesNamed(
      database,
      backup.tables.map(({ table }) => table),
    ).map(({ name }) => name);
    const refusals = { import: readiness.refusal("import")?.message, restore: readiness.refusal("restore")?.message };
    return frame.answer(
      c,
      { ...head, ...(problem && { problem, status: 422 }) },
      <>
        <h1>
          Backup of <Instant at={backup.created_at} />
        </h1>
        <p>
          <a href="page/backups">All backups</a>
        </p>
        <About {...{ backup, verification }} />
        <Files id={backup.id} files={backup.tables} known={known} />
        <div class="cards">
          <Prove id={backup.id} refusal={refusals.import} />
          <PlanRestore id={backup.id} names={known} refusal={refusals.restore} />
        </div>
      </>,
    );
  }

  return new Hono<Env>()
    .get("/page/backups/:id", path, (c) => show(c, c.req.valid("param").id))
    .post("/page/backups/:id/verify", ...checksOf(dependencies, "import"), path, (c) => {
      const { id } = c.req.valid("param");
      return followed(c, dependencies, "verification", (options) => beginVerify(database, store, { ...options, id }));
    })
    .post("/page/backups/:id/plan", ...checksOf(dependencies, "restore"), path, (c) => {
      const { id } = c.req.valid("param");
      const tables = tablesNamed(database, readForm(c, ChosenTables).table);
      if (tables.length === 0) return show(c, id, NO_TABLE);
      return followed(c, dependencies, "restore's plan", (options) =>
        beginRestore(database, store, { ...options, tables, backup: id, plan: true }),
      );
    });
}

const Damaged = ({ id, damaged }: { id: string; damaged: string }) => (
  <>
    <h1>Backup {id}</h1>
    <p>
      <a href="page/backups">All backups</a>
    </p>
    <section class="card" aria-label="Damage">
      <p>
        <span class="tag bad">damaged</span> <span class="bad">{damaged}</span>
      </p>
      <p>Nothing can be restored from it here. Its files are still in the store.</p>
    </section>
  </>
);

type Sound = Exclude<Checked["backup"], { damaged: true }>;

function About({ backup, verification }: Checked & { backup: Sound }) {
  const { id, created_at, server, tables } = backup;
  const rows = tables.reduce((sum, each) => sum + each.rows, 0);
  return (
    <section class="card" aria-label="About this backup">
      <Facts
        facts={[
          ["Proof", <Proof backup={backup} verification={verification} />],
          ["Made", <Age at={created_at} />],
          ["Holds", `${counted(rows, "row")} of ${counted(tables.length, "table")}, ${bytesText(sizeOf(tables))}`],
          ["From", `a server of version ${server}`],
          [
            "Id",
            <>
              <code>{id}</code> <a href={`backups/${id}`}>Manifest</a>
            </>,
          ],
        ]}
      />
    </section>
  );
}

/** @param props.known the tables that the dictionary still has: only their files can be downloaded here */
const Files = ({ id, files, known }: { id: string; files: readonly ManifestEntry[]; known: readonly string[] }) => (
  <section class="card" aria-labelledby="files">
    <h2 id="files">Files</h2>
    <Table
      caption="One Avro file a table"
      columns={["Table", "File", { name: "Rows", isNumber: true }, { name: "Size", isNumber: true }, "SHA-256"]}
      rows={files.map(({ table, file, rows, bytes, sha256, invalid_rows }) => (
        <>
          <th scope="row">
            {table}
            {invalid_rows !== undefined && (
              <small class="bad">{count(invalid_rows)} rows break the rules: a restore would be refused</small>
            )}
          </th>
          <td>
            {known.includes(table) ? (
              <a href={`backups/${id}/${table}.avro`} download={file}>
                {file}
              </a>
            ) : (
              <>
                {file} <small>not a table any more</small>
              </>
            )}
          </td>
          <Rows rows={rows} />
          <td class="n">{bytesText(bytes)}</td>
          <td>
            <code class="line">{sha256}</code>
          </td>
        </>
      ))}
      ifEmpty="No file"
      isWide
    />
  </section>
);

const Prove = ({ id, refusal }: { id: string; refusal: string | undefined }) => (
  <section class="card" aria-labelledby="prove">
    <h2 id="prove">Prove it</h2>
    <p>Restores the backup into scratch tables and compares every row. The tables themselves are not touched.</p>
    {refusal === undefined ? (
      <form method="post" action={`page/backups/${id}/verify`}>
        <button type="submit">Prove this backup</button>
      </form>
    ) : (
      <p class="bad">Not possible now: {refusal}</p>
    )}
  </section>
);

interface PlanRestoreProps {
  id: string;
  names: readonly TableName[];
  refusal: string | undefined;
}

const PlanRestore = ({ id, names, refusal }: PlanRestoreProps) => (
  <section class="card" aria-labelledby="restore">
    <h2 id="restore">Restore</h2>
    <p>First comes a plan: how many rows would be inserted, changed and deleted. It changes nothing.</p>
    {refusal === undefined ? (
      <form method="post" action={`page/backups/${id}/plan`}>
        <TableChoice names={names} />
        <button type="submit">Plan the restore</button>
      </form>
    ) : (
      <p class="bad">Not possible now: {refusal}</p>
    )}
  </section>
);
