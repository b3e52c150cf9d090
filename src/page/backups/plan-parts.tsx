/** @jsxImportSource hono/jsx */
/** What a restore would do, in a table and in words. */
import type { RestoreCounts } from "../../db/ledger.ts";
import { LOOKED_AT_MAX, type Writers } from "../../repositories/backup-runs.ts";
import { HiddenFields } from "../parts/hidden-fields.tsx";
import { Age } from "../parts/instant.tsx";
import { count, counted } from "../parts/quantities.ts";
import { shortSource, titleOf } from "../parts/run-facts.tsx";
import { Rows, Table } from "../parts/table.tsx";

/** What happens to the rows of a table. */
export type Change = RestoreCounts & { name: string };
export const NOTHING: RestoreCounts = { received: 0, inserted: 0, updated: 0, unchanged: 0, deleted: 0 };

export const PlannedRows = ({ each }: { each: readonly Change[] }) => (
  <Table
    caption="Rows by what happens to them"
    columns={[
      "Table",
      ...["Deleted", "Changed back", "Inserted", "Unchanged", "In the backup"].map((name) => ({
        name,
        isNumber: true,
      })),
    ]}
    rows={each.map(({ name, received, inserted, updated, unchanged, deleted }) => (
      <>
        <th scope="row">{name}</th>
        <td class={deleted > 0 ? "n bad" : "n zero"}>{count(deleted)}</td>
        {[updated, inserted, unchanged, received].map((rows) => (
          <Rows rows={rows} />
        ))}
      </>
    ))}
    ifEmpty="No table"
  />
);

/** Says that the plan is out of date, if it is, and offers to plan again. */
export function WrittenSince({ id, names, writers }: { id: string; names: readonly string[]; writers: Writers }) {
  const { runs, areMore } = writers;
  const [newest] = runs;
  if (!newest && !areMore) return <p class="note">No run has written to {listed(names)} since.</p>;
  const these = `${counted(runs.length, "run")} ${runs.length === 1 ? "has" : "have"}`;
  const many = `over ${count(LOOKED_AT_MAX)} runs have`;
  return (
    <>
      <p class="busy">
        This plan is out of date: {areMore ? many : these} written since, or may still do so.{" "}
        {newest && (
          <>
            The newest: <a href={`page/runs/${newest.id}`}>{titleOf(newest)}</a> {shortSource(newest)},{" "}
            <Age at={newest.finished_at ?? newest.started_at} />.{" "}
          </>
        )}
        A restore undoes what they have stored in {listed(names)}, and the numbers above do not show that.
      </p>
      <form method="post" action={`page/backups/${id}/plan`}>
        <HiddenFields fields={{ table: names }} />
        <button type="submit">Plan again</button>
      </form>
    </>
  );
}

/** Such as "Deletes 4 rows of jobs, and changes 1 row of departments and 2 rows of jobs back." */
export function consequence(each: readonly Change[]): string {
  const rowsOf = (verdict: "deleted" | "updated") =>
    listed(
      each
        .filter((change) => change[verdict] > 0)
        .map(({ name, [verdict]: rows }) => `${counted(rows, "row")} of ${name}`),
    );
  const [deleted, updated] = [rowsOf("deleted"), rowsOf("updated")];
  return `Delete ${deleted || "no row"}${updated && `, and change ${updated} back`}.`;
}

/** Such as `a, b and c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
