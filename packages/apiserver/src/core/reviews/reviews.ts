// All kinds that are answered and never stored, for the registry.
import type { ClusterAuthorizer } from "../authz/authorizer.ts";
import type { Review } from "../request.ts";
import { accessReviews } from "./access-reviews.ts";
import { identityReviews, type IdentityReviewConfig, type IdentityReviewPorts } from "./identity-reviews.ts";

/** Keyed "group/resource" or "group/resource/subresource"; the core group is "". */
export function reviews(
  config: IdentityReviewConfig,
  ports: IdentityReviewPorts & { readonly authorizer: ClusterAuthorizer },
): ReadonlyMap<string, Review> {
  return new Map([...accessReviews(ports.authorizer), ...identityReviews(config, ports)]);
}
