// Objects of every kind people look at daily, with statuses as daemons would have written them. Times are fixed and long ago, so that
// ages do not change while two programs print them.

export const manifests = `
apiVersion: v1
kind: Namespace
metadata: {name: demo, labels: {team: a}}
---
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {kubernetes.io/hostname: n1, node-role.kubernetes.io/worker: ""}}
spec: {podCIDR: 10.244.1.0/24, taints: [{key: dedicated, value: x, effect: NoSchedule}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: demo, annotations: {note: "two\\nlines"}}
data: {a: "1", b: "x: y\\nz\\n", c: "yes"}
binaryData: {bin: AAEC/w==}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: demo}
stringData: {user: admin, password: "<&>"}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: default, namespace: demo}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: default, namespace: default}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot, namespace: demo}
imagePullSecrets: [{name: keys}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: demo}
rules:
- {apiGroups: ["", apps], resources: [pods, deployments/scale], verbs: [get, list]}
- {apiGroups: [""], resources: [configmaps], resourceNames: [settings], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: demo}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: robot, namespace: demo}, {kind: User, name: jane, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: demo, labels: {app: web, tier: front}}
spec:
  nodeName: n1
  serviceAccountName: robot
  automountServiceAccountToken: false
  initContainers: [{name: setup, image: "init:1", command: [sh, -c, "a\\nb"]}]
  containers:
  - name: main
    image: nginx:1.25
    args: [--flag]
    ports: [{name: http, containerPort: 80}, {containerPort: 443, hostPort: 8443}]
    resources: {requests: {cpu: 250m, memory: 64Mi}, limits: {cpu: "1", memory: 128Mi}}
    livenessProbe: {httpGet: {path: /live, port: 80}}
    readinessProbe: {exec: {command: [cat, /ok]}, periodSeconds: 5}
    startupProbe: {tcpSocket: {port: http}}
    env:
    - {name: PLAIN, value: v}
    - {name: FIELD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: KEY, valueFrom: {secretKeyRef: {name: keys, key: user, optional: true}}}
    - {name: CONF, valueFrom: {configMapKeyRef: {name: settings, key: a}}}
    envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: keys}, prefix: P_}]
    volumeMounts: [{name: data, mountPath: /data}, {name: conf, mountPath: /conf, readOnly: true, subPath: a}]
  - {name: side, image: "busybox:1"}
  volumes:
  - {name: data, emptyDir: {}}
  - {name: conf, configMap: {name: settings}}
  - {name: sec, secret: {secretName: keys}}
  - {name: host, hostPath: {path: /tmp}}
  - {name: claim, persistentVolumeClaim: {claimName: claim}}
  nodeSelector: {disk: ssd}
  tolerations: [{key: dedicated, operator: Exists}]
---
apiVersion: v1
kind: Pod
metadata: {name: web-2, namespace: demo, labels: {app: web}}
spec: {automountServiceAccountToken: false, containers: [{name: main, image: "nginx:1.26"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: demo}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}, {name: tls, port: 443}], type: NodePort}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-abc, namespace: demo, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 80, protocol: TCP}, {name: tls, port: 443, protocol: TCP}]
endpoints:
- {addresses: [10.244.1.5], conditions: {ready: true}, nodeName: n1, targetRef: {kind: Pod, name: web-1, namespace: demo}}
- {addresses: [10.244.1.6], conditions: {ready: false}}
---
apiVersion: v1
kind: Endpoints
metadata: {name: manual, namespace: demo}
subsets: [{addresses: [{ip: 10.0.0.9}], ports: [{port: 53, protocol: UDP}]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: demo, labels: {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: "nginx:1.25", resources: {requests: {cpu: 100m}}}], volumes: [{name: data, emptyDir: {}}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: demo}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: main, image: "db:1"}]}}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: demo}
spec:
  selector: {matchLabels: {app: agent}}
  template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: main, image: "agent:1"}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: demo}
spec: {completions: 2, parallelism: 1, template: {spec: {restartPolicy: Never, containers: [{name: main, image: "job:1", command: [run]}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: demo}
spec: {schedule: "0 3 * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: OnFailure, containers: [{name: main, image: "job:1"}]}}}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: site, namespace: demo}
spec: {rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}], tls: [{hosts: [a.example], secretName: keys}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: demo}
spec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432, protocol: TCP}]}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: demo}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota, namespace: demo}
spec: {hard: {pods: "10", requests.cpu: "4"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: limits, namespace: demo}
spec: {limits: [{type: Container, max: {cpu: "8"}}]}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: slow, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: example.com/slow
parameters: {type: hdd}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv1}
spec: {capacity: {storage: 5Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /srv}, storageClassName: slow, persistentVolumeReclaimPolicy: Retain}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim, namespace: demo}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, storageClassName: slow}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
description: for what matters
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: demo}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 1, maxReplicas: 5, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]}
---
apiVersion: v1
kind: Event
metadata: {name: web-1.1, namespace: demo}
involvedObject: {apiVersion: v1, kind: Pod, name: web-1, namespace: demo}
type: Warning
reason: BackOff
message: Back-off restarting failed container
count: 7
firstTimestamp: "2020-01-01T00:00:00Z"
lastTimestamp: "2020-03-01T00:00:00Z"
source: {component: kubelet, host: n1}
`;

