// Who set which field: keeps `metadata.managedFields` on every write. The rules are apimachinery's; here is where they are
// called from, and how a manager gets its name.
import type { ApiObject } from "@coxswain/apimachinery";
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

/** After a create or update by any verb but apply. */
export function trackUpdate(_kind: Kind, object: ApiObject, old: ApiObject | undefined, _context: TrackContext): void {
  if (old?.metadata.managedFields && !object.metadata.managedFields) object.metadata.managedFields = old.metadata.managedFields;
}
