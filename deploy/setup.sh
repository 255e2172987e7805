#!/bin/sh
# Makes .venv and installs a hashed lock into it, and the console's packages from npm (deploy/frontend.py). Usage: deploy/setup.sh run|dev
# Says which package the machine lacks. Does nothing when what is installed already fits the lock.
set -eu
cd "$(dirname "$0")/.."

wanted="${1:-run}"
case "$wanted" in
run) lock=requirements.txt ;;
dev) lock=requirements-dev.txt ;;
*)
    echo "deploy/setup.sh: '$wanted' is not a set-up; give run or dev" >&2
    exit 2
    ;;
esac

lack() {
    echo "" >&2
    echo "烽燧: 本机缺少 $1 / this machine lacks $1" >&2
    echo "      Debian, Ubuntu:  apt install $2" >&2
    echo "      Fedora, openEuler:  dnf install $3" >&2
    exit 1
}

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

pick_python() {
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
        if command -v "$name" >/dev/null 2>&1 && fits "$name"; then
            command -v "$name"
            return
        fi
    done
    if command -v python3 >/dev/null 2>&1; then
        lack "Python ≥ 3.11 (python3 is $(python3 -V 2>&1 | cut -d' ' -f2))" "python3.11 python3.11-venv" "python3.11"
    fi
    lack "Python ≥ 3.11" "python3 python3-venv" "python3"
}

if [ -x .venv/bin/python ] && ! fits .venv/bin/python; then
    echo "烽燧: .venv 不可用，重建 / .venv has no working Python ≥ 3.11; making it anew"
    rm -rf .venv
fi

stamp() { printf '%s %s' "$(cksum <"$1" | cut -d' ' -f1,2)" "$(pwd)"; }

# The development lock holds all that the other one holds.
for have in "$wanted" dev; do
    file=requirements.txt
    [ "$have" = dev ] && file=requirements-dev.txt
    if [ -x .venv/bin/python ] && [ -f ".venv/.installed-$have" ] &&
        [ "$(cat ".venv/.installed-$have")" = "$(stamp "$file")" ]; then
        exec .venv/bin/python deploy/frontend.py "$wanted"
    fi
done

if [ ! -x .venv/bin/python ]; then
    python=$(pick_python) || exit 1
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        lack "venv ($python)" "python$version-venv  (python3-venv)" "python3-pip"
    fi
    echo "烽燧: 建立 .venv（$python）/ making .venv"
    rm -rf .venv
    if ! "$python" -m venv .venv; then
        rm -rf .venv
        lack "a working venv ($python)" "python$version-venv  (python3-venv)" "python3-pip"
    fi
fi

echo "烽燧: 安装锁定的依赖 $lock（首次约一分钟）/ installing the locked packages, about a minute the first time"
rm -f .venv/.installed-run .venv/.installed-dev
.venv/bin/python deploy/frontend.py "$wanted" & # waits for another server than pip does
frontend=$!
if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --no-deps --no-compile -r "$lock"; then
    echo "烽燧: 依赖未能安装；请检查网络或 pip 镜像设置后重试 / the packages could not be installed: check the network or pip's mirror setting, then run the same command again" >&2
    wait "$frontend" || true
    exit 1
fi
.venv/bin/python deploy/link.py
stamp "$lock" >".venv/.installed-$wanted"
wait "$frontend"
