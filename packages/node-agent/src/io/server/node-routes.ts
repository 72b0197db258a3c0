// What the kubelet's server offers besides logs, streams and usage: its configuration, the pods that the engine runs, and a
// command run in a container with its output as the answer.
import type { ContainerRuntime } from "@coxswain/container-runtime";
import { marks } from "@coxswain/container-runtime";
import type { HttpsServerPorts } from "@coxswain/daemon";
import type { Threshold } from "../../core/eviction/thresholds.ts";
import { allContainersOf } from "../../core/pod/lifecycle.ts";
import { messageOf } from "../../errors.ts";
import type { PodSet } from "../pods/pod-set.ts";
import type { UsageReader } from "../stats/reader.ts";
import { findAttempt } from "./logs.ts";

type App = Parameters<NonNullable<HttpsServerPorts["routes"]>>[0];

interface RunParams {
  readonly namespace: string;
  readonly pod: string;
  readonly uid?: string;
  readonly container: string;
}

const mostOutputBytes = 1 << 20;

export function addNodeRoutes(
  app: App,
  ports: {
    readonly runtime: ContainerRuntime;
    readonly podSet: PodSet;
    readonly usage: UsageReader;
    readonly configuration: Readonly<Record<string, unknown>>;
  },
): void {
  app.get("/configz", (_request, reply) => reply.send({ kubeletconfig: ports.configuration }));

  const runningPods = async () => {
    const known = await ports.usage.collector.known();
    const byPod = Map.groupBy(known, ({ inspection }) => inspection.labels[marks.podUid] ?? "");
    return {
      kind: "PodList",
      apiVersion: "v1",
      metadata: {},
      items: [...byPod].map(([uid, containers]) => ({
        metadata: {
          name: containers[0]?.inspection.labels[marks.podName],
          namespace: containers[0]?.inspection.labels[marks.podNamespace],
          uid,
          creationTimestamp: null,
        },
        spec: {
          containers: containers
            .filter(({ inspection }) => inspection.kind === "container")
            .map(({ inspection }) => ({
              name: inspection.labels[marks.containerName],
              image: inspection.image,
              resources: {},
            })),
        },
        status: {},
      })),
    };
  };
  app.get("/runningpods", async (_request, reply) => reply.send(await runningPods()));
  app.get("/runningpods/", async (_request, reply) => reply.send(await runningPods()));

  for (const path of ["/run/:namespace/:pod/:container", "/run/:namespace/:pod/:uid/:container"])
    app.post<{ Params: RunParams; Querystring: { readonly cmd?: string } }>(path, async (request, reply) => {
      const { namespace, pod: name, uid, container } = request.params;
      const answer = (status: number, text: string) => reply.code(status).type("text/plain").send(text);
      const pod = ports.podSet.byName(namespace, name)?.pod();
      if (!pod || (uid !== undefined && pod.metadata.uid !== uid)) return answer(404, "pod does not exist");
      if (!allContainersOf(pod).some((candidate) => candidate.name === container))
        return answer(404, `container not found (${JSON.stringify(container)})`);
      const attempt = await findAttempt(ports.runtime, pod.metadata.uid ?? "", container, 0);
      if (!("id" in attempt)) return answer(404, `container not found (${JSON.stringify(container)})`);
      // As the kubelet does: words are what stands between spaces.
      const command = (request.query.cmd ?? "").split(" ");
      try {
        const { output, code } = await runCommand(ports.runtime, attempt.id, command);
        return await (code === 0 ? answer(200, output) : answer(500, `command exited with ${code}: ${output}`));
      } catch (error) {
        return answer(500, messageOf(error));
      }
    });
}

async function runCommand(
  runtime: ContainerRuntime,
  id: string,
  command: readonly string[],
): Promise<{ readonly output: string; readonly code: number }> {
  const session = await runtime.exec(id, { command, stdin: false, tty: false });
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const read = async (from: AsyncIterable<unknown> | undefined): Promise<void> => {
      if (!from) return;
      for await (const chunk of from) {
        const data = Buffer.from(chunk as Uint8Array);
        bytes += data.length;
        if (bytes > mostOutputBytes) throw new Error(`the command has said more than ${mostOutputBytes} bytes`);
        chunks.push(data);
      }
    };
    await Promise.all([read(session.stdout), read(session.stderr)]);
    return { output: Buffer.concat(chunks).toString(), code: await session.exitCode };
  } finally {
    session.close();
  }
}

/** The kubelet's configuration as far as the agent has the same, under its names. */
export function configurationOf(config: {
  readonly server: { readonly host: string; readonly port: number };
  readonly maxPods: number;
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  readonly eviction: {
    readonly thresholds: readonly Threshold[];
    readonly maxGraceSeconds: number;
    readonly transitionMs: number;
  };
  readonly imageGc: { readonly highPercent: number; readonly lowPercent: number; readonly leastAgeMs: number };
  readonly podCgroups: {
    readonly isOn: boolean;
    readonly enforcesAllocatable: boolean;
    readonly processesPerPod: number | undefined;
    readonly singleProcessOomKill: boolean;
  };
  readonly certificates: { readonly rotateClient: boolean; readonly rotateServing: boolean };
}): Readonly<Record<string, unknown>> {
  const thresholds = (isHard: boolean) =>
    Object.fromEntries(
      config.eviction.thresholds
        .filter((threshold) => threshold.isHard === isHard)
        .map(({ signal, value }) => [signal, "amount" in value ? String(value.amount) : `${value.share * 100}%`]),
    );
  return {
    kind: "KubeletConfiguration",
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    address: config.server.host,
    port: config.server.port,
    maxPods: config.maxPods,
    clusterDNS: config.clusterDns,
    clusterDomain: config.clusterDomain,
    cgroupsPerQOS: config.podCgroups.isOn,
    enforceNodeAllocatable: config.podCgroups.enforcesAllocatable ? ["pods"] : [],
    podPidsLimit: config.podCgroups.processesPerPod ?? -1,
    singleProcessOOMKill: config.podCgroups.singleProcessOomKill,
    evictionHard: thresholds(true),
    evictionSoft: thresholds(false),
    evictionMaxPodGracePeriod: config.eviction.maxGraceSeconds,
    evictionPressureTransitionPeriod: `${config.eviction.transitionMs / 1000}s`,
    imageGCHighThresholdPercent: config.imageGc.highPercent,
    imageGCLowThresholdPercent: config.imageGc.lowPercent,
    imageMinimumGCAge: `${config.imageGc.leastAgeMs / 1000}s`,
    rotateCertificates: config.certificates.rotateClient,
    serverTLSBootstrap: config.certificates.rotateServing,
  };
}
