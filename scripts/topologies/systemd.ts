// A machine of the lab whose daemons are units of systemd, as docs/deploy.md has them: systemd is the first process of namespaces inside the machine, with
// units of its own choice (nothing of the computer's is started) and a Docker that it starts itself. What can be typed on a Debian machine is typed.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ComposeLab } from "../cluster/compose-lab.ts";
import { Failure } from "../cluster/failure.ts";
import { projectRoot } from "../cluster/layout.ts";
import { timed, untilOffered } from "./join.ts";
import type { Say } from "./join.ts";
import { smoke, until } from "./smoke.ts";

const units = ["store", "apiserver", "scheduler", "controller-manager", "keeper", "node-agent", "proxy", "dns"].map(
  (daemon) => `coxswain-${daemon}`,
);
const targets = ["sysinit", "basic", "shutdown", "network-online", "multi-user"];

/** Units that others name but that are the distribution's: empty here, as nothing of it is started. */
function unitsOf(lab: ComposeLab, name: string): Readonly<Record<string, string>> {
  const { directory, dockerSocket } = lab.machine(name);
  const at = (...parts: readonly string[]): string => join(directory, ...parts);
  const engine = [
    `/usr/sbin/dockerd --host=unix://${dockerSocket} --data-root=${at("docker")} --exec-root=${at("docker-run")}`,
    `--pidfile=${at("docker.pid")} --live-restore --bridge=none --iptables=false --ip6tables=false`,
  ];
  return {
    ...Object.fromEntries(targets.map((target) => [`${target}.target`, `[Unit]\nDescription=${target}\n`])),
    "docker.service": `[Service]\nType=notify\nExecStart=${engine.join(" ")}\nDelegate=yes\nKillMode=process\n`,
  };
}

/** Puts systemd in the place of what the lab started in the machine. Resolves when it takes orders and Docker answers. */
async function bootSystemd(lab: ComposeLab, name: string): Promise<void> {
  const { directory } = lab.machine(name);
  const { data } = lab.directoryOf(name);
  const units = join(directory, "units");
  for (const made of [units, data]) mkdirSync(made, { recursive: true });
  for (const [unit, text] of Object.entries(unitsOf(lab, name))) writeFileSync(join(units, unit), text);
  const script = join(directory, "systemd.sh");
  writeFileSync(
    script,
    `set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
mount -t proc proc /proc
mount --bind "$(dirname "$0")/resolv.conf" "$(readlink -f /etc/resolv.conf)" || :
for place in /usr/local/lib /usr/local/bin /etc/systemd/system /var/lib; do mount -t tmpfs -o mode=755 tmpfs "$place"; done
mkdir /usr/local/lib/coxswain /var/lib/coxswain
mount --bind ${projectRoot} /usr/local/lib/coxswain
mount --bind ${data} /var/lib/coxswain
cp ${process.execPath} /usr/local/bin/node
ln -s /usr/local/lib/coxswain/deploy/image/coxswain /usr/local/bin/coxswain
ln -s /usr/local/lib/coxswain/deploy/image/coxswain /usr/local/bin/cox
cp ${units}/* /usr/local/lib/coxswain/deploy/systemd/*.service /etc/systemd/system
export container=lab SYSTEMD_UNIT_PATH=/etc/systemd/system
exec /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --log-level=notice
`,
  );
  await lab.run(name, "sh", ["-c", `kill $(cat ${join(directory, "docker.pid")})`]);
  const enter = ["unshare", "--pid", "--mount", "--ipc", "--fork", "--kill-child", "sh", script];
  const log = join(directory, "logs", "systemd.log");
  const child = lab
    .machine(name)
    .spawn("sh", ["-c", `exec "$@" >> ${log} 2>&1 < /dev/null`, "sh", ...enter], { stdio: "ignore", detached: true });
  child.unref();
  await until("systemd takes orders", 60_000, async () =>
    (await systemctl(lab, name, ["start", "docker.service"])).code === 0 ? true : undefined,
  );
}

