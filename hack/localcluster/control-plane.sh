# shellcheck shell=bash
# etcd and the control plane, on node1 alone. Sourced by node.sh.

readonly ETCD=http://127.0.0.1:2379
readonly ETCD_PEER=http://127.0.0.1:2380

start_etcd() {
  # No fsync: the cluster's life ends with the machine's.
  keep etcd "$BINARIES/etcd" --name etcd --data-dir "$NODE_DIR/etcd" --unsafe-no-fsync \
    --listen-client-urls "$ETCD" --advertise-client-urls "$ETCD" \
    --listen-peer-urls "$ETCD_PEER" --initial-advertise-peer-urls "$ETCD_PEER" --initial-cluster "etcd=$ETCD_PEER"
}

start_apiserver() {
  local flags=(
    --etcd-servers="$ETCD"
    --bind-address=0.0.0.0 --secure-port=6443 --advertise-address="$ADDRESS"
    --service-cluster-ip-range="$SERVICE_RANGE"
    --client-ca-file="$PKI/ca.crt"
    --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key"
    --kubelet-client-certificate="$PKI/kubelet-client.crt" --kubelet-client-key="$PKI/kubelet-client.key"
    --kubelet-preferred-address-types=InternalIP
    --service-account-issuer=https://kubernetes.default.svc.cluster.local
    --service-account-key-file="$PKI/sa.pub" --service-account-signing-key-file="$PKI/sa.key"
    --requestheader-client-ca-file="$PKI/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group
    --requestheader-extra-headers-prefix=X-Remote-Extra-
    --proxy-client-cert-file="$PKI/front-proxy-client.crt" --proxy-client-key-file="$PKI/front-proxy-client.key"
    --authorization-mode="Node,RBAC" --enable-admission-plugins=NodeRestriction --allow-privileged=true
  )
  keep kube-apiserver "$BINARIES/kube-apiserver" "${flags[@]}"
}

apiserver_is_ready() { "$BINARIES/kubectl" --kubeconfig "$PKI/controller-manager.kubeconfig" get --raw /readyz; }

start_controller_manager() {
  local config=$PKI/controller-manager.kubeconfig
  keep kube-controller-manager "$BINARIES/kube-controller-manager" --leader-elect=false \
    --kubeconfig="$config" --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
    --use-service-account-credentials --service-account-private-key-file="$PKI/sa.key" --root-ca-file="$PKI/ca.crt" \
    --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key" \
    --cluster-cidr="$POD_SUBNET.0.0/16" --allocate-node-cidrs=false \
    --flex-volume-plugin-dir="$NODE_DIR/volume-plugins" --kube-api-qps=300 --kube-api-burst=500
}

start_scheduler() {
  local config=$PKI/scheduler.kubeconfig
  keep kube-scheduler "$BINARIES/kube-scheduler" --leader-elect=false \
    --kubeconfig="$config" --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
    --kube-api-qps=300 --kube-api-burst=500
}

start_control_plane() {
  start_etcd
  start_apiserver
  # The host has no route into this network namespace, but a socket in a file
  # system is there for both.
  keep socat socat "UNIX-LISTEN:$API_SOCKET,fork,unlink-early" TCP:127.0.0.1:6443
  within 120 "a ready API server" apiserver_is_ready
  start_controller_manager
  start_scheduler
}
