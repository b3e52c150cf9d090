/** nginx as a proxy with the configuration of docs/operating.md, in which only ports and files are other ones. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { certify } from "./certificates.ts";
import { ROOT } from "./commands.ts";
import { folderOf } from "./files.ts";
import { until } from "./observe.ts";

export interface Nginx {
  /** The address of Muster behind it, such as https://localhost:PORT/muster/. */
  root: string;
  /** The authority that has signed its certificate, as PEM. */
  ca: string;
  stop(): Promise<void>;
}

/** Starts the program in front of the service at `upstream`, such as `127.0.0.1:3000`. */
export async function startNginx(program: string, port: number, upstream: string): Promise<Nginx> {
  const folder = await folderOf({ "logs/here": "", "temporary/here": "" });
  await certify(folder, "ca");
  await certify(folder, "server", { ca: "ca", host: "localhost" });
  await Bun.write(join(folder, "nginx.conf"), around(folder, documented({ folder, port, upstream })));
  const child = Bun.spawn([program, "-p", folder, "-e", "stderr", "-c", "nginx.conf"], { stderr: "pipe" });
  const errors = new Response(child.stderr).text();
  const isUp = await until(async () => {
    if (child.exitCode !== null) return "ended";
    try {
      const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
      socket.end();
      return "up";
    } catch {
      return false;
    }
  });
  if (isUp === "ended") throw new Error(await errors);
  return {
    root: `https://localhost:${port}/muster/`,
    ca: readFileSync(join(folder, "ca.pem"), "utf8"),
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** The block of the page. @throws if the page lacks a text that must be another one here */
function documented({ folder, port, upstream }: { folder: string; port: number; upstream: string }): string {
  const page = readFileSync(join(ROOT, "docs/operating.md"), "utf8");
  const [, block = ""] = /```nginx\n([\s\S]*?)```/.exec(page) ?? [];
  const ours = {
    "listen 443 ssl;": `listen ${port} ssl;`,
    "/etc/ssl/certs/hr.example.com.pem": join(folder, "server.pem"),
    "/etc/ssl/private/hr.example.com.key": join(folder, "server.key"),
    "http://127.0.0.1:3000/": `http://${upstream}/`,
  };
  return Object.entries(ours).reduce((text, [theirs, our]) => {
    if (!text.includes(theirs)) throw new Error(`docs/operating.md has no ${theirs} in its configuration of nginx`);
    return text.replace(theirs, our);
  }, block);
}

/** What surrounds a server in Debian's /etc/nginx/nginx.conf, with all files in the folder. */
function around(folder: string, server: string): string {
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `  ${name}_temp_path ${join(folder, "temporary", name)};\n`,
  );
  return `${user}daemon off;\npid nginx.pid;\nevents {}\nhttp {\n  access_log off;\n${temporary.join("")}${server}}\n`;
}
