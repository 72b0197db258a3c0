// Every controller there is, by Kubernetes' name, in the order in which they are started. "deployment" is accepted for
// "deployment-controller", as before Kubernetes 1.28.
import { UsageError } from "@coxswain/daemon";
import type { Controller, ControllerPorts } from "./loop/controller.ts";
import type { ControllerManagerConfig } from "./config.ts";
import { createAttachDetachController } from "./controllers/attach-detach/controller.ts";
import {
  createBootstrapSignerController,
  createTokenCleanerController,
} from "./controllers/bootstrap-tokens/controllers.ts";
import {
  createCsrApprovingController,
  createCsrCleanerController,
  createCsrSigningController,
} from "./controllers/certificates/controllers.ts";
import { createClusterRoleAggregationController } from "./controllers/clusterrole-aggregation/controller.ts";
import { createConfigReloadController } from "./controllers/config-reload/controller.ts";
import { createCronJobController } from "./controllers/cron-job/controller.ts";
import { createDaemonSetController } from "./controllers/daemon-set/controller.ts";
import { createDeploymentController } from "./controllers/deployment/controller.ts";
import { createDisruptionController } from "./controllers/disruption/controller.ts";
import { createEndpointSliceMirroringController } from "./controllers/endpoint-slice-mirroring/controller.ts";
import { createEndpointSliceController } from "./controllers/endpoint-slice/controller.ts";
import { createEndpointsController } from "./controllers/endpoints/controller.ts";
import { createEphemeralVolumeController } from "./controllers/ephemeral-volume/controller.ts";
import { createFencedPodsController } from "./controllers/fenced-pods/controller.ts";
import { createGarbageCollectorController } from "./controllers/garbage-collector/controller.ts";
import { createHorizontalPodAutoscalerController } from "./controllers/horizontal-pod-autoscaler/controller.ts";
import { createJobController } from "./controllers/job/controller.ts";
import { createLocalVolumeController } from "./controllers/local-volume/controller.ts";
import { createNamespaceController } from "./controllers/namespace/controller.ts";
import { createNodeIpamController } from "./controllers/node-ipam/controller.ts";
import { createNodeLifecycleController } from "./controllers/node-lifecycle/controller.ts";
import { createPodGcController } from "./controllers/pod-gc/controller.ts";
import { createPersistentVolumeBinder } from "./controllers/persistentvolume-binder/controller.ts";
import { createPvProtectionController } from "./controllers/pv-protection/controller.ts";
import { createPvcProtectionController } from "./controllers/pvc-protection/controller.ts";
import { createReplicaSetController } from "./controllers/replica-set/controller.ts";
import { createReplicationControllerController } from "./controllers/replication-controller/controller.ts";
import { createResourceQuotaController } from "./controllers/resource-quota/controller.ts";
import { createRootCaController } from "./controllers/root-ca/controller.ts";
import { createServiceAccountTokenController } from "./controllers/serviceaccount-token/controller.ts";
import { createServiceAccountController } from "./controllers/service-account/controller.ts";
import { createServiceCidrController } from "./controllers/service-cidr/controller.ts";
import { createStatefulSetController } from "./controllers/stateful-set/controller.ts";
import { createTaintEvictionController } from "./controllers/taint-eviction/controller.ts";
import { createTtlAfterFinishedController } from "./controllers/ttl-after-finished/controller.ts";
import { createTtlController } from "./controllers/ttl/controller.ts";
import { createVacProtectionController } from "./controllers/vac-protection/controller.ts";

type Limits = Pick<
  ControllerManagerConfig,
  | "cluster"
  | "signing"
  | "tokenKeyFile"
  | "localVolumes"
  | "nodeMask"
  | "rootCa"
  | "nodeGraceMs"
  | "nodeStartupGraceMs"
  | "evictionRates"
  | "terminatedThreshold"
  | "autoscaling"
>;

interface Entry {
  /**
   * The service account in kube-system that it acts as: Kubernetes' names, to which the default roles are bound. Undefined: it acts as the
   * controller manager itself, since it makes what accounts are known by.
   */
  readonly account: string | undefined;
  readonly create: (ports: ControllerPorts, limits: Limits) => Controller;
}

