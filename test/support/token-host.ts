/**
 * A stand-in for a server of RDS whose users sign in by tokens of IAM. It speaks TLS, asks for the token by
 * mysql_clear_password, checks it, signs in to the tests' server without a password, and passes everything else on.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

const SSL = 0x800;
const SSL_REQUEST_BYTES = 36;
const CLEAR = "mysql_clear_password\0";
/**
 * An attacker is `hasty`: it asks for the password together with the greeting, before TLS. So does one that is `hasty by
 * SHA2`, by the server's usual way to sign in. `plain` has no TLS at all.
 */
export type Manner = "honest" | "hasty" | "hasty by SHA2" | "plain";

export interface TokenHost {
  port: number;
  /** The only token that is taken. */
  token: string;
  /** Every password that has arrived, after TLS or before it. */
  readonly received: string[];
  manner: Manner;
  close(): void;
}

export async function tokenHost(socketPath: string, tls: { cert: string; key: string }): Promise<TokenHost> {
  /** The connection to the server of each client, by the port of its way to the listener for TLS. */
  const behind = new Map<number, Socket>();
  const secured = createTlsServer(tls, async (client) => {
    const server = behind.get(client.remotePort ?? 0);
    if (server) await signIn(host, client, server).catch(() => client.destroy());
  }).on("tlsClientError", () => {});
  const plain = createServer((client) => {
    const server = connect(socketPath);
    for (const socket of [client, server]) socket.on("error", () => {});
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
    void greet(client, server).catch(() => client.destroy());
  });
  const greet = async (client: Socket, server: Socket) => {
    const greeting = await next(server);
    const early: Partial<Record<Manner, Buffer[]>> = {
      hasty: [packet(2, `\xfe${CLEAR}`)],
      "hasty by SHA2": [packet(2, "\xfecaching_sha2_password\x0012345678901234567890\0"), packet(3, "\x01\x04")],
    };
    client.write(
      Buffer.concat([host.manner === "plain" ? greeting : withTls(greeting), ...(early[host.manner] ?? [])]),
    );
    const answer = await next(client);
    if (host.manner === "plain") {
      client.write(packet(2, `\xfe${CLEAR}`));
      host.received.push((await next(client)).subarray(4).toString());
      return client.destroy();
    }
    if (answer.readUInt32LE(4) & SSL) {
      const inner = connect((secured.address() as AddressInfo).port, "127.0.0.1");
      inner.on("error", () => client.destroy());
      inner.on("connect", () => {
        behind.set(inner.localPort ?? 0, server);
        // What TLS begins with may have come together with the request for it.
        inner.write(answer.subarray(SSL_REQUEST_BYTES));
        client.pipe(inner).pipe(client);
      });
      return;
    }
    client.destroy();
  };
  const host: TokenHost = {
    ...{ port: 0, token: "", received: [], manner: "honest" },
    close() {
      plain.close();
      secured.close();
    },
  };
  for (const each of [secured, plain]) await new Promise<void>((done) => each.listen(0, "127.0.0.1", done));
  host.port = (plain.address() as AddressInfo).port;
  return host;
}

async function signIn(host: TokenHost, client: Socket, server: Socket): Promise<void> {
  const login = await next(client);
  if (host.manner !== "honest") host.received.push(login.toString("latin1"));
  client.write(packet(3, `\xfe${CLEAR}`));
  const token = (await next(client)).subarray(4).toString().replace(/\0$/, "");
  host.received.push(token);
  if (token !== host.token) {
    const refusal = Buffer.concat([Buffer.from([0xff, 0x15, 0x04]), Buffer.from("#28000Access denied for user")]);
    return void client.end(framed(5, refusal));
  }
  server.write(withoutPassword(login));
  const answer = await next(server);
  answer[3] = 5;
  client.write(answer);
  client.pipe(server).pipe(client);
}

/** The next bytes that arrive. In a handshake, both sides send one packet and wait. */
const next = (socket: Socket): Promise<Buffer> =>
  new Promise((done, fail) => {
    socket.once("data", (bytes) => {
      socket.pause();
      done(typeof bytes === "string" ? Buffer.from(bytes) : bytes);
    });
    socket.once("close", () => fail(new Error("closed")));
    socket.resume();
  });

const packet = (sequence: number, text: string) => framed(sequence, Buffer.from(text, "latin1"));

function framed(sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, body]);
}

/** The greeting with the flag for TLS, behind the version, the connection's id, eight bytes and a zero. */
function withTls(greeting: Buffer): Buffer {
  const at = greeting.indexOf(0, 5) + 1 + 4 + 8 + 1;
  greeting.writeUInt16LE(greeting.readUInt16LE(at) | SSL, at);
  return greeting;
}

/** The client's answer without TLS and with an empty password: behind flags, sizes, character set and 23 bytes is the user. */
function withoutPassword(login: Buffer): Buffer {
  const body = Buffer.from(login.subarray(4));
  body.writeUInt32LE((body.readUInt32LE(0) & ~SSL) >>> 0, 0);
  const end = body.indexOf(0, 32) + 1;
  const secret = (body[end] ?? 0) + 1;
  return framed(1, Buffer.concat([body.subarray(0, end), Buffer.from([0]), body.subarray(end + secret)]));
}
