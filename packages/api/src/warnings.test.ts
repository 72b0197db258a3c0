import { describe, expect, it } from "vitest";
import { complete } from "../testing/complete.ts";
import { kindWarnings, objectWarnings } from "./warnings.ts";

const container = { name: "c", image: "i" };

/** What the creator of such a kind is told. */
function warningsOf(group: string, kind: string, manifest: Record<string, unknown>): string[] {
  const type = { group, version: "v1", kind };
  return objectWarnings(type, complete(type, { metadata: { name: "x" }, ...manifest }));
}

describe("warnings of pods", () => {
  it.each<[Record<string, unknown>, string[]]>([
    [{ nodeSelector: { "kubernetes.io/os": "linux" } }, []],
    [
      { nodeSelector: { "beta.kubernetes.io/os": "linux" } },
      ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
    ],
    [
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: "failure-domain.beta.kubernetes.io/zone", operator: "Exists" }] },
              ],
            },
          },
          podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "k" }] },
        },
      },
      [
        'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
        "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null labelSelector results in matching no pod",
      ],
    ],
    [
      {
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: "beta.kubernetes.io/arch", whenUnsatisfiable: "DoNotSchedule" },
        ],
      },
      [
        'spec.topologySpreadConstraints[0].topologyKey: beta.kubernetes.io/arch is deprecated since v1.14; use "kubernetes.io/arch" instead',
        "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
      ],
    ],
    [{ volumes: [{ name: "v", gitRepo: { repository: "r" } }] }, ["spec.volumes[0].gitRepo: deprecated in v1.11"]],
    [
      { hostAliases: [{ ip: "1.1.1.1" }, { ip: "1.1.1.1" }], imagePullSecrets: [{ name: "s" }, { name: "s" }, {}] },
      [
        'spec.hostAliases[1].ip: duplicate ip "1.1.1.1"',
        'spec.imagePullSecrets[1].name: duplicate name "s"',
        'spec.imagePullSecrets[2].name: invalid empty name ""',
      ],
    ],
    [
      { containers: [{ ...container, resources: { limits: { memory: "100m" }, requests: { memory: "1" } } }] },
      ['spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer'],
    ],
    [
      {
        containers: [
          { ...container, ports: [{ containerPort: 80 }] },
          { ...container, name: "d", ports: [{ containerPort: 80 }, { containerPort: 81, hostIP: "1.1.1.1" }] },
        ],
      },
      [
        "spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]",
        "spec.containers[1].ports[1]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:81 Protocol:TCP HostIP:1.1.1.1}",
      ],
    ],
    [
      { terminationGracePeriodSeconds: -1 },
      ["spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"],
    ],
  ])("%j", (spec, warnings) => {
    expect(warningsOf("", "Pod", { spec: { containers: [container], ...spec } })).toEqual(warnings);
  });

  it("tell of annotations that do nothing and of names that are no host names", () => {
    const metadata = { name: "a.b", annotations: { "seccomp.security.alpha.kubernetes.io/pod": "x" } };
    expect(warningsOf("", "Pod", { metadata, spec: { containers: [container] } })).toEqual([
      "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
      'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead',
    ]);
  });
});

describe("warnings of other kinds", () => {
  it.each<[string, string, Record<string, unknown>, string[]]>([
    [
      "batch",
      "CronJob",
      {
        spec: {
          schedule: "* * * * *",
          jobTemplate: {
            spec: { template: { spec: { containers: [container], nodeSelector: { "beta.kubernetes.io/os": "l" } } } },
          },
        },
      },
      [
        'spec.jobTemplate.spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
      ],
    ],
    [
      "",
      "Service",
      { spec: { clusterIP: "None", sessionAffinity: "ClientIP", externalName: "x.y", ports: [{ port: 1 }] } },
      [
        "spec.SessionAffinity is ignored for headless services",
        'spec.externalName is ignored when spec.type is not "ExternalName"',
      ],
    ],
    [
      "",
      "PersistentVolumeClaim",
      { spec: { resources: { requests: { storage: "100m" } } } },
      ['spec.resources.requests[storage]: fractional byte value "100m" is invalid, must be an integer'],
    ],
    [
      "",
      "PersistentVolume",
      { spec: { persistentVolumeReclaimPolicy: "Recycle", capacity: { storage: "1Gi" } } },
      [
        "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
      ],
    ],
    ["", "ConfigMap", {}, []],
  ])("%s %s", (group, kind, manifest, warnings) => {
    expect(warningsOf(group, kind, manifest)).toEqual(warnings);
  });

  it("of kinds are those of two", () => {
    expect(kindWarnings({ group: "", version: "v1", kind: "ComponentStatus" })).toEqual([
      "v1 ComponentStatus is deprecated in v1.19+",
    ]);
    expect(kindWarnings({ group: "", version: "v1", kind: "Pod" })).toEqual([]);
  });
});
