// The link in a network namespace of its own (root, `ip`); each step is a process, as a daemon that starts again is.
import { execFileSync, spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const namespace = `coxdl${process.pid.toString(36)}`;
const address = "169.254.20.10";
const possible = process.getuid?.() === 0 && spawnSync("ip", ["netns", "add", namespace]).status === 0;
const inside = (...words: readonly string[]): string =>
  execFileSync("ip", ["netns", "exec", namespace, ...words], { encoding: "utf8" });
const ip = (line: string): string => inside("ip", ...line.split(" "));

/** What a daemon's step tells. */
function step(verb: "ensure" | "remove", at = address): unknown {
  const source = `
    import { createAddressLink } from ${JSON.stringify(new URL("link.ts", import.meta.url).href)};
    const link = createAddressLink({ name: "coxdns0", address: ${JSON.stringify(at)} });
    const told = await link.${verb}(AbortSignal.timeout(60_000)).catch((error) => error.message);
    console.log(JSON.stringify(told ?? "done"));`;
  return JSON.parse(inside(process.execPath, "--input-type=module", "--eval", source)) as unknown;
}

describe.runIf(possible)("the link with the cluster's DNS address", () => {
  beforeAll(() => void ip("link set lo up"));
  afterAll(() => void spawnSync("ip", ["netns", "delete", namespace]));

  it("is made once, carries the address, and goes with all that it carried", () => {
    expect([step("ensure"), step("ensure")]).toEqual(["done", "done"]);
    expect(ip("-4 -o address show dev coxdns0").match(/inet \S+/g)).toEqual([`inet ${address}/32`]);
    // A question to it ends on this machine.
    expect(ip(`route get ${address}`)).toMatch(/^local /);
    expect([step("remove"), step("remove")]).toEqual([true, false]);
    expect(ip("-br link")).not.toContain("coxdns0");
  });

  it("of somebody else is not taken away, and an address that is none is refused by name", () => {
    ip("link add coxdns0 type bridge");
    expect(step("remove")).toBe("the link coxdns0 is not ours and stays");
    ip("link delete coxdns0");
    expect(step("ensure", "10.96.0.300")).toMatch(/^the address 10\.96\.0\.300 cannot be put on link coxdns0: \w/);
  });
});
