/** Certificates for tests of TLS, made by openssl. */
import { join } from "node:path";

/** Makes NAME.pem and NAME.key in the folder: an authority, or a certificate for a host that the authority CA.pem has signed. */
export async function certify(folder: string, name: string, by?: { ca: string; host: string }): Promise<void> {
  const at = (file: string) => join(folder, file);
  const ca = by ? ["-CA", at(`${by.ca}.pem`), "-CAkey", at(`${by.ca}.key`)] : [];
  const names = by ? ["-addext", `subjectAltName=DNS:${by.host}`, "-addext", "basicConstraints=CA:FALSE"] : [];
  const out = ["-keyout", at(`${name}.key`), "-out", at(`${name}.pem`), "-days", "9"];
  const words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", `/CN=${name}`, ...names, ...ca, ...out];
  const child = Bun.spawn(["openssl", ...words], { stdout: "ignore", stderr: "pipe" });
  if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text());
}
