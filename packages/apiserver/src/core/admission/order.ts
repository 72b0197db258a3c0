// The built-in admission plugins in Kubernetes' order (`pkg/kubeapiserver/options/plugins.go`). Every request passes them from top to
// bottom, first all `admit`, then all `validate`. What clients configure stands behind all that may change an object, and before the quota, which
// charges for what has come of it:
//
//   … DefaultIngressClass | mutating policies and webhooks | validating policies and webhooks | ResourceQuota | escalation check
import type { Clock, Random } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import type { ClusterAuthorizer } from "../authz/authorizer.ts";
import { createEscalationCheck } from "../authz/rbac/escalation.ts";
import type { Kinds } from "../registry/kind.ts";
import type { AdmissionPlugin, ObjectWriter } from "../request.ts";
import { createCertificatePlugins } from "./certificate-plugins.ts";
import { certificateSubjectRestriction } from "./certificate-subject-restriction.ts";
import {
  createDefaultIngressClass,
  createDefaultStorageClass,
  createRuntimeClassAdmission,
  storageObjectInUseProtection,
} from "./default-class.ts";
import { createDefaultTolerationSeconds } from "./default-toleration-seconds.ts";
import type { DefaultTolerations } from "./default-toleration-seconds.ts";
import { createLimitRanger } from "./limit-ranger.ts";
import { createNamespaceLifecycle } from "./namespace-lifecycle.ts";
import { createNodeRestriction } from "./node-restriction.ts";
import { createPersistentVolumeClaimResize } from "./persistent-volume-claim-resize.ts";
import { createPodSecurity } from "./pod-security/pod-security.ts";
import { createMutatingPolicies } from "./policy/mutating.ts";
import { createValidatingPolicies } from "./policy/validating.ts";
import { createParamAccess } from "./policy/param-access.ts";
import { createPriorityAdmission } from "./priority.ts";
import { createResourceQuotaAdmission } from "./resource-quota.ts";
import { createServiceAccountAdmission } from "./service-account.ts";
import { taintNodesByCondition } from "./taint-nodes-by-condition.ts";
import type { HookCaller } from "./webhook/caller.ts";
import { createMutatingWebhooks } from "./webhook/mutating.ts";
import { createValidatingWebhooks } from "./webhook/validating.ts";

export interface AdmissionConfig {
  /** `--enable-admission-plugins`: in addition to those on by default. */
  readonly enabled: readonly string[];
  /** `--disable-admission-plugins`. */
  readonly disabled: readonly string[];
  readonly tolerations: DefaultTolerations;
}

export interface AdmissionPorts {
  /** Plugins read; only the quota writes, to charge what it admits. */
  readonly objects: ObjectWriter;
  readonly authorizer: ClusterAuthorizer;
  readonly kinds: Kinds;
  readonly caller: HookCaller;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** No plugins in Kubernetes but part of storage, so no flag turns them off. */
const alwaysOn: ReadonlySet<string> = new Set(["ParamAccess", "RBACEscalation"]);

/** The plugins that are on, in order. Throws for a name that is not known. */
export function admissionPlugins(config: AdmissionConfig, ports: AdmissionPorts): readonly AdmissionPlugin[] {
  const all = allPlugins(config, ports);
  for (const name of [...config.enabled, ...config.disabled]) {
    if (!all.some((plugin) => plugin.name === name))
      throw new Error(`unknown admission plugin ${JSON.stringify(name)}`);
  }
  return all.filter(({ name }) => {
    if (alwaysOn.has(name)) return true;
    return !config.disabled.includes(name) || config.enabled.includes(name);
  });
}

function allPlugins({ tolerations }: AdmissionConfig, ports: AdmissionPorts): readonly AdmissionPlugin[] {
  const { objects: reader, authorizer, clock, random } = ports;
  return [
    createNamespaceLifecycle(reader),
    createLimitRanger(reader),
    createServiceAccountAdmission({ reader, clock, random }),
    createNodeRestriction(reader),
    taintNodesByCondition,
    createPodSecurity(reader),
    createPriorityAdmission(reader),
    createDefaultTolerationSeconds(tolerations),
    createDefaultStorageClass(reader),
    storageObjectInUseProtection,
    createPersistentVolumeClaimResize(reader),
    createRuntimeClassAdmission(reader),
    ...createCertificatePlugins(authorizer),
    certificateSubjectRestriction,
    createDefaultIngressClass(reader),
    createMutatingPolicies(ports),
    createMutatingWebhooks(ports),
    createValidatingPolicies(ports),
    createValidatingWebhooks(ports),
    createResourceQuotaAdmission(reader, clock),
    createParamAccess(ports),
    createEscalationCheck(authorizer.policy, authorizer),
  ];
}
