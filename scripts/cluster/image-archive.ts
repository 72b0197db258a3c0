// Builds an image without a registry and without a builder: one layer of files, a configuration, a manifest, in the
// format of `docker save`. The same input gives the same bytes, hence the same image id.
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";

export interface ImageFile {
  /** Path inside the image, without the leading slash. */
  readonly path: string;
  readonly content: Buffer | { readonly linkTo: string } | "directory";
  /** Permission bits; 0o755 by default. */
  readonly mode?: number;
}

export interface ImageConfig {
  readonly reference: string;
  readonly entrypoint: readonly string[];
  readonly environment?: readonly string[];
  readonly ports?: readonly string[];
  readonly stopSignal?: string;
}

export interface ImageArchive {
  /** What the engine will call the image: "sha256:…". */
  readonly id: string;
  readonly archive: Buffer;
}

const epoch = new Date(0);

export async function buildImage(files: readonly ImageFile[], config: ImageConfig): Promise<ImageArchive> {
  const layer = await tar(files);
  const layerDigest = sha256(layer);
  const configuration = Buffer.from(
    JSON.stringify({
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      created: epoch.toISOString(),
      config: {
        Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...(config.environment ?? [])],
        Entrypoint: config.entrypoint,
        ...(config.ports ? { ExposedPorts: Object.fromEntries(config.ports.map((port) => [port, {}])) } : {}),
        ...(config.stopSignal ? { StopSignal: config.stopSignal } : {}),
      },
      rootfs: { type: "layers", diff_ids: [`sha256:${layerDigest}`] },
      history: [{ created: epoch.toISOString(), created_by: "coxswain" }],
    }),
  );
  const configDigest = sha256(configuration);
  const manifest = [
    { Config: `${configDigest}.json`, RepoTags: [config.reference], Layers: [`${layerDigest}/layer.tar`] },
  ];
  const archive = await tar([
    { path: `${configDigest}.json`, content: configuration, mode: 0o644 },
    { path: `${layerDigest}`, content: "directory" },
    { path: `${layerDigest}/layer.tar`, content: layer, mode: 0o644 },
    { path: "manifest.json", content: Buffer.from(JSON.stringify(manifest)), mode: 0o644 },
  ]);
  return { id: `sha256:${configDigest}`, archive };
}

async function tar(files: readonly ImageFile[]): Promise<Buffer> {
  const writer = pack();
  const bytes = buffer(writer);
  for (const { path, content, mode = 0o755 } of files) {
    if (content === "directory") writer.entry({ name: path, type: "directory", mode, mtime: epoch });
    else if (Buffer.isBuffer(content)) writer.entry({ name: path, mode, mtime: epoch }, content);
    else writer.entry({ name: path, type: "symlink", linkname: content.linkTo, mode: 0o777, mtime: epoch });
  }
  writer.finalize();
  return bytes;
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
