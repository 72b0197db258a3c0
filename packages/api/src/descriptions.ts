/** Short descriptions, in our own words, of the kinds and fields in daily use. Everything else is described by its name. */
const types: Readonly<Record<string, string>> = {
  "core/v1.Pod": "A group of containers that run together on one node and share its network and volumes.",
  "core/v1.PodSpec": "What a pod should consist of, and how and where it may run.",
  "core/v1.PodStatus": "What is known of a pod as it runs.",
  "core/v1.Container": "One container of a pod: an image and how to run it.",
  "core/v1.Service": "A stable address in front of a changing set of pods.",
  "core/v1.ServiceSpec": "Which pods a service reaches, and under which address and ports.",
  "core/v1.ServicePort": "One port of a service and where it leads.",
  "core/v1.Node": "A machine that runs pods.",
  "core/v1.Namespace": "A space of names, in which most objects live.",
  "core/v1.ConfigMap": "Configuration that pods read as files or variables.",
  "core/v1.Secret": "Small confidential data, such as a password, token or key.",
  "core/v1.ServiceAccount": "An identity for the processes of pods.",
  "core/v1.Event": "A report of something that happened to an object.",
  "core/v1.Endpoints": "The addresses behind a service, in the older form.",
  "core/v1.PersistentVolume": "Storage in the cluster that outlives pods.",
  "core/v1.PersistentVolumeClaim": "A request for storage by a user.",
  "core/v1.Probe": "A check of a container's health.",
  "core/v1.Volume": "A directory that containers of a pod can mount.",
  "apps/v1.Deployment":
    "Keeps a number of equal pods running and replaces them step by step when the template changes.",
  "apps/v1.DeploymentSpec": "How many pods of which template, and how changes are rolled out.",
  "apps/v1.ReplicaSet": "Keeps a number of equal pods running.",
  "apps/v1.DaemonSet": "Runs one pod on every node that fits.",
  "apps/v1.StatefulSet": "Keeps pods with stable names and storage.",
  "batch/v1.Job": "Runs pods until a number of them has finished successfully.",
  "batch/v1.CronJob": "Starts jobs by the clock.",
  "networking/v1.Ingress": "Rules that lead HTTP requests from outside to services.",
  "networking/v1.NetworkPolicy": "Which traffic pods may receive and send.",
  "discovery/v1.EndpointSlice": "Some of the addresses behind a service.",
  "coordination/v1.Lease": "A claim that somebody holds and renews, as for leadership.",
  "rbac/v1.Role": "A set of permissions in one namespace.",
  "rbac/v1.ClusterRole": "A set of permissions in the whole cluster.",
  "rbac/v1.RoleBinding": "Gives a role to users, groups or service accounts in one namespace.",
  "rbac/v1.ClusterRoleBinding": "Gives a cluster role to users, groups or service accounts everywhere.",
  "policy/v1.PodDisruptionBudget": "How many pods of a set may be missing on purpose.",
  "autoscaling/v2.HorizontalPodAutoscaler": "Changes the number of pods by what is measured.",
  "storage/v1.StorageClass": "A way in which volumes are made.",
  "scheduling/v1.PriorityClass": "A name for how important pods are.",
  "meta/v1.ObjectMeta": "What every object has: its name, labels, owners and history.",
  "meta/v1.LabelSelector": "Chooses objects by their labels. Both parts must match; an empty selector matches all.",
};

