import {
  applyConfiguration,
  cloneJson,
  decode,
  type JsonObject,
  parseJson,
  type StructSchema,
} from "@coxswain/apimachinery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  defaultObject,
  findSchema,
  openApiV2,
  openApiV3,
  resources,
  tablePrinter,
  validateCreate,
  validateUpdate,
} from "./index.ts";
import { complete, pod, service } from "../testing/index.ts";

const deploymentKind = { group: "apps", version: "v1", kind: "Deployment" };
const podKind = { group: "", version: "v1", kind: "Pod" };
const containers = [{ name: "web", image: "web:1", ports: [{ containerPort: 80 }] }];
const manifest = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "default" },
  spec: {
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers } },
  },
};

function schemaOf(type: typeof podKind): StructSchema {
  const schema = findSchema(type);
  if (schema === undefined) throw new Error(`no schema for ${type.kind}`);
  return schema;
}

describe("every kind", () => {
  it.each(resources.map((info) => [info.folder, info.kind, info] as const))(
    "%s %s has a schema, empty defaults that settle, and a table",
    (_folder, _kind, info) => {
      const empty = complete(info, { metadata: { name: "x" } });
      const again = cloneJson(empty);
      defaultObject(info, again);
      expect(again).toEqual(empty);
      expect(decode(schemaOf(info), empty)).toEqual({ value: empty, complaints: [], hints: [] });
      const printer = tablePrinter(info);
      expect(printer.cells(empty, 0)).toHaveLength(printer.columns.length);
    },
  );
});

describe("decoding", () => {
  it("reports unknown fields with their paths in the document's order, and drops them", () => {
    const { value, complaints, hints } = decode(schemaOf(deploymentKind), {
      spec: { template: { spec: { containers: [{ imagee: "y", image: "x" }] } }, replcas: 2 },
      stats: {},
    });
    expect(complaints).toEqual([
      'unknown field "spec.template.spec.containers[0].imagee"',
      'unknown field "spec.replcas"',
      'unknown field "stats"',
    ]);
    expect(hints).toEqual([
      '"spec.template.spec.containers[0].imagee": did you mean "image"?',
      '"spec.replcas": did you mean "replicas"?',
      '"stats": did you mean "status"?',
    ]);
    expect(JSON.stringify(value)).not.toContain("replcas");
  });

  it("keeps integers exactly as far as int64 goes", () => {
    const decoded = (text: string): unknown =>
      decode(schemaOf(podKind), parseJson(`{"metadata":{"generation":${text}}}`)).value["metadata"];
    expect(decoded("9007199254740991")).toMatchObject({ generation: 9007199254740991 });
    expect(decoded("9007199254740993")).toMatchObject({ generation: 9007199254740993n });
    expect(() => decoded("99999999999999999999")).toThrow("cannot unmarshal number 100000000000000000000");
  });

  it.each([
    [
      { spec: { replicas: "3" } },
      "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      { spec: { template: { spec: { containers: {} } } } },
      "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
    ],
    [
      { metadata: { labels: { a: 1 } } },
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
    ],
  ])("refuses %j in Go's words", (object, message) => {
    expect(() => decode(schemaOf(deploymentKind), object)).toThrow(message);
  });
});

describe("defaults", () => {
  it("of a deployment are Kubernetes'", () => {
    expect(complete(deploymentKind, manifest)["spec"]).toEqual({
      replicas: 1,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: {
          containers: [
            {
              name: "web",
              image: "web:1",
              ports: [{ containerPort: 80, protocol: "TCP" }],
              resources: {},
              imagePullPolicy: "IfNotPresent",
              terminationMessagePath: "/dev/termination-log",
              terminationMessagePolicy: "File",
            },
          ],
          restartPolicy: "Always",
          dnsPolicy: "ClusterFirst",
          schedulerName: "default-scheduler",
          terminationGracePeriodSeconds: 30,
          securityContext: {},
        },
      },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    });
  });
});

