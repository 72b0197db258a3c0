// Pods from beginning to end with real containers: readiness, repair, adoption, crashes, fencing, jobs, strangers. Skipped, with the reason in its
// name, where there is no engine, no right to make links, or no images.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { WebSocket } from "ws";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRealPods, image, whyNoRealPods, within } from "../testing/real-pods.ts";
import type { Pod } from "@coxswain/api/core/v1";
import { rfc3339 } from "@coxswain/clock";
import { marks } from "@coxswain/container-runtime";
import { createLogger } from "@coxswain/daemon";
import { removeLocalVolume } from "./io/mounts/persistent-volume.ts";
import { createPortDialer } from "./io/server/port-dialer.ts";
import { createUpgrades } from "./io/server/upgrades.ts";

const absence = whyNoRealPods();

describe.skipIf(absence !== undefined)(
  `pods with real containers${absence === undefined ? "" : ` (skipped: ${absence})`}`,
  () => {
    const rig = createRealPods();
    const {
      localVolumeDirectory,
      runtime,
      volumes,
      clock,
      events,
      configMaps,
      podOf,
      uidOf,
      remove,
      status,
      isReady,
      containerId,
      logOf,
      execIn,
      podSet,
      restart,
      collectOrphans,
    } = rig;
    beforeAll(() => rig.begin());
    afterAll(() => rig.end());

    test("a pod with an init container, volumes and a probe becomes ready, is reached, repaired, adopted and removed", async () => {
      const web = podOf("web", {
        volumes: [
          { name: "settings", configMap: { name: "settings" } },
          { name: "scratch", emptyDir: { medium: "Memory" } },
        ],
        initContainers: [
          {
            name: "prepare",
            image,
            command: ["sh", "-c", "mkdir /scratch/www; cp /settings/greeting.txt /scratch/www/index.html"],
            volumeMounts: [
              { name: "settings", mountPath: "/settings" },
              { name: "scratch", mountPath: "/scratch" },
            ],
          },
        ],
        containers: [
          {
            name: "server",
            image,
            command: [
              "sh",
              "-c",
              "trap 'exit 0' TERM; cat /etc/resolv.conf; hostname; echo $(POD_NAME); httpd -p 127.0.0.1:8081 -h /www/www; httpd -f -p 8080 -h /www/www & wait",
            ],
            env: [{ name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
            volumeMounts: [
              { name: "scratch", mountPath: "/www" },
              { name: "settings", mountPath: "/settings" },
            ],
            ports: [{ containerPort: 8080, hostPort: 18931 }],
            readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 },
          },
        ],
      });
      podSet().put(web);
      await expect.poll(() => isReady("web"), within).toBe(true);
      expect(status("web")).toMatchObject({
        phase: "Running",
        hostIP: "192.0.2.1",
        containerStatuses: [{ name: "server", ready: true, restartCount: 0 }],
        initContainerStatuses: [{ name: "prepare", ready: true, state: { terminated: { reason: "Completed" } } }],
      });
      const address = status("web")?.podIP ?? "";
      expect(address).toMatch(/^10\.251\./);
      expect(await (await fetch(`http://${address}:8080/`)).text()).toBe("hello");
      // The machine's own port leads to it, from the machine and from the pod itself.
      const throughHost = (): Promise<string> =>
        fetch("http://127.0.0.1:18931/").then(
          (answer) => answer.text(),
          () => "refused",
        );
      await expect.poll(throughHost, within).toBe("hello");
      const gateway = address.replace(/\d+$/, "1");
      const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc ${gateway} 18931`;
      expect(await execIn(web, "server", ["sh", "-c", ask])).toMatch(/hello$/);
      expect(await logOf(web, "server")).toBe(
        "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\nweb\nweb\n",
      );

      // A port that only the pod's own loopback has, as port-forward reaches it.
      const sandbox = (await runtime.list({ podUid: uidOf("web") })).find((one) => one.kind === "sandbox");
      const dialer = createPortDialer((await runtime.inspect(sandbox?.id ?? ""))?.pid ?? 0);
      const { stream } = await dialer.dial(8081);
      stream.end("GET / HTTP/1.0\r\n\r\n");
      let answer = "";
      for await (const bytes of stream) answer += String(bytes);
      expect(answer).toMatch(/hello$/);
      await expect(dialer.dial(9)).rejects.toThrow(
        "failed to connect to localhost:9 inside namespace: IPv4: dial tcp4 127.0.0.1:9: connect: connection refused IPv6 dial tcp6 [::1]:9: ",
      );
      dialer.close();

      // A changed ConfigMap arrives in the running container.
      configMaps.set("settings", { "greeting.txt": "goodbye" });
      await volumes.refresh({ pod: web, podIP: address, hostIP: undefined, allocatable: { cpu: 2, memoryBytes: 1 } });
      expect(await execIn(web, "server", ["cat", "/settings/greeting.txt"])).toBe("goodbye");

      // The agent restarts: nothing else does.
      const before = await containerId(web, "server");
      await restart();
      podSet().put(web);
      await expect.poll(() => isReady("web"), { timeout: 15_000 }).toBe(true);
      expect(await containerId(web, "server")).toBe(before);
      expect(status("web")).toMatchObject({ podIP: address, containerStatuses: [{ restartCount: 0 }] });

      // Removed behind our back: the container, then the sandbox.
      execFileSync("docker", ["rm", "-f", before]);
      await expect.poll(() => status("web")?.containerStatuses?.[0]?.restartCount, within).toBe(1);
      await expect.poll(() => isReady("web"), within).toBe(true);
      execFileSync("docker", ["rm", "-f", sandbox?.id ?? ""]);
      await expect.poll(() => status("web")?.podIP !== address && isReady("web"), { timeout: 15_000 }).toBe(true);

      await remove(web);
      expect(status("web")?.phase).toBe("Succeeded");
      await expect.poll(throughHost, within).toBe("refused");
    }, 60_000);

    test("what a pod writes into its claim's volume is there for the next one, and goes only when it is told to", async () => {
      const user = (name: string, command: string, claimName = "data") =>
        podOf(name, {
          restartPolicy: "Never",
          securityContext: { runAsUser: 1000, fsGroup: 2000 },
          volumes: [{ name: "data", persistentVolumeClaim: { claimName } }],
          containers: [
            {
              name: "main",
              image,
              command: ["sh", "-c", command],
              volumeMounts: [
                { name: "data", mountPath: "/data" },
                { name: "data", mountPath: "/sub", subPath: "below" },
              ],
            },
          ],
        });
      const writer = user("writer", "echo kept > /data/file; echo deep > /sub/file");
      podSet().put(writer);
      await expect.poll(() => status("writer")?.phase, { timeout: 15_000 }).toBe("Succeeded");
      await remove(writer);
      const reader = user("reader", "cat /data/file /data/below/file");
      podSet().put(reader);
      await expect.poll(() => status("reader")?.phase, { timeout: 15_000 }).toBe("Succeeded");
      expect(await logOf(reader, "main")).toBe("kept\ndeep\n");
      await remove(reader);
      const early = user("early", "true", "unbound");
      podSet().put(early);
      await expect.poll(() => events.includes("early/ Warning FailedMount"), within).toBe(true);
      await remove(early);
      const place = join(localVolumeDirectory, "pvc-data");
      expect(existsSync(join(place, "file"))).toBe(true);
      await removeLocalVolume(localVolumeDirectory, "pvc-data");
      expect(existsSync(place)).toBe(false);
      await expect(removeLocalVolume(localVolumeDirectory, "..")).rejects.toThrow("not the name of a volume");
    }, 60_000);

    test("a container that is added to look into a pod sees its network and its target's processes, once", async () => {
      const plain = podOf("watched", {
        containers: [{ name: "main", image, command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"] }],
      });
      podSet().put(plain);
      await expect.poll(() => isReady("watched"), within).toBe(true);
      const looked: Pod = {
        ...plain,
        status: status("watched") ?? {},
        spec: {
          ...plain.spec,
          containers: plain.spec?.containers ?? [],
          ephemeralContainers: [
            {
              name: "look",
              image,
              targetContainerName: "main",
              command: ["sh", "-c", "cat /proc/1/cmdline; hostname"],
            },
          ],
        },
      };
      podSet().put(looked);
      await expect
        .poll(() => status("watched")?.ephemeralContainerStatuses?.[0]?.state?.terminated?.reason, { timeout: 15_000 })
        .toBe("Completed");
      expect((await logOf(looked, "look")).replaceAll("\0", " ")).toMatch(/^sh -c trap .*watched\n$/s);
      expect(status("watched")).toMatchObject({
        phase: "Running",
        containerStatuses: [{ ready: true, restartCount: 0 }],
        ephemeralContainerStatuses: [{ name: "look", ready: false, restartCount: 0 }],
      });
      await remove(looked);
    }, 60_000);

    test("a container that keeps failing waits in CrashLoopBackOff with its last words", async () => {
      const crash = podOf("crash", {
        containers: [{ name: "main", image, command: ["sh", "-c", "echo sorry > /dev/termination-log; exit 3"] }],
      });
      podSet().put(crash);
      await expect
        .poll(() => status("crash")?.containerStatuses?.[0]?.state?.waiting?.reason, within)
        .toBe("CrashLoopBackOff");
      expect(status("crash")?.containerStatuses?.[0]).toMatchObject({
        restartCount: 1,
        state: {
          waiting: {
            message: expect.stringMatching(
              /^back-off 10s restarting failed container=main pod=crash_default\(uid-crash-\w+\), next attempt at \d/,
            ) as string,
          },
        },
        lastState: { terminated: { exitCode: 3, reason: "Error", message: "sorry\n" } },
      });
      expect(events).toContain("crash/main Warning BackOff");
      // Somebody does not want to wait: well before the ten seconds are over.
      const asked = rfc3339(clock.now());
      podSet().put({ ...crash, metadata: { ...crash.metadata, annotations: { "coxswain.io/retry-at": asked } } });
      await expect.poll(() => status("crash")?.containerStatuses?.[0]?.restartCount, { timeout: 8_000 }).toBe(2);
      await remove(crash);
    }, 30_000);

    test("a fenced pod ends when the lease has lapsed, and goes on only if the API still has it", async () => {
      const command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"];
      const one = podOf("one", { containers: [{ name: "main", image, command }] });
      const other = podOf("other", { containers: [{ name: "main", image, command }] });
      one.metadata = { ...one.metadata, annotations: { "coxswain.io/fencing": "true" } };
      const runs = async (pod: Pod): Promise<boolean> =>
        (await runtime.list({ podUid: pod.metadata.uid ?? "" })).some(
          (found) => found.kind === "container" && found.state === "running",
        );
      for (const pod of [one, other]) podSet().put(pod);
      await expect.poll(() => isReady("one") && isReady("other"), { timeout: 15_000 }).toBe(true);
      podSet().fence();
      await expect.poll(() => runs(one), within).toBe(false);
      expect(await runs(other)).toBe(true);
      await podSet().release(async (pod) => pod);
      await expect
        .poll(() => status("one")?.containerStatuses?.[0]?.restartCount === 1 && isReady("one"), { timeout: 15_000 })
        .toBe(true);
      podSet().fence();
      await podSet().release(async () => undefined);
      await expect.poll(async () => (await runtime.list({ podUid: uidOf("one") })).length, within).toBe(0);
      await remove(other);
    }, 60_000);

    test("an image that is not here is ErrImageNeverPull, a program that is not there StartError", async () => {
      const absent = podOf("absent", {
        containers: [{ name: "main", image: "coxswain/nothing:1", imagePullPolicy: "Never" }],
      });
      const broken = podOf("broken", {
        restartPolicy: "Never",
        containers: [{ name: "main", image, command: ["/no/such/program"] }],
      });
      podSet().put(absent);
      podSet().put(broken);
      await expect
        .poll(() => status("absent")?.containerStatuses?.[0]?.state?.waiting?.reason, within)
        .toBe("ErrImageNeverPull");
      await expect.poll(() => status("broken")?.phase, within).toBe("Failed");
      expect(status("broken")?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
        reason: "StartError",
        exitCode: 128,
      });
      await Promise.all([remove(absent), remove(broken)]);
    }, 30_000);

    test("a job's pod succeeds, a missing ConfigMap holds a pod up until it comes, and a sidecar ends last", async () => {
      const job = podOf("job", {
        restartPolicy: "Never",
        volumes: [{ name: "late", configMap: { name: "late" } }],
        initContainers: [
          {
            name: "side",
            image,
            restartPolicy: "Always",
            command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
          },
        ],
        containers: [
          { name: "main", image, command: ["cat", "/late/file"], volumeMounts: [{ name: "late", mountPath: "/late" }] },
        ],
      });
      podSet().put(job);
      await expect.poll(() => events.includes("job/ Warning FailedMount"), within).toBe(true);
      configMaps.set("late", { file: "came" });
      await expect.poll(() => status("job")?.phase, { timeout: 15_000 }).toBe("Succeeded");
      expect(await logOf(job, "main")).toBe("came");
      await expect
        .poll(async () => (await runtime.list({ podUid: uidOf("job") })).every((one) => one.state !== "running"), {
          timeout: 5_000,
        })
        .toBe(true);
      await remove(job);
    }, 60_000);

    test("a client on the wire gets a command's output and its exit code", async () => {
      const wired = podOf("wired", {
        containers: [{ name: "main", image, command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"] }],
      });
      podSet().put(wired);
      await expect.poll(() => isReady("wired"), within).toBe(true);
      const server = createServer();
      server.on("upgrade", createUpgrades({ runtime, podSet: podSet(), clock, log: createLogger("test", "error") }));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;

      const command = ["sh", "-c", "cat; echo sorry >&2; exit 3"]
        .map((word) => `command=${encodeURIComponent(word)}`)
        .join("&");
      const socket = new WebSocket(
        `ws://127.0.0.1:${port}/exec/default/wired/main?${command}&input=1&output=1&error=1`,
        ["v5.channel.k8s.io"],
      );
      const channels: Record<number, string> = {};
      socket.on(
        "message",
        (bytes: Buffer) => (channels[bytes[0] ?? 0] = (channels[bytes[0] ?? 0] ?? "") + bytes.subarray(1).toString()),
      );
      socket.on("open", () => {
        socket.send(Buffer.from("\0through"));
        socket.send(Buffer.from([0xff, 0x00]));
      });
      await new Promise((resolve) => socket.once("close", resolve));
      expect({
        out: channels[1],
        err: channels[2],
        status: JSON.parse(channels[3] ?? "null") as unknown,
      }).toMatchObject({
        out: "through",
        err: "sorry\n",
        status: {
          status: "Failure",
          reason: "NonZeroExitCode",
          details: { causes: [{ reason: "ExitCode", message: "3" }] },
        },
      });

      const gone = await new Promise<number | undefined>((resolve) => {
        new WebSocket(`ws://127.0.0.1:${port}/exec/default/nobody/main?command=ls`)
          .on("unexpected-response", (_request, response) => resolve(response.statusCode))
          .on("error", () => undefined);
      });
      expect(gone).toBe(404);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await remove(wired);
    }, 60_000);

    test("what is left of a pod that nobody knows is removed", async () => {
      await runtime.runPodSandbox({
        name: `k8s_POD_ghost_default_${uidOf("ghost")}_0`,
        image: "coxswain/pause:1",
        hostname: "ghost",
        labels: { [marks.podUid]: uidOf("ghost") },
        network: "none",
        hostPid: false,
        hostIpc: false,
        sysctls: {},
      });
      await collectOrphans();
      expect(await runtime.list({ podUid: uidOf("ghost") })).toEqual([]);
    });
  },
);
