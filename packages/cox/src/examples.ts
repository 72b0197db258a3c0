// Examples of the commands that are declared by the dozen and of short ones; the others have theirs beside their flags. A test reads each line as a
// person would type it, so none can name a flag that is not there.
import type { Command } from "./command.ts";

/** Of the command with this path ("rollout undo"); "" where the subcommands have the examples. */
export const examplesOf = (path: string, command: Command): string => (command.examples ?? short[path] ?? "").trim();

const short: Readonly<Record<string, string>> = {
  "create clusterrole": `
# Read pods everywhere
cox create clusterrole pod-reader --verb=get,list,watch --resource=pods`,
  "create clusterrolebinding": `
# Let a person do everything
cox create clusterrolebinding ops --clusterrole=cluster-admin --user=ada`,
  "create cronjob": `
# Every night at two
cox create cronjob report --image=busybox --schedule="0 2 * * *" -- date`,
  "create ingress": `
# Everything below a host to the port 80 of a service
cox create ingress site --rule="shop.example.com/*=web:80"`,
  "create job": `
# Run a command once
cox create job once --image=busybox -- date

# Run a cron job now
cox create job now --from=cronjob/report`,
  "create namespace": `
cox create namespace shop`,
  "create poddisruptionbudget": `
# Two of the pods stay whatever is drained
cox create poddisruptionbudget web --selector=app=web --min-available=2`,
  "create priorityclass": `
cox create priorityclass high --value=1000 --description="before others"`,
  "create quota": `
# At most ten pods and four CPUs
cox create quota small --hard=pods=10,requests.cpu=4 -n shop`,
  "create role": `
# Read the pods of a namespace
cox create role pod-reader --verb=get,list,watch --resource=pods -n shop`,
  "create rolebinding": `
# Let an account of the namespace read its pods
cox create rolebinding readers --role=pod-reader --serviceaccount=shop:robot -n shop`,
  "create secret docker-registry": `
cox create secret docker-registry pull --docker-server=registry.example.com --docker-username=ada --docker-password=SECRET`,
  "create secret generic": `
# From a file and a value
cox create secret generic db --from-file=ca.crt --from-literal=password=SECRET`,
  "create secret tls": `
cox create secret tls site --cert=site.crt --key=site.key`,
  "create service clusterip": `
# Port 80 of the service to port 8080 of pods with app=web
cox create service clusterip web --tcp=80:8080`,
  "create service externalname": `
cox create service externalname db --external-name=db.example.com`,
  "create service loadbalancer": `
cox create service loadbalancer web --tcp=80:8080`,
  "create service nodeport": `
cox create service nodeport web --tcp=80:8080 --node-port=30080`,
  "create serviceaccount": `
cox create serviceaccount robot -n shop`,
  "create token": `
# A token for ten minutes
cox create token robot --duration=10m`,
  "set env": `
# Set one variable, take another away
cox set env deploy/web LOG=debug TRACE-

# What is set now
cox set env deploy/web --list`,
  "set image": `
cox set image deploy/web web=registry.example.com/web:2`,
  "set resources": `
cox set resources deploy/web --requests=cpu=100m,memory=64Mi --limits=memory=128Mi`,
  "set selector": `
cox set selector service web app=web,tier=front`,
  "set serviceaccount": `
cox set serviceaccount deploy/web robot`,
  "set subject": `
# Add a person to a role binding
cox set subject rolebinding readers --user=ada`,
  "rollout history": `
# All revisions, and what the third was
cox rollout history deploy/web
cox rollout history deploy/web --revision=3`,
  "rollout pause": `
# Change several things as one rollout
cox rollout pause deploy/web`,
  "rollout resume": `
cox rollout resume deploy/web`,
  "rollout restart": `
# New pods of the same template, one after the other
cox rollout restart deploy/web`,
  "rollout status": `
# Wait until it is through, at most two minutes
cox rollout status deploy/web --timeout=2m`,
  "rollout undo": `
# Back to what was before, or to a revision
cox rollout undo deploy/web
cox rollout undo deploy/web --to-revision=3`,
  autoscale: `
# Between two and ten pods, at 80% of their CPU requests
cox autoscale deploy/web --min=2 --max=10 --cpu-percent=80`,
  "certificate approve": `
cox certificate approve csr-8xk2p`,
  "certificate deny": `
cox certificate deny csr-8xk2p`,
  "cluster-info": `
cox cluster-info`,
  "top node": `
# Who has most to do
cox top node --sort-by=cpu`,
  "top pod": `
# Each container of all pods
cox top pod -A --containers`,
  cordon: `
cox cordon worker-1`,
  uncordon: `
cox uncordon worker-1`,
  "auth reconcile": `
# What it would change
cox auth reconcile -f roles.yaml --dry-run=client`,
  "auth whoami": `
cox auth whoami -o yaml`,
  "apply edit-last-applied": `
cox apply edit-last-applied deploy/web`,
  "apply view-last-applied": `
cox apply view-last-applied deploy/web`,
  "apply set-last-applied": `
cox apply set-last-applied -f web.yaml --create-annotation`,
  kustomize: `
cox kustomize overlays/production`,
  "api-versions": `
cox api-versions`,
  "config current-context": `
cox config current-context`,
  "config delete-cluster": `
cox config delete-cluster old`,
  "config delete-context": `
cox config delete-context old`,
  "config delete-user": `
cox config delete-user old`,
  "config get-clusters": `
cox config get-clusters`,
  "config get-contexts": `
cox config get-contexts`,
  "config get-users": `
cox config get-users`,
  "config rename-context": `
cox config rename-context admin@cluster home`,
  "config set": `
cox config set clusters.home.server https://10.0.0.11:6443`,
  "config unset": `
cox config unset contexts.home.namespace`,
  "config set-cluster": `
cox config set-cluster home --server=https://10.0.0.11:6443 --certificate-authority=ca.crt`,
  "config set-context": `
# Another namespace from now on
cox config set-context --current --namespace=shop`,
  "config set-credentials": `
cox config set-credentials ada --client-certificate=ada.crt --client-key=ada.key`,
  "config use-context": `
cox config use-context home`,
  "config view": `
# What is in force, in one piece that can be copied
cox config view --minify --flatten`,
  "plugin list": `
cox plugin list`,
  version: `
cox version -o yaml`,
};
