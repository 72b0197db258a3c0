// PodSecurity: a namespace's labels say which level its pods must keep (`enforce`), and at which level clients are warned (`warn`).
// Workloads that make pods are never refused, only warned about. By which level was judged, and what breaks the one of `audit`, is told in the audit
// log.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Pod } from "@coxswain/api/core/v1";
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from "../../request.ts";
import { refusal } from "../refusal.ts";
import { violations, type Level } from "./checks.ts";

/** Where a kind keeps the template of its pods. */
const templates: ReadonlyMap<string, readonly string[]> = new Map([
  ["/replicationcontrollers", ["spec", "template"]],
  ["/podtemplates", ["template"]],
  ["apps/replicasets", ["spec", "template"]],
  ["apps/deployments", ["spec", "template"]],
  ["apps/statefulsets", ["spec", "template"]],
  ["apps/daemonsets", ["spec", "template"]],
  ["batch/jobs", ["spec", "template"]],
  ["batch/cronjobs", ["spec", "jobTemplate", "spec", "template"]],
]);

const prefix = "pod-security.kubernetes.io";

export function createPodSecurity(reader: ObjectReader): AdmissionPlugin {
  const namespaces = reader.view({ group: "", resource: "namespaces" });
  return {
    name: "PodSecurity",
    handles({ operation, resource, subresource, namespace }) {
      if (namespace === "" || (operation !== "CREATE" && operation !== "UPDATE")) return false;
      if (resource.group === "" && resource.resource === "pods")
        return subresource === "" || subresource === "ephemeralcontainers";
      return subresource === "" && templates.has(`${resource.group}/${resource.resource}`);
    },
    validate(attributes) {
      const labels = namespaces.get("", attributes.namespace)?.metadata.labels ?? {};
      const isPod = attributes.resource.resource === "pods";
      const pod = isPod ? (attributes.object as Pod | undefined) : templateOf(attributes);
      if (pod === undefined || (isPod && isHarmlessUpdate(attributes))) return;
      const enforced = isPod ? violationText(labels, "enforce", pod) : undefined;
      if (isPod) attributes.audit?.annotate(`${prefix}/enforce-policy`, policyOf(labels, "enforce").text);
      const noted = attributes.audit && violationText(labels, "audit", pod);
      if (noted !== undefined)
        attributes.audit?.annotate(`${prefix}/audit-violations`, `would violate PodSecurity ${noted}`);
      if (enforced !== undefined) throw refusal(attributes, `violates PodSecurity ${enforced}`);
      const warned = violationText(labels, "warn", pod);
      if (warned !== undefined) attributes.warn(`would violate PodSecurity ${warned}`);
    },
  };
}

type Mode = "enforce" | "warn" | "audit";

/** `restricted:latest` */
function policyOf(
  labels: Readonly<Record<string, string>>,
  mode: Mode,
): { readonly level: Level; readonly text: string } {
  const said = labels[`${prefix}/${mode}`];
  const level: Level =
    said === undefined ? "privileged" : said === "privileged" || said === "baseline" ? said : "restricted";
  return { level, text: `${level}:${labels[`${prefix}/${mode}-version`] ?? "latest"}` };
}

/** `"restricted:latest": privileged (…), …` */
function violationText(labels: Readonly<Record<string, string>>, mode: Mode, pod: Pod): string | undefined {
  const { level, text } = policyOf(labels, mode);
  const found = violations(level, pod);
  if (found.length === 0) return undefined;
  const list = found.map(({ reason, detail }) => (detail === "" ? reason : `${reason} (${detail})`)).join(", ");
  return `${JSON.stringify(text)}: ${list}`;
}

function templateOf({ object, resource }: AdmissionAttributes): Pod | undefined {
  let value: unknown = object;
  for (const step of templates.get(`${resource.group}/${resource.resource}`) ?? []) {
    value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[step] : undefined;
  }
  return typeof value === "object" && value !== null ? ({ metadata: {}, ...value } as Pod) : undefined;
}

/** Labels, tolerations and the like of a running pod may change whatever the namespace asks for by now. */
function isHarmlessUpdate({ operation, object, oldObject }: AdmissionAttributes): boolean {
  if (operation !== "UPDATE") return false;
  const relevant = (pod: ApiObject | undefined): string => {
    const {
      tolerations: _tolerations,
      activeDeadlineSeconds: _deadline,
      terminationGracePeriodSeconds: _grace,
      schedulingGates: _gates,
      ...spec
    } = (pod as Pod | undefined)?.spec ?? { containers: [] };
    return JSON.stringify({ ...spec, containers: spec.containers?.map(({ image: _image, ...rest }) => rest) });
  };
  return relevant(object) === relevant(oldObject);
}
