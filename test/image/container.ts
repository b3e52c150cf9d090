/** Runs commands in the image's file system as a container does: read-only, as its user, in a process tree of its own. */
import { readFileSync } from "node:fs";
import { until } from "../../src/embedded/server-process.ts";
import type { Image } from "./build.ts";

const ENDED_MS_MAX = 60_000;

/** Mounts that disappear with the command. Then the command takes the shell's place, as process 1. */
const ENTER = `set -e; root=$1; backups=$2; user=$3; shift 3
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$backups" "$root/backups"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot --userspec="$user:$user" "$root" sh -c 'cd /app; exec "$@"' sh "$@"`;

/** @param backups the folder of the volume `/backups` */
export function containers({ root, config }: Image, backups: string) {
  const start = (command: string[], environment: Record<string, string> = {}) => {
    const own = Object.fromEntries(config.Env.map((each) => each.split(/=(.*)/s, 2)));
    const enter = ["unshare", "-m", "-p", "-f", "--kill-child", "sh", "-c", ENTER, "sh", root, backups, config.User];
    const env = { ...own, PATH: `${own.PATH}`, ...environment };
    return Bun.spawn([...enter, ...command], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  };
  return {
    /** Runs a command until it ends. */
    async run(command: string[], environment?: Record<string, string>) {
      const child = start(command, environment);
      const [stdout, stderr] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      return { code: await child.exited, stdout, stderr };
    },
    /** Starts the image's own command, and waits until it answers. */
    async serve(environment: Record<string, string>) {
      const service = start(config.Cmd, environment);
      const output = Promise.all([new Response(service.stdout).text(), new Response(service.stderr).text()]);
      const address = `http://127.0.0.1:${environment.PORT}`;
      const answers = () =>
        fetch(`${address}/readyz`).then(
          ({ ok }) => ok || undefined,
          () => undefined,
        );
      if (!(await until(ENDED_MS_MAX, answers))) {
        service.kill("SIGKILL");
        throw new Error(`the service did not answer: ${(await output).join("")}`);
      }
      return {
        address,
        /** The service's process, as this machine sees it. */
        pid: firstChildOf(service.pid),
        /** SIGTERM to process 1. @returns its exit code */
        async stop(): Promise<number> {
          process.kill(firstChildOf(service.pid), "SIGTERM");
          return await service.exited;
        },
        output,
      };
    },
  };
}

function firstChildOf(pid: number): number {
  return Number.parseInt(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"), 10);
}
