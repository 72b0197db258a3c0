// The product's own image, made without a registry: the pinned Node, the product's files, and the few programs of this machine that agents
// call (ip, bridge, iptables, nft, ipvsadm, mount, nsenter, conntrack), each with the libraries it needs. deploy/image/Dockerfile makes the same from a registry.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { bundleCox } from "./cox-bundle.ts";
import { aptInstall } from "./docker.ts";
import { Failure } from "./failure.ts";
import { buildImage } from "./image-archive.ts";
import type { ImageFile } from "./image-archive.ts";
import { applets, emptyRoot, sharedLibraries } from "./images.ts";
import type { BuiltImage } from "./images.ts";
import { projectRoot } from "./layout.ts";
import { productDaemons, productFiles } from "./product-files.ts";

export const productReference = "coxswain/coxswain:0.1.0";
const home = "opt/coxswain";

/** Programs by where they are found in Debian, with the package that brings them. */
const tools: readonly {
  readonly path: string;
  readonly from: string;
  readonly debian: string;
  readonly needed: boolean;
}[] = [
  { path: "usr/sbin/ip", from: "/bin/ip", debian: "iproute2", needed: true },
  { path: "usr/sbin/bridge", from: "/sbin/bridge", debian: "iproute2", needed: true },
  { path: "usr/bin/nsenter", from: "/usr/bin/nsenter", debian: "util-linux", needed: true },
  { path: "usr/bin/mount", from: "/bin/mount", debian: "mount", needed: true },
  { path: "usr/bin/umount", from: "/bin/umount", debian: "mount", needed: true },
  { path: "usr/sbin/xtables-nft-multi", from: "/usr/sbin/xtables-nft-multi", debian: "iptables", needed: true },
  { path: "usr/sbin/conntrack", from: "/usr/sbin/conntrack", debian: "conntrack", needed: false },
  { path: "usr/sbin/ipvsadm", from: "/usr/sbin/ipvsadm", debian: "ipvsadm", needed: false },
  { path: "usr/sbin/nft", from: "/usr/sbin/nft", debian: "nftables", needed: false },
];
const xtablesNames = ["iptables", "ip6tables"].flatMap((name) => [name, `${name}-save`, `${name}-restore`]);

/** Builds the image's archive below `imageDir`, or finds it there unchanged. */
export async function buildProductImage(imageDir: string, note: (text: string) => void): Promise<BuiltImage> {
  const missing = tools.filter(({ from, needed }) => needed && !existsSync(from)).map(({ debian }) => debian);
  if (!existsSync("/bin/busybox")) missing.push("busybox-static");
  if (missing.length > 0) {
    if (process.getuid?.() !== 0)
      throw new Failure(`the image is made from Debian's ${missing.join(", ")}: install them`);
    note(`installing ${missing.join(", ")}`);
    aptInstall(missing);
  }
  await bundleCox();
  const archive = join(imageDir, "coxswain.tar");
  const recordFile = `${archive}.json`;
  const files = unique([...system(), ...product()]);
  const key = digestOf(files);
  if (existsSync(archive) && existsSync(recordFile)) {
    const record = JSON.parse(readFileSync(recordFile, "utf8")) as { key: string; id: string };
    if (record.key === key) return { reference: productReference, id: record.id, archive };
  }
  note(`building ${productReference}`);
  const image = await buildImage(unique([...files, ...compiled(files, note)]), {
    reference: productReference,
    entrypoint: [`/${home}/deploy/image/coxswain`],
    environment: ["NODE_ENV=production"],
    stopSignal: "SIGTERM",
  });
  mkdirSync(imageDir, { recursive: true });
  writeFileSync(`${archive}.part`, image.archive);
  renameSync(`${archive}.part`, archive);
  writeFileSync(recordFile, JSON.stringify({ key, id: image.id }));
  return { reference: productReference, id: image.id, archive };
}

function system(): readonly ImageFile[] {
  const found = tools.filter(({ from }) => existsSync(from));
  const xtables = dirname(realpathSync(libraryFolder()));
  const programs = [...found.map(({ from }) => from), process.execPath, ...extensions(xtables)];
  return [
    ...emptyRoot,
    ...["run", "lib", "usr/sbin", "usr/lib", "var/lib", "opt"].map(folder),
    { path: "bin/busybox", content: readFileSync("/bin/busybox") },
    ...applets(),
    ...programs.flatMap((program) => sharedLibraries(program)),
    ...found.map(({ path, from }) => ({ path, content: readFileSync(from) })),
    ...xtablesNames.map((name) => ({ path: `usr/sbin/${name}`, content: { linkTo: "xtables-nft-multi" } })),
    ...parents(xtables.slice(1) + "/x").map(folder),
    ...extensions(xtables).map((file) => {
      const path = file.slice(1);
      if (lstatSync(file).isSymbolicLink()) return { path, content: { linkTo: readlinkSync(file) } };
      return { path, content: readFileSync(file), mode: 0o644 };
    }),
    { path: "usr/bin/node", content: readFileSync(process.execPath) },
    { path: "usr/bin/coxswain", content: { linkTo: `/${home}/deploy/image/coxswain` } },
    { path: "usr/bin/cox", content: { linkTo: `/${home}/deploy/image/coxswain` } },
    { path: "etc/protocols", content: optional("/etc/protocols"), mode: 0o644 },
    { path: "etc/services", content: optional("/etc/services"), mode: 0o644 },
    { path: "etc/nsswitch.conf", content: Buffer.from("hosts: files dns\n"), mode: 0o644 },
  ];
}

