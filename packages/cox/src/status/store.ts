// The store's members, who leads and how far each is behind. They are not behind the API and its rights do not reach them: they are asked with the
// API servers' certificate for the store, from flags, from etcdctl's variables, or from the files that a master has. Without one, what is said is why.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Args, Flags } from "../args/flags.ts";
import { slice, text } from "../args/common.ts";
import type { Session } from "../session.ts";

export const storeFlags: Flags = {
  "etcd-servers": slice("Where the store's members listen, for those who are not on a master. ETCDCTL_ENDPOINTS else."),
  "etcd-cafile": text("Certificate of the store's authority. ETCDCTL_CACERT else."),
  "etcd-certfile": text("Client certificate for the store. ETCDCTL_CERT else."),
  "etcd-keyfile": text("Its key. ETCDCTL_KEY else."),
};

export interface StoreMemberState {
  readonly name: string;
  readonly address: string;
  readonly role: "leader" | "voter" | "learner";
  /** Entries of the log that the leader has and this one has not applied; undefined when it does not answer. */
  readonly behind: number | undefined;
  readonly sizeBytes: number | undefined;
}

export type StoreState =
  { readonly members: readonly StoreMemberState[] } | { readonly unknown: string; readonly members?: undefined };

interface Access {
  readonly endpoints: readonly string[];
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const patience = { timeoutMs: 2_000, connectTimeoutMs: 1_500 };
const howElse = "ask on a master, or with --etcd-servers and its certificates";

export async function readStore(session: Session, args: Args): Promise<StoreState> {
  const access = accessOf(session, args);
  if (access === undefined) return { unknown: `its members are not behind the API: ${howElse}` };
  let tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
  try {
    tls = { ca: readFileSync(access.ca), cert: readFileSync(access.cert), key: readFileSync(access.key) };
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    return { unknown: `${path ?? access.cert} ${code === "EACCES" ? "may not be read" : `cannot be read (${code})`}` };
  }
  const { createEtcdClient } = await import("@coxswain/etcd-api");
  const open = (endpoints: readonly string[]) => createEtcdClient({ endpoints, tls, ...patience }, session);
  const store = open(access.endpoints);
  try {
    const { members } = await store.cluster.memberList({ linearizable: false });
    const states = await Promise.all(
      members.map(async (member) => {
        if (member.clientURLs.length === 0) return { member, status: undefined }; // it has not started yet
        const own = open(member.clientURLs);
        try {
          return { member, status: await own.maintenance.status({}) };
        } catch {
          return { member, status: undefined }; // not answering is the answer
        } finally {
          own.close();
        }
      }),
    );
    const answered = states.flatMap(({ status }) => (status === undefined ? [] : [status]));
    const newest = answered.toSorted((a, b) => Number(b.raftTerm - a.raftTerm))[0];
    const head = Math.max(...answered.map(({ raftIndex }) => Number(raftIndex)));
    return {
      members: states.map(({ member, status }) => ({
        name: member.name,
        address: new URL(member.clientURLs[0] ?? member.peerURLs[0] ?? "https://unknown").host,
        role: member.isLearner ? "learner" : newest?.leader === member.id ? "leader" : "voter",
        behind: status && Math.max(0, head - Number(status.raftAppliedIndex)),
        sizeBytes: status && Number(status.dbSize),
      })),
    };
  } catch (error) {
    if (session.signal.aborted) throw error;
    return { unknown: `no member answers at ${access.endpoints.join(", ")}: ${(error as Error).message}` };
  } finally {
    store.close();
  }
}

function accessOf(session: Session, args: Args): Access | undefined {
  const { env } = session;
  const given = args.list("etcd-servers");
  const endpoints = given.length > 0 ? given : (env["ETCDCTL_ENDPOINTS"] ?? "").split(",").filter(Boolean);
  const found = filesOfThisMachine(session);
  const own = {
    ca: args.text("etcd-cafile") || env["ETCDCTL_CACERT"],
    cert: args.text("etcd-certfile") || env["ETCDCTL_CERT"],
    key: args.text("etcd-keyfile") || env["ETCDCTL_KEY"],
  };
  const files = { ca: own.ca ?? found?.ca, cert: own.cert ?? found?.cert, key: own.key ?? found?.key };
  const { ca, cert, key } = files;
  if (!ca || !cert || !key) return undefined;
  // A stacked store listens beside the API servers.
  const beside = session.clientConfig().servers.map((server) => `https://${new URL(server).hostname}:2379`);
  return { endpoints: endpoints.length > 0 ? endpoints : beside, ca, cert, key };
}

/** What `cox init` and `npm start` lay down: below the machine's directory, or beside the kubeconfig. */
function filesOfThisMachine({ env, kubeconfigPath }: Session): Omit<Access, "endpoints"> | undefined {
  const [kubeconfig = ""] = kubeconfigPath.split(":");
  const machine = env["COXSWAIN_DIR"] ?? "/var/lib/coxswain";
  const folders = [join(dirname(kubeconfig), "pki"), join(dirname(dirname(kubeconfig)), "pki")];
  // Only with the kubeconfig of this very machine: another cluster's store would be told as this one's.
  if (dirname(kubeconfig) === machine) folders.push(join(machine, "pki"));
  for (const folder of folders) {
    if (!existsSync(join(folder, "etcd-ca.crt"))) continue;
    const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const holders = [folder, ...below.map(({ name }) => join(folder, name))];
    const holder = holders.find((each) => existsSync(join(each, "apiserver-etcd-client.crt")));
    if (holder !== undefined)
      return {
        ca: join(folder, "etcd-ca.crt"),
        cert: join(holder, "apiserver-etcd-client.crt"),
        key: join(holder, "apiserver-etcd-client.key"),
      };
  }
  return undefined;
}
