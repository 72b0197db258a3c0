// Admission policies in the expression language, and custom resources that a webhook converts, with a real control plane, kubectl and plain
// requests. About 8 seconds.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AdmissionRig, Hook } from "./admission-rig.ts";
import {
  apply,
  asked,
  binding,
  hooks,
  map,
  maps,
  matching,
  message,
  must,
  policy,
  post,
  refused,
  rules,
  settled,
  startAdmission,
} from "./admission-rig.ts";
import type { ControlPlane } from "./control-plane.ts";

let plane: ControlPlane;
let url: string;
let caBundle: string;
let rig: AdmissionRig;
beforeAll(async () => {
  rig = await startAdmission();
  ({ plane, url, caBundle } = rig);
});
afterAll(() => rig?.[Symbol.asyncDispose]());
beforeEach(() => {
  asked.length = 0;
});

describe("validating admission policies", () => {
  it("refuse what their expressions do not hold for, each in its own words and by its reason", async () => {
    const validations = [
      {
        expression: "object.data.size() <= variables.most",
        messageExpression: "'at most %d entries'.format([variables.most])",
      },
      { expression: "!has(object.data.secret)", message: "no secrets here", reason: "Forbidden" },
      { expression: "request.operation == 'CREATE' || oldObject.data.a == object.data.a" },
      { expression: "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == request.namespace" },
      { expression: "object.data.?fail.orValue('') == '' || object.nothing.at.all" },
    ];
    const variables = [
      { name: "base", expression: "1" },
      { name: "most", expression: "variables.base + 2" },
      { name: "broken", expression: "object.nowhere.near" },
    ];
    await apply(policy("limits", { validations, variables }), binding("limits", {}));
    const many = { a: "1", b: "2", c: "3", d: "4" };
    await settled(maps, map("x", many, { ask: "limits" }), ({ status }) => status === 422);
    const said = (data: object): Promise<readonly [number, string]> =>
      message(post(maps, map("x", data, { ask: "limits" })));
    const denied = (words: string): string =>
      `configmaps "x" is forbidden: ValidatingAdmissionPolicy 'limits' with binding 'limits-binding' denied request: ${words}`;
    expect(await said(many)).toEqual([422, denied("at most 3 entries")]);
    expect(await said({ secret: "x" })).toEqual([403, denied("no secrets here")]);
    expect(await said({ fail: "x" })).toEqual([
      422,
      denied(
        "expression 'object.data.?fail.orValue('') == '' || object.nothing.at.all' resulted in error: no such key: nothing",
      ),
    ]);
    expect(await refused("create -f -", map("x", many, { ask: "limits" }))).toBe(
      `The configmaps "x" is invalid: : ${denied("at most 3 entries").replace(/^.*?: /, "")}\n`,
    );
    expect((await post(maps, map("limited", { a: "1" }, { ask: "limits" }))).status).toBe(201);
    const changed = await plane.call("PATCH", `${maps}/limited`, {
      headers: { "content-type": "application/merge-patch+json" },
      body: { data: { a: "2" } },
    });
    expect([changed.status, changed.body.message]).toEqual([
      422,
      `configmaps "limited" is forbidden: ValidatingAdmissionPolicy 'limits' with binding 'limits-binding' denied request: failed expression: request.operation == 'CREATE' || oldObject.data.a == object.data.a`,
    ]);
    await expect
      .poll(() => must("get validatingadmissionpolicy limits -o jsonpath={.status.observedGeneration}"), {
        timeout: 20_000,
      })
      .toBe("1");
  });

  it("take parameters from objects that their bindings name, and warn when told to", async () => {
    const paramKind = { apiVersion: "v1", kind: "ConfigMap" };
    const validations = [{ expression: "object.data.size() <= int(params.data.most)", message: "too many" }];
    await apply(
      map("strict", { most: "1" }, { params: "yes" }),
      policy("tuned", { paramKind, validations }),
      binding("tuned", { paramRef: { name: "strict", namespace: "default", parameterNotFoundAction: "Deny" } }),
      policy("warned", { paramKind, validations }),
      binding("warned", {
        validationActions: ["Warn", "Audit"],
        paramRef: { selector: { matchLabels: { params: "yes" } }, parameterNotFoundAction: "Allow" },
      }),
      policy("lost", { paramKind, validations }),
      binding("lost", { paramRef: { name: "absent", parameterNotFoundAction: "Deny" } }),
      policy("unknown", { paramKind: { apiVersion: "rules.example.com/v1", kind: "Rule" }, validations }),
      binding("unknown", { paramRef: { name: "x", parameterNotFoundAction: "Deny" } }),
    );
    const two = { a: "1", b: "2" };
    await settled(maps, map("x", two, { ask: "unknown" }), ({ status }) => status === 422);
    const said = async (ask: string): Promise<string> => (await post(maps, map("x", two, { ask }))).body.message;
    expect(await Promise.all(["tuned", "lost", "unknown"].map(said))).toEqual([
      `configmaps "x" is forbidden: ValidatingAdmissionPolicy 'tuned' with binding 'tuned-binding' denied request: too many`,
      `configmaps "x" is forbidden: ValidatingAdmissionPolicy 'lost' with binding 'lost-binding' denied request: failed to configure binding: no params found for policy binding with \`Deny\` parameterNotFoundAction`,
      `configmaps "x" is forbidden: ValidatingAdmissionPolicy 'unknown' denied request: failed to configure policy: failed to find resource referenced by paramKind: 'rules.example.com/v1, Kind=Rule'`,
    ]);
    const warned = await post(maps, map("warned", two, { ask: "warned" }));
    expect([warned.status, warned.headers["warning"]]).toEqual([
      201,
      `299 - "Validation failed for ValidatingAdmissionPolicy 'warned' with binding 'warned-binding': too many"`,
    ]);
  });

  it("are checked when they are written", async () => {
    const validations = [{ expression: "object.x == params.y" }, { expression: "'text'" }];
    const said = await refused("create -f -", policy("bad", { validations }));
    expect(said).toContain(
      `spec.validations[0].expression: Invalid value: "object.x == params.y": compilation failed: ERROR: <input>:1:13: undeclared reference to 'params' (in container '')`,
    );
    expect(said).toContain(`spec.validations[1].expression: Invalid value: "'text'": must evaluate to bool`);
  });

  it("are warned about in their status where types do not fit, also those of custom resources", async () => {
    const properties = { spec: { type: "object", properties: { replicas: { type: "integer" } } } };
    const openAPIV3Schema = { type: "object", properties };
    await must("create -f -", {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "typeds.types.example.com" },
      spec: {
        group: "types.example.com",
        scope: "Namespaced",
        names: { plural: "typeds", singular: "typed", kind: "Typed" },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema } }],
      },
    });
    await must("wait --for condition=established --timeout=30s crd/typeds.types.example.com");
    const confused = (name: string, group: string, resource: string): object =>
      policy(name, {
        matchConstraints: {
          resourceRules: [{ apiGroups: [group], apiVersions: ["v1"], operations: ["CREATE"], resources: [resource] }],
        },
        validations: [{ expression: "object.spec.replicas > '1'", messageExpression: "'a' + object.spec.replicas" }],
      });
    await apply(confused("built-in", "apps", "deployments"), confused("custom", "types.example.com", "typeds"));
    for (const [name, of] of [
      ["built-in", "apps/v1, Kind=Deployment"],
      ["custom", "types.example.com/v1, Kind=Typed"],
    ]) {
      const path = `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/${name}`;
      const status = async (): Promise<unknown> =>
        (JSON.parse((await plane.call("GET", path)).text) as object & { status?: object }).status;
      await expect.poll(status, { timeout: 20_000 }).toMatchObject({ observedGeneration: 1 });
      expect(await status()).toMatchObject({
        typeChecking: {
          expressionWarnings: [
            {
              fieldRef: "spec.validations[0].expression",
              warning: expect.stringContaining(
                `${of}: ERROR: <input>:1:22: found no matching overload for '_>_'`,
              ) as string,
            },
            { fieldRef: "spec.validations[0].messageExpression", warning: expect.stringContaining("'_+_'") as string },
          ],
        },
      });
    }
    await must("delete crd typeds.types.example.com");
  });
});

