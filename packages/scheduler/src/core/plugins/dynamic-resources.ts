// DynamicResources: devices that are claimed by name are not allocated here. A pod that asks for a claim waits, and is told so,
// rather than running without what it asked for.
import { definePlugin, unsuitable } from "../plugin.ts";

const rejection = unsuitable("node(s) cannot allocate the pod's resource claims");

export const dynamicResources = definePlugin<readonly string[]>({
  name: "DynamicResources",
  scope: "node",
  prepare: (pod) => (pod.spec?.resourceClaims ?? []).map(({ name }) => name),
  filters: (claims) => claims.length > 0,
  filter: () => rejection,
  explain: (claims) => `resource claims are not supported; the pod asks for ${claims.join(", ")}`,
  wakes: {},
});