/** `systemctl ARGS` in the machine. */
function systemctl(lab: ComposeLab, name: string, args: readonly string[]) {
  return underSystemd(lab, name, ["systemctl", ...args]);
}

/** A program beside systemd; throws what it said when it fails. */
async function mustUnderSystemd(lab: ComposeLab, name: string, words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await underSystemd(lab, name, words);
  if (code !== 0) throw new Failure(`${words.join(" ")} on ${name}: ${stderr.trim() || stdout.trim()}`);
  return stdout;
}

/** In systemd's namespaces, which are found by its name: the process with number 1 of the innermost ones. */
async function underSystemd(lab: ComposeLab, name: string, words: readonly string[]) {
  const find = `for p in /proc/[0-9]*; do case $(cat $p/comm 2>/dev/null) in systemd) echo \${p#/proc/}; exit;; esac; done; exit 1`;
  const { code, stdout } = await lab.run(name, "sh", ["-c", find]);
  if (code !== 0) return { code: 1, stdout: "", stderr: "systemd does not run" };
  const enter = ["--target", stdout.trim(), "--mount", "--pid", "--ipc", "--", "env", "HOME=/root"];
  return lab.run(name, "nsenter", [...enter, ...words]);
}

/** What docs/deploy.md says under "With systemd instead", on a master and a worker; then daemons die and are restarted. */
export async function withSystemd(lab: ComposeLab, say: Say, master: string, worker: string): Promise<void> {
  await Promise.all([master, worker].map((name) => bootSystemd(lab, name)));
  const own = (name: string): readonly string[] => {
    const { address, dockerSocket, resolvConf } = lab.machine(name);
    return ["--name", name, "--address", address, "--docker-socket", dockerSocket, "--resolv-conf", resolvConf];
  };
  await timed(say, "a master of systemd's units is ready", async () => {
    await mustUnderSystemd(lab, master, ["cox", "init", ...own(master)]);
    await mustUnderSystemd(lab, master, ["systemctl", "enable", "--now", ...units]);
    await lab.whenReady(master, [master]);
  });
  const said = await mustUnderSystemd(lab, master, ["cox", "invite"]);
  const [join = "", id = ""] = /cox join \S+ --token (\w+)\S+ --ca-pin \S+/.exec(said) ?? [];
  await untilOffered(lab, master, id);
  await timed(say, "a worker of systemd's units joins", async () => {
    await mustUnderSystemd(lab, worker, [...join.split(" "), ...own(worker)]);
    await mustUnderSystemd(lab, worker, ["systemctl", "enable", "--now", ...units]);
    await lab.whenReady(master, [worker]);
  });
  await smoke(lab, master, [worker]);

  for (const unit of units) await restartsBySystemd(lab, master, unit);
  await restartsBySystemd(lab, worker, "coxswain-node-agent");
  say("each daemon was killed and started again by systemd");
  await lab.whenReady(master, [master, worker]);
  await smoke(lab, master, [worker]);
  await mustUnderSystemd(lab, master, ["systemctl", "stop", ...units]);
  const failed = await mustUnderSystemd(lab, master, ["systemctl", "list-units", "--failed", "--plain", "--no-legend"]);
  if (failed.trim() !== "") throw new Failure(`units failed on ${master}: ${failed.trim()}`);
}

async function restartsBySystemd(lab: ComposeLab, name: string, unit: string): Promise<void> {
  await mustUnderSystemd(lab, name, ["systemctl", "kill", "--signal=KILL", unit]);
  await until(`${unit} runs again`, 60_000, async () => {
    const state = await mustUnderSystemd(lab, name, ["systemctl", "show", unit, "-p", "NRestarts,SubState"]);
    return /NRestarts=[1-9]/.test(state) && state.includes("SubState=running") ? true : undefined;
  });
}
