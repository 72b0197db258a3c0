// Webhooks that clients configure, with a real control plane, a real webhook server over TLS, kubectl and plain requests: they refuse and
// change objects. About 10 seconds.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "@coxswain/daemon/testing";
import type { AdmissionRig, Review } from "./admission-rig.ts";
import {
  asked,
  configuration,
  hook,
  hooks,
  map,
  maps,
  message,
  must,
  patching,
  post,
  refused,
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
