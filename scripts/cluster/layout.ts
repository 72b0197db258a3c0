// Where a cluster keeps its files: one data directory, everything below it named here and nowhere else.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const projectRoot: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface Layout {
  readonly dataDir: string;
  /** Process id and options of the running supervisor; its lock. */
  readonly instanceFile: string;
  /** What the last start was asked for, so that the next one resumes the same cluster. */
  readonly clusterFile: string;
  readonly pkiDir: string;
  readonly kubeconfigDir: string;
  readonly adminKubeconfig: string;
  readonly logDir: string;
  readonly imageDir: string;
  readonly labDir: string;
  /** Volumes on nodes' own disks. */
  readonly volumeDir: string;
  /** State of one machine's daemons. */
  machineDir(machine: string): string;
}

export function layoutOf(dataDir: string): Layout {
  const kubeconfigDir = join(dataDir, "kubeconfig");
  return {
    dataDir,
    instanceFile: join(dataDir, "instance.json"),
    clusterFile: join(dataDir, "cluster.json"),
    pkiDir: join(dataDir, "pki"),
    kubeconfigDir,
    adminKubeconfig: join(kubeconfigDir, "admin.conf"),
    logDir: join(dataDir, "logs"),
    imageDir: join(dataDir, "images"),
    labDir: join(dataDir, "lab"),
    volumeDir: join(dataDir, "volumes"),
    machineDir: (machine) => join(dataDir, "machines", machine),
  };
}

export const defaultDataDir: string = join(projectRoot, ".coxswain");

/** A daemon's entry point. */
export function daemonEntry(name: string): string {
  return join(projectRoot, "packages", name, "src", "main.ts");
}
