/** Builds the image by buildah, and unpacks it. */
import { existsSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { NETWORK, run } from "../install/checkout.ts";
import { ROOT } from "../support/commands.ts";

const BASE = "docker.io/oven/bun:1.4.5-slim";
/** Images and the stand-in are kept here for the next time. */
const STORE = join(tmpdir(), "muster-image");
const RELEASE = "bookworm";

export const cannotBuild =
  process.getuid?.() === 0 && ["buildah", "mmdebstrap", "unshare", "chroot"].every((name) => Bun.which(name))
    ? ""
    : "it needs root, and Debian's buildah, mmdebstrap and uidmap";

export interface Image {
  /** The folder with its file system. */
  root: string;
  config: {
    Env: string[];
    User: string;
    Cmd: string[];
    Labels: Record<string, string>;
    Volumes: Record<string, object>;
    Healthcheck: { Test: string[] };
  };
  commit: string;
  base: "the official base" | "a stand-in for the base";
  /** What Muster adds to the base: its layers. */
  addedBytes: number;
}

export async function buildImage(): Promise<Image> {
  const base = (await buildah("pull", "--policy", "always", BASE)).code === 0 ? "the official base" : await standIn();
  const commit = (await must(["git", "rev-parse", "HEAD"])).trim();
  // OCI's own format has no HEALTHCHECK.
  const how = [
    "--isolation",
    "chroot",
    "--network",
    "host",
    "--pull-never",
    "--layers",
    "--format",
    "docker",
    "--quiet",
  ];
  await mustBuildah("build", ...how, "--build-arg", `COMMIT=${commit}`, "--tag", "muster-test", ROOT);
  const container = (await mustBuildah("from", "--pull-never", "muster-test")).trim();
  const root = (await mustBuildah("mount", container)).trim();
  const { config } = JSON.parse(await mustBuildah("inspect", "--type", "image", "muster-test")).Docker;
  const added = await must(["du", "-sbx", join(root, "app")]);
  return { root, config, commit, base, addedBytes: Number.parseInt(added, 10) };
}

export async function removeImage(): Promise<void> {
  await buildah("rm", "--all");
}

/** Debian with this machine's Bun and a user `bun`, under the name of the official image. */
async function standIn(): Promise<Image["base"]> {
  if ((await buildah("inspect", "--type", "image", BASE)).code === 0) return "a stand-in for the base";
  const archive = join(STORE, "base.tar");
  if (!existsSync(archive)) {
    await must(["mkdir", "-p", STORE]);
    await must(["mmdebstrap", "--variant=minbase", "--include=ca-certificates", RELEASE, archive]);
  }
  const container = (await mustBuildah("from", "scratch")).trim();
  await mustBuildah("add", container, archive, "/");
  await mustBuildah("copy", container, process.execPath, "/usr/local/bin/bun");
  await mustBuildah("run", "--isolation", "chroot", container, "--", "useradd", "-u", "1000", "-m", "bun");
  await reachTheNetwork(container);
  await mustBuildah("commit", "--format", "docker", container, BASE);
  await buildah("rm", container);
  return "a stand-in for the base";
}

/** Gives the stand-in what this machine needs to reach npm's registry. */
async function reachTheNetwork(container: string): Promise<void> {
  const npmrc = join(homedir(), ".npmrc");
  if (existsSync(npmrc)) await mustBuildah("copy", container, npmrc, "/root/.npmrc");
  for (const [name, value] of Object.entries(NETWORK)) {
    const isFile = existsSync(value);
    if (isFile) await mustBuildah("copy", container, value, `/etc/${name}`);
    await mustBuildah("config", "--env", `${name}=${isFile ? `/etc/${name}` : value}`, container);
  }
}

const buildah = (...args: string[]) => {
  const store = ["--root", join(STORE, "store"), "--runroot", join(STORE, "run"), "--storage-driver", "vfs"];
  // If the registry cannot be reached, a pull would try for minutes.
  return run(HERE, ["timeout", args[0] === "pull" ? "20" : "600", "buildah", ...store, ...args]);
};
const HERE = { cwd: ROOT, env: { ...NETWORK, PATH: process.env.PATH ?? "", HOME: homedir() }, runner: "bun" } as const;

async function mustBuildah(...args: string[]): Promise<string> {
  const { code, output } = await buildah(...args);
  if (code !== 0) throw new Error(`buildah ${args.join(" ")} ended with ${code}: ${output}`);
  return output;
}

async function must(command: string[]): Promise<string> {
  const { code, output } = await run(HERE, command);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${output}`);
  return output;
}
