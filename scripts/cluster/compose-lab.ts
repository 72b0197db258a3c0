// A lab whose machines are set up as a person would set up theirs: our image, a compose file from deploy/compose, a .env beside it,
// `docker-compose up -d`. Used by the topologies and by tests. It knows no shortcuts: what it does can be typed.
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "@coxswain/clock";
import { createLab, labDirectory } from "@coxswain/lab";
import type { Lab, LabMachine } from "@coxswain/lab";
import { aptInstall } from "./docker.ts";
import { Failure } from "./failure.ts";
import { buildImages } from "./images.ts";
import { layoutOf, projectRoot } from "./layout.ts";
import { buildProductImage } from "./product-image.ts";

export type MachineRole = "single" | "master" | "master-external-store" | "worker" | "store";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ComposeLab extends AsyncDisposable {
  readonly lab: Lab;
  readonly machines: readonly LabMachine[];
  machine(name: string): LabMachine;
  /** Where compose and the machine's files are. */
  directoryOf(name: string): { readonly compose: string; readonly data: string };
  /** Writes the compose file and .env of a machine. */
  prepare(name: string, role: MachineRole, more?: Readonly<Record<string, string>>): void;
  /** `docker-compose ARGS` in the machine. */
  compose(name: string, args: readonly string[]): Promise<Outcome>;
  /** Any program in the machine. */
  run(name: string, command: string, args: readonly string[]): Promise<Outcome>;
  /** Prepares and brings up; throws what compose and setup said when it fails. */
  up(name: string, role: MachineRole, more?: Readonly<Record<string, string>>): Promise<void>;
  /** `cox ARGS` in the machine's keeper. */
  cox(name: string, args: readonly string[]): Promise<Outcome>;
  /** kubectl with the kubeconfig of the given master. */
  kubectl(master: string, args: readonly string[], input?: string): Promise<Outcome>;
  must(master: string, args: readonly string[], input?: string): Promise<string>;
  /** What a further machine's .env needs, from the first master's own words. */
  invitation(master: string): Promise<Readonly<Record<string, string>>>;
  whenReady(master: string, names: readonly string[], timeoutMs?: number): Promise<void>;
}

function controlPlane(role: MachineRole): readonly string[] {
  if (role !== "master" && role !== "master-external-store" && role !== "single") return [];
  const member = role === "master-external-store" ? [] : ["store"];
  return [...member, "apiserver", "scheduler", "controller-manager"];
}

