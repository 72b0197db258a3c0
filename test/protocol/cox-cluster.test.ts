// What cox does with real containers and what it tells of trouble, on one small cluster: scheduler, controllers, one node.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCoxCluster } from "./cox/cluster.ts";
import type { CoxCluster } from "./cox/cluster.ts";
import { troubles } from "./cox/troubles.ts";
import { runCommand, runKubectl } from "./cox/run.ts";
import type { Outcome } from "./cox/run.ts";
import { until, whyNoNode } from "./joined-node.ts";

interface Begun {
  readonly startedAt: string;
}
interface CrashingPod {
  readonly status: {
    readonly containerStatuses: readonly {
      readonly restartCount: number;
      readonly state: { readonly running?: Begun; readonly terminated?: Begun };
      readonly lastState: { readonly terminated?: Begun };
    }[];
  };
}

const reason = await whyNoNode();
describe.skipIf(reason !== undefined)("cox on a cluster with containers", () => {
  let cluster: CoxCluster;
  beforeAll(async () => {
    cluster = await startCoxCluster();
    await cluster.must(["create", "namespace", "demo"]);
    await until("pods have an account", async () => {
      const { code } = await cluster.node.plane.kubectl(["-n", "demo", "get", "serviceaccount", "default"]);
      return code === 0;
    });
    await cluster.must(["apply", "-n", "demo", "-f", "-"], troubles);
    await cluster.must(["-n", "demo", "wait", "--for=condition=Ready", "pod/box", "--timeout=60s"]);
    const crashes = "jsonpath={.status.containerStatuses[0].state.waiting.reason}";
    await until("the pods are in trouble", async () => {
      const reasons = await Promise.all(
        ["crash", "noimage"].map((pod) => cluster.must(["-n", "demo", "get", "pod", pod, "-o", crashes])),
      );
      const events = await cluster.must(["-n", "demo", "get", "events", "-o", "jsonpath={.items[*].reason}"]);
      return reasons.join() === "CrashLoopBackOff,ErrImageNeverPull" && events.includes("Unhealthy");
    });
  }, 180_000);
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const cox = (...words: string[]): Promise<Outcome> =>
    runCommand(["-n", "demo", ...words], cluster.kubeconfig, join(cluster.node.plane.dir, "cox-cache"));
  /** Text without what is another in each run. */
  const told = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cox(...words);
    expect([code, stderr]).toEqual([0, ""]);
    return plain(stdout);
  };
  const plain = (text: string): string =>
    text
      .replaceAll(cluster.node.name, "NODE")
      .replace(/, (\d+m)?\d+s ago/g, ", AGE ago")
      .replace(/attempt \d+/g, "attempt N")
      .replace(/back-off \S+ restarting/g, "back-off TIME restarting")
      .replace(/\d+ restarts? so far/g, "N restarts so far")
      .replace(/next attempt at \S+Z/g, "next attempt at TIME")
      .replace(/_demo\(\S+\)/g, "_demo(UID)")
      .replace(/web-[a-z0-9]+-[a-z0-9]{5}/g, "web-POD")
      .replace(/(free|of) 2000m/g, "$1 CPUS")
      .replace(/free \d+m of \d+m/g, "free CPUS of CPUS")
      .replace(/cpu \d+m instead/g, "cpu CPUS instead");
  const why = (target: string): Promise<string> => told("why", target, "--scheduler-address", cluster.schedulerAddress);

  it("tells of a pod without a node what each node has against it, and what helps", async () => {
    expect(await why("pod/big")).toBe(`pod/big in demo waits for a node
└─ scheduler: 0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {rented: yes}, 1 node(s) were unschedulable.  (decision, attempt N, AGE ago)
   ├─ node/hollow-a: no toleration covers its taint rented=yes:NoSchedule  (rule TaintToleration)
   ├─ node/hollow-b: it is cordoned (spec.unschedulable)  (rule NodeUnschedulable)
   ├─ node/NODE: cpu: asked 64000m, free CPUS of CPUS  (rule NodeResourcesFit)
   └─ preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.  (decision)
What helps: cox uncordon hollow-b; its further rules are asked then
            ask for cpu CPUS instead of 64000m: then it fits on NODE
            tolerate rented in the pod, or: cox taint node hollow-a rented:NoSchedule-
`);
  });

  it("says so when the scheduler's record is out of reach, and tells the condition's words", async () => {
    const { stdout } = await cox("why", "pod/big", "--scheduler-address", "https://127.0.0.1:1");
    expect(plain(stdout)).toBe(`pod/big in demo waits for a node
├─ scheduler: 0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {rented: yes}, 1 node(s) were unschedulable. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.  (condition PodScheduled, Unschedulable, AGE ago)
└─ scheduler: its record with each node's numbers is not to be had: no scheduler that keeps one could be asked  (cox)
`);
  });

  it("tells of a crashing pod its exit, the end of its log and the next attempt", async () => {
    expect(await why("pod/crash")).toBe(`pod/crash in demo crashes again and again
└─ container/c: back-off TIME restarting failed container=c pod=crash_demo(UID), next attempt at TIME  (status, CrashLoopBackOff)
   └─ container/c: ended with exit code 3; N restarts so far  (last state, AGE ago)
        | cannot open /data/db
What helps: mend what the log says; then do not wait: cox retry crash -n demo
`);
  });

  it("answers a program with the same chain", async () => {
    expect(JSON.parse(await told("why", "pod/noimage", "-o", "json"))).toEqual({
      object: "pod/noimage",
      namespace: "demo",
      state: "has not started",
      trouble: true,
      because: [
        {
          object: "container/c",
          says: 'Container image "coxswain/none:1" is not present with pull policy of Never',
          source: "status, ErrImageNeverPull",
          because: [],
        },
      ],
      fixes: [],
    });
  });

  it("follows a workload and a service down to the probe that fails", async () => {
    const pods = `pod/web-POD: runs and is not ready, and so does 1 other  (pod)
   └─ container/web: runs, and is not ready  (status, AGE ago)
      └─ kubelet: Readiness probe failed: command test -f /ready exited with 1  (event Unhealthy, AGE ago)
`;
    expect(await why("deploy/web")).toBe(
      `deployment/web in demo has 0 of 2 pods ready; 0 of 2 updated replicas are available\n└─ ${pods}`,
    );
    expect(await why("svc/web")).toBe(
      `service/web in demo has 0 of 0 endpoints ready\n├─ port 80: leads to a port called http, and no container of its pods has one  (spec.ports)\n└─ ${pods}`,
    );
    expect(await why("svc/nobody")).toBe(
      "service/nobody in demo has 0 of 0 endpoints ready\n└─ selector: no pod has app=nobody  (spec.selector)\nWhat helps: compare with: cox get pods -n demo --show-labels\n",
    );
  });

  it("names what keeps a claim, a quota, a node and a namespace", async () => {
    expect(await why("pvc/data")).toBe(
      "persistentvolumeclaim/data in demo has no volume\n└─ storageclass/fast: does not exist  (API)\n",
    );
    const refused = (await why("deploy/refused"))
      .replace("(combined from similar events): ", "")
      .replace(/refused-[a-z0-9-]+/g, "SET");
    expect(refused).toBe(
      `deployment/refused in demo has 0 of 1 pods ready; 0 out of 1 new replicas have been updated
└─ replicaset/SET: Error creating: pods "SET" is forbidden: error looking up service account demo/absent: serviceaccount "absent" not found  (event FailedCreate, AGE ago)
`,
    );
    expect(await why("node/hollow-b")).toBe(
      "node/hollow-b is ready, with reservations\n└─ node: is cordoned: no new pods come  (spec.unschedulable)\nWhat helps: cox uncordon hollow-b\n",
    );
    await cluster.must(["create", "namespace", "old"]);
    const kept = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "kept", namespace: "old", finalizers: ["example.org/hold"] },
    };
    await cluster.must(["apply", "-f", "-"], JSON.stringify(kept));
    await cluster.must(["delete", "namespace", "old", "--wait=false"]);
    await until("the namespace says what keeps it", async () =>
      (await cox("why", "ns/old")).stdout.includes("example.org/hold"),
    );
    expect(await why("ns/old")).toBe(`namespace/old is being deleted
├─ namespace controller: Some resources are remaining: configmaps. has 1 resource instances  (condition NamespaceContentRemaining, SomeResourcesRemain, AGE ago)
└─ namespace controller: Some content in the namespace has finalizers remaining: example.org/hold in 1 resource instances  (condition NamespaceFinalizersRemaining, SomeFinalizersRemain, AGE ago)
`);
    await cluster.must(["-n", "old", "patch", "cm", "kept", "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
  });

  it("shows a family, and the cluster on one screen", async () => {
    expect(
      (await told("tree", "deploy/web"))
        .replace(/ +(?=\S)/g, " ")
        .replace(/\d+s/g, "AGE")
        .replace(/web-\w+/g, "web-SET")
        .replace(/ +$/gm, ""),
    ).toBe(
      `NAME STATE AGE
deployment.apps/web 0/2 ready AGE
└─ replicaset.apps/web-SET 0/2 ready AGE
 ├─ pod/web-SET Running AGE
 └─ pod/web-SET Running AGE
`,
    );
    const screen = await told("status", "--scheduler-address", cluster.schedulerAddress);
    expect(screen).toContain("Machines: 3 of 3 ready\n");
    expect(screen).toMatch(/\n {2}hollow-b +Ready,cordoned +0\/110 +0\/4 0% +- +0Mi\/8.0Gi 0% +-\n/);
    expect(screen).toMatch(/ {2}scheduler {11}\S+ +leads, renewed \d+s ago/);
    expect(screen).toMatch(/ {2}API server {2}good for 36\dd\n {2}yours {7}good for 36\dd/);
    expect(screen).toContain(
      "  pod/crash in demo crashes again and again\n    container/c: ended with exit code 3; N restarts so far\n",
    );
  });

  it("ends a back-off, and merges what all pods of a workload wrote, also those that are gone", async () => {
    // The attempts so far, and when the last of them began. Times are whole seconds: two attempts may begin at the same.
    const attempts = async (): Promise<{ readonly count: number; readonly beganAt: number }> => {
      const pod = JSON.parse(await cluster.must(["-n", "demo", "get", "pod", "crash", "-o", "json"])) as CrashingPod;
      const [container] = pod.status.containerStatuses;
      const begun = container?.state.running ?? container?.state.terminated ?? container?.lastState.terminated;
      return { count: container?.restartCount ?? 0, beganAt: Date.parse(begun?.startedAt ?? "") };
    };
    // What starts before the announced time started because it was wished for.
    let announced = 0;
    await until("a wait of some length is announced", async () => {
      const { stdout } = await cox("why", "pod/crash");
      announced = Date.parse(/next attempt at (\S+Z)/.exec(stdout)?.[1] ?? "");
      return announced > Date.now() + 8_000;
    });
    const before = await attempts();
    expect(await told("retry", "crash")).toBe("pod/crash tries again now: c (CrashLoopBackOff)\n");
    await until("it is tried again", async () => (await attempts()).count > before.count);
    expect((await attempts()).beganAt).toBeLessThan(announced);
    expect(await told("retry", "box")).toBe("pod/box has nothing that waits\n");
    expect((await cox("retry", "big")).stderr).toBe(
      "error: pod/big waits for a node, not for a back-off: see cox why pod/big -n demo\n",
    );
    const named = "jsonpath={.items[*].metadata.name}";
    const webs = async (): Promise<string[]> =>
      (await cluster.must(["-n", "demo", "get", "pods", "-l", "app=web", "-o", named])).split(" ");
    const pods = await webs();
    const [stopping, seen] = [new AbortController(), [] as string[]];
    const following = runCommand(
      ["-n", "demo", "logs", "-f", "--all-of", "deploy/web"],
      cluster.kubeconfig,
      join(cluster.node.plane.dir, "cox-cache"),
      "",
      { columns: 200, rows: 24, signal: stopping.signal, saw: (text) => seen.push(text) },
    );
    const greeting = (pod: string): string => `[pod/${pod}/web] hello from ${pod}\n`;
    await until("those that are there are told", async () =>
      Promise.resolve(pods.every((pod) => seen.includes(greeting(pod)))),
    );
    await cluster.must(["-n", "demo", "delete", "pod", "-l", "app=web"]);
    await until("what they wrote is kept", async () => {
      const { stdout } = await cox("logs", "--all-of", "deploy/web");
      return pods.every((pod) => stdout.includes(greeting(pod)));
    });
    const expected = [...pods, ...(await webs())].map(greeting);
    await until("those that came are followed", async () =>
      Promise.resolve(expected.every((one) => seen.includes(one))),
    );
    stopping.abort();
    expect((await following).code).toBe(130);
    expect(seen.filter((text) => text.includes("hello")).toSorted()).toEqual(expected.toSorted());
  });

  it("runs commands in containers, with input, both outputs and the exit code", async () => {
    const script = ["exec", "-i", "box", "-c", "shell", "--", "sh", "-c", "cat; echo sorry >&2; exit 42"];
    expect(await runCommand(["-n", "demo", ...script], cluster.kubeconfig, "", "through")).toEqual({
      code: 42,
      stdout: "through",
      stderr: "sorry\ncommand terminated with exit code 42\n",
    });
  });

  it("copies directories and large binary files there and back", async () => {
    const here = (name: string): string => join(cluster.node.plane.dir, name);
    const bytes = randomBytes(4 << 20);
    mkdirSync(here("site/sub"), { recursive: true });
    writeFileSync(here("site/sub/big"), bytes);
    writeFileSync(here("site/empty"), "");
    symlinkSync("empty", here("site/link"));
    expect(await cox("cp", here("site"), "box:/tmp", "-c", "shell")).toEqual({ code: 0, stdout: "", stderr: "" });
    const { code, stdout, stderr } = await cox("cp", "box:/tmp/site", here("back"), "-c", "shell");
    // tar's words and its archive come side by side: which is first is chance.
    expect([code, stdout, ...stderr.split("\n").toSorted()]).toEqual([
      0,
      "",
      "",
      "tar: removing leading '/' from member names",
      `warning: skipping symlink: "tmp/site/link" -> "empty"`,
    ]);
    expect(readdirSync(here("back"), { recursive: true }).toSorted()).toEqual(["empty", "sub", "sub/big"]);
    expect(readFileSync(here("back/sub/big")).equals(bytes)).toBe(true);
    expect(await cox("cp", "box:/absent", here("absent"), "-c", "shell")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "tar: /absent: No such file or directory\ntar: error exit delayed from previous errors\ncommand terminated with exit code 1\n",
    });
  });

  it("puts a container beside those of a pod, copies a pod, and looks at a node's files", async () => {
    const own = ["--image=coxswain/busybox:1", "--image-pull-policy=IfNotPresent", "--attach"];
    expect(await told("debug", "box", ...own, "-c", "beside", "--", "echo", "from beside")).toBe("from beside\n");
    expect(await told("debug", "box", "--copy-to=copy", "--set-image=shell=coxswain/demo:1")).toBe("");
    const images = "jsonpath={.spec.containers[*].image} {.metadata.labels}";
    expect(await cluster.must(["-n", "demo", "get", "pod", "copy", "-o", images])).toBe(
      "coxswain/demo:1 coxswain/demo:1 ",
    );
    const files = await told("debug", `node/${cluster.node.name}`, ...own, "--", "ls", "-d", "/host/etc");
    expect(files.replace(/-[a-z0-9]{5} with/, "-ID with")).toBe(
      "Creating debugging pod node-debugger-NODE-ID with container debugger on node NODE.\n/host/etc\n",
    );
  });

  it("completes types, names, namespaces, containers and values", async () => {
    const offered = async (...words: string[]): Promise<string[]> => {
      const { stdout } = await runCommand(
        ["__complete", ...words],
        cluster.kubeconfig,
        join(cluster.node.plane.dir, "cox-cache"),
      );
      return stdout.split("\n").filter((line) => line !== "");
    };
    expect([
      await offered("rollo"),
      await offered("get", "po"),
      await offered("-n", "demo", "logs", "bo"),
      await offered("-n", "demo", "logs", "box", "-c", ""),
      await offered("get", "pods", "-n", "kube-n"),
      await offered("-n", "demo", "why", "deploy/"),
      await offered("get", "pods", "--output=y"),
      await offered("rollout", "un"),
    ]).toEqual([
      ["rollout"],
      ["poddisruptionbudgets", "pods", "podtemplates"],
      ["box"],
      ["beside", "shell", "web"],
      ["kube-node-lease"],
      ["deploy/refused", "deploy/web"],
      ["--output=yaml"],
      ["undo"],
    ]);
  });

  /** Runs a command that serves something, hands over where, and interrupts it. */
  const whileServing = async (
    words: readonly string[],
    where: RegExp,
    work: (address: string) => Promise<void>,
  ): Promise<void> => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "../../packages/cox/src/main.ts"), ...words], {
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    });
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const ended = new Promise((resolve) => child.once("exit", resolve));
    try {
      await until("it listens", async () => Promise.resolve(where.test(said)));
      await work(where.exec(said)?.[1] ?? "");
    } finally {
      child.kill("SIGINT");
    }
    expect(await ended).toBe(130);
  };

  it("forwards ports until it is interrupted", () =>
    whileServing(["-n", "demo", "port-forward", "pod/box", ":8080"], /from (127\S+) ->/, async (address) => {
      expect(await (await fetch(`http://${address}/`)).text()).toContain("hello from pod box");
    }));

  it("passes requests on, and with them what is upgraded, until it is interrupted", async () => {
    const through = (address: string): Promise<Outcome> => {
      const words = ["-n", "demo", "exec", "-i", "box", "-c", "shell", "--", "cat"];
      return runKubectl(["--server", `http://${address}`, ...words], "/dev/null", "there and back");
    };
    await whileServing(["proxy", "--port=0"], /serve on (\S+)/, async (address) => {
      const answer = await fetch(`http://${address}/api/v1/namespaces/demo/pods/box`);
      expect(await answer.text()).toContain('"name":"box"');
      expect(await through(address)).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringContaining("Forbidden"),
      });
    });
    await whileServing(["proxy", "--port=0", "--reject-paths=^$"], /serve on (\S+)/, async (address) => {
      expect(await through(address)).toEqual({ code: 0, stdout: "there and back", stderr: "" });
    });
  });

  it("shows what nodes and pods use, and dumps a namespace", async () => {
    await until("the node is measured", async () => (await cox("top", "node", cluster.node.name)).code === 0);
    expect(plain((await cox("top", "node")).stdout)).toMatch(
      /^NAME +CPU\(cores\) +CPU\(%\) +MEMORY\(bytes\) +MEMORY\(%\) +\nNODE +\d+m +\d+% +\d+Mi +\d+% +\nhollow-a +<unknown>/,
    );
    const directory = join(cluster.node.plane.dir, "dump");
    expect(await told("cluster-info", "dump", "--namespaces=demo", "--output-directory", directory)).toBe(
      `Cluster info dumped to ${directory}\n`,
    );
    expect(readFileSync(join(directory, "demo/crash/logs.txt"), "utf8")).toBe(
      "==== START logs for container c of pod demo/crash ====\ncannot open /data/db\n==== END logs for container c of pod demo/crash ====\n",
    );
  });
});
