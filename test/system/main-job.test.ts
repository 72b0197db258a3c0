// The main job, as a new user does it: one command, then kubectl. Real daemons, real containers, real rules.
import { request } from "node:http";
import { connect } from "node:net";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, projectRoot, run, script, startCluster } from "./cluster.ts";
import type { TestCluster } from "./cluster.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const podNames = async (selector: string): Promise<string[]> =>
  (await cluster.must(["-n", "demo", "get", "pods", "-l", selector, "-o", "name"])).trim().split("\n").filter(Boolean);

const runningWeb = async (count: number): Promise<string[]> =>
  eventually(`${count} web pods run`, 30_000, async () => {
    const rows = (await cluster.must(["-n", "demo", "get", "pods", "-l", "app=web", "--no-headers"]))
      .trim()
      .split("\n");
    return rows.length === count && rows.every((row) => /\s1\/1\s+Running\s/.test(row))
      ? rows.map((row) => row.split(/\s+/)[0] ?? "")
      : undefined;
  });

function ask(host: string, port = 80): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, timeout: 2000, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(text));
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer")));
    outgoing.on("error", reject).end();
  });
}

describe("after npm start", () => {
  it("every daemon runs as a process of its own and the node is Ready (A002)", async () => {
    expect(Object.keys(cluster.pids()).sort()).toEqual([
      "apiserver",
      "controller-manager",
      "dns",
      "node-agent",
      "proxy",
      "scheduler",
      "store",
    ]);
    expect(await cluster.must(["get", "nodes", "--no-headers"])).toMatch(/\sReady\s/);
  });

  it("every port speaks TLS only (A029)", async () => {
    for (const port of [2379, 6443, 10250, 10256, 10257, 10259, 9153]) {
      const answer = await new Promise<string>((resolve) => {
        let text = "";
        const socket = connect({ host: nodeAddress(), port }, () =>
          socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
        );
        socket.on("data", (chunk) => (text += chunk.toString("latin1")));
        socket.on("close", () => resolve(text)).on("error", () => undefined);
        socket.setTimeout(3000, () => socket.destroy());
      });
      expect(`${port}: ${answer}`).not.toMatch(/HTTP\/1\.1 200/);
    }
  });

  it("the demo's three pods answer behind one address", async () => {
    await runningWeb(3);
    const address = (
      await cluster.must(["-n", "demo", "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"])
    ).trim();
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) seen.add(/pod (\S+) on/.exec(await ask(address))?.[1] ?? "");
    expect(seen.size).toBe(3);
  });

  it("kubectl scales up and down, and extra containers are gone from Docker (A005)", async () => {
    await cluster.must(["-n", "demo", "scale", "deployment", "web", "--replicas=5"]);
    await runningWeb(5);
    await cluster.must(["-n", "demo", "scale", "deployment", "web", "--replicas=3"]);
    await runningWeb(3);
    await eventually("three web containers in Docker", 40_000, async () =>
      (await webContainers()).length === 3 ? true : undefined,
    );
  });

  it("a container removed behind our back returns (A004)", async () => {
    const [id = ""] = await webContainers();
    await run("docker", ["rm", "-f", id]);
    await eventually("another container takes its place", 40_000, async () => {
      const ids = await webContainers();
      return ids.length === 3 && !ids.includes(id) ? true : undefined;
    });
    await runningWeb(3);
  });

  it("a deleted pod is replaced", async () => {
    const [pod = ""] = await runningWeb(3);
    await cluster.must(["-n", "demo", "delete", "pod", pod, "--wait=false"]);
    const after = await eventually("a replacement runs", 40_000, async () => {
      const names = await runningWeb(3);
      return names.includes(pod) ? undefined : names;
    });
    expect(after).toHaveLength(3);
  });

  it("kubectl logs and exec reach the container, exit codes included", async () => {
    const [pod = ""] = await runningWeb(3);
    expect(await cluster.must(["-n", "demo", "logs", pod])).toContain(`pod ${pod} listens on port 8080`);
    expect((await cluster.must(["-n", "demo", "exec", pod, "--", "hostname"])).trim()).toBe(pod);
    expect((await cluster.kubectl(["-n", "demo", "exec", pod, "--", "sh", "-c", "exit 7"])).code).toBe(7);
  });

  it("kubectl rollout, describe, label and annotate work on the demo", async () => {
    await cluster.must(["-n", "demo", "rollout", "status", "deployment/web", "--timeout=60s"]);
    expect(await cluster.must(["-n", "demo", "describe", "deployment", "web"])).toContain(
      "Replicas:               3 desired",
    );
    await cluster.must(["-n", "demo", "label", "deployment", "web", "tier=front"]);
    await cluster.must(["-n", "demo", "annotate", "deployment", "web", "note=tested"]);
    expect(
      await cluster.must([
        "-n",
        "demo",
        "get",
        "deployment",
        "web",
        "-o",
        "jsonpath={.metadata.labels.tier} {.metadata.annotations.note}",
      ]),
    ).toBe("front tested");
  });

  it("cox shows the same pods", async () => {
    const names = (await podNames("app=web")).map((name) => name.replace("pod/", "")).sort();
    const { stdout, code } = await cluster.cox(["get", "pods", "-n", "demo", "-o", "name"]);
    expect({
      code,
      names: stdout
        .trim()
        .split("\n")
        .map((name) => name.replace("pod/", ""))
        .sort(),
    }).toEqual({ code: 0, names });
  });
});

