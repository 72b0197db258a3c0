import { fieldErrorText } from "@coxswain/apimachinery";
import { describe, expect, it } from "vitest";
import { complete } from "../../../../testing/index.ts";
import { validateCreate, validateUpdate } from "../../../index.ts";

const podKind = { group: "", version: "v1", kind: "Pod" };
const container = { name: "c", image: "x" };

function podOf(spec: object, rest: object = {}): ReturnType<typeof complete> {
  const metadata = { name: "a", namespace: "default" };
  return complete(podKind, { metadata, spec: { containers: [container], ...spec }, ...rest });
}

const created = (spec: object, rest: object = {}): string[] =>
  validateCreate(podKind, podOf(spec, rest)).map(fieldErrorText);
const inContainer = (part: object): object => ({ containers: [{ ...container, ...part }] });

const label63 =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const qualified =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

describe("a new pod", () => {
  it("is fine with all that it may have", () => {
    expect(
      created({
        initContainers: [
          { name: "s", image: "y", restartPolicy: "Always", readinessProbe: { exec: { command: ["x"] } } },
        ],
        volumes: [
          { name: "v", emptyDir: {} },
          { name: "p", persistentVolumeClaim: { claimName: "p" } },
        ],
        ...inContainer({
          volumeMounts: [{ name: "v", mountPath: "/v" }],
          volumeDevices: [{ name: "p", devicePath: "/dev/p" }],
          env: [{ name: "A B", valueFrom: { fieldRef: { fieldPath: "metadata.labels['a']" } } }],
        }),
        tolerations: [{ operator: "Exists" }],
      }),
    ).toEqual([]);
  });

  it.each<[string, object, string[]]>([
    ["no container", { containers: [] }, ["spec.containers: Required value"]],
    [
      "a container without name and image",
      { containers: [{}] },
      ["spec.containers[0].name: Required value", "spec.containers[0].image: Required value"],
    ],
    ["a bad name", inContainer({ name: "A_" }), [`spec.containers[0].name: Invalid value: "A_": ${label63}`]],
    [
      "a padded image",
      inContainer({ image: " x" }),
      ['spec.containers[0].image: Invalid value: " x": must not have leading or trailing whitespace'],
    ],
    [
      "one name twice",
      { containers: [container, container], initContainers: [container] },
      ['spec.containers[1].name: Duplicate value: "c"', 'spec.initContainers[0].name: Duplicate value: "c"'],
    ],
    [
      "bad policies",
      { restartPolicy: "No", dnsPolicy: "x", ...inContainer({ imagePullPolicy: "x" }) },
      [
        'spec.containers[0].imagePullPolicy: Unsupported value: "x": supported values: "Always", "IfNotPresent", "Never"',
        'spec.restartPolicy: Unsupported value: "No": supported values: "Always", "OnFailure", "Never"',
        'spec.dnsPolicy: Unsupported value: "x": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
      ],
    ],
    [
      "bad ports",
      inContainer({
        ports: [
          { containerPort: 0 },
          { containerPort: 70000, protocol: "IP" },
          { containerPort: 1, name: "a--b", hostPort: 5 },
          { containerPort: 2, hostPort: 5, hostIP: "x" },
          { containerPort: 3, hostPort: 5, hostIP: "x" },
        ],
      }),
      [
        "spec.containers[0].ports[0].containerPort: Required value",
        "spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        'spec.containers[0].ports[1].protocol: Unsupported value: "IP": supported values: "SCTP", "TCP", "UDP"',
        'spec.containers[0].ports[2].name: Invalid value: "a--b": must not contain consecutive hyphens',
        'spec.containers[0].ports[4].hostPort: Duplicate value: "TCP/x/5"',
      ],
    ],
    [
      "bad variables",
      inContainer({
        env: [
          { name: "" },
          { name: "a=b" },
          { name: "A", valueFrom: {} },
          { name: "A", value: "x", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.nme" } } },
          { name: "A", valueFrom: { secretKeyRef: { name: "s", key: "" } } },
          { name: "A", valueFrom: { resourceFieldRef: { resource: "limits.cp" } } },
        ],
        envFrom: [{}],
      }),
      [
        "spec.containers[0].env[0].name: Required value",
        `spec.containers[0].env[1].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than '='`,
        'spec.containers[0].env[2].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
        'spec.containers[0].env[3].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
        'spec.containers[0].env[4].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.nme": error converting fieldPath: field label not supported: metadata.nme',
        "spec.containers[0].env[5].valueFrom.secretKeyRef.key: Required value",
        'spec.containers[0].env[6].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.cp": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"',
        'spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
      ],
    ],
    [
      "bad mounts and devices",
      {
        volumes: [{ name: "v", emptyDir: {} }],
        ...inContainer({
          volumeMounts: [
            { name: "w", mountPath: "/a" },
            { name: "v", mountPath: "/a", subPath: "../x", mountPropagation: "Bidirectional" },
          ],
          volumeDevices: [{ name: "v", devicePath: "/d" }],
        }),
      },
      [
        'spec.containers[0].volumeMounts[0].name: Not found: "w"',
        'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique',
        'spec.containers[0].volumeMounts[1].name: Invalid value: "v": must not already exist in volumeDevices',
        "spec.containers[0].volumeMounts.subPath: Invalid value: \"../x\": must not contain '..'",
        "spec.containers[0].volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers",
        'spec.containers[0].volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
        'spec.containers[0].volumeDevices[0].name: Invalid value: "v": must not already exist in volumeMounts',
      ],
    ],
    [
      "bad probes",
      inContainer({
        livenessProbe: { httpGet: { port: "" }, exec: { command: ["x"] }, successThreshold: 2 },
        readinessProbe: { periodSeconds: -1, terminationGracePeriodSeconds: 3 },
        startupProbe: { grpc: { port: 0 } },
        lifecycle: { preStop: { sleep: { seconds: 60 } } },
      }),
      [
        "spec.containers[0].lifecycle.preStop.sleep: Invalid value: 60: must be non-negative and less than terminationGracePeriodSeconds (30)",
        "spec.containers[0].livenessProbe.httpGet: Forbidden: may not specify more than 1 handler type",
        "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        "spec.containers[0].readinessProbe: Required value: must specify a handler type",
        "spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
        "spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 3: must not be set for readinessProbes",
        "spec.containers[0].startupProbe.grpc.port: Invalid value: 0: must be between 1 and 65535, inclusive",
      ],
    ],
    [
      "bad resources",
      inContainer({
        resources: {
          limits: { cpu: "1", "hugepages-2Mi": "3Mi" },
          requests: { cpu: "2", memory: "-1", gold: "1", "x.com/gpu": "1" },
        },
      }),
      [
        'spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        'spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
        'spec.containers[0].resources.requests[gold]: Invalid value: "gold": must be a standard resource type or fully qualified',
        'spec.containers[0].resources.requests[gold]: Invalid value: "gold": must be a standard resource for containers',
        'spec.containers[0].resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
        "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources",
      ],
    ],
    [
      "an init container with probes",
      { initContainers: [{ name: "i", image: "x", livenessProbe: { exec: { command: ["x"] } } }] },
      [
        "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
      ],
    ],
    [
      "ephemeral containers",
      { ephemeralContainers: [{ name: "e", image: "x", ports: [{ containerPort: 1 }], targetContainerName: "z" }] },
      [
        'spec.ephemeralContainers[0].targetContainerName: Not found: "z"',
        "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
        "spec.ephemeralContainers: Forbidden: cannot be set on create",
      ],
    ],
    [
      "bad security",
      {
        securityContext: { fsGroup: -1, sysctls: [{ name: "A" }], seccompProfile: { type: "Localhost" } },
        ...inContainer({
          securityContext: { privileged: true, allowPrivilegeEscalation: false, appArmorProfile: { type: "x" } },
        }),
      },
      [
        'spec.containers[0].securityContext: Invalid value: {"Capabilities":null,"Privileged":true,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,"AppArmorProfile":{"Type":"x","LocalhostProfile":null}}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
        'spec.containers[0].securityContext.appArmorProfile.type: Unsupported value: "x": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
        "spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive",
        'spec.securityContext.sysctls[0].name: Invalid value: "A": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
        "spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost",
      ],
    ],
    [
      "bad affinity",
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] },
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 0, preference: { matchExpressions: [{ key: "a", operator: "In" }] } },
            ],
          },
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: "", labelSelector: { matchExpressions: [{ key: "a", operator: "x" }] } },
            ],
          },
        },
      },
      [
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term",
        "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100",
        "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0].operator: Invalid value: "x": not a valid selector operator',
        "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty",
        'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: "": name part must be non-empty',
        `spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: "": ${qualified}`,
      ],
    ],
    [
      "bad spread and tolerations",
      {
        topologySpreadConstraints: [
          { maxSkew: 0, topologyKey: "z", whenUnsatisfiable: "ScheduleAnyway", minDomains: 1 },
        ],
        tolerations: [
          { operator: "Equal" },
          { key: "a", operator: "x" },
          { key: "a", effect: "y" },
          { key: "a", tolerationSeconds: 1 },
        ],
      },
      [
        "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
        "spec.topologySpreadConstraints[0].minDomains: Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway",
        'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
        'spec.tolerations[1].operator: Unsupported value: "x": supported values: "Equal", "Exists"',
        'spec.tolerations[2].effect: Unsupported value: "y": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
        `spec.tolerations[3].effect: Invalid value: "": effect must be 'NoExecute' when \`tolerationSeconds\` is set`,
      ],
    ],
    [
      "bad names and numbers",
      {
        dnsPolicy: "None",
        hostname: "A",
        activeDeadlineSeconds: 0,
        hostAliases: [{ ip: "x", hostnames: ["a b"] }],
        schedulingGates: [{ name: "a" }, { name: "a" }],
        nodeName: "n",
        os: { name: "mac" },
      },
      [
        "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
        'spec.schedulingGates[1]: Duplicate value: "a"',
        "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
        `spec.hostname: Invalid value: "A": ${label63}`,
        'spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        `spec.hostAliases[0].hostnames[0]: Invalid value: "a b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
        'spec.os: Unsupported value: "mac": supported values: "linux", "windows"',
        "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
      ],
    ],
    [
      "ports in the host's network",
      { hostNetwork: true, hostUsers: false, ...inContainer({ ports: [{ containerPort: 80, hostPort: 81 }] }) },
      [
        "spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true",
        "spec.hostNetwork: Forbidden: when `pod.Spec.HostUsers` is false",
      ],
    ],
    [
      "bad volumes",
      {
        volumes: [
          { name: "v" },
          { name: "V", emptyDir: {}, configMap: { name: "c" } },
          { name: "w", secret: {} },
          { name: "x", hostPath: { path: "" } },
          { name: "x", emptyDir: {} },
          { name: "y", configMap: { name: "c", items: [{ key: "k", path: "/a" }] } },
        ],
      },
      [
        "spec.volumes[1].configMap: Forbidden: may not specify more than 1 volume type",
        `spec.volumes[1].name: Invalid value: "V": ${label63}`,
        "spec.volumes[2].secret.secretName: Required value",
        "spec.volumes[3].hostPath.path: Required value",
        'spec.volumes[5].configMap.items[0].path: Invalid value: "/a": must be a relative path',
      ],
    ],
    [
      "resources of the pod below its containers'",
      { resources: { requests: { cpu: "1" } }, ...inContainer({ resources: { requests: { cpu: "2" } } }) },
      [
        'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2',
      ],
    ],
  ])("says what is wrong with %s", (_what, spec, messages) => {
    expect(created(spec)).toEqual(messages);
  });
});

