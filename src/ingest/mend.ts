/** Mends, replays or discards many open rejections in steps. A step is one transaction, and says where the next one begins. */
import type { Table } from "../codecs/tables.ts";
import { RAW_BYTES_MAX } from "../db/ledger.ts";
import { retried, transacted, WORTH_ANOTHER_TRY } from "../db/transaction.ts";
import { MusterError } from "../errors.ts";
import type { Correction } from "../read/corrections/corrected-file.ts";
import { correctionBy, type Rule } from "../read/corrections/rules.ts";
import { ROWS_PER_REQUEST_MAX } from "../read/request-rows.ts";
import type { MusterDatabase } from "../repositories/muster-database.ts";
import { countSelected, type OpenSelection } from "../repositories/rejection-groups.ts";
import { listRejections, type RejectionRecord } from "../repositories/rejection-log.ts";
import type { BatchOutcome } from "./insert-batch.ts";
import { discardRejections, rehearseReplay, replay } from "./replay.ts";

/** The rejections of a step: chosen ones, or the first ROWS_PER_REQUEST_MAX of a selection. */
export type Chosen = { table: string; ids: readonly number[] } | OpenSelection;

/** How the rows of a step are changed before they are replayed; or they are discarded. */
export type Change = Rule | "as they came" | "discarded";

export interface Step {
  rejections: RejectionRecord[];
  corrections: Correction[];
  /** The rejections that stay open because they cannot be corrected in this way, and why. */
  cannot: { id: number; why: string }[];
  /** Where the next step begins. Its rejections have higher ids than `after`, up to `upTo`. */
  after: number;
  upTo: number;
  /** How many rejections of the selection come after this step. */
  remaining: number;
}

/** How many rejections one query reads. Each may have 64 KiB of raw input. */
const PAGE_ROWS = 200;
/** A step ends early if its raw inputs have so many characters together. */
const CHARACTERS_MAX = 8 * 1024 * 1024;

/** Makes the corrections of the next step. */
export async function nextStep(database: MusterDatabase, table: Table, chosen: Chosen, change: Change): Promise<Step> {
  const { rows, last } = "ids" in chosen ? { rows: 0, last: 0 } : await countSelected(database.db, chosen);
  const step: Step = { rejections: [], corrections: [], cannot: [], after: 0, upTo: last, remaining: 0 };
  const found = "ids" in chosen ? await byIds(database, chosen) : await firstOf(database, { ...chosen, upTo: last });
  for (const rejection of found) {
    const { correction, cannot } = await correctionOf(table, rejection, change);
    step.after = Math.max(step.after, rejection.id);
    if (correction) step.corrections.push(correction);
    else step.cannot.push({ id: rejection.id, why: cannot });
  }
  step.rejections = found;
  if (!("ids" in chosen)) return { ...step, remaining: Math.max(0, rows - found.length) };
  const isFound = new Set(found.map(({ id }) => id));
  for (const id of chosen.ids) if (!isFound.has(id)) step.cannot.push({ id, why: CLOSED });
  return step;
}

function correctionOf(table: Table, rejection: RejectionRecord, change: Change): ReturnType<typeof correctionBy> {
  const { id, raw, raw_base64: base64 = "" } = rejection;
  if (typeof change === "object") return correctionBy(table, rejection, change);
  const bytes = raw === undefined ? Buffer.byteLength(base64, "base64") : Buffer.byteLength(raw);
  const isCut = change !== "discarded" && bytes >= RAW_BYTES_MAX;
  return Promise.resolve(isCut ? { cannot: TOO_LONG } : { correction: { id } });
}

/** Why a rejection cannot be changed that somebody else has dealt with. */
export const CLOSED = "it is not open any more";
const TOO_LONG = `only the first ${RAW_BYTES_MAX} bytes of it are kept: send the whole row`;

async function byIds({ db }: MusterDatabase, { table, ids }: { table: string; ids: readonly number[] }) {
  if (ids.length > ROWS_PER_REQUEST_MAX)
    throw new MusterError("too_large", `more than ${ROWS_PER_REQUEST_MAX} rejections are chosen: choose fewer at once`);
  if (ids.length === 0) throw new MusterError("invalid", "no rejection is chosen: choose one, or all of the group");
  return listRejections(db, { table, ids, state: "open", limit: ROWS_PER_REQUEST_MAX });
}

async function firstOf({ db }: MusterDatabase, selection: OpenSelection): Promise<RejectionRecord[]> {
  const found: RejectionRecord[] = [];
  let characters = 0;
  let { after } = selection;
  while (found.length < ROWS_PER_REQUEST_MAX && characters < CHARACTERS_MAX) {
    const page = await listRejections(db, { ...selection, after, state: "open", limit: PAGE_ROWS });
    found.push(...page);
    characters += page.reduce((sum, { raw = "", raw_base64 = "" }) => sum + raw.length + raw_base64.length, 0);
    after = page.at(-1)?.id;
    if (page.length < PAGE_ROWS) break;
  }
  return found;
}

/** What a replay of the step would do now. Nothing is stored. */
export const rehearseStep = (database: MusterDatabase, { corrections }: Step, msMax: number) =>
  corrections.length === 0 ? { counts: {}, rows: [] } : rehearseReplay(database, corrections, msMax);

/** Replays a step. @returns undefined if it has no row to replay */
export async function replayStep(
  database: MusterDatabase,
  { corrections }: Pick<Step, "corrections">,
  { source, msMax }: { source: string; msMax: number },
): Promise<BatchOutcome | undefined> {
  if (corrections.length === 0) return undefined;
  const request = { corrections, source, pointer: () => "" };
  const { outcome } = await retried(WORTH_ANOTHER_TRY, () =>
    transacted(database, (connection) => replay(database, connection, request), msMax),
  );
  return outcome;
}

/** Discards the rejections of a step. @returns how many */
export async function discardStep(
  database: MusterDatabase,
  { corrections }: Pick<Step, "corrections">,
  msMax: number,
): Promise<number> {
  const ids = corrections.map(({ id }) => id);
  if (ids.length > 0) await transacted(database, (connection) => discardRejections(connection, ids), msMax);
  return ids.length;
}
