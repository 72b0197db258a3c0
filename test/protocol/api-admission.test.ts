// Admission that clients configure, with a real control plane, a real webhook server over TLS, kubectl and plain requests: webhooks that refuse
// and change objects, policies in the expression language, and custom resources that a webhook converts.
// About 15 seconds.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "@coxswain/daemon/testing";
import type { Answer, ControlPlane } from "./control-plane.ts";
import { startControlPlane } from "./control-plane.ts";

interface Review {
  readonly request: {
    readonly uid: string;
    readonly operation: string;
    readonly name?: string;
    readonly namespace?: string;
    readonly subResource?: string;
    readonly dryRun: boolean;
    readonly kind: object;
    readonly resource: object;
    readonly requestKind: object;
    readonly userInfo: { readonly username: string; readonly groups: readonly string[] };
    readonly object: { readonly metadata: { readonly name: string }; readonly [member: string]: unknown } | null;
    readonly oldObject: object | null;
    readonly options: object | null;
    readonly desiredAPIVersion: string;
    readonly objects: readonly { readonly apiVersion: string; readonly [member: string]: unknown }[];
  };
}
type Hook = (review: Review, answer: (response: object) => void) => void;

let plane: ControlPlane;
let server: Server;
let url: string;
let caBundle: string;
/** By path. */
const hooks = new Map<string, Hook>();
const asked: { readonly path: string; readonly review: Review }[] = [];

const must = (line: string, input?: unknown): Promise<string> =>
  plane.must(line.split(" "), input === undefined ? undefined : JSON.stringify(input));
const refused = async (line: string, input?: unknown): Promise<string> => {
  const { code, stderr } = await plane.kubectl(
    line.split(" "),
    input === undefined ? undefined : JSON.stringify(input),
  );
  expect([line, code]).toEqual([line, 1]);
  return stderr;
};
const maps = "/api/v1/namespaces/default/configmaps";
const map = (name: string, data: object = {}, labels: object = {}): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, labels },
  data,
});
const post = (path: string, body: unknown): Promise<Answer> => plane.call("POST", path, { body });
const message = async (answer: Promise<Answer>): Promise<readonly [number, string]> => {
  const { status, body } = await answer;
  return [status, body.message];
};

/** Asks until admission knows of a change of its configuration: the answer to a dry run is as wanted. */
async function settled(path: string, body: unknown, isReady: (answer: Answer) => boolean): Promise<void> {
  await expect
    .poll(async () => isReady(await post(`${path}?dryRun=All`, body)), { timeout: 20_000, interval: 30 })
    .toBe(true);
}

function configuration(kind: "Mutating" | "Validating", name: string, ...webhooks: readonly object[]): object {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: `${kind}WebhookConfiguration`,
    metadata: { name },
    webhooks: webhooks.map((hook) => ({
      sideEffects: "None",
      admissionReviewVersions: ["v1"],
      rules: [{ apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"], operations: ["CREATE", "UPDATE"] }],
      ...hook,
    })),
  };
}

const hook = (path: string, more: object = {}): object => ({
  name: `${path.slice(1)}.example.com`,
  clientConfig: { url: `${url}${path}`, caBundle },
  ...more,
});
const patching =
  (...operations: readonly object[]): Hook =>
  ({ request: { uid } }, answer) =>
    answer({
      uid,
      allowed: true,
      patchType: "JSONPatch",
      patch: Buffer.from(JSON.stringify(operations)).toString("base64"),
    });

beforeAll(async () => {
  plane = await startControlPlane();
  const { cert, key } = plane.pki.files("test", "apiserver");
  server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const review = JSON.parse(Buffer.concat(pieces).toString()) as Review & { apiVersion: string; kind: string };
      const path = (request.url ?? "").split("?")[0] ?? "";
      asked.push({ path, review });
      const answer = (body: object): void => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ apiVersion: review.apiVersion, kind: review.kind, response: body }));
      };
      const found = hooks.get(path);
      if (found) found(review, answer);
      else response.writeHead(500).end("no such hook");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  caBundle = plane.tls.ca.toString("base64");
});
afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
  server?.closeAllConnections();
  server?.close();
});
beforeEach(() => {
  asked.length = 0;
});

