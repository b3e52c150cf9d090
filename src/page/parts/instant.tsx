/** @jsxImportSource hono/jsx */
/** Instants as people read them. */
import { counted } from "./quantities.ts";

/** @param at ISO 8601, in UTC */
export const Instant = ({ at }: { at: string }) => <time datetime={at}>{instantText(at)}</time>;

const instantText = (at: string) => `${at.slice(0, 19).replace("T", " ")} UTC`;

const UNITS = [
  { name: "day", ms: 86_400_000 },
  { name: "hour", ms: 3_600_000 },
  { name: "minute", ms: 60_000 },
] as const;

/** How long ago an instant was, such as `3 hours ago`. */
export function Age({ at, now = Date.now() }: { at: string; now?: number }) {
  const ms = now - Date.parse(at);
  const unit = UNITS.find((each) => ms >= each.ms);
  const text = unit ? `${counted(Math.floor(ms / unit.ms), unit.name)} ago` : "just now";
  return (
    <time datetime={at} title={instantText(at)}>
      {text}
    </time>
  );
}

/** Seconds between two instants; undefined if the second is missing. */
export function secondsBetween(from: string, to: string | null): number | undefined {
  return to === null ? undefined : (Date.parse(to) - Date.parse(from)) / 1000;
}
