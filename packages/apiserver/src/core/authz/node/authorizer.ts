// The node authorizer: a node (user `system:node:NAME`, group `system:nodes`) reads only what its pods need and writes only what is
// its own. Order and words as in Kubernetes' `plugin/pkg/auth/authorizer/node`. Whom it does not allow may still be allowed by RBAC.
// What the objects may look like that a node writes is judged by NodeRestriction in admission.
import type { PersistentVolume, Pod } from "@coxswain/api/core/v1";
import type { ObjectReader, ObjectView } from "../../request.ts";
import type { Attributes, RequestAuthorizer, ResourceAttributes, Subject, Verdict } from "../attributes.ts";
import { clusterRoles } from "../rbac/default-policy/cluster-roles.ts";
import { follow } from "../rbac/policy-feed.ts";
import { ruleAllows } from "../rbac/rule.ts";
import { NodeGraph } from "./graph.ts";

export interface NodeAuthorizer extends RequestAuthorizer {
  readonly views: readonly ObjectView[];
}

/** Reads pods and persistent volumes from the reader's views. */
export function createNodeAuthorizer(reader: ObjectReader): NodeAuthorizer {
  const graph = new NodeGraph();
  const pods = reader.view({ group: "", resource: "pods" });
  const volumes = reader.view({ group: "", resource: "persistentvolumes" });
  follow(pods, { put: (pod) => graph.putPod(pod as Pod), remove: (pod) => graph.removePod(pod as Pod) });
  const ownRules = clusterRoles.find(({ metadata }) => metadata.name === "system:node")?.rules ?? [];
  // What is judged one by one below must not be allowed wholesale by the rules.
  const judged = new Set([
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "persistentvolumes",
    "serviceaccounts",
    "volumeattachments",
  ]);
  const generalRules = ownRules.filter(
    (rule) => !(rule.resources ?? []).some((resource) => judged.has(resource.split("/")[0] ?? "")),
  );

  return { authorize, views: [pods, volumes] };

  function authorize(attributes: Attributes): Verdict {
    const node = nodeOf(attributes.user);
    if (node === undefined) return noOpinion("");
    if (node === "") return noOpinion(`unknown node for user ${JSON.stringify(attributes.user.username)}`);
    if (attributes.kind === "path") return noOpinion("");
    switch (attributes.group === "" ? attributes.resource : `${attributes.resource}.${attributes.group}`) {
      case "secrets":
      case "configmaps":
        return readNamespaced(node, attributes);
      case "persistentvolumeclaims":
        if (attributes.subresource === "status") return updateStatus(node, attributes);
        return getOne(attributes, () => graph.reaches(node, refOf(attributes)), node);
      case "persistentvolumes":
        return getOne(attributes, () => reachesVolume(node, attributes.name), node);
      case "volumeattachments.storage.k8s.io":
        return getOne(attributes, () => true, node);
      case "serviceaccounts":
        return createToken(node, attributes);
      case "leases.coordination.k8s.io":
        return lease(node, attributes);
      case "csinodes.storage.k8s.io":
        return csiNode(node, attributes);
      case "nodes":
        return ownNode(node, attributes);
      case "pods":
        return pod(node, attributes);
      default:
        return generalRules.some((rule) => ruleAllows(rule, attributes)) ? allow : noOpinion("");
    }
  }

  function readNamespaced(node: string, asked: ResourceAttributes): Verdict {
    if (!["get", "list", "watch"].includes(asked.verb)) return noOpinion("can only read resources of this type");
    if (asked.subresource !== "") return noOpinion("cannot read subresource");
    if (asked.namespace === "") return noOpinion("can only read namespaced object of this type");
    return related(
      node,
      asked,
      graph.reaches(node, refOf(asked)) || (asked.resource === "secrets" && volumeSecret(node, asked)),
    );
  }

  function getOne(asked: ResourceAttributes, reaches: () => boolean, node: string): Verdict {
    if (asked.verb !== "get") return noOpinion("can only get individual resources of this type");
    if (asked.subresource !== "") return noOpinion("cannot get subresource");
    return related(node, asked, reaches());
  }

  function updateStatus(node: string, asked: ResourceAttributes): Verdict {
    if (asked.verb !== "update" && asked.verb !== "patch")
      return noOpinion("can only get individual resources of this type");
    return related(node, asked, graph.reaches(node, refOf(asked)));
  }

  function createToken(node: string, asked: ResourceAttributes): Verdict {
    if (asked.verb === "get" && asked.subresource === "")
      return related(node, asked, graph.reaches(node, refOf(asked)));
    if (asked.verb !== "create" || asked.subresource !== "token")
      return noOpinion("can only create tokens for individual service accounts");
    return related(node, asked, graph.reaches(node, refOf(asked)));
  }

  function pod(node: string, asked: ResourceAttributes): Verdict {
    if (asked.subresource === "") {
      if (asked.verb === "create") return allow;
      if (asked.verb === "list" || asked.verb === "watch") {
        if (selectsNode(asked.fieldSelector, node)) return allow;
        if (asked.name === "") return noOpinion("can only list/watch pods with spec.nodeName field selector");
      }
      if (["get", "delete", "list", "watch"].includes(asked.verb))
        return related(node, asked, graph.reaches(node, refOf(asked)));
    }
    const writesStatus =
      asked.subresource === "status" && (asked.verb === "update" || asked.verb === "patch" || asked.verb === "get");
    const evicts = asked.subresource === "eviction" && asked.verb === "create";
    if (writesStatus || evicts) return related(node, asked, graph.reaches(node, refOf(asked)));
    return noOpinion("");
  }

  function reachesVolume(node: string, name: string): boolean {
    const claim = (volumes.get("", name) as PersistentVolume | undefined)?.spec?.claimRef;
    return (
      claim !== undefined && graph.reaches(node, `persistentvolumeclaims/${claim.namespace ?? ""}/${claim.name ?? ""}`)
    );
  }

  /** A secret that a volume of one of the node's claims names. Rare, so it looks through the volumes instead of keeping edges. */
  function volumeSecret(node: string, asked: ResourceAttributes): boolean {
    for (const object of volumes.list()) {
      const { spec, metadata } = object as PersistentVolume;
      const csi = spec?.csi;
      const named = [
        csi?.nodePublishSecretRef,
        csi?.nodeStageSecretRef,
        csi?.nodeExpandSecretRef,
        spec?.iscsi?.secretRef,
        spec?.rbd?.secretRef,
      ];
      const names = named.some(
        (ref) => ref?.name === asked.name && (ref.namespace ?? asked.namespace) === asked.namespace,
      );
      if (names && reachesVolume(node, metadata.name)) return true;
    }
    return false;
  }
}

