// The agent's pods with real containers, a real bridge and real rules, and the API as a table in memory. Skipped, with
// the reason in its name, where there is no engine, no right to make links, or no images.
import { execFileSync } from "node:child_process";
import { accessSync, existsSync, mkdtempSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HostPathVolumeSource, Pod, PodStatus } from "@coxswain/api/core/v1";
import { systemClock, rfc3339, systemRandom as random } from "@coxswain/clock";
import type { Clock } from "@coxswain/clock";
import { createDockerRuntime, marks } from "@coxswain/container-runtime";
import { createLogger, createMetricsRegistry } from "@coxswain/daemon";
import { createNetfilter, createTool } from "@coxswain/netfilter";
import { clearMachine } from "./cleanup.ts";
import { agentMarks } from "./core/container/config.ts";
import { isPodChain, podTables } from "./core/network/rules.ts";
import { removeLocalVolume } from "./io/mounts/persistent-volume.ts";
import { createVolumes } from "./io/mounts/volumes.ts";
import { createPodNetwork } from "./io/net/pod-network.ts";
import { createPodSet } from "./io/pods/pod-set.ts";
import type { PodSet } from "./io/pods/pod-set.ts";
import { findAttempt } from "./io/server/logs.ts";
import { createPortDialer } from "./io/server/port-dialer.ts";
import { createPuller } from "./io/runtime/puller.ts";
import { createUpgrades } from "./io/server/upgrades.ts";
import { agentMetrics } from "./metrics.ts";
import type { PodApi } from "./ports.ts";

const socketPath = "/var/run/docker.sock";
/** The machine's clock, as somebody who sets it would make it look. */
let setByMs = 0;
const clock: Clock = { ...systemClock, now: () => systemClock.now() + setByMs };
// Names of its own, so that two runs on one machine leave each other alone.
const run = random.suffix(5);
const bridge = `coxt${run}`;
const subnet = random.int(200);
const image = "coxswain/busybox:1";
const absence = whyAbsent();
const within = { timeout: 30_000 };

