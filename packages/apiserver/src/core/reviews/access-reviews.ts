// SubjectAccessReview and its sisters: the authorizer's answer as an object. `kubectl auth can-i` asks SelfSubjectAccessReview,
// `auth can-i --list` SelfSubjectRulesReview. Nothing is stored and nothing is decided here.
import { type ApiObject, type FieldError, fieldErrors, StatusError, statuses } from "@coxswain/apimachinery";
import type {
  LocalSubjectAccessReview,
  ResourceRule,
  SelfSubjectAccessReview,
  SelfSubjectAccessReviewSpec,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewStatus,
} from "@coxswain/api/authorization/v1";
import type { Attributes } from "../authz/attributes.ts";
import type { ClusterAuthorizer } from "../authz/authorizer.ts";
import { nodeOf } from "../authz/node/authorizer.ts";
import { aggregateErrors } from "../authz/rbac/policy.ts";
import type { Review, UserInfo } from "../request.ts";

const group = "authorization.k8s.io";

/** The four reviews by their key in the registry. */
export function accessReviews(authorizer: ClusterAuthorizer): ReadonlyMap<string, Review> {
  return new Map<string, Review>([
    [`${group}/subjectaccessreviews`, (object) => subject(object as SubjectAccessReview)],
    [
      `${group}/localsubjectaccessreviews`,
      (object, { namespace }) => local(object as LocalSubjectAccessReview, namespace),
    ],
    [`${group}/selfsubjectaccessreviews`, (object, { user }) => self(object as SelfSubjectAccessReview, user)],
    [`${group}/selfsubjectrulesreviews`, (object, { user }) => rules(object as SelfSubjectRulesReview, user)],
  ]);

  async function subject(review: SubjectAccessReview): Promise<ApiObject> {
    refuseIf(review, [...specErrors(review.spec), ...subjectErrors(review.spec), ...metadataErrors(review)]);
    return { ...review, status: judge(review.spec, subjectOf(review)) } as SubjectAccessReview;
  }

  async function local(review: LocalSubjectAccessReview, namespace: string): Promise<ApiObject> {
    const errors = [
      ...specErrors(review.spec),
      ...subjectErrors(review.spec),
      ...metadataErrors(review, "must be empty except for namespace"),
    ];
    const asked = review.spec.resourceAttributes;
    if (asked !== undefined && asked.namespace !== namespace) {
      errors.push(
        fieldErrors.invalid(
          "spec.resourceAttributes.namespace",
          asked.namespace ?? "",
          "must match metadata.namespace",
        ),
      );
    }
    if (review.spec.nonResourceAttributes !== undefined) {
      errors.push(
        fieldErrors.invalid(
          "spec.nonResourceAttributes",
          review.spec.nonResourceAttributes,
          "disallowed on this kind of request",
        ),
      );
    }
    refuseIf(review, errors);
    return { ...review, status: judge(review.spec, subjectOf(review)) } as LocalSubjectAccessReview;
  }

  async function self(review: SelfSubjectAccessReview, user: UserInfo): Promise<ApiObject> {
    refuseIf(review, [...specErrors(review.spec), ...metadataErrors(review)]);
    return { ...review, status: judge(review.spec, user) } as SelfSubjectAccessReview;
  }

  async function rules(review: SelfSubjectRulesReview, user: UserInfo): Promise<ApiObject> {
    const namespace = review.spec.namespace ?? "";
    if (namespace === "") throw new StatusError(statuses.badRequest("no namespace on request"));
    const held = authorizer.policy.rulesFor(user, namespace);
    const errors = [...held.errors];
    const isNode = nodeOf(user) !== undefined;
    if (isNode) errors.push("node authorizer does not support user rule resolution");
    const resourceRules: ResourceRule[] = [];
    const nonResourceRules: { verbs: string[]; nonResourceURLs: string[] }[] = [];
    for (const rule of held.rules) {
      const verbs = [...rule.verbs];
      if ((rule.resources ?? []).length > 0) {
        resourceRules.push({
          verbs,
          apiGroups: [...(rule.apiGroups ?? [])],
          resources: [...(rule.resources ?? [])],
          ...((rule.resourceNames ?? []).length === 0 ? {} : { resourceNames: [...(rule.resourceNames ?? [])] }),
        });
      }
      if ((rule.nonResourceURLs ?? []).length > 0)
        nonResourceRules.push({ verbs, nonResourceURLs: [...(rule.nonResourceURLs ?? [])] });
    }
    const evaluation = errors.length === 0 ? {} : { evaluationError: aggregateErrors(errors) };
    const status = { resourceRules, nonResourceRules, incomplete: isNode || errors.length > 0, ...evaluation };
    // What was asked is not said again.
    return { ...review, metadata: {} as typeof review.metadata, spec: {}, status } as SelfSubjectRulesReview;
  }

  function judge(spec: SelfSubjectAccessReviewSpec, user: UserInfo): SubjectAccessReviewStatus {
    const { decision, reason, error } = authorizer.authorize(attributesOf(spec, user));
    return {
      allowed: decision === "allow",
      ...(decision === "deny" ? { denied: true } : {}),
      ...(reason === "" ? {} : { reason }),
      ...(error === undefined ? {} : { evaluationError: error }),
    };
  }
}

function subjectOf(review: SubjectAccessReview | LocalSubjectAccessReview): UserInfo {
  const { user = "", groups = [], uid, extra } = review.spec;
  return { username: user, groups, uid, extra };
}

function attributesOf(spec: SelfSubjectAccessReviewSpec, user: UserInfo): Attributes {
  const { resourceAttributes: asked, nonResourceAttributes: path } = spec;
  if (asked === undefined) return { kind: "path", user, verb: path?.verb ?? "", path: path?.path ?? "" };
  return {
    kind: "resource",
    user,
    verb: asked.verb ?? "",
    group: asked.group ?? "",
    version: asked.version ?? "",
    resource: asked.resource ?? "",
    subresource: asked.subresource ?? "",
    namespace: asked.namespace ?? "",
    name: asked.name ?? "",
    fieldSelector: asked.fieldSelector?.rawSelector,
  };
}

function specErrors(spec: SelfSubjectAccessReviewSpec): FieldError[] {
  const both = spec.resourceAttributes !== undefined && spec.nonResourceAttributes !== undefined;
  const neither = spec.resourceAttributes === undefined && spec.nonResourceAttributes === undefined;
  if (both)
    return [
      fieldErrors.invalid(
        "spec.nonResourceAttributes",
        spec.nonResourceAttributes,
        "cannot be specified in combination with resourceAttributes",
      ),
    ];
  if (neither)
    return [
      fieldErrors.invalid(
        "spec.resourceAttributes",
        spec.resourceAttributes,
        "exactly one of nonResourceAttributes or resourceAttributes must be specified",
      ),
    ];
  return [];
}

/** A review is not kept, so it has no name. */
function metadataErrors({ metadata }: ApiObject, words = "must be empty"): FieldError[] {
  const { namespace: _namespace, managedFields: _fields, uid: _uid, creationTimestamp: _time, ...rest } = metadata;
  return Object.keys(rest).length === 0 ? [] : [fieldErrors.invalid("metadata", metadata, words)];
}

function subjectErrors(spec: { user?: string | undefined; groups?: string[] | undefined }): FieldError[] {
  if ((spec.user ?? "") !== "" || (spec.groups ?? []).length > 0) return [];
  return [fieldErrors.invalid("spec.user", spec.user ?? "", "at least one of user or group must be specified")];
}

function refuseIf(review: ApiObject, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw new StatusError(statuses.invalid({ group, kind: review.kind }, "", errors));
}
