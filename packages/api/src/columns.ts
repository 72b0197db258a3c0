/** The table of every kind. One line per kind; kinds that are not here show their name and when they were created. */
import type { GroupVersionKind, ObjectMeta } from "@coxswain/apimachinery";
import {
  admissionPolicyBindingTable,
  admissionPolicyTable,
  mutatingPolicyTable,
  webhookTable,
} from "./admissionregistration/v1/columns.ts";
import { apiServiceTable } from "./apiregistration/v1/columns.ts";
import {
  controllerRevisionTable,
  daemonSetTable,
  deploymentTable,
  replicaSetTable,
  statefulSetTable,
} from "./apps/v1/columns.ts";
import {
  horizontalPodAutoscalerTable,
  horizontalPodAutoscalerTableV1,
  scaleTable,
} from "./autoscaling/v2/horizontal-pod-autoscaler/columns.ts";
import { cronJobTable, jobTable } from "./batch/v1/columns.ts";
import { certificateSigningRequestTable } from "./certificates/v1/columns.ts";
import { leaseTable } from "./coordination/v1/columns.ts";
import {
  configMapTable,
  endpointsTable,
  namespaceTable,
  persistentVolumeClaimTable,
  persistentVolumeTable,
  podTemplateTable,
  replicationControllerTable,
  resourceQuotaTable,
  secretTable,
  serviceAccountTable,
} from "./core/v1/columns.ts";
import { eventTable, newEventTable } from "./core/v1/event/columns.ts";
import type { ComponentStatus } from "./core/v1/types.ts";
import { nodeTable } from "./core/v1/node/columns.ts";
import { podTable } from "./core/v1/pod/columns.ts";
import { serviceTable } from "./core/v1/service/columns.ts";
import { flowSchemaTable, priorityLevelTable } from "./flowcontrol/v1/columns.ts";
import {
  endpointSliceTable,
  ingressClassTable,
  ingressTable,
  ipAddressTable,
  networkPolicyTable,
  serviceCidrTable,
} from "./networking/v1/columns.ts";
import { podDisruptionBudgetTable } from "./policy/v1/columns.ts";
import { roleBindingTable } from "./rbac/v1/columns.ts";
import { resourceClaimTable, resourceSliceTable } from "./resource/v1/columns.ts";
import type { PriorityClass } from "./scheduling/v1/types.ts";
import type { RuntimeClass } from "./node/v1/types.ts";
import { schemaName } from "./scheme.ts";
import {
  csiDriverTable,
  csiNodeTable,
  storageCapacityTable,
  storageClassTable,
  volumeAttachmentTable,
  volumeAttributesClassTable,
} from "./storage/v1/columns.ts";
import { agedTable, ageOf, plainTable, printer, type TablePrinter } from "./table.ts";

const priorityClassTable: TablePrinter<PriorityClass> = printer(
  ["Value#", "Global-Default?", "Age", "PreemptionPolicy"],
  (object, now) => [
    object.value ?? 0,
    object.globalDefault ?? false,
    ageOf(object, now),
    object.preemptionPolicy ?? "",
  ],
);

const componentStatusTable: TablePrinter<ComponentStatus> = printer(["Status", "Message", "Error"], (object) => {
  const health = object.conditions?.find(({ type }) => type === "Healthy");
  const state = health?.status === "True" ? "Healthy" : "Unhealthy";
  return [health === undefined ? "Unknown" : state, health?.message ?? "", health?.error ?? ""];
});

const runtimeClassTable: TablePrinter<RuntimeClass> = printer(["Handler", "Age"], (object, now) => [
  object.handler,
  ageOf(object, now),
]);

