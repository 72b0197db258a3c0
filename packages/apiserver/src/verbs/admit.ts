// The two admission stages over all plugins, in the order of `core/admission/order.ts`.
import type { ApiObject } from "@coxswain/apimachinery";
import type { AdmissionAttributes, Operation, Reinvocation } from "../core/request.ts";
import type { Exchange, Parts } from "./parts.ts";

export interface AdmissionSubject {
  readonly operation: Operation;
  readonly object: ApiObject | undefined;
  readonly oldObject: ApiObject | undefined;
  readonly name: string;
  readonly dryRun: boolean;
  /** What the client says besides; none for CONNECT. */
  readonly options?: object;
  /** Kind of the object when it is not the resource's own (Binding, Eviction, Scale, …). */
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string };
}

/** All plugins once, and once more when one of them asks for it. */
export async function mutatingAdmission(
  parts: Parts,
  exchange: Exchange,
  subject: AdmissionSubject,
): Promise<ApiObject | undefined> {
  let isRequested = false;
  const notes = new Map<string, unknown>();
  const request = (): void => void (isRequested = true);
  const first = await mutatingRound(parts, exchange, subject, { isSecond: false, request, notes });
  if (!isRequested) return first;
  return mutatingRound(parts, exchange, { ...subject, object: first }, { isSecond: true, request, notes });
}

async function mutatingRound(
  parts: Parts,
  exchange: Exchange,
  subject: AdmissionSubject,
  reinvocation: Reinvocation,
): Promise<ApiObject | undefined> {
  let attributes: AdmissionAttributes = { ...attributesOf(exchange, subject, subject.object), reinvocation };
  for (const plugin of parts.admission) {
    if (!plugin.admit || !plugin.handles(attributes)) continue;
    try {
      const object = await plugin.admit(attributes);
      if (object) attributes = { ...attributes, object };
    } catch (error) {
      exchange.refusedBy(plugin.name);
      throw error;
    }
  }
  return attributes.object;
}

export async function validatingAdmission(parts: Parts, exchange: Exchange, subject: AdmissionSubject): Promise<void> {
  const attributes = attributesOf(exchange, subject, subject.object);
  for (const plugin of parts.admission) {
    if (!plugin.validate || !plugin.handles(attributes)) continue;
    try {
      await plugin.validate(attributes);
    } catch (error) {
      exchange.refusedBy(plugin.name);
      throw error;
    }
  }
}

function attributesOf(
  exchange: Exchange,
  subject: AdmissionSubject,
  object: ApiObject | undefined,
): AdmissionAttributes {
  const { info, kind, user, userAgent, warn, signal, deadlineMs, audit } = exchange;
  return {
    operation: subject.operation,
    kind: subject.kind ?? { group: kind.group, version: kind.version, kind: kind.kind },
    resource: { group: kind.group, version: kind.version, resource: kind.resource },
    subresource: info.subresource,
    namespace:
      kind.namespaced || kind.resource === "namespaces"
        ? info.namespace || (kind.resource === "namespaces" ? subject.name : "")
        : "",
    name: subject.name,
    object,
    oldObject: subject.oldObject,
    user,
    dryRun: subject.dryRun,
    userAgent,
    options: subject.options,
    signal,
    deadlineMs,
    warn,
    audit,
  };
}
