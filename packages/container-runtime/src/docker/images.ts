// Images on the engine. A pull's refusal arrives inside a successful answer, line by line; it is read to the end.
import type { Readable } from "node:stream";
import { RuntimeError } from "../errors.ts";
import type { ImageStatus, PullProgress, RegistryAuth } from "../runtime.ts";
import { ask, askIfPresent } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { readJsonLines } from "./json-lines.ts";

export async function pullImage(
  engine: Engine,
  reference: string,
  auth: RegistryAuth | undefined,
  signal?: AbortSignal,
  told?: (progress: PullProgress) => void,
): Promise<string> {
  const layers = new Map<string, { readonly current: number; readonly total: number }>();
  const options = {
    ...(auth
      ? { authconfig: { username: auth.username, password: auth.password, serveraddress: auth.server ?? "" } }
      : {}),
    ...(signal ? { abortSignal: signal } : {}),
  };
  const progress = await ask<NodeJS.ReadableStream>(engine.long.pull(withTag(reference), options), "pull-failed");
  for await (const line of readJsonLines(progress as Readable)) {
    if (typeof line === "object" && line !== null && "error" in line)
      throw new RuntimeError("pull-failed", String(line.error));
    const layer = layerOf(line);
    if (!layer || !told) continue;
    layers.set(layer.id, layer);
    told({ doneBytes: total(layers, "current"), totalBytes: total(layers, "total") });
  }
  const image = await imageStatus(engine, reference);
  if (!image) throw new RuntimeError("pull-failed", `${reference} is not here although the pull has ended well`);
  return image.id;
}

function layerOf(line: unknown): { readonly id: string; readonly current: number; readonly total: number } | undefined {
  const { id, status, progressDetail } = (line ?? {}) as {
    readonly id?: unknown;
    readonly status?: unknown;
    readonly progressDetail?: { readonly current?: unknown; readonly total?: unknown };
  };
  const { current, total } = progressDetail ?? {};
  if (typeof id !== "string" || status !== "Downloading" || typeof current !== "number" || typeof total !== "number")
    return undefined;
  return { id, current, total };
}

function total(
  layers: ReadonlyMap<string, Readonly<Record<"current" | "total", number>>>,
  of: "current" | "total",
): number {
  return [...layers.values()].reduce((sum, layer) => sum + layer[of], 0);
}

export async function imageStatus(engine: Engine, reference: string): Promise<ImageStatus | undefined> {
  try {
    const info = await ask(engine.short.getImage(withTag(reference)).inspect());
    return {
      id: info.Id,
      tags: info.RepoTags ?? [],
      digests: info.RepoDigests ?? [],
      sizeBytes: info.Size,
      user: info.Config?.User ?? "",
    };
  } catch (error) {
    if (error instanceof RuntimeError && (error.code === "image-not-found" || error.code === "not-found"))
      return undefined;
    throw error;
  }
}

export async function listImages(engine: Engine): Promise<readonly ImageStatus[]> {
  const images = await ask(engine.short.listImages());
  return images.map((image) => ({
    id: image.Id,
    tags: (image.RepoTags ?? []).filter((tag) => tag !== "<none>:<none>"),
    digests: (image.RepoDigests ?? []).filter((digest) => digest !== "<none>@<none>"),
    sizeBytes: image.Size,
    user: "",
  }));
}

export async function removeImage(engine: Engine, reference: string): Promise<void> {
  try {
    await askIfPresent(engine.short.getImage(withTag(reference)).remove());
  } catch (error) {
    if (!(error instanceof RuntimeError && error.code === "image-not-found")) throw error;
  }
}

/** Without a tag Docker would pull every tag there is. */
function withTag(reference: string): string {
  if (reference.includes("@") || reference.startsWith("sha256:") || /^[0-9a-f]{64}$/.test(reference)) return reference;
  return reference.slice(reference.lastIndexOf("/") + 1).includes(":") ? reference : `${reference}:latest`;
}
