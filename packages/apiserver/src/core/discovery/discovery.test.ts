import { describe, expect, it } from "vitest";
import { noConversion } from "../../../testing/no-conversion.ts";
import { createCustomKinds } from "../custom/custom-kinds.ts";
import { createKinds } from "../registry/kind.ts";
import { createDiscovery } from "./discovery.ts";
import { storageVersionHash } from "../../io/storage-version-hash.ts";
import { expectedResources } from "./expected-resources.ts";

interface LegacyResource {
  name: string;
  singularName: string;
  namespaced: boolean;
  kind: string;
  group?: string;
  version?: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
}

const discovery = createDiscovery(createKinds(createCustomKinds(noConversion)), "127.0.0.1:6443", storageVersionHash);
const everything = "create,delete,deletecollection,get,list,patch,update,watch";
const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

function read<T>(path: string, accept?: string): T {
  const document = discovery.find(path, accept);
  if (document === undefined) throw new Error(`nothing at ${path}`);
  return JSON.parse(document.body.toString()) as T;
}

function groupVersions(): string[] {
  const { groups } = read<{ groups: { versions: { groupVersion: string }[] }[] }>("/apis");
  return ["v1", ...groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion))];
}

/** One resource in the words of the expected data. */
function said(resource: LegacyResource, groupVersion: string): string {
  const verbs = resource.verbs.join(",") === everything ? "all" : resource.verbs.join(",");
  if (resource.name.includes("/")) {
    const own = resource.group === undefined ? groupVersion : `${resource.group}/${resource.version ?? ""}`;
    const parent = groupVersion === "v1" ? "v1" : own;
    const usual = expectedResources[`${groupVersion} ${resource.name.split("/")[0] ?? ""}`]?.split(" ")[0];
    return resource.kind === usual ? verbs : `${verbs} ${resource.group === undefined ? parent : own}.${resource.kind}`;
  }
  const words = [resource.kind, resource.singularName, resource.namespaced ? "Namespaced" : "Cluster", verbs];
  if (resource.shortNames) words.push(`short=${resource.shortNames.join(",")}`);
  if (resource.categories) words.push(`in=${resource.categories.join(",")}`);
  return words.join(" ");
}

describe("discovery", () => {
  it("offers the stable resources of Kubernetes, with their verbs, names and subresources", () => {
    const found: Record<string, string> = {};
    for (const groupVersion of groupVersions()) {
      const path = groupVersion === "v1" ? "/api/v1" : `/apis/${groupVersion}`;
      for (const resource of read<{ resources: LegacyResource[] }>(path).resources)
        found[`${groupVersion} ${resource.name}`] = said(resource, groupVersion);
    }
    expect(found).toEqual(expectedResources);
  });

  it("says the same in the aggregated documents", () => {
    interface Part {
      verbs: string[];
    }
    interface Groups {
      items: {
        metadata: { name: string };
        versions: {
          version: string;
          resources: (Part & { resource: string; subresources?: (Part & { subresource: string })[] })[];
        }[];
      }[];
    }
    const found = [read<Groups>("/api", aggregated), read<Groups>("/apis", aggregated)].flatMap(({ items }) =>
      items.flatMap(({ metadata, versions }) =>
        versions.flatMap(({ version, resources }) => {
          const groupVersion = metadata.name === "" ? version : `${metadata.name}/${version}`;
          return resources.flatMap(({ resource, subresources = [] }) => [
            `${groupVersion} ${resource}`,
            ...subresources.map(({ subresource }) => `${groupVersion} ${resource}/${subresource}`),
          ]);
        }),
      ),
    );
    expect(found.sort()).toEqual(Object.keys(expectedResources).sort());
  });

  it("prefers the newest version of a group", () => {
    expect(read("/apis/autoscaling")).toEqual({
      kind: "APIGroup",
      apiVersion: "v1",
      name: "autoscaling",
      versions: [
        { groupVersion: "autoscaling/v2", version: "v2" },
        { groupVersion: "autoscaling/v1", version: "v1" },
      ],
      preferredVersion: { groupVersion: "autoscaling/v2", version: "v2" },
    });
  });

  it("says in all versions in which one a resource is stored", () => {
    const hash = (path: string, name: string): unknown =>
      read<{ resources: (LegacyResource & { storageVersionHash: string })[] }>(path).resources.find(
        (resource) => resource.name === name,
      )?.storageVersionHash;
    const scalers = ["v1", "v2"].map((version) => hash(`/apis/autoscaling/${version}`, "horizontalpodautoscalers"));
    expect(scalers).toEqual(Array(2).fill(storageVersionHash("autoscaling", "v2", "HorizontalPodAutoscaler")));
    expect(hash("/apis/events.k8s.io/v1", "events")).toBe(hash("/api/v1", "events"));
  });

  it("names a group whose server has nothing to offer now", () => {
    const discovery = createDiscovery(
      { all: [{ group: "custom.metrics.k8s.io", version: "v1beta1" }] },
      "127.0.0.1:6443",
      storageVersionHash,
    );
    const groups = JSON.parse(discovery.find("/apis", undefined)?.body.toString() ?? "{}") as { groups: object[] };
    const version = { groupVersion: "custom.metrics.k8s.io/v1beta1", version: "v1beta1" };
    expect(groups.groups).toEqual([{ name: "custom.metrics.k8s.io", versions: [version], preferredVersion: version }]);
  });

  it("leaves in the form that the client likes best", () => {
    const inForm = (path: string, accept: string): { contentType: string; text: string } => {
      const found = discovery.find(path, accept);
      return { contentType: found?.contentType ?? "", text: found?.body.toString("latin1") ?? "" };
    };
    expect(inForm("/apis/batch", "application/yaml")).toEqual({
      contentType: "application/yaml",
      text: expect.stringContaining("preferredVersion:\n  groupVersion: batch/v1\n"),
    });
    for (const [path, kind] of [
      ["/api", "APIVersions"],
      ["/apis", "APIGroupList"],
      ["/apis/batch", "APIGroup"],
      ["/api/v1", "APIResourceList"],
    ] as const) {
      const { contentType, text } = inForm(path, "application/vnd.kubernetes.protobuf, */*");
      expect([contentType, text.startsWith("k8s\0"), text.includes(kind)]).toEqual([
        "application/vnd.kubernetes.protobuf",
        true,
        true,
      ]);
    }
    // As it is of no group, but of a path that all groups have, the aggregated document alone cannot be had there.
    for (const [path, accept] of [
      ["/apis/batch", aggregated],
      ["/apis", "text/html"],
    ] as const)
      expect(() => inForm(path, accept)).toThrow(
        "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
      );
    expect(inForm("/apis/nothing", "text/html").text).toBe("");
  });
});