const kinds: Readonly<Record<string, TablePrinter<never>>> = {
  "core/v1.Pod": podTable,
  "core/v1.Service": serviceTable,
  "core/v1.Node": nodeTable,
  "core/v1.ComponentStatus": componentStatusTable,
  "core/v1.Event": eventTable,
  "events/v1.Event": newEventTable,
  "core/v1.Namespace": namespaceTable,
  "core/v1.ConfigMap": configMapTable,
  "core/v1.Secret": secretTable,
  "core/v1.ServiceAccount": serviceAccountTable,
  "core/v1.Endpoints": endpointsTable,
  "core/v1.ReplicationController": replicationControllerTable,
  "core/v1.PodTemplate": podTemplateTable,
  "core/v1.PersistentVolume": persistentVolumeTable,
  "core/v1.PersistentVolumeClaim": persistentVolumeClaimTable,
  "core/v1.ResourceQuota": resourceQuotaTable,
  "apps/v1.Deployment": deploymentTable,
  "apps/v1.ReplicaSet": replicaSetTable,
  "apps/v1.DaemonSet": daemonSetTable,
  "apps/v1.StatefulSet": statefulSetTable,
  "apps/v1.ControllerRevision": controllerRevisionTable,
  "batch/v1.Job": jobTable,
  "batch/v1.CronJob": cronJobTable,
  "autoscaling/v1.HorizontalPodAutoscaler": horizontalPodAutoscalerTableV1,
  "autoscaling/v2.HorizontalPodAutoscaler": horizontalPodAutoscalerTable,
  "autoscaling/v1.Scale": scaleTable,
  "policy/v1.PodDisruptionBudget": podDisruptionBudgetTable,
  "networking/v1.Ingress": ingressTable,
  "networking/v1.IngressClass": ingressClassTable,
  "networking/v1.NetworkPolicy": networkPolicyTable,
  "networking/v1.IPAddress": ipAddressTable,
  "networking/v1.ServiceCIDR": serviceCidrTable,
  "discovery/v1.EndpointSlice": endpointSliceTable,
  "coordination/v1.Lease": leaseTable,
  "rbac/v1.RoleBinding": roleBindingTable,
  "rbac/v1.ClusterRoleBinding": roleBindingTable,
  "storage/v1.StorageClass": storageClassTable,
  "storage/v1.VolumeAttachment": volumeAttachmentTable,
  "storage/v1.CSINode": csiNodeTable,
  "storage/v1.CSIDriver": csiDriverTable,
  "storage/v1.CSIStorageCapacity": storageCapacityTable,
  "storage/v1.VolumeAttributesClass": volumeAttributesClassTable,
  "scheduling/v1.PriorityClass": priorityClassTable,
  "node/v1.RuntimeClass": runtimeClassTable,
  "certificates/v1.CertificateSigningRequest": certificateSigningRequestTable,
  "admissionregistration/v1.ValidatingWebhookConfiguration": webhookTable,
  "admissionregistration/v1.MutatingWebhookConfiguration": webhookTable,
  "admissionregistration/v1.ValidatingAdmissionPolicy": admissionPolicyTable,
  "admissionregistration/v1.ValidatingAdmissionPolicyBinding": admissionPolicyBindingTable,
  "admissionregistration/v1.MutatingAdmissionPolicy": mutatingPolicyTable,
  "admissionregistration/v1.MutatingAdmissionPolicyBinding": admissionPolicyBindingTable,
  "apiregistration/v1.APIService": apiServiceTable,
  "flowcontrol/v1.FlowSchema": flowSchemaTable,
  "flowcontrol/v1.PriorityLevelConfiguration": priorityLevelTable,
  "resource/v1.ResourceClaim": resourceClaimTable,
  "resource/v1.ResourceSlice": resourceSliceTable,
  "resource/v1.ResourceClaimTemplate": agedTable,
  "resource/v1.DeviceClass": agedTable,
};

/** The columns and cells of a kind. The object given to `cells` must be of that kind. */
export function tablePrinter(type: GroupVersionKind): TablePrinter<{ metadata: ObjectMeta }> {
  const found = kinds[schemaName(type) ?? ""] as TablePrinter<{ metadata: ObjectMeta }> | undefined;
  return found ?? plainTable;
}
