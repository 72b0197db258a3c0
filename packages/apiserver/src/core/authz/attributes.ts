// What an authorizer is asked: who wants to do what to which thing. Kubernetes' `authorizer.Attributes`, as a value.
// It does not read requests: the pipeline, the reviews and admission each make one of these.

/** Someone who has been authenticated, or `system:anonymous`. */
export interface Subject {
  readonly username: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

export type Attributes = ResourceAttributes | NonResourceAttributes;

export interface ResourceAttributes {
  readonly kind: "resource";
  readonly user: Subject;
  readonly verb: string;
  /** "" is the core group. */
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** "" when the request is about the object itself. */
  readonly subresource: string;
  /** "" for cluster-scoped resources and for requests across all namespaces. */
  readonly namespace: string;
  /** "" when the request names no object (list, create, …). */
  readonly name: string;
  /** Of a list or watch, as sent. The node authorizer lets a node see pods only with `spec.nodeName=` itself. */
  readonly fieldSelector?: string | undefined;
}

export interface NonResourceAttributes {
  readonly kind: "path";
  readonly user: Subject;
  readonly verb: string;
  readonly path: string;
}

/**
 * `allow` ends the question with yes, `deny` with no; `noOpinion` asks the next authorizer and becomes no when nobody has one.
 * `error` tells what could not be looked up on the way.
 */
export interface Verdict {
  readonly decision: "allow" | "deny" | "noOpinion";
  readonly reason: string;
  readonly error?: string;
}

/** Answers from memory. Everything it needs is kept up to date by watches, so that a request never waits here. */
export interface RequestAuthorizer {
  authorize(attributes: Attributes): Verdict;
}