export async function createComposeLab(options: {
  readonly dataDir: string;
  readonly imageDir?: string;
  readonly machines: number;
  readonly say: (text: string) => void;
}): Promise<ComposeLab> {
  const { dataDir, say } = options;
  if (process.getuid?.() !== 0) throw new Failure("a lab needs root");
  if (!existsSync("/usr/bin/docker-compose")) {
    say("installing docker-compose");
    aptInstall(["docker-compose"]);
  }
  const layout = layoutOf(dataDir);
  const imageDir = options.imageDir ?? layout.imageDir;
  const images = [await buildProductImage(imageDir, say), ...(await buildImages(imageDir, say))];
  const lab = createLab({ directory: await labDirectory(layout.labDir) }, { clock: systemClock });
  const machines = await lab.up(options.machines);
  for (const { archive, reference } of images) {
    say(`loading ${reference} into ${machines.length} machines`);
    await lab.load(archive);
  }
  const machine = (name: string): LabMachine => {
    const found = machines.find((each) => each.name === name);
    if (!found) throw new Failure(`there is no machine ${name}`);
    return found;
  };
  const directoryOf = (name: string) => {
    const { dataDirectory } = machine(name);
    return { compose: join(dataDirectory, "compose"), data: join(dataDirectory, "coxswain") };
  };
  const inside = (name: string, words: readonly string[]): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      const env = { ...process.env, DOCKER_HOST: `unix://${machine(name).dockerSocket}`, COMPOSE_ANSI: "never" };
      const cwd = existsSync(directoryOf(name).compose) ? directoryOf(name).compose : "/";
      const child = machine(name).spawn("sh", ["-c", `cd "$0" && exec "$@"`, cwd, ...words], {
        env,
        stdio: ["ignore", "pipe", "pipe"],
      });
      const texts = ["", ""];
      child.stdout?.on("data", (chunk: Buffer) => (texts[0] += chunk.toString()));
      child.stderr?.on("data", (chunk: Buffer) => (texts[1] += chunk.toString()));
      child.once("error", reject);
      child.once("close", (code) => resolve({ code: code ?? 1, stdout: texts[0] ?? "", stderr: texts[1] ?? "" }));
    });

  const self: ComposeLab = {
    lab,
    machines,
    machine,
    directoryOf,
    prepare(name, role, more = {}) {
      const { directory, dockerSocket, resolvConf, address } = machine(name);
      const { compose, data } = directoryOf(name);
      mkdirSync(compose, { recursive: true });
      const file =
        role === "single"
          ? join(projectRoot, "docker-compose.yml")
          : join(projectRoot, "deploy", "compose", `${role}.yml`);
      copyFileSync(file, join(compose, "docker-compose.yml"));
      const values = {
        COXSWAIN_DIR: data,
        COXSWAIN_NAME: name,
        COXSWAIN_ADDRESS: address,
        COXSWAIN_DOCKER_SOCKET: dockerSocket,
        COXSWAIN_DOCKER_ROOT: join(directory, "docker"),
        COXSWAIN_RESOLV_CONF: resolvConf,
        ...more,
      };
      writeFileSync(
        join(compose, ".env"),
        Object.entries(values)
          .map(([key, value]) => `${key}=${value}\n`)
          .join(""),
      );
    },
    run: (name, command, args) => inside(name, [command, ...args]),
    compose: (name, args) => inside(name, ["docker-compose", ...args]),
    async up(name, role, more) {
      self.prepare(name, role, more);
      // The node agent runs these, as pods; compose then does not.
      const asPods = more?.["COXSWAIN_STATIC_PODS"] === "yes" ? controlPlane(role) : [];
      const scales = asPods.flatMap((daemon) => ["--scale", `${daemon}=0`]);
      const { code, stderr } = await self.compose(name, ["up", "-d", ...scales]);
      if (code === 0) return;
      const logs = await self.compose(name, ["logs", "--no-color", "setup"]);
      throw new Failure(`${name}: docker-compose up failed: ${stderr.trim().split("\n").at(-1) ?? ""}\n${logs.stdout}`);
    },
    cox: (name, args) => self.compose(name, ["exec", "-T", "keeper", "cox", ...args]),
    kubectl: (master, args, input) =>
      new Promise((resolve) => {
        const kubeconfig = join(directoryOf(master).data, "admin.conf");
        const child = execFile(
          "kubectl",
          ["--kubeconfig", kubeconfig, ...args],
          { timeout: 110_000, maxBuffer: 2 ** 26 },
          (error, stdout, stderr) =>
            resolve({ code: error ? (typeof error.code === "number" ? error.code : 1) : 0, stdout, stderr }),
        );
        // A kubectl that ends before it has read says so by its exit code.
        child.stdin?.once("error", () => undefined).end(input ?? "");
      }),
    async must(master, args, input) {
      const { code, stdout, stderr } = await self.kubectl(master, args, input);
      if (code !== 0) throw new Failure(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
      return stdout;
    },
    async invitation(master) {
      const { stdout } = await self.compose(master, ["logs", "--no-color", "setup"]);
      const found = [...stdout.matchAll(/(COXSWAIN_(?:JOIN|TOKEN|CA_PIN|CERTIFICATE_KEY))=(\S+)/g)];
      if (found.length < 4) throw new Failure(`${master} shows no invitation: ${stdout}`);
      return Object.fromEntries(found.map(([, key = "", value = ""]) => [key, value]));
    },
    async whenReady(master, names, timeoutMs = 300_000) {
      const deadline = performance.now() + timeoutMs;
      let last = "";
      while (performance.now() < deadline) {
        const { stdout, stderr } = await self.kubectl(master, ["get", "nodes", "--no-headers", "--request-timeout=5s"]);
        last = stdout || stderr;
        if (names.every((name) => new RegExp(`^${name}\\s+Ready\\s`, "m").test(stdout))) return;
        await delay(250);
      }
      throw new Failure(`${names.join(", ")} are not all ready after ${timeoutMs / 1000} s: ${last.trim()}`);
    },
    async [Symbol.asyncDispose]() {
      await lab.down();
      rmSync(layout.labDir, { recursive: true, force: true });
    },
  };
  return self;
}
