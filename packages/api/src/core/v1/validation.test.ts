import { fieldErrorText } from "@coxswain/apimachinery";
import { describe, expect, it } from "vitest";
import { complete } from "../../../testing/index.ts";
import { validateCreate, validateUpdate } from "../../index.ts";

const core = (kind: string): { group: string; version: string; kind: string } => ({ group: "", version: "v1", kind });
const metadata = { name: "a", namespace: "default" };
const of = (kind: string, object: object): ReturnType<typeof complete> =>
  complete(core(kind), { metadata: { ...metadata }, ...object });
const created = (kind: string, object: object): string[] =>
  validateCreate(core(kind), of(kind, object)).map(fieldErrorText);
const updated = (kind: string, next: object, old: object): string[] =>
  validateUpdate(core(kind), of(kind, next), of(kind, old)).map(fieldErrorText);
const pod = (spec: object): object => ({ spec: { containers: [{ name: "c", image: "x" }], ...spec } });
const claimSpec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
const about = { involvedObject: { namespace: "default" } };

describe("what the core group's kinds must be", () => {
  it.each<[string, object, string[]]>([
    ["Event", { ...about, metadata: { ...metadata, name: "A_b!" } }, []],
    [
      "Event",
      { ...about, metadata: { ...metadata, name: "a/b" } },
      ["metadata.name: Invalid value: \"a/b\": may not contain '/'"],
    ],
    [
      "Secret",
      { type: "kubernetes.io/dockercfg", data: { ".dockercfg": btoa("{x") } },
      [
        "data[.dockercfg]: Invalid value: \"<secret contents redacted>\": invalid character 'x' looking for beginning of object key string",
      ],
    ],
    [
      "PersistentVolumeClaim",
      { spec: { accessModes: ["ReadWriteOnce"], volumeMode: "", resources: { requests: { storage: "1Gi" } } } },
      ['spec.volumeMode: Unsupported value: "": supported values: "Block", "Filesystem"'],
    ],
    ["Pod", pod({ preemptionPolicy: "" }), ["spec.preemptionPolicy: Required value"]],
    [
      "Node",
      {
        metadata: { name: "n" },
        spec: { taints: ["v", ""].map((value) => ({ key: "k", value, effect: "NoSchedule" })) },
      },
      [
        'metadata.taints[1]: Duplicate value: {"Key":"k","Value":"","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
      ],
    ],
    [
      "ResourceQuota",
      {
        spec: {
          hard: { "requests.storage": "1" },
          scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "Exists" }] },
        },
      },
      [
        'spec.scopeSelector.matchExpressions: Invalid value: {"MatchExpressions":[{"ScopeName":"PriorityClass","Operator":"Exists","Values":null}]}: unsupported scope applied to resource',
      ],
    ],
    [
      "Pod",
      pod({ securityContext: { windowsOptions: { runAsUserName: "-\\" } } }),
      [
        'spec.securityContext.windowsOptions.runAsUserName: Invalid value: "-\\\\": runAsUserName\'s User cannot be empty',
      ],
    ],
    [
      "Pod",
      pod({ securityContext: { windowsOptions: { runAsUserName: `:\\@${"x".repeat(104)}` } } }),
      [
        "Domain doesn't match the NetBios nor the DNS format",
        "User length must not be longer than 104 characters",
        'User cannot contain the following characters: "/\\:;|=,+*?<>@[]',
      ].map(
        (words) =>
          `spec.securityContext.windowsOptions.runAsUserName: Invalid value: ":\\\\@${"x".repeat(104)}": runAsUserName's ${words}`,
      ),
    ],
  ])("a %s that says %j", (kind, object, messages) => {
    expect(created(kind, object)).toEqual(messages);
  });

  it.each<[string, object, object, string[]]>([
    [
      "PersistentVolumeClaim",
      { metadata: { ...metadata, annotations: { "volume.beta.kubernetes.io/storage-class": "b" } } },
      { metadata },
      ['metadata.annotations.volume.beta.kubernetes.io/storage-class: Invalid value: "b": field is immutable'],
    ],
    [
      "PersistentVolumeClaim",
      {
        metadata: { ...metadata, annotations: { "volume.beta.kubernetes.io/storage-class": "b" } },
        spec: { ...claimSpec, storageClassName: "c" },
      },
      { metadata: { ...metadata, annotations: { "volume.beta.kubernetes.io/storage-class": "b" } } },
      [
        "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\nchanged: spec.storageClassName",
      ],
    ],
  ])("a %s that becomes %j", (kind, next, old, messages) => {
    expect(updated(kind, { spec: claimSpec, ...next }, { spec: claimSpec, ...old })).toEqual(messages);
  });

  it("keys of labels may be in a constraint's selector once: as what the server made of them", () => {
    const constraint = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", matchLabelKeys: ["k"] };
    const made = [{ key: "k", operator: "In", values: ["v"] }];
    const spread = (labelSelector: object): string[] =>
      created("Pod", pod({ topologySpreadConstraints: [{ ...constraint, labelSelector }] }));
    expect(spread({ matchExpressions: made })).toEqual([]);
    expect(spread({ matchLabels: { k: "v" }, matchExpressions: made })).toEqual([
      'spec.topologySpreadConstraints[0][0]: Invalid value: "k": exists in both matchLabelKeys and labelSelector',
    ]);
  });

  it("what a node reports of containers' users and devices", () => {
    const resources = { limits: { "example.com/gpu": "1" } };
    const report = (status: object): string[] => {
      const [next, old] = [{ ...pod({}), status }, pod({})].map((object) =>
        of("Pod", { ...object, spec: { containers: [{ name: "c", image: "x", resources }] } }),
      );
      return validateUpdate(core("Pod"), next!, old!, "status").map(fieldErrorText);
    };
    const allocatedResourcesStatus = [
      {
        name: "example.com/gpu",
        resources: [
          { resourceID: "0", health: "Fine" },
          { resourceID: "0", health: "Unknown" },
        ],
      },
      { name: "example.com/other" },
    ];
    const state = { image: "x", imageID: "x", ready: true, restartCount: 0 };
    expect(
      report({
        containerStatuses: [{ name: "c", ...state, user: { linux: { uid: -1, gid: 0 } }, allocatedResourcesStatus }],
        ephemeralContainerStatuses: [{ name: "e", ...state, allocatedResourcesStatus }],
      }),
    ).toEqual([
      "status.containerStatuses[0].linux.uid: Invalid value: -1: must be between 0 and 2147483647, inclusive",
      'status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].health: Unsupported value: "Fine": supported values: "Healthy", "Unhealthy", "Unknown"',
      'status.containerStatuses[0].allocatedResourcesStatus[0].resources[1].resourceID: Duplicate value: "0"',
      'status.containerStatuses[0].allocatedResourcesStatus[1].name: Invalid value: "example.com/other": must match one of the container\'s resource requests',
      "status.ephemeralContainerStatuses[0].allocatedResourcesStatus: Forbidden: must not be specified in container status",
    ]);
  });
});