const controllers = {
  "serviceaccount-controller": { account: "service-account-controller", create: createServiceAccountController },
  "serviceaccount-token-controller": {
    account: undefined,
    create: (ports: ControllerPorts, limits: Limits) =>
      createServiceAccountTokenController(ports, { keyFile: limits.tokenKeyFile, rootCa: limits.rootCa }),
  },
  "root-ca-certificate-publisher-controller": {
    account: "root-ca-cert-publisher",
    create: (ports: ControllerPorts, limits: Limits) => createRootCaController(ports, limits.rootCa),
  },
  "node-ipam-controller": {
    account: "node-controller",
    create: (ports: ControllerPorts, limits: Limits) =>
      createNodeIpamController(ports, { cluster: limits.cluster, nodeMask: limits.nodeMask }),
  },
  "node-lifecycle-controller": {
    account: "node-controller",
    create: (ports: ControllerPorts, limits: Limits) =>
      createNodeLifecycleController(ports, {
        graceMs: limits.nodeGraceMs,
        startupGraceMs: limits.nodeStartupGraceMs,
        rates: limits.evictionRates,
      }),
  },
  "taint-eviction-controller": { account: "taint-eviction-controller", create: createTaintEvictionController },
  "deployment-controller": { account: "deployment-controller", create: createDeploymentController },
  "replicaset-controller": { account: "replicaset-controller", create: createReplicaSetController },
  "replicationcontroller-controller": {
    account: "replication-controller",
    create: createReplicationControllerController,
  },
  "statefulset-controller": { account: "statefulset-controller", create: createStatefulSetController },
  "daemonset-controller": { account: "daemon-set-controller", create: createDaemonSetController },
  "job-controller": { account: "job-controller", create: createJobController },
  "cronjob-controller": { account: "cronjob-controller", create: createCronJobController },
  "ttl-after-finished-controller": {
    account: "ttl-after-finished-controller",
    create: createTtlAfterFinishedController,
  },
  "horizontal-pod-autoscaler-controller": {
    account: "horizontal-pod-autoscaler",
    create: (ports: ControllerPorts, limits: Limits) =>
      createHorizontalPodAutoscalerController(ports, limits.autoscaling),
  },
  "disruption-controller": { account: "disruption-controller", create: createDisruptionController },
  "endpointslice-controller": { account: "endpointslice-controller", create: createEndpointSliceController },
  "endpointslice-mirroring-controller": {
    account: "endpointslicemirroring-controller",
    create: createEndpointSliceMirroringController,
  },
  "endpoints-controller": { account: "endpoint-controller", create: createEndpointsController },
  "resourcequota-controller": { account: "resourcequota-controller", create: createResourceQuotaController },
  "certificatesigningrequest-approving-controller": {
    account: "certificate-controller",
    create: (ports: ControllerPorts) => createCsrApprovingController(ports),
  },
  "certificatesigningrequest-signing-controller": {
    account: "certificate-controller",
    create: (ports: ControllerPorts, limits: Limits) => createCsrSigningController(ports, limits.signing),
  },
  "certificatesigningrequest-cleaner-controller": {
    account: "certificate-controller",
    create: createCsrCleanerController,
  },
  "bootstrap-signer-controller": { account: "bootstrap-signer", create: createBootstrapSignerController },
  "token-cleaner-controller": { account: "token-cleaner", create: createTokenCleanerController },
  "clusterrole-aggregation-controller": {
    account: "clusterrole-aggregation-controller",
    create: createClusterRoleAggregationController,
  },
  "persistentvolume-binder-controller": {
    account: "persistent-volume-binder",
    create: createPersistentVolumeBinder,
  },
  "ephemeral-volume-controller": {
    account: "ephemeral-volume-controller",
    create: createEphemeralVolumeController,
  },
  "local-volume-controller": {
    account: "local-volume-provisioner",
    create: (ports: ControllerPorts, limits: Limits) =>
      createLocalVolumeController(ports, { directory: limits.localVolumes }),
  },
  "persistentvolume-attach-detach-controller": {
    account: "attachdetach-controller",
    create: createAttachDetachController,
  },
  "persistentvolumeclaim-protection-controller": {
    account: "pvc-protection-controller",
    create: createPvcProtectionController,
  },
  "persistentvolume-protection-controller": {
    account: "pv-protection-controller",
    create: createPvProtectionController,
  },
  "volumeattributesclass-protection-controller": {
    account: "volumeattributesclass-protection-controller",
    create: createVacProtectionController,
  },
  "fenced-pods-controller": { account: "fenced-pods-controller", create: createFencedPodsController },
  "config-reload-controller": { account: "config-reload-controller", create: createConfigReloadController },
  "service-cidr-controller": { account: "service-cidrs-controller", create: createServiceCidrController },
  "ttl-controller": { account: "ttl-controller", create: createTtlController },
  "namespace-controller": { account: "namespace-controller", create: createNamespaceController },
  "pod-garbage-collector-controller": {
    account: "pod-garbage-collector",
    create: (ports: ControllerPorts, limits: Limits) =>
      createPodGcController(ports, { terminatedThreshold: limits.terminatedThreshold }),
  },
  "garbage-collector-controller": { account: "generic-garbage-collector", create: createGarbageCollectorController },
} satisfies Record<string, Entry>;

