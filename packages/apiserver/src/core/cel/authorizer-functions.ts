// `authorizer` in expressions: asks whether the one who sends a request may do something,
// `authorizer.group("apps").resource("deployments").namespace("x").check("create").allowed()`. After apiserver's `cel/library/authz.go`.
import type { Environment } from "@marcbachmann/cel-js";
import type { Attributes, RequestAuthorizer, ResourceAttributes, Subject, Verdict } from "../authz/attributes.ts";

type Asked = Omit<ResourceAttributes, "kind" | "user" | "verb">;

class CelAuthorizer {
  readonly authorizer: RequestAuthorizer;
  readonly user: Subject;
  /** The request itself. */
  readonly requestResource: ResourceCheck | null;

  constructor(authorizer: RequestAuthorizer, user: Subject, asked: Asked | undefined) {
    this.authorizer = authorizer;
    this.user = user;
    this.requestResource = asked ? new ResourceCheck(this, asked) : null;
  }
}

class PathCheck {
  readonly by: CelAuthorizer;
  readonly path: string;

  constructor(by: CelAuthorizer, path: string) {
    this.by = by;
    this.path = path;
  }
}

class GroupCheck {
  readonly by: CelAuthorizer;
  readonly group: string;

  constructor(by: CelAuthorizer, group: string) {
    this.by = by;
    this.group = group;
  }
}

class ResourceCheck {
  readonly by: CelAuthorizer;
  readonly asked: Asked;

  constructor(by: CelAuthorizer, asked: Asked) {
    this.by = by;
    this.asked = asked;
  }

  with(part: Partial<Asked>): ResourceCheck {
    return new ResourceCheck(this.by, { ...this.asked, ...part });
  }
}

class Decision {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    this.verdict = verdict;
  }
}

/** The value of `authorizer`; `asked` is the request's own resource. */
export function createAuthorizerValue(authorizer: RequestAuthorizer, user: Subject, asked: Asked): unknown {
  return new CelAuthorizer(authorizer, user, asked);
}

const any = { version: "*", subresource: "", namespace: "", name: "" };

export function addAuthorizerFunctions(environment: Environment): void {
  const decide = (by: CelAuthorizer, attributes: Attributes): Decision =>
    new Decision(by.authorizer.authorize(attributes));
  const part = (name: "subresource" | "namespace" | "name") => (check: ResourceCheck, text: string) =>
    check.with({ [name]: text });
  environment
    .registerType("Authorizer", CelAuthorizer)
    .registerType("PathCheck", PathCheck)
    .registerType("GroupCheck", GroupCheck)
    .registerType("ResourceCheck", ResourceCheck)
    .registerType("Decision", Decision)
    .registerFunction("Authorizer.path(string): PathCheck", (by: CelAuthorizer, path: string) => {
      if (path === "") throw new Error("path must not be empty");
      return new PathCheck(by, path);
    })
    .registerFunction(
      "Authorizer.group(string): GroupCheck",
      (by: CelAuthorizer, group: string) => new GroupCheck(by, group),
    )
    .registerFunction(
      "Authorizer.serviceAccount(string, string): Authorizer",
      (by: CelAuthorizer, namespace: string, name: string) =>
        new CelAuthorizer(by.authorizer, serviceAccount(namespace, name), undefined),
    )
    .registerFunction("GroupCheck.resource(string): ResourceCheck", ({ by, group }: GroupCheck, resource: string) => {
      if (resource === "") throw new Error("resource must not be empty");
      return new ResourceCheck(by, { ...any, group, resource });
    })
    .registerFunction("ResourceCheck.subresource(string): ResourceCheck", part("subresource"))
    .registerFunction("ResourceCheck.namespace(string): ResourceCheck", part("namespace"))
    .registerFunction("ResourceCheck.name(string): ResourceCheck", part("name"))
    .registerFunction(
      "ResourceCheck.fieldSelector(string): ResourceCheck",
      (check: ResourceCheck, fieldSelector: string) => check.with({ fieldSelector }),
    )
    // Nobody's rights here depend on labels.
    .registerFunction("ResourceCheck.labelSelector(string): ResourceCheck", (check: ResourceCheck) => check)
    .registerFunction("ResourceCheck.check(string): Decision", ({ by, asked }: ResourceCheck, verb: string) =>
      decide(by, { ...asked, kind: "resource", user: by.user, verb }),
    )
    .registerFunction("PathCheck.check(string): Decision", ({ by, path }: PathCheck, verb: string) =>
      decide(by, { kind: "path", user: by.user, verb, path }),
    )
    .registerFunction("Decision.allowed(): bool", ({ verdict }: Decision) => verdict.decision === "allow")
    .registerFunction("Decision.reason(): string", ({ verdict }: Decision) => verdict.reason)
    .registerFunction("Decision.errored(): bool", ({ verdict }: Decision) => verdict.error !== undefined)
    .registerFunction("Decision.error(): string", ({ verdict }: Decision) => verdict.error ?? "");
}

function serviceAccount(namespace: string, name: string): Subject {
  return {
    username: `system:serviceaccount:${namespace}:${name}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
  };
}