describe("a changed pod", () => {
  const frozen =
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\nchanged: ";
  const updated = (old: object, next: object, subresource = "", rest: [object?, object?] = []): string[] =>
    validateUpdate(podKind, podOf(next, rest[1]), podOf(old, rest[0]), subresource).map(fieldErrorText);

  it.each<[string, object, object, string[]]>([
    ["an image", {}, inContainer({ image: "y" }), []],
    ["one more toleration", {}, { tolerations: [{ key: "a", operator: "Exists" }] }, []],
    ["a gate removed", { schedulingGates: [{ name: "a" }, { name: "b" }] }, { schedulingGates: [{ name: "b" }] }, []],
    [
      "a node selector while gated",
      { schedulingGates: [{ name: "a" }] },
      { schedulingGates: [{ name: "a" }], nodeSelector: { a: "b" } },
      [],
    ],
    ["a command", {}, inContainer({ command: ["x"] }), [`${frozen}spec.containers`]],
    ["the node's name", {}, { nodeName: "n", hostname: "h" }, [`${frozen}spec.hostname, spec.nodeName`]],
    [
      "one more container",
      {},
      { containers: [container, { name: "d", image: "x" }] },
      ["spec.containers: Forbidden: pod updates may not add or remove containers"],
    ],
    [
      "a later deadline",
      { activeDeadlineSeconds: 5 },
      { activeDeadlineSeconds: 6 },
      ["spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value"],
    ],
    [
      "no deadline any more",
      { activeDeadlineSeconds: 5 },
      {},
      ["spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"],
    ],
    [
      "a toleration removed",
      { tolerations: [{ key: "a", operator: "Exists" }] },
      {},
      ["spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"],
    ],
    [
      "a new gate",
      {},
      { schedulingGates: [{ name: "a" }] },
      ["spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'a'"],
    ],
  ])("answers to %s", (_what, old, next, messages) => {
    expect(updated(old, next)).toEqual(messages);
  });

  it("keeps its ephemeral containers", () => {
    const debug = { name: "d", image: "x" };
    expect(updated({}, { ephemeralContainers: [debug] }, "ephemeralcontainers")).toEqual([]);
    expect(updated({ ephemeralContainers: [debug] }, {}, "ephemeralcontainers")).toEqual([
      'spec.ephemeralContainers: Forbidden: existing ephemeral containers "d" may not be removed\n',
    ]);
  });

  it("keeps its class of service when resized", () => {
    const sized = (requests: object): object => inContainer({ resources: { requests } });
    expect(updated(sized({ cpu: "1" }), sized({ cpu: "2" }), "resize")).toEqual([]);
    expect(updated({}, sized({ cpu: "2" }), "resize")).toEqual([
      'spec: Invalid value: "": Pod QOS Class may not change as a result of resizing',
    ]);
    expect(updated(sized({ cpu: "1", memory: "1" }), sized({ cpu: "1" }), "resize")).toEqual([
      "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
    ]);
  });

  it("does not come back to life by its status", () => {
    const status = (state: object): object => ({
      status: { containerStatuses: [{ name: "c", ready: false, restartCount: 0, image: "x", imageID: "", state }] },
    });
    expect(
      updated({ restartPolicy: "Never" }, { restartPolicy: "Never" }, "status", [
        status({ terminated: { exitCode: 0 } }),
        status({ running: {} }),
      ]),
    ).toEqual(["status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"]);
  });
});
