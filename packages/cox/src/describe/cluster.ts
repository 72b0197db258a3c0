// The pages of nodes, namespaces, config maps, secrets, accounts, roles, bindings, volumes, claims, classes, quotas, budgets and the like.
import { addQuantities, quantityMillis } from "@coxswain/apimachinery";
import type { Obj } from "../resource/api.ts";
import { annotations, head, labels, list, longTime, mapText, num, part, selectorText, str, texts } from "./page.ts";
import type { Page, Part } from "./page.ts";
import { ruleLines } from "./rules.ts";
import { taintText } from "./tolerations.ts";
import { source } from "./volumes.ts";

export function node(page: Page, object: Obj, pods: readonly Obj[], lease: Obj | undefined): void {
  const spec = part(object["spec"]);
  const status = part(object["status"]);
  const roles = Object.keys(object.metadata.labels ?? {})
    .filter((key) => key.startsWith("node-role.kubernetes.io/"))
    .map((key) => key.slice("node-role.kubernetes.io/".length))
    .sort();
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `Roles:\t${roles.join(",") || "<none>"}`);
  labels(page, "Labels", object.metadata.labels);
  annotations(page, object.metadata.annotations);
  page.line(0, `CreationTimestamp:\t${longTime(object.metadata.creationTimestamp)}`);
  const taints = list(spec["taints"]);
  if (taints.length === 0) page.line(0, "Taints:\t<none>");
  taints.forEach((taint, at) => page.line(0, `${at === 0 ? "Taints:" : ""}\t${taintText(taint)}`));
  page.line(0, `Unschedulable:\t${spec["unschedulable"] === true}`);
  const held = part(lease?.["spec"]);
  if (lease === undefined)
    page.line(0, `Lease:\tFailed to get lease: leases.coordination.k8s.io "${object.metadata.name}" not found`);
  else {
    page.line(0, "Lease:");
    page.line(1, `HolderIdentity:\t${str(held["holderIdentity"]) || "<unset>"}`);
    page.line(1, `AcquireTime:\t${held["acquireTime"] === undefined ? "<unset>" : longTime(held["acquireTime"])}`);
    page.line(1, `RenewTime:\t${held["renewTime"] === undefined ? "<unset>" : longTime(held["renewTime"])}`);
  }
  const conditions = list(status["conditions"]);
  if (conditions.length > 0) {
    page.raw("Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n");
    page.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for (const condition of conditions)
      page.line(
        1,
        `${str(condition["type"])} \t${str(condition["status"])} \t${longTime(condition["lastHeartbeatTime"])} \t${longTime(condition["lastTransitionTime"])} \t${str(condition["reason"])} \t${str(condition["message"])}`,
      );
  }
  page.line(0, "Addresses:");
  for (const address of list(status["addresses"])) page.line(1, `${str(address["type"])}:\t${str(address["address"])}`);
  for (const name of ["Capacity", "Allocatable"]) {
    const entries = Object.entries(part(status[name.toLowerCase()])).sort(([left], [right]) => (left < right ? -1 : 1));
    if (entries.length === 0) continue;
    page.line(0, `${name}:`);
    for (const [resource, quantity] of entries) page.line(1, `${resource}:\t${str(quantity)}`);
  }
  const info = part(status["nodeInfo"]);
  page.line(0, "System Info:");
  for (const [title, field] of [
    ["Machine ID", "machineID"],
    ["System UUID", "systemUUID"],
    ["Boot ID", "bootID"],
    ["Kernel Version", "kernelVersion"],
    ["OS Image", "osImage"],
    ["Operating System", "operatingSystem"],
    ["Architecture", "architecture"],
    ["Container Runtime Version", "containerRuntimeVersion"],
    ["Kubelet Version", "kubeletVersion"],
    ["Kube-Proxy Version", "kubeProxyVersion"],
  ] as const)
    page.line(1, `${title}:\t${str(info[field])}`);
  if (str(spec["podCIDR"]) !== "") page.line(0, `PodCIDR:\t${str(spec["podCIDR"])}`);
  if (texts(spec["podCIDRs"]).length > 0) page.line(0, `PodCIDRs:\t${texts(spec["podCIDRs"]).join(",")}`);
  if (str(spec["providerID"]) !== "") page.line(0, `ProviderID:\t${str(spec["providerID"])}`);
  nodePods(page, part(status["allocatable"] ?? status["capacity"]), pods);
}

const running = (pod: Obj): boolean => !["Succeeded", "Failed"].includes(str(part(pod["status"])["phase"]));

