// Kubernetes' sentences for "no": `pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "y"`.
// It decides nothing and knows no HTTP.
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Attributes } from "./attributes.ts";

/** The 403 Status. */
export function forbidden(attributes: Attributes, reason: string): StatusError {
  return new StatusError({
    ...statuses.forbidden({ group: "", resource: "" }, "", ""),
    message: forbiddenMessage(attributes, reason),
    details: forbiddenDetails(attributes),
  });
}

/** What stands in `message` of the 403 Status. */
export function forbiddenMessage(attributes: Attributes, reason: string): string {
  const sentence = escapeMarkup(cannot(attributes));
  const detail = reason === "" ? sentence : `${sentence}: ${reason}`;
  if (attributes.kind === "path") return `forbidden: ${detail}`;
  const qualified = attributes.group === "" ? attributes.resource : `${attributes.resource}.${attributes.group}`;
  return attributes.name === ""
    ? `${qualified} is forbidden: ${detail}`
    : `${qualified} ${JSON.stringify(attributes.name)} is forbidden: ${detail}`;
}

/** The `details` of the 403 Status: empty members are left out, as Go's encoder does. */
export function forbiddenDetails(attributes: Attributes): { name?: string; group?: string; kind?: string } {
  if (attributes.kind === "path") return {};
  return {
    ...(attributes.name === "" ? {} : { name: attributes.name }),
    ...(attributes.group === "" ? {} : { group: attributes.group }),
    kind: attributes.resource,
  };
}

function cannot(attributes: Attributes): string {
  const who = `User ${JSON.stringify(attributes.user.username)} cannot ${attributes.verb}`;
  if (attributes.kind === "path") return `${who} path ${JSON.stringify(attributes.path)}`;
  const resource =
    attributes.subresource === "" ? attributes.resource : `${attributes.resource}/${attributes.subresource}`;
  const scope =
    attributes.namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(attributes.namespace)}`;
  return `${who} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(attributes.group)} ${scope}`;
}

/** The words may end in a browser: the same three replacements as Kubernetes makes. */
function escapeMarkup(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