/** Statuses, by kubectl's own --subresource=status. */
export const statuses: readonly (readonly [target: string, status: unknown])[] = [
  [
    "node/n1",
    {
      capacity: { cpu: "4", memory: "8Gi", pods: "110" },
      allocatable: { cpu: "3500m", memory: "7Gi", pods: "110" },
      conditions: [
        {
          type: "Ready",
          status: "True",
          reason: "KubeletReady",
          message: "ready",
          lastHeartbeatTime: "2020-01-02T00:00:00Z",
          lastTransitionTime: "2020-01-01T00:00:00Z",
        },
      ],
      addresses: [
        { type: "InternalIP", address: "10.0.0.1" },
        { type: "Hostname", address: "n1" },
      ],
      nodeInfo: {
        machineID: "m",
        systemUUID: "u",
        bootID: "b",
        kernelVersion: "6.1",
        osImage: "Debian",
        containerRuntimeVersion: "docker://27",
        kubeletVersion: "v1.36.0",
        kubeProxyVersion: "",
        operatingSystem: "linux",
        architecture: "amd64",
      },
    },
  ],
  [
    "pod/web-1",
    {
      phase: "Running",
      hostIP: "10.0.0.1",
      podIP: "10.244.1.5",
      podIPs: [{ ip: "10.244.1.5" }],
      startTime: "2020-01-01T00:00:00Z",
      qosClass: "Burstable",
      conditions: [
        { type: "Initialized", status: "True", lastTransitionTime: "2020-01-01T00:00:00Z" },
        { type: "Ready", status: "False", reason: "ContainersNotReady", lastTransitionTime: "2020-01-01T00:00:00Z" },
      ],
      initContainerStatuses: [
        {
          name: "setup",
          image: "init:1",
          imageID: "sha256:1",
          containerID: "docker://1",
          ready: true,
          restartCount: 0,
          state: {
            terminated: {
              exitCode: 0,
              reason: "Completed",
              startedAt: "2020-01-01T00:00:00Z",
              finishedAt: "2020-01-01T00:00:01Z",
            },
          },
          lastState: {},
        },
      ],
      containerStatuses: [
        {
          name: "main",
          image: "nginx:1.25",
          imageID: "sha256:2",
          containerID: "docker://2",
          ready: false,
          restartCount: 7,
          state: { waiting: { reason: "CrashLoopBackOff", message: "back-off" } },
          lastState: {
            terminated: {
              exitCode: 137,
              reason: "OOMKilled",
              startedAt: "2020-01-01T00:00:00Z",
              finishedAt: "2020-01-01T00:10:00Z",
            },
          },
        },
        {
          name: "side",
          image: "busybox:1",
          imageID: "sha256:3",
          containerID: "docker://3",
          ready: true,
          restartCount: 0,
          state: { running: { startedAt: "2020-01-01T00:00:02Z" } },
          lastState: {},
        },
      ],
    },
  ],
  [
    "deployment/web",
    {
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 2,
      availableReplicas: 2,
      unavailableReplicas: 1,
      conditions: [
        {
          type: "Available",
          status: "False",
          reason: "MinimumReplicasUnavailable",
          message: "no",
          lastTransitionTime: "2020-01-01T00:00:00Z",
          lastUpdateTime: "2020-01-01T00:00:00Z",
        },
      ],
    },
  ],
  [
    "statefulset/db",
    {
      observedGeneration: 1,
      replicas: 2,
      readyReplicas: 2,
      currentReplicas: 2,
      updatedReplicas: 2,
      currentRevision: "db-1",
      updateRevision: "db-1",
      availableReplicas: 2,
    },
  ],
  [
    "daemonset/agent",
    {
      observedGeneration: 1,
      currentNumberScheduled: 1,
      desiredNumberScheduled: 1,
      numberReady: 1,
      numberMisscheduled: 0,
      updatedNumberScheduled: 1,
      numberAvailable: 1,
    },
  ],
  ["job/once", { active: 1, ready: 1, succeeded: 1, startTime: "2020-01-01T00:00:00Z" }],
  ["resourcequota/quota", { hard: { pods: "10", "requests.cpu": "4" }, used: { pods: "2", "requests.cpu": "250m" } }],
];