function nodePods(page: Page, capacity: Part, all: readonly Obj[]): void {
  const pods = all.filter(running);
  page.line(0, `Non-terminated Pods:\t(${pods.length} in total)`);
  page.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
  page.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
  const totals: Record<"requests" | "limits", Record<string, string>> = { requests: {}, limits: {} };
  const share = (quantity: string, resource: string): string => {
    const whole = quantityMillis(str(capacity[resource]) || "0");
    return whole === 0 ? "0" : String(Math.trunc((quantityMillis(quantity) / whole) * 100));
  };
  for (const pod of pods) {
    const sums: Record<"requests" | "limits", Record<string, string>> = { requests: {}, limits: {} };
    for (const container of list(part(pod["spec"])["containers"]))
      for (const kind of ["requests", "limits"] as const)
        for (const [resource, quantity] of Object.entries(part(part(container["resources"])[kind]))) {
          sums[kind][resource] = addQuantities(sums[kind][resource] ?? "0", str(quantity));
          totals[kind][resource] = addQuantities(totals[kind][resource] ?? "0", str(quantity));
        }
    const cell = (kind: "requests" | "limits", resource: string): string =>
      `${sums[kind][resource] ?? "0"} (${share(sums[kind][resource] ?? "0", resource)}%)`;
    page.line(
      1,
      `${pod.metadata.namespace}\t${pod.metadata.name}\t\t${cell("requests", "cpu")}\t${cell("limits", "cpu")}\t${cell("requests", "memory")}\t${cell("limits", "memory")}\t${page.since(pod.metadata.creationTimestamp)}`,
    );
  }
  page.raw(
    "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n  Resource\tRequests\tLimits\n  --------\t--------\t------\n",
  );
  const names = [
    "cpu",
    "memory",
    "ephemeral-storage",
    ...Object.keys(capacity)
      .filter((name) => /^hugepages-|\//.test(name))
      .sort(),
  ];
  for (const name of names) {
    const plain = /\//.test(name);
    const cell = (kind: "requests" | "limits"): string =>
      `${totals[kind][name] ?? "0"}${plain ? "" : ` (${share(totals[kind][name] ?? "0", name)}%)`}`;
    page.line(1, `${name}\t${cell("requests")}\t${cell("limits")}`);
  }
}

export function namespace(page: Page, object: Obj, quotas: readonly Obj[], limits: readonly Obj[]): void {
  head(page, object, false);
  page.line(0, `Status:\t${str(part(object["status"])["phase"])}`);
  const conditions = list(part(object["status"])["conditions"]);
  if (conditions.length > 0) {
    page.raw(
      "Conditions:\n  Type\tStatus\tLastTransitionTime\tReason\tMessage\n  ----\t------\t------------------\t------\t-------\n",
    );
    for (const condition of conditions)
      page.line(
        1,
        `${str(condition["type"])}\t${str(condition["status"])}\t${longTime(condition["lastTransitionTime"])}\t${str(condition["reason"])}\t${str(condition["message"])}`,
      );
  }
  page.raw("\n");
  if (quotas.length === 0) page.line(0, "No resource quota.");
  else {
    page.line(0, `Resource Quotas`);
    for (const each of quotas) {
      page.line(1, `Name:\t${each.metadata.name}`);
      page.line(1, "Resource\tUsed\tHard");
      page.line(1, "--------\t---\t---");
      for (const [resource, hard] of Object.entries(part(part(each["status"])["hard"])).sort(([left], [right]) =>
        left < right ? -1 : 1,
      ))
        page.line(1, `${resource}\t${str(part(part(each["status"])["used"])[resource])}\t${str(hard)}`);
    }
  }
  page.raw("\n");
  if (limits.length === 0) page.line(0, "No LimitRange resource.");
  else {
    page.line(
      0,
      "Resource Limits\n Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio\n ----\t--------\t---\t---\t---------------\t-------------\t-----------------------",
    );
    for (const each of limits) limitLines(page, each, " ");
  }
}

function limitLines(page: Page, object: Obj, space: string): void {
  for (const item of list(part(object["spec"])["limits"])) {
    const fields = ["min", "max", "defaultRequest", "default", "maxLimitRequestRatio"].map((name) => part(item[name]));
    for (const resource of [...new Set(fields.flatMap(Object.keys))].sort())
      page.raw(
        `${space}${str(item["type"])}\t${resource}\t${fields.map((field) => str(field[resource]) || "-").join("\t")}\n`,
      );
  }
}

export function limitRange(page: Page, object: Obj): void {
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `Namespace:\t${object.metadata.namespace ?? ""}`);
  page.line(0, "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio");
  page.line(0, "----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
  limitLines(page, object, "");
}

export function resourceQuota(page: Page, object: Obj): void {
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `Namespace:\t${object.metadata.namespace ?? ""}`);
  const scopes = [...texts(part(object["spec"])["scopes"])].sort();
  if (scopes.length > 0) page.line(0, `Scopes:\t${scopes.join(", ")}`);
  page.line(0, "Resource\tUsed\tHard");
  page.line(0, "--------\t----\t----");
  const status = part(object["status"]);
  for (const [resource, hard] of Object.entries(part(status["hard"])).sort(([left], [right]) =>
    left < right ? -1 : 1,
  ))
    page.line(0, `${resource}\t${str(part(status["used"])[resource])}\t${str(hard)}`);
}

