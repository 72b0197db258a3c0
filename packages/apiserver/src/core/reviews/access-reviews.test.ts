import type { ApiObject } from "@coxswain/apimachinery";
import { describe, expect, it } from "vitest";
import { createMemoryObjects } from "../../../testing/memory-objects.ts";
import { createAuthorizer } from "../authz/authorizer.ts";
import { accessReviews } from "./access-reviews.ts";

const objects = createMemoryObjects({});
const reviews = accessReviews(createAuthorizer({ modes: ["RBAC"] }, { reader: objects }));
const user = { username: "jane", groups: ["devs"] };

async function ask(resource: string, kind: string, object: object): Promise<ApiObject> {
  const review = reviews.get(`authorization.k8s.io/${resource}`);
  if (!review) throw new Error(`no review ${resource}`);
  const asked = { apiVersion: "authorization.k8s.io/v1", kind, metadata: {}, ...object } as ApiObject;
  return review(asked, { user, namespace: "default", name: "", reader: objects });
}

const resourceAttributes = { namespace: "default", verb: "get", resource: "pods" };

describe("a review of access", () => {
  it.each([
    ["subjectaccessreviews", "SubjectAccessReview", { resourceAttributes, user: "jane" }],
    ["selfsubjectaccessreviews", "SelfSubjectAccessReview", { resourceAttributes }],
  ])("of %s has no name, it is not kept", async (resource, kind, spec) => {
    await expect(ask(resource, kind, { metadata: { name: "x" }, spec })).rejects.toThrow(
      `${kind}.authorization.k8s.io "" is invalid: metadata: Invalid value: {"name":"x"}: must be empty`,
    );
  });

  it("in a namespace asks about that namespace, or about no resource at all", async () => {
    const local = (spec: object, metadata: object = {}): Promise<ApiObject> =>
      ask("localsubjectaccessreviews", "LocalSubjectAccessReview", { metadata, spec: { user: "jane", ...spec } });
    const elsewhere = { resourceAttributes: { ...resourceAttributes, namespace: "other" } };
    await expect(local(elsewhere, { labels: {}, namespace: "default" })).rejects.toThrow(
      'metadata: Invalid value: {"labels":{},"namespace":"default"}: must be empty except for namespace, spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace',
    );
    await expect(local({ nonResourceAttributes: { path: "/" } })).rejects.toThrow(
      /is invalid: spec.nonResourceAttributes: Invalid value: \{"path":"\/"\}: disallowed on this kind of request$/,
    );
  });

  it("of all rules does not repeat what was asked", async () => {
    expect(
      await ask("selfsubjectrulesreviews", "SelfSubjectRulesReview", { spec: { namespace: "default" } }),
    ).toMatchObject({ metadata: {}, spec: {}, status: { incomplete: false } });
  });
});
