// What the gate costs a usual request: who is it, may they, is the object in order. In process, over objects in memory, in a cluster with
// 5,000 bindings; no socket, no store.
import { systemClock } from "@coxswain/clock";
import { createServiceAccountKey } from "@coxswain/pki";
import type { ApiObject } from "@coxswain/apimachinery";
import { createAuthenticator } from "../packages/apiserver/src/core/authn/authenticator.ts";
import { tokenKeys } from "../packages/apiserver/src/core/authn/token-keys.ts";
import type { Attributes } from "../packages/apiserver/src/core/authz/attributes.ts";
import { createAuthorizer } from "../packages/apiserver/src/core/authz/authorizer.ts";
import { bootstrapPolicy } from "../packages/apiserver/src/core/authz/bootstrap.ts";
import type { AdmissionAttributes, Credentials, UserInfo } from "../packages/apiserver/src/core/request.ts";
import { defaultPlugins } from "../packages/apiserver/testing/default-plugins.ts";
import { createMemoryObjects } from "../packages/apiserver/testing/memory-objects.ts";
import type { Figure, StandaloneBenchmark } from "./bench.ts";

const bindings = 5000;
const rounds = 20_000;
const issuer = "https://kubernetes.default.svc.cluster.local";
const rbac = "rbac.authorization.k8s.io";

export const benchmark: StandaloneBenchmark = {
  summary: `CPU of authentication, authorization and admission per request, ${bindings} bindings in the cluster`,
  async measure(say) {
    const objects = createMemoryObjects(cluster());
    await bootstrapPolicy(objects);
    const clock = systemClock;
    const key = createServiceAccountKey();
    const keys = tokenKeys([issuer], [], key.privateKey);
    const authenticator = createAuthenticator(
      { anonymousAuth: true, audiences: [issuer], staticTokens: () => [], bootstrapTokens: true },
      { keys: () => keys, reader: objects, clock },
    );
    const authorizer = createAuthorizer({ modes: ["Node", "RBAC"] }, { reader: objects });
    const tolerations = { notReadySeconds: 300, unreachableSeconds: 300 };
    const plugins = defaultPlugins(tolerations, { objects, authorizer, clock });
    const seconds = Math.floor(clock.now() / 1000);
    const token =
      (await keys.signer?.sign({
        iss: issuer,
        sub: "system:serviceaccount:ns-7:app",
        aud: [issuer],
        exp: seconds + 3600,
        iat: seconds,
        nbf: seconds,
        jti: "1",
        "kubernetes.io": { namespace: "ns-7", serviceaccount: { name: "app", uid: "uid-app" } },
      })) ?? "";
    const { signal } = new AbortController();
    const identify = async (credentials: Credentials): Promise<UserInfo> => {
      const answer = await authenticator.authenticate(credentials, signal);
      if (answer.kind !== "user") throw new Error(answer.because);
      return answer.user;
    };
    const certificate: Credentials = {
      certificate: {
        commonName: "user-7",
        organizations: ["devs"],
        validFromMs: 0,
        validToMs: Number.MAX_SAFE_INTEGER,
      },
      bearerToken: undefined,
    };
    const bearer: Credentials = { certificate: undefined, bearerToken: token };
    const allow = (user: UserInfo, verb: string): void => {
      if (authorizer.authorize(attributesOf(user, verb)).decision !== "allow") throw new Error(`may not ${verb}`);
    };
    const pod = newPod();
    const admit = async (user: UserInfo): Promise<void> => {
      let object: ApiObject = pod;
      for (const plugin of plugins) {
        const attributes = admissionOf(user, object);
        if (plugin.handles(attributes)) object = (await plugin.admit?.(attributes)) ?? object;
      }
      const attributes = admissionOf(user, object);
      for (const plugin of plugins) if (plugin.handles(attributes)) await plugin.validate?.(attributes);
    };
    say("measuring");
    return [
      ...(await perRequest("get by certificate", async () => allow(await identify(certificate), "get"))),
      ...(await perRequest("get by token", async () => allow(await identify(bearer), "get"))),
      ...(await perRequest("pod create by token", async () => {
        const user = await identify(bearer);
        allow(user, "create");
        await admit(user);
      })),
    ];
  },
};

/** CPU of this process per round, after a warm-up. */
async function perRequest(name: string, work: () => Promise<void>): Promise<readonly Figure[]> {
  for (let i = 0; i < rounds / 10; i++) await work();
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) await work();
  const { user, system } = process.cpuUsage(before);
  return [{ name, unit: "µs", value: (user + system) / rounds }];
}

function cluster(): Record<string, ApiObject[]> {
  const role = (name: string) => ({
    apiVersion: `${rbac}/v1`,
    kind: "ClusterRole",
    metadata: { name },
    rules: [{ apiGroups: [""], resources: ["pods", "configmaps"], verbs: ["get", "list", "create"] }],
  });
  const binding = (index: number) => ({
    apiVersion: `${rbac}/v1`,
    kind: "RoleBinding",
    metadata: { name: `binding-${index}`, namespace: `ns-${index % 100}` },
    roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "app" },
    subjects: [
      { kind: "User", apiGroup: rbac, name: `user-${index}` },
      { kind: "ServiceAccount", name: index === 7 ? "app" : `app-${index}`, namespace: `ns-${index % 100}` },
    ],
  });
  return {
    namespaces: Array.from({ length: 100 }, (_unused, index) => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: `ns-${index}` },
    })),
    serviceaccounts: ["default", "app"].map((name) => ({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name, namespace: "ns-7", uid: `uid-${name}` },
    })),
    [`clusterroles.${rbac}`]: [role("app")],
    [`rolebindings.${rbac}`]: Array.from({ length: bindings }, (_unused, index) => binding(index)),
  };
}

function attributesOf(user: UserInfo, verb: string): Attributes {
  return {
    kind: "resource",
    user,
    verb,
    group: "",
    version: "v1",
    resource: "pods",
    subresource: "",
    namespace: "ns-7",
    name: verb === "create" ? "" : "web",
  };
}

function newPod(): ApiObject {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "ns-7" },
    spec: { containers: [{ name: "web", image: "web", resources: { requests: { cpu: "100m" } } }] },
  };
  return pod;
}

function admissionOf(user: UserInfo, object: ApiObject): AdmissionAttributes {
  return {
    operation: "CREATE",
    kind: { group: "", version: "v1", kind: "Pod" },
    resource: { group: "", version: "v1", resource: "pods" },
    subresource: "",
    namespace: "ns-7",
    name: "web",
    object,
    oldObject: undefined,
    user,
    dryRun: false,
    userAgent: "bench",
    warn: () => undefined,
  };
}
