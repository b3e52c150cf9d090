/** @jsxImportSource hono/jsx */
import type { RejectionGroup } from "../../repositories/rejection-groups.ts";
import type { Part } from "../part.ts";
import { count } from "../parts/quantities.ts";
import { Rows, Table } from "../parts/table.tsx";
import { CauseName } from "../rejections/groups.tsx";
import { groupAddress } from "../rejections/selection.ts";

/** The causes of more rejections than this are not looked for here. MySQL takes half a second to group so many. */
export const OPEN_GROUPED_MAX = 20_000;
const GROUPS_SHOWN = 6;

export interface OpenRejections {
  groups: RejectionGroup[];
  rows: number;
  /** There are more than OPEN_GROUPED_MAX, and they are not grouped. */
  isCut: boolean;
}

export function OpenRejectionsCard({ open: { value, unavailable } }: { open: Part<OpenRejections> }) {
  const { groups = [], rows = 0, isCut = false } = value ?? {};
  const shown = groups.slice(0, GROUPS_SHOWN);
  const others = rows - shown.reduce((sum, group) => sum + group.rows, 0);
  const number = isCut ? `More than ${count(OPEN_GROUPED_MAX)}` : count(rows);
  return (
    <section class="card" aria-labelledby="rejections">
      <div class="head">
        <h2 id="rejections">Open rejections</h2>
        <a href="page/rejections">{rows === 0 ? "All rejections" : "See and mend"}</a>
      </div>
      <Table
        caption={value ? `${number} open` : "By cause"}
        columns={["Cause and table", { name: "Rows", isNumber: true }]}
        rows={shown.map(({ table, cause, rows }) => (
          <>
            <th scope="row">
              <a href={groupAddress({ table, cause })}>
                <CauseName cause={cause} />
              </a>{" "}
              <small>{table}</small>
            </th>
            <Rows rows={rows} />
          </>
        ))}
        ifEmpty={isCut ? "Too many to sort by cause here" : "No open rejections"}
        unavailable={unavailable}
      />
      {!isCut && others > 0 && <p class="note">And {count(others)} rows for other causes.</p>}
    </section>
  );
}
