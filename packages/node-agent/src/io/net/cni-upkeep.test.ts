// What plugins are asked beyond ADD and DEL, by a plugin of our own that speaks CNI 1.1 and writes down what it is told. Needs the right to make network
// namespaces; skipped, with the reason in the name, without.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createLogger } from "@coxswain/daemon";
import { createCniSandboxes } from "../../../testing/cni-sandboxes.ts";
import { createCniNetwork } from "./cni-network.ts";

const absence = whyNoNamespaces();

describe.skipIf(absence !== undefined)(`a CNI 1.1 plugin${absence ? ` (skipped: ${absence})` : ""}`, () => {
  let base: string;
  let sandboxes: ReturnType<typeof createCniSandboxes>;
  let clock: ReturnType<typeof createSimulatedClock>;
  const agent = () =>
    createCniNetwork(
      { configDirectory: join(base, "net.d"), pluginDirectories: [base], directory: join(base, "cni") },
      { clock, log: createLogger("test", "error"), sandboxes: () => sandboxes.running() },
    );
  const configure = (more: object = {}): Promise<void> =>
    writeFile(
      join(base, "net.d", "10.conflist"),
      JSON.stringify({
        ...{ cniVersion: "1.0.0", cniVersions: ["1.1.0"], name: "pods", ...more },
        plugins: [{ type: "notes", capabilities: { portMappings: true } }],
      }),
    );
  /** A verb that is to fail, with what the plugin says then. */
  const fail = (verb: string, message: string): Promise<void> =>
    writeFile(join(base, `fail-${verb}`), JSON.stringify({ code: 50, msg: message }));
  const mend = (verb: string): Promise<void> => rm(join(base, `fail-${verb}`));
  const heard = (): readonly { readonly verb: string; readonly id: string; readonly input: object }[] =>
    existsSync(join(base, "heard"))
      ? readFileSync(join(base, "heard"), "utf8")
          .trimEnd()
          .split("\n")
          .map((line) => {
            const [verb = "", id = "", input = ""] = line.split("\t");
            return { verb, id, input: JSON.parse(input) as object };
          })
      : [];
  /** Verbs and sandboxes since the last time. */
  let before = 0;
  const news = (): readonly string[] => {
    const lines = heard().map(({ verb, id }) => `${verb} ${id}`.trim());
    const fresh = lines.slice(before);
    before = lines.length;
    return fresh;
  };

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), "coxswain-cni-"));
    await mkdir(join(base, "net.d"));
    await writeFile(join(base, "notes"), plugin(base, `"1.0.0","1.1.0"`), { mode: 0o755 });
    sandboxes = createCniSandboxes();
    clock = createSimulatedClock(0);
    before = 0;
  });
  afterEach(async () => {
    await sandboxes.stop();
    await rm(base, { recursive: true, force: true });
  });

  test("is told at an agent's start which sandboxes are on the network, and asked about each", async () => {
    await configure();
    const first = agent();
    await first.repair();
    expect(news()).toEqual(["VERSION", "STATUS", "GC"]);
    const [one, two] = [await sandboxes.start("one"), await sandboxes.start("two")];
    await first.attach(one);
    await first.attach(two);
    await first.repair();
    await first.repair();
    expect(news()).toEqual(["ADD one", "ADD two", "STATUS", "CHECK one", "CHECK two", "STATUS"]);

    await sandboxes.crash(two);
    const second = agent();
    await second.repair();
    expect(news()).toEqual(["VERSION", "STATUS", "DEL two", "GC", "CHECK one"]);
    const [gc, check] = heard().slice(-2);
    const own = { cniVersion: "1.1.0", name: "pods", type: "notes" };
    expect(gc?.input).toEqual({ ...own, "cni.dev/valid-attachments": [{ containerID: "one", ifname: "eth0" }] });
    expect(check?.input).toEqual({
      ...own,
      runtimeConfig: { portMappings: [] },
      prevResult: { ips: [{ address: "10.0.0.7/24" }] },
    });
    await clock.advance(299_999);
    await second.repair();
    expect(news()).toEqual(["STATUS"]);
    await clock.advance(1);
    await second.repair();
    expect(news()).toEqual(["STATUS", "CHECK one"]);
  });

  test("that cannot take sandboxes makes the node say so; one that fails to clear is asked again later", async () => {
    await configure();
    await fail("STATUS", "no uplink");
    const network = agent();
    await network.repair();
    expect(network.missing()).toBe(`cni plugin not initialized: plugin type="notes" failed (status): no uplink`);
    await mend("STATUS");
    await fail("GC", "busy");
    await network.repair();
    await network.repair();
    expect([network.missing(), news()]).toEqual([undefined, ["VERSION", "STATUS", "STATUS", "GC", "STATUS"]]);
    await mend("GC");
    await clock.advance(300_000);
    await network.repair();
    await network.repair();
    expect(news()).toEqual(["STATUS", "GC", "STATUS"]);
  });

  test("whose check fails twice gives up what it confirmed before, one sandbox at a time, and nothing else", async () => {
    await configure();
    const network = agent();
    const one = await sandboxes.start("one");
    const here = [one, await sandboxes.start("two")];
    for (const sandbox of here) await network.attach(sandbox);
    await network.repair();
    await fail("CHECK", "rules are missing");
    const late = await sandboxes.start("late");
    await network.attach(late);
    await clock.advance(300_000);
    const attached = async (): Promise<readonly string[]> => {
      const all = await Promise.all([...here, late].map(async ({ id }) => ((await network.isAttached(id)) ? id : [])));
      return all.flat();
    };
    await network.repair();
    expect(await attached()).toEqual(["one", "two", "late"]);
    await network.repair();
    expect(await attached()).toEqual(["two", "late"]);
    await network.repair();
    expect(await attached()).toEqual(["late"]);
    // It was never confirmed: asked again in its turn, and never given up.
    for (const _ of [1, 2, 3]) {
      await clock.advance(300_000);
      await network.repair();
    }
    expect(await attached()).toEqual(["late"]);
    // A new sandbox begins anew.
    await network.detach?.("one");
    await mend("CHECK");
    await network.attach(one);
    await network.repair();
    expect(await attached()).toEqual(["one", "late"]);
  });

  test("is not asked what its network turns off, nor what its version does not have", async () => {
    await configure({ disableCheck: true, disableGC: true });
    const network = agent();
    await network.repair();
    await network.attach(await sandboxes.start("one"));
    await network.repair();
    expect(news()).toEqual(["VERSION", "STATUS", "ADD one", "STATUS"]);
    // Another plugin in its place is asked for its versions anew; the network speaks what it offers.
    await configure();
    await writeFile(join(base, "notes"), plugin(base, `"0.4.0","1.0.0"`), { mode: 0o755 });
    await utimes(join(base, "notes"), 1, 1);
    await network.repair();
    await network.attach(await sandboxes.start("two"));
    await network.repair();
    expect(news()).toEqual(["VERSION", "ADD two", "CHECK two"]);
    expect(heard().at(-1)?.input).toMatchObject({ cniVersion: "1.0.0" });
    await configure({ cniVersion: "0.3.1", cniVersions: [] });
    await network.repair();
    expect(network.missing()).toBe(
      "cni plugin not initialized: plugin notes does not support config version 0.3.1, but 0.4.0, 1.0.0",
    );
  });
});

/** A plugin as a script: notes what it is told, fails where it shall, and gives everybody the same address. */
function plugin(base: string, versions: string): string {
  return `#!/bin/sh
printf '%s\\t%s\\t%s\\n' "$CNI_COMMAND" "$CNI_CONTAINERID" "$(cat)" >> ${base}/heard
if [ -e ${base}/fail-$CNI_COMMAND ]; then cat ${base}/fail-$CNI_COMMAND; exit 1; fi
case "$CNI_COMMAND" in
  VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":[${versions}]}' ;;
  ADD) echo '{"ips":[{"address":"10.0.0.7/24"}]}' ;;
esac
`;
}

function whyNoNamespaces(): string | undefined {
  try {
    execFileSync("unshare", ["--net", "true"], { stdio: "ignore" });
    return undefined;
  } catch (error) {
    return String(error).split("\n")[0] ?? "";
  }
}
