// The same command lines through kubectl and cox against one cluster: what they print, how they end, and what they leave behind.
// What differs on purpose is listed in cox/differences.ts, with the reason.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { join } from "node:path";
import { startControlPlane } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";
import { differences } from "./cox/differences.ts";
import { manifests, statuses } from "./cox/fixture.ts";
import { readers, writers } from "./cox/lines.ts";
import { even, runCommand, runKubectl, splitWords } from "./cox/run.ts";
import type { Outcome } from "./cox/run.ts";

let plane: ControlPlane;
let kubeconfig: string;
let cache: string;

beforeAll(async () => {
  plane = await startControlPlane();
  kubeconfig = plane.servers[0]?.kubeconfig ?? "";
  cache = join(plane.dir, "cox-cache");
  await plane.must(["apply", "-f", "-"], manifests);
  for (const [target, status] of statuses)
    await plane.must([
      "-n",
      "demo",
      "patch",
      target,
      "--subresource=status",
      "--type=merge",
      "-p",
      JSON.stringify({ status }),
    ]);
});
afterAll(() => plane[Symbol.asyncDispose]());

const cox = (words: readonly string[], input?: string): Promise<Outcome> => runCommand(words, kubeconfig, cache, input);
const kubectl = (words: readonly string[], input?: string): Promise<Outcome> => runKubectl(words, kubeconfig, input);

/** The lines whose outcomes differ and are not listed, and those that are listed and do not differ. */
function verdict(line: string, theirs: Outcome, ours: Outcome): unknown {
  const [left, right] = [even(theirs), even(ours)];
  const same = JSON.stringify(left) === JSON.stringify(right);
  const known = differences.find((difference) => difference.line === line);
  if (known !== undefined)
    return same
      ? { line, listedWithoutNeed: true }
      : left.code === right.code || known.exitCodes
        ? undefined
        : { line, codes: [left.code, right.code] };
  return same ? undefined : { line, kubectl: left, cox: right };
}

describe("cox and kubectl", () => {
  it("read the same", async () => {
    const waiting = [...readers];
    const found: unknown[] = [];
    const worker = async (): Promise<void> => {
      for (let line = waiting.shift(); line !== undefined; line = waiting.shift()) {
        const words = splitWords(line);
        const [theirs, ours] = await Promise.all([kubectl(words), cox(words)]);
        const different = verdict(line, theirs, ours);
        if (different !== undefined) found.push(different);
      }
    };
    await Promise.all([worker(), worker()]);
    expect(found).toEqual([]);
  }, 600_000);

  it("write the same, and leave the same behind", async () => {
    const outcomes: Record<string, Outcome[]> = {};
    const left: Record<string, string> = {};
    const programs = { "by-kubectl": kubectl, "by-cox": cox };
    await Promise.all(
      Object.entries(programs).map(async ([namespace, program]) => {
        await plane.must(["create", "namespace", namespace]);
        await plane.must(["create", "serviceaccount", "default", "-n", namespace]);
        outcomes[namespace] = [];
        for (const each of writers) {
          const [line, input] = typeof each === "string" ? [each, undefined] : each;
          outcomes[namespace]?.push(await program(["-n", namespace, ...splitWords(line)], input));
        }
        left[namespace] = await plane.must([
          "get",
          "all,cm,secret,sa,role,rolebinding,quota,pdb,ing",
          "-n",
          namespace,
          "-o",
          "yaml",
        ]);
      }),
    );
    const plain = (text: string, namespace: string): string =>
      text.replaceAll(namespace, "NAMESPACE").replaceAll("kubectl", "cox");
    const found = writers.map((each, at) => {
      const line = typeof each === "string" ? each : each[0];
      const [theirs, ours] = ["by-kubectl", "by-cox"].map((namespace) => {
        const outcome = outcomes[namespace]?.[at] ?? { code: -1, stdout: "", stderr: "" };
        return { ...outcome, stdout: plain(outcome.stdout, namespace), stderr: plain(outcome.stderr, namespace) };
      });
      return verdict(typeof each === "string" ? line : `${line} #${at}`, theirs!, ours!);
    });
    expect(found.filter((each) => each !== undefined)).toEqual([]);
    const [theirs, ours] = ["by-kubectl", "by-cox"].map(
      (namespace) =>
        even({ code: 0, stderr: "", stdout: plain(left[namespace] ?? "", namespace).replace(/^ {4}uid: .*$/gm, "") })
          .stdout,
    );
    expect(ours).toEqual(theirs);
  }, 600_000);

  it("lists no difference for a line that is not tried", () => {
    const tried = new Set([
      ...readers,
      ...writers.map((each, at) => (typeof each === "string" ? each : `${each[0]} #${at}`)),
    ]);
    expect(differences.filter(({ line }) => !tried.has(line))).toEqual([]);
  });
});