describe("validating webhooks", () => {
  it("are told all about a request, and refuse it in their own words", async () => {
    hooks.set("/guard", ({ request: { uid, object, oldObject } }, answer) => {
      const name = (object ?? (oldObject as Review["request"]["object"]))?.metadata.name ?? "";
      if (name.startsWith("bad"))
        answer({ uid, allowed: false, status: { message: "bad names are not wanted", code: 418, reason: "Teapot" } });
      else if (name === "mute") answer({ uid, allowed: false });
      else answer({ uid, allowed: true, warnings: ["seen by the guard"] });
    });
    const all = { operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["configmaps", "pods/exec"] };
    await must("create -f -", configuration("Validating", "guard", hook("/guard", { rules: [all] })));
    await settled(maps, map("bad"), ({ status }) => status === 418);
    expect(await message(post(maps, map("bad-one")))).toEqual([
      418,
      'admission webhook "guard.example.com" denied the request: bad names are not wanted',
    ]);
    expect(await message(post(maps, map("mute")))).toEqual([
      400,
      'admission webhook "guard.example.com" denied the request without explanation',
    ]);
    expect(await refused("create -f -", map("bad-two"))).toContain(
      'admission webhook "guard.example.com" denied the request: bad names are not wanted',
    );
    asked.length = 0;
    const made = await post(`${maps}?fieldManager=me`, map("good", { a: "1" }));
    expect([made.status, made.headers["warning"]]).toEqual([201, '299 - "seen by the guard"']);
    const gvk = { group: "", version: "v1", kind: "ConfigMap" };
    expect(asked.map(({ review }) => review)).toMatchObject([
      {
        apiVersion: "admission.k8s.io/v1",
        kind: "AdmissionReview",
        request: {
          kind: gvk,
          requestKind: gvk,
          resource: { group: "", version: "v1", resource: "configmaps" },
          name: "good",
          namespace: "default",
          operation: "CREATE",
          userInfo: { username: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] },
          object: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "good" }, data: { a: "1" } },
          oldObject: null,
          dryRun: false,
          options: { kind: "CreateOptions", apiVersion: "meta.k8s.io/v1", fieldManager: "me" },
        },
      },
    ]);
    asked.length = 0;
    await plane.call("DELETE", `${maps}/good`);
    expect(asked.map(({ review }) => review.request)).toMatchObject([
      {
        operation: "DELETE",
        object: null,
        oldObject: { metadata: { name: "good" } },
        options: { kind: "DeleteOptions" },
      },
    ]);
  });

  it("are not asked about what configures them, so that they can be taken away", async () => {
    hooks.set("/never", ({ request: { uid } }, answer) => answer({ uid, allowed: false }));
    const everything = { operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"] };
    await must("create -f -", configuration("Validating", "never", hook("/never", { rules: [everything] })));
    await settled(maps, map("x"), ({ status }) => status === 400);
    expect(await refused("create ns other")).toContain('admission webhook "never.example.com" denied the request');
    expect(await must("delete validatingwebhookconfiguration never guard")).toContain('"never" deleted');
    await settled(maps, map("x"), ({ status }) => status === 201);
  });

  it("are passed over or stand in the way, by their policy, when they cannot be asked", async () => {
    const [closed, waiting] = [await freePort(), 1];
    hooks.set("/slow", () => undefined);
    hooks.set("/wrong", (_review, answer) => answer({ uid: "another", allowed: true }));
    const only = (name: string): object => ({ objectSelector: { matchLabels: { ask: name } } });
    await must(
      "create -f -",
      configuration(
        "Validating",
        "away",
        { ...hook("/closed", only("closed")), clientConfig: { url: `https://127.0.0.1:${closed}/x`, caBundle } },
        hook("/slow", { ...only("slow"), timeoutSeconds: waiting }),
        hook("/wrong", only("wrong")),
        hook("/absent", only("absent")),
        { ...hook("/strange", only("strange")), clientConfig: { url: `${url}/slow` } },
        {
          ...hook("/service", only("service")),
          clientConfig: { service: { namespace: "default", name: "hook", path: "/x" } },
        },
        // The API server itself, which knows no such path: found through its service, known by the service's name.
        {
          ...hook("/self", only("self")),
          clientConfig: { service: { namespace: "default", name: "kubernetes", path: "/x" }, caBundle },
        },
        {
          ...hook("/ignored", { ...only("ignored"), failurePolicy: "Ignore" }),
          clientConfig: { url: `https://127.0.0.1:${closed}` },
        },
      ),
    );
    await settled(maps, map("x", {}, { ask: "closed" }), ({ status }) => status === 500);
    const said = async (name: string): Promise<string> => (await post(maps, map("x", {}, { ask: name }))).body.message;
    const failed = (name: string): string => `Internal error occurred: failed calling webhook "${name}.example.com": `;
    const [slow, ...others] = await Promise.all(
      ["slow", "closed", "wrong", "absent", "strange", "service", "self"].map(said),
    );
    expect(slow).toBe(
      `${failed("slow")}failed to call webhook: Post "${url}/slow?timeout=1s": context deadline exceeded`,
    );
    expect(others).toEqual([
      `${failed("closed")}failed to call webhook: Post "https://127.0.0.1:${closed}/x?timeout=10s": dial tcp 127.0.0.1:${closed}: connect: connection refused`,
      expect.stringMatching(
        /^.*"wrong.example.com": received invalid webhook response: expected response.uid="[-0-9a-f]{36}", got "another"$/,
      ),
      `${failed("absent")}failed to call webhook: an error on the server ("no such hook") has prevented the request from succeeding`,
      `${failed("strange")}failed to call webhook: Post "${url}/slow?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
      `${failed("service")}failed to call webhook: Post "https://hook.default.svc:443/x?timeout=10s": service "hook" not found`,
      `${failed("self")}failed to call webhook: forbidden: User "system:anonymous" cannot post path "/x"`,
    ]);
    expect((await post(maps, map("ignored", {}, { ask: "ignored" }))).status).toBe(201);
    await must("delete validatingwebhookconfiguration away");
  });

  it("are asked about what their conditions pick, in the version that they know", async () => {
    hooks.set("/some", ({ request: { uid } }, answer) => answer({ uid, allowed: false, status: { message: "no" } }));
    const autoscalers = [{ operations: ["CREATE"], apiGroups: ["autoscaling"], apiVersions: ["v1"], resources: ["*"] }];
    await must(
      "create -f -",
      configuration(
        "Validating",
        "some",
        hook("/some", {
          matchConditions: [
            { name: "wanted", expression: "has(object.data) && object.data.?ask.orValue('') == 'yes'" },
            { name: "not-mine", expression: "request.userInfo.username != 'system:apiserver'" },
            {
              name: "may",
              expression: "authorizer.group('').resource('pods').namespace('default').check('get').allowed()",
            },
          ],
        }),
        { ...hook("/some", { rules: autoscalers }), name: "versions.example.com" },
      ),
    );
    await settled(maps, map("x", { ask: "yes" }), ({ status }) => status === 400);
    expect((await post(`${maps}?dryRun=All`, map("x", { ask: "no" }))).status).toBe(201);
    asked.length = 0;
    const autoscaler = {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "web" },
      spec: {
        maxReplicas: 3,
        scaleTargetRef: { kind: "Deployment", name: "web", apiVersion: "apps/v1" },
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 55 } } },
        ],
      },
    };
    const path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    expect((await post(path, autoscaler)).status).toBe(400);
    expect(asked.map(({ review }) => review.request)).toMatchObject([
      {
        kind: { group: "autoscaling", version: "v1", kind: "HorizontalPodAutoscaler" },
        requestKind: { group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler" },
        object: { apiVersion: "autoscaling/v1", spec: { targetCPUUtilizationPercentage: 55 } },
      },
    ]);
    await must("delete validatingwebhookconfiguration some");
  });

  it("are checked when they are written", async () => {
    const bad = configuration("Validating", "bad", {
      ...hook("/x"),
      name: "x",
      timeoutSeconds: 31,
      sideEffects: "Some",
      clientConfig: { url: "http://x" },
      matchConditions: [
        { name: "a", expression: "object.x ==" },
        { name: "b", expression: "1 + 1" },
      ],
    });
    const said = await refused("create -f -", bad);
    for (const words of [
      'webhooks[0].name: Invalid value: "x": should be a domain with at least three segments separated by dots',
      "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
      'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
      "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
      'webhooks[0].matchConditions[0].expression: Invalid value: "object.x ==": compilation failed: ERROR: <input>:1:',
      'webhooks[0].matchConditions[1].expression: Invalid value: "1 + 1": must evaluate to bool',
    ])
      expect(said).toContain(words);
  });
});

describe("mutating webhooks", () => {
  it("change objects one after the other, and are asked again when they want it", async () => {
    hooks.set("/first", (review, answer) => {
      const seen = JSON.stringify((review.request.object as { data?: object } | null)?.data ?? {});
      patching({ op: "add", path: "/metadata/annotations", value: { "example.com/first-saw": seen } })(review, answer);
    });
    hooks.set("/second", patching({ op: "add", path: "/data/made", value: "by-second" }));
    await must(
      "create -f -",
      configuration("Mutating", "a-chain", hook("/first", { reinvocationPolicy: "IfNeeded" }), hook("/second")),
    );
    await settled(maps, map("x", { a: "1" }), ({ text }) => text.includes("by-second"));
    asked.length = 0;
    const { body, status } = await post(maps, map("changed", { a: "1" }));
    expect([status, body]).toMatchObject([
      201,
      {
        metadata: { annotations: { "example.com/first-saw": '{"a":"1","made":"by-second"}' } },
        data: { a: "1", made: "by-second" },
      },
    ]);
    expect(asked.map(({ path }) => path)).toEqual(["/first", "/second", "/first"]);
    await must("delete mutatingwebhookconfiguration a-chain");
  });

  it("leave objects that are defaulted and checked like all others", async () => {
    const pods = [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }];
    const sidecar = { op: "add", path: "/spec/containers/-", value: { name: "side", image: "side:1" } };
    hooks.set("/sidecar", patching(sidecar));
    hooks.set("/broken", patching({ op: "replace", path: "/spec/restartPolicy", value: "Sometimes" }));
    hooks.set("/nowhere", patching({ op: "remove", path: "/spec/nothing" }));
    const only = (name: string): object => ({ rules: pods, objectSelector: { matchLabels: { ask: name } } });
    await must(
      "create -f -",
      configuration(
        "Mutating",
        "pods",
        ...["sidecar", "broken", "nowhere"].map((name) => hook(`/${name}`, only(name))),
      ),
    );
    const pod = (ask: string): object => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", labels: { ask } },
      spec: { containers: [{ name: "main", image: "main:1" }], automountServiceAccountToken: false },
    });
    const path = "/api/v1/namespaces/default/pods";
    await plane.call("POST", "/api/v1/namespaces/default/serviceaccounts", {
      body: { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } },
    });
    await settled(path, pod("sidecar"), ({ text }) => text.includes("side:1"));
    const made = await post(path, pod("sidecar"));
    expect(made.body.spec).toMatchObject({
      containers: [
        { name: "main" },
        { name: "side", imagePullPolicy: "IfNotPresent", terminationMessagePath: "/dev/termination-log" },
      ],
    });
    expect(await message(post(path, pod("broken")))).toEqual([
      422,
      'Pod "p" is invalid: spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
    ]);
    expect(await message(post(path, pod("nowhere")))).toEqual([
      500,
      expect.stringMatching(/^Internal error occurred: /),
    ]);
    await must("delete mutatingwebhookconfiguration pods");
  });

  it("see the scale of a Deployment as a Scale, and may change it", async () => {
    hooks.set("/scale", patching({ op: "replace", path: "/spec/replicas", value: 2 }));
    const rules = [
      { operations: ["UPDATE"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments/scale"] },
    ];
    await must("create -f -", configuration("Mutating", "scale", hook("/scale", { rules })));
    await must("create deployment web --image=x:1");
    await expect
      .poll(async () => (await must("scale deployment web --replicas=5"), asked.length), { timeout: 20_000 })
      .toBeGreaterThan(0);
    expect(asked[0]?.review.request).toMatchObject({
      kind: { group: "autoscaling", version: "v1", kind: "Scale" },
      resource: { group: "apps", version: "v1", resource: "deployments" },
      subResource: "scale",
      object: { kind: "Scale", spec: { replicas: 5 } },
    });
    expect(await must("get deployment web -o jsonpath={.spec.replicas}")).toBe("2");
    await must("delete mutatingwebhookconfiguration scale");
  });
});

const policy = (name: string, spec: object): object => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicy",
  metadata: { name },
  spec: {
    matchConstraints: {
      ...rules(["configmaps"]),
      ...matching(name),
    },
    ...spec,
  },
});
const rules = (resources: readonly string[]): object => ({
  resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources }],
});
const binding = (name: string, spec: object): object => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicyBinding",
  metadata: { name: `${name}-binding` },
  spec: { policyName: name, validationActions: ["Deny"], ...spec },
});
const matching = (name: string): object => ({ objectSelector: { matchLabels: { ask: name } } });
const apply = async (...objects: readonly object[]): Promise<void> => {
  for (const object of objects) await must("create -f -", object);
};

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
    await must("create -f -", definition((server.address() as AddressInfo).port));
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
