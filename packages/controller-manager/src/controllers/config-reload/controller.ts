// Rolls workloads when what they read has changed. Follows ConfigMaps and Secrets by their metadata only; what they hold is read when a
// workload that asks for it names them, and kept as a hash.
import { createHash } from "node:crypto";
import { daemonSets, deployments, statefulSets } from "@coxswain/api/apps/v1";
import { configMaps, secrets } from "@coxswain/api/core/v1";
import type { ConfigMap, Secret } from "@coxswain/api/core/v1";
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";
import { isNotFound } from "@coxswain/client";
import { createInformer } from "@coxswain/controller";
import type { Informer } from "@coxswain/controller";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { canonicalJson } from "../../loop/same-json.ts";
import { patchFor, planReload, wantsReload } from "./plan.ts";
import type { ReloadAction, Workload } from "./plan.ts";
import { referencesOf } from "./references.ts";
import { reloadWatches } from "./watches.ts";
import type { WorkloadKind } from "./watches.ts";

export function createConfigReloadController(ports: ControllerPorts): Controller {
  const { client, informers, clock, random, log } = ports;
  const followed = {
    ConfigMap: createInformer(client.metadata(configMaps), {}, { clock, random, log }),
    Secret: createInformer(client.metadata(secrets), {}, { clock, random, log }),
  };
  const kinds = {
    Deployment: { informer: informers.deployments(), api: client.resource(deployments) },
    StatefulSet: { informer: informers.statefulSets(), api: client.resource(statefulSets) },
    DaemonSet: { informer: informers.daemonSets(), api: client.resource(daemonSets) },
  };
  const events = ports.events("config-reload-controller");

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const [kind, name = ""] = key.split(" ") as [WorkloadKind, string?];
    const workload: Workload | undefined = kinds[kind].informer.get(name);
    if (workload === undefined || !wantsReload(workload)) return;
    const { namespace } = workload.metadata;
    const plan = planReload(workload, await hashOf(namespace, referencesOf(workload.spec?.template), signal));
    for (const action of plan.actions) {
      log.info(
        { controller: "config-reload", object: key, action: action.kind, because: plan.because },
        "marking a workload",
      );
      await act(kind, workload, action, signal);
      if (action.kind === "roll") events.record(workload, "Normal", "ConfigReload", `Rolling out: ${plan.because}`);
    }
  };

  const act = async (
    kind: WorkloadKind,
    workload: Workload,
    action: ReloadAction,
    signal: AbortSignal,
  ): Promise<void> => {
    const { namespace, name, resourceVersion } = workload.metadata;
    await kinds[kind].api.patch({ namespace, name }, patchFor(action, resourceVersion), { type: "merge", signal });
  };

  /** "NAMES.CONTENTS": what is read, and what it holds. */
  const hashOf = async (
    namespace: string | undefined,
    references: readonly string[],
    signal: AbortSignal,
  ): Promise<string> => {
    const contents = await Promise.all(
      references.map((reference) => {
        const [kind, name = ""] = reference.split("/");
        return kind === "Secret" ? read(secrets, namespace, name, signal) : read(configMaps, namespace, name, signal);
      }),
    );
    return `${digest(references)}.${digest(contents)}`;
  };

  const read = async <T extends ConfigMap | Secret>(
    descriptor: ResourceDescriptor<T>,
    namespace: string | undefined,
    name: string,
    signal: AbortSignal,
  ): Promise<unknown> => {
    try {
      const found = await client.resource(descriptor).get({ namespace, name }, { signal });
      return "binaryData" in found ? [found.data, found.binaryData] : [found.data];
    } catch (error) {
      if (isNotFound(error)) return "absent";
      throw error;
    }
  };

  const loop = createLoop(
    {
      name: "config-reload",
      concurrency: 2,
      watches: reloadWatches(
        [
          {
            of: { kind: "Deployment", ...kinds.Deployment.informer },
            watch: (keysOf) => wakeOn(kinds.Deployment.informer, keysOf),
          },
          {
            of: { kind: "StatefulSet", ...kinds.StatefulSet.informer },
            watch: (keysOf) => wakeOn(kinds.StatefulSet.informer, keysOf),
          },
          {
            of: { kind: "DaemonSet", ...kinds.DaemonSet.informer },
            watch: (keysOf) => wakeOn(kinds.DaemonSet.informer, keysOf),
          },
        ],
        followed,
      ),
      reconcile,
    },
    ports,
  );
  const following: readonly Informer<ApiObject>[] = [followed.ConfigMap, followed.Secret];
  return {
    async run(signal) {
      await Promise.all([loop.run(signal), ...following.map((informer) => informer.run(signal))]);
    },
  };
}

const digest = (value: unknown): string => createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, 16);
