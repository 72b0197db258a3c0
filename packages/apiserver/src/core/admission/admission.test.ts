import type { ApiObject } from "@coxswain/apimachinery";
import { createSimulatedClock } from "@coxswain/clock/testing";
import type { Pod } from "@coxswain/api/core/v1";
import { describe, expect, test } from "vitest";
import { defaultPlugins } from "../../../testing/default-plugins.ts";
import { createMemoryObjects } from "../../../testing/memory-objects.ts";
import { createAuthorizer } from "../authz/authorizer.ts";
import { bootstrapPolicy } from "../authz/bootstrap.ts";
import type { AdmissionAttributes, UserInfo } from "../request.ts";

const jane: UserInfo = { username: "jane", groups: ["devs", "system:authenticated"] };
const node: UserInfo = { username: "system:node:n1", groups: ["system:nodes", "system:authenticated"] };
const make = (kind: string, namespace: string, name: string, rest: object = {}): ApiObject =>
  ({ apiVersion: "v1", kind, metadata: { name, ...(namespace === "" ? {} : { namespace }) }, ...rest }) as ApiObject;
const pod = (spec: object = {}, metadata: object = {}): ApiObject =>
  ({
    ...make("Pod", "shop", "web"),
    metadata: { name: "web", namespace: "shop", ...metadata },
    spec: { containers: [{ name: "c" }], ...spec },
  }) as ApiObject;

const masterRequest = `-----BEGIN CERTIFICATE REQUEST-----
MIHhMIGJAgEAMCcxFzAVBgNVBAoMDnN5c3RlbTptYXN0ZXJzMQwwCgYDVQQDDANl
dmUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATb3EvPTZX4r2Bj2Mdrvs5WPHDl
1pduSrUNRJ/PWjWMOPbZ5M5Jk3Ir3BfSOTVVUhH0mPpa3cul+JKsDFs44ayboAAw
CgYIKoZIzj0EAwIDRwAwRAIgJW2OreTKhF4GYTloAdo5j7v+UuP9s+rJkj/4iGBx
KMoCIHxYHbcVFUCaCsr+r52LSLr41zfZ7xbX5G3TiA4IfNU3
-----END CERTIFICATE REQUEST-----
`;

async function gate(more: Readonly<Record<string, readonly ApiObject[]>> = {}) {
  const objects = createMemoryObjects({
    namespaces: [make("Namespace", "", "shop"), make("Namespace", "", "old", { status: { phase: "Terminating" } })],
    serviceaccounts: [make("ServiceAccount", "shop", "default", { imagePullSecrets: [{ name: "pull" }] })],
    ...more,
  });
  await bootstrapPolicy(objects);
  const clock = createSimulatedClock();
  const authorizer = createAuthorizer({ modes: ["Node", "RBAC"] }, { reader: objects });
  const tolerations = { notReadySeconds: 300, unreachableSeconds: 20 };
  const plugins = defaultPlugins(tolerations, { objects, authorizer, clock });
  const warnings: string[] = [];
  async function admit(
    resource: string,
    object: ApiObject | undefined,
    rest: Partial<AdmissionAttributes> = {},
  ): Promise<ApiObject | undefined> {
    const [qualified = "", subresource = ""] = resource.split("/");
    const dot = qualified.indexOf(".");
    const [name, group] = dot < 0 ? [qualified, ""] : [qualified.slice(0, dot), qualified.slice(dot + 1)];
    const base: AdmissionAttributes = {
      operation: "CREATE",
      kind: { group, version: "v1", kind: object?.kind ?? "" },
      resource: { group, version: "v1", resource: name },
      subresource,
      namespace: object?.metadata.namespace ?? "",
      name: object?.metadata.name ?? "",
      object,
      oldObject: undefined,
      user: jane,
      dryRun: false,
      userAgent: "",
      warn: (text) => void warnings.push(text),
      ...rest,
    };
    let current = base.object;
    for (const plugin of plugins) {
      const attributes = { ...base, object: current };
      if (plugin.handles(attributes)) current = (await plugin.admit?.(attributes)) ?? current;
    }
    for (const plugin of plugins) {
      const attributes = { ...base, object: current };
      if (plugin.handles(attributes)) await plugin.validate?.(attributes);
    }
    return current;
  }
  return { objects, clock, admit, warnings, plugins };
}

