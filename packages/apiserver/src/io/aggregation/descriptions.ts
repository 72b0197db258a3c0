// What other servers say of their groups in OpenAPI: where the documents of version 3 are, which are passed on, and those of version 2, which
// are merged into ours. A server that is away keeps what it said last; one that says nothing is left out.
import { encodeOpenApiV2, groupsOfOpenApiV2, mergeOpenApiV2 } from "@coxswain/api";
import type { OpenApiV2Part } from "@coxswain/api";
import type { RemoteService } from "../../core/aggregation/api-services.ts";
import { describedAt, identityHeaders, inOrderOfPriority } from "../../core/aggregation/api-services.ts";
import { createHash } from "../../core/discovery/etag.ts";
import type { Target } from "../node-tunnel/forward.ts";
import { readJson, readTagged } from "./read-json.ts";
import type { ReadOptions } from "./read-json.ts";

export interface Descriptions {
  /** Where other servers' groups are described, by the place below `/openapi/v3/`. */
  readonly places: ReadonlyMap<string, string>;
  /** Rises with every change of what `merge` adds. */
  readonly generation: number;
  /** Whether `merge` adds anything. */
  readonly isEmpty: boolean;
  /** The document of version 2 with what other servers say. */
  merge<T extends OpenApiV2Part>(document: T): T;
  /** Asks a server that answers. */
  learn(service: RemoteService, target: Target): Promise<void>;
  /** Forgets all but these. */
  keep(services: readonly RemoteService[]): void;
}

interface Said {
  readonly service: RemoteService;
  readonly etag: string | undefined;
  readonly state: string;
  readonly part: OpenApiV2Part;
}

/** Who asks for version 2: what it may read at another server is that server's affair. */
const asker = identityHeaders({ username: "system:aggregator", groups: [] });
const longestV2Bytes = 16 * 1024 * 1024;

export function createDescriptions(
  options: ReadOptions,
  onProblem: (service: string, error: unknown) => void,
): Descriptions {
  const places = new Map<string, string>();
  const byService = new Map<string, Said>();
  let parts: readonly OpenApiV2Part[] = [];
  let seen = "";
  let generation = 0;

  const collect = (): void => {
    const services = [...byService.values()].map(({ service }) => service);
    const ordered = inOrderOfPriority(services).flatMap(({ metadata }) => byService.get(metadata.name) ?? []);
    const state = ordered.map((said) => said.state).join("\n");
    if (state === seen) return;
    seen = state;
    parts = ordered.map(({ part }) => part);
    generation += 1;
  };

  const learnPlace = async ({ spec }: RemoteService, target: Target): Promise<void> => {
    const { group = "", version = "" } = spec;
    const list = await readJson({ ...target, path: "/openapi/v3" }, options).catch(() => undefined);
    const url = describedAt(list, group, version);
    if (url === undefined) places.delete(`apis/${group}/${version}`);
    else places.set(`apis/${group}/${version}`, url);
  };

  const learnPart = async (service: RemoteService, target: Target): Promise<void> => {
    const { name } = service.metadata;
    const before = byService.get(name);
    const asked = { ...target, path: "/openapi/v2", headers: asker };
    const answer = await readTagged(asked, { ...options, longestBytes: longestV2Bytes, etag: before?.etag });
    if (answer === "unchanged") {
      if (before) byService.set(name, { ...before, service });
      return;
    }
    const part = groupsOfOpenApiV2(answer.value);
    // Throws for what has not the shape of such a document: ours must be served whatever theirs is.
    encodeOpenApiV2(part);
    const state = createHash(Buffer.from(JSON.stringify(part)));
    byService.set(name, { service, etag: answer.etag, state, part });
  };

  return {
    places,
    get generation() {
      return generation;
    },
    get isEmpty() {
      return parts.length === 0;
    },
    merge: (document) => mergeOpenApiV2(document, parts),
    async learn(service, target) {
      await learnPlace(service, target);
      // A server need not describe itself; what it said before holds until it says something else.
      await learnPart(service, target).catch((error: unknown) => onProblem(service.metadata.name, error));
      collect();
    },
    keep(services) {
      const names = new Set(services.map(({ metadata }) => metadata.name));
      const wanted = new Set(services.map(({ spec }) => `apis/${spec.group ?? ""}/${spec.version ?? ""}`));
      for (const name of byService.keys()) if (!names.has(name)) byService.delete(name);
      for (const place of places.keys()) if (!wanted.has(place)) places.delete(place);
      collect();
    },
  };
}
