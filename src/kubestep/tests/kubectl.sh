#!/usr/bin/env bash
# What people do with kubectl, against a running server: kubectl.sh KUBECTL KUBECONFIG
# Each line is an expectation; the first that does not hold ends the run with what was there instead.
set -euo pipefail
kubectl=$1
export KUBECONFIG=$2
ns=suite-$$
dir=$(mktemp -d)
trap 'rm -rf "$dir"; "$kubectl" delete namespace "$ns" --wait=false >/dev/null 2>&1 || true; "$kubectl" delete crd "widgets.$ns.example.com" --wait=false >/dev/null 2>&1 || true' EXIT

k() { "$kubectl" "$@"; }
n() { "$kubectl" -n "$ns" "$@"; }
# says TEXT COMMAND...: the command succeeds and says the text.
says() {
    local wanted=$1 got
    shift
    if ! got=$("$@" 2>&1) || ! grep -qF -- "$wanted" <<<"$got"; then
        printf 'FAILED: %s\n  expected: %s\n  got: %s\n' "$*" "$wanted" "$got" >&2
        exit 1
    fi
}
# refuses TEXT COMMAND...: the command fails and says the text.
refuses() {
    local wanted=$1 got
    shift
    if got=$("$@" 2>&1) || ! grep -qF -- "$wanted" <<<"$got"; then
        printf 'FAILED: %s\n  expected a failure with: %s\n  got: %s\n' "$*" "$wanted" "$got" >&2
        exit 1
    fi
}
# is VALUE COMMAND...: the command succeeds and prints exactly this.
is() {
    local wanted=$1 got
    shift
    got=$("$@" 2>&1) || true
    if [ "$got" != "$wanted" ]; then
        printf 'FAILED: %s\n  expected: %s\n  got: %s\n' "$*" "$wanted" "$got" >&2
        exit 1
    fi
}

says "created" k create namespace "$ns"
says "v1.36" k version
says "deployments" k api-resources
says "apps/v1" k api-versions

# create, get -w, label, annotate, patch, edit
"$kubectl" -n "$ns" get configmaps --watch -o name >"$dir/watched" &
watcher=$!
says "created" n create configmap settings --from-literal=colour=red
says "labeled" n label configmap settings app=web
says "annotate" n annotate configmap settings note=text
says "patched" n patch configmap settings --type=merge -p '{"data":{"colour":"blue"}}'
says "patched" n patch configmap settings --type=json -p '[{"op":"add","path":"/data/size","value":"xl"}]'
printf '#!/bin/sh\nsed -i s/blue/green/ "$1"\n' >"$dir/editor" && chmod +x "$dir/editor"
says "edited" env KUBE_EDITOR="$dir/editor" "$kubectl" -n "$ns" edit configmap settings
is "green xl" n get configmap settings -o 'jsonpath={.data.colour} {.data.size}'
is "configmap/settings" n get configmap -l app=web -o name
for _ in $(seq 50); do [ "$(grep -c settings "$dir/watched")" -ge 5 ] && break; sleep 0.1; done
is "6" grep -c settings "$dir/watched"
kill "$watcher"

# apply: on the client's side, with diff and prune of fields, then on the server's side with its conflicts
cat >"$dir/web.yaml" <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "nginx:1", env: [{name: A, value: a}, {name: B, value: b}]}
YAML
refuses "+  name: web" n diff -f "$dir/web.yaml"
says "deployment.apps/web created" n apply -f "$dir/web.yaml"
says "deployment.apps/web unchanged" n apply -f "$dir/web.yaml"
is "" n diff -f "$dir/web.yaml"
sed -i 's/nginx:1/nginx:2/; s/, {name: B, value: b}//' "$dir/web.yaml"
refuses "+        image: nginx:2" n diff -f "$dir/web.yaml"
says "deployment.apps/web configured" n apply -f "$dir/web.yaml"
is "nginx:2 A" n get deployment web -o 'jsonpath={.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].env[*].name}'
says "deployment.apps/web serverside-applied" n apply --server-side -f "$dir/web.yaml"
refuses "conflict with" n apply --server-side --field-manager=other -f <(sed 's/nginx:2/nginx:3/' "$dir/web.yaml")
says "serverside-applied" n apply --server-side --field-manager=other --force-conflicts -f <(sed 's/nginx:2/nginx:3/' "$dir/web.yaml")
says "created (server dry run)" n create configmap dry --from-literal=a=b --dry-run=server
refuses "NotFound" n get configmap dry
refuses 'unknown field "spec.replica"' n create -f <(sed 's/replicas: 2/replica: 2/; s/name: web,/name: typo,/' "$dir/web.yaml")

