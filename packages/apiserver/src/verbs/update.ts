// PUT and everything else that changes an object: read it, compute the next one, default, mutating admission, prepare,
// validate, validating admission, and write it if it is still the one that was read. Without a resourceVersion of the
// client's the change is computed anew when someone else was first.
import { cloneJson, isAlreadyExists, jsonEqual, parseJson, StatusError, statuses } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import { parseBody } from "../core/body/decode-body.ts";
import { trackUpdate } from "../core/field-manager.ts";
import { agreeWithPath, checkVersion, meansThisOne, nameOwnersOnce, stampUpdate } from "../core/metadata.ts";
import type { WriteOptions } from "../core/options.ts";
import { readWriteOptions, shownOptions } from "../core/options.ts";
import { asWritten, served, toBeStored } from "../core/registry/convert.ts";
import { decodeStored, encodeForStore } from "../core/registry/encoding.ts";
import { mayVanish, prepareForUpdate } from "../core/registry/strategy.ts";
import type { GroupVersionKind } from "../core/request.ts";
import type { StoredValue } from "../core/storage.ts";
import { mutatingAdmission, validatingAdmission } from "./admit.ts";
import type { Attempt } from "./attempts.ts";
import { attemptUntilWritten } from "./attempts.ts";
import { createObject } from "./create.ts";
import { answerOf, keyOf } from "./get.ts";
import type { Answer, Exchange, Parts } from "./parts.ts";
import { isService } from "./parts.ts";
import { toServed } from "./served.ts";
import { storeWrite, writeWithoutOwnersIfTooLarge } from "./store-write.ts";

export async function update(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind, info, query } = exchange;
  const options = readWriteOptions(query, "UpdateOptions");
  const parsed = parseBody(await exchange.body(), exchange.contentType, kind.kind);
  const decoded = kind.rules.decode(parsed, options.fieldValidation, exchange.warn);
  exchange.audit?.requested(decoded);
  agreeWithPath(kind, decoded, info.namespace, info.name);
  return changeObject(parts, exchange, options, {
    next: () => cloneJson(decoded),
    leavesCurrent: true,
    absent: async () => {
      meansThisOne(kind, keyOf(kind, info.namespace, info.name), decoded, "");
      if (!kind.strategy.createsOnUpdate || info.subresource !== "")
        throw new StatusError(statuses.notFound(kind, info.name));
      return createObject(parts, exchange, cloneJson(decoded), options);
    },
  });
}

export interface ObjectChange {
  /** Computes the next object from the current one (which it may change); undefined leaves it as it is. Throws StatusError. */
  readonly next: (current: ApiObject) => ApiObject | undefined;
  /** What to do when there is no object; left out: 404. */
  readonly absent?: () => Promise<Answer>;
  /** Keeps the managed fields as `next` made them (apply). */
  readonly tracksItself?: boolean;
  /**
   * The server's own change of any part of the object (a binding): nothing is reset, nobody comes to own fields. It puts new values in
   * place of what it changes, and never changes one inside: the object before and after share the rest.
   */
  readonly isSystem?: boolean;
  /** `next` leaves the current object as it is, and what it makes shares nothing with it: it need not be decoded twice. */
  readonly leavesCurrent?: boolean;
  readonly name?: string;
  /** What admission is shown instead of the object: the body of a subresource, such as Scale. */
  readonly admittedAs?: {
    readonly type: GroupVersionKind;
    of(object: ApiObject): ApiObject;
    /** Carries out what admission has made of it. */
    into(object: ApiObject, admitted: ApiObject): void;
  };
}

export async function changeObject(
  parts: Parts,
  exchange: Exchange,
  options: WriteOptions,
  change: ObjectChange,
): Promise<Answer> {
  const { kind, info } = exchange;
  const name = change.name ?? info.name;
  const key = keyOf(kind, info.namespace, name);
  const { absent } = change;
  return attemptUntilWritten(parts, {
    kind,
    key,
    name,
    isDryRun: options.dryRun,
    attempt: (current) => tryChange(parts, exchange, options, change, current),
    ...(absent && {
      // Somebody else may make it at the same time: then it is a change after all.
      absent: () =>
        absent().catch((error: unknown) => {
          if (isAlreadyExists(error)) return "appeared";
          throw error;
        }),
    }),
  });
}

