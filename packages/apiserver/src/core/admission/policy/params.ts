// The objects that a policy's expressions know as `params`: which a binding refers to, by name or by labels. One evaluation is for each. After
// apiserver's `policy/generic` (CollectParams), in its words.
import type { ParamKind, ParamRef } from "@coxswain/api/admissionregistration/v1";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import { cloneJson, labelSelectorMatcher, parseApiVersion } from "@coxswain/apimachinery";
import type { Clock } from "@coxswain/clock";
import { servedAll } from "../../registry/convert.ts";
import type { Kind, Kinds } from "../../registry/kind.ts";
import type { ObjectReader, ObjectView } from "../../request.ts";

/** A policy or binding that cannot be carried out as it stands. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}

export interface ParamPorts {
  readonly kinds: Pick<Kinds, "ofType">;
  readonly objects: ObjectReader;
  readonly clock: Clock;
}

const syncWithinMs = 1000;

/** The resource of a policy's params; throws a ConfigurationError when there is none. */
export function paramResource(paramKind: DeepReadonly<ParamKind>, kinds: Pick<Kinds, "ofType">): Kind {
  const { apiVersion = "", kind = "" } = paramKind;
  const parsed = parseApiVersion(apiVersion);
  const found = parsed && kinds.ofType({ ...parsed, kind });
  if (!found)
    throw new ConfigurationError(`failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kind}'`);
  return found;
}

/** Undefined stands for "no params": the policy is evaluated once without. Throws a ConfigurationError. */
export async function paramsOf(
  resource: Kind | undefined,
  ref: DeepReadonly<ParamRef> | undefined,
  namespace: string,
  ports: ParamPorts,
): Promise<readonly (ApiObject | undefined)[]> {
  if (!resource || !ref) return [undefined];
  if (!resource.namespaced && ref.namespace)
    throw new ConfigurationError("paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
  const within = resource.namespaced ? ref.namespace || namespace : "";
  if (resource.namespaced && within === "")
    throw new ConfigurationError(
      "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources",
    );
  const view = ports.objects.view(resource);
  await synced(view, resource, ports.clock);
  const known = chosen(view, ref, within);
  // What was made a moment ago may not be in memory yet.
  const newest = known.length === 0 && ref.name ? await ports.objects.read(resource, within, ref.name) : undefined;
  const found = newest ? [newest] : known;
  if (found.length === 0 && ref.parameterNotFoundAction === "Deny")
    throw new ConfigurationError("no params found for policy binding with `Deny` parameterNotFoundAction");
  return resource.conversion ? servedAll(resource, found.map(cloneJson)) : found;
}

function chosen(
  view: ObjectView,
  { name = "", selector }: DeepReadonly<ParamRef>,
  namespace: string,
): readonly ApiObject[] {
  if (name !== "") {
    const object = view.get(namespace, name);
    return object ? [object] : [];
  }
  const matcher = labelSelectorMatcher(selector);
  return [...view.list(namespace === "" ? undefined : namespace)].filter(({ metadata }) =>
    matcher.matches(metadata.labels),
  );
}

async function synced(view: ObjectView, { apiVersion, kind }: Kind, clock: Clock): Promise<void> {
  if (view.synced()) return;
  const aborter = new AbortController();
  const timer = clock.setTimeout(() => aborter.abort(new DOMException("not in time", "TimeoutError")), syncWithinMs);
  try {
    await view.whenSynced(aborter.signal);
  } catch (cause) {
    throw new ConfigurationError(
      `paramKind kind \`&ParamKind{APIVersion:${apiVersion},Kind:${kind},}\` not yet synced to use for admission`,
      { cause },
    );
  } finally {
    timer.cancel();
  }
}
