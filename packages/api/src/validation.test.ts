import { fieldErrorText, type GroupVersionKind } from "@coxswain/apimachinery";
import { describe, expect, it } from "vitest";
import { complete } from "../testing/index.ts";
import { validateCreate, validateUpdate } from "./index.ts";

const metadata = { name: "a", namespace: "default" };
const core = (kind: string): GroupVersionKind => ({ group: "", version: "v1", kind });
const of = (group: string, kind: string, version = "v1"): GroupVersionKind => ({ group, version, kind });

const created = (type: GroupVersionKind, object: object): string[] =>
  validateCreate(type, complete(type, { metadata, ...object })).map(fieldErrorText);
const clusterWide = { metadata: { name: "a" } };
const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "x" }] } };
const selector = { matchLabels: { a: "b" } };
const jobTemplate = { spec: { template: { spec: { ...template.spec, restartPolicy: "Never" } } } };

describe("a new object", () => {
  it.each<[GroupVersionKind, object, string[]]>([
    [
      core("ConfigMap"),
      { metadata: { name: "A", namespace: "default" }, data: { "a b": "" }, binaryData: { "..x": "" } },
      [
        `metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
        `data[a b]: Invalid value: "a b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
        "binaryData[..x]: Invalid value: \"..x\": must not start with '..'",
      ],
    ],
    [core("Secret"), { type: "kubernetes.io/tls" }, ["data[tls.crt]: Required value", "data[tls.key]: Required value"]],
    [
      core("Secret"),
      { type: "kubernetes.io/dockercfg", data: { ".dockercfg": "WzFd" } },
      [
        'data[.dockercfg]: Invalid value: "<secret contents redacted>": json: cannot unmarshal array into Go value of type map[string]interface {}',
      ],
    ],
    [
      of("apiextensions.k8s.io", "CustomResourceDefinition"),
      {
        metadata: { name: "things.example" },
        spec: {
          group: "example",
          scope: "Namespace",
          names: { plural: "things", kind: "Thing", listKind: "Thing" },
          versions: [
            { name: "v1", served: true, storage: true },
            {
              name: "1v",
              served: true,
              storage: true,
              schema: { openAPIV3Schema: { type: "object", properties: { spec: { items: {} } } } },
            },
          ],
        },
      },
      [
        'spec.group: Invalid value: "example": should be a domain with at least one dot',
        'spec.scope: Unsupported value: "Namespace": supported values: "Cluster", "Namespaced"',
        "spec.versions[0].schema.openAPIV3Schema: Required value",
        `spec.versions[1].name: Invalid value: "1v": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
        `spec.versions: Invalid value: ${JSON.stringify(["v1", "1v"].map((Name) => ({ Name, Served: true, Storage: true, Deprecated: false, DeprecationWarning: null, Schema: null, Subresources: null, AdditionalPrinterColumns: null, SelectableFields: null })))}: must have exactly one version marked as storage version`,
        "spec.versions[1].schema.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields",
        "spec.versions[1].schema.openAPIV3Schema.properties[spec].items.type: Required value: must not be empty for specified array items",
        'spec.names.listKind: Invalid value: "Thing": kind and listKind may not be the same',
      ],
    ],
    [
      core("Namespace"),
      { metadata: { name: "a.b", finalizers: ["x"] }, spec: { finalizers: ["y"] } },
      [
        'metadata.name: Invalid value: "a.b": must not contain dots',
        'metadata.finalizers[0]: Invalid value: "x": name is neither a standard finalizer name nor is it fully qualified',
        'spec.finalizers: Invalid value: "y": name is neither a standard finalizer name nor is it fully qualified',
      ],
    ],
    [
      core("Service"),
      {
        spec: {
          type: "LoadBalancer",
          ports: [
            { port: 0, nodePort: 1 },
            { name: "x", port: 80, targetPort: "X" },
            { name: "x", port: 80 },
          ],
          externalIPs: ["127.0.0.1"],
          sessionAffinity: "x",
          ipFamilies: ["IPv5"],
          loadBalancerSourceRanges: ["x"],
        },
      },
      [
        "spec.ports[0].name: Required value",
        "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
        'spec.ports[1].targetPort: Invalid value: "X": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
        'spec.ports[1].targetPort: Invalid value: "X": must contain at least one letter (a-z)',
        'spec.ports[2].name: Duplicate value: "x"',
        'spec.sessionAffinity: Unsupported value: "x": supported values: "ClientIP", "None"',
        'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
        'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        'spec.ports[2]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
        'spec.LoadBalancerSourceRanges[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
      ],
    ],
    [
      core("Service"),
      { metadata: { name: "1a", namespace: "default" }, spec: { type: "ExternalName", ports: [] } },
      [
        `metadata.name: Invalid value: "1a": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
        "spec.externalName: Required value",
      ],
    ],
    [
      core("Endpoints"),
      { subsets: [{}, { addresses: [{ ip: "x" }], ports: [{ port: 1 }, { port: 2, name: "a" }] }] },
      [
        "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
        'subsets[1].addresses[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        'subsets[1].addresses[0].ip: Invalid value: "x": must be a valid IP address',
        "subsets[1].ports[0].name: Required value",
      ],
    ],
    [
      core("Node"),
      {
        metadata: { name: "a" },
        spec: { taints: [{ key: "a", effect: "x" }], podCIDRs: ["10.0.0.0/8", "10.1.0.0/16"] },
      },
      [
        'metadata.taints[0].effect: Unsupported value: "x": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
        'spec.podCIDRs: Invalid value: ["10.0.0.0/8","10.1.0.0/16"]: may specify no more than one CIDR for each IP family',
      ],
    ],
    [
      core("ReplicationController"),
      { spec: { replicas: -1, selector: { a: "c" }, template } },
      [
        "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`',
      ],
    ],
    [
      core("PersistentVolume"),
      { ...clusterWide, spec: { accessModes: ["x"], local: { path: "/x" }, capacity: { cpu: "1" } } },
      [
        'spec.accessModes: Unsupported value: "x": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
        'spec.capacity: Unsupported value: {"cpu":"1"}: supported values: "storage"',
        "spec.nodeAffinity: Required value: Local volume requires node affinity",
      ],
    ],
    [
      core("PersistentVolumeClaim"),
      { spec: { resources: { requests: { storage: "0" } }, dataSource: { kind: "X", name: "" } } },
      [
        "spec.accessModes: Required value: at least 1 access mode is required",
        'spec.resources[storage]: Invalid value: "0": must be greater than zero',
        "spec.dataSource.name: Required value",
        "spec.dataSource: Invalid value: \"X\": must be 'PersistentVolumeClaim' when referencing the default apiGroup",
      ],
    ],
    [
      core("ResourceQuota"),
      { spec: { hard: { gold: "1", pods: "1500m" }, scopes: ["BestEffort", "NotBestEffort", "x"] } },
      [
        'spec.hard[gold]: Invalid value: "gold": must be a standard resource type or fully qualified',
        'spec.hard[gold]: Invalid value: "gold": must be a standard resource for quota',
        'spec.hard[pods]: Invalid value: "1500m": must be an integer',
        'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","x"]: unsupported scope',
        'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","x"]: conflicting scopes',
      ],
    ],
    [
      core("LimitRange"),
      {
        spec: { limits: [{ type: "Pod", min: { cpu: "2" }, max: { cpu: "1" }, default: { cpu: "1" } }, { type: "X" }] },
      },
      [
        "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
        'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
        'spec.limits[1].type: Invalid value: "X": must be a standard limit type or fully qualified',
      ],
    ],
    [
      core("Event"),
      { involvedObject: { namespace: "other" } },
      ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
    ],
    [
      of("events.k8s.io", "Event"),
      { regarding: { namespace: "default" }, type: "x", deprecatedCount: 1 },
      [
        "eventTime: Required value",
        'type: Invalid value: "": has invalid value: x',
        'count: Invalid value: "": needs to be unset',
      ],
    ],
    [
      of("apps", "Deployment"),
      { spec: { template, progressDeadlineSeconds: 5, minReadySeconds: 5, strategy: { type: "x" } } },
      [
        "spec.selector: Required value",
        'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`',
        'spec.strategy: Unsupported value: {"type":"x"}: supported values: "Recreate", "RollingUpdate"',
        "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds",
      ],
    ],
    [
      of("apps", "Deployment"),
      {
        spec: {
          selector: { matchLabels: { a: "c" } },
          template: { ...template, spec: { ...template.spec, restartPolicy: "Never" } },
          strategy: { rollingUpdate: { maxUnavailable: "0%", maxSurge: 0 } },
        },
      },
      [
        'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`',
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
        'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
      ],
    ],
    [
      of("apps", "StatefulSet"),
      {
        metadata: { name: "a.b", namespace: "default" },
        spec: { selector, template, podManagementPolicy: "x", updateStrategy: { type: "y" } },
      },
      [
        'metadata.name: Invalid value: "a.b": must not contain dots',
        "spec.podManagementPolicy: Invalid value: \"x\": must be 'OrderedReady' or 'Parallel'",
        "spec.updateStrategy: Invalid value: {\"type\":\"y\"}: must be 'RollingUpdate' or 'OnDelete'",
      ],
    ],
    [
      of("apps", "DaemonSet"),
      { spec: { selector, template, updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } } },
      ["spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"],
    ],
    [
      of("batch", "CronJob"),
      { spec: { schedule: "61 * * * *", timeZone: "Nowhere", concurrencyPolicy: "x", jobTemplate } },
      [
        'spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61',
        'spec.timeZone: Invalid value: "Nowhere": unknown time zone Nowhere',
        'spec.concurrencyPolicy: Unsupported value: "x": supported values: "Allow", "Forbid", "Replace"',
      ],
    ],
    [
      of("batch", "CronJob"),
      { spec: { schedule: "* *", jobTemplate: { spec: { template } } } },
      [
        'spec.schedule: Invalid value: "* *": expected exactly 5 fields, found 2: [* *]',
        'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
      ],
    ],
    [
      of("rbac.authorization.k8s.io", "Role"),
      { rules: [{ verbs: [], nonResourceURLs: ["/x"] }, { verbs: ["get"] }] },
      [
        "rules[0].verbs: Required value: verbs must contain at least one value",
        'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
        "rules[1].apiGroups: Required value: resource rules must supply at least one api group",
        "rules[1].resources: Required value: resource rules must supply at least one resource",
      ],
    ],
    [
      of("rbac.authorization.k8s.io", "ClusterRoleBinding"),
      {
        ...clusterWide,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "a/b" },
        subjects: [
          { kind: "ServiceAccount", name: "a" },
          { kind: "x", name: "a" },
        ],
      },
      [
        'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
        "roleRef.name: Invalid value: \"a/b\": may not contain '/'",
        "subjects[0].namespace: Required value",
        'subjects[1].kind: Unsupported value: "x": supported values: "ServiceAccount", "User", "Group"',
      ],
    ],
    [
      of("networking.k8s.io", "Ingress"),
      {
        spec: {
          rules: [
            { host: "1.2.3.4", http: { paths: [{ path: "x", pathType: "Prefix", backend: {} }, { backend: {} }] } },
          ],
          tls: [{ hosts: ["*"] }],
        },
      },
      [
        'spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
        'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
        'spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is required',
        "spec.rules[0].http.paths[1].pathType: Required value: pathType must be specified",
        `spec.tls[0].hosts[0]: Invalid value: "*": a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
      ],
    ],
    [
      of("networking.k8s.io", "Ingress"),
      {},
      ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"],
    ],
    [
      of("networking.k8s.io", "NetworkPolicy"),
      {
        spec: {
          podSelector: {},
          ingress: [
            { from: [{}, { ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/16"] } }], ports: [{ endPort: 1 }] },
          ],
          policyTypes: ["x"],
        },
      },
      [
        "spec.ingress[0].ports[0].endPort: Invalid value: 1: may not be specified when `port` is not specified",
        "spec.ingress[0].from[0]: Required value: must specify a peer",
        'spec.ingress[0].from[1].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
        'spec.policyTypes[0]: Unsupported value: "x": supported values: "Ingress", "Egress"',
      ],
    ],
    [
      of("discovery.k8s.io", "EndpointSlice"),
      { addressType: "IPv4", endpoints: [{ addresses: [] }, { addresses: ["::1"] }], ports: [{}, {}] },
      [
        "endpoints[0].addresses: Required value: must contain at least 1 address",
        'endpoints[1].addresses[0]: Invalid value: "::1": must be a valid IPv4 address',
        'endpoints[1].addresses[0]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        'ports[1].name: Duplicate value: ""',
      ],
    ],
    [
      of("policy", "PodDisruptionBudget"),
      { spec: { minAvailable: "x", maxUnavailable: "150%" } },
      [
        'spec: Invalid value: {"maxUnavailable":"150%","minAvailable":"x"}: minAvailable and maxUnavailable cannot be both set',
        "spec.minAvailable: Invalid value: \"x\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
        'spec.maxUnavailable: Invalid value: "150%": must not be greater than 100%',
      ],
    ],
    [
      of("autoscaling", "HorizontalPodAutoscaler", "v2"),
      {
        spec: {
          minReplicas: 0,
          maxReplicas: 0,
          scaleTargetRef: { kind: "", name: "" },
          metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization" } } }],
        },
      },
      [
        "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
        "spec.maxReplicas: Invalid value: 0: must be greater than 0",
        "spec.scaleTargetRef.kind: Required value",
        "spec.scaleTargetRef.name: Required value",
        "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization",
        "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
      ],
    ],
    [
      of("storage.k8s.io", "StorageClass"),
      { ...clusterWide, reclaimPolicy: "x" },
      ["provisioner: Required value", 'reclaimPolicy: Unsupported value: "x": supported values: "Delete", "Retain"'],
    ],
    [
      of("scheduling.k8s.io", "PriorityClass"),
      { ...clusterWide, value: 1_000_000_001 },
      ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
    ],
    [
      of("coordination.k8s.io", "Lease"),
      { spec: { leaseDurationSeconds: 0, leaseTransitions: -1 } },
      [
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
        "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
      ],
    ],
    [
      of("certificates.k8s.io", "CertificateSigningRequest"),
      { ...clusterWide, spec: { request: "eA==", signerName: "x", usages: ["any", "any"], expirationSeconds: 1 } },
      [
        'spec.request: Invalid value: "eA==": PEM block type must be CERTIFICATE REQUEST',
        'spec.usages[1]: Duplicate value: "any"',
        "spec.signerName: Invalid value: \"x\": must be a fully qualified domain and path of the form 'example.com/signer-name'",
        "spec.expirationSeconds: Invalid value: 1: may not specify a duration less than 600 seconds (10 minutes)",
      ],
    ],
    [
      of("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
      {
        ...clusterWide,
        webhooks: [
          {
            name: "a.b",
            sideEffects: "Some",
            clientConfig: { url: "http://x" },
            admissionReviewVersions: [],
            rules: [{ operations: ["*", "CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }],
          },
        ],
      },
      [
        'webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots',
        'webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if \'*\' is present, must not specify other operations',
        'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
        "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
        "webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1",
      ],
    ],
    [
      of("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
      {
        ...clusterWide,
        webhooks: ["", "//", "a/b", "/a//b", "/a/", "/A"].map((path, index) => ({
          name: `w${index}.example.com`,
          sideEffects: "None",
          clientConfig: { service: { name: "s", namespace: index === 0 ? "" : "n", path } },
          admissionReviewVersions: ["v1"],
        })),
      },
      [
        "webhooks[0].clientConfig.service.name: Required value",
        'webhooks[1].clientConfig.service.path: Invalid value: "//": segment[0] may not be empty',
        "webhooks[2].clientConfig.service.path: Invalid value: \"a/b\": must start with a '/'",
        'webhooks[2].clientConfig.service.path: Invalid value: "a/b": segment[0] may not be empty',
        'webhooks[3].clientConfig.service.path: Invalid value: "/a//b": segment[1] may not be empty',
        expect.stringContaining(
          'webhooks[5].clientConfig.service.path: Invalid value: "/A": segment[0]: a lowercase RFC 1123',
        ),
      ],
    ],
    [
      of("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
      {
        ...clusterWide,
        spec: { type: "Limited", limited: { limitResponse: { type: "Queue", queuing: { handSize: 70 } } } },
      },
      ["spec.limited.limitResponse.queuing.handSize: Invalid value: 70: should not be greater than queues (64)"],
    ],
    [
      of("resource.k8s.io", "ResourceClaim"),
      { spec: { devices: { requests: [{ name: "a" }, { name: "a", exactly: { deviceClassName: "" } }] } } },
      [
        'spec.devices.requests[1].name: Duplicate value: "a"',
        "spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
        "spec.devices.requests[1].exactly.deviceClassName: Required value",
      ],
    ],
  ])("of %j is refused in Kubernetes' words: %j", (type, object, messages) => {
    expect(created(type, object)).toEqual(messages);
  });
});

describe("a changed object", () => {
  const changed = (type: GroupVersionKind, old: object, next: object, subresource = ""): string[] =>
    validateUpdate(type, complete(type, { metadata, ...next }), complete(type, { metadata, ...old }), subresource).map(
      fieldErrorText,
    );

  it.each<[GroupVersionKind, object, object, string[]]>([
    [
      core("ConfigMap"),
      { immutable: true, data: { a: "b" } },
      { data: { a: "c" } },
      [
        "immutable: Forbidden: field is immutable when `immutable` is set",
        "data: Forbidden: field is immutable when `immutable` is set",
      ],
    ],
    [core("Secret"), { type: "a" }, { type: "b" }, ['type: Invalid value: "b": field is immutable']],
    [
      core("Service"),
      { spec: { ports: [{ port: 1 }], clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"] } },
      { spec: { ports: [{ port: 1 }], clusterIP: "10.0.0.2", clusterIPs: ["10.0.0.2"] } },
      ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
    ],
    [
      of("apps", "Deployment"),
      { spec: { selector, template } },
      { spec: { selector: { matchExpressions: [{ key: "a", operator: "Exists" }] }, template } },
      ['spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"Exists"}]}: field is immutable'],
    ],
    [
      of("apps", "StatefulSet"),
      { spec: { selector, template, serviceName: "a" } },
      { spec: { selector, template, serviceName: "b" } },
      [
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
      ],
    ],
    [
      of("storage.k8s.io", "StorageClass"),
      { ...clusterWide, provisioner: "a" },
      { ...clusterWide, provisioner: "b", volumeBindingMode: "WaitForFirstConsumer" },
      [
        "provisioner: Forbidden: updates to provisioner are forbidden.",
        'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
      ],
    ],
    [
      of("scheduling.k8s.io", "PriorityClass"),
      { ...clusterWide, value: 1 },
      { ...clusterWide, value: 2 },
      ["value: Forbidden: may not be changed in an update."],
    ],
    [
      of("rbac.authorization.k8s.io", "RoleBinding"),
      { roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "a" } },
      { roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "b" } },
      [
        'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"b"}: cannot change roleRef',
      ],
    ],
    [
      core("PersistentVolumeClaim"),
      { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "2" } } } },
      { spec: { accessModes: ["ReadWriteMany"], resources: { requests: { storage: "2" } } } },
      [
        "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\nchanged: spec.accessModes",
      ],
    ],
    [
      core("ConfigMap"),
      { metadata: { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } },
      { metadata: { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["a.b/c"] } },
      [
        'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.b/c"}',
      ],
    ],
  ])("of %j is refused in Kubernetes' words", (type, old, next, messages) => {
    expect(changed(type, old, next)).toEqual(messages);
  });

  it("reports a status that adds up", () => {
    const spec = { selector, template };
    expect(
      changed(
        of("apps", "ReplicaSet"),
        { spec },
        { spec, status: { replicas: 1, readyReplicas: 2, availableReplicas: 3 } },
        "status",
      ),
    ).toEqual([
      "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
      "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
      "status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas",
    ]);
  });

  it("keeps decisions about certificates to those who may make them", () => {
    const spec = {
      request: Buffer.from("-----BEGIN CERTIFICATE REQUEST-----").toString("base64"),
      signerName: "example.com/x",
      usages: ["any"],
    };
    const approved = { conditions: [{ type: "Approved", status: "True" }] };
    const type = of("certificates.k8s.io", "CertificateSigningRequest");
    expect(changed(type, { ...clusterWide, spec }, { ...clusterWide, spec, status: approved }, "approval")).toEqual([]);
    expect(changed(type, { ...clusterWide, spec }, { ...clusterWide, spec, status: approved }, "status")).toEqual([
      'status.conditions: Forbidden: updates may not add a condition of type "Approved"',
    ]);
  });
});
