/** A bare Debian in a folder of its own. */
import { chownSync, copyFileSync, existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folderOf } from "../support/files.ts";
import { copyCheckout, NETWORK, type Place, run } from "./checkout.ts";

/** Debian's release, and what README asks for. Node.js comes with npm. */
const RELEASE = "bookworm";
const PACKAGES = "npm,ca-certificates";
/** Made once, and kept for the next time. */
const ARCHIVE = join(tmpdir(), `muster-${RELEASE}.tar`);
const USERS: Record<string, number> = { root: 0, ana: 1000 };

export const cannotMakeDebian =
  process.getuid?.() === 0 && ["mmdebstrap", "unshare", "chroot"].every((name) => Bun.which(name))
    ? ""
    : "it needs root, mmdebstrap, unshare and chroot";

export async function bareDebian() {
  const here: Place = { cwd: tmpdir(), env: { ...NETWORK, PATH: process.env.PATH ?? "" }, runner: "npm" };
  const must = async (command: string[]) => {
    const { code, output } = await run(here, command);
    if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${output}`);
  };
  if (!existsSync(ARCHIVE)) {
    await must(["mmdebstrap", "--variant=minbase", `--include=${PACKAGES}`, RELEASE, `${ARCHIVE}.new.tar`]);
    await must(["mv", `${ARCHIVE}.new.tar`, ARCHIVE]);
  }
  const root = await folderOf({});
  await must(["chmod", "755", root]);
  await must(["tar", "-C", root, "-xf", ARCHIVE, "--exclude=./dev/*"]);
  for (const file of ["/etc/resolv.conf", ...Object.values(NETWORK).filter((each) => existsSync(each))])
    copyFileSync(file, join(root, file));
  /** What comes before a command in it: mounts that disappear with the command, and the user. */
  const inside = (user: string, folder: string) => {
    const mounts = `mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc"`;
    const change = `exec chroot --userspec=${USERS[user]}:${USERS[user]} "$0" sh -c 'cd "$0" && exec "$@"' "$@"`;
    return ["unshare", "-m", "sh", "-c", `${mounts} && ${change}`, root, folder];
  };
  const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return {
    /** A checkout in a user's home. */
    async checkout(user: string): Promise<Place> {
      const home = user === "root" ? "/root" : `/home/${user}`;
      mkdirSync(join(root, home), { recursive: true });
      await copyCheckout(join(root, home, "muster"));
      const id = USERS[user] ?? 0;
      chownSync(join(root, home), id, id);
      await must(["chown", "-R", `${id}:${id}`, join(root, home)]);
      const env = { ...NETWORK, PATH, HOME: home, CI: "true" };
      return { before: inside(user, `${home}/muster`), cwd: tmpdir(), env, runner: "npm" };
    },
    asRoot: (command: string[]) => must([...inside("root", "/"), ...command]),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}
