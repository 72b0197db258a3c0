// Custom resources that a webhook converts between their versions (`spec.conversion.strategy: Webhook`): what it is asked, and what makes its answer
// one. After apiextensions-apiserver's `conversion/webhook_converter.go`, in its words. It converts the content; of the metadata only labels and
// annotations are the webhook's.
import type { CustomResourceDefinition } from "@coxswain/api/apiextensions/v1";
import type { ApiObject, Status } from "@coxswain/apimachinery";
import { isJsonObject, StatusError } from "@coxswain/apimachinery";
import type { HookCaller } from "../admission/webhook/caller.ts";
import { HookError } from "../admission/webhook/caller.ts";

/** Gives objects the form of another version, each its place kept. Throws StatusError. */
export type Convert = (objects: readonly ApiObject[], apiVersion: string) => Promise<readonly ApiObject[]>;

export interface ConversionPorts {
  readonly caller: HookCaller;
  readonly uuid: () => string;
}

const timeoutSeconds = 30;
const knownVersions = ["v1", "v1beta1"];

/** Undefined for definitions whose versions differ in their name only. */
export function converterOf({ spec }: CustomResourceDefinition, ports: ConversionPorts): Convert | undefined {
  const webhook = spec.conversion?.strategy === "Webhook" ? spec.conversion.webhook : undefined;
  const config = webhook?.clientConfig;
  if (!webhook || !config) return undefined;
  return async (objects, apiVersion) => {
    const strangers = objects.filter((object) => object.apiVersion !== apiVersion);
    const [first] = strangers;
    if (!first) return objects;
    const subject = `conversion webhook for ${first.apiVersion}, Kind=${first.kind}`;
    const version = webhook.conversionReviewVersions.find((candidate) => knownVersions.includes(candidate));
    if (version === undefined) throw failure("no supported conversion review versions");
    const uid = ports.uuid();
    const review = {
      kind: "ConversionReview",
      apiVersion: `apiextensions.k8s.io/${version}`,
      request: { uid, desiredAPIVersion: apiVersion, objects: strangers },
    };
    const converted = await ports.caller
      .post(config, review, timeoutSeconds)
      .then((answer) => convertedBy(answer, uid, version))
      .catch((error: unknown) => {
        if (error instanceof HookError) throw failure(`${subject} failed: ${error.message}`, error);
        throw error;
      });
    if (converted.length !== strangers.length)
      throw failure(`${subject} returned ${converted.length} objects, expected ${strangers.length}`);
    const made = new Map(
      strangers.map((object, index) => {
        const outcome = restored(object, converted[index], apiVersion);
        if (typeof outcome === "string")
          throw failure(`${subject} returned invalid converted object at index ${index}: ${outcome}`);
        return [object, outcome];
      }),
    );
    return objects.map((object) => made.get(object) ?? object);
  };
}

function failure(message: string, cause?: unknown): StatusError {
  const status: Status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, code: 500 };
  return new StatusError(status, { cause });
}

function convertedBy(answer: unknown, uid: string, version: string): readonly unknown[] {
  const { kind, apiVersion, response } = isJsonObject(answer) ? answer : {};
  const isFirst = version === "v1";
  if (isFirst && (apiVersion !== "apiextensions.k8s.io/v1" || kind !== "ConversionReview"))
    throw new HookError(
      `expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got ${textOf(apiVersion)}, Kind=${textOf(kind)}`,
    );
  if (!isJsonObject(response)) throw new HookError("no response provided");
  if (isFirst && response["uid"] !== uid)
    throw new HookError(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(textOf(response["uid"]))}`);
  const result = isJsonObject(response["result"]) ? response["result"] : {};
  if (result["status"] !== "Success")
    throw new HookError(
      textOf(result["message"]) || `response.result.status was '${textOf(result["status"])}', not 'Success'`,
    );
  const objects = response["convertedObjects"];
  return Array.isArray(objects) ? objects : [];
}

/** The converted object with the metadata that it had, less labels and annotations; or what is wrong with it. */
function restored(original: ApiObject, converted: unknown, apiVersion: string): ApiObject | string {
  if (!isJsonObject(converted)) return "invalid type, expected an object";
  if (converted["apiVersion"] !== apiVersion)
    return `invalid groupVersion (expected ${apiVersion}, received ${textOf(converted["apiVersion"])})`;
  if (converted["kind"] !== original.kind)
    return `invalid kind (expected ${original.kind}, received ${textOf(converted["kind"])})`;
  const metadata = isJsonObject(converted["metadata"]) ? converted["metadata"] : {};
  for (const name of ["name", "namespace", "uid"] as const) {
    const [before, after] = [original.metadata[name] ?? "", metadata[name] ?? ""];
    if (before !== after) return `must have the same ${name === "uid" ? "UID" : name}: ${before} != ${textOf(after)}`;
  }
  const { labels: _labels, annotations: _annotations, ...kept } = original.metadata;
  const { labels, annotations } = metadata;
  const object: ApiObject & Record<string, unknown> = {
    kind: original.kind,
    apiVersion,
    metadata: {
      ...kept,
      ...(isTexts(labels) && { labels }),
      ...(isTexts(annotations) && { annotations }),
    },
  };
  for (const [name, value] of Object.entries(converted)) if (!(name in object)) object[name] = value;
  return object;
}

function isTexts(value: unknown): value is Record<string, string> {
  return isJsonObject(value) && Object.values(value).every((text) => typeof text === "string");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
