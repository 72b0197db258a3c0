// The informers that the controllers share, one per resource, made when first asked for. With the indexes they need.
import { controllerRevisions, daemonSets, deployments, replicaSets, statefulSets } from "@coxswain/api/apps/v1";
import { horizontalPodAutoscalers } from "@coxswain/api/autoscaling/v2";
import { cronJobs, jobs } from "@coxswain/api/batch/v1";
import { leases } from "@coxswain/api/coordination/v1";
import {
  configMaps,
  endpoints,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  replicationControllers,
  resourceQuotas,
  secrets,
  serviceAccounts,
  services,
} from "@coxswain/api/core/v1";
import { certificateSigningRequests } from "@coxswain/api/certificates/v1";
import { endpointSlices } from "@coxswain/api/discovery/v1";
import { ipAddresses, serviceCIDRs } from "@coxswain/api/networking/v1";
import { podDisruptionBudgets } from "@coxswain/api/policy/v1";
import { clusterRoles } from "@coxswain/api/rbac/v1";
import { csiDrivers, storageClasses, volumeAttachments, volumeAttributesClasses } from "@coxswain/api/storage/v1";
import type { ApiObject, DeepReadonly, ResourceDescriptor } from "@coxswain/apimachinery";
import type { Client } from "@coxswain/client";
import { createInformer } from "@coxswain/controller";
import type { Indexers, Informer, InformerPorts } from "@coxswain/controller";

/** UID of the object that controls this one. */
export const controllerUid = (object: DeepReadonly<ApiObject>): string | undefined =>
  object.metadata.ownerReferences?.find((reference) => reference.controller)?.uid;

/** "owner": by the controlling object's UID. "orphans": by namespace, those that nobody controls. "namespace": all. */
const owned: Indexers<ApiObject> = {
  owner: (object) => [controllerUid(object) ?? ""].filter((uid) => uid !== ""),
  orphans: (object) => (controllerUid(object) === undefined ? [object.metadata.namespace ?? ""] : []),
  namespace: (object) => [object.metadata.namespace ?? ""],
};

export type SharedInformers = ReturnType<typeof createSharedInformers>;

export function createSharedInformers(client: Pick<Client, "resource">, ports: InformerPorts) {
  interface Made {
    readonly descriptor: Pick<ResourceDescriptor, "group" | "resource">;
    readonly informer: Pick<Informer<ApiObject>, "run" | "whenSynced" | "subscribe">;
    /** Nothing of the collection is left out. */
    readonly whole: boolean;
  }
  const all = new Set<Made>();
  const shared = <T extends ApiObject>(
    descriptor: ResourceDescriptor<T>,
    indexers: Indexers<T> = {},
    scope: { readonly namespace?: string; readonly fieldSelector?: string } = {},
  ): (() => Informer<T>) => {
    let informer: Informer<T> | undefined;
    return () => {
      if (informer !== undefined) return informer;
      const made = createInformer(
        client.resource(descriptor),
        { indexers, ...scope, transform: withoutManagedFields, sharing: true },
        ports,
      );
      informer = made;
      all.add({ descriptor, informer: made, whole: Object.keys(scope).length === 0 });
      return made;
    };
  };
  const informers = {
    pods: shared(pods, { ...owned, node: (pod) => [pod.spec?.nodeName ?? ""] }),
    nodes: shared(nodes),
    namespaces: shared(namespaces),
    services: shared(services, { namespace: (service) => [service.metadata.namespace ?? ""] }),
    endpoints: shared(endpoints),
    endpointSlices: shared(endpointSlices, {
      service: (slice) => [
        `${slice.metadata.namespace}/${slice.metadata.labels?.["kubernetes.io/service-name"] ?? ""}`,
      ],
    }),
    serviceAccounts: shared(serviceAccounts),
    configMaps: shared(configMaps),
    replicationControllers: shared(replicationControllers, owned),
    replicaSets: shared(replicaSets, owned),
    deployments: shared(deployments, owned),
    daemonSets: shared(daemonSets, owned),
    statefulSets: shared(statefulSets, owned),
    podDisruptionBudgets: shared(podDisruptionBudgets, owned),
    controllerRevisions: shared(controllerRevisions, owned),
    persistentVolumeClaims: shared(persistentVolumeClaims, {
      namespace: (claim) => [claim.metadata.namespace ?? ""],
    }),
    persistentVolumes: shared(persistentVolumes),
    storageClasses: shared(storageClasses),
    csiDrivers: shared(csiDrivers),
    volumeAttachments: shared(volumeAttachments),
    volumeAttributesClasses: shared(volumeAttributesClasses),
    serviceCidrs: shared(serviceCIDRs),
    ipAddresses: shared(ipAddresses),
    clusterRoles: shared(clusterRoles),
    certificateSigningRequests: shared(certificateSigningRequests),
    resourceQuotas: shared(resourceQuotas, { namespace: (quota) => [quota.metadata.namespace ?? ""] }),
    jobs: shared(jobs, owned),
    cronJobs: shared(cronJobs, owned),
    horizontalPodAutoscalers: shared(horizontalPodAutoscalers),
    leases: shared(leases),
    bootstrapTokens: shared(
      secrets,
      {},
      { namespace: "kube-system", fieldSelector: "type=bootstrap.kubernetes.io/token" },
    ),
    serviceAccountTokens: shared(
      secrets,
      {
        account: ({ metadata: { namespace, annotations } }) => [
          `${namespace}/${annotations?.["kubernetes.io/service-account.name"] ?? ""}`,
        ],
      },
      { fieldSelector: "type=kubernetes.io/service-account-token" },
    ),
  };
  return {
    ...informers,
    /** Follows everything that has been asked for, until the signal. */
    run: async (signal: AbortSignal): Promise<void> => {
      await Promise.all([...all].map(({ informer }) => informer.run(signal)));
    },
    /** Resolves when all first lists are in. */
    whenAllSynced: async (signal: AbortSignal): Promise<void> => {
      await Promise.all([...all].map(({ informer }) => informer.whenSynced(signal)));
    },
    /** Who follows all of a collection already; undefined when nobody has asked for it. */
    following: ({ group, resource }: ResourceDescriptor): Made["informer"] | undefined =>
      [...all].find((one) => one.whole && one.descriptor.group === group && one.descriptor.resource === resource)
        ?.informer,
  };
}

/** No controller reads managed fields, and they are half of an object. */
function withoutManagedFields<T extends ApiObject>(object: T): T {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