export function configMap(page: Page, object: Obj): void {
  head(page, object);
  page.raw("\nData\n====\n");
  for (const [key, value] of Object.entries(part(object["data"])).sort(([left], [right]) => (left < right ? -1 : 1)))
    page.raw(`${key}:\n----\n${str(value)}\n\n`);
  page.raw("\nBinaryData\n====\n");
  for (const [key, value] of Object.entries(part(object["binaryData"])).sort(([left], [right]) =>
    left < right ? -1 : 1,
  ))
    page.raw(`${key}: ${Buffer.from(str(value), "base64").length} bytes\n`);
  page.raw("\n");
}

export function secret(page: Page, object: Obj): void {
  head(page, object);
  page.raw(`\nType:\t${str(object["type"])}\n\nData\n====\n`);
  for (const [key, value] of Object.entries(part(object["data"])).sort(([left], [right]) => (left < right ? -1 : 1))) {
    const bytes = Buffer.from(str(value), "base64");
    page.line(
      0,
      object["type"] === "kubernetes.io/service-account-token" && key === "token"
        ? `${key}:\t${bytes.toString("utf8")}`
        : `${key}:\t${bytes.length} bytes`,
    );
  }
}

export function serviceAccount(page: Page, object: Obj, tokens: readonly string[]): void {
  head(page, object);
  const several = (title: string, names: readonly string[]): void => {
    if (names.length === 0) return page.line(0, `${title}:\t<none>`);
    names.forEach((name, at) => page.line(0, `${at === 0 ? `${title}:` : ""}\t${name}`));
  };
  several(
    "Image pull secrets",
    list(object["imagePullSecrets"]).map((each) => str(each["name"])),
  );
  several(
    "Mountable secrets",
    list(object["secrets"]).map((each) => str(each["name"])),
  );
  several("Tokens", tokens);
}

export function role(page: Page, object: Obj): void {
  page.line(0, `Name:\t${object.metadata.name}`);
  labels(page, "Labels", object.metadata.labels);
  annotations(page, object.metadata.annotations);
  page.line(0, "PolicyRule:");
  page.line(1, "Resources\tNon-Resource URLs\tResource Names\tVerbs");
  page.line(1, "---------\t-----------------\t--------------\t-----");
  for (const line of ruleLines(list(object["rules"]))) page.line(1, line);
}

export function binding(page: Page, object: Obj): void {
  page.line(0, `Name:\t${object.metadata.name}`);
  labels(page, "Labels", object.metadata.labels);
  annotations(page, object.metadata.annotations);
  const reference = part(object["roleRef"]);
  page.line(0, "Role:");
  page.line(1, `Kind:\t${str(reference["kind"])}`);
  page.line(1, `Name:\t${str(reference["name"])}`);
  page.line(0, "Subjects:");
  page.line(1, "Kind\tName\tNamespace");
  page.line(1, "----\t----\t---------");
  for (const subject of list(object["subjects"]))
    page.line(1, `${str(subject["kind"])}\t${str(subject["name"])}\t${str(subject["namespace"])}`);
}

const modes: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};
const accessModes = (value: unknown): string =>
  texts(value)
    .map((mode) => modes[mode] ?? mode)
    .join(",");

export function persistentVolume(page: Page, object: Obj): void {
  const spec = part(object["spec"]);
  const status = part(object["status"]);
  head(page, object, false);
  page.line(0, `Finalizers:\t[${(object.metadata.finalizers ?? []).join(" ")}]`);
  page.line(0, `StorageClass:\t${str(spec["storageClassName"])}`);
  page.line(
    0,
    `Status:\t${object.metadata.deletionTimestamp === undefined ? str(status["phase"]) : `Terminating (lasts ${page.since(object.metadata.deletionTimestamp)})`}`,
  );
  const claim = part(spec["claimRef"]);
  page.line(0, `Claim:\t${spec["claimRef"] === undefined ? "" : `${str(claim["namespace"])}/${str(claim["name"])}`}`);
  page.line(0, `Reclaim Policy:\t${str(spec["persistentVolumeReclaimPolicy"])}`);
  page.line(0, `Access Modes:\t${accessModes(spec["accessModes"])}`);
  if (spec["volumeMode"] !== undefined) page.line(0, `VolumeMode:\t${str(spec["volumeMode"])}`);
  page.line(0, `Capacity:\t${str(part(spec["capacity"])["storage"])}`);
  const terms = list(part(part(spec["nodeAffinity"])["required"])["nodeSelectorTerms"]);
  page.line(0, `Node Affinity:\t${terms.length === 0 ? "<none>" : ""}`);
  if (terms.length > 0) {
    page.line(1, "Required Terms:\t");
    terms.forEach((term, at) =>
      page.line(
        2,
        `Term ${at}:\t${list(term["matchExpressions"])
          .map(
            (each) =>
              `${str(each["key"])} ${str(each["operator"]).toLowerCase()} [${texts(each["values"]).join(", ")}]`,
          )
          .join("\n\t")}`,
      ),
    );
  }
  page.line(0, `Message:\t${str(status["message"])}`);
  page.line(0, "Source:");
  for (const text of source(spec)) page.line(2, text);
}