export type ControllerName = keyof typeof controllers;

const isName = (name: string): name is ControllerName => Object.hasOwn(controllers, name);
export const controllerNames: readonly ControllerName[] = Object.keys(controllers).filter(isName);

/** Kubernetes' names from before 1.28, where they are not just the name without "-controller". */
const aliases: Readonly<Record<string, ControllerName>> = {
  attachdetach: "persistentvolume-attach-detach-controller",
  bootstrapsigner: "bootstrap-signer-controller",
  tokencleaner: "token-cleaner-controller",
  csrapproving: "certificatesigningrequest-approving-controller",
  csrcleaner: "certificatesigningrequest-cleaner-controller",
  csrsigning: "certificatesigningrequest-signing-controller",
  endpointslicemirroring: "endpointslice-mirroring-controller",
  endpoint: "endpoints-controller",
  horizontalpodautoscaling: "horizontal-pod-autoscaler-controller",
  garbagecollector: "garbage-collector-controller",
  nodeipam: "node-ipam-controller",
  nodelifecycle: "node-lifecycle-controller",
  "pv-protection": "persistentvolume-protection-controller",
  "pvc-protection": "persistentvolumeclaim-protection-controller",
  "vac-protection": "volumeattributesclass-protection-controller",
  podgc: "pod-garbage-collector-controller",
  "root-ca-cert-publisher": "root-ca-certificate-publisher-controller",
};

/** Kubernetes' controllers that are not here, and why: their names may be left out like any other, but not asked for. */
const absent: Readonly<Record<string, string>> = {
  "cloud-node-lifecycle-controller": "it is the cloud controller manager's",
  "node-route-controller": "routes are the cloud controller manager's and the node agents'",
  "service-lb-controller": "load balancers are the cloud controller manager's",
  "persistentvolume-expander-controller": "the provisioner of local volumes expands its own",
  "legacy-serviceaccount-token-cleaner-controller": "tokens were never made without being asked for",
  "resourceclaim-controller": "devices are not allocated",
  "device-taint-eviction-controller": "devices are not allocated",
  "selinux-warning-controller": "volumes are mounted without SELinux contexts",
  "storageversion-garbage-collector-controller": "the API of storage versions is not served",
  "storage-version-migrator-controller": "objects are stored in one version",
  "podcertificaterequest-cleaner-controller": "the API of pod certificates is not served",
  "kube-apiserver-serving-clustertrustbundle-publisher-controller": "the API of trust bundles is not served",
  "validatingadmissionpolicy-status-controller": "types of admission policies are not checked",
};

const oldNamesOfAbsent: Readonly<Record<string, string>> = {
  "cloud-node-lifecycle": "cloud-node-lifecycle-controller",
  "legacy-service-account-token-cleaner": "legacy-serviceaccount-token-cleaner-controller",
  "persistentvolume-expander": "persistentvolume-expander-controller",
  "resource-claim-controller": "resourceclaim-controller",
  route: "node-route-controller",
  service: "service-lb-controller",
  "storage-version-gc": "storageversion-garbage-collector-controller",
};

export function createController(name: ControllerName, ports: ControllerPorts, limits: Limits): Controller {
  return controllers[name].create(ports, limits);
}

/** The service account in kube-system that the controller acts as; undefined for the controller manager itself. */
export function accountOf(name: ControllerName): string | undefined {
  return controllers[name].account;
}

/** Reads `--controllers`: of "*", names and "-names" the specific wins over the star. */
export function selectControllers(wanted: readonly string[]): readonly ControllerName[] {
  const on = new Set<ControllerName>();
  const off = new Set<ControllerName>();
  for (const text of wanted) {
    if (text === "*") continue;
    const leaveOut = text.startsWith("-");
    const name = leaveOut ? text.slice(1) : text;
    const why = absent[name] ?? absent[`${name}-controller`] ?? absent[oldNamesOfAbsent[name] ?? ""];
    if (why === undefined) (leaveOut ? off : on).add(resolveName(name));
    else if (!leaveOut) throw new UsageError(`--controllers: there is no ${name} here: ${why}`);
  }
  return controllerNames.filter((name) => !off.has(name) && (on.has(name) || wanted.includes("*")));
}

function resolveName(text: string): ControllerName {
  const name = aliases[text] ?? (isName(text) ? text : `${text}-controller`);
  if (!isName(name))
    throw new UsageError(
      `unknown controller ${JSON.stringify(text)} in --controllers; there are ${controllerNames.join(", ")}`,
    );
  return name;
}
