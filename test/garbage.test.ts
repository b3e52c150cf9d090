/** When the service collects garbage by itself, so that it stays small under load. */
import { expect, spyOn, test } from "bun:test";
import { Hono } from "hono";
import { takeBody } from "../src/http/body.ts";
import type { Env } from "../src/http/env.ts";
import { InFlight } from "../src/http/in-flight.ts";

const MEBIBYTE = 1024 * 1024;

test("garbage is collected after each body above a mebibyte, and after each twelve mebibytes of shorter ones", async () => {
  const inFlight = new InFlight();
  const service = new Hono<Env>().post("/", takeBody(inFlight, 8 * MEBIBYTE), inFlight.atWork(), (c) => c.text(""));
  using collected = spyOn(Bun, "gc");
  const collectionsAfter = async (bodies: number, bytes: number) => {
    collected.mockClear();
    const body = new Uint8Array(bytes);
    for (let sent = 0; sent < bodies; sent++) await service.request("/", { method: "POST", body });
    return collected.mock.calls.length;
  };
  expect(await collectionsAfter(24, MEBIBYTE / 2)).toBe(0);
  expect(await collectionsAfter(1, MEBIBYTE / 2)).toBe(1);
  expect(await collectionsAfter(2, MEBIBYTE + 1)).toBe(2);
  expect(await collectionsAfter(24, MEBIBYTE / 2)).toBe(0);
});
