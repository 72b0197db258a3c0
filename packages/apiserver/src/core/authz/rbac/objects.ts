// What RBAC decisions read of the four kinds of `rbac.authorization.k8s.io/v1`: a narrower view of the generated types, so that
// built-in policy, tests and stored objects are all accepted.
import type { PolicyRule } from "./rule.ts";

interface Meta {
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined;
  readonly matchExpressions?:
    | readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined }[]
    | undefined;
}

export interface ClusterRole {
  readonly metadata: Meta;
  readonly rules?: readonly PolicyRule[] | undefined;
  readonly aggregationRule?: { readonly clusterRoleSelectors?: readonly Selector[] | undefined } | undefined;
}

export interface Role {
  readonly metadata: Meta;
  readonly rules?: readonly PolicyRule[] | undefined;
}

export interface RoleRef {
  readonly apiGroup?: string | undefined;
  readonly kind: string;
  readonly name: string;
}

export interface RoleSubject {
  readonly kind: string;
  readonly apiGroup?: string | undefined;
  readonly name: string;
  readonly namespace?: string | undefined;
}

/** A RoleBinding, or without a namespace a ClusterRoleBinding. */
export interface RoleBinding {
  readonly metadata: Meta;
  readonly subjects?: readonly RoleSubject[] | undefined;
  readonly roleRef: RoleRef;
}