describe("mutating admission policies", () => {
  it("apply configurations and patches that expressions make, again after a change when they want it", async () => {
    const mutating = (name: string, mutations: readonly object[], more: object = {}): object => ({
      ...policy(name, {
        reinvocationPolicy: "Never",
        mutations,
        ...more,
      }),
      kind: "MutatingAdmissionPolicy",
    });
    const bound = (name: string): object => ({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingAdmissionPolicyBinding",
      metadata: { name: `${name}-binding` },
      spec: { policyName: name },
    });
    const applying = (expression: string): object => ({
      patchType: "ApplyConfiguration",
      applyConfiguration: { expression },
    });
    const patch = (expression: string): object => ({ patchType: "JSONPatch", jsonPatch: { expression } });
    const where = { matchConstraints: { ...rules(["configmaps"]), ...matching("made") } };
    await apply(
      mutating(
        "a-counts",
        [
          patch(
            "[JSONPatch{op: 'add', path: '/metadata/annotations/' + jsonpatch.escapeKey('example.com/size'), value: string(object.data.size())}]",
          ),
        ],
        {
          ...where,
          reinvocationPolicy: "IfNeeded",
          matchConditions: [{ name: "has", expression: "has(object.metadata.annotations)" }],
        },
      ),
      bound("a-counts"),
      mutating(
        "b-adds",
        [
          applying(
            "Object{metadata: Object.metadata{labels: {'made': variables.by}}, data: {'added': 'Object{x: 1}'}}",
          ),
        ],
        { ...where, variables: [{ name: "by", expression: "request.userInfo.username" }] },
      ),
      bound("b-adds"),
      mutating("c-fails", [patch("[JSONPatch{op: 'test', path: '/data/a', value: 'other'}]")], {
        matchConstraints: { ...rules(["configmaps"]), ...matching("fails") },
      }),
      bound("c-fails"),
    );
    await settled(maps, map("x", { a: "1" }, { ask: "fails" }), ({ status }) => status === 403);
    const made = await post(maps, {
      ...map("made", { a: "1" }, { ask: "made" }),
      metadata: { name: "made", labels: { ask: "made" }, annotations: { own: "x" } },
    });
    expect([made.status, made.body]).toMatchObject([
      201,
      {
        metadata: {
          labels: { ask: "made", made: "kubernetes-admin" },
          annotations: { own: "x", "example.com/size": "2" },
        },
        data: { a: "1", added: "Object{x: 1}" },
      },
    ]);
    const [status, said] = await message(post(maps, map("x", { a: "1" }, { ask: "fails" })));
    expect([status, said]).toEqual([
      403,
      expect.stringMatching(/^policy 'c-fails' with binding 'c-fails-binding' denied request: JSON Patch: /),
    ]);
    expect(await refused("create -f -", mutating("bad", [applying("Object{spec: Object.other{}}")], where))).toContain(
      'spec.mutations[0].applyConfiguration.expression: Invalid value: "Object{spec: Object.other{}}": compilation failed: type mismatch: unexpected type name "Object.other", expected "Object.spec", which matches field name path from root Object type',
    );
  });
});

