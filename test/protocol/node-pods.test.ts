// What a pod promises on a node, asked through kubectl: a real apiserver, a real node agent, real containers. One control plane and
// one node for all of it.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startControlPlane } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";
import { startNode, testImage, whyNoContainers } from "./node.ts";
import type { TestNode } from "./node.ts";
import { registryUser, startRegistry } from "./registry.ts";

const absence = whyNoContainers();
const within = { timeout: 90_000, interval: 200 };
const lasting = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"];

describe.skipIf(absence !== undefined)(
  `pods through kubectl${absence === undefined ? "" : ` (skipped: ${absence})`}`,
  () => {
    let plane: ControlPlane;
    let node: TestNode;

    beforeAll(async () => {
      plane = await startControlPlane();
      await plane.must(["create", "serviceaccount", "default"]);
      node = await startNode(plane, {
        flags: [
          "--crash-backoff-initial=1s",
          "--container-log-max-size=1Mi",
          "--container-log-max-files=6",
          "--retained-log-size=64Mi",
          "--node-lease-duration-seconds=4",
          "--fence-after=3s",
        ],
      });
    });
    afterAll(async () => {
      const sentry = readFileSync(join(node.rootDir, "sentry", "pid"), "utf8").trim();
      await node[Symbol.asyncDispose]();
      expect(node.containers({}, true)).toEqual([]);
      // Killed; nobody may have taken note of it yet.
      expect(existsSync(`/proc/${sentry}`) ? readFileSync(`/proc/${sentry}/cmdline`, "utf8") : "").toBe("");
      await plane[Symbol.asyncDispose]();
    });

    const create = async (name: string, spec: object, metadata: object = {}): Promise<void> => {
      const pod = {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, ...metadata },
        spec: {
          nodeName: node.name,
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 1,
          enableServiceLinks: false,
          ...spec,
        },
      };
      await plane.must(["create", "-f", "-"], JSON.stringify(pod));
    };
    const path = async (name: string, jsonpath: string): Promise<string> =>
      (await plane.kubectl(["get", "pod", name, "-o", `jsonpath=${jsonpath}`])).stdout;
    const runs = (name: string): Promise<void> =>
      expect.poll(() => path(name, "{.status.conditions[?(@.type=='Ready')].status}"), within).toBe("True");
    const remove = async (name: string): Promise<void> => {
      await plane.must(["delete", "pod", name, "--wait=false"]);
      await expect.poll(async () => (await plane.kubectl(["get", "pod", name])).code, within).toBe(1);
      // What has ended may be removed a moment after the pod is gone, as by the kubelet.
      await expect.poll(() => node.containers({ "io.kubernetes.pod.name": name }, true), within).toEqual([]);
    };
    const limitsOf = (name: string): string => {
      const [id = ""] = node.containers({ "io.kubernetes.pod.name": name, "io.kubernetes.container.name": "main" });
      return node
        .docker(["inspect", id, "-f", "{{.HostConfig.CpuShares}} {{.HostConfig.CpuQuota}} {{.HostConfig.Memory}}"])
        .trim();
    };
    const resize = (name: string, resources: object) =>
      plane.kubectl([
        ...["patch", "pod", name, "--subresource=resize", "--type=strategic", "-p"],
        JSON.stringify({ spec: { containers: [{ name: "main", resources }] } }),
      ]);

    test("a running container gets other limits in place, or by a restart where it says so, and waits when there is no room", async () => {
      await create("resized", {
        containers: [
          {
            name: "main",
            image: testImage,
            command: lasting,
            resources: { requests: { cpu: "50m", memory: "32Mi" }, limits: { cpu: "100m", memory: "64Mi" } },
            resizePolicy: [
              { resourceName: "cpu", restartPolicy: "NotRequired" },
              { resourceName: "memory", restartPolicy: "RestartContainer" },
            ],
          },
        ],
      });
      await runs("resized");
      const told = await plane.must(["get", "--raw", `/api/v1/nodes/${node.name}/proxy/pods/default/resized/timeline`]);
      const { phases } = JSON.parse(told) as { readonly phases: readonly { readonly phase: string }[] };
      expect(phases.map(({ phase }) => phase)).toEqual([
        ...["volumes", "sandbox", "network", "started main", "running", "ready"],
      ]);
      expect(limitsOf("resized")).toBe(`51 10000 ${64 * 2 ** 20}`);

      const more = { requests: { cpu: "100m", memory: "32Mi" }, limits: { cpu: "200m", memory: "64Mi" } };
      expect((await resize("resized", more)).stderr).toBe("");
      await expect.poll(() => limitsOf("resized"), within).toBe(`102 20000 ${64 * 2 ** 20}`);
      await expect
        .poll(
          () =>
            path(
              "resized",
              "{.status.containerStatuses[0].resources.limits.cpu} {.status.containerStatuses[0].allocatedResources.cpu} {.status.containerStatuses[0].restartCount}",
            ),
          within,
        )
        .toBe("200m 100m 0");
      await expect.poll(() => path("resized", "{.status.conditions[*].type}"), within).not.toContain("Resize");

      // More than the node has.
      const absurd = { requests: { cpu: "500", memory: "32Mi" }, limits: { cpu: "500", memory: "64Mi" } };
      await resize("resized", absurd);
      const pending = "{.status.conditions[?(@.type=='PodResizePending')].reason}";
      await expect.poll(() => path("resized", pending), within).toBe("Infeasible");
      expect(await path("resized", "{.status.containerStatuses[0].resources.limits.cpu}")).toBe("200m");
      expect(limitsOf("resized")).toBe(`102 20000 ${64 * 2 ** 20}`);

      const wider = { requests: { cpu: "100m", memory: "48Mi" }, limits: { cpu: "200m", memory: "96Mi" } };
      await resize("resized", wider);
      await expect.poll(() => path("resized", "{.status.containerStatuses[0].restartCount}"), within).toBe("1");
      await runs("resized");
      expect(limitsOf("resized")).toBe(`102 20000 ${96 * 2 ** 20}`);
      expect(await path("resized", pending)).toBe("");
      await remove("resized");
    });

    test("a log is read across its files, of any attempt, with a line that does not end, and after its pod is gone", async () => {
      // 3 MB in one line, then attempts that each say their number.
      const command = [
        "sh",
        "-c",
        "n=$(cat /data/n 2>/dev/null || echo 0); echo attempt $n; echo $((n+1)) > /data/n; [ $n = 0 ] && head -c 3000000 /dev/zero | tr '\\0' x; [ $n -lt 4 ] && exit 1; trap 'exit 0' TERM; while :; do sleep 0.1; done",
      ];
      const data = { volumes: [{ name: "data", emptyDir: {} }] };
      const mounts = { volumeMounts: [{ name: "data", mountPath: "/data" }] };
      const tuned = { annotations: { "coxswain.io/backoff-initial": "1s", "coxswain.io/backoff-max": "1s" } };
      await create("spoke", { ...data, containers: [{ name: "main", image: testImage, command, ...mounts }] }, tuned);
      await expect.poll(() => path("spoke", "{.status.containerStatuses[0].restartCount}"), within).toBe("4");
      await runs("spoke");
      const through = `/api/v1/nodes/${node.name}/proxy/containerLogs/default/spoke/main`;
      const back = (attempts: number): Promise<string> =>
        plane.must(["get", "--raw", `${through}?previous=${attempts}`]);
      expect(await plane.must(["logs", "spoke"])).toBe("attempt 4\n");
      expect(await plane.must(["logs", "spoke", "--previous"])).toBe("attempt 3\n");
      expect([await back(2), await back(3)]).toEqual(["attempt 2\n", "attempt 1\n"]);
      const first = await back(4);
      expect([first.startsWith("attempt 0\nxxx"), first.trimEnd().length]).toEqual([true, 3_000_010]);
      expect((await plane.kubectl(["get", "--raw", `${through}?previous=5`])).code).toBe(1);
      await remove("spoke");
      expect(await back(0)).toBe("attempt 4\n");
      expect(await plane.must(["get", "--raw", `${through}?timestamps=true`])).toMatch(/^\d{4}-\S+Z attempt 4\n$/);
      const listed = JSON.parse(
        await plane.must(["get", "--raw", `/api/v1/nodes/${node.name}/proxy/retainedLogs`]),
      ) as {
        items: { pod: string; attempt: number }[];
      };
      expect(listed.items.filter(({ pod }) => pod === "spoke").map(({ attempt }) => attempt)).toContain(0);
    });

    test("logs -f goes on when the log is begun anew", async () => {
      const lines = 12_000;
      const say = `while [ $i -lt ${lines} ]; do echo line $i of many; i=$((i+1)); [ $((i % 50)) = 0 ] && usleep 2000; done`;
      const command = ["sh", "-c", `sleep 1; i=0; ${say}; echo end`];
      await create("wordy", { restartPolicy: "Never", containers: [{ name: "main", image: testImage, command }] });
      await expect.poll(() => path("wordy", "{.status.phase}"), within).toMatch(/Running|Succeeded/);
      const { stdout } = await plane.kubectl(["logs", "-f", "wordy"]);
      // Also around the change of files: no line twice, none lost.
      const said = Array.from({ length: lines }, (_, index) => `line ${index} of many`);
      expect(stdout.split("\n")).toEqual([...said, "end", ""]);
      await remove("wordy");
    });

    test.each(["password", "token"] as const)(
      "images come from a private registry that asks for a %s, by the pod's secrets",
      async (sign) => {
        await using registry = await startRegistry(testImage, sign);
        const { username, password } = registryUser;
        const auth = Buffer.from(`${username}:${password}`).toString("base64");
        const secret = `pull-${sign}`;
        await plane.must(
          ["create", "-f", "-"],
          JSON.stringify({
            apiVersion: "v1",
            kind: "Secret",
            metadata: { name: secret },
            ...(sign === "password"
              ? {
                  type: "kubernetes.io/dockerconfigjson",
                  stringData: { ".dockerconfigjson": JSON.stringify({ auths: { [registry.host]: { auth } } }) },
                }
              : {
                  type: "kubernetes.io/dockercfg",
                  stringData: { ".dockercfg": JSON.stringify({ [registry.host]: { username, password } }) },
                }),
          }),
        );
        const one = (image: string, more: object = {}) => ({
          containers: [{ name: "main", image, command: lasting }],
          ...more,
        });
        const waits = (name: string): Promise<string> =>
          path(name, "{.status.containerStatuses[0].state.waiting.reason}");
        const retry = { annotations: { "coxswain.io/backoff-initial": "1s", "coxswain.io/backoff-max": "1s" } };
        await create(`stranger-${sign}`, one(`${registry.host}/private/app:1`));
        await expect.poll(() => waits(`stranger-${sign}`), within).toMatch(/^(ErrImagePull|ImagePullBackOff)$/);
        await expect.poll(() => waits(`stranger-${sign}`), within).toBe("ImagePullBackOff");
        const message = "{.status.containerStatuses[0].state.waiting.message}";
        // It is tried again meanwhile, and then shows the bare error for a moment.
        await expect
          .poll(() => path(`stranger-${sign}`, message), within)
          .toMatch(/^Back-off pulling image .*: ErrImagePull: .*(unauthorized|no basic auth credentials|denied)/);
        await create(
          `friend-${sign}`,
          one(`${registry.host}/private/app@${registry.digest}`, { imagePullSecrets: [{ name: secret }] }),
        );
        await runs(`friend-${sign}`);
        expect(await path(`friend-${sign}`, "{.status.containerStatuses[0].imageID}")).toMatch(/^docker:\/\/sha256:/);
        const { stdout: events } = await plane.kubectl([
          "get",
          "events",
          "--field-selector",
          `involvedObject.name=friend-${sign}`,
        ]);
        expect(events).toContain("Successfully pulled image");
        await create(
          `busy-${sign}`,
          one(`${registry.host}/busy/app:1`, { imagePullSecrets: [{ name: secret }] }),
          retry,
        );
        // Asked once, and then left alone although the pod would try every second.
        await expect.poll(() => waits(`busy-${sign}`), within).toBe("ImagePullBackOff");
        await expect.poll(() => path(`busy-${sign}`, message), within).toContain("it is not asked again before");
        expect(registry.asked.get("busy/app")).toBeLessThanOrEqual(4);
        await create(`wrong-${sign}`, one("Not:An:Image"));
        await expect.poll(() => waits(`wrong-${sign}`), within).toBe("InvalidImageName");
        for (const name of ["stranger", "busy", "friend", "wrong"]) await remove(`${name}-${sign}`);
      },
    );

    test("what the machine cannot give is refused with the kubelet's words, and tricks lead nowhere", async () => {
      const plain = { name: "main", image: testImage, command: lasting };
      const port = (hostIP: string) => [{ containerPort: 80, hostPort: 18_741, hostIP }];
      await create("first", { containers: [{ ...plain, ports: port("127.0.0.1") }] });
      await runs("first");
      const unsafe = { securityContext: { sysctls: [{ name: "kernel.msgmax", value: "1" }] } };
      const patient = { annotations: { "coxswain.io/backoff-initial": "5m" } };
      const armored = { securityContext: { appArmorProfile: { type: "RuntimeDefault" } } };
      await Promise.all([
        create("second", { containers: [{ ...plain, ports: port("0.0.0.0") }] }),
        create("unsafe", { ...unsafe, containers: [plain] }),
        create("strict", { securityContext: { supplementalGroupsPolicy: "Strict" }, containers: [plain] }),
        create("ended", { restartPolicy: "Never", containers: [{ ...plain, command: ["true"] }] }),
        create("crashing", { containers: [{ ...plain, command: ["sh", "-c", "echo sorry; exit 1"] }] }, patient),
        existsSync("/sys/module/apparmor") ? undefined : create("armored", { ...armored, containers: [plain] }),
      ]);
      const told = async (name: string): Promise<string> =>
        path(name, "{.status.phase} {.status.reason}: {.status.message}");
      const refused = (name: string, what: string): Promise<void> =>
        expect.poll(() => told(name), within).toBe(`Failed ${what}`);
      await refused(
        "second",
        "NodePorts: Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
      );
      await refused("unsafe", 'SysctlForbidden: Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted');
      await refused(
        "strict",
        "SupplementalGroupsPolicyNotSupported: Pod was rejected: SupplementalGroupsPolicy=Strict is not supported in this node",
      );
      if (!existsSync("/sys/module/apparmor"))
        await refused(
          "armored",
          "AppArmor: Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host",
        );

      await expect.poll(() => path("ended", "{.status.phase}"), within).toBe("Succeeded");
      expect((await plane.kubectl(["exec", "ended", "--", "true"])).stderr).toContain(
        "cannot exec into a container in a completed pod; current phase is Succeeded",
      );
      await expect
        .poll(() => path("crashing", "{.status.containerStatuses[0].state.waiting.reason}"), within)
        .toBe("CrashLoopBackOff");
      expect((await plane.kubectl(["exec", "crashing", "--", "true"])).stderr).toMatch(
        /container not found \("main"\)/,
      );

      for (const key of ["..", "a/b", "..data", "../../etc/cron.d/x"]) {
        const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "hostile" }, data: { [key]: "x" } };
        const { code, stderr } = await plane.kubectl(["create", "-f", "-"], JSON.stringify(map));
        expect([key, code, /is invalid:\s+(\* )?data\[/.test(stderr)]).toEqual([key, 1, true]);
      }

      // Paths that mean something else than they look like; the caller may do everything, so it is the routes that must hold.
      const tricks = [
        "/containerLogs/default/first/../../../etc/passwd",
        "/containerLogs/default/first/..%2f..%2fmain",
        "/containerLogs/../pods/x",
        "/containerLogs/default/first/main%00",
        "/exec/default/first/main%2f..%2fmain?command=id",
        "//containerLogs/default/first/main",
        "/pods/../localVolumes/x",
      ];
      const answers = await Promise.all(tricks.map((trick) => node.ask("GET", trick)));
      expect(answers.map(({ status }) => status).filter((status) => status !== 404 && status !== 400)).toEqual([]);
      expect((await node.ask("DELETE", "/localVolumes/..%2f..%2fpods")).status).toBe(500);
      expect((await node.ask("DELETE", "/pods/..%2f..%2fx/y")).status).toBe(404);
      expect(await path("first", "{.status.phase}")).toBe("Running");
      const left = ["first", "second", "unsafe", "strict", "ended", "crashing"];
      if (!existsSync("/sys/module/apparmor")) left.push("armored");
      await Promise.all(left.map(remove));
    });

    test("containers of one pod restart by rules of their own", async () => {
      const command = (code: number) => ["sh", "-c", `echo run; exit ${code}`];
      await create("ruled", {
        restartPolicy: "Never",
        containers: [
          { name: "stays", image: testImage, command: lasting },
          {
            name: "again",
            image: testImage,
            command: command(42),
            restartPolicy: "Never",
            restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
          },
          {
            name: "over",
            image: testImage,
            command: command(43),
            restartPolicy: "Never",
            restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
          },
          { name: "always", image: testImage, command: command(0), restartPolicy: "Always" },
        ],
      });
      const counts = (): Promise<string> =>
        path("ruled", "{range .status.containerStatuses[*]}{.name}={.restartCount} {end}");
      await expect
        .poll(counts, within)
        .toMatch(/^again=[2-9] always=[2-9] over=0 stays=0 $|^stays=0 again=[2-9] over=0 always=[2-9] $/);
      expect(await path("ruled", "{.status.phase}")).toBe("Running");
      await remove("ruled");
    });

    test("fenced pods of an agent that was killed end without it, others go on, and the next agent finds both", async () => {
      const containers = [{ name: "main", image: testImage, command: lasting }];
      await create("single", { containers }, { annotations: { "coxswain.io/fencing": "true" } });
      await create("plain", { containers });
      const main = (name: string): readonly string[] =>
        node.containers({ "io.kubernetes.pod.name": name, "io.kubernetes.container.name": "main" });
      await runs("single");
      await runs("plain");
      const before = { single: main("single"), plain: main("plain") };
      await node.stop("SIGKILL");
      await expect.poll(() => main("single"), within).toEqual([]);
      expect(main("plain")).toEqual(before.plain);
      await node.start();
      await expect.poll(() => main("single").length, within).toBe(1);
      expect(main("single")).not.toEqual(before.single);
      expect(main("plain")).toEqual(before.plain);
      await remove("single");
      await remove("plain");
    });
  },
);
