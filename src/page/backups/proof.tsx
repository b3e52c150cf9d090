/** @jsxImportSource hono/jsx */
import type { ListedBackup } from "../../backups/catalog.ts";
import type { RunRecord } from "../../repositories/run-log.ts";
import { Age } from "../parts/instant.tsx";

/** A backup, and the newest run that verified it. */
export interface Checked {
  backup: ListedBackup;
  verification: RunRecord | undefined;
}

/** Whether a backup is proven. A verification that found it damaged counts more than an older proof. */
export function Proof({ backup, verification }: Checked) {
  if ("damaged" in backup)
    return (
      <>
        <span class="tag bad">damaged</span> <small>its manifest cannot be read</small>
      </>
    );
  const { proof } = backup;
  if (verification?.status === "refused" && (verification.finished_at ?? "") > (proof?.proved_at ?? ""))
    return (
      <>
        <span class="tag bad">damaged or unfit</span>{" "}
        <small>
          <a href={`page/runs/${verification.id}`}>The proof</a> was refused: {verification.error}
        </small>
      </>
    );
  if (!proof) return <span class="tag busy">not proven</span>;
  return (
    <>
      <span class="tag good">proven</span> <Age at={proof.proved_at} />
    </>
  );
}
