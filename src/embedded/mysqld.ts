/** The program of the private server: finds or installs it, asks for its version, and lets it create its data. */
import { accessSync, constants, existsSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { MusterError } from "../errors.ts";

export interface ServerProgram {
  path: string;
  kind: "MariaDB" | "MySQL";
  version: string;
}

/**
 * Finds the server program to run: `mysqld` if it is given, otherwise the mysqld or mariadbd on PATH or in the usual places of
 * daemons. If no server is installed, this installs one with the system's package manager, and says so.
 * @throws MusterError `unavailable` with the command to run if no server is installed and Muster cannot install one,
 *   `invalid` if `mysqld` is not a server
 */
export async function findProgram(mysqld: string | undefined, say: (line: string) => void): Promise<ServerProgram> {
  if (mysqld !== undefined) return identify(Bun.which(mysqld) ?? resolve(mysqld));
  const there = installed();
  if (there === undefined) await install(say);
  const path = there ?? installed();
  if (path === undefined) throw new MusterError("unavailable", `no mysqld or mariadbd was found. ${OTHERWISE}`);
  return identify(path);
}

/** Creates an empty server's data in `folder`, which must be new. `root` has no password: only this user reaches the socket. */
export async function initialise(program: ServerProgram, folder: string, settings: string[]): Promise<void> {
  const command = [program.path, "--no-defaults", `--datadir=${folder}`, ...systemOptions(program), ...settings];
  if (program.kind === "MySQL") {
    await run([...command, "--initialize-insecure"]);
    return;
  }
  // The steps of mariadb-install-db, which would need another package. Help texts and the sys schema are left out.
  const share = ["../share/mysql", "../share/mariadb", "../share"]
    .map((path) => join(dirname(realpathSync(program.path)), path))
    .find((path) => systemTables(path) !== undefined);
  const tables = share === undefined ? undefined : systemTables(share);
  if (share === undefined || tables === undefined) {
    throw new MusterError("unavailable", `${program.path} has no SQL files for its system tables. ${OTHERWISE}`);
  }
  mkdirSync(folder);
  const sql = [
    "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;",
    ...tables.map((file) => readFileSync(file)),
  ];
  const bootstrap = ["--bootstrap", `--lc-messages-dir=${share}`, "--log-warnings=0", "--enforce-storage-engine="];
  await run([...command, ...bootstrap], { stdin: new Blob(sql.flatMap((part) => [part, "\n"])) });
}

/** The files with the SQL of the system tables. Before MariaDB 11 their names begin with `mysql`. */
function systemTables(share: string): string[] | undefined {
  return ["mariadb", "mysql"]
    .map((name) =>
      ["system_tables", "performance_tables", "system_tables_data"].map((part) => join(share, `${name}_${part}.sql`)),
    )
    .find((files) => files.every((file) => existsSync(file)));
}

/** The options that the program needs on this system. `--no-defaults` must come before them. */
export function systemOptions(program: ServerProgram): string[] {
  // MySQL and MariaDB refuse to run as root without this option.
  const user = process.getuid?.() === 0 ? ["--user=root"] : [];
  // Without these options, MySQL would also listen for its X protocol, and need a directory that only its packages create.
  return program.kind === "MySQL" ? [...user, "--mysqlx=OFF", "--secure-file-priv=NULL"] : user;
}

const OTHERWISE = "Set MUSTER_MYSQLD to a mysqld or mariadbd, or DATABASE_URL to a database that is running";

/** Daemons are often not on a user's PATH. */
const DAEMON_PLACES = "/usr/sbin:/usr/local/sbin:/usr/libexec:/usr/local/mysql/bin:/opt/homebrew/bin:/usr/local/bin";

function installed(): string | undefined {
  const find = (name: string) => Bun.which(name) ?? Bun.which(name, { PATH: DAEMON_PLACES });
  return find("mysqld") ?? find("mariadbd") ?? undefined;
}

/** Reads the version, since the file's name may mislead: "Ver 10.11.19-MariaDB-0+deb12u1 for ..." or "Ver 9.7.4 for ...". */
async function identify(path: string): Promise<ServerProgram> {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new MusterError(
      "invalid",
      `MUSTER_MYSQLD: ${path} is not a program that can be run: name mysqld or mariadbd`,
    );
  }
  const answer = await run([path, "--no-defaults", "--version"]).catch(({ message }: Error) => `(${message})`);
  const version = /Ver ([0-9.]+)/.exec(answer)?.[1];
  if (version === undefined) {
    const why = answer.startsWith("(") ? ` ${answer}` : "";
    throw new MusterError("invalid", `${path} is neither a MySQL nor a MariaDB server${why}: set MUSTER_MYSQLD to one`);
  }
  return { path, kind: answer.includes("MariaDB") ? "MariaDB" : "MySQL", version };
}

/** How each package manager installs a server. The first one that is found is used. */
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
  // Homebrew refuses to run as root, and the others need root. Muster never runs sudo.
  if (root === (found.manager === "brew")) {
    const first = Bun.which("sudo") === null ? "First run as root:" : "First run: sudo";
    const line = root ? `As another user than root run: ${command.join(" ")}` : `${first} ${command.join(" ")}`;
    throw new MusterError("unavailable", `there is no MySQL or MariaDB server here. ${line}; or set DATABASE_URL`);
  }
  say(`There is no MySQL or MariaDB server here: installing one with ${command.join(" ")}`);
  if (found.manager !== "apt-get") return void (await run(command));
  // Nobody can answer questions here. On a machine that has just started, the system's own updates may hold apt's lock.
  const patient = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"];
  const apt = (...words: string[]) => run([...patient, ...words], { name: "apt-get" });
  try {
    await apt(...found.command);
  } catch {
    // The package lists may be missing or out of date.
    await apt("update");
    await apt(...found.command);
  }
}

/** Runs a program and returns its output. @throws MusterError `unavailable` with the reason that it gave */
async function run(command: string[], options: { stdin?: Blob; name?: string } = {}): Promise<string> {
  const child = Bun.spawn(command, { stdin: options.stdin ?? "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, errors, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (status === 0) return output;
  const said = reason(errors) ?? reason(output) ?? "it gave no reason";
  throw new MusterError(
    "unavailable",
    `${command.join(" ")} failed (${child.signalCode ?? `exit ${status}`}): ${said}`,
  );
}

/**
 * The line of a program's output that says why it failed: the first error, since later ones follow from it. If there is no
 * error, the last line.
 */
export function reason(output: string): string | undefined {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const line = lines.find((each) => /\[ERROR\]|^ERROR|^E: /.test(each)) ?? lines.at(-1);
  return line?.replace(/^[-0-9T:. Z]+(?=\[)/, "").trim();
}
