# Shared by the scripts of this folder, which source it: finds or installs what they need.
#
#   . "$(dirname "$0")/lib.sh"     sets TOP (the project's top) and goes there
#   need_build                     a JDK from 21 up (sets and exports JAVA_HOME), Maven, strip
#   need_mount                     libfuse 2, fusermount, /dev/fuse
#   need_tests                     python3 with cryptography, tcpdump, ip, setfattr, and what is tried
#                                  on a mount: git, gcc, make, rsync, fio
#   install_missing                call it once after the need_… calls: as root it installs what was
#                                  found missing, as anybody else it prints what to install, exits 1
#   maven ARGUMENT…                mvn on the project, on that JDK
#   image_is_current               whether target/holdfast is newer than every source
#   run_faults NAME ARGUMENT…      a command of src/test/python/faults on the image, as root
#
# Only Debian's packages are installed, by apt-get. HOLDFAST_MAVEN_OPTIONS is given to every mvn.

JDK_VERSION_MIN=21
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$TOP" || exit 1
umask 022

MISSING_PACKAGES=()
MISSING_OTHER=()

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# The version of the JDK in folder $1, or nothing if there is no whole JDK.
jdk_version() {
  [ -x "$1/bin/javac" ] && [ -x "$1/bin/jlink" ] && [ -r "$1/release" ] || return 0
  sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
}

