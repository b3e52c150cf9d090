import { hc } from "hono/client";
export function client(url, options) {
  return withBodies(hc(url, options));
}
function withBodies(call) {
  return new Proxy(call, {
    get(at, name, receiver) {
      const next = Reflect.get(at, name, receiver);
      return typeof next === "function" ? withBodies(next) : next;
    },
    apply(at, self, [input, options]) {
      const { body, type, ...rest } = input ?? {};
      if (body === undefined)
        return Reflect.apply(at, self, [input, options]);
      const header = { "Content-Type": type };
      const init = { ...options?.init, body, ...body instanceof ReadableStream && { duplex: "half" } };
      return Reflect.apply(at, self, [
        { ...rest, header },
        { ...options, init }
      ]);
    }
  });
}
