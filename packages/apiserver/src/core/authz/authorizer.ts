// The authorizers in the order of `--authorization-mode`, with the two answers that need no policy: `system:masters` may do
// everything, and nobody else may do what no authorizer allows.
import type { ObjectReader, ObjectView } from "../request.ts";
import type { Attributes, RequestAuthorizer, Verdict } from "./attributes.ts";
import { createNodeAuthorizer } from "./node/authorizer.ts";
import { RbacPolicy } from "./rbac/policy.ts";
import { feedPolicy } from "./rbac/policy-feed.ts";

export const authorizationModes = ["AlwaysAllow", "AlwaysDeny", "RBAC", "Node"] as const;
export type AuthorizationMode = (typeof authorizationModes)[number];

export interface ClusterAuthorizer extends RequestAuthorizer {
  /** What the users may do, for rule reviews and escalation checks. Empty of rules when RBAC is not among the modes. */
  readonly policy: RbacPolicy;
  /** Resolves when all that decides has been read once. Before, answers are "no" for everybody but `system:masters`. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  synced(): boolean;
}

/** Subscribes to the views it needs at once; see `whenSynced`. */
export function createAuthorizer(
  config: { readonly modes: readonly AuthorizationMode[] },
  ports: { readonly reader: ObjectReader },
): ClusterAuthorizer {
  const policy = new RbacPolicy();
  const views: ObjectView[] = [];
  const chain = config.modes.map((mode): RequestAuthorizer => {
    switch (mode) {
      case "AlwaysAllow":
        return { authorize: () => ({ decision: "allow", reason: "" }) };
      case "AlwaysDeny":
        return { authorize: () => ({ decision: "noOpinion", reason: "Everything is forbidden." }) };
      case "RBAC":
        views.push(...feedPolicy(policy, ports.reader));
        return policy;
      case "Node": {
        const nodes = createNodeAuthorizer(ports.reader);
        views.push(...nodes.views);
        return nodes;
      }
      default:
        return mode satisfies never;
    }
  });
  return {
    policy,
    authorize: (attributes) => authorizeWith(chain, attributes),
    whenSynced: async (signal) => void (await Promise.all(views.map((view) => view.whenSynced(signal)))),
    synced: () => views.every((view) => view.synced()),
  };
}

/** Kubernetes' union: the first opinion counts, reasons of those without one are joined by ", ". */
function authorizeWith(chain: readonly RequestAuthorizer[], attributes: Attributes): Verdict {
  if (attributes.user.groups.includes("system:masters")) return { decision: "allow", reason: "" };
  const reasons: string[] = [];
  for (const authorizer of chain) {
    const verdict = authorizer.authorize(attributes);
    if (verdict.decision !== "noOpinion") return verdict;
    if (verdict.reason !== "") reasons.push(verdict.reason);
  }
  return { decision: "noOpinion", reason: reasons.join(", ") };
}