const allow: Verdict = { decision: "allow", reason: "" };
const noOpinion = (reason: string): Verdict => ({ decision: "noOpinion", reason });

/** The node's name; "" for a node without one; undefined for everyone else. */
export function nodeOf(user: Subject): string | undefined {
  const prefix = "system:node:";
  if (!user.username.startsWith(prefix) || !user.groups.includes("system:nodes")) return undefined;
  return user.username.slice(prefix.length);
}

function refOf(asked: ResourceAttributes): string {
  return `${asked.resource}/${asked.namespace}/${asked.name}`;
}

function related(node: string, asked: ResourceAttributes, reaches: boolean): Verdict {
  if (asked.name === "") return noOpinion("No Object name found");
  return reaches ? allow : noOpinion(`no relationship found between node '${node}' and this object`);
}

function lease(node: string, asked: ResourceAttributes): Verdict {
  if (!["get", "create", "update", "patch", "delete"].includes(asked.verb)) {
    return noOpinion("can only get, create, update, patch, or delete a node lease");
  }
  if (asked.namespace !== "kube-node-lease")
    return noOpinion('can only access leases in the "kube-node-lease" system namespace');
  if (asked.verb !== "create" && asked.name !== node)
    return noOpinion("can only access node lease with the same name as the requesting node");
  return allow;
}

function csiNode(node: string, asked: ResourceAttributes): Verdict {
  if (asked.subresource !== "") return noOpinion("cannot authorize CSINode subresources");
  if (!["get", "create", "update", "patch", "delete"].includes(asked.verb))
    return noOpinion("can only get, create, update, patch, or delete a CSINode");
  if (asked.verb !== "create" && asked.name !== node)
    return noOpinion("can only access CSINode with the same name as the requesting node");
  return allow;
}

/** Nodes read all nodes (their addresses and pod ranges make the routes between nodes) and write themselves. */
function ownNode(node: string, asked: ResourceAttributes): Verdict {
  if (asked.subresource === "" && ["get", "list", "watch", "create"].includes(asked.verb)) return allow;
  const writes =
    ["update", "patch"].includes(asked.verb) && (asked.subresource === "" || asked.subresource === "status");
  if (!writes) return noOpinion("");
  if (asked.name !== node) return noOpinion(`node '${node}' cannot ${asked.verb} another node`);
  return allow;
}

function selectsNode(selector: string | undefined, node: string): boolean {
  return (selector ?? "")
    .split(",")
    .some((term) => term === `spec.nodeName=${node}` || term === `spec.nodeName==${node}`);
}
