/** Times that files count from 1970, as ISO 8601. */

const DAY_MS = 86_400_000;
/** The latest time that a Date can hold. The earliest is the same number, negated. */
const DATE_MS_MAX = 8_640_000_000_000_000n;

/**
 * A time since 1970 in UTC, with three or more decimals of a second. If no Date can hold it, it stays digits.
 * @param decimals what a unit is: 3 for milliseconds, 6, or 9
 */
export function isoInstant(units: bigint, decimals: number): string {
  const perMs = 10n ** BigInt(decimals - 3);
  const rest = ((units % perMs) + perMs) % perMs;
  const ms = (units - rest) / perMs;
  if (ms > DATE_MS_MAX || ms < -DATE_MS_MAX) return `${units}`;
  const iso = new Date(Number(ms)).toISOString();
  return rest === 0n ? iso : `${iso.slice(0, -1)}${String(rest).padStart(decimals - 3, "0")}Z`;
}

/** A day since 1970. If no Date can hold it, it stays digits. */
export const isoDay = (days: number): string =>
  isoInstant(BigInt(days) * BigInt(DAY_MS), 3).replace("T00:00:00.000Z", "");
