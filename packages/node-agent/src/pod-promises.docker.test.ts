// What a pod asks of the kernel and of volumes, and what its real processes find. Skipped, with the reason in its
// name, where there is no engine, no right to make links, or no images.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRealPods, image, processesPerPod, socketPath, whyNoRealPods, within } from "../testing/real-pods.ts";
import type { HostPathVolumeSource } from "@coxswain/api/core/v1";

const absence = whyNoRealPods();
const hasHugePages = existsSync("/sys/kernel/mm/hugepages/hugepages-2048kB");

describe.skipIf(absence !== undefined)(
  `what real pods ask for${absence === undefined ? "" : ` (skipped: ${absence})`}`,
  () => {
    const rig = createRealPods();
    const {
      rootDirectory,
      volumes,
      events,
      podOf,
      uidOf,
      remove,
      status,
      isReady,
      containerId,
      logOf,
      execIn,
      podSet,
      told,
      saysAtItsEnd,
    } = rig;
    beforeAll(() => rig.begin());
    afterAll(() => rig.end());

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
      podSet().put(plain);
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
        ...(rig.withCgroups ? { CgroupParent: rig.places.parentOf(plain) } : {}),
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

    test("variables come from a file that an init container wrote, in a volume that the others do not mount", async () => {
      const written = "KEPT='two words' # said\nLINES='one\ntwo'\n";
      const from = (key: string, path: string, optional = false) => ({
        name: `FROM_${key}`,
        valueFrom: { fileKeyRef: { volumeName: "config", path, key, optional } },
      });
      const filed = (name: string, env: ReturnType<typeof from>[]) =>
        podOf(name, {
          restartPolicy: "Never",
          volumes: [{ name: "config", emptyDir: {} }],
          initContainers: [
            {
              ...{ name: "writer", image, command: ["sh", "-c", 'printf %s "$TEXT" > /data/app.env'] },
              env: [{ name: "TEXT", value: written }],
              volumeMounts: [{ name: "config", mountPath: "/data" }],
            },
          ],
          containers: [
            { name: "main", image, command: ["sh", "-c", 'env | grep FROM_ | sort; printf "<%s>" "$FROM_LINES"'], env },
          ],
        });
      const filled = filed("filed", [
        from("KEPT", "app.env"),
        from("LINES", "app.env"),
        from("NONE", "app.env", true),
        from("KEPT", "none.env", true),
      ]);
      const keyless = filed("keyless", [from("NONE", "app.env")]);
      const fileless = filed("fileless", [from("KEPT", "none.env")]);
      for (const pod of [filled, keyless, fileless]) podSet().put(pod);

      expect(await saysAtItsEnd(filled)).toBe("FROM_KEPT=two words\nFROM_LINES=one\n<one\ntwo>");
      const waits = (name: string) => status(name)?.containerStatuses?.[0]?.state?.waiting;
      await expect.poll(() => waits("keyless"), within).toMatchObject({ reason: "CreateContainerConfigError" });
      expect(waits("keyless")?.message).toMatch(
        /^environment variable key "NONE" not found in file ".*\/config\/app.env"$/,
      );
      await expect.poll(() => waits("fileless"), within).toMatchObject({ reason: "CreateContainerConfigError" });
      expect(waits("fileless")?.message).toMatch(/^couldn't parse env file: .*\/config\/none.env"$/);
      for (const pod of [filled, keyless, fileless]) await remove(pod);
    }, 60_000);

    test.skipIf(!rig.withCgroups)(
      "a pod as a whole is held to what it may use, in a cgroup that goes with it",
      async () => {
        const { engine, limitsAt, places } = rig;
        const lasting = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"];
        const greedy = ["sh", "-c", "sleep 1; exec dd if=/dev/zero of=/dev/null bs=64M count=1"];
        const whole = podOf("whole", {
          restartPolicy: "Never",
          resources: { requests: { cpu: "100m", memory: "16Mi" }, limits: { cpu: "300m", memory: "32Mi" } },
          containers: [
            { name: "greedy", image, command: greedy },
            { name: "modest", image, command: lasting },
          ],
        });
        const summed = podOf("summed", {
          containers: ["a", "b"].map((name) => ({
            ...{ name, image, command: lasting },
            resources: { requests: { cpu: "50m", memory: "8Mi" }, limits: { cpu: "100m", memory: "16Mi" } },
          })),
        });
        podSet().put(whole);
        podSet().put(summed);
        const limitsOf = (pod: typeof whole) => limitsAt(places.pathOf(pod));
        const ended = () =>
          status("whole")?.containerStatuses?.find(({ name }) => name === "greedy")?.state?.terminated;
        await expect.poll(() => ended()?.exitCode, within).toBe(137);
        expect(status("whole")?.containerStatuses?.find(({ name }) => name === "modest")?.state?.running).toBeDefined();
        await expect.poll(() => isReady("summed"), within).toBe(true);
        const unified = engine.cgroupVersion === 2;
        const [share, period] = unified ? ["4", " 100000"] : ["102", ""];
        expect([limitsOf(whole), limitsOf(summed)]).toEqual([
          [share, `30000${period}`, `${32 * 2 ** 20}`, `${processesPerPod}`],
          // The sandbox needs some, too: containers are to meet their own limits first.
          [share, `20000${period}`, `${40 * 2 ** 20}`, `${processesPerPod}`],
        ]);
        expect(limitsAt(places.burstable)?.[0]).toBe(unified ? "8" : "204");
        await remove(whole);
        await remove(summed);
        expect([limitsOf(whole), limitsOf(summed)]).toEqual([undefined, undefined]);
      },
    );

    test.skipIf(!hasHugePages)(
      "a volume of huge pages is one for the pod's processes, and nothing of it stays",
      async () => {
        const huge = podOf("huge", {
          restartPolicy: "Never",
          volumes: [{ name: "pages", emptyDir: { medium: "HugePages" } }],
          containers: [
            {
              ...{ name: "main", image, command: ["grep", " /pages ", "/proc/mounts"] },
              resources: { limits: { memory: "64Mi", "hugepages-2Mi": "2Mi" } },
              volumeMounts: [{ name: "pages", mountPath: "/pages" }],
            },
          ],
        });
        podSet().put(huge);
        expect(await saysAtItsEnd(huge)).toMatch(/^nodev \/pages hugetlbfs rw,.*pagesize=2M/);
        await remove(huge);
        expect(readFileSync("/proc/mounts", "utf8")).not.toContain(rootDirectory);
      },
    );

    test.skipIf(!rig.withCgroups)("a pod has as many processes as it may, and its neighbours have theirs", async () => {
      const greedy = "for i in $(seq 300); do sleep 60 & done; echo unheld";
      const bomb = podOf("bomb", {
        restartPolicy: "Never",
        containers: [{ name: "main", image, command: ["sh", "-c", greedy] }],
      });
      const other = podOf("other", {
        restartPolicy: "Never",
        containers: [
          { name: "main", image, command: ["sh", "-c", "for i in $(seq 20); do true & done; wait; echo well"] },
        ],
      });
      podSet().put(bomb);
      expect(await saysAtItsEnd(bomb)).toMatch(/can't fork/);
      expect(status("bomb")?.phase).toBe("Failed");
      podSet().put(other);
      expect(await saysAtItsEnd(other)).toBe("well\n");
      await remove(bomb);
      await remove(other);
    });

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
      for (const one of [pod, machine]) podSet().put(one);
      const denied = "mkdir: can't create directory '/tmp/x': Permission denied";
      const identity = "1000\n3000\n3000 2000 4000\nkernel.below.default.svc.cluster.local";
      expect(await saysAtItsEnd(pod)).toBe(`Seccomp:\t2\n${denied}\n80\n${identity}\n`);
      expect(await logOf(pod, "bare")).toBe(
        "Seccomp:\t0\nCapEff:\t0000000000001000\ntouch: /x: Read-only file system\nrefused\n",
      );
      const own = ["net", "pid", "ipc", "uts"].map((one) => readlinkSync(`/proc/self/ns/${one}`));
      expect(await saysAtItsEnd(machine)).toBe(`${own.join("\n")}\n192.0.2.9\tsomewhere\n`);
      const unknown = podOf("unknown-class", { runtimeClassName: "fancy", containers: [{ name: "main", image }] });
      podSet().put(unknown);
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
        bad("strict", { hostPath: { path: place } }, { readOnly: true, recursiveReadOnly: "Enabled" }),
      ];
      const unmountable = [
        bad("no-file", { hostPath: { path: join(place, "nothing"), type: "File" } }),
        bad("nfs", { nfs: { server: "192.0.2.1", path: "/x" } }),
        bad("clashing", { projected: { sources: ["a", "a/b"].map((path) => ({ serviceAccountToken: { path } })) } }),
        bad("bundle", { projected: { sources: [{ clusterTrustBundle: { path: "x" } }] } }),
        bad("outside", { projected: { sources: [{ serviceAccountToken: { path: "../../x" } }] } }),
      ];
      for (const one of [good, ...failing, ...unmountable]) podSet().put(one);
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
  },
);
