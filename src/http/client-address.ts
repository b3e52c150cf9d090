/** Finds the address of a client. */
import { BlockList, isIPv4, isIPv6 } from "node:net";
import type { Context } from "hono";
import type { Env } from "./env.ts";

/**
 * Returns a function that finds a client's address. Usually it is the address of the socket. If the socket belongs to a trusted
 * proxy, it is the last address in X-Forwarded-For that is not a trusted proxy's. The addresses before that one prove nothing:
 * clients can write anything there. An IPv6 address is cut to its network (/64), since one client usually has a whole network.
 * @param proxies the trusted addresses and networks, such as 10.0.0.0/8
 */
export function addressOf(proxies: readonly string[] = []): (c: Context<Env>) => string {
  const trusted = new BlockList();
  for (const each of proxies) {
    const [address = "", prefix = isIPv6(address) ? 128 : 32] = each.split("/");
    trusted.addSubnet(address, Number(prefix), isIPv6(address) ? "ipv6" : "ipv4");
  }
  const isTrusted = (address: string) =>
    isIPv4(address) ? trusted.check(address) : isIPv6(address) && trusted.check(address, "ipv6");
  return (c) => {
    const socket = c.env?.requestIP?.(c.req.raw)?.address ?? "unknown";
    if (proxies.length === 0 || !isTrusted(plain(socket))) return networkOf(plain(socket));
    const hops = (c.req.header("X-Forwarded-For") ?? "").split(",").map((hop) => plain(hop.trim()));
    const client = hops.findLast((hop) => !isTrusted(hop));
    return networkOf(client || plain(socket));
  };
}

/** Removes the port that some proxies add, and the prefix `::ffff:` that a dual-stack socket puts before an IPv4 address. */
function plain(address: string): string {
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(address) ?? [];
  const [, withPort] = /^([\d.]+):\d+$/.exec(address) ?? [];
  return (bracketed ?? withPort ?? address).replace(/^::ffff:(?=[\d.]+$)/i, "");
}

function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const behind = tail ? tail.split(":") : [];
  if (tail !== undefined) groups.push(...new Array(8 - groups.length - behind.length).fill("0"), ...behind);
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
