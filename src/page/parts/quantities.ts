/** Numbers, sizes and durations as people read them. */

/** A number with its thousands apart, such as `12,345`. */
export const count = (number: number): string => number.toLocaleString("en");

/** A number of things, such as `1 row` or `12,345 rows`. */
export const counted = (number: number, thing: string): string => `${count(number)} ${thing}${number === 1 ? "" : "s"}`;

/** A number of bytes, such as `1.4 MB`. */
export function bytesText(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** A duration, such as `0.42 s`, `12 s` or `3 min 20 s`. */
export function durationText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
