// A real lab of two machines, where the tests are root and Docker is installed; else skipped. Everything it makes is
// checked to be gone at the end.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "@coxswain/clock";
import { createLab } from "./index.ts";
import type { Lab, LabMachine } from "./index.ts";

const possible =
  process.getuid?.() === 0 &&
  spawnSync("dockerd", ["--version"]).status === 0 &&
  spawnSync("ebtables", ["--version"]).status === 0;

interface Outcome {
  readonly code: number | null;
  readonly out: string;
}

function inside(machine: LabMachine | undefined, ...[program = "", ...args]: string[]): Promise<Outcome> {
  if (!machine) throw new Error("no such machine");
  return new Promise((resolve, reject) => {
    const child = machine.spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    const parts: Buffer[] = [];
    child.stdout?.on("data", (part: Buffer) => parts.push(part));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out: Buffer.concat(parts).toString("utf8").trim() }));
  });
}

/** Everything of labs that the kernel shows outside of them. */
function traces(): string[] {
  const links = execFileSync("ip", ["-br", "link"], { encoding: "utf8" }).split("\n");
  const rules = execFileSync("iptables-save", { encoding: "utf8" }).split("\n");
  const groups = ["/sys/fs/cgroup", "/sys/fs/cgroup/memory"]
    .filter((path) => existsSync(path))
    .flatMap((path) => readdirSync(path));
  return [...links, ...rules, ...groups]
    .filter((line) => /cxl-|COX-LAB|coxlab/.test(line))
    .map((line) => line.split("@")[0] ?? "");
}

describe.skipIf(!possible)("a lab", () => {
  const before = possible ? traces() : [];
  const directory = realpathSync(mkdtempSync("/tmp/cl-"));
  let lab: Lab;
  let m1: LabMachine | undefined;
  let m2: LabMachine | undefined;

  /** One packet each way. */
  const reaches = async (from: LabMachine | undefined, to: LabMachine | undefined): Promise<boolean> => {
    const script =
      "const d=require('dgram').createSocket('udp4');d.on('message',()=>{console.log('yes');process.exit()});d.send('x',7777,process.argv[1]);setTimeout(()=>process.exit(),700)";
    return (await inside(from, process.execPath, "-e", script, to?.address ?? "")).out === "yes";
  };
  const echo = (machine: LabMachine | undefined): void => {
    const script =
      "const d=require('dgram').createSocket('udp4');d.on('message',(m,r)=>d.send(m,r.port,r.address));d.bind(7777,()=>console.log('up'))";
    machine?.spawn(process.execPath, ["-e", script], { stdio: "ignore", detached: true }).unref();
  };
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    for (let i = 0; i < 20 && !(await holds()); i++);
  };

  beforeAll(async () => {
    lab = createLab({ directory }, { clock: systemClock });
    [m1, m2] = await lab.up(2);
    echo(m2);
    await until(() => reaches(m1, m2));
  }, 60_000);

  afterAll(async () => {
    await lab.down();
    expect(existsSync(directory)).toBe(false);
    expect(traces()).toEqual(before);
  }, 60_000);

  it("has machines with their own name, processes, addresses and Docker Engine", async () => {
    expect(await lab.status()).toEqual([
      { name: "m1", address: m1?.address, power: "on", engine: true, cutFrom: [] },
      { name: "m2", address: m2?.address, power: "on", engine: true, cutFrom: [] },
    ]);
    expect((await inside(m1, "cat", "/proc/sys/kernel/hostname")).out).toBe("m1");
    expect((await inside(m1, "cat", "/proc/1/cmdline")).out).toContain(join(directory, "m1", "init.sh"));
    expect((await inside(m1, "sh", "-c", "exit 7")).code).toBe(7);
  });

  it("is left as it is by a second up", async () => {
    const first = (await inside(m1, "readlink", "/proc/self/ns/net")).out;
    await lab.up(2);
    expect((await inside(m1, "readlink", "/proc/self/ns/net")).out).toBe(first);
  });

  it("passes signals on to a program in a machine", async () => {
    const child = m1?.spawn("sh", ["-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const code = await new Promise<number | null>((resolve) => {
      child?.stdout?.once("data", () => child.kill("SIGTERM"));
      child?.once("exit", resolve);
    });
    expect(code).toBe(3);
  });

  it("cuts machines from each other, in one direction or both, and heals", async () => {
    expect(await reaches(m1, m2)).toBe(true);
    await lab.cut([{ from: "m2", to: "m1" }]);
    expect(await reaches(m1, m2)).toBe(false);
    expect((await lab.status()).map(({ cutFrom }) => cutFrom)).toEqual([[], ["m1"]]);
    await lab.heal();
    expect(await reaches(m1, m2)).toBe(true);
  });

  it("is cut, healed and given power by several at once, as by a drill's guardian and the person who aborts it", async () => {
    const other = createLab({ directory }, { clock: systemClock });
    const links = [
      { from: "m1", to: "m2" },
      { from: "m2", to: "m1" },
    ];
    await Promise.all([lab.cut(links), other.heal(), lab.heal(), other.cut(links.slice(1)), other.heal(), lab.heal()]);
    expect((await lab.status()).map(({ cutFrom }) => cutFrom)).toEqual([[], []]);
    expect(await reaches(m1, m2)).toBe(true);
    await lab.off("m2");
    await Promise.all([lab.on("m2"), other.on("m2")]);
    expect((await lab.status()).map(({ engine }) => engine)).toEqual([true, true]);
    echo(m2);
    await until(() => reaches(m1, m2));
  });

  it("stops a machine without its knowledge and lets it go on", async () => {
    await lab.pause("m2");
    expect((await lab.status()).map(({ power }) => power)).toEqual(["on", "paused"]);
    expect(await reaches(m1, m2)).toBe(false);
    await lab.resume("m2");
    await until(() => reaches(m1, m2));
    expect(await reaches(m1, m2)).toBe(true);
  });

  it("pulls the plug of a machine, even a paused one, and gives power again", async () => {
    await lab.pause("m2");
    await lab.off("m2");
    expect((await lab.status()).map(({ power }) => power)).toEqual(["on", "off"]);
    expect(() => m2?.spawn("true", [], {})).toThrow("is off");
    await lab.on("m2");
    expect((await lab.status()).map(({ engine }) => engine)).toEqual([true, true]);
    expect(await reaches(m1, m2)).toBe(false);
    echo(m2);
    await until(() => reaches(m1, m2));
    expect(await reaches(m1, m2)).toBe(true);
  });

  it("names what it does not have", async () => {
    await expect(lab.off("m9")).rejects.toThrow("there is no machine m9; there are m1, m2");
    await expect(createLab({ directory: "/run/lab" }, { clock: systemClock }).up(1)).rejects.toThrow(
      "machines do not see /run/lab",
    );
    await expect(createLab({ directory: `/tmp/${"x".repeat(90)}` }, { clock: systemClock }).up(1)).rejects.toThrow(
      "too long",
    );
  });
});
