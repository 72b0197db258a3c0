/** Defaults of custom resource definitions. */
import type { CustomResourceDefinition } from "../types.ts";
import { fill, fillText } from "../../../fill.ts";

export function defaultCustomResourceDefinition(definition: CustomResourceDefinition): void {
  const { spec } = definition;
  if (spec.names.kind !== "")
    fillText(spec.names, { singular: spec.names.kind.toLowerCase(), listKind: `${spec.names.kind}List` });
  fill(spec, { conversion: { strategy: "None" } });
  const service = spec.conversion?.webhook?.clientConfig?.service;
  if (service !== undefined) fill(service, { port: 443 });
}
