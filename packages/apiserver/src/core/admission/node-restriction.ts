// What a node may write: its own Node, its own Lease, its pods' status, mirror pods, tokens for its pods. Kubernetes'
// `plugin/pkg/admission/noderestriction`; what a node may read is the node authorizer's business.
import type { ApiObject } from "@coxswain/apimachinery";
import type { TokenRequest } from "@coxswain/api/authentication/v1";
import type { Node, Pod } from "@coxswain/api/core/v1";
import { nodeOf } from "../authz/node/authorizer.ts";
import { podReferences } from "../authz/node/graph.ts";
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from "../request.ts";
import { refusal } from "./refusal.ts";

const mirrorAnnotation = "kubernetes.io/config.mirror";

/** Labels under Kubernetes' own domains that a node may set on itself. */
const ownLabels: ReadonlySet<string> = new Set([
  "kubernetes.io/hostname",
  "kubernetes.io/os",
  "kubernetes.io/arch",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/instance-type",
  "node.kubernetes.io/instance-type",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
]);
const ownLabelDomains = ["kubelet.kubernetes.io", "node.kubernetes.io"];

export function createNodeRestriction(reader: ObjectReader): AdmissionPlugin {
  const pods = reader.view({ group: "", resource: "pods" });
  return {
    name: "NodeRestriction",
    handles: ({ user, operation }) => operation !== "CONNECT" && nodeOf(user) !== undefined,
    async admit(attributes) {
      const node = nodeOf(attributes.user);
      if (node === undefined) return undefined;
      if (node === "")
        throw refusal(attributes, `could not determine node from user ${JSON.stringify(attributes.user.username)}`);
      const { resource, subresource } = attributes;
      const what = `${resource.resource}${resource.group === "" ? "" : `.${resource.group}`}${subresource === "" ? "" : `/${subresource}`}`;
      switch (what) {
        case "pods":
          return checkPod(node, attributes);
        case "pods/status":
          return checkPodStatus(node, attributes);
        case "pods/eviction":
          return checkEviction(node, attributes);
        case "nodes":
        case "nodes/status":
          return checkNode(node, attributes);
        case "serviceaccounts/token":
          return checkToken(node, attributes);
        case "leases.coordination.k8s.io":
          return checkLease(node, attributes);
        case "csinodes.storage.k8s.io":
          if (attributes.name !== node && attributes.object?.metadata.name !== node) {
            throw refusal(attributes, "can only access CSINode with the same name as the requesting node");
          }
          return undefined;
        default:
          return undefined;
      }
    },
  };

  function checkEviction(node: string, attributes: AdmissionAttributes): undefined {
    const pod = pods.get(attributes.namespace, attributes.name) as Pod | undefined;
    if (pod !== undefined && pod.spec?.nodeName !== node) {
      throw refusal(attributes, `node ${quote(node)} can only evict pods with spec.nodeName set to itself`);
    }
    return undefined;
  }

  async function checkToken(node: string, attributes: AdmissionAttributes): Promise<undefined> {
    const ref = (attributes.object as TokenRequest | undefined)?.spec?.boundObjectRef;
    if (ref?.kind !== "Pod" || ref.apiVersion !== "v1" || (ref.name ?? "") === "")
      throw refusal(attributes, "node requested token not bound to a pod");
    if ((ref.uid ?? "") === "") throw refusal(attributes, "node requested token with a pod binding without a uid");
    const name = ref.name ?? "";
    const cached = pods.get(attributes.namespace, name) as Pod | undefined;
    const pod =
      cached?.metadata.uid === ref.uid
        ? cached
        : ((await reader.read({ group: "", resource: "pods" }, attributes.namespace, name)) as Pod | undefined);
    if (pod === undefined) throw refusal(attributes, `pod ${quote(name)} not found`);
    if (pod.metadata.uid !== ref.uid) {
      throw refusal(
        attributes,
        `the UID in the bound object reference (${ref.uid ?? ""}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
    }
    if (pod.spec?.nodeName !== node)
      throw refusal(attributes, "node requested token bound to a pod scheduled on a different node");
    return undefined;
  }
}

function checkPod(node: string, attributes: AdmissionAttributes): undefined {
  if (attributes.operation === "CREATE") {
    const pod = attributes.object as Pod;
    if (pod.metadata.annotations?.[mirrorAnnotation] === undefined) {
      throw refusal(
        attributes,
        `pod does not have ${quote(mirrorAnnotation)} annotation, node ${quote(node)} can only create mirror pods`,
      );
    }
    if (pod.spec?.nodeName !== node)
      throw refusal(attributes, `node ${quote(node)} can only create pods with spec.nodeName set to itself`);
    if ((pod.metadata.ownerReferences ?? []).some((owner) => owner.kind !== "Node" || owner.name !== node)) {
      throw refusal(attributes, `node ${quote(node)} can only create pods with an owner reference set to itself`);
    }
    if ((pod.spec.serviceAccountName ?? "") !== "")
      throw refusal(attributes, `node ${quote(node)} can not create pods that reference a service account`);
    const bare: Pod = { ...pod, metadata: { ...pod.metadata, annotations: {} } };
    const reference = podReferences(bare).find((ref) => !ref.startsWith("pods/"));
    if (reference !== undefined) {
      throw refusal(
        attributes,
        `node ${quote(node)} can not create pods that reference ${reference.split("/")[0] ?? "other objects"}`,
      );
    }
    return undefined;
  }
  if (attributes.operation === "DELETE") {
    const pod = attributes.oldObject as Pod | undefined;
    if (pod !== undefined && pod.spec?.nodeName !== node)
      throw refusal(attributes, `node ${quote(node)} can only delete pods with spec.nodeName set to itself`);
    return undefined;
  }
  throw refusal(
    attributes,
    `unexpected operation ${quote(attributes.operation)}, node ${quote(node)} can only create and delete mirror pods`,
  );
}

function checkPodStatus(node: string, attributes: AdmissionAttributes): undefined {
  if (attributes.operation !== "UPDATE")
    throw refusal(attributes, `unexpected operation ${quote(attributes.operation)}`);
  const before = attributes.oldObject as Pod;
  if (before.spec?.nodeName !== node)
    throw refusal(
      attributes,
      `node ${quote(node)} can only update pod status for pods with spec.nodeName set to itself`,
    );
  if (!sameMap(before.metadata.labels, attributes.object?.metadata.labels)) {
    throw refusal(attributes, `node ${quote(node)} cannot update labels through pod status`);
  }
  return undefined;
}

function checkNode(node: string, attributes: AdmissionAttributes): undefined {
  const { operation } = attributes;
  const after = attributes.object as (ApiObject & Node) | undefined;
  const name = attributes.name !== "" ? attributes.name : (after?.metadata.name ?? "");
  if (name !== node) throw refusal(attributes, `node ${quote(node)} is not allowed to modify node ${quote(name)}`);
  if (after === undefined || operation === "DELETE") return undefined;
  const before = attributes.oldObject as (ApiObject & Node) | undefined;
  const wrong = changedLabels(before?.metadata.labels ?? {}, after.metadata.labels ?? {}).filter(
    (label) => !isOwnLabel(label),
  );
  if (operation === "CREATE") {
    if (wrong.length > 0)
      throw refusal(attributes, `node ${quote(node)} is not allowed to set the following labels: ${wrong.join(", ")}`);
    if ((after.metadata.ownerReferences ?? []).length > 0)
      throw refusal(attributes, `node ${quote(node)} is not allowed to set ownerReferences`);
    return undefined;
  }
  if (JSON.stringify(before?.metadata.ownerReferences ?? []) !== JSON.stringify(after.metadata.ownerReferences ?? [])) {
    throw refusal(attributes, `node ${quote(node)} is not allowed to modify ownerReferences`);
  }
  if (JSON.stringify(before?.spec?.taints ?? []) !== JSON.stringify(after.spec?.taints ?? [])) {
    throw refusal(attributes, `node ${quote(node)} is not allowed to modify taints`);
  }
  if (wrong.length > 0) throw refusal(attributes, `is not allowed to modify labels: ${wrong.join(", ")}`);
  return undefined;
}

function checkLease(node: string, attributes: AdmissionAttributes): undefined {
  if (attributes.namespace !== "kube-node-lease")
    throw refusal(attributes, 'can only access leases in the "kube-node-lease" system namespace');
  const name = attributes.name !== "" ? attributes.name : (attributes.object?.metadata.name ?? "");
  if (name !== node) throw refusal(attributes, "can only access node lease with the same name as the requesting node");
  return undefined;
}

function changedLabels(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => before[key] !== after[key])
    .toSorted();
}

/** Foreign labels are free; of Kubernetes' own only those above; `node-restriction.kubernetes.io/` is there to be out of reach. */
function isOwnLabel(label: string): boolean {
  const domain = label.includes("/") ? label.slice(0, label.indexOf("/")) : "";
  const within = (name: string): boolean => domain === name || domain.endsWith(`.${name}`);
  if (!within("kubernetes.io") && !within("k8s.io")) return true;
  if (within("node-restriction.kubernetes.io")) return false;
  return ownLabels.has(label) || ownLabelDomains.some(within);
}

function sameMap(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): boolean {
  return changedLabels(a, b).length === 0;
}

const quote = (text: string): string => JSON.stringify(text);