const fields: Readonly<Record<string, string>> = {
  metadata: "Name, labels and the like, as every object has.",
  spec: "How the object should be.",
  status: "How the object was last seen to be. The system writes it.",
  items: "The objects of the list.",
  "meta/v1.ObjectMeta.name": "The name, unique for its kind within the namespace. It cannot be changed.",
  "meta/v1.ObjectMeta.generateName": "The beginning of a name that the server completes, used when no name is given.",
  "meta/v1.ObjectMeta.namespace": "The namespace in which the object lives. It cannot be changed.",
  "meta/v1.ObjectMeta.labels": "Keys and values by which objects are selected.",
  "meta/v1.ObjectMeta.annotations": "Keys and values that tools keep with the object and that nobody selects by.",
  "meta/v1.ObjectMeta.uid": "Tells objects of the same name apart over time. The system sets it.",
  "meta/v1.ObjectMeta.resourceVersion": "Changes with every write; used to notice that somebody else has written.",
  "meta/v1.ObjectMeta.generation": "Counts the changes of what is wanted.",
  "meta/v1.ObjectMeta.creationTimestamp": "CreationTimestamp is a timestamp of when the object was created.",
  "meta/v1.ObjectMeta.deletionTimestamp": "When the object is to be gone, once somebody has asked for it.",
  "meta/v1.ObjectMeta.ownerReferences": "Objects without which this one is removed.",
  "meta/v1.ObjectMeta.finalizers": "Work that must be done before the object can go. Each worker takes its entry out.",
  "meta/v1.ObjectMeta.managedFields": "Who has set which fields, and when.",
  "core/v1.PodSpec.containers": "The containers of the pod. There must be at least one.",
  "core/v1.PodSpec.initContainers": "Containers that run, one after the other, before the others start.",
  "core/v1.PodSpec.volumes": "Volumes that the containers can mount.",
  "core/v1.PodSpec.restartPolicy": "Whether containers that end are started again: Always, OnFailure or Never.",
  "core/v1.PodSpec.terminationGracePeriodSeconds": "How long containers may take to stop before they are killed.",
  "core/v1.PodSpec.nodeName": "The node the pod runs on; the scheduler fills it in.",
  "core/v1.PodSpec.nodeSelector": "Labels that the node must have.",
  "core/v1.PodSpec.serviceAccountName": "The service account as which the pod runs.",
  "core/v1.PodSpec.tolerations": "Taints of nodes that the pod puts up with.",
  "core/v1.PodSpec.affinity": "Which nodes and neighbours the pod wants or shuns.",
  "core/v1.PodSpec.hostNetwork": "Use the node's network instead of one of its own.",
  "core/v1.PodSpec.dnsPolicy": "How names are resolved in the pod.",
  "core/v1.PodSpec.securityContext": "Users, groups and rights for all containers.",
  "core/v1.PodSpec.schedulerName": "The scheduler that places the pod.",
  "core/v1.PodSpec.priorityClassName": "The class that says how important the pod is.",
  "core/v1.PodSpec.hostname": "The name the pod has for itself.",
  "core/v1.PodSpec.topologySpreadConstraints": "How evenly pods are to be spread over nodes or zones.",
  "core/v1.PodSpec.activeDeadlineSeconds": "How long the pod may run before it is stopped as failed.",
  "core/v1.Container.name": "The name of the container, unique in the pod.",
  "core/v1.Container.image": "The image to run.",
  "core/v1.Container.command": "What to start instead of the image's entry point.",
  "core/v1.Container.args": "Arguments instead of the image's own.",
  "core/v1.Container.env": "Environment variables.",
  "core/v1.Container.envFrom": "ConfigMaps and secrets whose keys become environment variables.",
  "core/v1.Container.ports": "Ports the container listens on.",
  "core/v1.Container.resources": "What the container asks for and what it may use at most.",
  "core/v1.Container.volumeMounts": "Volumes and where they appear in the container.",
  "core/v1.Container.livenessProbe": "A check that restarts the container when it fails.",
  "core/v1.Container.readinessProbe": "A check that takes the container out of services while it fails.",
  "core/v1.Container.startupProbe": "A check that the other checks wait for.",
  "core/v1.Container.imagePullPolicy": "When to pull the image: Always, IfNotPresent or Never.",
  "core/v1.Container.lifecycle": "What to do after the start and before the stop.",
  "core/v1.Container.securityContext": "Users, groups and rights of this container.",
  "core/v1.Container.workingDir": "The directory in which the container starts.",
  "core/v1.ServiceSpec.selector": "Labels of the pods that the service leads to.",
  "core/v1.ServiceSpec.ports": "The ports of the service.",
  "core/v1.ServiceSpec.type": "How the service can be reached: ClusterIP, NodePort, LoadBalancer or ExternalName.",
  "core/v1.ServiceSpec.clusterIP": "The service's own address; None for a service without one.",
  "core/v1.ServiceSpec.sessionAffinity": "Whether a client stays with the same pod.",
  "core/v1.ServicePort.port": "The port under which the service is reached.",
  "core/v1.ServicePort.targetPort": "The port of the pods, by number or name.",
  "core/v1.ServicePort.nodePort": "The port on every node, for services reached from outside.",
  "core/v1.ConfigMap.data": "Texts by key.",
  "core/v1.ConfigMap.binaryData": "Bytes by key, in base64.",
  "core/v1.Secret.data": "Bytes by key, in base64.",
  "core/v1.Secret.stringData": "Texts by key; the server moves them to data.",
  "core/v1.Secret.type": "What the secret is for, which decides the keys it must have.",
  "apps/v1.DeploymentSpec.replicas": "How many pods are wanted; 1 if not given.",
  "apps/v1.DeploymentSpec.selector": "Which pods belong to the deployment. It cannot be changed.",
  "apps/v1.DeploymentSpec.template": "What each pod looks like.",
  "apps/v1.DeploymentSpec.strategy": "How old pods are replaced by new ones.",
  "apps/v1.DeploymentSpec.minReadySeconds": "How long a new pod must be ready before it counts.",
  "apps/v1.DeploymentSpec.revisionHistoryLimit": "How many old replica sets are kept to go back to.",
  "apps/v1.DeploymentSpec.paused": "Whether changes wait.",
  "apps/v1.DeploymentSpec.progressDeadlineSeconds": "After how long without progress the rollout counts as failed.",
};

/** A sentence about a type; its name in words when there is none. */
export function describeType(schemaName: string): string {
  return types[schemaName] ?? `${inWords(schemaName.slice(schemaName.indexOf(".") + 1))}.`;
}

/** A sentence about a field; its name in words when there is none. */
export function describeField(schemaName: string, field: string): string {
  return fields[`${schemaName}.${field}`] ?? fields[field] ?? `${inWords(field)}.`;
}

/** "PodDisruptionBudget" → "Pod disruption budget". */
function inWords(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .split(" ");
  const text = words
    .map((word, index) => (index > 0 && /^[A-Z][a-z]/.test(word) ? word.toLowerCase() : word))
    .join(" ");
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
