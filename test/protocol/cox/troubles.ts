// Objects that are in trouble, each in its own way, and one pod that is not. In the notation of the people who will ask.
export const troubles = `
apiVersion: v1
kind: Pod
metadata: {name: big}
spec:
  containers: [{name: c, image: "coxswain/busybox:1", resources: {requests: {cpu: "64"}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: crash}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: "coxswain/busybox:1", imagePullPolicy: IfNotPresent, command: [sh, -c, "echo cannot open /data/db; exit 3"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: noimage}
spec:
  containers: [{name: c, image: "coxswain/none:1", imagePullPolicy: Never}]
---
apiVersion: v1
kind: Pod
metadata: {name: box, labels: {app: box}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: shell, image: "coxswain/busybox:1", imagePullPolicy: IfNotPresent, command: [sleep, "3600"]}
  - {name: web, image: "coxswain/demo:1", imagePullPolicy: IfNotPresent, ports: [{containerPort: 8080, name: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: "coxswain/busybox:1"
        imagePullPolicy: IfNotPresent
        command: [sh, -c, "echo hello from $HOSTNAME; sleep 3600"]
        readinessProbe: {exec: {command: [test, -f, /ready]}, periodSeconds: 1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: refused}
spec:
  replicas: 1
  selector: {matchLabels: {app: refused}}
  template:
    metadata: {labels: {app: refused}}
    spec:
      serviceAccountName: absent
      containers: [{name: c, image: "coxswain/busybox:1"}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi}}}
`;
