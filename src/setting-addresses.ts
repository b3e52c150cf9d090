/** The kinds of addresses that settings have. */
import { isIP } from "node:net";

/** Whether it is a path or an s3:// URL. Any other URL is a mistake: as a path, it would create a directory of that name. */
export function isLocation(location: string): boolean {
  return location.startsWith("s3://") || !/^[a-z][a-z0-9+.-]*:\/\//i.test(location);
}

/** Whether it has a host and a path alone. With a path such as `//hr`, addresses would lead to the host `hr`. */
export function isPublicUrl(address: string): boolean {
  if (!/^https?:\/\/[^\s?#@\\]+$/.test(address) || !URL.canParse(address)) return false;
  return !new URL(address).pathname.replace(/\/+$/, "").includes("//");
}

/** Whether it is an origin as browsers send it: without a path, and without the scheme's default port. */
export function isOrigin(origin: string): boolean {
  return /^https?:/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin;
}

/** Whether it is an IP address, or a network such as 10.0.0.0/8. */
export function isNetwork(network: string): boolean {
  const [, address = "", prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return Number(prefix ?? 0) <= bits;
}
