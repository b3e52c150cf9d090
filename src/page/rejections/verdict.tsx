/** @jsxImportSource hono/jsx */
/** Why a row is rejected, and what would become of it now. */
import type { Reason } from "../../db/ledger.ts";
import type { RowAnswer } from "../../ingest/insert-batch.ts";

export const Reasons = ({ reasons }: { reasons: readonly Reason[] }) => (
  <>
    {reasons.map(({ code, detail }) => (
      <div>
        <b>{code}</b> {detail}
      </div>
    ))}
  </>
);

/** The columns that reasons name. */
export const faultyColumns = (reasons: readonly Reason[]): string[] =>
  reasons.flatMap(({ field }) => field?.split(",") ?? []);

/** The verdict of a replay that nobody has asked for yet. browser/grid.js marks the cells that it names. */
export function Verdict({ answer: { status, reasons = [] } }: { answer: RowAnswer }) {
  const faulty = JSON.stringify(faultyColumns(reasons));
  if (status === "rejected")
    return (
      <div class="rehearsed" data-faulty={faulty}>
        <span class="tag bad">Would be rejected again</span>
        <Reasons reasons={reasons} />
      </div>
    );
  return (
    <div class="rehearsed" data-faulty={faulty}>
      <span class="tag good">{status === "unchanged" ? "Is stored already, unchanged" : "Would be stored"}</span>
    </div>
  );
}
