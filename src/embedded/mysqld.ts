/** The program of the embedded server: found, installed where there is none, asked what it is, and made to lay out its data. */
import { accessSync, constants, existsSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { MusterError } from "../errors.ts";

export interface ServerProgram {
  path: string;
  kind: "MariaDB" | "MySQL";
  version: string;
}

/**
 * Finds the server to run: `mysqld` where it is given, else `mysqld` or `mariadbd` on PATH or where systems keep daemons,
 * else what the system's package manager has, saying so.
 * @throws MusterError `unavailable` with the command to run where there is none and it may not be installed from here,
 *   `invalid` where `mysqld` is no such program
 */
export async function findProgram(mysqld: string | undefined, say: (line: string) => void): Promise<ServerProgram> {
  if (mysqld !== undefined) return identify(Bun.which(mysqld) ?? resolve(mysqld));
  let path = installed();
  if (path === undefined) {
    await install(say);
    path = installed();
  }
  if (path === undefined) throw new MusterError("unavailable", `no mysqld or mariadbd was found. ${OTHERWISE}`);
  return identify(path);
}

/** Lays out an empty server's data in `folder`, which must be new. `root` has no password: the socket keeps others out. */
export async function initialise(program: ServerProgram, folder: string, settings: string[]): Promise<void> {
  const command = [program.path, "--no-defaults", `--datadir=${folder}`, ...systemOptions(program), ...settings];
  if (program.kind === "MySQL") {
    await run([...command, "--initialize-insecure"]);
    return;
  }
  // What mariadb-install-db does, which needs another package for a helper, less the help texts and the sys schema.
  const share = ["../share/mysql", "../share/mariadb", "../share"]
    .map((path) => join(dirname(realpathSync(program.path)), path))
    .find((path) => systemTables(path) !== undefined);
  const tables = share === undefined ? undefined : systemTables(share);
  if (share === undefined || tables === undefined) {
    throw new MusterError("unavailable", `${program.path} came without the SQL of its system tables. ${OTHERWISE}`);
  }
  mkdirSync(folder);
  const sql = [
    "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;",
    ...tables.map((file) => readFileSync(file)),
  ];
  const bootstrap = ["--bootstrap", `--lc-messages-dir=${share}`, "--log-warnings=0", "--enforce-storage-engine="];
  await run([...command, ...bootstrap], { stdin: new Blob(sql.flatMap((part) => [part, "\n"])) });
}

/** The files are named for MySQL before MariaDB 11. */
function systemTables(share: string): string[] | undefined {
  return ["mariadb", "mysql"]
    .map((name) =>
      ["system_tables", "performance_tables", "system_tables_data"].map((part) => join(share, `${name}_${part}.sql`)),
    )
    .find((files) => files.every((file) => existsSync(file)));
}

/** What a kind wants to be told on this system, besides `--no-defaults` in the first place. */
export function systemOptions(program: ServerProgram): string[] {
  // Both refuse to run as root unless it is asked for.
  const user = process.getuid?.() === 0 ? ["--user=root"] : [];
  // MySQL listens to its X protocol besides, and does not start without the directory its packages make for files.
  return program.kind === "MySQL" ? [...user, "--mysqlx=OFF", "--secure-file-priv=NULL"] : user;
}

const OTHERWISE = "Set MUSTER_MYSQLD to a mysqld or mariadbd, or DATABASE_URL to a database that runs already";

/** Daemons are often not on a user's PATH. */
const DAEMON_PLACES = "/usr/sbin:/usr/local/sbin:/usr/libexec:/usr/local/mysql/bin:/opt/homebrew/bin:/usr/local/bin";

function installed(): string | undefined {
  return which(["mysqld", "mariadbd"]) ?? which(["mysqld", "mariadbd"], DAEMON_PLACES);
}

function which(names: string[], places?: string): string | undefined {
  for (const name of names) {
    const path = places === undefined ? Bun.which(name) : Bun.which(name, { PATH: places });
    if (path !== null) return path;
  }
  return undefined;
}

/** "mysqld  Ver 10.11.19-MariaDB-0+deb12u1 for ..." or "mysqld  Ver 9.7.4 for ...": the file's name says nothing. */
async function identify(path: string): Promise<ServerProgram> {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new MusterError("invalid", `MUSTER_MYSQLD: ${path} is not a program that can be run`);
  }
  const answer = await run([path, "--no-defaults", "--version"]).catch(({ message }: Error) => `(${message})`);
  const version = /Ver ([0-9.]+)/.exec(answer)?.[1];
  if (version === undefined) {
    const why = answer.startsWith("(") ? ` ${answer}` : "";
    throw new MusterError("invalid", `${path} is neither a MySQL nor a MariaDB server${why}: set MUSTER_MYSQLD to one`);
  }
  return { path, kind: answer.includes("MariaDB") ? "MariaDB" : "MySQL", version };
}

/** One command a system, in the order they are looked for; apt-get's lists may be missing or stale. */
const MANAGERS = [
  { manager: "apt-get", command: ["install", "-y", "--no-install-recommends", "default-mysql-server-core"] },
  { manager: "dnf", command: ["install", "-y", "mariadb-server"] },
  { manager: "apk", command: ["add", "mariadb"] },
  { manager: "brew", command: ["install", "mariadb"] },
];

async function install(say: (line: string) => void): Promise<void> {
  const found = MANAGERS.find(({ manager }) => Bun.which(manager) !== null);
  if (!found) throw new MusterError("unavailable", `there is no MySQL or MariaDB server here. ${OTHERWISE}`);
  const command = [found.manager, ...found.command];
  const root = process.getuid?.() === 0;
  // Homebrew refuses root, and the others need it; sudo would be for the user to say.
  if (root === (found.manager === "brew")) {
    const line = root ? `As another user than root run: ${command.join(" ")}` : `First run: sudo ${command.join(" ")}`;
    throw new MusterError("unavailable", `there is no MySQL or MariaDB server here. ${line}; or set DATABASE_URL`);
  }
  say(`There is no MySQL or MariaDB server here: installing one with ${command.join(" ")}`);
  if (found.manager !== "apt-get") return void (await run(command));
  // Nobody can answer its questions, and on a machine that has just come up the system's own updates may hold its lock.
  const patient = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"];
  const apt = (...words: string[]) => run([...patient, ...words], { name: "apt-get" });
  try {
    await apt(...found.command);
  } catch {
    await apt("update");
    await apt(...found.command);
  }
}

/** What a program printed. @throws MusterError `unavailable` with what it said last */
async function run(command: string[], options: { stdin?: Blob; name?: string } = {}): Promise<string> {
  const child = Bun.spawn(command, { stdin: options.stdin ?? "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, errors, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (status === 0) return output;
  const said = reason(errors) ?? reason(output) ?? "it said nothing";
  throw new MusterError(
    "unavailable",
    `${command.join(" ")} failed (${child.signalCode ?? `exit ${status}`}): ${said}`,
  );
}

/** The line of a server's output that says why: the first error, since the ones after it follow from it; else the last line. */
export function reason(output: string): string | undefined {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const line = lines.find((each) => /\[ERROR\]|^ERROR|^E: /.test(each)) ?? lines.at(-1);
  return line?.replace(/^[-0-9T:. Z]+(?=\[)/, "").trim();
}