describe("validation", () => {
  it("accepts what is complete", () => {
    expect(validateCreate(deploymentKind, complete(deploymentKind, manifest))).toEqual([]);
  });

  it("names each wrong field of a deployment", () => {
    const wrong = complete(deploymentKind, {
      ...manifest,
      spec: { ...manifest.spec, replicas: -1, selector: { matchLabels: { app: "other" } } },
    });
    expect(validateCreate(deploymentKind, wrong).map(({ field, detail }) => `${field}: ${detail}`)).toEqual([
      "spec.replicas: must be greater than or equal to 0",
      "spec.template.metadata.labels: `selector` does not match template `labels`",
    ]);
  });

  it("lets a pod change its image and nothing else", () => {
    const old = pod();
    const image = pod({ spec: { containers: [{ ...old.spec?.containers[0], name: "web", image: "web:2" }] } });
    expect(validateUpdate(podKind, image, old)).toEqual([]);
    expect(
      validateUpdate(podKind, pod({ spec: { hostNetwork: true } }), old).map(({ type, field }) => `${type} ${field}`),
    ).toEqual(["FieldValueForbidden spec"]);
  });

  it("keeps a selector as it was", () => {
    const old = complete(deploymentKind, manifest);
    const next = complete(deploymentKind, {
      ...manifest,
      spec: { ...manifest.spec, selector: { matchExpressions: [{ key: "app", operator: "Exists" }] } },
    });
    expect(validateUpdate(deploymentKind, next, old).map(({ field, detail }) => `${field}: ${detail}`)).toEqual([
      "spec.selector: field is immutable",
    ]);
  });
});

describe("tables", () => {
  it("show a pod that crashes", () => {
    const crashing = pod({
      metadata: { creationTimestamp: "2026-01-01T00:00:00Z" },
      status: {
        phase: "Running",
        podIPs: [{ ip: "10.244.0.7" }],
        containerStatuses: [
          {
            name: "web",
            image: "web:1",
            imageID: "",
            ready: false,
            restartCount: 3,
            state: { waiting: { reason: "CrashLoopBackOff" } },
            lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-01T00:04:00Z" } },
          },
        ],
      },
    });
    expect(tablePrinter(podKind).cells(crashing, Date.parse("2026-01-01T00:05:00Z"))).toEqual([
      "web",
      "0/1",
      "CrashLoopBackOff",
      "3 (60s ago)",
      "5m",
      "10.244.0.7",
      "<none>",
      "<none>",
      "<none>",
    ]);
  });

  it("show a service", () => {
    expect(
      tablePrinter({ group: "", version: "v1", kind: "Service" }).cells(service(), Date.parse("2026-01-01T01:00:00Z")),
    ).toEqual(["web", "ClusterIP", "10.96.0.50", "<none>", "80/TCP", "60m", "app=web"]);
  });
});

describe("apply", () => {
  const write = { manager: "me", apiVersion: "apps/v1", time: "2026-01-01T00:00:00Z", force: false };
  const schema = schemaOf(deploymentKind);

  it("twice is once, and taking a field back removes it", () => {
    const replicas = fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined });
    fc.assert(
      fc.property(
        replicas,
        fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2")),
        replicas,
        (first, labels, second) => {
          const config = (count: number | undefined): JsonObject => ({
            ...manifest,
            metadata: { ...manifest.metadata, labels },
            spec: { ...manifest.spec, ...(count !== undefined && { replicas: count }) },
          });
          const once = applyConfiguration(schema, undefined, config(first), write);
          expect(applyConfiguration(schema, once, config(first), { ...write, time: "2026-02-01T00:00:00Z" })).toEqual(
            once,
          );
          const changed = applyConfiguration(schema, once, config(second), write);
          expect((changed["spec"] as JsonObject)["replicas"]).toBe(second);
        },
      ),
    );
  });

  it("refuses to take a field from another manager, and says which", () => {
    const live = applyConfiguration(
      schema,
      undefined,
      { ...manifest, spec: { ...manifest.spec, replicas: 3 } },
      { ...write, manager: "other" },
    );
    expect(() =>
      applyConfiguration(schema, live, { ...manifest, spec: { ...manifest.spec, replicas: 5 } }, write),
    ).toThrow('Apply failed with 1 conflict: conflict with "other": .spec.replicas');
  });
});

describe("the OpenAPI documents", () => {
  it("refer only to what they define", () => {
    for (const [document, prefix] of [
      [openApiV2("v1"), "#/definitions/"],
      [openApiV3("apps", "v1", "v1"), "#/components/schemas/"],
    ] as const) {
      const text = JSON.stringify(document);
      const references = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference ?? ""));
      const missing = [...references].filter((reference) => !text.includes(`"${reference.slice(prefix.length)}":{`));
      expect([references.size > 50, missing]).toEqual([true, []]);
    }
  });
});
