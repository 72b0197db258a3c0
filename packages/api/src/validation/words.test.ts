import { fieldErrorText, type GroupVersionKind } from "@coxswain/apimachinery";
import { describe, expect, it } from "vitest";
import { complete } from "../../testing/index.ts";
import { validateCreate, validateUpdate } from "../index.ts";

const of = (group: string, kind: string): GroupVersionKind => ({ group, version: "v1", kind });
const metadata = { name: "a", resourceVersion: "1" };
const made = (type: GroupVersionKind, object: object): ReturnType<typeof complete> =>
  complete(type, { metadata, ...object });

const pod = { group: "", version: "v1", resource: "pods" };
const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"] };
const webhook = (hook: object): object => ({
  webhooks: [
    {
      name: "a.example.com",
      clientConfig: { url: "https://a.example/b" },
      sideEffects: "None",
      admissionReviewVersions: ["v1"],
      ...hook,
    },
  ],
});
const hooks = of("admissionregistration.k8s.io", "ValidatingWebhookConfiguration");
const path = "/x";
const backend = { service: { name: "s", port: { number: 1 } } };
const ingress = of("networking.k8s.io", "Ingress");
const storageClass = of("storage.k8s.io", "StorageClass");
const form = "desired format: https://host[/path]";

describe("in Kubernetes' words", () => {
  it.each<[GroupVersionKind, object, string[]]>([
    [
      of("rbac.authorization.k8s.io", "ClusterRole"),
      { aggregationRule: {} },
      [
        "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
      ],
    ],
    [
      of("rbac.authorization.k8s.io", "ClusterRole"),
      { aggregationRule: { clusterRoleSelectors: [{ matchExpressions: [{ key: "k", operator: "In" }] }] } },
      [
        "aggregationRule.clusterRoleSelectors[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        "aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.",
      ],
    ],
    [
      of("rbac.authorization.k8s.io", "ClusterRoleBinding"),
      {
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "r" },
        subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "" }],
      },
      ["subjects[0].name: Required value"],
    ],
    [
      storageClass,
      { provisioner: "P", allowedTopologies: [{}] },
      ['allowedTopologies[0].matchLabelExpressions: Duplicate value: ""'],
    ],
    [
      of("scheduling.k8s.io", "PriorityClass"),
      { value: 1, preemptionPolicy: "" },
      ["preemptionPolicy: Required value"],
    ],
    [
      of("node.k8s.io", "RuntimeClass"),
      {
        handler: "h",
        overhead: { podFixed: { cpu: "-1" } },
        scheduling: {
          tolerations: [
            { key: "k", operator: "Exists", effect: "NoExecute" },
            { key: "k", operator: "Exists", effect: "NoExecute", tolerationSeconds: 5 },
          ],
        },
      },
      [
        'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
        'scheduling.tolerations[1]: Duplicate value: {"key":"k","operator":"Exists","effect":"NoExecute","tolerationSeconds":5}',
      ],
    ],
    [
      of("apiregistration.k8s.io", "APIService"),
      { metadata: { name: ".." }, spec: { groupPriorityMinimum: 1, versionPriority: 1, version: "v2" } },
      [
        "metadata.name: Invalid value: \"..\": may not be '..'",
        "spec.group: Required value: only v1 may have an empty group and it better be legacy kube",
      ],
    ],
    [
      ingress,
      {
        metadata: { name: "a", namespace: "default" },
        spec: {
          rules: [{ http: { paths: [{ path, pathType: "", backend: { resource: { kind: "", name: "" } } }] } }],
        },
      },
      [
        'spec.rules[0].http.paths[0].pathType: Unsupported value: "": supported values: "Exact", "ImplementationSpecific", "Prefix"',
        "spec.rules[0].http.paths[0].backend.resource.kind: Required value: kind is required",
        "spec.rules[0].http.paths[0].backend.resource.name: Required value: name is required",
      ],
    ],
    [
      ingress,
      {
        metadata: { name: "a", namespace: "default" },
        spec: { rules: [{ http: { paths: [{ path, pathType: "Exact", backend }] } }] },
      },
      [],
    ],
    [
      hooks,
      webhook({ clientConfig: { service: { name: "s", namespace: "" } }, sideEffects: "" }),
      [
        'webhooks[0].sideEffects: Unsupported value: "": supported values: "None", "NoneOnDryRun"',
        "webhooks[0].clientConfig.service.name: Required value",
      ],
    ],
    [
      hooks,
      webhook({ clientConfig: { url: "a.example/b" } }),
      [
        `webhooks[0].clientConfig.url: Invalid value: "": 'https' is the only allowed URL scheme; ${form}`,
        `webhooks[0].clientConfig.url: Invalid value: "": host must be specified; ${form}`,
      ],
    ],
    [
      hooks,
      webhook({ clientConfig: { url: "https://a%zz" } }),
      [
        `webhooks[0].clientConfig.url: Required value: url must be a valid URL: parse "https://a%zz": invalid URL escape "%zz"; ${form}`,
      ],
    ],
    [
      hooks,
      webhook({ rules: [{ ...rule, resources: ["*/*", "pods/*", "pods/log", ""] }] }),
      [
        "webhooks[0].rules[0].resources[1]: Invalid value: \"pods/*\": if '*/*' is present, must not specify pods/*",
        "webhooks[0].rules[0].resources[2]: Invalid value: \"pods/log\": if 'pods/*' is present, must not specify pods/log",
        "webhooks[0].rules[0].resources[3]: Required value",
        `webhooks[0].rules[0].resources: Invalid value: ["*/*","pods/*","pods/log",""]: if '*/*' is present, must not specify other resources`,
      ],
    ],
    // The last resource without a subresource counts, so nothing is said of the first of these.
    [hooks, webhook({ rules: [{ ...rule, resources: [pod.resource, "*"] }] }), []],
    [
      hooks,
      webhook({ rules: [{ ...rule, resources: ["*", pod.resource] }] }),
      [
        `webhooks[0].rules[0].resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources without subresources`,
      ],
    ],
    [
      of("certificates.k8s.io", "CertificateSigningRequest"),
      {
        metadata: { name: "." },
        spec: { request: Buffer.from("-----BEGIN CERTIFICATE REQUEST-----").toString("base64"), signerName: "a.b/c" },
      },
      ["metadata.name: Invalid value: \".\": may not be '.'", "spec.usages: Required value: usages must be provided"],
    ],
  ])("%j refuses %j", (type, object, errors) => {
    expect(validateCreate(type, made(type, object)).map(fieldErrorText)).toEqual(errors);
  });

  it("a changed storage class is judged as a new one, and for what has changed", () => {
    const [next, old] = [made(storageClass, { provisioner: "A b" }), made(storageClass, { provisioner: "a" })];
    expect(validateUpdate(storageClass, next, old).map(fieldErrorText)).toEqual([
      expect.stringMatching(/^provisioner: Invalid value: "A b": name part must consist of/),
      "provisioner: Forbidden: updates to provisioner are forbidden.",
    ]);
  });

  it("an attachment's errors are short, also when they come as its status", () => {
    const type = of("storage.k8s.io", "VolumeAttachment");
    const spec = { attacher: "a", nodeName: "n", source: { persistentVolumeName: "v" } };
    const next = made(type, { spec, status: { attached: false, attachError: { message: "x".repeat(1025) } } });
    expect(validateUpdate(type, next, made(type, { spec }), "status").map(fieldErrorText)).toEqual([
      "status.attachError.message: Too long: may not be more than 262144 bytes",
    ]);
  });

  it.each([
    ["no certificate", "must contain at least one CERTIFICATE PEM block"],
    ["-----BEGIN X-----\n-----END X-----", 'only CERTIFICATE PEM blocks are allowed, found "X"'],
    ["-----BEGIN CERTIFICATE-----\na: b\n\n-----END CERTIFICATE-----", "no PEM block headers are permitted"],
  ])("%j is not issued", (text, words) => {
    const type = of("certificates.k8s.io", "CertificateSigningRequest");
    const spec = {
      request: Buffer.from("-----BEGIN CERTIFICATE REQUEST-----").toString("base64"),
      signerName: "a.b/c",
      usages: ["any"],
    };
    const next = made(type, { spec, status: { certificate: Buffer.from(text).toString("base64") } });
    expect(validateUpdate(type, next, made(type, { spec }), "status").map(fieldErrorText)).toEqual([
      `status.certificate: Invalid value: "<certificate data>": ${words}`,
    ]);
  });
});
