# shellcheck shell=bash
# cgroups of the nodes, version 1 and 2. Sourced after lib.sh.
#
# Version 1: in each hierarchy a subtree below the cgroup that this shell is in,
# since only there may a container's shell be allowed to make one. Version 2: a
# subtree of the root, since a cgroup that holds processes (the shell's) can give
# no controllers to those below it. The cgroups above are never touched.

readonly CGROUP_ROOT=/sys/fs/cgroup
readonly CGROUP_LIST=$STATE/cgroups # what down.sh removes, one directory a line

is_cgroup_v2() { [ -e "$CGROUP_ROOT/cgroup.controllers" ]; }

# hierarchies: mount folder and own path of each version 1 hierarchy, such as
# "cpu,cpuacct /" or "systemd /user.slice".
hierarchies() { awk -F: '$2 != "" { sub(/^name=/, "", $2); sub(/\/$/, "", $3); print $2, $3 }' /proc/self/cgroup; }

# cgroup_parents: the directories that hold one directory for each node.
cgroup_parents() {
  if is_cgroup_v2; then
    echo "$CGROUP_ROOT/$CLUSTER_NAME"
    return
  fi
  local folder path
  hierarchies | while read -r folder path; do
    echo "$CGROUP_ROOT/$folder$path/$CLUSTER_NAME"
  done
}

# delegate DIRECTORY: lets the cgroups below have every controller (version 2).
delegate() {
  local controller controllers
  read -ra controllers <"$1/cgroup.controllers"
  for controller in "${controllers[@]}"; do
    echo "+$controller" >"$1/cgroup.subtree_control"
  done
}

# inherit_cpuset DIRECTORY: a version 1 cpuset is empty until told, and admits
# no process while it is.
inherit_cpuset() {
  [ -e "$1/cpuset.cpus" ] || return 0
  local file
  for file in cpuset.cpus cpuset.mems; do
    cat "$1/../$file" >"$1/$file"
  done
  echo 1 >"$1/cgroup.clone_children"
}

make_cgroups() {
  local parent node
  cgroup_parents >"$CGROUP_LIST"
  while read -r parent; do
    if is_cgroup_v2; then
      delegate "$CGROUP_ROOT"
      mkdir "$parent"
      delegate "$parent"
    else
      mkdir "$parent"
      inherit_cpuset "$parent"
    fi
    for node; do
      mkdir "$parent/$node"
    done
  done <"$CGROUP_LIST"
}

# join_cgroups NODE: moves the calling process, and no other, into a node's
# cgroups. It is the node's process 1, before it has a cgroup namespace.
join_cgroups() {
  local parent
  while read -r parent; do
    echo 0 >"$parent/$1/cgroup.procs"
  done <"$CGROUP_LIST"
}

# mount_cgroups: shows a node its own cgroups as if they were the machine's.
mount_cgroups() {
  if is_cgroup_v2; then
    mount -t cgroup2 cgroup2 "$CGROUP_ROOT"
    # As above: the root must be free of processes to give controllers.
    mkdir -p "$CGROUP_ROOT/init"
    echo 0 >"$CGROUP_ROOT/init/cgroup.procs"
    delegate "$CGROUP_ROOT"
    return
  fi
  local folder _
  mount -t tmpfs -o mode=755 tmpfs "$CGROUP_ROOT"
  hierarchies | while read -r folder _; do
    mkdir "$CGROUP_ROOT/$folder"
    case $folder in
      systemd) mount -t cgroup -o none,name=systemd cgroup "$CGROUP_ROOT/$folder" ;;
      *) mount -t cgroup -o "$folder" cgroup "$CGROUP_ROOT/$folder" ;;
    esac
    link_controllers "$folder"
  done
}

# link_controllers "cpu,cpuacct": each controller under its own name as well.
link_controllers() {
  local controller
  for controller in ${1//,/ }; do
    [ -e "$CGROUP_ROOT/$controller" ] || ln -s "$1" "$CGROUP_ROOT/$controller"
  done
}

# remove_cgroups: once their processes have ended. The kernel lets go of a cgroup
# a moment after its last process, so a directory may take several tries.
remove_cgroups() {
  [ -e "$CGROUP_LIST" ] || return 0
  local parent try
  while read -r parent; do
    for try in 1 2 3 4 5 6 7 8 9 10; do
      [ -d "$parent" ] || break
      ((try == 1)) || sleep 0.2
      find "$parent" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    [ ! -d "$parent" ] || log "left behind, still in use: $parent"
  done <"$CGROUP_LIST"
}
