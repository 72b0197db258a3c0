// The three images that the project brings, built from what this machine has: busybox-static and the pinned Node.
// An archive is built again only when what it is made of has changed; an engine is given only what it lacks.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { aptInstall, imageId, loadImage } from "./docker.ts";
import { Failure } from "./failure.ts";
import { buildImage } from "./image-archive.ts";
import type { ImageConfig, ImageFile } from "./image-archive.ts";
import { projectRoot } from "./layout.ts";

export interface BuiltImage {
  readonly reference: string;
  readonly id: string;
  readonly archive: string;
}

interface Recipe {
  readonly config: ImageConfig;
  /** Files of this machine that the image is made of; a change of one makes a new image. */
  readonly ingredients: () => readonly string[];
  readonly files: () => readonly ImageFile[];
}

/** Reaps what the pod's containers leave behind and ends at once on SIGTERM; `wait` returns when a trap has run. */
const pauseScript = "trap 'exit 0' TERM INT; while :; do sleep 86400 & wait $!; done";

const recipes: readonly Recipe[] = [
  {
    config: { reference: "coxswain/pause:1", entrypoint: ["/bin/busybox", "sh", "-c", pauseScript] },
    ingredients: () => [busybox()],
    files: () => [
      ...emptyRoot,
      { path: "bin/busybox", content: readFileSync(busybox()) },
      { path: "bin/sleep", content: { linkTo: "busybox" } },
    ],
  },
  {
    config: { reference: "coxswain/busybox:1", entrypoint: [] },
    ingredients: () => [busybox()],
    files: () => [...emptyRoot, { path: "bin/busybox", content: readFileSync(busybox()) }, ...applets()],
  },
  {
    config: {
      reference: "coxswain/demo:1",
      entrypoint: ["/usr/bin/node", "/app/server.mjs"],
      environment: ["NODE_COMPILE_CACHE=/tmp/cache"],
      ports: ["8080/tcp"],
    },
    ingredients: () => [process.execPath, demoServer, busybox()],
    files: () => [
      ...emptyRoot,
      { path: "bin/busybox", content: readFileSync(busybox()) },
      ...applets(),
      { path: "usr/bin/node", content: readFileSync(process.execPath) },
      ...sharedLibraries(process.execPath),
      { path: "app/server.mjs", content: readFileSync(demoServer), mode: 0o644 },
    ],
  },
];

const demoServer = join(projectRoot, "deploy", "images", "demo", "server.mjs");

export const emptyRoot: readonly ImageFile[] = [
  ...["bin", "etc", "proc", "sys", "dev", "root", "var", "usr", "usr/bin", "app"].map((path) => ({
    path,
    content: "directory" as const,
  })),
  { path: "tmp", content: "directory", mode: 0o1777 },
  {
    path: "etc/passwd",
    content: Buffer.from("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"),
    mode: 0o644,
  },
  { path: "etc/group", content: Buffer.from("root:x:0:\nnogroup:x:65534:\n"), mode: 0o644 },
];

/** Builds what is missing or stale below `imageDir`. */
export async function buildImages(imageDir: string, note: (text: string) => void): Promise<readonly BuiltImage[]> {
  if (!existsSync(busyboxPath)) {
    note("installing busybox-static");
    if (process.getuid?.() !== 0)
      throw new Failure("images are made from busybox-static: install it (as root: apt-get install busybox-static)");
    aptInstall(["busybox-static"]);
  }
  mkdirSync(imageDir, { recursive: true });
  const built: BuiltImage[] = [];
  for (const recipe of recipes) built.push(await buildOne(recipe, imageDir, note));
  return built;
}

/** Gives the engine behind `socket` the images it does not have yet. */
export async function loadImages(
  socket: string,
  images: readonly BuiltImage[],
  note: (text: string) => void,
): Promise<void> {
  for (const image of images) {
    if ((await imageId(socket, image.reference)) === image.id) continue;
    note(`loading ${image.reference}`);
    await loadImage(socket, readFileSync(image.archive));
  }
}

async function buildOne(recipe: Recipe, imageDir: string, note: (text: string) => void): Promise<BuiltImage> {
  const { reference } = recipe.config;
  const archive = join(imageDir, `${reference.replace(/[/:]/g, "_")}.tar`);
  const recordFile = `${archive}.json`;
  const key = freshness(recipe);
  if (existsSync(archive) && existsSync(recordFile)) {
    const record = JSON.parse(readFileSync(recordFile, "utf8")) as { key: string; id: string };
    if (record.key === key) return { reference, id: record.id, archive };
  }
  note(`building ${reference}`);
  const image = await buildImage(recipe.files(), recipe.config);
  writeFileSync(`${archive}.part`, image.archive);
  renameSync(`${archive}.part`, archive);
  writeFileSync(recordFile, JSON.stringify({ key, id: image.id }));
  return { reference, id: image.id, archive };
}

function freshness(recipe: Recipe): string {
  const hash = createHash("sha256").update(JSON.stringify(recipe.config));
  for (const file of [...recipe.ingredients(), import.meta.filename]) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${basename(file)} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

const busyboxPath = "/bin/busybox";
function busybox(): string {
  return busyboxPath;
}

export function applets(): readonly ImageFile[] {
  const { stdout } = spawnSync(busyboxPath, ["--list"], { encoding: "utf8" });
  return stdout
    .trim()
    .split("\n")
    .filter((name) => name !== "busybox")
    .map((name) => ({ path: `bin/${name}`, content: { linkTo: "busybox" } }));
}

/** What the dynamic loader needs to start `program`, at the places where it will look. */
export function sharedLibraries(program: string): readonly ImageFile[] {
  const { stdout, status } = spawnSync("ldd", [program], { encoding: "utf8" });
  if (status !== 0) throw new Failure(`ldd cannot tell which libraries ${program} needs`);
  const paths = new Set([...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? ""));
  // Name resolution loads these at run time, so ldd does not list them; glibc 2.34 and later have most built in.
  const libc = [...paths].find((path) => path.endsWith("/libc.so.6"));
  if (libc) {
    const folder = dirname(libc);
    for (const name of readdirSync(folder)) {
      if (/^lib(nss_files|nss_dns|resolv)\.so\.2$/.test(name)) paths.add(join(folder, name));
    }
  }
  const folders = new Set([...paths].flatMap((path) => parents(path.slice(1))));
  return [
    ...[...folders].sort().map((path) => ({ path, content: "directory" as const })),
    ...[...paths].map((path) => ({ path: path.slice(1), content: readFileSync(realpathSync(path)) })),
  ];
}

function parents(path: string): string[] {
  const folder = dirname(path);
  return folder === "." ? [] : [...parents(folder), folder];
}