export function claim(page: Page, object: Obj, users: readonly string[]): void {
  const spec = part(object["spec"]);
  const status = part(object["status"]);
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `Namespace:\t${object.metadata.namespace ?? ""}`);
  page.line(0, `StorageClass:\t${str(spec["storageClassName"])}`);
  page.line(
    0,
    `Status:\t${object.metadata.deletionTimestamp === undefined ? str(status["phase"]) : `Terminating (lasts ${page.since(object.metadata.deletionTimestamp)})`}`,
  );
  page.line(0, `Volume:\t${str(spec["volumeName"])}`);
  labels(page, "Labels", object.metadata.labels);
  annotations(page, object.metadata.annotations);
  page.line(0, `Finalizers:\t[${(object.metadata.finalizers ?? []).join(" ")}]`);
  const bound = str(spec["volumeName"]) !== "";
  page.line(0, `Capacity:\t${bound ? str(part(status["capacity"])["storage"]) : ""}`);
  page.line(0, `Access Modes:\t${bound ? accessModes(status["accessModes"]) : ""}`);
  if (spec["volumeMode"] !== undefined) page.line(0, `VolumeMode:\t${str(spec["volumeMode"])}`);
  if (users.length === 0) page.line(0, "Used By:\t<none>");
  users.forEach((user, at) => page.line(0, `${at === 0 ? "Used By:" : ""}\t${user}`));
}

export function storageClass(page: Page, object: Obj): void {
  const isDefault = object.metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true";
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `IsDefaultClass:\t${isDefault ? "Yes" : "No"}`);
  page.line(0, `Annotations:\t${mapText(object.metadata.annotations)}`);
  page.line(0, `Provisioner:\t${str(object["provisioner"])}`);
  page.line(0, `Parameters:\t${mapText(object["parameters"])}`);
  page.line(
    0,
    `AllowVolumeExpansion:\t${object["allowVolumeExpansion"] === undefined ? "<unset>" : object["allowVolumeExpansion"] === true ? "True" : "False"}`,
  );
  const options = texts(object["mountOptions"]);
  if (options.length === 0) page.line(0, "MountOptions:\t<none>");
  else {
    page.line(0, "MountOptions:");
    for (const option of options) page.line(1, option);
  }
  page.line(0, `ReclaimPolicy:\t${str(object["reclaimPolicy"]) || "<unset>"}`);
  page.line(0, `VolumeBindingMode:\t${str(object["volumeBindingMode"]) || "<unset>"}`);
}

export function budget(page: Page, object: Obj): void {
  const spec = part(object["spec"]);
  const status = part(object["status"]);
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `Namespace:\t${object.metadata.namespace ?? ""}`);
  if (spec["minAvailable"] !== undefined) page.line(0, `Min available:\t${str(spec["minAvailable"])}`);
  else if (spec["maxUnavailable"] !== undefined) page.line(0, `Max unavailable:\t${str(spec["maxUnavailable"])}`);
  page.line(0, `Selector:\t${spec["selector"] === undefined ? "<unset>" : selectorText(spec["selector"])}`);
  page.line(0, "Status:");
  for (const [title, field] of [
    ["Allowed disruptions", "disruptionsAllowed"],
    ["Current", "currentHealthy"],
    ["Desired", "desiredHealthy"],
    ["Total", "expectedPods"],
  ] as const)
    page.line(2, `${title}:\t${num(status[field])}`);
}

export function priorityClass(page: Page, object: Obj): void {
  page.line(0, `Name:\t${object.metadata.name}`);
  page.line(0, `Value:\t${num(object["value"])}`);
  page.line(0, `GlobalDefault:\t${object["globalDefault"] === true}`);
  page.line(0, `PreemptionPolicy:\t${str(object["preemptionPolicy"])}`);
  page.line(0, `Description:\t${str(object["description"])}`);
  page.line(0, `Annotations:\t${mapText(object.metadata.annotations)}`);
}
