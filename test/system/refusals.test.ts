// What a start says when the machine does not allow it: one sentence on stderr, exit code 1, nothing half done.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { projectRoot, run } from "./cluster.ts";
import type { Outcome } from "./cluster.ts";

const folder = mkdtempSync(join(tmpdir(), "coxswain-refusals-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = (args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
  run(process.execPath, [join(projectRoot, "scripts", "start.ts"), ...args], "", { ...process.env, ...environment });

describe("npm start", () => {
  it("names the port that somebody else holds", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(10_259, "0.0.0.0", resolve));
    const { code, stderr } = await start(["--data-dir", join(folder, "port")]);
    await new Promise((resolve) => holder.close(resolve));
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "coxswain: port 10259, which the scheduler needs, is already in use\n",
    });
  });

  it("says that the disk is full", async () => {
    const disk = join(folder, "disk");
    mkdirSync(disk);
    await run("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", disk]);
    const { code, stderr } = await start(["--data-dir", disk]);
    await run("umount", [disk]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^coxswain: the disk of \S+ is full: 6\d MiB are free, at least 512 are needed\n$/),
    });
  });

  it("says that the Docker Engine that was named does not answer", async () => {
    const host = `unix://${join(folder, "nobody.sock")}`;
    const { code, stderr } = await start(["--data-dir", join(folder, "docker")], { DOCKER_HOST: host });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `coxswain: no Docker Engine answers on ${host}, which DOCKER_HOST names\n`,
    });
  });

  it.each([
    [["--wokers", "3"], "coxswain: Unknown option '--wokers'\n"],
    [["--workers", "many"], 'coxswain: --workers must be a whole number from 0 to 20, found "many"\n'],
    [
      ["--masters", "3"],
      "coxswain: --masters needs --workers: control-plane machines of their own exist only in the lab\n",
    ],
  ])("refuses %j", async (args, sentence) => {
    expect(await start(args)).toMatchObject({ code: 1, stderr: sentence });
  });
});
