// How far a rollout is, in kubectl's words: for deployments, stateful sets and daemon sets.
import { CommandError } from "../failure.ts";
import type { Obj } from "./api.ts";

export interface Progress {
  readonly text: string;
  readonly done: boolean;
  readonly failed?: string;
}

interface Workload {
  readonly spec: {
    readonly replicas?: number;
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly readyReplicas?: number;
    readonly currentRevision?: string;
    readonly updateRevision?: string;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberAvailable?: number;
    readonly conditions?: readonly { readonly type: string; readonly reason?: string }[];
  };
}

export function rolloutProgress(object: Obj, revision: number): Progress {
  switch (object.kind) {
    case "Deployment":
      return deployment(object, revision);
    case "StatefulSet":
      return statefulSet(object);
    case "DaemonSet":
      return daemonSet(object);
    default: {
      const group = object.apiVersion.includes("/") ? object.apiVersion.split("/")[0] : "";
      throw new CommandError(
        `no status viewer has been implemented for ${object.kind}${group === "" ? "" : `.${group}`}`,
      );
    }
  }
}

function parts(object: Obj): Workload & { readonly generation: number } {
  const { spec, status } = object as Obj & Workload;
  return { spec, ...(status === undefined ? {} : { status }), generation: object.metadata.generation ?? 0 };
}

function deployment(object: Obj, revision: number): Progress {
  const name = object.metadata.name;
  const now = Number(object.metadata.annotations?.["deployment.kubernetes.io/revision"] ?? 0);
  if (revision > 0 && now !== revision)
    throw new CommandError(`desired revision (${revision}) is different from the running revision (${now})`);
  const { spec, status = {}, generation } = parts(object);
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0 } = status;
  const wanted = spec.replicas ?? 1;
  if (generation > (status.observedGeneration ?? 0))
    return { text: "Waiting for deployment spec update to be observed...\n", done: false };
  if (
    status.conditions?.some(({ type, reason }) => type === "Progressing" && reason === "ProgressDeadlineExceeded") ===
    true
  )
    return { text: "", done: false, failed: `deployment "${name}" exceeded its progress deadline` };
  const waiting = `Waiting for deployment "${name}" rollout to finish: `;
  if (updatedReplicas < wanted)
    return { text: `${waiting}${updatedReplicas} out of ${wanted} new replicas have been updated...\n`, done: false };
  if (replicas > updatedReplicas)
    return { text: `${waiting}${replicas - updatedReplicas} old replicas are pending termination...\n`, done: false };
  if (availableReplicas < updatedReplicas)
    return {
      text: `${waiting}${availableReplicas} of ${updatedReplicas} updated replicas are available...\n`,
      done: false,
    };
  return { text: `deployment "${name}" successfully rolled out\n`, done: true };
}

function statefulSet(object: Obj): Progress {
  const { spec, status = {}, generation } = parts(object);
  const wanted = spec.replicas ?? 1;
  if (spec.updateStrategy?.type !== undefined && spec.updateStrategy.type !== "RollingUpdate")
    throw new CommandError(`rollout status is only available for RollingUpdate strategy type`);
  if ((status.observedGeneration ?? 0) === 0 || generation > (status.observedGeneration ?? 0))
    return { text: "Waiting for statefulset spec update to be observed...\n", done: false };
  if ((status.readyReplicas ?? 0) < wanted)
    return { text: `Waiting for ${wanted - (status.readyReplicas ?? 0)} pods to be ready...\n`, done: false };
  const partition = spec.updateStrategy?.rollingUpdate?.partition;
  if (partition !== undefined) {
    if ((status.updatedReplicas ?? 0) < wanted - partition)
      return {
        text: `Waiting for partitioned roll out to finish: ${status.updatedReplicas ?? 0} out of ${wanted - partition} new pods have been updated...\n`,
        done: false,
      };
    return {
      text: `partitioned roll out complete: ${status.updatedReplicas ?? 0} new pods have been updated...\n`,
      done: true,
    };
  }
  if (status.updateRevision !== status.currentRevision)
    return {
      text: `waiting for statefulset rolling update to complete ${status.updatedReplicas ?? 0} pods at revision ${status.updateRevision}...\n`,
      done: false,
    };
  return {
    text: `statefulset rolling update complete ${status.replicas ?? 0} pods at revision ${status.currentRevision}...\n`,
    done: true,
  };
}

function daemonSet(object: Obj): Progress {
  const name = object.metadata.name;
  const { spec, status = {}, generation } = parts(object);
  if (spec.updateStrategy?.type !== undefined && spec.updateStrategy.type !== "RollingUpdate")
    throw new CommandError(`rollout status is only available for RollingUpdate strategy type`);
  if (generation > (status.observedGeneration ?? 0))
    return { text: "Waiting for daemon set spec update to be observed...\n", done: false };
  const { updatedNumberScheduled = 0, desiredNumberScheduled = 0, numberAvailable = 0 } = status;
  if (updatedNumberScheduled < desiredNumberScheduled)
    return {
      text: `Waiting for daemon set "${name}" rollout to finish: ${updatedNumberScheduled} out of ${desiredNumberScheduled} new pods have been updated...\n`,
      done: false,
    };
  if (numberAvailable < desiredNumberScheduled)
    return {
      text: `Waiting for daemon set "${name}" rollout to finish: ${numberAvailable} of ${desiredNumberScheduled} updated pods are available...\n`,
      done: false,
    };
  return { text: `daemon set "${name}" successfully rolled out\n`, done: true };
}