async function tryChange(
  parts: Parts,
  exchange: Exchange,
  options: WriteOptions,
  change: ObjectChange,
  current: StoredValue,
): Promise<Attempt> {
  const { kind, info } = exchange;
  const { subresource } = info;
  const isRemote = kind.conversion?.remote !== undefined;
  const decoded = (): ApiObject => decodeStored(current.value, current.revision);
  const old = isRemote ? await served(kind, decoded()) : toServed(kind, decoded());
  const read = (): ApiObject => (isRemote ? cloneJson(old) : toServed(kind, decoded()));
  const given = change.isSystem ? { ...old, metadata: { ...old.metadata } } : change.leavesCurrent ? old : read();
  const next = change.next(given);
  if (!next) return { kind: "same" };
  if (info.verb !== "patch") meansThisOne(kind, current.key, next, old.metadata.uid ?? "");
  checkVersion(kind, next, String(current.revision));
  stampUpdate(kind, next, old);
  if (info.verb !== "patch") nameOwnersOnce(next, "as sent", exchange.warn);
  kind.rules.setDefaults(next);
  const { admittedAs } = change;
  const shown = (object: ApiObject): ApiObject => admittedAs?.of(object) ?? object;
  const subject = {
    operation: "UPDATE",
    oldObject: shown(old),
    name: old.metadata.name,
    dryRun: options.dryRun,
    options: shownOptions("UpdateOptions", options),
    ...(admittedAs && { kind: admittedAs.type }),
  } as const;
  const seen = shown(next);
  const made = (await mutatingAdmission(parts, exchange, { ...subject, object: seen })) ?? seen;
  if (admittedAs && made !== seen) admittedAs.into(next, made);
  const admitted = admittedAs ? next : made;
  nameOwnersOnce(admitted, "as admitted", exchange.warn);
  if (!change.isSystem)
    prepareForUpdate(kind.strategy, kind.hasStatus, admitted, old, { nowMs: parts.clock.now(), subresource });
  if (!change.tracksItself && !change.isSystem)
    trackUpdate(kind, admitted, old, { options, exchange, nowMs: parts.clock.now() });
  const allocated =
    isService(kind) && subresource === "" ? await parts.services.allocate(admitted, old, options.dryRun) : undefined;
  const object = allocated?.service ?? admitted;
  try {
    await kind.rules.prepare?.(object);
    const errors = kind.rules.validateUpdate(object, old, subresource);
    if (errors.length > 0) throw new StatusError(statuses.invalid(kind, old.metadata.name, errors));
    if (subresource === "") for (const warning of kind.rules.warnings(object, old)) exchange.warn(warning);
    await validatingAdmission(parts, exchange, { ...subject, object: shown(object) });
    const written = async (): Promise<Attempt> =>
      write(parts, exchange, options, object, encodeForStore(await toBeStored(kind, object)), current);
    const outcome = await (change.tracksItself ? written() : writeWithoutOwnersIfTooLarge(object, written));
    if (outcome.kind === "changed") await allocated?.revert();
    else await allocated?.commit();
    return outcome;
  } catch (error) {
    await allocated?.revert();
    throw error;
  }
}

async function write(
  parts: Parts,
  { kind }: Exchange,
  options: WriteOptions,
  object: ApiObject,
  value: Buffer,
  current: StoredValue,
): Promise<Attempt> {
  if (options.dryRun)
    return { kind: "done", answer: { type: "object", code: 200, object: asWritten(kind, object), kind } };
  // The last finalizer is gone: this update is the end of the object.
  if (mayVanish(kind.strategy, object)) {
    const outcome = await parts.storage.remove(current.key, current.revision);
    if (outcome.kind === "changed") return outcome;
    if (isService(kind)) await parts.services.release(object);
    return { kind: "done", answer: { type: "object", code: 200, object, kind } };
  }
  // Nothing new (members may stand in another order): no write, no event, the same resourceVersion.
  if (
    value.equals(current.value) ||
    (value.length === current.value.length &&
      jsonEqual(parseJson(value.toString()), parseJson(current.value.toString())))
  )
    return { kind: "same" };
  const outcome = await storeWrite(parts, kind, { key: current.key, value, object }, () =>
    parts.storage.replace(current.key, value, current.revision, kind.strategy.ttlSeconds),
  );
  if (outcome.kind === "changed") return outcome;
  const answer = await answerOf(kind, 200, { key: current.key, value, revision: outcome.revision });
  return { kind: "done", answer };
}
