// Kinds without a cluster: what is built in is known, so that --local and --dry-run=client ask nobody.
import { findKind } from "@coxswain/api";
import type { Descriptor } from "./mapper.ts";

interface Typed {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Undefined for kinds that only a cluster knows. */
export function localDescriptor(object: Typed): Descriptor | undefined {
  return findKind(gvkOf(object));
}

export function gvkOf({ apiVersion, kind }: Typed): {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
} {
  const [group = "", version = ""] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  return { group, version, kind };
}
