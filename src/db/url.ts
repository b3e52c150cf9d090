/** Parses DATABASE_URL. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { TLSSocket } from "node:tls";
import type { AuthPlugin } from "mysql2";
import type { ConnectionOptions } from "mysql2/promise";
import { MusterError } from "../errors.ts";

const CONNECT_TIMEOUT_MS = 5_000;

export type Host = Pick<ConnectionOptions, "host" | "port" | "socketPath">;

/**
 * Parses `mysql://user:password@host:port,host:port/database`. `new URL` would refuse a list of hosts. `?socket=PATH` names a
 * Unix socket. `?ssl=true` trusts the system's authorities, `?ssl=FILE` trusts the CA in that file. In both cases the server's
 * certificate must be for its host name.
 * @throws MusterError `invalid`. It does not quote the URL: in a malformed one, the password may be anywhere
 */
export function parseUrl(url: string): { hosts: Host[]; database: string; options: ConnectionOptions } {
  const parts = /^mysql:\/\/(?:([^@/]*)@)?([^/?]*)\/([^?]*)(?:\?(.*))?$/s.exec(url);
  if (!parts) throw malformed();
  const [, login = "", hostList = "", path = "", query = ""] = parts;
  const [user = "", password = ""] = login.split(/:(.*)/s).map(decoded);
  // An @ or / in a password that was not encoded makes the pattern split the URL at the wrong places.
  if (path.includes("/") || path.includes("@")) throw malformed();
  const database = decoded(path);
  if (!database) throw new MusterError("invalid", "DATABASE_URL names no database: add /NAME after the host");
  const parameters = new URLSearchParams(query);
  const socket = parameters.get("socket");
  const ssl = parameters.get("ssl");
  const unknown = [...parameters.keys()].find((name) => name !== "ssl" && name !== "socket");
  if (unknown !== undefined) {
    if (query.includes("@")) throw malformed();
    throw new MusterError("invalid", `DATABASE_URL takes ?ssl= and ?socket=, not ?${unknown}=: remove it`);
  }
  const options: ConnectionOptions = {
    user,
    password,
    timezone: "Z",
    dateStrings: true,
    supportBigNumbers: true,
    charset: "utf8mb4_unicode_ci",
    flags: ["+LOCAL_FILES"],
    connectTimeout: CONNECT_TIMEOUT_MS,
  };
  if (ssl === "") {
    // Such as ?ssl=$CA with no CA set. Nothing is guessed: without TLS, the password could be read on the way.
    throw new MusterError("invalid", "DATABASE_URL's ?ssl= is empty: write ?ssl=true or ?ssl=FILE, or remove it");
  }
  if (ssl !== null && ssl !== "false") {
    options.ssl = { verifyIdentity: true, ...(ssl !== "true" && { ca: authority(ssl) }) };
    options.authPlugins = { mysql_clear_password: clearPassword };
  }
  const hosts = socket ? [{ socketPath: socket }] : hostList.split(",").map(hostAndPort);
  return { hosts, database, options };
}

/**
 * Sends the password as it is: accounts of IAM and PAM ask for that. It waits for no handshake of its own, so it checks that
 * TLS has verified the server: an attacker may ask before that.
 */
const clearPassword: AuthPlugin = ({ connection }) => {
  return () => {
    const { stream, config } = connection as unknown as { stream: unknown; config: ConnectionOptions };
    if (stream instanceof TLSSocket && stream.authorized) return Buffer.from(`${config.password}\0`);
    const error = new Error("the server asks for the password before TLS has verified it");
    throw Object.assign(error, { code: "MYSQL_CLEAR_PASSWORD_NOT_ENABLED" });
  };
};

const malformed = () =>
  new MusterError(
    "invalid",
    "DATABASE_URL must look like mysql://user:password@host:port/database, with % @ / ? # : in a name or password written as " +
      "%25 %40 %2F %3F %23 %3A",
  );

function decoded(text: string): string {
  try {
    const found = decodeURIComponent(text);
    // A control character means that a % was not encoded, and two digits happened to follow it.
    if (!/\p{Cc}/u.test(found)) return found;
  } catch {}
  throw malformed();
}

/** One certificate in a PEM file, which may hold many, with text between them. */
const CERTIFICATE = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;

/** The certificates of a CA file. They are read here, since TLS would not name the file that it cannot read. */
function authority(file: string): string[] {
  const caFile = `the CA file ${file} of DATABASE_URL's ?ssl=`;
  const certificates = readCaFile(file, caFile).match(CERTIFICATE);
  if (!certificates) {
    throw new MusterError(
      "invalid",
      `${caFile} holds no certificate: name the PEM file of the CA, with a line -----BEGIN CERTIFICATE-----`,
    );
  }
  for (const [index, certificate] of certificates.entries()) {
    if (isCertificate(certificate)) continue;
    const which = `${index + 1} of ${certificates.length}`;
    throw new MusterError("invalid", `${caFile} is damaged: certificate ${which} cannot be read. Get the file anew`);
  }
  return certificates;
}

function readCaFile(file: string, caFile: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new MusterError("invalid", `${caFile} cannot be read (${code}): name a file that this user may read`);
  }
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text) !== undefined;
  } catch {
    return false;
  }
}

function hostAndPort(text: string): Host {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:@]*))(?::(\d+))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits ?? 3306);
  if (!host || port > 65535) throw malformed();
  return { host, port };
}
