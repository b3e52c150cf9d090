/** @jsxImportSource hono/jsx */
/** Instants, durations and sizes as people read them. */

/** @param at ISO 8601, in UTC */
export const Instant = ({ at }: { at: string }) => <time datetime={at}>{at.slice(0, 19).replace("T", " ")} UTC</time>;

const UNITS = [
  { name: "day", ms: 86_400_000 },
  { name: "hour", ms: 3_600_000 },
  { name: "minute", ms: 60_000 },
] as const;

/** How long ago an instant was, such as `3 hours ago`. */
export function Age({ at, now = Date.now() }: { at: string; now?: number }) {
  const ms = now - Date.parse(at);
  const unit = UNITS.find((each) => ms >= each.ms);
  const number = unit ? Math.floor(ms / unit.ms) : 0;
  const text = unit ? `${number} ${unit.name}${number === 1 ? "" : "s"} ago` : "just now";
  return (
    <time datetime={at} title={`${at.slice(0, 19).replace("T", " ")} UTC`}>
      {text}
    </time>
  );
}

/** Seconds between two instants; undefined if the second is missing. */
export function secondsBetween(from: string, to: string | null): number | undefined {
  return to === null ? undefined : (Date.parse(to) - Date.parse(from)) / 1000;
}

/** A duration, such as `0.42 s`, `12 s` or `3 min 20 s`. */
export function durationText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A number of bytes, such as `1.4 MB`. */
export function bytesText(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
