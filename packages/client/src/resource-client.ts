// The typed verbs on one resource: paths, queries and content types. Sends nothing itself; see create-client.ts.
import type { ApiObject, DeepReadonly, List, ResourceDescriptor, WatchEvent } from "@coxswain/apimachinery";
import { orThrow } from "./answer.ts";
import type {
  Client,
  ObjectRef,
  PatchType,
  Query,
  RawRequest,
  ResourceClient,
  WatchOptions,
  WriteOptions,
} from "./client.ts";
import { collectionPath, listQuery, objectPath } from "./path.ts";
import { watchEvents } from "./watch.ts";

/** Without `timeoutSeconds` a watch ends after five to ten minutes, as client-go's: a dead server does not hold it for ever. */
const watchSeconds = 300;

const patchContentTypes: Readonly<Record<PatchType, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

export function createResourceClient<T extends ApiObject>(
  client: Pick<Client, "request" | "stream">,
  descriptor: ResourceDescriptor<T>,
  jitter: () => number,
): ResourceClient<T> {
  const call = async <R>(request: RawRequest): Promise<R> =>
    orThrow(await client.request(request), request).json() as R;
  const typeMeta = {
    apiVersion: descriptor.group === "" ? descriptor.version : `${descriptor.group}/${descriptor.version}`,
    kind: descriptor.kind,
  };
  const refOf = (object: DeepReadonly<ApiObject>, namespace?: string): ObjectRef => ({
    namespace: namespace ?? object.metadata.namespace,
    name: object.metadata.name ?? "",
  });

  return {
    descriptor,
    get: (ref, options) =>
      call({
        method: "GET",
        path: objectPath(descriptor, ref),
        query: { resourceVersion: options?.resourceVersion },
        signal: options?.signal,
      }),
    list: async (options = {}) => {
      const path = collectionPath(descriptor, options.namespace);
      const list = await call<List<T>>({ method: "GET", path, query: listQuery(options), signal: options.signal });
      // Items of a list do not carry their kind on the wire; whoever holds one wants to know it.
      return { ...list, items: (list.items ?? []).map((item) => ({ ...typeMeta, ...item })) };
    },
    watch: (options) => watch(client, descriptor, options, jitter),
    create: (object, options) => {
      const namespace = options?.namespace ?? object.metadata.namespace;
      const path = collectionPath(descriptor, namespace);
      return call({
        method: "POST",
        path,
        query: writeQuery(options),
        body: { ...typeMeta, ...object },
        signal: options?.signal,
      });
    },
    update: (object, options) => {
      const path = objectPath(descriptor, refOf(object), options?.subresource);
      const body = "kind" in object && object.kind ? object : { ...typeMeta, ...(object as object) };
      return call({ method: "PUT", path, query: writeQuery(options), body, signal: options?.signal });
    },
    patch: (ref, patch, options) =>
      call({
        method: "PATCH",
        path: objectPath(descriptor, ref, options.subresource),
        query: { ...writeQuery(options), force: options.force === true ? true : undefined },
        body: patch,
        contentType: patchContentTypes[options.type],
        signal: options.signal,
      }),
    delete: async (ref, options = {}) => {
      const { signal, ...rest } = options;
      await call({ method: "DELETE", path: objectPath(descriptor, ref), body: deleteBody(rest), signal });
    },
    deleteCollection: async (options) => {
      const { propagationPolicy, gracePeriodSeconds, preconditions } = options;
      const body = deleteBody({ propagationPolicy, gracePeriodSeconds, preconditions });
      const path = collectionPath(descriptor, options.namespace);
      await call({ method: "DELETE", path, query: listQuery(options), body, signal: options.signal });
    },
    getSubresource: (ref, name, options) =>
      call({ method: "GET", path: objectPath(descriptor, ref, name), signal: options?.signal }),
    createSubresource: (ref, name, body, options) =>
      call({
        method: "POST",
        path: objectPath(descriptor, ref, name),
        query: writeQuery(options),
        body,
        signal: options?.signal,
      }),
  };
}

async function* watch<T extends ApiObject>(
  client: Pick<Client, "stream">,
  descriptor: ResourceDescriptor<T>,
  options: WatchOptions,
  jitter: () => number,
): AsyncGenerator<WatchEvent<T>> {
  const response = await client.stream({
    method: "GET",
    path: collectionPath(descriptor, options.namespace),
    query: {
      ...listQuery(options),
      watch: true,
      allowWatchBookmarks: options.allowWatchBookmarks,
      sendInitialEvents: options.sendInitialEvents,
      timeoutSeconds: options.timeoutSeconds ?? Math.round(watchSeconds * (1 + jitter())),
    },
    signal: options.signal,
  });
  yield* watchEvents<T>(response.body);
}

function writeQuery(options: WriteOptions | undefined): Query {
  return {
    dryRun: options?.dryRun === true ? "All" : undefined,
    fieldManager: options?.fieldManager,
    fieldValidation: options?.fieldValidation,
  };
}

function deleteBody(options: Readonly<Record<string, unknown>>): unknown {
  const { dryRun, ...rest } = options;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  if (Object.keys(given).length === 0 && dryRun !== true) return undefined;
  return { apiVersion: "v1", kind: "DeleteOptions", ...given, ...(dryRun === true ? { dryRun: ["All"] } : {}) };
}
