// The few calls that setting up a machine makes to the API, by path: it knows objects as plain values and decides nothing.
import { StatusError } from "@coxswain/apimachinery";
import type { ApiObject, Status } from "@coxswain/apimachinery";
import type { Client, RawResponse } from "@coxswain/client";

export type PlainObject = ApiObject & Readonly<Record<string, unknown>>;

/** Undefined when there is none; throws a StatusError for any other refusal. */
export async function read(client: Client, path: string, signal: AbortSignal): Promise<PlainObject | undefined> {
  const answer = await client.request({ method: "GET", path, signal });
  if (answer.status === 404) return undefined;
  return accepted(answer).json() as PlainObject;
}

export async function list(client: Client, path: string, signal: AbortSignal): Promise<readonly PlainObject[]> {
  const answer = accepted(await client.request({ method: "GET", path, signal })).json() as { items?: PlainObject[] };
  return answer.items ?? [];
}

/** Server-side apply: doing it again changes nothing. */
export async function apply(client: Client, path: string, object: unknown, signal: AbortSignal): Promise<void> {
  accepted(
    await client.request({
      method: "PATCH",
      path,
      query: { fieldManager: "coxswain", force: true },
      body: JSON.stringify(object),
      contentType: "application/apply-patch+yaml",
      signal,
    }),
  );
}

export async function send(
  client: Client,
  method: "POST" | "PUT" | "DELETE",
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<PlainObject> {
  return accepted(
    await client.request({ method, path, ...(body === undefined ? {} : { body }), signal }),
  ).json() as PlainObject;
}

function accepted(answer: RawResponse): RawResponse {
  if (answer.status < 400) return answer;
  throw new StatusError(statusIn(answer));
}

function statusIn(answer: RawResponse): Status {
  try {
    return answer.json() as Status;
  } catch {
    // No Status, hence not from an API server; the text is all that there is to say.
    return {
      apiVersion: "v1",
      kind: "Status",
      metadata: {},
      status: "Failure",
      code: answer.status,
      message: answer.text().slice(0, 200),
    };
  }
}

export const paths = {
  clusterInfo: "/api/v1/namespaces/kube-public/configmaps/cluster-info",
  secret: (name: string): string => `/api/v1/namespaces/kube-system/secrets/${name}`,
  configMap: (name: string): string => `/api/v1/namespaces/kube-system/configmaps/${name}`,
  node: (name: string): string => `/api/v1/nodes/${name}`,
  nodes: "/api/v1/nodes",
  requests: "/apis/certificates.k8s.io/v1/certificatesigningrequests",
  clusterRole: (name: string): string => `/apis/rbac.authorization.k8s.io/v1/clusterroles/${name}`,
  clusterRoleBinding: (name: string): string => `/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/${name}`,
  role: (namespace: string, name: string): string =>
    `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles/${name}`,
  roleBinding: (namespace: string, name: string): string =>
    `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings/${name}`,
} as const;