function product(): readonly ImageFile[] {
  const files = productFiles().map((file): ImageFile => {
    const path = `${home}/${file.path}`;
    if ("linkTo" in file) return { path, content: { linkTo: file.linkTo } };
    return { path, content: readFileSync(file.from), mode: file.mode };
  });
  const launcher = "deploy/image/coxswain";
  const addons = join(projectRoot, "deploy", "addons");
  for (const name of readdirSync(addons))
    files.push({ path: `${home}/deploy/addons/${name}`, content: readFileSync(join(addons, name)), mode: 0o644 });
  files.push({ path: `${home}/${launcher}`, content: readFileSync(join(projectRoot, launcher)) });
  const folders = new Set(files.flatMap(({ path }) => parents(path)));
  return [...[...folders].sort().map(folder), ...files];
}

/**
 * What Node makes of the sources, so that a start in a container need not: a quarter of the time. Node finds it by the sources' paths, so they
 * are laid out at those paths, in a view of the disk that only this process has. Nothing where that is not permitted.
 */
function compiled(files: readonly ImageFile[], note: (text: string) => void): readonly ImageFile[] {
  if (process.getuid?.() !== 0) return [];
  const stage = mkdtempSync(join(tmpdir(), "coxswain-image-"));
  try {
    for (const { path, content, mode = 0o755 } of files.filter((file) => file.path.startsWith(`${home}/`))) {
      const target = join(stage, "product", path.slice(home.length + 1));
      mkdirSync(content === "directory" ? target : dirname(target), { recursive: true });
      if (content === "directory") continue;
      if (Buffer.isBuffer(content)) writeFileSync(target, content, { mode });
      else symlinkSync(content.linkTo, target);
    }
    const cache = join(stage, "product", ".compiled");
    mkdirSync(cache);
    const launcher = `sh /${home}/deploy/image/coxswain`;
    const starts = [...productDaemons.map((name) => `${launcher} ${name} --help`), `${launcher} cox keep --help`];
    const script = [
      "mount -t tmpfs tmpfs /opt",
      `mkdir /${home}`,
      `mount --bind ${join(stage, "product")} /${home}`,
      ...starts.map((start) => `${start} > ${stage}/out`),
    ].join(" && ");
    const env = { PATH: process.env["PATH"], COXSWAIN_NODE: process.execPath, NODE_ENV: "production" };
    const made = spawnSync("unshare", ["--mount", "--propagation", "private", "sh", "-c", script], {
      env,
      encoding: "utf8",
    });
    if (made.status !== 0) {
      note(`the image is made without compiled sources: ${made.stderr.trim().split("\n").at(-1) ?? ""}`);
      return [];
    }
    return readdirSync(cache, { recursive: true, withFileTypes: true }).map((entry) => {
      const from = join(entry.parentPath, entry.name);
      const path = `${home}/${relative(join(stage, "product"), from)}`;
      return entry.isDirectory() ? folder(path) : { path, content: readFileSync(from), mode: 0o644 };
    });
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** The folder of iptables' extensions: a part of them is all that it can match and do. */
function libraryFolder(): string {
  const candidates = [
    `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu/xtables`,
    "/usr/lib/xtables",
    "/usr/lib64/xtables",
  ];
  const found = candidates.find((path) => existsSync(path));
  if (!found) throw new Failure(`iptables' extensions are in none of ${candidates.join(", ")}`);
  return join(found, "libxt_tcp.so");
}

function extensions(xtables: string): readonly string[] {
  return readdirSync(xtables)
    .filter((name) => name.endsWith(".so"))
    .map((name) => join(xtables, name));
}

const folder = (path: string): ImageFile => ({ path, content: "directory" });

function optional(file: string): Buffer {
  return existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
}

function parents(path: string): string[] {
  const above = dirname(path);
  return above === "." ? [] : [...parents(above), above];
}

function unique(files: readonly ImageFile[]): readonly ImageFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

function digestOf(files: readonly ImageFile[]): string {
  const hash = createHash("sha256");
  for (const { path, content, mode } of files) {
    hash.update(`${path} ${mode ?? ""}\n`).update(Buffer.isBuffer(content) ? content : JSON.stringify(content));
  }
  return hash.digest("hex");
}
