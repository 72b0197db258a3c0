// The same command lines through kubectl and cox against one cluster: what they print, how they end, and what they leave behind.
// What differs on purpose is listed in cox/differences.ts, with the reason.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { startControlPlane } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";
import { configLines } from "./cox/config-lines.ts";
import { differences } from "./cox/differences.ts";
import { manifests, statuses } from "./cox/fixture.ts";
import { kustomizationFiles } from "./cox/kustomizations.ts";
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

  it("build the same kustomizations", async () => {
    const root = join(plane.dir, "kustomizations");
    for (const [path, text] of Object.entries(kustomizationFiles)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const found: unknown[] = [];
    for (const folder of new Set(Object.keys(kustomizationFiles).map(dirname))) {
      const words = ["kustomize", join(root, folder)];
      const [theirs, ours] = await Promise.all([kubectl(words), cox(words)]);
      // Each refuses in words of its own.
      if (theirs.stdout !== ours.stdout || theirs.code !== ours.code) found.push({ folder, theirs, ours });
    }
    expect(found).toEqual([]);
  }, 120_000);

  it("leave the same in a kubeconfig", async () => {
    const programs = [
      ["theirs", runKubectl],
      ["ours", (words: readonly string[], file: string) => runCommand(words, file, cache)],
    ] as const;
    const [theirs, ours] = await Promise.all(
      programs.map(async ([name, run]) => {
        const directory = join(plane.dir, `config-${name}`);
        mkdirSync(directory, { recursive: true });
        writeFileSync(join(directory, "ca.crt"), "an authority\n");
        const told: unknown[] = [];
        for (const line of configLines) {
          const words = splitWords(line.replaceAll("DIR", directory));
          const { code, stdout, stderr } = even(await run(words, join(directory, "config")));
          const plain = (text: string): string => text.replaceAll(`config-${name}`, "DIR");
          told.push({ line, code, stdout: plain(stdout), stderr: plain(stderr) });
        }
        return [...told, readFileSync(join(directory, "config"), "utf8")];
      }),
    );
    expect(ours).toEqual(theirs);
  }, 120_000);

  it("lists no difference for a line that is not tried", () => {
    const tried = new Set([
      ...readers,
      ...writers.map((each, at) => (typeof each === "string" ? each : `${each[0]} #${at}`)),
    ]);
    expect(differences.filter(({ line }) => !tried.has(line))).toEqual([]);
  });
});

describe("cox on a terminal", () => {
  const onTerminal = async (
    words: readonly string[],
    saw: (text: string, stop: () => void) => void = () => undefined,
    size = { columns: 80, rows: 24 },
    typed = "",
  ): Promise<Outcome> => {
    const stopper = new AbortController();
    const terminal = { ...size, signal: stopper.signal, saw: (text: string) => saw(text, () => stopper.abort()) };
    return runCommand(words, kubeconfig, cache, typed, terminal);
  };

  it("asks before what cannot be undone, and takes anything but yes for a no", async () => {
    await plane.must(["create", "namespace", "precious"]);
    expect(await onTerminal(["delete", "namespace", "precious"], undefined, undefined, "no\n")).toEqual({
      code: 0,
      stdout: "",
      stderr:
        "This cannot be undone:\n  namespace/precious: everything in it goes, too\nDo you want to continue? (y/N): deletion is cancelled\n",
    });
    expect((await onTerminal(["delete", "ns/precious", "--wait=false"], undefined, undefined, "y\n")).stdout).toBe(
      'namespace "precious" deleted\n',
    );
  });

  it.each([
    [["get", "pod", "web1", "-n", "demo"], 'pods "web1" not found', "Did you mean this?\n\tweb-1"],
    [["get", "pod", "web", "-n", "demo"], 'pods "web" not found', "Did you mean this?\n\tweb-1\n\tweb-2"],
    [["describe", "cm", "setings", "-n", "demo"], 'configmaps "setings" not found', "Did you mean this?\n\tsettings"],
    [["get", "pod", "web-1"], 'pods "web-1" not found', "There is one in the namespace demo: -n demo"],
    [
      ["get", "pod", "web-1", "-n", "dem"],
      'pods "web-1" not found',
      "There is no namespace dem.\nDid you mean this?\n\tdemo",
    ],
    [["get", "node", "nothing-like-it"], 'nodes "nothing-like-it" not found', ""],
  ])("guesses what %j meant", async (words, refusal, guess) => {
    expect(await onTerminal(words)).toEqual({
      code: 1,
      stdout: "",
      stderr: `Error from server (NotFound): ${refusal}\n${guess === "" ? "" : `${guess}\n`}`,
    });
  });

  it("says that there is no such namespace where kubectl finds nothing in it", async () => {
    expect((await onTerminal(["get", "pods", "-n", "dmo"])).stderr).toBe(
      "No resources found in dmo namespace.\nThere is no namespace dmo.\nDid you mean this?\n\tdemo\n",
    );
  });

  it.each([
    [80, ["NAME       DATA   AGE", "settings   1      AGE"], "watched    0      AGE"],
    [20, ["NAME       DATA   A…", "settings   1      A…"], "watched    0      A…"],
  ])("draws what it watches again in its place, on %i columns", async (columns, before, added) => {
    const namespace = `live-${columns}`;
    await plane.must(["create", "namespace", namespace]);
    await plane.must(["create", "configmap", "settings", "--from-literal=a=b", "-n", namespace]);
    const pictures: string[] = [];
    let create: Promise<string> | undefined;
    const outcome = await onTerminal(
      ["get", "configmaps", "-n", namespace, "--watch"],
      (text, stop) => {
        const picture = text.replace(/ \d+s?…?$/gm, columns === 80 ? " AGE" : " A…");
        if (picture !== pictures.at(-1)) pictures.push(picture);
        create ??= plane.must(["create", "configmap", "watched", "-n", namespace]);
        if (text.includes("watched")) stop();
      },
      { columns, rows: 24 },
    );
    await create;
    expect([outcome.code, outcome.stderr]).toEqual([130, ""]);
    expect(pictures).toEqual([
      `\r\u001b[J${before.join("\n")}\n`,
      `\u001b[2A\r\u001b[J${[...before, added].join("\n")}\n`,
    ]);
  });

  it("shows the store's members to whom they answer, and says to others where they are", async () => {
    const storeLine = async (...words: string[]): Promise<string | undefined> =>
      (await onTerminal(["status", ...words], undefined, { columns: 200, rows: 50 })).stdout
        .split("\n")
        .find((line) => line.startsWith("  store"));
    // The files of the store's client lie beside the kubeconfig, as on a master.
    expect(await storeLine("--etcd-servers", plane.storeUrl)).toMatch(
      /^ {2}store test +127\.0\.0\.1:\d+ +leads, (has all|\d+ entr(y|ies) behind), \d+Mi$/,
    );
    const elsewhere = join(plane.dir, "some", "where", "admin.conf");
    mkdirSync(dirname(elsewhere), { recursive: true });
    copyFileSync(kubeconfig, elsewhere);
    expect(await storeLine("--kubeconfig", elsewhere)).toMatch(
      /^ {2}store +its members are not behind the API: ask on a master, or with --etcd-servers and its certificates$/,
    );
  });
});
