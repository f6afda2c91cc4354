#!/usr/bin/env bash
# pki.sh FOLDER API_ADDRESS SERVICE_API HOST_API NODE…: keys, certificates and
# kubeconfigs of a cluster. FOLDER/admin.kubeconfig is for use on the host.
set -euo pipefail
umask 077

readonly FOLDER=$1 API_ADDRESS=$2 SERVICE_API=$3 HOST_API=$4
readonly NODES=("${@:5}")
readonly DAYS=3650

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# authority NAME: a self-signed CA.
authority() {
  key "$1"
  openssl req -x509 -new -key "$1.key" -days "$DAYS" -subj "/CN=$1" -out "$1.crt" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,digitalSignature
}

# certificate NAME AUTHORITY SUBJECT serverAuth|clientAuth [ALTERNATIVE_NAMES]
certificate() {
  local name=$1 authority=$2 subject=$3 usage=$4 names=${5:-}
  local extensions="keyUsage=critical,digitalSignature"$'\n'"extendedKeyUsage=$usage"
  [ -z "$names" ] || extensions+=$'\n'"subjectAltName=$names"
  key "$name"
  openssl req -new -key "$name.key" -subj "$subject" |
    openssl x509 -req -CA "$authority.crt" -CAkey "$authority.key" -set_serial "0x$(openssl rand -hex 8)" \
      -days "$DAYS" -extfile <(printf '%s\n' "$extensions") -out "$name.crt" 2>/dev/null
}

# client NAME SUBJECT ADDRESS: a client certificate and the kubeconfig around it.
client() {
  certificate "$1" ca "$2" clientAuth
  cat >"$1.kubeconfig" <<EOF
apiVersion: v1
kind: Config
current-context: localcluster
clusters:
- name: localcluster
  cluster:
    server: https://$3
    certificate-authority-data: $(base64 -w0 <ca.crt)
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w0 <"$1.crt")
    client-key-data: $(base64 -w0 <"$1.key")
contexts:
- name: localcluster
  context: {cluster: localcluster, user: $1}
EOF
}

service_account_keys() {
  openssl genrsa -out sa.key 2048 2>/dev/null
  openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
}

main() {
  local inside=$API_ADDRESS:6443 names node
  mkdir -p "$FOLDER"
  cd "$FOLDER"
  authority ca
  authority front-proxy-ca
  service_account_keys

  names=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
  names+=,DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$SERVICE_API,IP:$API_ADDRESS
  certificate apiserver ca /CN=kube-apiserver serverAuth "$names"
  certificate kubelet-client ca /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
  certificate front-proxy-client front-proxy-ca /CN=front-proxy-client clientAuth

  client admin /O=system:masters/CN=admin "$HOST_API"
  client controller-manager /CN=system:kube-controller-manager "$inside"
  client scheduler /CN=system:kube-scheduler "$inside"
  client proxy /CN=system:kube-proxy "$inside"
  for node in "${NODES[@]}"; do
    client "$node" "/O=system:nodes/CN=system:node:$node" "$inside"
  done
}

main