describe.skipIf(absence !== undefined)(
  `pods with real containers${absence === undefined ? "" : ` (skipped: ${absence})`}`,
  () => {
    const rootDirectory = mkdtempSync(join(tmpdir(), "coxswain-agent-"));
    const localVolumeDirectory = join(rootDirectory, "local-volumes");
    const runtime = createDockerRuntime({ socketPath, cluster: `agent-test-${run}` }, { clock });
    const netfilter = createNetfilter(
      { owned: isPodChain(bridge), tables: podTables },
      { tool: createTool({ family: "ipv4", waitSeconds: 5 }) },
    );
    const network = createPodNetwork(
      { bridge, clusterCidr: "10.251.0.0/16", mode: "auto", vxlanPort: 4789, address: undefined },
      {
        netfilter,
        taken: async () => new Set((await runtime.list()).flatMap((one) => one.labels[agentMarks.podIP] ?? [])),
      },
    );
    const statuses = new Map<string, PodStatus>();
    const deleted = new Set<string>();
    const events: string[] = [];
    const configMaps = new Map<string, Record<string, string>>([["settings", { "greeting.txt": "hello" }]]);
    let tokens = 0;
    const api: PodApi = {
      configMap: async (_namespace, name) => {
        const data = configMaps.get(name);
        return data && { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
      },
      secret: async () => undefined,
      claim: async (namespace, name) => ({
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { namespace, name, uid: `uid-${name}` },
        spec: { volumeName: `pvc-${name}` },
        status: { phase: name === "unbound" ? "Pending" : "Bound" },
      }),
      volume: async (name) => ({
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name, annotations: { "pv.kubernetes.io/provisioned-by": "coxswain.io/local" } },
        spec: { local: { path: join(localVolumeDirectory, name) }, claimRef: { uid: name.replace("pvc-", "uid-") } },
      }),
      runtimeClass: async (name) =>
        name === "ordinary"
          ? { apiVersion: "node.k8s.io/v1", kind: "RuntimeClass", metadata: { name }, handler: "runc" }
          : undefined,
      // Due for renewal at once.
      token: async () => ({ token: `token ${++tokens}`, expiresAtMs: clock.now() }),
      services: () => [],
      current: async (pod) => pod,
      writeStatus: async (pod, status) => {
        statuses.set(pod.metadata.name ?? "", status);
        return { ...pod, status };
      },
      deletePod: async (pod) => void deleted.add(pod.metadata.name ?? ""),
    };
    const volumes = createVolumes({ rootDirectory, localVolumeDirectory }, { clock, random, api });
    const metrics = createMetricsRegistry("test").create(agentMetrics);
    const newSet = (): PodSet =>
      createPodSet({
        clock,
        random,
        log: createLogger("test", "error"),
        metrics,
        runtime,
        network,
        volumes,
        api,
        events: {
          record: (pod, container, type, reason) =>
            void events.push(`${pod.metadata.name ?? ""}/${container ?? ""} ${type} ${reason}`),
        },
        node: {
          name: "here",
          hostIPs: ["192.0.2.1"],
          allocatable: { cpu: 2, memoryBytes: 2 ** 32 },
          memoryBytes: 2 ** 32,
        },
        sandboxImage: "coxswain/pause:1",
        containerLog: { mostBytes: 1 << 20, mostFiles: 2 },
        seccompDirectory: join(rootDirectory, "seccomp"),
        keepLog: async () => undefined,
        puller: createPuller({ mostAtOnce: 1 }, { runtime, clock }),
        backoff: { firstMs: 10_000, longestMs: 300_000 },
        resolver: () => ({ clusterDns: ["10.96.0.10"], clusterDomain: "cluster.local", hostResolvConf: "" }),
      });
    let set = newSet();
    let aborter = new AbortController();
    let running: Promise<void>;

    /** Of this run: the engine knows containers by it. */
    const uidOf = (name: string): string => `uid-${name}-${run}`;
    const podOf = (name: string, spec: Partial<NonNullable<Pod["spec"]>>): Pod => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default", uid: uidOf(name), creationTimestamp: rfc3339(clock.now()) },
      spec: { restartPolicy: "Always", terminationGracePeriodSeconds: 2, containers: [], ...spec },
    });
    const remove = async (pod: Pod): Promise<void> => {
      set.put({
        ...pod,
        metadata: { ...pod.metadata, deletionTimestamp: rfc3339(clock.now() + 2_000), deletionGracePeriodSeconds: 2 },
      });
      await expect.poll(() => deleted.has(pod.metadata.name ?? ""), within).toBe(true);
      expect(await runtime.list({ podUid: pod.metadata.uid ?? "" })).toEqual([]);
      expect(await volumes.podUids()).not.toContain(pod.metadata.uid);
    };
    const status = (name: string) => statuses.get(name);
    const isReady = (name: string): boolean =>
      status(name)?.conditions?.find((condition) => condition.type === "Ready")?.status === "True";
    const containerId = async (pod: Pod, name: string): Promise<string> =>
      Object.values(await findAttempt(runtime, pod.metadata.uid ?? "", name, 0)).join("");
    const logOf = async (pod: Pod, name: string): Promise<string> => {
      let text = "";
      for await (const { bytes } of runtime.logs(await containerId(pod, name), {
        follow: false,
        timestamps: false,
        tty: false,
      }))
        text += Buffer.from(bytes).toString();
      return text;
    };
    const execIn = async (pod: Pod, name: string, command: readonly string[]): Promise<string> => {
      const session = await runtime.exec(await containerId(pod, name), { command, stdin: false, tty: false });
      let text = "";
      for await (const bytes of session.stdout) text += String(bytes);
      return text;
    };

    beforeAll(async () => {
      await clearMachine({ runtime, network, volumes });
      await network.configure(`10.251.${subnet}.0/24`);
      running = set.run(aborter.signal);
    });
    afterAll(async () => {
      aborter.abort(new Error("the test is over"));
      await set.stop();
      await running;
      await clearMachine({ runtime, network, volumes });
      expect(execFileSync("ip", ["-o", "link"]).toString()).not.toContain(bridge);
      expect([...(await netfilter.read()).values()].flatMap((table) => [...table.chains.keys()])).toEqual([]);
      await rm(rootDirectory, { recursive: true, force: true });
      runtime.close();
    });

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
      set.put(web);
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
      aborter.abort(new Error("restart"));
      await set.stop();
      await running;
      statuses.delete("web");
      set = newSet();
      aborter = new AbortController();
      running = set.run(aborter.signal);
      set.put(web);
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
      set.put(writer);
      await expect.poll(() => status("writer")?.phase, { timeout: 15_000 }).toBe("Succeeded");
      await remove(writer);
      const reader = user("reader", "cat /data/file /data/below/file");
      set.put(reader);
      await expect.poll(() => status("reader")?.phase, { timeout: 15_000 }).toBe("Succeeded");
      expect(await logOf(reader, "main")).toBe("kept\ndeep\n");
      await remove(reader);
      const early = user("early", "true", "unbound");
      set.put(early);
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
      set.put(plain);
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
      set.put(looked);
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
      set.put(crash);
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
      set.put({ ...crash, metadata: { ...crash.metadata, annotations: { "coxswain.io/retry-at": asked } } });
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
      for (const pod of [one, other]) set.put(pod);
      await expect.poll(() => isReady("one") && isReady("other"), { timeout: 15_000 }).toBe(true);
      set.fence();
      await expect.poll(() => runs(one), within).toBe(false);
      expect(await runs(other)).toBe(true);
      await set.release(async (pod) => pod);
      await expect
        .poll(() => status("one")?.containerStatuses?.[0]?.restartCount === 1 && isReady("one"), { timeout: 15_000 })
        .toBe(true);
      set.fence();
      await set.release(async () => undefined);
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
      set.put(absent);
      set.put(broken);
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
      set.put(job);
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

    test("a pod on the machine's network, as another user, with hooks and limits, is as it was asked for", async () => {
      const plain = podOf("plain", {
        hostNetwork: true,
        shareProcessNamespace: true,
        securityContext: { runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000 },
        volumes: [{ name: "data", emptyDir: {} }],
        containers: [
          {
            name: "main",
            image,
            command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
            resources: { limits: { memory: "64Mi", cpu: "500m" } },
            lifecycle: {
              postStart: { exec: { command: ["sh", "-c", "echo begun > /data/hooks"] } },
              preStop: { exec: { command: ["sh", "-c", "echo ending >> /data/hooks"] } },
            },
            livenessProbe: { exec: { command: ["cat", "/data/hooks"] }, periodSeconds: 1, failureThreshold: 1 },
            volumeMounts: [
              { name: "data", mountPath: "/data" },
              { name: "data", mountPath: "/part", subPath: "a/b" },
            ],
          },
        ],
      });
      set.put(plain);
      await expect.poll(() => isReady("plain"), within).toBe(true);
      expect(status("plain")?.podIP).toBe("192.0.2.1");
      expect(
        await execIn(plain, "main", [
          "sh",
          "-c",
          "id -u; id -g; id -G; cat /data/hooks; ls -d /data/a/b; grep -c 'sleep 0.1' /proc/1/cmdline",
        ]),
      ).toBe("1000\n3000\n3000 2000\nbegun\n/data/a/b\n0\n");
      const [inspected] = JSON.parse(
        execFileSync("docker", ["inspect", await containerId(plain, "main")]).toString(),
      ) as [{ HostConfig: Record<string, unknown> }];
      expect(inspected.HostConfig).toMatchObject({
        Memory: 64 * 2 ** 20,
        CpuQuota: 50_000,
        CpuPeriod: 100_000,
        CpuShares: 512,
      });

      // The liveness probe fails: the container is restarted, after its preStop hook.
      await execIn(plain, "main", ["rm", "/data/hooks"]);
      await expect.poll(() => status("plain")?.containerStatuses?.[0]?.restartCount, within).toBe(1);
      expect(events).toContain("plain/main Warning Unhealthy");
      expect(events).toContain("plain/main Normal Killing");
      await expect.poll(() => execIn(plain, "main", ["cat", "/data/hooks"])).toBe("begun\n");
      await remove(plain);
    }, 60_000);

    /** The log of a pod's container, when the pod has come to its end. */
    const saysAtItsEnd = async (pod: Pod, name = "main"): Promise<string> => {
      await expect.poll(() => status(pod.metadata.name)?.phase, within).toMatch(/^(Succeeded|Failed)$/);
      return logOf(pod, name);
    };
    const told = (name: string, reason: string): Promise<void> =>
      expect
        .poll(() => events.some((event) => event.startsWith(`${name}/`) && event.endsWith(reason)), within)
        .toBe(true);

    test("what a pod asks of the kernel is what its processes find", async () => {
      await mkdir(join(rootDirectory, "seccomp"), { recursive: true });
      const denying = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 13 };
      await writeFile(
        join(rootDirectory, "seccomp", "no-mkdir.json"),
        JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [denying] }),
      );
      const look = (more: string): string[] => ["sh", "-c", `grep Seccomp: /proc/self/status; ${more}`];
      const pod = podOf("kernel", {
        restartPolicy: "Never",
        runtimeClassName: "ordinary",
        subdomain: "below",
        setHostnameAsFQDN: true,
        securityContext: {
          runAsUser: 1000,
          runAsGroup: 3000,
          supplementalGroups: [4000],
          fsGroup: 2000,
          sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "80" }],
          seccompProfile: { type: "Localhost", localhostProfile: "no-mkdir.json" },
        },
        containers: [
          {
            name: "main",
            image,
            command: look(
              "mkdir /tmp/x 2>&1; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; id -u; id -g; id -G; hostname",
            ),
          },
          {
            name: "bare",
            image,
            command: look(
              "grep CapEff /proc/self/status; touch /x 2>&1; mount -t tmpfs t /dev/shm 2>/dev/null || echo refused",
            ),
            securityContext: {
              runAsUser: 0,
              seccompProfile: { type: "Unconfined" },
              capabilities: { drop: ["ALL"], add: ["NET_ADMIN"] },
              readOnlyRootFilesystem: true,
              allowPrivilegeEscalation: false,
            },
          },
        ],
      });
      const machine = podOf("machine", {
        restartPolicy: "Never",
        hostNetwork: true,
        hostPID: true,
        hostIPC: true,
        hostAliases: [{ ip: "192.0.2.9", hostnames: ["somewhere"] }],
        containers: [
          {
            name: "main",
            image,
            command: [
              "sh",
              "-c",
              "cd /proc/self/ns; for one in net pid ipc uts; do readlink $one; done; tail -1 /etc/hosts",
            ],
          },
        ],
      });
      for (const one of [pod, machine]) set.put(one);
      const denied = "mkdir: can't create directory '/tmp/x': Permission denied";
      const identity = "1000\n3000\n3000 2000 4000\nkernel.below.default.svc.cluster.local";
      expect(await saysAtItsEnd(pod)).toBe(`Seccomp:\t2\n${denied}\n80\n${identity}\n`);
      expect(await logOf(pod, "bare")).toBe(
        "Seccomp:\t0\nCapEff:\t0000000000001000\ntouch: /x: Read-only file system\nrefused\n",
      );
      const own = ["net", "pid", "ipc", "uts"].map((one) => readlinkSync(`/proc/self/ns/${one}`));
      expect(await saysAtItsEnd(machine)).toBe(`${own.join("\n")}\n192.0.2.9\tsomewhere\n`);
      const unknown = podOf("unknown-class", { runtimeClassName: "fancy", containers: [{ name: "main", image }] });
      set.put(unknown);
      await told("unknown-class", "FailedCreatePodSandBox");
      await Promise.all([pod, machine, unknown].map(remove));
    }, 60_000);

    test("volumes hold what they promise, and nobody leaves them", async () => {
      const place = join(rootDirectory, "machine");
      await mkdir(join(place, "inside"), { recursive: true });
      execFileSync("mount", ["--bind", place, place]);
      execFileSync("mount", ["--make-rshared", place]);
      await symlink("/etc", join(place, "out"));
      await symlink("inside", join(place, "in"));
      const host = (name: string, path: string, type: HostPathVolumeSource["type"]) => ({
        name,
        hostPath: { path: join(place, path), type },
      });
      const at = (name: string, more: object = {}) => ({ name, mountPath: `/${name}`, ...more });
      const good = podOf("mounts", {
        restartPolicy: "Never",
        volumes: [
          host("made", "made", "DirectoryOrCreate"),
          host("file", "file", "FileOrCreate"),
          { name: "socket", hostPath: { path: socketPath, type: "Socket" } },
          { name: "device", hostPath: { path: "/dev/null", type: "CharDevice" } },
          host("all", "", "Directory"),
          {
            name: "self",
            projected: {
              sources: [
                { serviceAccountToken: { path: "token", audience: "vault", expirationSeconds: 600 } },
                { downwardAPI: { items: [{ path: "deep/name", fieldRef: { fieldPath: "metadata.name" } }] } },
                { configMap: { name: "settings" } },
              ],
            },
          },
        ],
        containers: [
          {
            name: "main",
            image,
            env: [{ name: "WHO", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
            command: [
              "sh",
              "-c",
              'token=$(cat /self/token); ls /made /in; test -S /socket && test -c /device && echo there; echo x > /file; mkdir /expr/below; cat /self/deep/name; echo; until [ "$(cat /self/token)" != "$token" ] && test -e /slave/inside/come; do sleep 0.1; done; echo end',
            ],
            volumeMounts: [
              ...["made", "file", "socket", "device", "self"].map((name) => at(name)),
              { name: "all", mountPath: "/in", subPath: "in" },
              { name: "all", mountPath: "/expr", subPathExpr: "$(WHO)" },
              { name: "all", mountPath: "/slave", mountPropagation: "HostToContainer" },
            ],
          },
        ],
      });
      const bad = (name: string, volume: object, mount: object = {}) =>
        podOf(name, {
          volumes: [{ name: "v", ...volume }],
          containers: [{ name: "main", image, volumeMounts: [{ name: "v", mountPath: "/v", ...mount }] }],
        });
      const failing = [
        bad("escaping", { hostPath: { path: place } }, { subPath: "out/ssh" }),
        bad("climbing", { hostPath: { path: place } }, { subPath: "../x" }),
      ];
      const unmountable = [
        bad("no-file", { hostPath: { path: join(place, "nothing"), type: "File" } }),
        bad("nfs", { nfs: { server: "192.0.2.1", path: "/x" } }),
        bad("clashing", { projected: { sources: ["a", "a/b"].map((path) => ({ serviceAccountToken: { path } })) } }),
        bad("outside", { projected: { sources: [{ serviceAccountToken: { path: "../../x" } }] } }),
      ];
      for (const one of [good, ...failing, ...unmountable]) set.put(one);
      await expect.poll(() => existsSync(join(place, "mounts", "below")), within).toBe(true);
      // Mounted on the machine after the container has begun.
      execFileSync("mount", ["-t", "tmpfs", "tmpfs", join(place, "inside")]);
      await writeFile(join(place, "inside", "come"), "");
      await volumes.refresh({ pod: good, podIP: "", hostIP: undefined, allocatable: { cpu: 2, memoryBytes: 1 } });
      expect(await saysAtItsEnd(good)).toBe("/in:\n\n/made:\nthere\nmounts\nend\n");
      expect([existsSync(join(place, "mounts", "below")), existsSync(join(place, "file"))]).toEqual([true, true]);
      for (const { metadata } of failing) await told(metadata.name, "Warning Failed");
      for (const { metadata } of unmountable) await told(metadata.name, "Warning FailedMount");
      // What could not be written whole is not left in pieces.
      const begun = readdirSync(join(rootDirectory, "pods", uidOf("clashing"), "volumes/kubernetes.io~projected/v"));
      expect(begun).toEqual([]);
      await Promise.all([good, ...failing, ...unmountable].map(remove));
      for (const point of [join(place, "inside"), place]) execFileSync("umount", [point]);
    }, 60_000);

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
              `echo +main >> /data/order; trap 'echo -main >> /data/order; exit 0' TERM; ${forever}`,
            ],
            lifecycle: { preStop: { sleep: { seconds: 1 } } },
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
          containers: [{ name: "main", image, command: ["sh", "-c", script], terminationMessagePolicy: policy }],
        });
      const spoke = last("spoke", "echo first; echo last words; exit 1", "FallbackToLogsOnError");
      const flood = "head -c 50000000 /dev/zero | tr '\\0' x > /dev/termination-log; exit 1";
      const flooded = last("flooded", flood, "File");
      const pods = [ordered, late, stuck, spoke, flooded];
      for (const one of pods) set.put(one);
      const lastWords = (name: string) => status(name)?.containerStatuses?.[0]?.state?.terminated?.message;
      await expect.poll(() => lastWords("spoke"), within).toBe("first\nlast words\n");
      await expect.poll(() => lastWords("flooded"), within).toBe("x".repeat(4096));
      await expect.poll(() => status("late"), within).toMatchObject({ phase: "Failed", reason: "DeadlineExceeded" });
      await expect.poll(() => status("stuck")?.containerStatuses?.[0]?.restartCount ?? 0, within).toBeGreaterThan(0);
      expect(status("stuck")?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(137);
      await expect.poll(() => isReady("ordered"), within).toBe(true);
      const [begun] = [Date.now()];
      set.put({
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
      for (const one of [crash, calm, full]) set.put(one);
      await told("full", "Warning FailedMount");
      await expect
        .poll(() => status("tried")?.containerStatuses?.[0]?.state?.waiting?.reason, within)
        .toBe("CrashLoopBackOff");
      const restarts = (name: string) => status(name)?.containerStatuses?.[0]?.restartCount ?? 0;
      const before = restarts("tried");
      setByMs = -3_600_000;
      for (const worker of set.workers()) worker.poke();
      await expect.poll(() => restarts("tried"), { timeout: 8_000 }).toBeGreaterThan(before);
      setByMs = 3_600_000;
      for (const worker of set.workers()) worker.poke();
      execFileSync("rm", [join(disk, "junk")]);
      await expect.poll(() => isReady("full") && isReady("calm"), within).toBe(true);
      expect([restarts("full"), restarts("calm")]).toEqual([0, 0]);
      setByMs = 0;
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
      set.put(pod);
      await told("spoken", "Warning Unhealthy");
      expect(asked).toContain("/grpc.health.v1.Health/Check");
      answer = 1;
      await expect.poll(() => isReady("spoken"), within).toBe(true);
      server.close();
      await remove(pod);
    }, 60_000);

    test("a client on the wire gets a command's output and its exit code", async () => {
      const wired = podOf("wired", {
        containers: [{ name: "main", image, command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"] }],
      });
      set.put(wired);
      await expect.poll(() => isReady("wired"), within).toBe(true);
      const server = createServer();
      server.on("upgrade", createUpgrades({ runtime, podSet: set, clock, log: createLogger("test", "error") }));
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
      await set.collectOrphans(aborter.signal);
      expect(await runtime.list({ podUid: uidOf("ghost") })).toEqual([]);
    });
  },
);

function whyAbsent(): string | undefined {
  try {
    accessSync(socketPath);
  } catch {
    return `no Docker Engine at ${socketPath}`;
  }
  try {
    execFileSync("docker", ["image", "inspect", image, "coxswain/pause:1"], { stdio: "ignore" });
    execFileSync("ip", ["link", "add", "coxprobe0", "type", "bridge"], { stdio: "ignore" });
    execFileSync("ip", ["link", "del", "coxprobe0"], { stdio: "ignore" });
    return undefined;
  } catch (error) {
    return `images or the right to make links are missing: ${String(error).split("\n")[0] ?? ""}`;
  }
}
