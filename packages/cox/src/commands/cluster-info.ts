// `cox cluster-info`: where the control plane answers, and the services of the cluster behind it.
import type { Command } from "../command.ts";
import { list, part, str } from "../describe/page.ts";
import { listObjects } from "../resource/api.ts";

export const clusterInfo: Command = {
  usage: "cluster-info [flags] [options]",
  summary: "Display cluster information",
  flags: {},
  subcommands: {
    dump: {
      summary: "Dump relevant information for debugging and diagnosis",
      load: () => import("./cluster-info-dump.ts").then((m) => m.clusterInfoDump),
    },
  },
  run: async (session) => {
    const services = await (await session.mapper()).find("services");
    const found = await listObjects(session, services, "kube-system", {
      labelSelector: "kubernetes.io/cluster-service=true",
    });
    session.out.write(`Kubernetes control plane is running at ${session.client.server()}\n`);
    for (const service of found.items) {
      const [port] = list(part(service["spec"])["ports"]);
      const name = service.metadata.labels?.["kubernetes.io/name"] ?? service.metadata.name;
      session.out.write(
        `${name} is running at ${session.client.server()}/api/v1/namespaces/kube-system/services/${service.metadata.name}${port === undefined ? "" : `:${str(port["name"]) || str(port["port"])}`}/proxy\n`,
      );
    }
    session.out.write("\nTo further debug and diagnose cluster problems, use 'cox cluster-info dump'.\n");
  },
};
