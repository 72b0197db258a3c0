// From what a profile enables and disables, at single points or at all at once (`multiPoint`), to the plugins of each point in
// their order. The rules are Kubernetes': what is named at a point goes before what multiPoint brings there, a default that is
// named again keeps its place and takes the new weight, and "*" disables all defaults.
import { fieldErrors } from "@coxswain/apimachinery";
import { defaultPlugins, pluginPoints, plugInsOfOthers } from "./default-plugins.ts";
import type { Reader } from "./reader.ts";
import { extensionPoints } from "./types.ts";
import type { EnabledPlugin, ExtensionPoint, ProfileConfiguration } from "./types.ts";

interface PluginSet {
  readonly enabled: readonly EnabledPlugin[];
  readonly disabled: ReadonlySet<string>;
}

type Points = Readonly<Record<string, readonly ExtensionPoint[]>>;

/** `extra` are plugins that were compiled in beside Kubernetes' own. */
export function readPluginSets(reader: Reader, schedulerName: string, extra: Points): ProfileConfiguration["plugins"] {
  const points: Points = { ...pluginPoints, ...extra };
  const everywhere = readSet(reader.object("multiPoint"), undefined, points);
  const merged = mergeDefaults(everywhere);
  const sets = {} as Record<ExtensionPoint, readonly EnabledPlugin[]>;
  for (const point of extensionPoints)
    sets[point] = atPoint(point, merged, readSet(reader.object(point), point, points), points);
  reader.end();
  if (sets.queueSort.length !== 1)
    reader.errors.push(
      fieldErrors.invalid(
        reader.at("queueSort"),
        sets.queueSort.map(({ name }) => name).join(","),
        `only one queue sort plugin required for profile with scheduler name "${schedulerName}", but got ${sets.queueSort.length}`,
      ),
    );
  if (sets.bind.length === 0)
    reader.errors.push(
      fieldErrors.required(
        reader.at("bind"),
        `at least one bind plugin is needed for profile with scheduler name "${schedulerName}"`,
      ),
    );
  return sets;
}

/** A plugin that filters needs its preparation: the points before are no choice of their own. */
function atPoint(
  point: ExtensionPoint,
  everywhere: readonly EnabledPlugin[],
  { enabled, disabled }: PluginSet,
  points: Points,
): readonly EnabledPlugin[] {
  const named = new Map(enabled.map((plugin) => [plugin.name, plugin]));
  const implementing = disabled.has("*")
    ? []
    : everywhere.filter(({ name }) => points[name]?.includes(point) === true && !disabled.has(name));
  const overridden = enabled.filter(({ name }) => implementing.some((plugin) => plugin.name === name));
  const brought = implementing.filter(({ name }) => !named.has(name));
  const others = enabled.filter((plugin) => !overridden.includes(plugin));
  return [...overridden, ...brought, ...others];
}

function mergeDefaults({ enabled, disabled }: PluginSet): readonly EnabledPlugin[] {
  const defaults = disabled.has("*") ? [] : defaultPlugins.filter(({ name }) => !disabled.has(name));
  const named = new Map(enabled.map((plugin) => [plugin.name, plugin]));
  return [
    ...defaults.map((plugin) => named.get(plugin.name) ?? plugin),
    ...enabled.filter(({ name }) => !defaults.some((plugin) => plugin.name === name)),
  ];
}

function readSet(reader: Reader, point: ExtensionPoint | undefined, points: Points): PluginSet {
  const seen = new Set<string>();
  const enabled = reader.objects("enabled").flatMap((one) => {
    const name = one.string("name");
    const weight = one.integer("weight", 0);
    one.end();
    if (name === "") {
      one.required("name");
      return [];
    }
    const implemented = points[name];
    if (implemented === undefined)
      one.invalid("name", `plugin "${name}" does not exist; there are ${Object.keys(points).sort().join(", ")}`);
    else if (point !== undefined && !implemented.includes(point))
      one.invalid("name", `plugin "${name}" does not extend ${point} plugin`);
    if (weight < 0) one.invalid("weight", "must not be negative");
    if (seen.has(name)) one.invalid("name", `plugin "${name}" already registered as "${name}"`);
    seen.add(name);
    return [{ name, weight: weight === 0 ? 1 : weight }];
  });
  const disabled = reader.objects("disabled").flatMap((one) => {
    const name = one.string("name");
    one.raw("weight");
    one.end();
    if (name !== "*" && points[name] === undefined && !plugInsOfOthers.has(name))
      one.invalid("name", `plugin "${name}" does not exist`);
    return [name];
  });
  reader.end();
  return { enabled, disabled: new Set(disabled) };
}