# scale, rollout, expose, run, wait: whoever runs the pods writes the status, here this script
says "scaled" n scale deployment web --replicas=5
is "5" n get deployment web -o 'jsonpath={.spec.replicas}'
says "image updated" n set image deployment/web web=nginx:4
says "restarted" n rollout restart deployment/web
generation=$(n get deployment web -o 'jsonpath={.metadata.generation}')
status="{\"status\":{\"observedGeneration\":$generation,\"replicas\":5,\"updatedReplicas\":5,\"readyReplicas\":5,\"availableReplicas\":5,\"conditions\":[{\"type\":\"Available\",\"status\":\"True\"}]}}"
says "patched" n patch deployment web --subresource=status --type=merge -p "$status"
says "successfully rolled out" n rollout status deployment/web --timeout=10s
says "condition met" n wait deployment/web --for=condition=Available --timeout=10s
says "exposed" n expose deployment web --port=80 --target-port=8080
says "80/TCP" n get service web
says "created" n run shell --image=busybox --restart=Never
says "Pending" n get pod shell
says "Node:" n describe pod shell
says "patched" n patch pod shell --subresource=status -p '{"status":{"phase":"Succeeded"}}'
says "condition met" n wait pod/shell --for=jsonpath='{.status.phase}'=Succeeded --timeout=10s
says "created" n create job once --image=busybox
says "created" n create secret generic keys --from-literal=a=b
says "autoscaled" n autoscale deployment web --min=1 --max=3
says "created" n create quota room --hard=pods=10
says "created" n create ingress web --rule="example.com/*=web:80"
says "created" n create poddisruptionbudget web --selector=app=web --min-available=1
says "deployment.apps/web" n get all

# may and who
says "yes" k auth can-i create pods
says "created" n create serviceaccount robot
refuses "no" n auth can-i get pods --as="system:serviceaccount:$ns:robot"
says "created" n create role reader --verb=get --resource=pods
says "created" n create rolebinding reads --role=reader --serviceaccount="$ns:robot"
for _ in $(seq 50); do n auth can-i get pods --as="system:serviceaccount:$ns:robot" >/dev/null 2>&1 && break; sleep 0.1; done
says "yes" n auth can-i get pods --as="system:serviceaccount:$ns:robot"
token=$(n create token robot)
is "pod/shell" k get pod shell -n "$ns" -o name --kubeconfig=/dev/null --token="$token" --insecure-skip-tls-verify \
    --server="$(k config view --minify -o 'jsonpath={.clusters[0].cluster.server}')"

# explain
says "DESCRIPTION:" k explain deployment.spec.strategy.rollingUpdate
says "maxUnavailable" k explain deployment --recursive

# a resource of one's own
cat >"$dir/crd.yaml" <<YAML
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.$ns.example.com}
spec:
  group: $ns.example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, minimum: 1, description: How many.}
              colour: {type: string, default: red}
          status: {type: object, properties: {size: {type: integer}}}
YAML
says "created" k apply -f "$dir/crd.yaml"
says "condition met" k wait "crd/widgets.$ns.example.com" --for=condition=Established --timeout=10s
widget() { printf 'apiVersion: %s.example.com/v1\nkind: Widget\nmetadata: {name: one}\nspec: {size: %s}\n' "$ns" "$1"; }
for _ in $(seq 100); do k api-resources --api-group="$ns.example.com" -o name 2>/dev/null | grep -q widgets && break; sleep 0.1; done
refuses "should be greater than or equal to 1" n apply --validate=false -f <(widget 0)
says "created" n apply -f <(widget 2)
is "red" n get wd one -o 'jsonpath={.spec.colour}'
says "SIZE" n get widgets
says "configured" n apply -f <(widget 3)
says "scaled" n scale widget one --replicas=4
says "patched" n patch widget one --type=merge -p '{"spec":{"colour":"blue"}}'
for _ in $(seq 100); do k explain "widgets.$ns.example.com.spec" 2>/dev/null | grep -q "How many." && break; sleep 0.2; done
says "How many." k explain "widgets.$ns.example.com.spec"
says "deleted" n delete widget one
says "deleted" k delete crd "widgets.$ns.example.com" --timeout=20s
refuses "the server" n get widgets

# end
says "deleted" n delete deployment web
says "deleted" k delete namespace "$ns" --timeout=60s
refuses "NotFound" k get namespace "$ns"
echo "$("$kubectl" version --client 2>/dev/null | head -1): everything holds"