# Prints the folder of the JDK to use: JAVA_HOME if it will do, else the newest that is installed.
find_jdk() {
  local folder version best='' best_version=0 on_path
  version=$(jdk_version "${JAVA_HOME:-/nowhere}")
  if [ "${version:-0}" -ge "$JDK_VERSION_MIN" ]; then
    printf '%s\n' "$JAVA_HOME"
    return
  fi
  on_path=$(command -v javac || true)
  for folder in "${on_path:+$(dirname "$(dirname "$(readlink -f "$on_path")")")}" \
    /usr/lib/jvm/* /usr/local/lib/jvm/* /usr/java/* /opt/*jdk* /opt/java/* \
    "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/*; do
    version=$(jdk_version "$folder")
    if [ "${version:-0}" -ge "$JDK_VERSION_MIN" ] && [ "$version" -gt "$best_version" ]; then
      best=$folder best_version=$version
    fi
  done
  printf '%s\n' "$best"
}

use_jdk() {
  local found
  found=$(find_jdk)
  [ -n "$found" ] || return 1
  export JAVA_HOME=$found
}

# Prints the first of the given Debian packages that can be installed.
first_available() {
  local package
  command -v apt-cache >/dev/null || return 0
  for package in "$@"; do
    if apt-cache policy "$package" 2>/dev/null | grep -q 'Candidate: [^(]'; then
      printf '%s\n' "$package"
      return
    fi
  done
}

need_command() { command -v "$1" >/dev/null || MISSING_PACKAGES+=("$2"); }

need_build() {
  use_jdk || MISSING_OTHER+=(jdk)
  need_command mvn maven
  need_command strip binutils
}

need_mount() {
  # ldconfig is not on every user's PATH. All is read: a reader that leaves early may end it by SIGPIPE.
  PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | grep 'libfuse\.so\.2' >/dev/null \
    || MISSING_OTHER+=(libfuse2)
  command -v fusermount >/dev/null || command -v fusermount3 >/dev/null || MISSING_PACKAGES+=(fuse3)
  [ -e /dev/fuse ] || MISSING_OTHER+=(dev-fuse)
}

need_tests() {
  [ -x /usr/bin/python3 ] || MISSING_PACKAGES+=(python3)
  # Debian's own python, not one that comes earlier on PATH.
  /usr/bin/python3 -c 'import cryptography' 2>/dev/null || MISSING_PACKAGES+=(python3-cryptography)
  PATH=$PATH:/sbin:/usr/sbin need_command tcpdump tcpdump
  PATH=$PATH:/sbin:/usr/sbin need_command ip iproute2
  need_command setfattr attr
  need_command git git
  need_command gcc gcc
  [ -e /usr/include/stdio.h ] || MISSING_PACKAGES+=(libc6-dev)
  need_command make make
  need_command rsync rsync
  need_command fio fio
  need_networks
}

# What network namespaces and broken links in them need.
need_networks() {
  PATH=$PATH:/sbin:/usr/sbin need_command ip iproute2
  PATH=$PATH:/sbin:/usr/sbin need_command nft nftables
}

# Turns what has several names, or may not exist on this system, into packages. Says what no package
# brings, and fails if there was any of it.
choose_packages() {
  local other package is_complete=true
  for other in ${MISSING_OTHER[@]+"${MISSING_OTHER[@]}"}; do
    package=
    case $other in
      jdk)
        package=$(first_available openjdk-25-jdk-headless openjdk-21-jdk-headless)
        [ -n "$package" ] || cat >&2 <<END
missing: a JDK of version $JDK_VERSION_MIN or newer, looked for in JAVA_HOME, PATH and /usr/lib/jvm, and the packages
  of this system have none. Unpack one below /usr/lib/jvm, for example Temurin 25 from
  https://adoptium.net, or set JAVA_HOME to one, then try again.
END
        ;;
      libfuse2)
        package=$(first_available libfuse2 libfuse2t64)
        package=${package:-libfuse2}
        ;;
      dev-fuse)
        cat >&2 <<END
missing: /dev/fuse. Load the kernel module (modprobe fuse) or, in a container, pass the device in
  (--device /dev/fuse --cap-add SYS_ADMIN), then try again.
END
        ;;
    esac
    if [ -n "$package" ]; then MISSING_PACKAGES+=("$package"); else is_complete=false; fi
  done
  $is_complete
}

install_missing() {
  local is_complete=true
  [ $((${#MISSING_PACKAGES[@]} + ${#MISSING_OTHER[@]})) -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    choose_packages || is_complete=false
    if [ ${#MISSING_PACKAGES[@]} -gt 0 ]; then
      say "missing: ${MISSING_PACKAGES[*]}. Install them, then try again:" >&2
      say "  sudo apt-get install -y --no-install-recommends ${MISSING_PACKAGES[*]}" >&2
    fi
    exit 1
  fi
  apt-get update -q || say "apt-get update failed; trying with the package lists that are here" >&2
  choose_packages || is_complete=false
  if [ ${#MISSING_PACKAGES[@]} -gt 0 ]; then
    say "installing ${MISSING_PACKAGES[*]}"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
      "${MISSING_PACKAGES[@]}" || fail "could not install: ${MISSING_PACKAGES[*]}"
  fi
  $is_complete || exit 1
  MISSING_PACKAGES=() MISSING_OTHER=()
  use_jdk || fail "no JDK $JDK_VERSION_MIN or newer found after installing"
}

maven() {
  # A Maven of before 2025 uses what JDK 24 and later warn about.
  if [ "$(jdk_version "$JAVA_HOME")" -ge 24 ]; then
    local -x MAVEN_OPTS="--sun-misc-unsafe-memory-access=allow ${MAVEN_OPTS:-}"
  fi
  # shellcheck disable=SC2086 # options are several words
  mvn -B -Dstyle.color=never ${HOLDFAST_MAVEN_OPTIONS:-} "$@"
}

# Whether target/holdfast exists and no source is newer.
image_is_current() {
  [ -x target/holdfast/bin/holdfast ] && [ -f target/holdfast/release ] \
    && [ -z "$(find pom.xml src/main jlink LICENSE NOTICE -newer target/holdfast/release -print -quit)" ]
}

# Runs src/test/python/faults/NAME.py on the image. Debian's own python, which has SQLite.
run_faults() {
  [ "$(id -u)" = 0 ] || fail "needs root: each peer gets a mount namespace of its own"
  need_build
  need_mount
  need_tests
  install_missing
  jlink/build --if-needed
  PYTHONPATH=src/test/python exec /usr/bin/python3 -B -m "faults.$1" "${@:2}"
}