describe("custom resources that a webhook converts", () => {
  const group = "stable.example.com";
  const schema = (properties: object): object => ({
    openAPIV3Schema: { type: "object", properties: { spec: { type: "object", properties } } },
  });
  const definition = (port: number): object => ({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `hosts.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "hosts", singular: "host", kind: "Host" },
      conversion: {
        strategy: "Webhook",
        webhook: {
          conversionReviewVersions: ["v1"],
          clientConfig: { url: `https://127.0.0.1:${port}/convert`, caBundle },
        },
      },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: schema({ host: { type: "string" }, port: { type: "integer" } }),
        },
        {
          name: "v1beta1",
          served: true,
          storage: false,
          schema: schema({ address: { type: "string" }, weight: { type: "integer", default: 5 } }),
        },
      ],
    },
  });
  const convert: Hook = ({ request: { uid, desiredAPIVersion, objects } }, answer) => {
    const convertedObjects = objects.map(({ spec, ...object }) => {
      const { host = "", port = 0, address = "" } = spec as { host?: string; port?: number; address?: string };
      const [name, number] = address.split(":");
      const made = desiredAPIVersion.endsWith("/v1")
        ? { host: name, port: Number(number) }
        : { address: `${host}:${port}` };
      return { ...object, apiVersion: desiredAPIVersion, spec: made };
    });
    answer({ uid, result: { status: "Success" }, convertedObjects });
  };
  const path = (version: string, name = ""): string =>
    `/apis/${group}/${version}/namespaces/default/hosts${name === "" ? "" : `/${name}`}`;
  const spec = async (version: string, name: string): Promise<unknown> =>
    (await plane.call("GET", path(version, name))).body.spec;

  it("are stored in one version and served, listed, changed and watched in every other", async () => {
    hooks.set("/convert", convert);
    await must("create -f -", definition(Number(new URL(url).port)));
    await must(`wait --for condition=established --timeout=30s crd/hosts.${group}`);
    const make = (name: string, version: string, content: object): object => ({
      apiVersion: `${group}/${version}`,
      kind: "Host",
      metadata: { name },
      spec: content,
    });
    const first = await post(path("v1beta1"), make("a", "v1beta1", { address: "h:1" }));
    expect([first.status, first.body.spec]).toEqual([201, { address: "h:1", weight: 5 }]);
    expect((await post(path("v1"), make("b", "v1", { host: "g", port: 2 }))).status).toBe(201);
    expect(await spec("v1", "a")).toEqual({ host: "h", port: 1 });
    expect(await spec("v1beta1", "b")).toEqual({ address: "g:2", weight: 5 });
    asked.length = 0;
    const { body } = await plane.call("GET", path("v1beta1"));
    expect(body.items.map(({ metadata, spec: shown }) => [metadata.name, shown])).toEqual([
      ["a", { address: "h:1", weight: 5 }],
      ["b", { address: "g:2", weight: 5 }],
    ]);
    expect(asked).toHaveLength(1);
    const from = body.metadata.resourceVersion;
    const patched = await plane.call("PATCH", path("v1beta1", "b"), {
      headers: { "content-type": "application/merge-patch+json" },
      body: { spec: { address: "g:3" } },
    });
    expect(patched.body.spec).toEqual({ address: "g:3", weight: 5 });
    expect(await spec("v1", "b")).toEqual({ host: "g", port: 3 });
    await plane.call("DELETE", path("v1beta1", "a"));
    const events = async (query: string): Promise<unknown[]> =>
      (await plane.call("GET", `${path("v1beta1")}?watch=true&timeoutSeconds=1&${query}`)).text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { type: string; object: { metadata: { name: string }; spec: unknown } })
        .map(({ type, object }) => [type, object.metadata.name, object.spec]);
    expect(await events(`resourceVersion=${from}`)).toEqual([
      ["MODIFIED", "b", { address: "g:3", weight: 5 }],
      ["DELETED", "a", { address: "h:1", weight: 5 }],
    ]);
    expect(await events("")).toEqual([["ADDED", "b", { address: "g:3", weight: 5 }]]);
    expect(await must(`get hosts.v1beta1.${group} b -o jsonpath={.spec.address}`)).toBe("g:3");
  });

  it("are not served when the webhook says no, or says nonsense", async () => {
    hooks.set("/convert", ({ request: { uid } }, answer) =>
      answer({ uid, result: { status: "Failure", message: "not today" } }),
    );
    const kind = `conversion webhook for ${group}/v1, Kind=Host`;
    expect(await message(plane.call("GET", path("v1beta1", "b")))).toEqual([500, `${kind} failed: not today`]);
    hooks.set("/convert", ({ request: { uid, desiredAPIVersion, objects } }, answer) =>
      answer({
        uid,
        result: { status: "Success" },
        convertedObjects: objects.map((object) => ({
          ...object,
          apiVersion: desiredAPIVersion,
          metadata: { name: "z" },
        })),
      }),
    );
    expect(await message(plane.call("GET", path("v1beta1", "b")))).toEqual([
      500,
      `${kind} returned invalid converted object at index 0: must have the same name: b != z`,
    ]);
    expect(await spec("v1", "b")).toEqual({ host: "g", port: 3 });
    hooks.set("/convert", convert);
    const bad = { ...definition(1), metadata: { name: `hosts2.${group}` } } as object as {
      spec: { conversion: object };
    };
    bad.spec.conversion = { strategy: "Webhook", webhook: { conversionReviewVersions: ["v7"], clientConfig: {} } };
    const said = await refused("create -f -", bad);
    expect(said).toContain(
      "spec.conversion.webhookClientConfig: Required value: exactly one of url or service is required",
    );
    expect(said).toContain(
      'spec.conversion.conversionReviewVersions: Invalid value: ["v7"]: must include at least one of v1, v1beta1',
    );
  });
});
