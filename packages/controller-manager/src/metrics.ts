// Every metric of the controller manager. The queues' are the kit's, under Kubernetes' names.
import { queueMetricTable } from "@coxswain/controller";
import { defineMetrics } from "@coxswain/daemon";

export const metricTable = defineMetrics({
  ...queueMetricTable,
  leading: {
    kind: "gauge",
    name: "leader_election_master_status",
    help: "1 while this process leads, 0 otherwise.",
    labels: ["name"],
  },
});
