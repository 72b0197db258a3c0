// Requests on objects of any kind, as the commands need them: what the server says comes back as it is, a refusal as a StatusError.
import { StatusError } from "@coxswain/apimachinery";
import type { ApiObject, List, Status } from "@coxswain/apimachinery";
import type { Query, RawRequest } from "@coxswain/client";
import type { Session } from "../session.ts";
import type { Descriptor } from "./mapper.ts";

/** Any object, read without knowing its kind. */
export type Obj = ApiObject & Record<string, unknown>;

/** Path of a collection, or of one object in it. */
export function pathOf(
  descriptor: Descriptor,
  namespace: string | undefined,
  name?: string,
  subresource?: string,
): string {
  const root =
    descriptor.group === "" ? `/api/${descriptor.version}` : `/apis/${descriptor.group}/${descriptor.version}`;
  const scope = descriptor.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  const rest =
    name === undefined ? "" : `/${encodeURIComponent(name)}${subresource === undefined ? "" : `/${subresource}`}`;
  return `${root}${scope}/${descriptor.resource}${rest}`;
}

export async function call<T = Obj>(session: Session, request: RawRequest): Promise<T> {
  const answer = await session.client.request({ signal: session.signal, ...request });
  if (answer.status >= 400) throw statusError(answer.text(), answer.status, request);
  return answer.json() as T;
}

function statusError(text: string, code: number, request: RawRequest): StatusError {
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === "Status") return new StatusError(status);
  } catch {
    // Not the API server's own words: quoted below.
  }
  if (code === 404)
    return new StatusError({
      apiVersion: "v1",
      kind: "Status",
      metadata: {},
      status: "Failure",
      code,
      reason: "NotFound",
      message: "the server could not find the requested resource",
    });
  return new StatusError({
    apiVersion: "v1",
    kind: "Status",
    metadata: {},
    status: "Failure",
    code,
    message: `${request.method} ${request.path}: ${code} ${text.slice(0, 200).trim()}`,
  });
}

export const isNotFound = (error: unknown): boolean => error instanceof StatusError && error.status.code === 404;

export function getObject(
  session: Session,
  descriptor: Descriptor,
  namespace: string | undefined,
  name: string,
): Promise<Obj> {
  return call(session, { method: "GET", path: pathOf(descriptor, namespace, name) });
}

/** A whole list, read in pieces; the items carry their kind. */
export async function listObjects(
  session: Session,
  descriptor: Descriptor,
  namespace: string | undefined,
  query: Query = {},
): Promise<List<Obj>> {
  let list: List<Obj> | undefined;
  let next: string | undefined;
  const kind = {
    apiVersion: descriptor.group === "" ? descriptor.version : `${descriptor.group}/${descriptor.version}`,
    kind: descriptor.kind,
  };
  do {
    const page: List<Obj> = await call(session, {
      method: "GET",
      path: pathOf(descriptor, namespace),
      query: { limit: 500, ...query, continue: next },
    });
    const items = (page.items ?? []).map((item) => ({ ...kind, ...item }));
    if (list === undefined) list = { ...page, items };
    else list.items.push(...items);
    next = page.metadata.continue;
  } while (next !== undefined && next !== "");
  return list;
}

export const patchTypes = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
} as const;

export interface Writing {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly fieldValidation?: string;
  readonly subresource?: string;
  readonly force?: boolean;
}

const writeQuery = (options: Writing): Query => ({
  dryRun: options.dryRun === true ? "All" : undefined,
  fieldManager: options.fieldManager,
  fieldValidation: options.fieldValidation,
  force: options.force === true ? true : undefined,
});

export function createObject(
  session: Session,
  descriptor: Descriptor,
  namespace: string | undefined,
  object: ApiObject,
  options: Writing = {},
): Promise<Obj> {
  return call(session, {
    method: "POST",
    path: pathOf(descriptor, namespace),
    query: writeQuery(options),
    body: object,
  });
}

export function replaceObject(
  session: Session,
  descriptor: Descriptor,
  namespace: string | undefined,
  object: ApiObject,
  options: Writing = {},
): Promise<Obj> {
  return call(session, {
    method: "PUT",
    path: pathOf(descriptor, namespace, object.metadata.name, options.subresource),
    query: writeQuery(options),
    body: object,
  });
}

export function patchObject(
  session: Session,
  descriptor: Descriptor,
  ref: { readonly namespace: string | undefined; readonly name: string },
  type: keyof typeof patchTypes,
  patch: unknown,
  options: Writing = {},
): Promise<Obj> {
  return call(session, {
    method: "PATCH",
    path: pathOf(descriptor, ref.namespace, ref.name, options.subresource),
    query: writeQuery(options),
    body: patch,
    contentType: patchTypes[type],
  });
}
