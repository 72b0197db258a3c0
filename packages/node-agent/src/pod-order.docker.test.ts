// In which order and time real containers begin, are judged and end; clocks and disks that misbehave. Skipped, with the reason in its
// name, where there is no engine, no right to make links, or no images.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRealPods, image, whyNoRealPods, within } from "../testing/real-pods.ts";
import { rfc3339 } from "@coxswain/clock";

const absence = whyNoRealPods();

describe.skipIf(absence !== undefined)(
  `real pods in time${absence === undefined ? "" : ` (skipped: ${absence})`}`,
  () => {
    const rig = createRealPods();
    const { rootDirectory, clock, podOf, uidOf, remove, status, isReady, podSet, deleted, subnet, told, setClockBy } =
      rig;
    beforeAll(() => rig.begin());
    afterAll(() => rig.end());

    test("a pod's containers begin, are judged and end in the order and the time that it gave them", async () => {
      const forever = "while :; do sleep 0.1; done";
      const stays = (say: string) => ["sh", "-c", `trap '${say}; exit 0' TERM; ${forever}`];
      const data = [{ name: "data", mountPath: "/data" }];
      const sidecar = (name: string) => ({
        name,
        image,
        restartPolicy: "Always",
        volumeMounts: data,
        startupProbe: { exec: { command: ["touch", `/data/started-${name}`] }, periodSeconds: 1 },
        command: [
          "sh",
          "-c",
          `echo +${name} >> /data/order; trap 'echo -${name} >> /data/order; exit 0' TERM; ${forever}`,
        ],
      });
      const order = join(rootDirectory, "order");
      await mkdir(order);
      const ordered = podOf("ordered", {
        terminationGracePeriodSeconds: 20,
        volumes: [{ name: "data", hostPath: { path: order } }],
        initContainers: [
          sidecar("one"),
          { name: "init", image, volumeMounts: data, command: ["sh", "-c", "ls /data | grep started- >> /data/order"] },
          sidecar("two"),
        ],
        containers: [
          {
            name: "main",
            image,
            volumeMounts: data,
            command: [
              "sh",
              "-c",
              `echo +main >> /data/order; trap 'echo -main >> /data/order; exit 0' USR1; ${forever}`,
            ],
            lifecycle: { preStop: { sleep: { seconds: 1 } }, stopSignal: "SIGUSR1" },
          },
        ],
      });
      const late = podOf("late", {
        activeDeadlineSeconds: 2,
        restartPolicy: "OnFailure",
        containers: [{ name: "main", image, command: stays("echo late") }],
      });
      // Its pod would give it a minute, its probe gives it none.
      const stuck = podOf("stuck", {
        terminationGracePeriodSeconds: 60,
        containers: [
          {
            name: "main",
            image,
            command: ["sh", "-c", `trap '' TERM; ${forever}`],
            livenessProbe: {
              exec: { command: ["false"] },
              periodSeconds: 1,
              failureThreshold: 1,
              terminationGracePeriodSeconds: 1,
            },
          },
        ],
      });
      const last = (name: string, script: string, policy: "File" | "FallbackToLogsOnError") =>
        podOf(name, {
          restartPolicy: "Never",
          // Last words are everybody's right, not only root's.
          securityContext: { runAsUser: 65_534 },
          containers: [{ name: "main", image, command: ["sh", "-c", script], terminationMessagePolicy: policy }],
        });
      const spoke = last("spoke", "echo first; echo last words; exit 1", "FallbackToLogsOnError");
      const flood = "head -c 50000000 /dev/zero | tr '\\0' x > /dev/termination-log; exit 1";
      const flooded = last("flooded", flood, "File");
      const pods = [ordered, late, stuck, spoke, flooded];
      for (const one of pods) podSet().put(one);
      const lastWords = (name: string) => status(name)?.containerStatuses?.[0]?.state?.terminated?.message;
      await expect.poll(() => lastWords("spoke"), within).toBe("first\nlast words\n");
      await expect.poll(() => lastWords("flooded"), within).toBe("x".repeat(4096));
      await expect.poll(() => status("late"), within).toMatchObject({ phase: "Failed", reason: "DeadlineExceeded" });
      await expect.poll(() => status("stuck")?.containerStatuses?.[0]?.restartCount ?? 0, within).toBeGreaterThan(0);
      expect(status("stuck")?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(137);
      await expect.poll(() => isReady("ordered"), within).toBe(true);
      const [begun] = [Date.now()];
      podSet().put({
        ...ordered,
        metadata: {
          ...ordered.metadata,
          deletionTimestamp: rfc3339(clock.now() + 20_000),
          deletionGracePeriodSeconds: 20,
        },
      });
      await expect.poll(() => deleted.has("ordered"), within).toBe(true);
      expect(Date.now() - begun).toBeGreaterThan(1_000);
      expect(readFileSync(join(order, "order"), "utf8").trim().split("\n")).toEqual([
        ...["+one", "started-one", "+two", "+main", "-main", "-two", "-one"],
      ]);
      await Promise.all([late, stuck, spoke, flooded].map(remove));
    }, 60_000);

    test("a clock that is set, and a disk that is full, hold up no pod for longer than they must", async () => {
      const crash = podOf("tried", { containers: [{ name: "main", image, command: ["sh", "-c", "exit 1"] }] });
      const calm = podOf("calm", {
        containers: [{ name: "main", image, command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"] }],
      });
      const full = podOf("full", {
        volumes: [{ name: "settings", configMap: { name: "settings" } }],
        containers: [
          { name: "main", image, command: ["sleep", "1000"], volumeMounts: [{ name: "settings", mountPath: "/s" }] },
        ],
      });
      const disk = join(rootDirectory, "pods", uidOf("full"));
      await mkdir(disk, { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
      execFileSync("sh", ["-c", `head -c 100000 /dev/zero > ${disk}/junk || true`], { stdio: "ignore" });
      for (const one of [crash, calm, full]) podSet().put(one);
      await told("full", "Warning FailedMount");
      await expect
        .poll(() => status("tried")?.containerStatuses?.[0]?.state?.waiting?.reason, within)
        .toBe("CrashLoopBackOff");
      const restarts = (name: string) => status(name)?.containerStatuses?.[0]?.restartCount ?? 0;
      const before = restarts("tried");
      setClockBy(-3_600_000);
      for (const worker of podSet().workers()) worker.poke();
      await expect.poll(() => restarts("tried"), { timeout: 8_000 }).toBeGreaterThan(before);
      setClockBy(3_600_000);
      for (const worker of podSet().workers()) worker.poke();
      execFileSync("rm", [join(disk, "junk")]);
      await expect.poll(() => isReady("full") && isReady("calm"), within).toBe(true);
      expect([restarts("full"), restarts("calm")]).toEqual([0, 0]);
      setClockBy(0);
      await Promise.all([crash, calm, full].map(remove));
    }, 60_000);

    test("gRPC health decides over a container's readiness", async () => {
      const asked: string[] = [];
      let answer = 2;
      const server = createHttp2Server();
      server.on("stream", (stream, headers) => {
        asked.push(headers[":path"] ?? "");
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.resume().end(Buffer.from([0, 0, 0, 0, 2, 8, answer]));
      });
      await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
      const { port } = server.address() as AddressInfo;
      const pod = podOf("spoken", {
        containers: [
          {
            name: "main",
            image,
            // The pod's own port leads to the test, which speaks for it.
            command: ["sh", "-c", `nc -ll -p 5000 -e nc $GATEWAY ${port}`],
            env: [{ name: "GATEWAY", value: `10.251.${subnet}.1` }],
            readinessProbe: { grpc: { port: 5000 }, periodSeconds: 1, timeoutSeconds: 5 },
          },
        ],
      });
      podSet().put(pod);
      // Before the container listens, the first probes reach nobody.
      await expect.poll(() => asked, within).toContain("/grpc.health.v1.Health/Check");
      await told("spoken", "Warning Unhealthy");
      expect(isReady("spoken")).toBe(false);
      answer = 1;
      await expect.poll(() => isReady("spoken"), within).toBe(true);
      server.close();
      await remove(pod);
    }, 60_000);
  },
);
