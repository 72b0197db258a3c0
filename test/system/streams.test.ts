// Streams into real containers by unmodified clients: kubectl over WebSocket and over SPDY, the official Python and JavaScript clients.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { Exec, KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, run, startCluster } from "./cluster.ts";
import type { Outcome, TestCluster } from "./cluster.ts";

const pods = `
apiVersion: v1
kind: Pod
metadata: {name: box, labels: {app: box}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: shell, image: "coxswain/busybox:1", imagePullPolicy: IfNotPresent, command: [sleep, "3600"]}
  - {name: web, image: "coxswain/demo:1", imagePullPolicy: IfNotPresent, ports: [{containerPort: 8080, name: http}]}
---
apiVersion: v1
kind: Pod
metadata: {name: asks}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: "coxswain/busybox:1", imagePullPolicy: IfNotPresent, stdin: true, stdinOnce: true, command: [sh, -c, "read x; echo got $x; exit 3"]}
---
apiVersion: v1
kind: Pod
metadata: {name: stuck}
spec:
  containers: [{name: c, image: "nowhere.invalid/none:1"}]
---
apiVersion: v1
kind: Service
metadata: {name: box}
spec: {selector: {app: box}, ports: [{name: http, port: 80, targetPort: http}]}
`;

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster(["--no-demo"]);
  await cluster.must(["apply", "-f", "-"], pods);
  await cluster.must(["wait", "--for=condition=Ready", "pod/box", "pod/asks", "--timeout=60s"]);
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

/** kubectl over WebSocket or, as before 1.31, over SPDY. */
const transports = [
  ["WebSocket", "true"],
  ["SPDY", "false"],
] as const;

function environment(webSockets: "true" | "false"): NodeJS.ProcessEnv {
  return {
    ...process.env,
    KUBECONFIG: cluster.kubeconfig,
    KUBECTL_REMOTE_COMMAND_WEBSOCKETS: webSockets,
    KUBECTL_PORT_FORWARD_WEBSOCKETS: webSockets,
  };
}

function fetchText(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(text));
    })
      .on("error", reject)
      .end();
  });
}

describe.each(transports)("kubectl over %s", (_name, webSockets) => {
  const kubectl = (args: readonly string[], input?: string): Promise<Outcome> =>
    run("kubectl", args, input, environment(webSockets));

  it("exec carries input, both outputs and the exit code", async () => {
    const script = "cat; echo sorry >&2; exit 42";
    expect(await kubectl(["exec", "-i", "box", "-c", "shell", "--", "sh", "-c", script], "through")).toEqual({
      code: 42,
      stdout: "through",
      stderr: "sorry\ncommand terminated with exit code 42\n",
    });
  });

  it("exec says in Kubernetes' words that a container does not run", async () => {
    const { code, stderr } = await kubectl(["exec", "stuck", "--", "ls"]);
    const words = 'unable to upgrade connection: container not found ("c")';
    expect([code, stderr]).toEqual([
      1,
      webSockets === "true" ? `error: Internal error occurred: ${words}\n` : `error: ${words}\n`,
    ]);
  });

  it("cp brings a large binary file there and back", async () => {
    const [there, back] = ["there", "back"].map((name) => join(cluster.dataDir, `${name}-${webSockets}`));
    const bytes = randomBytes(8 << 20);
    writeFileSync(there ?? "", bytes);
    const copied = [
      await kubectl(["cp", there ?? "", `box:/tmp/big-${webSockets}`, "-c", "web"]),
      await kubectl(["cp", `box:/tmp/big-${webSockets}`, back ?? "", "-c", "web"]),
    ];
    const digest = (data: Buffer): string => createHash("sha256").update(data).digest("hex");
    expect([copied.map(({ code }) => code), digest(readFileSync(back ?? ""))]).toEqual([[0, 0], digest(bytes)]);
  });

  it("port-forward reaches the pod's port again and again", async () => {
    const child = spawn("kubectl", ["port-forward", "pod/box", ":8080"], { env: environment(webSockets) });
    try {
      const port = await new Promise<number>((resolve, reject) => {
        let said = "";
        const read = (chunk: Buffer): void => {
          said += chunk.toString();
          const match = /127\.0\.0\.1:(\d+) ->/.exec(said);
          if (match) resolve(Number(match[1]));
        };
        child.stdout.on("data", read);
        child.stderr.on("data", read);
        child.on("exit", (code) => reject(new Error(`kubectl port-forward ended with ${code}: ${said}`)));
      });
      for (let i = 0; i < 3; i++) expect(await fetchText(port)).toContain("hello from pod box");
    } finally {
      child.kill();
    }
  });
});

it("attach gives the process its input and succeeds, whatever the container's exit code", async () => {
  const { code, stdout } = await cluster.kubectl(["attach", "-i", "asks"], "bread\n");
  expect([code, stdout]).toEqual([0, "got bread\n"]);
  await cluster.must(["wait", "--for=jsonpath={.status.phase}=Failed", "pod/asks", "--timeout=30s"]);
  expect(await cluster.must(["logs", "asks"])).toBe("got bread\n");
});

it("proxies lead to pods, services and nodes", async () => {
  const raw = (path: string): Promise<string> => cluster.must(["get", "--raw", path]);
  const node = (await cluster.must(["get", "nodes", "-o", "name"])).trim().replace("node/", "");
  expect([
    await raw("/api/v1/namespaces/default/pods/box:http/proxy/"),
    await raw(`/api/v1/nodes/${node}/proxy/healthz`),
  ]).toEqual([expect.stringContaining("hello from pod box"), "ok"]);
  await eventually("the service has an endpoint", 20_000, async () =>
    (await raw("/api/v1/namespaces/default/services/box/proxy/")).includes("hello from pod box") ? true : undefined,
  );
});

it("the official Python client runs commands and forwards ports; one that refuses leaves the other alone", async () => {
  const script = join(dirname(fileURLToPath(import.meta.url)), "clients", "streams.py");
  const { stdout, stderr } = await run("/usr/bin/python3", [script, cluster.kubeconfig]);
  expect(JSON.parse(stdout === "" ? JSON.stringify(stderr) : stdout)).toEqual({
    output: "out\n",
    conversation: ["got hello\n", 7],
    forwarded: true,
    refused: expect.stringMatching(/^error forwarding port 9999 to pod box, uid .*connect: connection refused/),
  });
});

it("the official JavaScript client gets the exit code as a Status", async () => {
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let output = "";
  stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  stdin.end("in");
  const status = await new Promise((resolve, reject) => {
    new Exec(config)
      .exec("default", "box", "shell", ["sh", "-c", "cat; exit 9"], stdout, stderr, stdin, false, resolve)
      .catch(reject);
  });
  expect([status, output]).toEqual([
    {
      metadata: {},
      status: "Failure",
      message: "command terminated with non-zero exit code: exit status 9",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "9" }] },
    },
    "in",
  ]);
});
