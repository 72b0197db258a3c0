// Who set which field: keeps `metadata.managedFields` on every write. The rules are apimachinery's; here is where they are
// called from, and how a manager gets its name.
import { trackUpdate as track } from "@coxswain/apimachinery";
import type { ApiObject, JsonObject, WriteInfo } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import type { WriteOptions } from "./options.ts";
import type { Kind } from "./registry/kind.ts";

export interface TrackContext {
  readonly options: WriteOptions;
  readonly exchange: { readonly userAgent: string; readonly info: { readonly subresource: string } };
  readonly nowMs: number;
}

/** The given name, or the program's from the user agent. */
export function managerName({ options, exchange }: TrackContext): string {
  return (options.fieldManager || exchange.userAgent.split("/", 1)[0] || "unknown").slice(0, 128);
}

export function writeInfo(kind: Kind, context: TrackContext): WriteInfo {
  const { subresource } = context.exchange.info;
  return {
    manager: managerName(context),
    apiVersion: kind.apiVersion,
    subresource,
    time: rfc3339(context.nowMs),
    ignored: ignoredThrough(kind, subresource),
  };
}

/** What the endpoint puts back as it was. */
function ignoredThrough({ hasStatus, strategy }: Kind, subresource: string): readonly string[] {
  if (subresource === "status") return strategy.statusKeepsMetadata ? ["spec", "metadata"] : ["spec"];
  return hasStatus ? ["status"] : [];
}

/** After a create or update by any verb but apply; in place. */
export function trackUpdate(kind: Kind, object: ApiObject, old: ApiObject | undefined, context: TrackContext): void {
  track(
    kind.schema,
    old as (ApiObject & JsonObject) | undefined,
    object as ApiObject & JsonObject,
    writeInfo(kind, context),
  );
}