describe("bad input", () => {
  it("an image that does not exist is said to be so, with the reason", async () => {
    await cluster.must(["-n", "demo", "run", "noimage", "--image=coxswain/none:1", "--image-pull-policy=Never"]);
    await eventually("ErrImageNeverPull shows", 20_000, async () => {
      const reason = await cluster.must([
        "-n",
        "demo",
        "get",
        "pod",
        "noimage",
        "-o",
        "jsonpath={.status.containerStatuses[0].state.waiting.reason}",
      ]);
      return reason === "ErrImageNeverPull" ? true : undefined;
    });
    await cluster.must(["-n", "demo", "delete", "pod", "noimage", "--wait=false"]);
  });

  it("an image that cannot be pulled is said to be so, with the engine's reason", async () => {
    await cluster.must(["-n", "demo", "run", "nopull", "--image=coxswain/none:1", "--image-pull-policy=IfNotPresent"]);
    await eventually("ErrImagePull or ImagePullBackOff shows", 60_000, async () => {
      const path = "jsonpath={.status.containerStatuses[0].state.waiting}";
      const { reason, message } = JSON.parse(
        (await cluster.must(["-n", "demo", "get", "pod", "nopull", "-o", path])) || "{}",
      );
      return /^(ErrImagePull|ImagePullBackOff)$/.test(reason) && message !== "" ? true : undefined;
    });
    await cluster.must(["-n", "demo", "delete", "pod", "nopull", "--wait=false"]);
  });

  it("a broken kubeconfig is one line and exit code 1", async () => {
    const { code, stderr } = await run(process.execPath, [
      join(projectRoot, "packages/cox/src/main.ts"),
      ...["get", "pods", "--kubeconfig", join(projectRoot, "README.md")],
    ]);
    expect({ code, lines: stderr.trim().split("\n").length }).toEqual({ code: 1, lines: 1 });
  });

  it("a command that exits at once ends in CrashLoopBackOff", async () => {
    await cluster.must([
      "-n",
      "demo",
      "run",
      "crash",
      "--image=coxswain/busybox:1",
      "--image-pull-policy=Never",
      "--command",
      "--",
      "/bin/false",
    ]);
    await eventually("CrashLoopBackOff shows", 30_000, async () => {
      const row = await cluster.must(["-n", "demo", "get", "pod", "crash", "--no-headers"]);
      return row.includes("CrashLoopBackOff") ? true : undefined;
    });
    await cluster.must(["-n", "demo", "delete", "pod", "crash", "--wait=false"]);
  });

  it("a misspelt field is refused by kubectl's strict validation", async () => {
    const pod =
      "apiVersion: v1\nkind: Pod\nmetadata: {name: typo, namespace: demo}\nspec: {containers: [{name: a, imagee: b}]}\n";
    const { code, stderr } = await cluster.kubectl(["apply", "-f", "-"], pod);
    expect(code).toBe(1);
    expect(stderr).toContain('unknown field "spec.containers[0].imagee"');
  });

  it("no credentials and wrong ones are answered with a Status", async () => {
    const server = `https://${nodeAddress()}:6443`;
    const none = await run("curl", ["-sk", `${server}/api/v1/pods`]);
    expect(JSON.parse(none.stdout)).toMatchObject({ kind: "Status", code: 403, reason: "Forbidden" });
    const wrong = await run("curl", ["-sk", "-H", "Authorization: Bearer nonsense", `${server}/api/v1/pods`]);
    expect(JSON.parse(wrong.stdout)).toMatchObject({ kind: "Status", code: 401, reason: "Unauthorized" });
  });

  it("a second start on the same data is one sentence and exit code 1", async () => {
    const { code, stderr } = await script("start", ["--data-dir", cluster.dataDir]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^coxswain: a cluster already runs on \S+ \(process \d+\); `npm stop` ends it\n$/),
    });
  });

  it("a daemon refuses an unknown flag in one line", async () => {
    const { code, stderr } = await script("daemon", ["scheduler", "--no-such-flag"]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "scheduler: unknown flag: --no-such-flag\n" });
  });
});

describe("kill -9", () => {
  // Both of the first line wait for a lease of fifteen seconds to end.
  const victims = [["scheduler", "controller-manager"], ["proxy"], ["dns"], ["node-agent"], ["apiserver"], ["store"]];
  it.each(victims.map((names) => ({ names, who: names.join(" and the ") })))(
    "of the $who loses nothing and the cluster goes on",
    async ({ names }) => {
      const before = `before-${names[0]}`;
      await cluster.must(["-n", "demo", "create", "configmap", before, "--from-literal=a=b"]);
      const killed = new Map(names.map((name) => [name, cluster.pids()[name] ?? 0]));
      for (const pid of killed.values()) process.kill(pid, "SIGKILL");
      for (const [name, pid] of killed)
        await eventually(`${name} runs again`, 20_000, async () => {
          const now = cluster.pids()[name];
          return now !== undefined && now !== pid ? now : undefined;
        });
      await eventually("the object is still there", 30_000, () =>
        cluster.must(["-n", "demo", "get", "configmap", before]),
      );
      await eventually("a new pod is brought up", 30_000, () =>
        cluster.must(["-n", "demo", "rollout", "restart", "deployment/web"]),
      );
      await cluster.must(["-n", "demo", "rollout", "status", "deployment/web", "--timeout=90s"]);
    },
  );
});

function nodeAddress(): string {
  const config = readFileSync(cluster.kubeconfig, "utf8");
  const data = /client-certificate-data: (\S+)/.exec(config)?.[1] ?? "";
  expect(new X509Certificate(Buffer.from(data, "base64")).subject).toContain("CN=kubernetes-admin");
  return /server: https:\/\/([^:]+):/.exec(config)?.[1] ?? "";
}

async function webContainers(): Promise<string[]> {
  const { stdout } = await run("docker", [
    "ps",
    "-q",
    "--no-trunc",
    "--filter",
    "label=io.kubernetes.container.name=web",
  ]);
  return stdout.trim().split("\n").filter(Boolean);
}