describe("a new pod", () => {
  test("gets its account, token, pull secrets, priority and tolerations", async () => {
    const { admit } = await gate();
    const { spec } = (await admit("pods", pod())) as Pod;
    const volume = expect.stringMatching(/^kube-api-access-[a-z0-9]{5}$/) as string;
    expect(spec).toEqual({
      serviceAccountName: "default",
      serviceAccount: "default",
      imagePullSecrets: [{ name: "pull" }],
      containers: [
        {
          name: "c",
          volumeMounts: [{ name: volume, readOnly: true, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" }],
        },
      ],
      volumes: [
        {
          name: volume,
          projected: {
            defaultMode: 420,
            sources: [
              { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
              { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
              {
                downwardAPI: {
                  items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
                },
              },
            ],
          },
        },
      ],
      priority: 0,
      preemptionPolicy: "PreemptLowerPriority",
      tolerations: [
        { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
        { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 20 },
      ],
    });
  });

  test("gets no token when it or its account does not want one", async () => {
    const { admit } = await gate();
    expect(((await admit("pods", pod({ automountServiceAccountToken: false }))) as Pod).spec?.volumes).toBeUndefined();
  });

  test("waits for the account that its new namespace is about to get", async () => {
    const { admit, objects } = await gate({ namespaces: [make("Namespace", "", "new")] });
    const waiting = admit("pods", { ...pod(), metadata: { name: "web", namespace: "new" } });
    for (let i = 0; i < 20; i++) await Promise.resolve();
    objects.put("serviceaccounts", make("ServiceAccount", "new", "default"));
    expect(((await waiting) as Pod).spec?.serviceAccountName).toBe("default");
  });

  test("is refused in Kubernetes' words", async () => {
    const { admit } = await gate();
    await expect(admit("pods", { ...pod(), metadata: { name: "web", namespace: "nowhere" } })).rejects.toThrow(
      'namespaces "nowhere" not found',
    );
    await expect(admit("pods", { ...pod(), metadata: { name: "web", namespace: "old" } })).rejects.toThrow(
      'pods "web" is forbidden: unable to create new content in namespace old because it is being terminated',
    );
    await expect(admit("pods", pod({ serviceAccountName: "gone" }))).rejects.toThrow(
      'pods "web" is forbidden: error looking up service account shop/gone: serviceaccount "gone" not found',
    );
    await expect(admit("pods", pod({ priorityClassName: "gone" }))).rejects.toThrow(
      'pods "web" is forbidden: no PriorityClass with name gone was found',
    );
    await expect(
      admit("namespaces", undefined, { operation: "DELETE", name: "kube-system", namespace: "kube-system" }),
    ).rejects.toThrow('namespaces "kube-system" is forbidden: this namespace may not be deleted');
  });

  test("gets the limits of its namespace and must keep them", async () => {
    const limits = [
      {
        type: "Container",
        default: { cpu: "500m" },
        defaultRequest: { cpu: "100m" },
        max: { cpu: "1" },
        min: { cpu: "50m" },
      },
    ];
    const { admit } = await gate({ limitranges: [make("LimitRange", "shop", "limits", { spec: { limits } })] });
    const admitted = (await admit("pods", pod())) as Pod;
    expect(admitted.spec?.containers[0]?.resources).toEqual({ requests: { cpu: "100m" }, limits: { cpu: "500m" } });
    expect(admitted.metadata.annotations).toEqual({
      "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu request for container c; cpu limit for container c",
    });
    await expect(
      admit(
        "pods",
        pod({ containers: [{ name: "c", resources: { requests: { cpu: "10m" }, limits: { cpu: "2" } } }] }),
      ),
    ).rejects.toThrow(
      'pods "web" is forbidden: [minimum cpu usage per Container is 50m, but request is 10m, maximum cpu usage per Container is 1, but limit is 2]',
    );
  });

  test("must keep its namespace's security level, and its workload is warned", async () => {
    const labels = {
      "pod-security.kubernetes.io/enforce": "baseline",
      "pod-security.kubernetes.io/warn": "restricted",
    };
    const shop = { ...make("Namespace", "", "shop"), metadata: { name: "shop", labels } };
    const { admit, warnings } = await gate({ namespaces: [shop] });
    await expect(
      admit("pods", pod({ hostNetwork: true, containers: [{ name: "c", securityContext: { privileged: true } }] })),
    ).rejects.toThrow(
      'pods "web" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true), privileged (container "c" must not set securityContext.privileged=true)',
    );
    await admit(
      "deployments.apps",
      make("Deployment", "shop", "web", { spec: { template: { spec: { containers: [{ name: "c" }] } } } }),
    );
    expect(warnings).toEqual([
      'would violate PodSecurity "restricted:latest": unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), ' +
        'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), ' +
        'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ]);
  });
});

describe("a node", () => {
  const self = (metadata: object = {}, rest: object = {}): ApiObject => ({
    ...make("Node", "", "n1", rest),
    metadata: { name: "n1", ...metadata },
  });

  test("registers itself, not ready, with its own labels only", async () => {
    const { admit } = await gate();
    expect(
      await admit("nodes", self({ labels: { "kubernetes.io/hostname": "n1", team: "a" } }), { user: node }),
    ).toMatchObject({
      spec: { taints: [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }] },
    });
    await expect(
      admit("nodes", self({ labels: { "node-role.kubernetes.io/control-plane": "" } }), { user: node }),
    ).rejects.toThrow(
      'nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: node-role.kubernetes.io/control-plane',
    );
    await expect(admit("nodes", make("Node", "", "n2"), { user: node })).rejects.toThrow(
      'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
    );
  });

  test("writes no other pods, leases or taints", async () => {
    const { admit } = await gate();
    await expect(admit("pods", pod({ nodeName: "n1" }), { user: node })).rejects.toThrow("can only create mirror pods");
    const bound = pod({ nodeName: "n2" });
    await expect(admit("pods/status", bound, { operation: "UPDATE", oldObject: bound, user: node })).rejects.toThrow(
      'pods "web" is forbidden: node "n1" can only update pod status for pods with spec.nodeName set to itself',
    );
    await expect(
      admit("leases.coordination.k8s.io", make("Lease", "kube-node-lease", "n2"), { user: node }),
    ).rejects.toThrow();
    await expect(
      admit("nodes", self({}, { spec: { taints: [] } }), {
        operation: "UPDATE",
        oldObject: self({}, { spec: { taints: [{ key: "a", effect: "NoSchedule" }] } }),
        user: node,
      }),
    ).rejects.toThrow('node "n1" is not allowed to modify taints');
  });
});

describe("granting rights", () => {
  const rbac = "rbac.authorization.k8s.io";
  const role = (rules: readonly object[]): ApiObject => make("Role", "shop", "reader", { rules });
  const mayWriteRoles = make("ClusterRoleBinding", "", "janes", {
    roleRef: { kind: "ClusterRole", name: "edit" },
    subjects: [{ kind: "User", name: "jane" }],
  });

  test("asks that one holds what one gives", async () => {
    const { admit } = await gate({ [`clusterrolebindings.${rbac}`]: [mayWriteRoles] });
    expect(
      await admit(`roles.${rbac}`, role([{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }])),
    ).toBeDefined();
    await expect(
      admit(`roles.${rbac}`, role([{ verbs: ["get", "list"], apiGroups: [""], resources: ["nodes"] }])),
    ).rejects.toThrow(
      'roles.rbac.authorization.k8s.io "reader" is forbidden: user "jane" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}',
    );
  });

  test("asks the same of binding a role, unless one may bind it", async () => {
    const { admit, objects } = await gate();
    const binding = make("ClusterRoleBinding", "", "mine", {
      roleRef: { kind: "ClusterRole", name: "system:node-proxier" },
      subjects: [{ kind: "User", name: "jane" }],
    });
    await expect(admit(`clusterrolebindings.${rbac}`, binding)).rejects.toThrow(
      "is attempting to grant RBAC permissions not currently held",
    );
    objects.put(
      `clusterroles.${rbac}`,
      make("ClusterRole", "", "binder", {
        rules: [
          { verbs: ["bind"], apiGroups: [rbac], resources: ["clusterroles"], resourceNames: ["system:node-proxier"] },
        ],
      }),
    );
    objects.put(
      `clusterrolebindings.${rbac}`,
      make("ClusterRoleBinding", "", "b", {
        roleRef: { kind: "ClusterRole", name: "binder" },
        subjects: [{ kind: "User", name: "jane" }],
      }),
    );
    expect(await admit(`clusterrolebindings.${rbac}`, binding)).toBe(binding);
  });
});

describe("a claim", () => {
  const claim = (size: string, phase: string, storageClassName = "fast"): ApiObject =>
    make("PersistentVolumeClaim", "shop", "data", {
      spec: { storageClassName, resources: { requests: { storage: size } } },
      status: { phase },
    });

  test("grows when it is bound and its class lets it", async () => {
    const storageClass = (name: string, allowVolumeExpansion: boolean): ApiObject =>
      make("StorageClass", "", name, { provisioner: "p", allowVolumeExpansion });
    const { admit } = await gate({
      "storageclasses.storage.k8s.io": [storageClass("fast", true), storageClass("stiff", false)],
    });
    const grow = (phase: string, name: string): Promise<unknown> =>
      admit("persistentvolumeclaims", claim("2Gi", phase, name), {
        operation: "UPDATE",
        oldObject: claim("1Gi", phase, name),
      });
    await grow("Bound", "fast");
    await expect(grow("Pending", "fast")).rejects.toThrow("Only bound persistent volume claims can be expanded");
    await expect(grow("Bound", "stiff")).rejects.toThrow(
      'persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    );
  });
});

test("nobody asks for a certificate of the masters", async () => {
  const { admit } = await gate();
  // Made once by `openssl req -newkey ec -subj /O=system:masters/CN=eve`.
  const request = btoa(masterRequest);
  const ask = (signerName: string, text = request): Promise<unknown> =>
    admit(
      "certificatesigningrequests.certificates.k8s.io",
      make("CertificateSigningRequest", "", "eve", { spec: { signerName, request: text } }),
    );
  await expect(ask("kubernetes.io/kube-apiserver-client")).rejects.toThrow(
    'certificatesigningrequests.certificates.k8s.io "eve" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
  );
  await expect(ask("kubernetes.io/kube-apiserver-client", "bm8=")).rejects.toThrow(
    "failed to parse CSR: PEM block type must be CERTIFICATE REQUEST",
  );
  await ask("example.com/other");
});

test("the plugins run in Kubernetes' order", async () => {
  expect((await gate()).plugins.map(({ name }) => name)).toEqual([
    "NamespaceLifecycle",
    "LimitRanger",
    "ServiceAccount",
    "NodeRestriction",
    "TaintNodesByCondition",
    "PodSecurity",
    "Priority",
    "DefaultTolerationSeconds",
    "DefaultStorageClass",
    "StorageObjectInUseProtection",
    "PersistentVolumeClaimResize",
    "RuntimeClass",
    "CertificateApproval",
    "CertificateSigning",
    "CertificateSubjectRestriction",
    "DefaultIngressClass",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionWebhook",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionWebhook",
    "ResourceQuota",
    "ParamAccess",
    "RBACEscalation",
  ]);
});

test("who writes a policy with parameters may read them", async () => {
  const group = "admissionregistration.k8s.io";
  const policy = (kind: string): ApiObject =>
    ({
      apiVersion: `${group}/v1`,
      kind: "ValidatingAdmissionPolicy",
      metadata: { name: "p" },
      spec: { paramKind: { apiVersion: "v1", kind } },
    }) as ApiObject;
  const binding = {
    apiVersion: `${group}/v1`,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name: "b" },
    spec: { policyName: "p", paramRef: { name: "x", namespace: "shop" } },
  } as ApiObject;
  const { objects, admit } = await gate();
  objects.put(`validatingadmissionpolicies.${group}`, policy("Secret"));
  const whole = `validatingadmissionpolicies.${group}`;
  const user = "&{jane  [devs system:authenticated] map[]}";
  await expect(admit(whole, policy("Secret"))).rejects.toThrow(
    `spec.paramKind: Forbidden: user ${user} must have "get" permission on all objects of the referenced paramKind (kind=Secret, apiVersion=v1)`,
  );
  await expect(admit(`validatingadmissionpolicybindings.${group}`, binding)).rejects.toThrow(
    `spec.paramRef: Forbidden: user ${user} does not have "get" permission on the object referenced by paramRef`,
  );
  const admin = { user: { username: "root", groups: ["system:masters"] } };
  expect(await admit(whole, policy("Secret"), admin)).toMatchObject({ metadata: { name: "p" } });
  expect(await admit(whole, policy("Secret"), { operation: "UPDATE", oldObject: policy("Secret") })).toBeDefined();
});
