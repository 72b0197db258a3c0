// Chooses the page of a kind and fetches what it shows besides the object.
import { labelSelectorMatcher } from "@coxswain/apimachinery";
import type { LabelSelector } from "@coxswain/apimachinery";
import { getObject, isNotFound, listObjects } from "../resource/api.ts";
import type { Obj } from "../resource/api.ts";
import type { Info } from "../resource/builder.ts";
import type { Session } from "../session.ts";
import { autoscaler } from "./autoscaler.ts";
import * as cluster from "./cluster.ts";
import { generic } from "./generic.ts";
import * as network from "./network.ts";
import { list, num, part, str } from "./page.ts";
import type { Page } from "./page.ts";
import { pod } from "./pod.ts";
import * as workloads from "./workloads.ts";
import type { Related } from "./workloads.ts";

const all = async (
  session: Session,
  type: string,
  namespace: string | undefined,
  query: Record<string, string> = {},
): Promise<readonly Obj[]> =>
  (await listObjects(session, await (await session.mapper()).find(type), namespace, query)).items;

export async function pageOf(session: Session, info: Info, page: Page): Promise<void> {
  const { object, namespace } = info;
  const simple: Readonly<Record<string, (page: Page, object: Obj) => void>> = {
    "Pod.": pod,
    "Job.batch": workloads.job,
    "CronJob.batch": workloads.cronJob,
    "Endpoints.": network.endpoints,
    "EndpointSlice.discovery.k8s.io": network.endpointSlice,
    "HorizontalPodAutoscaler.autoscaling": autoscaler,
    "IngressClass.networking.k8s.io": network.ingressClass,
    "NetworkPolicy.networking.k8s.io": network.networkPolicy,
    "ConfigMap.": cluster.configMap,
    "Secret.": cluster.secret,
    "Role.rbac.authorization.k8s.io": cluster.role,
    "ClusterRole.rbac.authorization.k8s.io": cluster.role,
    "RoleBinding.rbac.authorization.k8s.io": cluster.binding,
    "ClusterRoleBinding.rbac.authorization.k8s.io": cluster.binding,
    "PersistentVolume.": cluster.persistentVolume,
    "StorageClass.storage.k8s.io": cluster.storageClass,
    "PodDisruptionBudget.policy": cluster.budget,
    "PriorityClass.scheduling.k8s.io": cluster.priorityClass,
    "LimitRange.": cluster.limitRange,
    "ResourceQuota.": cluster.resourceQuota,
  };
  const kind = `${info.descriptor.kind}.${info.descriptor.group}`;
  const plain = simple[kind];
  if (plain !== undefined) return plain(page, object);
  switch (kind) {
    case "Deployment.apps":
      return workloads.deployment(page, object, await replicaSetsOf(session, info));
    case "ReplicaSet.apps":
    case "ReplicationController.":
      return workloads.replicaSet(page, object, await podsOfWorkload(session, info));
    case "StatefulSet.apps":
      return workloads.statefulSet(page, object, await podsOfWorkload(session, info));
    case "DaemonSet.apps":
      return workloads.daemonSet(page, object, await podsOfWorkload(session, info));
    case "Service.":
      return network.service(
        page,
        object,
        await all(session, "endpointslices", namespace, { labelSelector: `kubernetes.io/service-name=${info.name}` }),
      );
    case "Ingress.networking.k8s.io":
      return network.ingress(page, object, await reachOf(session, namespace));
    case "Node.":
      return cluster.node(
        page,
        object,
        await all(session, "pods", undefined, { fieldSelector: `spec.nodeName=${info.name}` }),
        await leaseOf(session, info.name),
      );
    case "Namespace.":
      return cluster.namespace(
        page,
        object,
        await all(session, "resourcequotas", info.name),
        await all(session, "limitranges", info.name),
      );
    case "ServiceAccount.": {
      const tokens = (await all(session, "secrets", namespace)).filter(
        (secret) =>
          secret["type"] === "kubernetes.io/service-account-token" &&
          secret.metadata.annotations?.["kubernetes.io/service-account.name"] === info.name,
      );
      return cluster.serviceAccount(
        page,
        object,
        tokens.map(({ metadata }) => metadata.name),
      );
    }
    case "PersistentVolumeClaim.": {
      const users = (await all(session, "pods", namespace)).filter((each) =>
        list(part(each["spec"])["volumes"]).some(
          (volume) => str(part(volume["persistentVolumeClaim"])["claimName"]) === info.name,
        ),
      );
      return cluster.claim(
        page,
        object,
        users.map(({ metadata }) => metadata.name),
      );
    }
    default:
      return generic(page, object);
  }
}

/** Which addresses answer for a service's port, or why none do. */
async function reachOf(
  session: Session,
  namespace: string | undefined,
): Promise<(service: string, port: string) => string> {
  const [services, slices] = await Promise.all([
    all(session, "services", namespace),
    all(session, "endpointslices", namespace),
  ]);
  return (name, port) => {
    const service = services.find(({ metadata }) => metadata.name === name);
    if (service === undefined) return `<error: services "${name}" not found>`;
    const found = list(part(service["spec"])["ports"]).find(
      (each) => str(each["name"]) === port || str(each["port"]) === port,
    );
    return network.endpointsOf(
      slices.filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === name),
      str(found?.["name"]),
    );
  };
}

async function leaseOf(session: Session, name: string): Promise<Obj | undefined> {
  try {
    return await getObject(session, await (await session.mapper()).find("leases"), "kube-node-lease", name);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function podsOfWorkload(session: Session, info: Info): Promise<Related> {
  const selector = part(info.object["spec"])["selector"];
  const matches = labelSelectorMatcher(
    info.descriptor.kind === "ReplicationController"
      ? { matchLabels: selector as Record<string, string> }
      : (selector as LabelSelector),
  );
  const own = (await all(session, "pods", info.namespace)).filter(
    (each) =>
      matches.matches(each.metadata.labels) &&
      each.metadata.ownerReferences?.some(
        ({ uid, controller }) => controller === true && uid === info.object.metadata.uid,
      ) === true,
  );
  const count = (phase: string): number => own.filter((each) => str(part(each["status"])["phase"]) === phase).length;
  return {
    pods: {
      running: count("Running"),
      waiting: count("Pending"),
      succeeded: count("Succeeded"),
      failed: count("Failed"),
    },
  };
}

async function replicaSetsOf(session: Session, info: Info): Promise<Related> {
  const sets = (await all(session, "replicasets.apps", info.namespace)).filter(
    (set) =>
      set.metadata.ownerReferences?.some(
        ({ uid, controller }) => controller === true && uid === info.object.metadata.uid,
      ) === true,
  );
  const revision = (set: Obj): number => num(set.metadata.annotations?.["deployment.kubernetes.io/revision"]);
  const newest = sets.toSorted((left, right) => revision(right) - revision(left))[0];
  if (sets.length === 0) return {};
  const shown = (set: Obj): string =>
    `${set.metadata.name} (${num(part(set["status"])["replicas"])}/${num(part(set["spec"])["replicas"])} replicas created)`;
  const old = sets.filter((set) => set !== newest).toSorted((left, right) => revision(left) - revision(right));
  return {
    replicaSets: {
      old: old.map(shown).join(", ") || "<none>",
      current: newest === undefined ? "<none>" : shown(newest),
    },
  };
}
